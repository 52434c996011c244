"""Decoders that can stop early: a score behind each layer, and passages merged on the way."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rankify.encoders.layerwise import LayerwiseScorer
from rankify.encoders.layerwise_networks import Head
from rankify.errors import Misuse
from rankify.rerank.pair_scores import PairReranker


class Layerwise(PairReranker):
    """Scores of BGE's layerwise and lightweight rerankers for each query with each of its documents.

    bge-reranker-v2-minicpm-layerwise and bge-reranker-v2.5-gemma2-lightweight, from the authors of BGE M3-Embedding,
    arXiv:2402.03216. Scores are logits; equal scores keep the order of the run.

    Args:
        model: a folder or a hub id of such a model.
        cutoff_layers: how many layers are computed, each with a score behind it; all if not given.
        head: own, the head that was trained for that layer; first, the first of all, which the published code of the
            lightweight model reads whatever the layer; as published if not given.
        compress_ratio: how many neighbouring tokens of a passage become one; 1 for none. The lightweight model's.
        compress_layers: before which layers, counted from 0, with commas between them, e.g. 24,40.
        prompt: the question behind each pair; the model's own if not given.
        max_length: the most tokens of a passage; a query keeps three quarters of that at most.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
    """

    name: ClassVar[str] = "layerwise"

    def __init__(
        self, model: str, *, cutoff_layers: int | None = None, head: Head | None = None, compress_ratio: int = 1,
        compress_layers: str | None = None, prompt: str | None = None, max_length: int = 512,
        batch_tokens: int | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        self.model, self.cutoff_layers, self.head = model, cutoff_layers, head
        self.compress_ratio, self.compress_layers, self.prompt = compress_ratio, compress_layers, prompt
        self.max_length, self.batch_tokens = max_length, batch_tokens
        self.revision, self.dtype, self.device = revision, dtype, device
        self.scorer = LayerwiseScorer(
            model, cutoff_layers=cutoff_layers, head=head, compress_ratio=compress_ratio,
            compress_layers=_layers(compress_layers), prompt=prompt, max_length=max_length, batch_tokens=batch_tokens,
            revision=revision, dtype=dtype, device=device,
        )  # fmt: skip
        self._counted: Counter[str] = Counter()


def _layers(named: str | None) -> list[int]:
    """The numbers of layers that an option names.

    >>> _layers("24,40")
    [24, 40]
    """
    parts = (named or "").split(",") if named else []
    if wrong := [part for part in parts if not part.strip().isdecimal()]:
        raise Misuse(f"compress_layers={named!r}: {wrong[0]!r} is no layer's number; write 24,40")
    return [int(part) for part in parts]
