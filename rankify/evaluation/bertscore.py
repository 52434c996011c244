"""BERTScore: how much of what an answer says a gold answer says too, word by word in their contexts.

Zhang et al., arXiv:1904.09675.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import log, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.texts import token_rows
from rankify.errors import BadInput, Misuse, needs
from rankify.evaluation.contexts import without_marks
from rankify.evaluation.golds import Gold, gold_answers
from rankify.evaluation.known import apart, mean_of_known
from rankify.evaluation.scores import Evaluation
from rankify.packaged import packaged
from rankify.types import Answer

Vectors = NDArray[np.float32]
Weights = Mapping[int, float]
ORGANISATIONS = ("google-bert/", "FacebookAI/")  # that the hub has put before names of old


class BERTScore(NamedTuple):
    """How a text agrees with another one: the best F1 of several is that of one of them, and so are the others."""

    precision: float
    recall: float
    f1: float


class Tokens(NamedTuple):
    """A text as a model reads it.

    Args:
        ids: of its tokens, those that the model puts around it included, shape (tokens,).
        vectors: unit vectors, shape (tokens, dimension).
    """

    ids: NDArray[np.int64]
    vectors: Vectors


def matched(text: Tokens, gold: Tokens, weights: Weights, common: float) -> BERTScore | None:
    """Greedy matching: each token with the one most like it on the other side, by cosine; weighted means of these.

    Tokens that the model puts around a text may be matched, as in the published code, and have no weight.

    Args:
        weights: by token id.
        common: the weight of all other tokens.

    Returns:
        None where no token of one side has a weight.
    """
    likeness = text.vectors @ gold.vectors.T
    ours, theirs = (np.array([weights.get(int(id), common) for id in one.ids]) for one in (text, gold))
    if not ours.sum() or not theirs.sum():
        return None
    precision = float((likeness.max(axis=1) * ours).sum() / ours.sum())
    recall = float((likeness.max(axis=0) * theirs).sum() / theirs.sum())
    return BERTScore(precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0)


class TokenReader:
    """Gives the vectors of a text's tokens at one layer of an encoder.

    Args:
        model: a folder or a hub id.
        layer: how many layers are run; what BERTScore's own table says of the model if not given, or all of them.
        revision, dtype, device: as for any encoder.
        batch_tokens: the tokens of one batch, padding included.

    Raises:
        Misuse: there is no such layer.
        BadInput: there is no such model, or it is no encoder.
    """

    def __init__(
        self, model: str, *, layer: int | None = None, revision: str | None = None, dtype: str = "float32",
        device: str | None = None, batch_tokens: int | None = None,
    ) -> None:  # fmt: skip
        self.checkpoint = Checkpoint.load(model, revision=revision, dtype=dtype, device=device)
        config = self.checkpoint.network.config.get_text_config()
        if config.is_encoder_decoder:
            raise BadInput(f"model {model!r} is an encoder-decoder; BERTScore reads encoders and decoders")
        most = int(config.num_hidden_layers)
        self.layer = layer if layer is not None else min(_layers().get(_bare(model), most), most)
        if not 0 <= self.layer <= most:
            raise Misuse(f"layer={layer}: model {model!r} has the layers 0 (embeddings) to {most}")
        self._budget = self.checkpoint.budget(batch_tokens)
        known = self.checkpoint.tokenizer
        self.around = {known.cls_token_id, known.sep_token_id, known.bos_token_id, known.eos_token_id} - {None}
        self._begins = " " if isinstance(known, _byte_level()) else ""

    def read(self, texts: Sequence[str]) -> list[Tokens]:
        """The tokens of each text; equal texts are read once."""
        places: dict[str, int] = {}
        wanted = [places.setdefault(text.strip(), len(places)) for text in texts]
        begun = [self._begins * bool(text) + text for text in places]
        rows = token_rows(self.checkpoint.tokenizer, begun, self.checkpoint.limit)
        rows = [row or [self.checkpoint.pad] for row in rows]
        found: list[Vectors] = [np.zeros((0, 0), dtype=np.float32)] * len(rows)

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            some = [rows[place] for place in positions.tolist()]
            for place, row, vectors in zip(positions.tolist(), some, self._forward(some), strict=True):
                found[place] = vectors[: len(row)]
            return np.zeros(len(some), dtype=np.float32)

        Scheduler(self._budget).run([len(row) for row in rows], batch)
        read = [Tokens(np.array(row, dtype=np.int64), one) for row, one in zip(rows, found, strict=True)]
        return [read[place] for place in wanted]

    def _forward(self, rows: Sequence[Sequence[int]]) -> Vectors:
        import torch
        from torch.nn.functional import normalize

        with torch.inference_mode():
            layers = self.checkpoint.network(**self.checkpoint.inputs(rows), output_hidden_states=True).hidden_states
            found: Vectors = normalize(layers[self.layer].float(), dim=2).cpu().numpy()
        return found


def evaluate_bertscore(
    answers: Iterable[Answer], model: str | TokenReader, gold: Gold | None = None, *, layer: int | None = None,
    idf: bool = False, **options: Any,
) -> Evaluation:  # fmt: skip
    """BERTScore of answers against gold answers: `BERTScore-P`, `BERTScore-R` and `BERTScore-F1`, from -1 to 1.

    Of several gold answers each of the three has its own best one. An answer without a word is 0, as published; where
    no token of a gold answer has a weight there is no value. Nothing is rescaled by a baseline. Figures equal those of
    bert-score, but for rows that its batches pad, where it takes no cosine below 0.

    Args:
        answers: one per question; questions without gold answers do not count.
        model: a folder or a hub id of an encoder, or what reads its tokens.
        gold: gold answers by query id; without it, each query's own, `query.metadata["answers"]`.
        layer: as for `TokenReader`.
        idf: whether rare tokens weigh more, by their frequency in all gold answers.
        options: further ones of `TokenReader`.

    Raises:
        BadInput: no question has gold answers, or two answers are to one question.
    """
    given = list(answers)
    if len({answer.query.id for answer in given}) < len(given):
        raise BadInput("two answers are to one question")
    golds = gold_answers([answer.query for answer in given], gold)
    texts = {answer.query.id: without_marks(answer) for answer in given if answer.query.id in golds}
    reader = model if isinstance(model, TokenReader) else TokenReader(model, layer=layer, **options)
    flat = [text for id in texts for text in golds[id]]
    ours, theirs = dict(zip(texts, reader.read(list(texts.values())), strict=True)), iter(reader.read(flat))
    own = {id: [next(theirs) for _ in golds[id]] for id in texts}
    weights, common = _weights([one for some in own.values() for one in some], reader.around, idf=idf)
    rows: dict[str, dict[str, tuple[float, str]]] = {"BERTScore-P": {}, "BERTScore-R": {}, "BERTScore-F1": {}}
    for id, text in texts.items():
        best, why = _best(ours[id], own[id], weights, common, said=bool(text.strip()))
        for name, value in zip(rows, best, strict=True):
            rows[name][id] = (value, why)
    values, reasons = apart(rows)
    means = {name: mean_of_known(row.values()) for name, row in values.items()}
    unjudged = tuple(answer.query.id for answer in given if answer.query.id not in golds)
    return Evaluation(means=means, per_query=values, queries=tuple(texts), unjudged=unjudged, reasons=reasons)


def _best(
    text: Tokens, golds: Sequence[Tokens], weights: Weights, common: float, *, said: bool
) -> tuple[BERTScore, str]:
    """The best of each figure over the gold answers, and why there is none."""
    if not said:
        return BERTScore(0.0, 0.0, 0.0), ""
    found = [score for gold in golds if (score := matched(text, gold, weights, common)) is not None]
    if not found:
        return BERTScore(nan, nan, nan), "no token of the answer or of a gold answer has a weight"
    return BERTScore(*(max(column) for column in zip(*found, strict=True))), ""


def _weights(golds: Sequence[Tokens], around: Iterable[int], *, idf: bool) -> tuple[dict[int, float], float]:
    """The weights of tokens, and that of all others: 1, or by idf what stands in no gold answer weighs most."""
    none = dict.fromkeys(around, 0.0)
    if not idf:
        return none, 1.0
    often = Counter(int(id) for gold in golds for id in {*gold.ids.tolist()})
    n = len(golds)
    return {**{id: log((n + 1) / (count + 1)) for id, count in often.items()}, **none}, log(n + 1)


def _bare(model: str) -> str:
    """A model's name as the table has it."""
    return next((model.removeprefix(name) for name in ORGANISATIONS if model.startswith(name)), model)


@cache
def _layers() -> Mapping[str, int]:
    read: Mapping[str, Any] = packaged(files(__package__) / "bertscore.yaml")
    return dict(read["layers"])


def _byte_level() -> tuple[type, ...]:
    """Tokenizers to which a first word is another one without a blank before it; the published code puts one."""
    transformers = needs("transformers", "neural")
    return transformers.RobertaTokenizer, transformers.GPT2Tokenizer
