"""PairRM: every document of a query compared with every other by a small network."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.comparisons import LENGTH, Comparer, wins
from rankify.encoders.texts import passage
from rankify.stages import Reranker
from rankify.types import Ranking, Run

ROUND = 16_384  # comparisons in memory at once


class PairRM(Reranker):
    """By how much the model prefers each document to the others, in both orders, on the average.

    Jiang, Ren and Lin, "LLM-Blender", arXiv:2306.02561. n documents take n (n - 1) comparisons, of all queries
    together: `pairrm.top(10)` reranks the first ten. Equal scores keep the order of the run.

    Args:
        model: a folder or a hub id in the layout of llm-blender/PairRM-hf.
        max_length: the most tokens of a comparison: a query has up to 1224 of 2048, what it leaves is both documents'.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision: a branch, tag or commit on the hub.
        dtype: float32, bfloat16 or float16.
        device: cpu, cuda, cuda:0, ...; a GPU if there is one.
    """

    name: ClassVar[str] = "pairrm"

    def __init__(
        self, model: str, *, max_length: int = LENGTH, batch_tokens: int | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        self.model, self.max_length, self.batch_tokens, self.revision = model, max_length, batch_tokens, revision
        self.dtype, self.device = dtype, device
        self.comparer = Comparer(
            model, max_length=max_length, batch_tokens=batch_tokens, revision=revision, dtype=dtype, device=device
        )
        self._counted: Counter[str] = Counter()

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by how much its documents are preferred."""
        self._counted = Counter()
        found: list[Ranking] = []
        group: list[Ranking] = []
        for ranking in run:
            group.append(ranking)
            if sum(len(one) * (len(one) - 1) for one in group) >= ROUND:
                found, group = found + self._reranked(group), []
        return Run(found + self._reranked(group))

    def _reranked(self, rankings: list[Ranking]) -> list[Ranking]:
        """Each ranking sorted; the comparisons of all share batches."""
        places: dict[str, int] = {}
        texts = [[places.setdefault(passage(d), len(places)) for d in ranking.documents] for ranking in rankings]
        triples = np.array(
            [(q, one, other) for q, own in enumerate(texts) for one in own for other in own], dtype=np.int64
        ).reshape(-1, 3)
        compared = triples[:, 1] != triples[:, 2]  # a text is as good as itself
        preferences = np.zeros(len(triples), dtype=np.float32)
        preferences[compared] = self.comparer.preferences(
            [ranking.query.text for ranking in rankings], list(places), triples[compared]
        )
        self._counted.update({"pairs": int(compared.sum()), **self.comparer.counted})
        ends = np.cumsum([len(own) ** 2 for own in texts])
        matrices = np.split(preferences, ends[:-1]) if texts else []
        return [
            ranking.rescored(_scores(matrix.reshape(len(ranking), len(ranking))))
            for ranking, matrix in zip(rankings, matrices, strict=True)
        ]

    def counts(self) -> dict[str, float]:
        """Comparisons, tokens read, padding, forward passes, batches halved for want of memory."""
        return dict(self._counted)


def _scores(preferences: NDArray[np.float32]) -> NDArray[np.float64]:
    return wins(preferences).astype(np.float64) if len(preferences) else np.empty(0)
