"""The best k by bubbling up in windows: Setwise.Bubblesort, arXiv:2310.09497, section 3.

The documents below the best k follow in first-stage order, as published.
"""

from __future__ import annotations

from rankify.errors import Misuse
from rankify.rerank.llm.flow import Flow, best_first
from rankify.stages import positive


def bubblesort(order: list[int], *, k: int = 10, children: int = 3, published: bool = False) -> Flow:
    """Setwise.Bubblesort: k passes of windows from the bottom up; the best of each goes to its top, into the next.

    A window of the same documents as an earlier one is not asked again: its best is known.

    Args:
        children: a window shows one document more, and windows overlap by one.
        published: skip the windows that the published implementation skips. Those can hold a document that belongs
            higher, so that even a perfect judge may be left with a wrong best k (n=20, children=9, k=10).
    """
    if children < 1:
        raise Misuse(f"children={children}: a window shows 1 child or more")
    first = list(order)
    yield from (_skipping if published else _remembering)(order, positive(k), children)
    order[k:] = [position for position in first if position not in order[:k]]


def _remembering(order: list[int], k: int, children: int) -> Flow:
    best: dict[frozenset[int], int] = {}
    for top in range(min(k, len(order) - 1)):
        start = len(order) - 1
        while start > top:
            start, end = max(start - children, top), start + 1
            window = order[start:end]
            if (known := frozenset(window)) not in best:
                [scores] = yield [window]
                best[known] = window[0] if scores is None else best_first(window, scores)[0]
            place = start + window.index(best[known])
            order[start], order[place] = order[place], order[start]


def _skipping(order: list[int], k: int, children: int) -> Flow:
    lowest = bottom = len(order) - children - 1  # where the lowest window of a pass begins; negative: above the top
    for top in range(min(k, len(order))):
        start, end, moved = bottom, bottom + children + 1, False
        while True:
            start = max(start, top)
            window, place = order[start:end], 0
            if len(window) > 1:
                [scores] = yield [window]
                place = 0 if scores is None else best_first(range(len(window)), scores)[0]
            order[start], order[start + place] = order[start + place], order[start]
            if place and not moved and bottom != lowest and place == len(window) - 1:
                bottom += place
            moved = moved or place > 0
            if start == top:
                break
            bottom -= 0 if moved else children
            start, end = start - children, end - children
