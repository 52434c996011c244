"""Relevant or not, then neighbours compared, within a budget of words, as published: EcoRank, arXiv:2402.10866."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from rankify.errors import Misuse
from rankify.rerank.llm.flow import Flow

ALONE = 15 + 1  # words of the prompt about one passage beside it, and of the reply
PAIR = 25 + 2  # the same of two, beside the query
CHEAPER = 3  # so many words of the cheap model cost as much as one of the expensive model


def ecorank(
    order: list[int], *, query: int, documents: Sequence[int], budget: int = 4000, split: float = 0.5,
    passages: int = 50,
) -> Flow:  # fmt: skip
    """Documents alone, as many as a share of the budget allows; then passes of neighbours for the rest of it.

    First stand those that are judged relevant, or of which the reply says nothing; then those that there was no budget
    for; then the others. Neighbours are compared from the bottom up: the lower one, shown first, rises if it is better.

    Args:
        query, documents: how many words the query has, and the document at each position.
        budget: in words of the expensive model.
        split: the share of it that the first step may take.
        passages: how many documents, from the top, take part. The others follow.
    """
    if not 0 <= split <= 1 or budget < 1 or passages < 1:
        raise Misuse(f"{budget=}, {split=}, {passages=}: whole numbers from 1 up, and a share of the budget, 0 to 1")
    field, rest = order[:passages], order[passages:]
    alone = affordable(field, documents, split * budget)
    if alone:
        scores = yield [[position] for position in alone]
        relevant = {position: judged[0] for position, judged in zip(alone, scores, strict=True) if judged}
        order[:] = [*sorted(field, key=lambda position: _rank(relevant.get(position))), *rest]
    words = [documents[position] for position in order[: len(field)]]
    yield from _passes(order, len(field), pairs_in(CHEAPER * int((1 - split) * budget), words, query))


def _rank(relevance: float | None) -> int:
    return 1 if relevance is None else 0 if isnan(relevance) or relevance >= 0.5 else 2


def _passes(order: list[int], n: int, pairs: int) -> Flow:
    """Passes over the top n; of n - 1 pairs as long as there are n in what is left, as published."""
    for number in range(min(-(-pairs // n), n - 1) if n else 0):  # n - 1 passes sort all
        for place in range(n - 1, max(n - 1 - (pairs - number * n), 0), -1):
            [scores] = yield [[order[place], order[place - 1]]]
            if scores is not None and scores[0] > scores[1]:
                order[place - 1], order[place] = order[place], order[place - 1]


def affordable(field: Sequence[int], documents: Sequence[int], budget: float) -> Sequence[int]:
    """The documents, from the top, that there is budget to judge alone."""
    for place, position in enumerate(field):
        budget -= ALONE + documents[position]
        if budget < 0:
            return field[:place]
    return field


def pairs_in(budget: int, words: Sequence[int], query: int) -> int:
    """How many pairs of neighbours there is budget for, from the bottom up and again; enough to sort them at most.

    >>> pairs_in(300, [10, 20, 30], query=3)  # 80 + 60 + 80 + 60
    4
    """
    costs = [PAIR + query + one + other for one, other in zip(words[-2::-1], words[:0:-1], strict=True)]
    pairs = 0
    while costs and pairs < len(words) * len(words) and budget >= costs[pairs % len(costs)]:
        budget -= costs[pairs % len(costs)]
        pairs += 1
    return pairs
