"""The best k by insertion: Setwise Insertion, arXiv:2504.10509, which trusts the first-stage ranking.

A document further down has to beat the worst of the best k so far. Several are shown beside it at once, so where the
first stage was right, one judgment dismisses them all.
"""

from __future__ import annotations

from collections.abc import Generator

from rankify.llm.rounds import advanced
from rankify.rerank.llm.flow import Flow, Group, Scores, best_first
from rankify.rerank.llm.flows.bubblesort import bubblesort
from rankify.stages import positive


def insertion(order: list[int], *, k: int = 10, children: int = 3) -> Flow:
    """The first k are sorted by Setwise.Bubblesort; the others are inserted into the best k, from the top down.

    The worst of the best k is shown first, with the next `children` documents. If it wins, they stay below; else the
    winner takes its place by binary search, and the worst falls out. Equal scores keep the first-stage order, and so
    does a judge that always takes the document shown first, which a heap of the first k would turn round.
    """
    first, best, waiting = list(order), order[: positive(k)], order[k:]
    sorting = bubblesort(best, k=k, children=children)
    asked = next(sorting, None)
    while asked is not None:
        asked = advanced(sorting, (yield asked))
        order[:k] = best
    while waiting:
        group = [best[-1], *waiting[:children]]
        [scores] = yield [group]
        newcomer = group[0] if scores is None else best_first(group, scores)[0]
        if newcomer == best[-1]:
            waiting = waiting[children:]
            continue
        waiting.remove(newcomer)
        place = yield from _place(newcomer, best[:-1])
        best = [*best[:place], newcomer, *best[place:-1]]
        order[:] = [*best, *(position for position in first if position not in best)]


def _place(newcomer: int, rivals: list[int]) -> Generator[list[Group], list[Scores | None], int]:
    """How many of the rivals, sorted best first, stay above a newcomer."""
    low, high = 0, len(rivals)
    while low < high:
        middle = (low + high) // 2
        [scores] = yield [[rivals[middle], newcomer]]
        if scores is not None and scores[1] > scores[0]:
            high = middle
        else:
            low = middle + 1
    return low
