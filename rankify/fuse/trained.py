"""Fusion that has learnt from judged queries how much a place in each list is worth."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import ceil, log
from typing import ClassVar

import numpy as np

from rankify.errors import Misuse
from rankify.fuse.figures import read
from rankify.fuse.judged import Judged, average_precision, by_position, by_segment
from rankify.fuse.method import Ballot, Method
from rankify.fuse.norms import NOTHING, Norm, normalised
from rankify.fuse.ranks import places
from rankify.types import Scores


@dataclass(frozen=True, kw_only=True)
class Trained(Method):
    """A fusion with figures of each list, learnt from judged queries.

    Args:
        learnt: the figures, as `rankify.fuse.fitted` and `rankify tune` write them, or a .json file that has them.
    """

    each: ClassVar[int] = 0  # how many figures a list has; 0: any number
    learnt: str = ""
    figures: Sequence[Scores] = field(init=False, repr=False, compare=False, default=())

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.learnt:
            raise Misuse(
                f"{self.name} has to learn first: rankify tune {self.name} DATA 'bm25 % 1000' 'dense:MODEL % 1000' "
                "--split train, or rankify.fuse.fitted"
            )
        self.set("learnt", str(self.learnt))
        self.set("figures", read(self.name, self.learnt))
        if self.each and (wrong := [len(own) for own in self.figures if len(own) != self.each]):
            raise Misuse(f"{self.name} learns {self.each} figures of each part, not {wrong[0]}: {self.learnt[:60]!r}")

    def check(self, count: int) -> None:
        super().check(count)
        if len(self.figures) != count:
            raise Misuse(
                f"{self.name} has learnt of {len(self.figures)} parts, and here are {count}: {self.learnt[:60]!r}"
            )

    @classmethod
    @abstractmethod
    def learn(cls, judged: Judged) -> Sequence[float]:
        """The figures of one list."""


@dataclass(frozen=True, kw_only=True)
class BayesFuse(Trained):
    """Bayes-fuse: the sum of the log-odds that a document in this segment of each list is relevant.

    Aslam and Montague, SIGIR 2001. The segments are between the ranks at which trec_eval gives precision (5, 10, 15,
    20, 30, 100, 200, 500, 1000); a share of 0 is taken for .001, and of 1 for its complement. A list that lacks the
    document, or has it below rank 1000, gives the odds of .001. Equal sums are ordered by id.

    Args:
        learnt: nine log-odds of each list: 9 figures between "/", lists between ":"; or a .json file.
        depth: how many documents are kept.
    """

    name = "bayesfuse"
    paper = "Aslam and Montague, SIGIR 2001"
    ENDS: ClassVar[tuple[int, ...]] = (5, 10, 15, 20, 30, 100, 200, 500, 1000)
    LEAST: ClassVar[float] = 0.001
    each = len(ENDS)

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        shares = by_segment(judged, lambda _: cls.ENDS, full=True).tolist()
        return [log(share / (1 - share or cls.LEAST)) for share in (share or cls.LEAST for share in shares)]

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        least = log(self.LEAST / (1 - self.LEAST))
        return stepped(self.figures[ballot.place], self.ENDS, len(ballot.ranking), otherwise=least), least


@dataclass(frozen=True, kw_only=True)
class MAPFuse(Trained):
    """MAPFuse: the sum of each list's mean average precision over the document's rank in it.

    Lillis, Zhang, Toolan, Collier, Leonard and Dunnion, SIGIR 2010. A list that lacks the document adds nothing; equal
    sums are ordered by id.

    Args:
        learnt: the mean average precision of each list, e.g. `0.31:0.35`; or a .json file.
        depth: how many documents are kept.
    """

    name = "mapfuse"
    paper = "Lillis, Zhang, Toolan, Collier, Leonard and Dunnion, SIGIR 2010"
    each = 1

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        return [average_precision(judged)]

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return self.figures[ballot.place][0] / places(ballot.ranking), NOTHING


@dataclass(frozen=True, kw_only=True)
class ProbFuse(Trained):
    """ProbFuse: the sum of the shares of relevant documents in this segment of each list, over the segment's number.

    Lillis, Toolan, Collier and Dunnion, SIGIR 2006 (ProbFuseAll: what is not judged is not relevant). Every list is cut
    into as many segments, of n / segments documents, rounded up. A list that lacks the document adds nothing; equal
    sums are ordered by id.

    Args:
        learnt: of each list the share in each segment, figures between "/", lists between ":"; or a .json file.
        depth: how many documents are kept.
    """

    name = "probfuse"
    paper = "Lillis, Toolan, Collier and Dunnion, SIGIR 2006"

    @classmethod
    def learn(cls, judged: Judged, *, segments: int = 25) -> list[float]:
        shares: list[float] = by_segment(judged, lambda length: cut(length, segments)).tolist()
        return shares

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        figures, length = self.figures[ballot.place], len(ballot.ranking)
        falling = figures / np.arange(1, len(figures) + 1)
        return stepped(falling, cut(length, len(figures)), length), NOTHING


@dataclass(frozen=True, kw_only=True)
class SegFuse(Trained):
    """SegFuse: as ProbFuse, with segments that grow and with scores: share times (normalised score + 1), summed.

    Shokouhi, ECIR 2007. Segment k has 10 * 2^(k-1) - 5 documents: 5, 15, 35, 75, ... A list that lacks the document
    adds nothing; equal sums are ordered by id.

    Args:
        learnt: of each list the share in each segment, figures between "/", lists between ":"; or a .json file.
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "segfuse"
    paper = "Shokouhi, ECIR 2007"
    norm: Norm = "minmax"
    ENDS: ClassVar[tuple[int, ...]] = tuple(accumulate(10 * 2**k - 5 for k in range(10)))
    each = len(ENDS)

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        shares: list[float] = by_segment(judged, lambda _: cls.ENDS).tolist()
        return shares

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        scores, _ = normalised(self.norm, ballot.ranking, ballot.candidates)
        return stepped(self.figures[ballot.place], self.ENDS, len(scores)) * (scores + 1), NOTHING


@dataclass(frozen=True, kw_only=True)
class SlideFuse(Trained):
    """SlideFuse: the sum of the mean shares of relevant documents around the document's rank in each list.

    Lillis, Toolan, Collier and Dunnion, ECIR 2008, arXiv:1410.2634. The window ends where the list does. A list that
    lacks the document adds nothing; equal sums are ordered by id.

    Args:
        learnt: of each list the share at each rank, figures between "/", lists between ":"; or a .json file.
        window: how many ranks above and below count; 0 is `posfuse`.
        depth: how many documents are kept.
    """

    name = "slidefuse"
    paper = "Lillis, Toolan, Collier and Dunnion, ECIR 2008"
    window: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.window, int | np.integer) or isinstance(self.window, bool) or self.window < 0:
            raise Misuse(f"the window of {self.name} is a whole number from 0 up, not {self.window!r}")

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        return by_position(judged)

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        figures, length = self.figures[ballot.place], len(ballot.ranking)
        known = np.zeros(length + 1)  # the sum of all shares before a rank
        np.cumsum(np.pad(figures, (0, max(0, length - len(figures))))[:length], out=known[1:])
        ranks = np.arange(length)
        start, stop = np.maximum(ranks - self.window, 0), np.minimum(ranks + self.window + 1, length)
        return (known[stop] - known[start]) / (stop - start), NOTHING


@dataclass(frozen=True, kw_only=True)
class PosFuse(Trained):
    """PosFuse: the sum of the shares of relevant documents at the document's rank in each list.

    Lillis, Zhang, Toolan, Collier, Leonard and Dunnion, SIGIR 2010. A list that lacks the document adds nothing; equal
    sums are ordered by id.

    Args:
        learnt: of each list the share at each rank, figures between "/", lists between ":"; or a .json file.
        depth: how many documents are kept.
    """

    name = "posfuse"
    paper = "Lillis, Zhang, Toolan, Collier, Leonard and Dunnion, SIGIR 2010"

    @classmethod
    def learn(cls, judged: Judged) -> list[float]:
        return by_position(judged)

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        figures, length = self.figures[ballot.place], len(ballot.ranking)
        return np.pad(figures, (0, max(0, length - len(figures))))[:length], NOTHING


def cut(length: int, segments: int) -> list[int]:
    """Where equal segments of a list end.

    >>> cut(5, 3), cut(2, 3)
    ([2, 4, 6], [1, 2, 3])
    """
    size = ceil(length / segments)
    return [size * k for k in range(1, segments + 1)]


def stepped(figures: Scores, ends: Sequence[int], length: int, *, otherwise: float = 0.0) -> Scores:
    """The figure of the segment in which each place of a list stands; behind the last segment another one.

    >>> stepped(np.array([0.5, 0.25]), [1, 3], 4).tolist()
    [0.5, 0.25, 0.25, 0.0]
    """
    segments = np.searchsorted(ends, np.arange(length), side="right")
    return np.asarray(np.append(figures, otherwise)[segments])
