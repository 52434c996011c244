"""How far collections agree on the order of systems, and whether an order hangs on one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput
from rankify.evaluation.averages import Table, complete

Values = NDArray[np.float64]


def kendall_tau(ours: Values, theirs: Values) -> float:
    """Kendall's tau-b of two lists of values over the same systems: pairs in order less pairs in reverse, over all.

    Pairs that a list ties count in neither and shrink the denominator for that list, Kendall, Biometrika 33, 1945.
    NaN where a list ties them all. Values are compared to 12 digits.

    Args:
        ours: shape (systems,).
        theirs: shape (systems,).

    >>> kendall_tau(np.array([3, 2, 1, 1]), np.array([4, 2, 3, 1]))
    0.5477225575051661
    """
    pairs = np.triu_indices(len(ours), 1)
    one, other = (np.sign(np.round(v[pairs[0]] - v[pairs[1]], 12)) for v in (ours, theirs))
    room = sqrt(float((one != 0).sum()) * float((other != 0).sum()))
    return float((one * other).sum()) / room if room else nan


def agreement(table: Table) -> dict[str, dict[str, float]]:
    """Kendall's tau-b between the orders of the systems on every two collections: collection -> collection -> tau.

    Raises:
        BadInput: a system lacks a collection, a value is no number, or there are fewer than two systems.
    """
    collections = complete(table)
    if len(table) < 2:
        raise BadInput("agreement takes two systems or more")
    columns = {c: np.array([row[c] for row in table.values()]) for c in collections}
    return {a: {b: kendall_tau(columns[a], columns[b]) for b in collections} for a in collections}


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """The order of the systems without one collection.

    Attributes:
        collection: the one that is left out.
        order: the systems without it, best first.
        tau: Kendall's tau between this order and the one over all collections.
        first: whether the same system is first.
    """

    collection: str
    order: tuple[str, ...]
    tau: float
    first: bool


def leave_one_out(table: Table, by: Callable[[Table], tuple[str, ...]]) -> tuple[LeftOut, ...]:
    """The order without each collection in turn, next to the order over all of them.

    Args:
        table: system -> collection -> value.
        by: what orders the systems of a table, best first.

    Raises:
        BadInput: there is only one collection, or fewer than two systems.
    """
    collections = complete(table)
    if len(collections) < 2 or len(table) < 2:
        raise BadInput("leaving one collection out takes two collections or more, and two systems or more")
    whole = by(table)
    found = []
    for collection in collections:
        order = by({s: {c: v for c, v in row.items() if c != collection} for s, row in table.items()})
        tau = kendall_tau(_places(whole, whole), _places(order, whole))
        found.append(LeftOut(collection=collection, order=order, tau=tau, first=order[0] == whole[0]))
    return tuple(found)


def places_without(left_out: tuple[LeftOut, ...]) -> Mapping[str, tuple[int, int]]:
    """The best and the worst place of each system when one collection or another is left out."""
    by_system: dict[str, list[int]] = {}
    for one in left_out:
        for place, system in enumerate(one.order, 1):
            by_system.setdefault(system, []).append(place)
    return {system: (min(places), max(places)) for system, places in by_system.items()}


def _places(order: tuple[str, ...], systems: tuple[str, ...]) -> Values:
    at = {system: float(place) for place, system in enumerate(order)}
    return np.array([at[system] for system in systems])
