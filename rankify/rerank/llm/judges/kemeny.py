"""The central ranking of several: the one with the fewest pairs that a ranking has the other way round (Kemeny).

As permutation self-consistency aggregates (arXiv:2310.07712, section 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

Wins = NDArray[np.float64]
Tops = NDArray[np.int64]  # sets of documents, a bit for each

WIDEST = 20  # documents in a circle, a window's worth, among which the optimum is searched


def preferences(rankings: Sequence[Sequence[float]]) -> Wins:
    """How many rankings, each given as scores, have one document above another; a tie is half of one for both.

    Returns:
        shape (documents, documents): row above column.
    """
    scores = np.array(rankings, dtype=np.float64)
    above = scores[:, :, None] > scores[:, None, :]
    equal = scores[:, :, None] == scores[:, None, :]
    wins: Wins = above.sum(axis=0) + 0.5 * equal.sum(axis=0)
    np.fill_diagonal(wins, 0)
    return wins


def disagreement(order: Sequence[int], wins: Wins) -> float:
    """How many pairs of how many rankings are the other way round in this order."""
    return float(np.tril(wins[np.ix_(order, order)]).sum())


def central(wins: Wins) -> list[int]:
    """The order, best first, with the least disagreement.

    Where a majority has each of some documents above all others, they stand above them in an optimum, so that only
    documents whose majorities go round in circles are searched. Circles that are too wide to search have an order that
    no move of a single document improves.
    """
    order: list[int] = []
    for circle in circles(wins):
        part = wins[np.ix_(circle, circle)]
        order += [circle[place] for place in optimum(part, improved(borda(part), part))]
    return order


def circles(wins: Wins) -> list[list[int]]:
    """Documents whose majorities go round in circles, best first; most are alone.

    Majorities make a tournament, ties decided by the present order. Sorted by the number of documents beaten, the first
    ones are above all others where they beat as many as that takes (Landau).
    """
    n = len(wins)
    beats = (wins > wins.T) | ((wins == wins.T) & np.triu(np.ones((n, n), dtype=bool), 1))
    beaten = beats.sum(axis=1)
    order = np.argsort(-beaten, kind="stable")
    found, start, total = [], 0, 0
    for end, place in enumerate(order, 1):
        total += int(beaten[place])
        if total == comb(end, 2) + end * (n - end):
            found.append(sorted(order[start:end].tolist()))
            start = end
    return found


def borda(wins: Wins) -> list[int]:
    """The order by the number of wins over all documents and rankings."""
    found: list[int] = np.argsort(-wins.sum(axis=1), kind="stable").tolist()
    return found


def improved(order: list[int], wins: Wins) -> list[int]:
    """The order after moving single documents to better places until none has one: a local optimum."""
    moved = True
    while moved:
        moved = False
        for document in tuple(order):
            rest = [other for other in order if other != document]
            # the change in disagreement when it stands at each place, against the top
            costs = np.concatenate([[0.0], np.cumsum(wins[document, rest] - wins[rest, document])])
            place = int(np.argmin(costs))
            if costs[place] < costs[order.index(document)]:
                order = [*rest[:place], document, *rest[place:]]
                moved = True
    return order


def optimum(wins: Wins, known: list[int]) -> list[int]:
    """The order with the least disagreement, by the best order of sets of documents at the top, smaller ones first.

    Sets are left out that cannot lead to anything as good as the known order: every pair still below disagrees at least
    as often as its rarer order was seen. Of random rankings of 20 documents a few hundred sets of a size are left.
    """
    n, most = len(wins), disagreement(known, wins)
    if n == 1 or n > WIDEST:
        return known
    least = np.minimum(wins, wins.T)
    layers = [(np.zeros(1, dtype=np.int64), np.zeros(1))]
    for _ in range(n):
        tops, costs, _ = _longer(*layers[-1], wins)
        below = 1.0 - _members(tops, n)
        possible = costs + ((below @ least) * below).sum(axis=1) / 2 <= most
        order = np.lexsort((costs[possible], tops[possible]))
        tops, costs = tops[possible][order], costs[possible][order]
        best = np.concatenate([[True], tops[1:] != tops[:-1]])
        layers.append((tops[best], costs[best]))
    return _path(layers, wins)


def _longer(tops: Tops, costs: Wins, wins: Wins) -> tuple[Tops, Wins, Tops]:
    """Sets with one document more, placed behind the others: sets, disagreement with all that is below, document."""
    members = _members(tops, len(wins))
    added = costs[:, None] + wins.sum(axis=0) - members @ wins
    which, document = np.nonzero(members == 0)
    return tops[which] | np.int64(1) << document, added[which, document], document


def _members(tops: Tops, n: int) -> Wins:
    found: Wins = (tops[:, None] >> np.arange(n) & 1).astype(np.float64)
    return found


def _path(layers: list[tuple[Tops, Wins]], wins: Wins) -> list[int]:
    """The documents by which the whole grew; of equally good ones the one that stands lower comes last."""
    order: list[int] = []
    top, cost = layers[-1][0][0], layers[-1][1][0]
    for tops, costs in layers[-2::-1]:
        longer, added, document = _longer(tops, costs, wins)
        last = int(document[(longer == top) & (added == cost)].max())
        order.append(last)
        top ^= np.int64(1) << last
        cost = costs[tops == top][0]
    return order[::-1]
