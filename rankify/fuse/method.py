"""What every fusion is: what each list says of each document, and how that becomes one score."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import Field, dataclass, fields
from math import isfinite
from numbers import Real
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from rankify.errors import Misuse, UnknownName
from rankify.fuse.norms import ALL, NOTHING, Norm, normalised
from rankify.fuse.pool import Pool
from rankify.stages import positive
from rankify.types import Ranking, Scores

Weights = Sequence[float] | float | str | None
Number = TypeVar("Number", int, float)


class Ballot(NamedTuple):
    """What a list is asked with.

    Args:
        ranking: the list.
        place: the how-manieth of the lists it is, from 0.
        candidates: how many documents all lists have together.
    """

    ranking: Ranking
    place: int
    candidates: int


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """How lists become one.

    `shares` says what a list gives to its documents, and `combined` makes one score of what all lists give. The options
    are the fields of the class; they are checked when it is built.

    Args:
        depth: how many documents are kept.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    depth: int = 1000

    def __post_init__(self) -> None:
        self.set("depth", positive(self.depth))

    def set(self, option: str, value: Any) -> None:
        """Writes an option down as it is spelled; for `__post_init__` alone."""
        object.__setattr__(self, option, value)

    def check(self, count: int) -> None:
        """Raises Misuse where there are not as many lists as the options are for, or none."""
        if not count:
            raise Misuse(f"{self.name} has nothing to fuse; write {self.name}(bm25, dense:<model>)")

    @abstractmethod
    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        """What a list gives to its documents, best first, and to those that it lacks; NaN: it says nothing of them."""

    def combined(self, shares: Scores) -> Scores:
        """One score for each document: what the lists give, added up.

        Args:
            shares: shape (documents, lists), NaN where a list says nothing.
        """
        return added(shares)

    def scores(self, pool: Pool) -> Scores:
        """One score for each document of a pool."""
        given = np.full((len(pool.documents), len(pool.lists)), NOTHING)
        for place, (ranking, where) in enumerate(zip(pool.lists, pool.places, strict=True)):
            values, given[:, place] = self.shares(Ballot(ranking, place, len(pool.documents)))
            given[where, place] = values
        return self.combined(given)

    def fused(self, pool: Pool) -> Ranking:
        """The best documents of a pool; equal scores in ascending order of ids."""
        scores = self.scores(pool)
        best = np.argsort(-scores, kind="stable")[: self.depth]  # a pool's documents stand in the order of ids
        return Ranking(pool.query, pool.documents.take(best), scores[best])

    @property
    def options(self) -> list[str]:
        """The options that differ from their defaults, as they are written."""
        given = ((f.name, getattr(self, f.name), f.default) for f in declared(type(self)))
        return [f"{name}={short(value)}" for name, value, default in given if value != default]


def declared(method: type[Method]) -> Iterator[Field[Any]]:
    """The options of a method, its own before `depth`."""
    depth, *others = (f for f in fields(method) if f.init)
    yield from (*others, depth)


@dataclass(frozen=True, kw_only=True)
class Weighing(Method):
    """A method whose lists may count more or less.

    Args:
        weights: one number from 0 up for each part, e.g. `[0.3, 0.7]`, or written `"0.3:0.7"`; equal if not given.
    """

    weights: Weights = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.set("weights", written(self.weights))

    def check(self, count: int) -> None:
        super().check(count)
        given = numbers(self.weights)
        if given and len(given) != count:
            raise Misuse(f"{len(given)} weights for {count} parts: {self.weights!r}")

    def weight(self, place: int) -> float:
        """How much a list counts: 1 where nothing was said."""
        given = numbers(self.weights)
        return given[place] if given else 1.0


@dataclass(frozen=True, kw_only=True)
class Normalising(Method):
    """A method that adds up scores, which are first made comparable within each list of each query.

    Args:
        norm: minmax, max, sum, zscore, rank, borda or none.
    """

    norm: Norm = "minmax"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.norm not in ALL:
            raise UnknownName.among("normalisation", str(self.norm), ALL)

    def shares(self, ballot: Ballot) -> tuple[Scores, float]:
        return normalised(self.norm, ballot.ranking, ballot.candidates)


def added(shares: Scores) -> Scores:
    """The sum of each row without its NaNs, the same whatever the order of the columns."""
    found = np.sort(shares, axis=1)  # the order of the parts leaves no rounding behind; NaN comes last
    return np.asarray(np.nansum(found, axis=1))


def counted(shares: Scores) -> Scores:
    """How many lists say something of each document."""
    return np.asarray((~np.isnan(shares)).sum(axis=1), dtype=np.float64)


def within(name: str, value: Number, low: float, high: float = float("inf"), *, of: str) -> Number:
    """The value, if it is a number between two others, both allowed; anything else is a Misuse."""
    if isinstance(value, bool) or not isinstance(value, Real) or not isfinite(value) or not low <= value <= high:
        bounds = f"from {low:g} up" if high == float("inf") else f"from {low:g} to {high:g}"
        raise Misuse(f"the {name} of {of} is a number {bounds}, not {value!r}")
    return value


def written(weights: Weights) -> str | None:
    """Weights as one plain value, `0.3:0.7`."""
    if weights is None:
        return None
    given = str(weights).split(":") if isinstance(weights, str | float | int) else weights
    try:
        found = [float(w) for w in given]
    except (TypeError, ValueError):
        raise Misuse(f"cannot read the weights {weights!r}; write them like 0.3:0.7") from None
    if not all(isfinite(w) and w >= 0 for w in found) or not any(found):
        raise Misuse(f"weights are numbers from 0 up and not all 0, unlike {weights!r}")
    return ":".join(map(short, found))


def numbers(weights: Weights) -> list[float]:
    """Weights that were written, as numbers; none where none are."""
    return [float(w) for w in str(weights).split(":")] if weights is not None else []


def short(value: object) -> str:
    """A value as it is written, whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
