"""Rerankers by a model that scores pairs: all queries together, each pair once, in rounds of bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.errors import RankifyError
from rankify.stages import Reranker
from rankify.types import Ranking, Run, Scores

ROUND = 16_384  # pairs whose texts and tokens are in memory at once


class Scorer(Protocol):
    """What scores pairs."""

    @property
    def counted(self) -> Mapping[str, float]:
        """Tokens, padding, passes and halved batches of the last scores."""

    def passage(self, document: Document) -> str:
        """What is read of a document."""

    def scores(self, queries: Sequence[str], passages: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The score of each pair, named by the places of its query and its passage, shape (pairs, 2)."""


class PairReranker(Reranker):
    """Sorts each ranking by the scores of its query with its documents; equal scores keep the order of the run."""

    scorer: Scorer
    _counted: Counter[str]

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by the model's scores."""
        self._counted = Counter()
        return Run(ranking.rescored(scores) for part in rounds(run) for ranking, scores in self._scored(part))

    def _scored(self, rankings: list[Ranking]) -> Iterator[tuple[Ranking, Scores]]:
        """Each ranking with its documents' scores."""
        places: dict[str, int] = {}
        pairs = [
            (number, places.setdefault(self.scorer.passage(document), len(places)))
            for number, ranking in enumerate(rankings)
            for document in ranking.documents
        ]
        queries = [ranking.query.text for ranking in rankings]
        scores = self.scorer.scores(queries, list(places), np.array(pairs, dtype=np.int64).reshape(-1, 2))
        self._counted.update({"pairs": len(pairs), **self.scorer.counted})
        ends = np.cumsum([len(ranking) for ranking in rankings])
        return zip(rankings, np.split(finite(self, scores.astype(np.float64)), ends[:-1]), strict=True)

    def counts(self) -> dict[str, float]:
        """Pairs scored, tokens read, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)


def finite(reranker: Reranker, scores: Scores) -> Scores:
    """The scores.

    Raises:
        RankifyError: one is no finite number.
    """
    if np.isfinite(scores).all():
        return scores
    raise RankifyError(f"{reranker!r} gave a score that is no finite number: dtype=bfloat16 holds larger ones")


def rounds(run: Run, most: int | None = None) -> Iterator[list[Ranking]]:
    """The rankings in groups of about so many documents, `ROUND` if not given, so that memory stays bounded."""
    group: list[Ranking] = []
    size = 0
    for ranking in run:
        group.append(ranking)
        size += len(ranking)
        if size >= (most or ROUND):
            yield group
            group, size = [], 0
    if group:
        yield group
