"""Fusion: runs, or the stages that make them, into one.

`rrf(run, other)` fuses runs now; `rrf(bm25 % 100, dense)` is a stage that searches with both and fuses what they find.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from math import isfinite
from typing import ClassVar, Literal, overload

import numpy as np

from rankify.corpus import ranks_of
from rankify.documents import Document, Documents, Positions, Shelf, Store
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.stages import Stage, positive
from rankify.types import Query, Ranking, Report, Run, Scores

Norm = Literal["minmax", "zscore"]
Weights = Sequence[float] | float | str | None


@overload
def rrf(*parts: Run, k: float = 60, depth: int = 1000) -> Run: ...
@overload
def rrf(*parts: Stage, k: float = 60, depth: int = 1000) -> Fusion: ...
def rrf(*parts: Run | Stage, k: float = 60, depth: int = 1000) -> Run | Fusion:
    """Reciprocal rank fusion: a document's score is the sum of 1 / (k + rank) over the lists that have it.

    Cormack, Clarke and Buettcher, SIGIR 2009. Ranks start at 1; a list that lacks the document adds nothing. Equal
    scores are ordered by document id, ascending, and the order of the parts does not matter.

    Args:
        parts: runs, or stages. Queries stand in the first part's order, then those only later parts have.
        k: how little the first ranks stand out.
        depth: how many documents are kept.

    Raises:
        Misuse: nothing to fuse, runs mixed with stages, or k is negative.
    """
    if not isfinite(k) or k < 0:
        raise Misuse(f"the k of reciprocal rank fusion is a number from 0 up, not {k!r}")
    return _fused(Reciprocal(k=k, depth=positive(depth)), parts)


@overload
def weighted(*parts: Run, weights: Weights = None, norm: Norm = "minmax", depth: int = 1000) -> Run: ...
@overload
def weighted(*parts: Stage, weights: Weights = None, norm: Norm = "minmax", depth: int = 1000) -> Fusion: ...
def weighted(*parts: Run | Stage, weights: Weights = None, norm: Norm = "minmax", depth: int = 1000) -> Run | Fusion:
    """Weighted sum of scores, which are first made comparable within each list of each query.

    `minmax` maps a list's scores to 0 ... 1 (CombSUM as in Lee, SIGIR 1997; all 1 when they are all the same);
    `zscore` subtracts their mean and divides by their standard deviation (all 0 when they are all the same). A
    document that a list lacks gets what the list's last one has, with `minmax` 0: it cannot have been better, while
    a z-score of 0 would put it in the middle. Equal sums are ordered by document id, ascending.

    Args:
        parts: runs, or stages. Queries stand in the first part's order, then those only later parts have.
        weights: one number from 0 up for each part, e.g. `[0.3, 0.7]`, or written `"0.3:0.7"`; equal if not given.
        norm: "minmax" or "zscore".
        depth: how many documents are kept.

    Raises:
        Misuse: nothing to fuse, runs mixed with stages, or wrong weights.
        BadInput: an infinite score.
        UnknownName: there is no such normalisation.
    """
    if norm not in NORMS:
        raise UnknownName.among("normalisation", norm, NORMS)
    method = WeightedSum(weights=_written(weights, len(parts)), norm=norm, depth=positive(depth))
    return _fused(method, parts)


def _written(weights: Weights, count: int) -> str | None:
    """Weights as one plain value, `0.3:0.7`."""
    if weights is None:
        return None
    given = str(weights).split(":") if isinstance(weights, str | float | int) else weights
    try:
        numbers = [float(w) for w in given]
    except ValueError:
        raise Misuse(f"cannot read the weights {weights!r}; write them like 0.3:0.7") from None
    if len(numbers) != count:
        raise Misuse(f"{len(numbers)} weights for {count} parts: {weights!r}")
    if not all(isfinite(w) and w >= 0 for w in numbers) or not any(numbers):
        raise Misuse(f"weights are numbers from 0 up and not all 0, unlike {weights!r}")
    return ":".join(map(_short, numbers))


def _short(value: object) -> str:
    """A value as it is written, whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """How lists become one: what each says about its documents and about those it lacks, and how much that counts."""

    name: ClassVar[str]
    depth: int = 1000

    @abstractmethod
    def shares(self, ranking: Ranking) -> tuple[Scores, float]:
        """What a list adds to its documents, best first, and to any other document."""

    def weighed(self, count: int) -> list[float]:
        """How much each of so many lists counts."""
        return [1.0] * count

    @property
    def options(self) -> list[str]:
        """The options that differ from their defaults, as they are written."""
        depth, *others = fields(self)
        given = ((f.name, getattr(self, f.name), f.default) for f in (*others, depth))
        return [f"{name}={_short(value)}" for name, value, default in given if value != default]


@dataclass(frozen=True, kw_only=True)
class Reciprocal(Method):
    """1 / (k + rank)."""

    name = "rrf"
    k: float = 60

    def shares(self, ranking: Ranking) -> tuple[Scores, float]:
        return 1 / (self.k + np.arange(1, len(ranking) + 1)), 0.0


@dataclass(frozen=True, kw_only=True)
class WeightedSum(Method):
    """Normalised scores times the list's weight."""

    name = "weighted"
    weights: str | None = None
    norm: Norm = "minmax"

    def shares(self, ranking: Ranking) -> tuple[Scores, float]:
        if not np.isfinite(ranking.scores).all():
            raise BadInput(f"query {ranking.query.id!r}: an infinite score cannot be added up; fuse with rrf")
        if not len(ranking):
            return ranking.scores, 0.0
        values = NORMS[self.norm](ranking.scores)
        return values, float(values[-1]) if self.norm == "zscore" else 0.0

    def weighed(self, count: int) -> list[float]:
        return [float(w) for w in self.weights.split(":")] if self.weights else [1 / count] * count


def minmax(scores: Scores) -> Scores:
    """Scores from 0 to 1; all 1 when they are all the same.

    >>> minmax(np.array([3.0, 2.0, 1.0])).tolist(), minmax(np.array([2.0])).tolist()
    ([1.0, 0.5, 0.0], [1.0])
    """
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span else np.ones_like(scores)


def zscore(scores: Scores) -> Scores:
    """Scores with mean 0 and standard deviation 1 (of the list itself, not of a sample); all 0 when all the same.

    >>> zscore(np.array([3.0, 1.0])).tolist(), zscore(np.array([2.0])).tolist()
    ([1.0, -1.0], [0.0])
    """
    spread = scores.std() if np.ptp(scores) else 0.0  # of equal scores, rounding can leave a little
    return (scores - scores.mean()) / spread if spread else np.zeros_like(scores)


NORMS = {"minmax": minmax, "zscore": zscore}


class Fusion(Stage):
    """What `rrf` and `weighted` make of stages: each works on the same run, and their results are fused.

    The parts' reports stand before the fusion's own, whose seconds are the fusing alone.
    """

    name = "fusion"

    def __init__(self, method: Method, *parts: Stage) -> None:
        self.method, self.parts = method, parts

    def apply(self, run: Run) -> Run:
        return _combined(self.method, [part(run) for part in self.parts])

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        before = run if isinstance(run, Run) else Run.of(run)
        found = [part(before.reported(())) for part in self.parts]
        start = time.perf_counter()
        fused = _combined(self.method, found)
        own = Report(repr(self), time.perf_counter() - start)
        return fused.reported((*before.reports, *chain.from_iterable(f.reports for f in found), own))

    def __repr__(self) -> str:
        return f"{self.method.name}({', '.join([*map(repr, self.parts), *self.method.options])})"


def _fused(method: Method, parts: Sequence[Run | Stage]) -> Run | Fusion:
    """Runs fused now, or the stage that will fuse."""
    stages = [p for p in parts if isinstance(p, Stage)]
    runs = [p for p in parts if isinstance(p, Run)]
    if not parts:
        raise Misuse(f"{method.name} has nothing to fuse; write {method.name}(bm25, dense:<model>)")
    if stages and len(stages) == len(parts):
        return Fusion(method, *stages)
    if len(runs) < len(parts):
        raise Misuse(f"{method.name} takes runs, or stages that make them, not both and nothing else")
    start = time.perf_counter()
    fused = _combined(method, runs)
    own = Report(f"{method.name}({', '.join(['...', *method.options])})", time.perf_counter() - start)
    return fused.reported((*chain.from_iterable(r.reports for r in runs), own))


def _combined(method: Method, runs: Sequence[Run]) -> Run:
    queries = {q.id: q for run in reversed(runs) for q in run.queries}
    order = dict.fromkeys(q.id for run in runs for q in run.queries)
    return Run(_ranking(method, queries[id], [_of(queries[id], run) for run in runs]) for id in order)


def _of(query: Query, run: Run) -> Ranking:
    """A run's ranking for a query; empty when it has none."""
    if query.id not in run:
        return Ranking(query)
    return run[query.id]


def _ranking(method: Method, query: Query, lists: Sequence[Ranking]) -> Ranking:
    """One query's lists as one."""
    store, positions = _together(lists)
    documents, places = np.unique(np.concatenate(positions), return_inverse=True)
    shares = np.empty((len(documents), len(lists)))
    start = 0
    for column, (ranking, weight) in enumerate(zip(lists, method.weighed(len(lists)), strict=True)):
        values, otherwise = method.shares(ranking)
        shares[:, column] = otherwise * weight
        shares[places[start : start + len(ranking)], column] = values * weight
        start += len(ranking)
    sums = np.sort(shares, axis=1).sum(axis=1)  # sorted: the order of the parts leaves no rounding behind
    best = np.lexsort((ranks_of(store.ids_at(documents)), -sums))[: method.depth]
    return Ranking(query, Documents(store, documents[best]), sums[best])


def _together(rankings: Sequence[Ranking]) -> tuple[Store, list[Positions]]:
    """One store for the documents of all lists, and their positions in it: equal ids have equal positions."""
    stores = {id(r.documents.store): r.documents.store for r in rankings if len(r)}
    if len(stores) < 2 and not any(isinstance(s, Shelf) for s in stores.values()):
        store = next(iter(stores.values()), Shelf(()))
        return store, [r.documents.positions for r in rankings]
    several = Several()
    return several, [several.add(r.documents) for r in rankings]


class Several:
    """Documents of several stores under one numbering; where two have the same id, the one added first is kept."""

    __slots__ = ("_ids", "_where")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._where: list[tuple[Store, int]] = []

    def add(self, documents: Documents) -> Positions:
        """The positions of these documents here."""
        positions = []
        for id, position in zip(documents.ids, documents.positions.tolist(), strict=True):
            if id not in self._ids:
                self._ids[id] = len(self._where)
                self._where.append((documents.store, position))
            positions.append(self._ids[id])
        return np.array(positions, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._where)

    def document(self, position: int) -> Document:
        store, there = self._where[position]
        return store.document(there)

    def ids_at(self, positions: Positions) -> list[str]:
        ids = list(self._ids)
        return [ids[p] for p in positions.tolist()]
