"""The documents that several lists have for one query, under one numbering."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rankify.corpus import ranks_of
from rankify.documents import Document, Documents, Positions, Shelf, Store
from rankify.types import Query, Ranking, Run


@dataclass(frozen=True, slots=True)
class Pool:
    """What several lists found for a query.

    Args:
        query: what was asked.
        lists: each list, best first; empty where a run has none for the query.
        documents: those of all lists, each once, in ascending order of their ids.
        places: for each list, where its documents stand among these.
    """

    query: Query
    lists: tuple[Ranking, ...]
    documents: Documents
    places: tuple[Positions, ...]

    @classmethod
    def of(cls, query: Query, lists: Sequence[Ranking]) -> Pool:
        """The pool of these lists."""
        store, positions = _together(lists)
        found, places = np.unique(np.concatenate(positions), return_inverse=True)
        ranks = ranks_of(store.ids_at(found))
        in_order = np.empty_like(found)
        in_order[ranks] = found
        ends = np.cumsum([len(own) for own in positions])[:-1]
        return cls(query, tuple(lists), Documents(store, in_order), tuple(np.split(ranks[places], ends)))


def pools(runs: Sequence[Run]) -> Iterator[Pool]:
    """A pool for each query: those of the first run in its order, then those that only later runs have."""
    queries = {q.id: q for run in reversed(runs) for q in run.queries}
    for id in dict.fromkeys(q.id for run in runs for q in run.queries):
        yield Pool.of(queries[id], [_of(queries[id], run) for run in runs])


def _of(query: Query, run: Run) -> Ranking:
    """A run's ranking for a query; empty when it has none."""
    return run[query.id] if query.id in run else Ranking(query)


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

    __slots__ = ("_ids", "_names", "_where")

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._names: list[str] = []
        self._where: list[tuple[Store, int]] = []

    def add(self, documents: Documents) -> Positions:
        """The positions of these documents here."""
        positions = []
        for id, position in zip(documents.ids, documents.positions.tolist(), strict=True):
            if id not in self._ids:
                self._ids[id] = len(self._where)
                self._names.append(id)
                self._where.append((documents.store, position))
            positions.append(self._ids[id])
        return np.array(positions, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._where)

    def document(self, position: int) -> Document:
        store, there = self._where[position]
        return store.document(there)

    def ids_at(self, positions: Positions) -> list[str]:
        return [self._names[p] for p in positions.tolist()]
