"""Kemeny's consensus: the order of systems that disagrees least with the orders on the collections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankify.evaluation.averages import Table, complete

Values = NDArray[np.float64]

EXACT = 16  # systems in a circle of majorities up to which every order is considered


@dataclass(frozen=True, kw_only=True, slots=True)
class Consensus:
    """An order of the systems, and how far it is from those on the collections.

    Attributes:
        order: the systems, best first.
        cost: pairs of systems that a collection has the other way round, summed over the collections; a tie there
            counts one half.
        bound: what no order can be below: for each pair the smaller number of votes. Together with `cost` it says how
            far from the best an order of the local search can be at most.
        exact: whether no order costs less.
        optima: how many orders cost as little; None where not all orders were considered.
    """

    order: tuple[str, ...]
    cost: float
    bound: float
    exact: bool
    optima: int | None

    @property
    def places(self) -> Mapping[str, int]:
        """Each system's place, from 1."""
        return {system: place for place, system in enumerate(self.order, 1)}


def kemeny(table: Table, *, exact: int = EXACT, restarts: int = 20, seed: int = 0) -> Consensus:
    """The order of the systems with the least sum of Kendall distances to the orders on the collections.

    Kemeny, Daedalus 88, 1959; on systems and tasks, Colombo et al., arXiv:2202.03799. Systems that majorities put above
    all others stand above them in every best order, so only circles of majorities are searched, each by itself: up to
    `exact` systems by dynamic programming over all subsets (Held and Karp's), larger ones by moving one system at a
    time, from Borda's order and from random ones, seeded, until no move helps. Of several best orders the one is taken
    that has, from the end on, the system that is lowest by Borda's count.

    Args:
        table: system -> collection -> value, higher is better; equal values (to 12 digits) are ties.
        exact: the largest circle that is solved exactly; 16 take some megabytes, each further one twice as many.
        restarts: random orders that the local search starts from besides.
        seed: of these.

    Raises:
        BadInput: a system lacks a collection, or a value is no number.
    """
    collections = complete(table)
    names = list(table)
    values = np.round([[table[s][c] for c in collections] for s in names], 12)
    against = costs(values)
    borda = against.sum(axis=1)  # how often a system is above others: high is good
    random = np.random.default_rng(seed)
    order: list[int] = []
    optima, proven = 1, True
    for circle in circles(against):
        circle.sort(key=lambda system: -borda[system])  # stable: ties by the table's order
        inside = against[np.ix_(circle, circle)]
        if len(circle) <= exact:
            best, ways = _exact(inside)
            optima *= ways
        else:
            best, proven = _local(inside, restarts, random), False
        order += [circle[place] for place in best]
    cost = _cost(against, order)
    bound = float(np.minimum(against, against.T)[np.triu_indices(len(names), 1)].sum())
    return Consensus(
        order=tuple(names[i] for i in order),
        cost=cost,
        bound=bound,
        exact=proven or cost == bound,
        optima=optima if proven else None,
    )


def costs(values: Values) -> Values:
    """How many collections have system a above b, ties one half: what it costs to put b above a.

    Args:
        values: shape (systems, collections).

    Returns:
        Shape (systems, systems), a along the first.
    """
    above = values[:, None, :] > values[None, :, :]
    equal = values[:, None, :] == values[None, :, :]
    found: Values = above.sum(axis=2) + equal.sum(axis=2) / 2
    np.fill_diagonal(found, 0)
    return found


def circles(against: Values) -> Iterator[list[int]]:
    """The systems in groups, best first: across groups a majority is for the former, within one it goes in circles.

    The strongly connected parts of "is not beaten by a majority".
    """
    reach = (against >= against.T) | np.eye(len(against), dtype=bool)
    for middle in range(len(against)):
        reach |= reach[:, [middle]] & reach[[middle], :]
    left = sorted(range(len(against)), key=lambda system: -int(reach[system].sum()))
    while left:
        group = [system for system in left if reach[left[0], system] and reach[system, left[0]]]
        yield sorted(group)
        left = [system for system in left if system not in group]


def _cost(against: Values, order: Sequence[int]) -> float:
    ordered = against[np.ix_(order, order)]
    return float(ordered.T[np.triu_indices(len(order), 1)].sum())


def _exact(against: Values) -> tuple[list[int], int]:
    """The best order and how many there are, by the least cost of every set of systems that could stand first.

    The system that stands last of a set pays for each other one that collections have below it.
    """
    systems = len(against)
    sets = np.arange(1 << systems)
    sizes = sum((sets >> system) & 1 for system in range(systems))
    pays = [_sums(against[system]) for system in range(systems)]
    least = np.where(sets == 0, 0.0, np.inf)
    ways = (sets == 0).astype(object)
    for size in range(1, systems + 1):
        for system in range(systems):
            these = sets[(sizes == size) & ((sets >> system) & 1 == 1)]
            before = these ^ (1 << system)
            here = least[before] + pays[system][before]
            ways[these] = np.where(here < least[these], 0, ways[these]) + np.where(
                here <= least[these], ways[before], 0
            )
            least[these] = np.minimum(here, least[these])
    order: list[int] = []
    rest = len(sets) - 1
    while rest:
        of = (s for s in reversed(range(systems)) if rest >> s & 1)
        last = next(s for s in of if least[rest ^ 1 << s] + pays[s][rest ^ 1 << s] == least[rest])
        order.append(last)
        rest ^= 1 << last
    return order[::-1], int(ways[-1])


def _sums(row: Values) -> Values:
    """The sum over each subset, by its bits."""
    sums = np.zeros(1)
    for value in row:
        sums = np.concatenate([sums, sums + value])
    return sums


def _local(against: Values, restarts: int, random: np.random.Generator) -> list[int]:
    """The best order found from Borda's (as the systems stand) and from random ones."""
    starts = [list(range(len(against))), *(random.permutation(len(against)).tolist() for _ in range(restarts))]
    return min((_settled(against, start) for start in starts), key=lambda order: _cost(against, order))


def _settled(against: Values, order: list[int]) -> list[int]:
    """The order after one system after the other has gone where it costs least, until none moves any more."""
    more = against.T - against  # more[a, b]: what a above b costs more than b above a
    still = 0
    while still < len(order):
        for system in list(order):
            place = order.index(system)
            above, below = order[:place][::-1], order[place + 1 :]
            change = np.concatenate([np.cumsum(more[system, above])[::-1], [0.0], np.cumsum(more[below, system])])
            best = int(change.argmin())
            still = still + 1 if change[best] == 0 else 0
            if not still:
                order.insert(best, order.pop(place))
    return order
