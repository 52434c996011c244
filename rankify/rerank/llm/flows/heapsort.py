"""The best k by a heap whose nodes are shown with all their children: Setwise.Heapsort, arXiv:2310.09497, section 3.

The documents below the best k follow in first-stage order, as published.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator

from rankify.errors import Misuse
from rankify.llm.rounds import together
from rankify.rerank.llm.flow import Flow, Group, Scores, best_first
from rankify.stages import positive

Contest = Generator[list[Group], list[Scores | None], int]  # returns the place of the best


def heapsort(order: list[int], *, k: int = 10, children: int = 3) -> Flow:
    """Setwise.Heapsort: one judgment over a node and its children. Where all are equal, the node wins."""

    def contest(family: list[int]) -> Contest:
        [scores] = yield [family]
        return 0 if scores is None else best_first(range(len(family)), scores)[0]

    return heap_top(order, positive(k), children, contest)


def heap_top(order: list[int], k: int, children: int, contest: Callable[[list[int]], Contest]) -> Flow:
    """Brings the best k to the top by a heap.

    Args:
        children: how many a node has.
        contest: asks which of a node, shown first, and its children is best.
    """
    if children < 1:
        raise Misuse(f"children={children}: a node of a heap has 1 child or more")
    first = list(order)
    best: list[int] = []
    for level in reversed(list(_levels(len(order), children))):  # subtrees of one level have no document in common
        yield from together(_sift(order, node, children, contest) for node in level)
    heap = list(order)
    while heap and len(best) < k:
        best.append(heap[0])
        order[:] = [*best, *heap[1:]]  # the best order so far: what follows is near the heap's top
        heap = [heap[-1], *heap[1:-1]][: len(heap) - 1]
        if len(best) < k:
            yield from _sift(heap, 0, children, contest)
    order[:] = [*best, *(position for position in first if position not in best)]


def _sift(heap: list[int], node: int, children: int, contest: Callable[[list[int]], Contest]) -> Flow:
    while (first := children * node + 1) < len(heap):
        family = [node, *range(first, min(first + children, len(heap)))]
        best = family[(yield from contest([heap[place] for place in family]))]
        if best == node:
            return
        heap[node], heap[best] = heap[best], heap[node]
        node = best


def _levels(n: int, children: int) -> Iterator[range]:
    start, end = 0, 1
    while children * start + 1 < n:
        yield range(start, end)
        start, end = children * start + 1, children * end + 1
