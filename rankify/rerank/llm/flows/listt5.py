"""The best k by tournaments of fives: ListT5, arXiv:2402.15838, section 3.

The documents below the best k follow in first-stage order, as published.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from itertools import chain, cycle, islice

from rankify.errors import Misuse
from rankify.rerank.llm.flow import Flow, Group, Scores, best_first
from rankify.stages import positive

FIVE = 5  # what the published model reads at once
AWAY = 21  # how far down from a winner the document stands that takes its seats

Ranked = dict[frozenset[int], list[int]]  # fives that were judged, best first


def tournament(order: list[int], *, k: int = 10, r: int = 2) -> Flow:
    """A tournament for each of the best k places: of each five the best r go on, until one five is left.

    Another document takes the seats of a winner, so that fives without it stay as they were; none is judged twice. A
    five that lacks documents is filled from the front of its round, so a document may be shown twice. Up to five
    documents are sorted in one go.

    Args:
        r: 1 asks less; with 2 a document may lose once.

    Raises:
        Misuse: r is neither 1 nor 2.
    """
    if r not in (1, 2):
        raise Misuse(f"r={r}: 1 or 2 of each five go on to the next round")
    k, first, seats = positive(k), list(order), list(order)
    best: list[int] = []
    ranked: Ranked = {}
    while len(best) < min(k, len(order) - 1):  # the last one left has no rival
        five = yield from _last_five(seats, r, ranked)
        if five is None:
            return
        best += dict.fromkeys(five) if len(order) <= FIVE else five[:1]
        order[:] = [*best, *(position for position in first if position not in best)]
        away = (first.index(best[-1]) + AWAY) % len(first)
        successor = next((p for p in chain(first[away:], first) if p not in best), best[-1])
        seats = [successor if position == best[-1] else position for position in seats]


def _last_five(
    field: Sequence[int], r: int, ranked: Ranked
) -> Generator[list[Group], list[Scores | None], list[int] | None]:
    """The five of a tournament's last round, best first; None where there was no budget for it."""
    while True:
        fives = [_filled(field[start : start + FIVE], field) for start in range(0, len(field), FIVE)]
        new: dict[frozenset[int], list[int]] = {}
        for five in fives:
            if frozenset(five) not in ranked:
                new.setdefault(frozenset(five), five)
        if new:
            scores = yield list(new.values())
            for (members, five), judged in zip(new.items(), scores, strict=True):
                if judged is None:
                    return None
                ranked[members] = best_first(five, judged)
        results = [ranked[frozenset(five)] for five in fives]
        if len(results) == 1:
            return results[0]
        field = [position for five in results for position in reversed(five[:r])]  # the better one behind, as published


def _filled(five: Sequence[int], field: Sequence[int]) -> list[int]:
    """A whole five; what it lacks comes from the front of its round, again and again.

    >>> _filled([3, 4], [0, 1, 2, 3, 4]), _filled([0, 1], [0, 1])
    ([3, 4, 0, 1, 2], [0, 1, 0, 1, 0])
    """
    return list(islice(chain(five, cycle(field)), FIVE))
