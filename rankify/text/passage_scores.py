"""Documents scored by their passages: the best, the first, the sum or the mean, and whether enough were searched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import Misuse, UnknownName
from rankify.types import Scores

By = Literal["max", "first", "sum", "mean"]
SLACK = 1e-9  # of a score: sums are compared with bounds that are rounded otherwise


@dataclass(frozen=True, eq=False)
class Scored:
    """Documents with what their found passages make of them.

    Args:
        documents: shape (documents,), each once, ascending.
        scores: a passage that was not found adds nothing.
        missing: how many passages that could still count were not found.
        shares: what one of these counts.
        best: the place of each document's best passage among the hits.
    """

    documents: Positions
    scores: Scores
    missing: NDArray[np.int64]
    shares: Scores
    best: NDArray[np.int64]

    def ranked(self, id_ranks: NDArray[np.int32], k: int, *, whole: bool) -> NDArray[np.int64]:
        """The places of the k best documents, best first, equal ones in the order of ids.

        Args:
            whole: whether passages that were not found do not exist; otherwise documents that lack some stay out.
        """
        known = np.arange(len(self.documents)) if whole else np.flatnonzero(self.missing == 0)
        order = np.lexsort((id_ranks[self.documents[known]], -self.scores[known]))
        found: NDArray[np.int64] = known[order[:k]]
        return found

    def enough(self, lowest: float, unseen: float, k: int) -> bool:
        """Whether k documents are known and nothing that was not found can change which, or their order.

        Args:
            lowest: the score of the last passage found; the others' are at most that.
            unseen: what a document without a found passage scores at most.
        """
        known = self.missing == 0
        if int(known.sum()) < k:
            return False
        kth = float(np.partition(self.scores[known], -k)[-k])
        partly = self.scores[~known] + self.missing[~known] * self.shares[~known] * lowest
        most = max(unseen, float(partly.max(initial=-np.inf)))
        return most < kth - SLACK * abs(kth)


@dataclass(frozen=True)
class Aggregation:
    """How the scores of a document's passages become its own.

    Dai and Callan, "Deeper text understanding for IR with contextual neural language modeling", arXiv:1905.09217: the
    best passage's (MaxP), the first one's (FirstP), or the sum of all (SumP).

    Args:
        by: max, first, sum or mean.
        best: of how many of a document's best passages the sum or the mean is; of all if not given.

    Raises:
        UnknownName: there is no such aggregation.
        Misuse: `best` is no positive number, or there is nothing to add up.
    """

    by: str = "max"
    best: int | None = None

    def __post_init__(self) -> None:
        if self.by not in get_args(By):
            raise UnknownName.among("aggregation of passages", self.by, get_args(By))
        if self.best is None:
            return
        if not isinstance(self.best, int) or isinstance(self.best, bool) or self.best < 1:
            raise Misuse(f"passages with best={self.best!r}: it is a whole number from 1 up")
        if self.by in ("max", "first"):
            raise Misuse(
                f"passages with best={self.best} and by={self.by}: one passage counts there; give by=sum or mean"
            )

    def counting(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many passages count of documents that have so many."""
        most = 1 if self.by in ("max", "first") else self.best
        return sizes if most is None else np.minimum(sizes, most)

    def __call__(self, owners: Positions, scores: Scores, sizes: NDArray[np.int64]) -> Scored:
        """What found passages make of their documents.

        Args:
            owners: the document of each passage found, in any order. scores: one each.
            sizes: how many passages each document of the corpus has.
        """
        order = np.lexsort((-scores, owners))  # stable: of equal passages the one found first stands first
        of, own = owners[order], scores[order]
        begins = np.flatnonzero(np.r_[True, of[1:] != of[:-1]]) if len(of) else np.zeros(0, np.int64)
        found = np.diff(np.r_[begins, len(of)])
        documents = of[begins]
        count = self.counting(sizes[documents])
        within = np.arange(len(of)) - np.repeat(begins, found) < np.repeat(count, found)
        used = np.minimum(found, count)
        shares = 1 / count if self.by == "mean" else np.ones(len(count))
        starts = np.cumsum(used) - used
        sums = np.add.reduceat(own[within], starts) if len(of) else np.zeros(0)
        return Scored(documents, sums * shares, count - used, shares, order[begins])

    def unseen(self, lowest: float, sizes: NDArray[np.int64]) -> float:
        """What a document of which no passage was found scores at most, where each scores at most `lowest`."""
        if self.by != "sum" or not len(sizes):
            return lowest
        count = self.counting(sizes)
        return lowest * int(count.max() if lowest > 0 else count.min())
