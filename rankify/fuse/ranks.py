"""Fusion by ranks alone: what the lists' scores are does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cmp_to_key

import numpy as np

from rankify.fuse.method import Ballot, Method, Weighing, added, counted, within
from rankify.fuse.norms import NOTHING
from rankify.types import Ranking, Scores

TIE = 1e-9  # votes closer than that are equal: .1 + .2 is not .3 in a computer


def places(ranking: Ranking) -> Scores:
    """The ranks of a list's documents, from 1."""
    return np.arange(1.0, len(ranking) + 1)


@dataclass(frozen=True, kw_only=True)
class ReciprocalRank(Weighing):
    """Reciprocal rank fusion: a document's score is the sum of 1 / (k + rank) over the lists that have it.

    Cormack, Clarke and Buettcher, SIGIR 2009. Ranks start at 1; a list that lacks the document adds nothing. Equal
    scores are ordered by document id, ascending, and the order of the parts does not matter.

    Args:
        parts: runs, or stages. Queries stand in the first part's order, then those only later parts have.
        k: how little the first ranks stand out.
        weights: what each part's sum is multiplied by, e.g. `[0.3, 0.7]`, or written `"0.3:0.7"`; 1 if not given.
        depth: how many documents are kept.

    Raises:
        Misuse: nothing to fuse, runs mixed with stages, wrong weights, or k is negative.
    """

    name = "rrf"
    paper = "Cormack, Clarke and Buettcher, SIGIR 2009"
    k: float = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        within("k", self.k, 0, of="reciprocal rank fusion")

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return self.weight(ballot.place) / (self.k + places(ballot.ranking)), NOTHING


@dataclass(frozen=True, kw_only=True)
class InverseSquareRank(Method):
    """Inverse square rank: the sum of 1 / rank², times how many lists have the document.

    Mourão, Martins and Magalhães, CBMI 2014. A list that lacks the document adds nothing; equal scores are ordered by
    id.

    Args:
        depth: how many documents are kept.
    """

    name = "isr"
    paper = "Mourão, Martins and Magalhães, CBMI 2014"

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return 1 / places(ballot.ranking) ** 2, NOTHING

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * counted(shares)


@dataclass(frozen=True, kw_only=True)
class LogInverseSquareRank(InverseSquareRank):
    """Inverse square rank, times the logarithm of how many lists have the document.

    Mourão, Martins and Magalhães, CBMI 2014. What one list alone has gets log 1 = 0: such documents stand last, in the
    order of their ids; `logn-isr` keeps them apart.

    Args:
        depth: how many documents are kept.
    """

    name = "log-isr"

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * np.log(counted(shares))


@dataclass(frozen=True, kw_only=True)
class NormalisedLogInverseSquareRank(InverseSquareRank):
    """Inverse square rank, times log(lists + sigma), so that what one list alone has keeps its order.

    Mourão, Martins and Magalhães, Computerized Medical Imaging and Graphics 39, 2015.

    Args:
        sigma: what is added to the number of lists before the logarithm, from 0 to 1; 0 is `log-isr`.
        depth: how many documents are kept.
    """

    name = "logn-isr"
    paper = "Mourão, Martins and Magalhães, Computerized Medical Imaging and Graphics 39, 2015"
    sigma: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        within("sigma", self.sigma, 0, 1, of=self.name)

    def combined(self, shares: Scores) -> Scores:
        return added(shares) * np.log(counted(shares) + self.sigma)


@dataclass(frozen=True, kw_only=True)
class RankBiasedCentroid(Method):
    """Rank-biased centroid: the sum of (1 - phi) phi^(rank - 1), the attention of a reader who goes on with phi.

    Bailey, Moffat, Scholer and Thomas, SIGIR 2017. A list that lacks the document adds nothing; equal scores are
    ordered by id.

    Args:
        phi: how probable it is that a reader looks at the next rank, from 0 to 1, both excluded.
        depth: how many documents are kept.
    """

    name = "rbc"
    paper = "Bailey, Moffat, Scholer and Thomas, SIGIR 2017"
    phi: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        within("phi", self.phi, 1e-9, 1 - 1e-9, of=self.name)

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return (1 - self.phi) * self.phi ** (places(ballot.ranking) - 1), NOTHING


@dataclass(frozen=True, kw_only=True)
class Borda(Weighing):
    """Borda count: of c documents that all lists have together, a list gives c points to its first, c - 1 to the next.

    Borda-fuse, and with weights weighted Borda-fuse: Aslam and Montague, SIGIR 2001. Those that a list lacks share the
    points that are left, each the same. Equal points are ordered by document id.

    Args:
        weights: what each part's points are multiplied by, e.g. its average precision; 1 if not given.
        depth: how many documents are kept.
    """

    name = "borda"
    paper = "Aslam and Montague, SIGIR 2001"

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        weight = self.weight(ballot.place)
        return weight * (ballot.candidates + 1 - places(ballot.ranking)), weight * (
            ballot.candidates - len(ballot.ranking) + 1
        ) / 2


@dataclass(frozen=True, kw_only=True)
class Condorcet(Weighing):
    """Majority votes: a document stands above the next one unless more lists have them the other way round.

    Condorcet-fuse, and with weights weighted Condorcet-fuse: Montague and Aslam, CIKM 2002. A list votes for what it
    has higher, and for what it has against what it lacks; of two that it lacks it says nothing. The paper sorts by
    these votes and leaves open where the sorting starts, which decides equal votes and circles: here it starts with
    the Borda order (equal points by id), so the result is the same each time and in every order of the parts. Scores
    are the places, from the number of documents down to 1.

    Args:
        weights: how many votes each part has; 1 if not given.
        depth: how many documents are kept.
    """

    name = "condorcet"
    paper = "Montague and Aslam, CIKM 2002"

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return places(ballot.ranking), np.inf

    def combined(self, shares: Scores) -> Scores:
        rows = shares.tolist()
        votes = [self.weight(place) for place in range(shares.shape[1])]

        def lead(one: int, other: int) -> int:
            """Whether the other has more votes than the one (1), fewer (-1), or they stay as they stand (0)."""
            pairs = zip(votes, rows[one], rows[other], strict=True)
            won: float = sum(vote * ((there < here) - (here < there)) for vote, here, there in pairs)
            return int(won > TIE) - int(won < -TIE)

        order = sorted(by_borda(shares, votes), key=cmp_to_key(lead))
        scores = np.empty(len(order))
        scores[order] = np.arange(len(order), 0, -1)
        return scores


def by_borda(ranks: Scores, votes: list[float]) -> list[int]:
    """The documents in Borda's order; ranks have shape (documents, lists), infinite where a list lacks one."""
    missing = np.isinf(ranks)
    left = (missing.sum(axis=0) + 1) / 2
    points = np.where(missing, left, len(ranks) + 1 - ranks) * votes
    order: list[int] = np.argsort(-added(points), kind="stable").tolist()
    return order
