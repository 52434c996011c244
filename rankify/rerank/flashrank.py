"""FlashRank's cross-encoders, which run without torch."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

from rankify.encoders.ready_made import flashrank
from rankify.encoders.ready_pairs import ReadyPairScorer
from rankify.rerank.pair_scores import PairReranker


class FlashRank(PairReranker):
    """Scores of one of FlashRank's networks for each query with the title and text of each of its documents.

    Damodaran, "FlashRank", https://github.com/PrithivirajDamodaran/FlashRank. The numbers are FlashRank's; batches are
    of bounded size and no query owns them. Equal scores keep the order of the run.

    Args:
        model: a name that FlashRank publishes, e.g. ms-marco-TinyBERT-L-2-v2, its zip file, or a folder unpacked from
            one: a file in ONNX's format and tokenizer.json. A name is looked for in the hub's cache, then fetched.
        max_length: the most tokens of a pair; 512, or what the model can read, if not given.
        batch_tokens: the tokens of one batch, padding included; 2,048 if not given.
        activation: sigmoid, FlashRank's, or identity.
        revision: a branch, tag or commit of FlashRank's repository on the hub.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        UnknownName: FlashRank has no model of that name.
        BadInput: the file or folder is no such model, or the hub has no answer.
    """

    name: ClassVar[str] = "flashrank"

    def __init__(
        self, model: str, *, max_length: int | None = None, batch_tokens: int | None = None,
        activation: str | None = None, revision: str | None = None,
    ) -> None:  # fmt: skip
        self.model, self.max_length, self.batch_tokens, self.activation = model, max_length, batch_tokens, activation
        self.revision = revision
        self.scorer = ReadyPairScorer(
            flashrank(model, revision), max_length=max_length, batch_tokens=batch_tokens, activation=activation,
            extra="flashrank",
        )  # fmt: skip
        self._counted: Counter[str] = Counter()
