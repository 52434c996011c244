"""What a search found for several queries at once, before it is rankings: flat arrays, checked together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions


@dataclass(frozen=True, eq=False)
class Hits:
    """Documents by position, each query's best first, one query's hits behind the other's.

    Args:
        documents, scores: shape (hits,).
        counts: how many hits each query has, shape (queries,).

    Raises:
        ValueError: the shapes do not go together.
    """

    documents: Positions
    scores: NDArray[np.float64]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        hits = int(self.counts.sum())
        if not self.documents.shape == self.scores.shape == (hits,):
            raise ValueError(f"{self.documents.shape} documents and {self.scores.shape} scores for {hits} hits")

    def spans(self) -> Iterator[slice]:
        """Where each query's hits stand."""
        ends = np.cumsum(self.counts).tolist()
        return map(slice, [0, *ends], ends)

    def falling(self) -> bool:
        """Whether no score is NaN and no query's scores increase."""
        fine = self.scores[1:] <= self.scores[:-1]  # false beside a NaN
        ends = np.cumsum(self.counts)
        fine[ends[(ends > 0) & (ends < len(self.scores))] - 1] = True
        return bool(fine.all()) and not np.isnan(self.scores).any()

    def distinct(self, size: int) -> bool:
        """Whether no query has a document twice, where positions are below `size`."""
        narrow = np.int32 if size <= np.iinfo(np.int32).max else np.int64  # half the width sorts in half the time
        in_order = self.documents.astype(narrow)
        for span in self.spans():
            in_order[span].sort()
        same = in_order[1:] == in_order[:-1]
        return not same.any() or not any(same[s.start : max(s.stop - 1, s.start)].any() for s in self.spans())
