"""Windows that slide from the bottom of a ranking to its top: RankGPT, arXiv:2304.09542, section 3.2."""

from __future__ import annotations

from collections.abc import Iterator

from rankify.errors import Misuse
from rankify.rerank.llm.flow import Flow, best_first


def sliding_window(order: list[int], *, window: int = 20, step: int = 10, passes: int = 1) -> Flow:
    """Sorts overlapping windows from the bottom up; one pass brings the best `window - step` documents to the top.

    A pass that changes nothing is the last: the next one would ask the same questions again.

    Raises:
        Misuse: a window of fewer than two documents, a step that would jump over documents, or no pass at all.
    """
    if window < 2 or not 1 <= step <= window:
        raise Misuse(f"window={window} and step={step}: a window shows 2 documents or more and moves by 1 to window")
    if passes < 1:
        raise Misuse(f"passes={passes}: a ranking is gone through once or more")
    for _ in range(passes):
        before = list(order)
        for start, end in spans(len(order), window, step):
            [scores] = yield [order[start:end]]
            if scores is not None:
                order[start:end] = best_first(order[start:end], scores)
        if order == before:
            return


def spans(n: int, window: int, step: int) -> Iterator[tuple[int, int]]:
    """Where the windows over n documents begin and end, the lowest first; the last begins at the top.

    RankGPT's own loop leaves the top out unless n - window is a multiple of the step, and does nothing below `window`
    documents; RankLLM mended both, and so do these.

    >>> list(spans(25, window=20, step=10))
    [(5, 25), (0, 15)]
    >>> list(spans(8, window=20, step=10))
    [(0, 8)]
    """
    end = n
    while end > 1:
        start = max(end - window, 0)
        yield start, end
        if start == 0:
            return
        end -= step
