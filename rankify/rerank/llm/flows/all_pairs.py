"""Every pair of documents compared: PRP-Allpair, arXiv:2306.17563, section 3.2."""

from __future__ import annotations

from itertools import combinations

from rankify.rerank.llm.flow import Flow, best_first


def all_pairs(order: list[int]) -> Flow:
    """Sorts by the number of wins over all pairs, asked in one round; a tie is half a win for both.

    A pair that was not judged is a tie. Equal numbers of wins keep the present order.
    """
    pairs = list(combinations(order, 2))
    if not pairs:
        return
    scores = yield list(pairs)
    wins = dict.fromkeys(order, 0.0)
    for (one, other), judged in zip(pairs, scores, strict=True):
        a, b = judged or (0.0, 0.0)
        wins[one] += (a > b) + 0.5 * (a == b)
        wins[other] += (b > a) + 0.5 * (a == b)
    order[:] = best_first(order, [wins[position] for position in order])
