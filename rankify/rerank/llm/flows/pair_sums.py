"""Every pair of documents judged, and what is said of each document summed: duoT5, arXiv:2101.05667.

A document's score is, with p(i, j) for how likely document i is more relevant than j when it is shown first:

- sum: of p(i, j) over all j
- sum-log: of log p(i, j)
- sym-sum: of p(i, j) and of 1 - p(j, i)
- sym-sum-log: of log p(i, j) and of log(1 - p(j, i))
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from math import fsum, log
from typing import Literal, get_args

from rankify.errors import UnknownName
from rankify.rerank.llm.flow import Flow, Scores, best_first

Pairs = Literal["all", "half"]
Aggregate = Literal["sum", "sum-log", "sym-sum", "sym-sum-log"]
Judged = Mapping[tuple[int, int], Scores]  # what was said of two documents, the one that was shown first before

LEAST = sys.float_info.min  # so small a probability has a logarithm still
TIE = (0.5, 0.5)


def pair_sums(order: list[int], *, pairs: Pairs = "all", aggregate: Aggregate = "sym-sum") -> Flow:
    """Sorts by sums of probabilities over all pairs, asked in one round; equal sums keep the present order.

    Pairs higher up are asked first. Where the budget ends, the documents compared so far are sorted, a pair that was
    not judged among them is a tie, and the others stay below.

    Args:
        pairs: all, each in both orders, as published; or half, each once with the document ranked higher shown first.
            What is said then stands for the other order too, so that sums with sym and without rank alike.

    Raises:
        UnknownName: there are no such pairs, or no such sum.
    """
    for name, value, known in (("choice of pairs", pairs, Pairs), ("aggregate", aggregate, Aggregate)):
        if value not in get_args(known):
            raise UnknownName.among(name, value, get_args(known))
    once = [(higher, lower) for place, lower in enumerate(order) for higher in order[:place]]
    asked = once if pairs == "half" else [both for one, other in once for both in ((one, other), (other, one))]
    if not asked:
        return
    scores = yield list(asked)
    judged = {pair: said for pair, said in zip(asked, scores, strict=True) if said is not None}
    if pairs == "half":
        judged |= {(other, one): said[::-1] for (one, other), said in judged.items()}
    compared = {position for pair in judged for position in pair}
    chosen = [position for position in order if position in compared]
    sums = summed(chosen, judged, aggregate)
    order[:] = [*best_first(chosen, sums), *(position for position in order if position not in compared)]


def summed(documents: list[int], judged: Judged, aggregate: Aggregate) -> list[float]:
    """The score of each document; a pair that was not judged is a tie. The order of summing has no effect."""
    worth: Callable[[float], float] = (lambda p: log(max(p, LEAST))) if aggregate.endswith("log") else float
    sums = []
    for one in documents:
        others = [other for other in documents if other != one]
        terms = [worth(judged.get((one, other), TIE)[0]) for other in others]
        if aggregate.startswith("sym"):
            terms += [worth(judged.get((other, one), TIE)[1]) for other in others]
        sums.append(fsum(terms))
    return sums
