"""Permutation self-consistency: each window is asked in several shuffled orders (arXiv:2310.07712)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rankify.errors import Misuse
from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.rerank.llm.judges.composed import Composed, unread
from rankify.rerank.llm.judges.kemeny import central, preferences


class Shuffled(Composed):
    """Scores n, ..., 1 in the central ranking of what another judge says about the documents in shuffled orders.

    The central ranking has the least Kendall tau distance to all of them. Unreadable replies have no part in it.

    Args:
        judge: who is asked.
        shuffles: how often, each time in another order; the same ones for the same query and documents.
    """

    def __init__(self, judge: Judge, *, shuffles: int) -> None:
        super().__init__([judge])
        self.shuffles, self.calls = shuffles, shuffles * judge.calls

    def __call__(self, questions: Sequence[Question]) -> list[Judgment]:
        orders = [order for question in questions for order in self._orders(question)]
        asked = [question for question in questions for _ in range(self.shuffles)]
        shown = [replace(q, documents=[q.documents[p] for p in order]) for q, order in zip(asked, orders, strict=True)]
        judgments = self.ask(self.parts[0], shown)
        pairs = list(zip(orders, judgments, strict=True))
        return [self._aggregated(pairs[i : i + self.shuffles]) for i in range(0, len(pairs), self.shuffles)]

    def _orders(self, question: Question) -> list[list[int]]:
        rng = random.Random(f"{question.query.id} {[d.id for d in question.documents]}")  # noqa: S311
        places = range(len(question.documents))
        return [rng.sample(places, len(places)) for _ in range(self.shuffles)]

    def _aggregated(self, pairs: Sequence[tuple[list[int], Judgment]]) -> Judgment:
        counts = sum((judgment.counts for _, judgment in pairs), Counter[str]())
        n = len(pairs[0][0])
        rankings = [
            [judgment.scores[order.index(place)] for place in range(n)]
            for order, judgment in pairs
            if not unread(judgment, self.parts[0])
        ]
        if not rankings:
            return Judgment((0.0,) * n, counts)
        ranks = {place: rank for rank, place in enumerate(central(preferences(rankings)))}
        return Judgment(tuple(float(n - ranks[place]) for place in range(n)), counts)


def shuffled(judge: Judge, shuffles: int) -> Judge:
    """The judge itself for one, which is asked in the present order."""
    if shuffles < 1:
        raise Misuse(f"shuffles={shuffles}: a window is asked once or more")
    return judge if shuffles == 1 else Shuffled(judge, shuffles=shuffles)
