"""What follows from earlier answers is not asked: the transitive closure of what a judge said, arXiv:2602.05448."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rankify.llm.rounds import advanced
from rankify.rerank.llm.flow import Flow, Group, Scores


def inferring(make: Callable[..., Flow], order: list[int], *, best: bool = False, **about: Any) -> Flow:
    """Another flow, some of whose questions are answered by what is known: a above b and b above c, so a above c.

    A judge whose answers agree with one order of all documents gives the same ranking as without, for fewer calls. What
    an inconsistent judge said both ways is known neither way, and is asked.

    Args:
        best: whether to know the best of a group is to know the answer, as it is where replies name one document; else
            the order of the whole group has to be known.
        about: what the flow is told of its query.
    """
    known, flow = Known(), make(order, **about)
    groups = next(flow, None)
    while groups is not None:
        answers = [known.answer(group, best=best) for group in groups]
        unknown = [group for group, answer in zip(groups, answers, strict=True) if answer is None]
        told = iter((yield unknown) if unknown else ())
        answers = [next(told) if answer is None else answer for answer in answers]
        for group, answer in zip(groups, answers, strict=True):
            known.learn(group, answer)
        groups = advanced(flow, answers)


class Known:
    """Which documents are above which, as far as answers and what follows from them say."""

    def __init__(self) -> None:
        self.above: defaultdict[int, int] = defaultdict(int)  # of each position, those above it: a bit for each
        self.below: defaultdict[int, int] = defaultdict(int)

    def learn(self, group: Group, scores: Scores | None) -> None:
        """Adds an answer; equal scores say nothing."""
        levels: defaultdict[float, list[int]] = defaultdict(list)
        for position, score in zip(group, scores or (), strict=scores is not None):
            levels[score].append(position)
        for better, worse in pairwise(sorted(levels, reverse=True)):
            for one in levels[better]:
                for other in levels[worse]:
                    self._order(one, other)

    def _order(self, one: int, other: int) -> None:
        if self.below[one] >> other & 1:
            return
        higher, lower = self.above[one] | 1 << one, self.below[other] | 1 << other
        for position in _positions(higher):
            self.below[position] |= lower
        for position in _positions(lower):
            self.above[position] |= higher

    def answer(self, group: Group, *, best: bool) -> Scores | None:
        """The scores of a group, if what is known is enough for them."""
        wins = [sum(self._wins(one, other) for other in group) for one in group]
        if len(group) > 1 and best and max(wins) == len(group) - 1:
            return [float(won == len(group) - 1) for won in wins]
        return wins if len(group) > 1 and len(set(wins)) == len(group) else None

    def _wins(self, one: int, other: int) -> bool:
        return bool(self.below[one] >> other & 1) and not self.below[other] >> one & 1


def _positions(bits: int) -> list[int]:
    return [place for place in range(bits.bit_length()) if bits >> place & 1]
