"""The best k by a pivot that later windows are compared with: top-down partitioning, arXiv:2405.14589."""

from __future__ import annotations

from collections.abc import Generator

from rankify.errors import Misuse
from rankify.rerank.llm.flow import Flow, Group, Scores, best_first
from rankify.stages import positive


def top_down(order: list[int], *, window: int = 20, k: int = 10, budget: int | None = None) -> Flow:
    """Sorts the top window; its document at rank k is the pivot, which heads each window of the others.

    What is above the pivot is a candidate, what is below follows. The candidates are sorted in the same way, until no
    window further down had any. With a consistent judge and no budget the best k come first.

    Args:
        budget: how many candidates are enough: once there are more, windows further down are not asked, and their
            documents follow. Windows then go one after another, as published. None: all of a round go together.
    """
    if positive(k) >= window:
        raise Misuse(f"k={k} and window={window}: the pivot, at rank k, has a document below it in the top window")
    if budget is not None and budget < 1:
        raise Misuse(f"budget={budget}: one candidate or more is enough, or none is")
    depth = len(order)  # how many, from the top, are candidates
    while depth > 1:
        top = order[: min(window, depth)]
        [scores] = yield [top]
        order[: len(top)] = top if scores is None else best_first(top, scores)
        if depth <= window:
            return
        depth = yield from _partition(order, depth, window, k, budget)
        if depth < k:
            return


def _partition(
    order: list[int], depth: int, window: int, k: int, budget: int | None
) -> Generator[list[Group], list[Scores | None], int]:
    """Brings what is above the pivot to the top, then the pivot, then what is below it; returns how many are above."""
    above, pivot, below = order[: k - 1], order[k - 1], order[k:window]
    rest, others = order[window:depth], order[depth:]
    while rest and (budget is None or len(above) <= budget):
        shown = len(rest) if budget is None else window - 1
        asked, rest = rest[:shown], rest[shown:]
        groups: list[Group] = [[pivot, *asked[i : i + window - 1]] for i in range(0, len(asked), window - 1)]
        scores = yield groups
        for group, judged in zip(groups, scores, strict=True):
            ranked = list(group) if judged is None else best_first(group, judged)
            place = ranked.index(pivot)
            above, below = [*above, *ranked[:place]], [*below, *ranked[place + 1 :]]
        order[:] = [*above, pivot, *below, *rest, *others]
    return len(above)
