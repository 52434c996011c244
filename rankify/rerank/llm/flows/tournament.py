"""Tournaments in stages, whose points make the ranking: TourRank, arXiv:2406.11678."""

from __future__ import annotations

import random
from collections import Counter

from rankify.errors import Misuse
from rankify.llm.rounds import together
from rankify.rerank.llm.flow import Flow, Selection, best_first

LARGEST = 20  # documents in a group, as published


def tournaments(order: list[int], *, times: int = 10, seed: str = "0") -> Flow:
    """TourRank-r: `times` tournaments side by side; a document has a point for each stage that it survives.

    Equal points keep the first-stage order. 100 documents go 50, 20, 10, 5, 2 as published: five groups of 20 of which
    10 go on, five groups of 10 of which 4 go on, then one group. The groups of a stage are dealt by points, then
    first-stage rank, as teams are seeded; within a group the documents are shuffled, otherwise in each tournament.

    Args:
        seed: of the shuffles.
    """
    if times < 1:
        raise Misuse(f"tournaments={times}: at least one is played")
    first, points = list(order), Counter[int]()
    yield from together(
        _tournament(order, first, points, random.Random(f"{seed} {number}"))  # noqa: S311
        for number in range(times)
    )


def _tournament(order: list[int], first: list[int], points: Counter[int], rng: random.Random) -> Flow:
    own = Counter[int]()
    for n, left in stages(len(first)):
        groups = []
        field = sorted(first, key=lambda position: -own[position])[:n]
        number = groups_of(n, left)
        for start in range(number):
            dealt = field[start::number]
            groups.append(Selection(rng.sample(dealt, len(dealt)), (left + number - 1 - start) // number))
        scores = yield [*groups]
        for group, judged in zip(groups, scores, strict=True):
            winners = [] if judged is None else best_first(group, judged)[: group.select]
            won = [position for position in winners if judged and judged[group.index(position)] > min(judged)]
            own.update(won)
            points.update(won)
        order[:] = sorted(first, key=lambda position: -points[position])


def stages(n: int) -> list[tuple[int, int]]:
    """How many documents go into each stage, and how many are left after it.

    What is left is one of ..., 200, 100, 50, 20, 10, 5, 2, the largest that at most two thirds of the field are. Of two
    documents, one is left.

    >>> stages(100), stages(30), stages(2), stages(1)
    ([(100, 50), (50, 20), (20, 10), (10, 5), (5, 2)], [(30, 20), (20, 10), (10, 5), (5, 2)], [(2, 1)], [])
    """
    if n == 2:
        return [(2, 1)]
    fields = [digit * 10**power for power in range(len(str(n)) + 1) for digit in (5, 2, 1)]
    found = []
    while left := max((field for field in fields if 2 <= field <= 2 * n / 3), default=0):
        found.append((n, left))
        n = left
    return found


def groups_of(n: int, left: int) -> int:
    """How many groups: of those with 20 documents at most, few that are equal, and of which equally many go on.

    >>> groups_of(100, 50), groups_of(50, 20), groups_of(20, 10), groups_of(25, 10)
    (5, 5, 1, 2)
    """
    fewest = -(-n // LARGEST)
    return next((g for g in range(fewest, 2 * fewest) if n % g == left % g == 0), fewest)
