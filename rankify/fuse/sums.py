"""Fusion by scores: normalised within each list of each query, then put together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rankify.fuse.method import Ballot, Normalising, Weighing, added, counted, numbers, within
from rankify.fuse.norms import NOTHING
from rankify.types import Scores


@dataclass(frozen=True, kw_only=True)
class WeightedSum(Normalising, Weighing):
    """Weighted sum of scores, which are first made comparable within each list of each query.

    `minmax` maps a list's scores to 0 ... 1 (CombSUM as in Lee, SIGIR 1997; all 1 when they are all the same);
    `zscore` subtracts their mean and divides by their standard deviation (all 0 when they are all the same); all seven
    are in the guide to hybrid search. A document that a list lacks gets 0, or what the list's last one has where that
    is below 0, as with `zscore`: it cannot have been better, while a z-score of 0 would put it in the middle. `borda`
    has its own rule. Equal sums are ordered by document id, ascending.

    Args:
        parts: runs, or stages. Queries stand in the first part's order, then those only later parts have.
        weights: one number from 0 up for each part, e.g. `[0.3, 0.7]`, or written `"0.3:0.7"`; equal if not given.
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.

    Raises:
        Misuse: nothing to fuse, runs mixed with stages, or wrong weights.
        BadInput: an infinite score.
        UnknownName: there is no such normalisation.
    """

    name = "weighted"
    paper = "Lee, SIGIR 1997"

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        values, otherwise = super().shares(ballot)
        if np.isnan(otherwise):
            otherwise = min(0.0, float(values[-1])) if len(values) else 0.0
        return values * self.weight(ballot.place), otherwise * self.weight(ballot.place)

    def combined(self, shares: Scores) -> Scores:
        return added(shares if numbers(self.weights) else shares / shares.shape[1])


@dataclass(frozen=True, kw_only=True)
class CombSUM(Normalising):
    """CombSUM: the sum of a document's scores.

    Fox and Shaw, TREC-2, 1993; normalised as by Lee, SIGIR 1997. A list that lacks the document adds nothing, which
    with `zscore` is an average score: `weighted` is stricter. Equal sums are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combsum"
    paper = "Fox and Shaw, TREC-2, 1993"


@dataclass(frozen=True, kw_only=True)
class CombMNZ(Normalising):
    """CombMNZ: the sum of a document's scores, times how many lists have it.

    Fox and Shaw, TREC-2, 1993; normalised as by Lee, SIGIR 1997. A list that lacks the document adds and counts
    nothing; one whose score for it is 0 counts. Equal products are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combmnz"
    paper = "Fox and Shaw, TREC-2, 1993"

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * counted(shares)


@dataclass(frozen=True, kw_only=True)
class CombGMNZ(Normalising):
    """CombGMNZ: the sum of a document's scores, times how many lists have it to the power of gamma.

    Lee, SIGIR 1997. gamma 0 is `combsum`, 1 is `combmnz`, -1 is `combanz`; lists that lack the document as there.

    Args:
        gamma: how much it counts that several lists have a document.
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combgmnz"
    paper = "Lee, SIGIR 1997"
    gamma: float = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        within("gamma", self.gamma, -100, 100, of=self.name)

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * counted(shares) ** self.gamma


@dataclass(frozen=True, kw_only=True)
class CombANZ(Normalising):
    """CombANZ: the mean of a document's scores over the lists that have it.

    Fox and Shaw, TREC-2, 1993. Equal means are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combanz"
    paper = "Fox and Shaw, TREC-2, 1993"

    def combined(self, shares: Scores) -> Scores:
        return added(shares) / counted(shares)


@dataclass(frozen=True, kw_only=True)
class CombMIN(Normalising):
    """CombMIN: the lowest of a document's scores, of the lists that have it.

    Fox and Shaw, TREC-2, 1993. Equal scores are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combmin"
    paper = "Fox and Shaw, TREC-2, 1993"

    def combined(self, shares: Scores) -> Scores:
        return np.asarray(np.nanmin(shares, axis=1, initial=np.inf))


@dataclass(frozen=True, kw_only=True)
class CombMAX(Normalising):
    """CombMAX: the highest of a document's scores.

    Fox and Shaw, TREC-2, 1993. A list that lacks the document does not count. Equal scores are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combmax"
    paper = "Fox and Shaw, TREC-2, 1993"

    def combined(self, shares: Scores) -> Scores:
        return np.asarray(np.nanmax(shares, axis=1, initial=-np.inf))


@dataclass(frozen=True, kw_only=True)
class CombMED(Normalising):
    """CombMED: the median of a document's scores over the lists that have it; of two, their mean.

    Fox and Shaw, TREC-2, 1993. Equal scores are ordered by id.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "combmed"
    paper = "Fox and Shaw, TREC-2, 1993"

    def combined(self, shares: Scores) -> Scores:
        found, count = np.sort(shares, axis=1), counted(shares).astype(np.int64)
        rows = np.arange(len(found))
        return np.asarray((found[rows, (count - 1) // 2] + found[rows, count // 2]) / 2)


@dataclass(frozen=True, kw_only=True)
class WeightedMNZ(Normalising, Weighing):
    """Weighted CombMNZ: the sum of a document's scores, times the sum of the weights of the lists that have it.

    Wu and Crestani, CIKM 2002. A list that lacks the document adds nothing to either. Equal products are ordered by
    id.

    Args:
        weights: one number from 0 up for each part; with equal ones it is `combmnz`.
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "wmnz"
    paper = "Wu and Crestani, CIKM 2002"

    def combined(self, shares: Scores) -> Scores:
        weights = [self.weight(place) for place in range(shares.shape[1])]
        return added(shares) * added(np.where(np.isnan(shares), NOTHING, weights))


@dataclass(frozen=True, kw_only=True)
class Mixed(Normalising, Weighing):
    """Between CombSUM and CombMNZ: the weighted sum of scores, times the root of how many lists have the document.

    Wu and Crestani, CIKM 2002. A list that lacks the document adds and counts nothing. Equal products are ordered by
    id.

    Args:
        weights: what each part's scores are multiplied by; 1 if not given.
        norm: minmax, max, sum, zscore, rank, borda or none.
        depth: how many documents are kept.
    """

    name = "mixed"
    paper = "Wu and Crestani, CIKM 2002"

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        values, otherwise = super().shares(ballot)
        return values * self.weight(ballot.place), otherwise * self.weight(ballot.place)

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * np.sqrt(counted(shares))
