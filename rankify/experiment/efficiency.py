"""What an experiment measures of efficiency besides quality: which queries, how often, and percentiles of times."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from typing import Any, TypeVar

from rankify.errors import BadInput, Misuse
from rankify.experiment.problems import Problems

One = TypeVar("One")
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True, kw_only=True, slots=True)
class Efficiency:
    """How latency is measured: queries are asked one at a time, in a process that does nothing else.

    Args:
        queries: how many are drawn; all of them where a dataset has no more.
        warm_up: how many are asked before, whose times do not count.
        repetitions: how often each drawn query is asked.
        seed: of the draw.
    """

    queries: int = 50
    warm_up: int = 5
    repetitions: int = 3
    seed: int = 0

    @classmethod
    def of(cls, said: Any) -> Efficiency:
        """What the key `efficiency` of an experiment says.

        Raises:
            Misuse: it is no mapping, has another key, or a number is none or too small.
            Several: more than one of these.
        """
        if not isinstance(said, Mapping):
            raise Misuse(f"{said!r} is no mapping; write e.g. {{queries: 50, warm_up: 5, repetitions: 3}}")
        problems, known, found = Problems(""), asdict(cls()), dict[str, int]()
        problems.unknown(said, known)
        for key in [key for key in known if key in said]:
            with problems.at():
                found[key] = _whole(key, said[key])
        problems.refuse()
        return cls(**found)

    def as_dict(self) -> dict[str, int]:
        """As the file says it."""
        return asdict(self)

    def drawn(self, queries: Sequence[One]) -> tuple[list[One], list[One]]:
        """The queries to warm up with, and those to measure; these differ where there are enough of them."""
        if not queries:
            raise BadInput("there is no query to measure the latency of")
        order = random.Random(self.seed).sample(queries, len(queries))  # noqa: S311 - a draw, no secret
        measured = order[: self.queries]
        return list(islice(cycle(order[self.queries :] + measured), self.warm_up)), measured


def _whole(key: str, value: Any) -> int:
    least = 1 if key in ("queries", "repetitions") else 0
    if not str(value).isascii() or not str(value).isdigit() or int(value) < least:
        raise Misuse(f"{key}: {value!r} is no whole number from {least} up")
    return int(value)


def timed(
    ask: Callable[[One], object], queries: Sequence[One], plan: Efficiency, *,
    clock: Callable[[], float] = time.perf_counter, ready: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> list[float]:  # fmt: skip
    """Seconds of each drawn query, each time it was asked; those of the warm-up are left out.

    Args:
        ask: answers one query.
        queries: all there are.
        ready: is called once, between the warm-up and the first query that counts.
        after: is called behind each query that counts, outside its time.
    """
    warm_up, measured = plan.drawn(queries)
    for query in warm_up:
        ask(query)
    ready()
    found = []
    for _ in range(plan.repetitions):
        for query in measured:
            start = clock()
            ask(query)
            found.append(clock() - start)
            after()
    return found


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that so many percent of the values do not exceed: the nearest rank, never between two values.

    >>> percentile([15, 20, 35, 40, 50], 40), percentile([15, 20, 35, 40, 50], 50), percentile([7], 99)
    (20, 35, 7)

    Raises:
        BadInput: there are no values.
    """
    if not values:
        raise BadInput("there is no percentile of no values")
    return sorted(values)[max(1, math.ceil(percent * len(values) / 100)) - 1]


def latency(seconds: Sequence[float]) -> dict[str, float]:
    """Percentiles and mean of times, in milliseconds."""
    found = {f"p{percent}": percentile(seconds, percent) * 1e3 for percent in PERCENTILES}
    return {**found, "mean": sum(seconds) / len(seconds) * 1e3}
