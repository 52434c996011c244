"""The best k by comparing neighbours: PRP-Sliding-K, arXiv:2306.17563, section 3.4.

The documents below the best k follow in first-stage order, as published.
"""

from __future__ import annotations

from rankify.rerank.llm.flow import Flow
from rankify.stages import positive


def pairwise_bubblesort(order: list[int], *, k: int = 10) -> Flow:
    """PRP-Sliding-K: k passes from the bottom up; a document rises over its neighbour where it is strictly better.

    Pairs at the bottom that a pass left as they were are not asked again, as in the published implementation.
    """
    first, bottom = list(order), len(order) - 1
    for top in range(min(positive(k), len(order))):
        moved = False
        for place in range(bottom, top, -1):
            [scores] = yield [[order[place], order[place - 1]]]
            if scores is not None and scores[0] > scores[1]:
                order[place - 1], order[place] = order[place], order[place - 1]
                bottom = bottom if moved else min(place + 1, len(order) - 1)
                moved = True
        if not moved:
            break
    order[k:] = [position for position in first if position not in order[:k]]
