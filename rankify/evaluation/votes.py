"""Collections as voters: places of systems on each, Borda's count, and the system that beats every other."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput
from rankify.evaluation.averages import Table, complete
from rankify.evaluation.kemeny import costs
from rankify.evaluation.scores import Evaluation

Values = NDArray[np.float64]


def values_of(table: Table) -> Values:
    """The values, shape (systems, collections), to 12 digits: 0.1 + 0.2 and 0.3 are a tie."""
    collections = complete(table)
    return np.round([[row[c] for c in collections] for row in table.values()], 12)


def mean(table: Table) -> dict[str, float]:
    """Each system's mean over the collections, each of which counts the same.

    Raises:
        BadInput: a system lacks a collection that another has, or a value is no number.
    """
    collections = complete(table)
    return {system: fmean(row[c] for c in collections) for system, row in table.items()}


def borda(table: Table) -> dict[str, float]:
    """Borda's count: for every collection, how many systems stand below, a tie counting one half; summed.

    The order of the sums of ranks (average ranks for ties) of Colombo et al., arXiv:2202.03799, who sum them from the
    other end. Only the order on each collection matters, not how far values are apart.

    >>> borda({"a": {"x": 0.9, "y": 0.4}, "b": {"x": 0.5, "y": 0.4}, "c": {"x": 0.1, "y": 0.3}})
    {'a': 3.5, 'b': 2.5, 'c': 0.0}
    """
    return dict(zip(table, costs(values_of(table)).sum(axis=1).tolist(), strict=True))


def borda_two_level(per_query: Mapping[str, Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """Borda's count over queries in each collection, and then over the collections.

    On a collection every query is a voter; the systems' counts there are what the collection votes with, so that it
    has one vote however many queries it has. Colombo et al., arXiv:2202.03799, section 3.2.

    Args:
        per_query: collection -> system -> query -> value.

    Raises:
        BadInput: a system lacks a collection, or a query of one; or a value is no number.
    """
    inner: dict[str, dict[str, float]] = {}
    for collection, table in per_query.items():
        try:
            counts = borda(table)
        except BadInput as error:
            raise BadInput(f"{collection}: {error}") from None
        for system, count in counts.items():
            inner.setdefault(system, {})[collection] = count
    return borda(inner)


def condorcet_winner(table: Table) -> str | None:
    """The system that is above each other one on more collections than it is below; None where there is none."""
    against = costs(values_of(table))
    for place, system in enumerate(table):
        if (np.delete(against[place], place) > np.delete(against[:, place], place)).all():
            return system
    return None


def by_collection(
    evaluations: Mapping[str, Mapping[str, Evaluation]], measure: str
) -> dict[str, dict[str, Mapping[str, float]]]:
    """One measure's values by query out of evaluations, as `borda_two_level` takes them.

    Args:
        evaluations: collection -> system -> evaluation.
    """
    return {
        collection: {system: one.per_query[measure] for system, one in row.items()}
        for collection, row in evaluations.items()
    }


def ordered(points: Mapping[str, float]) -> tuple[str, ...]:
    """The systems by their points, most first; equal points (to 12 digits) by name."""
    return tuple(sorted(points, key=lambda system: (-round(points[system], 12), system)))
