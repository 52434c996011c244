"""What a flow is: a way to sort with a judge that can look at a few documents at a time.

A flow knows positions, not texts or models. It is a generator over `order`, the positions of one query's documents,
best first as far as is known. It yields all groups of positions that it could have judged now, is sent one list of
scores for each (higher is better), and moves positions in `order` as it learns. `order` is a permutation whenever the
flow yields, so a flow may be stopped at any time and leaves the best order so far.

A group for which there was no budget gets None instead of scores; after that the flow is not resumed, so it must leave
`order` right when it yields again or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence

Group = Sequence[int]
Scores = Sequence[float]
Flow = Generator[list[Group], list[Scores | None], None]
MakeFlow = Callable[[list[int]], Flow]


class Selection(list[int]):
    """A group of which the judge is told to choose the best `select`, where a prompt says how many."""

    def __init__(self, group: Iterable[int], select: int) -> None:
        super().__init__(group)
        self.select = select


def best_first(group: Group, scores: Scores) -> list[int]:
    """Positions of a group sorted by their scores; ties keep their order.

    >>> best_first([4, 7, 9], [0.5, 2.0, 0.5])
    [7, 4, 9]
    """
    places = sorted(range(len(group)), key=lambda place: -scores[place])  # sorted is stable
    return [group[place] for place in places]
