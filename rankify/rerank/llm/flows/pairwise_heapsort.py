"""The best k by a heap whose documents are compared two at a time: PRP-Sorting, arXiv:2306.17563, section 3.3.

The documents below the best k follow in first-stage order, as published.
"""

from __future__ import annotations

from typing import Literal, get_args

from rankify.errors import UnknownName
from rankify.rerank.llm.flow import Flow
from rankify.rerank.llm.flows.heapsort import Contest, heap_top
from rankify.stages import positive

Ties = Literal["published", "first-stage"]


def pairwise_heapsort(order: list[int], *, k: int = 10, ties: Ties = "published") -> Flow:
    """PRP-Sorting on a binary heap: left child against node, then right child against the better of the two.

    Args:
        ties: "published" means that an equal child is not greater. A judge that contradicts itself on every pair then
            brings the bottom of the ranking to ranks 2 to k; with "first-stage" the one ranked higher before wins.

    Raises:
        UnknownName: there is no such way with ties.
    """
    if ties not in get_args(Ties):
        raise UnknownName.among("way with ties", ties, get_args(Ties))
    ranks = {position: rank for rank, position in enumerate(order)}

    def contest(family: list[int]) -> Contest:
        best = 0
        for child in range(1, len(family)):
            [scores] = yield [[family[child], family[best]]]
            one, other = scores or (0.0, 0.0)
            higher = ties == "first-stage" and ranks[family[child]] < ranks[family[best]]
            best = child if one > other or (one == other and higher) else best
        return best

    return heap_top(order, positive(k), 2, contest)
