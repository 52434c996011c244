"""Cross-encoders: a network reads query and document together and gives one score."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import ClassVar

from rankify.encoders.hub import has_weights
from rankify.encoders.pairs import PairScorer
from rankify.encoders.ready_made import network_file
from rankify.encoders.ready_pairs import ReadyPairScorer
from rankify.errors import Misuse
from rankify.rerank.pair_scores import PairReranker, Scorer
from rankify.spec import describe

logger = logging.getLogger(__name__)


class CrossEncoder(PairReranker):
    """Scores of a cross-encoder for each query with the title and text of each of its documents.

    Nogueira and Cho, "Passage re-ranking with BERT", arXiv:1901.04085. Pairs of all queries share batches, the longest
    first; equal scores keep the order of the run.

    Args:
        model: a folder or a hub id of a sequence classifier, or of the language model under an adapter.
        max_length: the most tokens of a pair; what the catalogue says, or else what the model can read.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        activation: sigmoid, identity, softmax or log_softmax; what the catalogue or the model's configuration says if
            not given.
        label: the class whose value is the score, by name or number; what the catalogue says, or else the only one.
        cut: longest_first, longest_first_slow or only_second, with which a query has three quarters and only a document
            gives way.
        instruction: what the queries ask for, in words, for models that take it.
        query_template, document_template: what is read of a text, e.g. "query: {query}", "document: {title} {text}".
        adapter: a LoRA adapter, as a folder or a hub id, that brings the head; it needs peft.
        tokenizer: whose tokenizer reads the texts, for models without one.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
        backend: torch, or on the processor onnx or openvino, which run the network that they export once from the
            model's weights. A folder that has no weights but a file in ONNX's format is run by onnx as it is.
        quantize: float32, or int8 with backend=onnx or openvino.

    Raises:
        BadInput: there is no such model, or no score can be read of it, e.g. of a head with several classes.
    """

    name: ClassVar[str] = "cross-encoder"

    def __init__(
        self, model: str, *, max_length: int | None = None, batch_tokens: int | None = None,
        activation: str | None = None, label: str | int | None = None, cut: str | None = None,
        instruction: str | None = None, query_template: str | None = None, document_template: str | None = None,
        adapter: str | None = None, tokenizer: str | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, backend: str = "torch", quantize: str = "float32",
    ) -> None:  # fmt: skip
        self.model, self.max_length, self.batch_tokens, self.activation = model, max_length, batch_tokens, activation
        self.label, self.cut, self.instruction = label, cut, instruction
        self.query_template, self.document_template = query_template, document_template
        self.adapter, self.tokenizer = adapter, tokenizer
        self.revision, self.dtype, self.device = revision, dtype, device
        self.backend, self.quantize = backend, quantize
        self.scorer: Scorer = _ready(self) or PairScorer(
            model, max_length=max_length, batch_tokens=batch_tokens, activation=activation, label=label, cut=cut,
            instruction=instruction, query_template=query_template, document_template=document_template,
            adapter=adapter, tokenizer=tokenizer, revision=revision, dtype=dtype, device=device,
            backend=backend, quantize=quantize,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()


def _ready(asked: CrossEncoder) -> Scorer | None:
    """What scores pairs by the network that a folder without weights has ready in ONNX's format, if it is one.

    Raises:
        Misuse: an option that such a network does not have.
    """
    folder = Path(asked.model).expanduser()
    if asked.backend != "onnx" or not asked.model or not folder.is_dir() or has_weights(folder):
        return None
    if network_file(folder) is None:
        return None
    own = ("model", "max_length", "batch_tokens", "activation", "backend")
    for name, default in describe(CrossEncoder).items():
        if name not in own and (value := getattr(asked, name)) != default:
            raise Misuse(f"{name}={value} with the network in {folder}: it is run as it is")
    logger.info("%s has no weights; its own network in ONNX's format is run", folder)
    return ReadyPairScorer(
        folder, max_length=asked.max_length, batch_tokens=asked.batch_tokens, activation=asked.activation
    )
