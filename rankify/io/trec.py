"""TREC run files: `query Q0 document rank score tag`, gzip too. Judgments and topics are re-exported from here.

Reading follows trec_eval: score descending, document id descending, the rank column ignored. What is written is
strictly decreasing in single precision, so that every evaluator sees the ranking's own order.
"""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document, Documents, Positions, Store
from rankify.errors import BadInput, UnknownName
from rankify.io.columns import digits, rows, separator
from rankify.io.files import Name, writing
from rankify.io.qrels import read_qrels, write_qrels
from rankify.io.topics import read_topics
from rankify.types import Query, Ranking, Run, Scores

__all__ = ["Ids", "read_qrels", "read_run", "read_topics", "strictly_decreasing", "write_qrels", "write_run"]

_LINE = "query Q0 document rank score tag"
_SUBNORMAL = 0x7FFFFF  # bit patterns up to this one are subnormal numbers, which fast arithmetic takes for zero
_LARGEST = 0x7F7FFFFF - _SUBNORMAL
log = logging.getLogger(__name__)


class Placed(Store, Protocol):
    """A store that knows the position of an id: a corpus."""

    def position(self, id: str) -> int: ...


class Ids:
    """Documents of which only the ids are known; the store behind a run file that is read without a corpus."""

    __slots__ = ("_ids", "_places")

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._ids: NDArray[np.object_] | None = None

    def place(self, id: str) -> int:
        """The position of an id, which is added when it is new."""
        return self._places.setdefault(id, len(self._places))

    def __len__(self) -> int:
        return len(self._places)

    def document(self, position: int) -> Document:
        return Document(self._all[position], "")

    def ids_at(self, positions: Positions) -> list[str]:
        found: list[str] = self._all[positions].tolist()
        return found

    @property
    def _all(self) -> NDArray[np.object_]:
        if self._ids is None or len(self._ids) != len(self._places):
            self._ids = np.array(list(self._places), dtype=object)
        return self._ids


class _Hits(NamedTuple):
    """What the file says of one query, in the file's order."""

    positions: array[int]
    scores: array[float]
    lines: array[int]


def read_run(path: Name, *, queries: Iterable[Query] | Run | None = None, corpus: Placed | None = None) -> Run:
    """The rankings of a TREC run file, ordered as trec_eval orders them.

    Args:
        path: the file.
        queries: what was asked. The run then has exactly these, in their order, with or without results; without
            them it has the file's queries, with empty texts.
        corpus: where the documents' texts are; without it they are empty.

    Raises:
        BadInput: a wrong number of columns, a score that is no finite number, a document twice for a query or not in
            the corpus (each with file and line), or no query of the file is among `queries`.
    """
    store = Ids() if corpus is None else corpus
    hits = _hits(path, store)
    asked = _asked(path, hits, queries)
    ranks = _ranks(store, hits.values())
    return Run(_ranking(path, query, hits.get(query.id), store, ranks) for query in asked)


def _hits(path: Name, store: Ids | Placed) -> dict[str, _Hits]:
    hits: dict[str, _Hits] = {}
    place = store.place if isinstance(store, Ids) else store.position
    query, current = None, _Hits(array("q"), array("d"), array("q"))
    for number, columns in rows(path, 6, _LINE):
        if columns[0] != query:
            query = columns[0]
            current = hits.setdefault(query, _Hits(array("q"), array("d"), array("q")))
        try:
            current.positions.append(place(columns[2]))
            current.scores.append(float(digits(columns[4])))
        except UnknownName as error:
            raise BadInput(f"{path}:{number}: {error}; is this the corpus that was searched?") from None
        except ValueError:
            raise BadInput(f"{path}:{number}: the score {columns[4]!r} is not a number; a line is {_LINE}") from None
        current.lines.append(number)
    return hits


def _asked(path: Name, hits: Mapping[str, _Hits], queries: Iterable[Query] | Run | None) -> list[Query]:
    if queries is None:
        return [Query(id, "") for id in hits]
    asked = queries.queries if isinstance(queries, Run) else list(queries)
    left_out = hits.keys() - {q.id for q in asked}
    if hits and asked and len(left_out) == len(hits):
        raise BadInput(
            f"{path}: none of its queries (the first is {next(iter(hits))!r}) is among the {len(asked)} asked"
        )
    if left_out:
        log.info("%s: %d of its %d queries were not asked for and are left out", path, len(left_out), len(hits))
    return asked


def _ranks(store: Ids | Placed, hits: Iterable[_Hits]) -> NDArray[np.int64]:
    """For each position of the store that the run uses, the place of its id among the others', ascending."""
    used = np.zeros(len(store), dtype=bool)
    for hit in hits:
        used[np.frombuffer(hit.positions, dtype=np.int64)] = True
    [positions] = np.nonzero(used)
    ids = store.ids_at(positions)
    ranks = np.zeros(len(store), dtype=np.int64)
    ranks[positions[sorted(range(len(ids)), key=ids.__getitem__)]] = np.arange(len(ids))
    return ranks


def _ranking(path: Name, query: Query, hits: _Hits | None, store: Store, ranks: NDArray[np.int64]) -> Ranking:
    if hits is None:
        return Ranking(query)
    positions = np.array(hits.positions, dtype=np.int64)
    scores = np.array(hits.scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        wrong = int(np.isfinite(scores).argmin())
        written = "NaN" if np.isnan(scores[wrong]) else "infinite"
        raise BadInput(f"{path}:{hits.lines[wrong]}: the score is {written}; scores are finite, and give every place")
    documents = Documents(store, positions)
    if not documents.distinct():
        _refuse_twice(path, hits, documents.ids)
    order = np.lexsort((-ranks[positions], -scores))
    return Ranking(query, documents.take(order), scores[order])


def _refuse_twice(path: Name, hits: _Hits, ids: list[str]) -> None:
    first: dict[str, int] = {}
    for id, line in zip(ids, hits.lines, strict=True):
        if id in first:
            raise BadInput(f"{path}:{line}: document {id!r} was already ranked for this query in line {first[id]}")
        first[id] = line


def write_run(run: Run, path: Name, *, tag: str = "rankify") -> None:
    """Writes a TREC run file whose scores strictly decrease for each query, equal ones being set apart.

    Columns are separated by a blank; by tabs where an id has a blank in it. Scores have nine digits, which is exact
    for single precision.

    Raises:
        BadInput: a score is not finite, an id holds a tab or a line break, or the tag holds a blank.
    """
    if tag.split() != [tag]:
        raise BadInput(f"the tag {tag!r} cannot stand in a TREC file: it is empty or has blanks; write it-like-this")
    between = separator(chain((q.id for q in run.queries), _document_ids(run)))
    with writing(path) as file:
        for ranking in run:
            file.write(_written(ranking, between, tag))


def _document_ids(run: Run) -> Iterator[str]:
    """Every document's id once, store by store."""
    stores = {id(r.documents.store): r.documents.store for r in run}
    used = {key: np.zeros(len(store), dtype=bool) for key, store in stores.items()}
    for ranking in run:
        used[id(ranking.documents.store)][ranking.documents.positions] = True
    for key, store in stores.items():
        yield from store.ids_at(np.nonzero(used[key])[0])


def _written(ranking: Ranking, between: str, tag: str) -> str:
    scores = strictly_decreasing(ranking.scores, f"query {ranking.query.id!r}")
    line = between.join((ranking.query.id.replace("%", "%%"), "Q0", "%s", "%d", "%.9g", tag.replace("%", "%%"))) + "\n"
    return "".join([line % hit for hit in zip(ranking.ids, range(1, len(scores) + 1), scores.tolist(), strict=True)])


def strictly_decreasing(scores: Scores, where: str = "a ranking") -> NDArray[np.float32]:
    """The scores in single precision, equal ones set apart by the least possible, none of them subnormal.

    Args:
        scores: never increasing.
        where: what the complaint names.

    Raises:
        BadInput: a score is infinite or NaN.

    >>> strictly_decreasing(np.array([2.0, 1.0, 1.0])).tolist()
    [2.0, 1.0, 0.9999999403953552]
    """
    if not np.isfinite(scores).all():
        raise BadInput(f"{where}: the score {scores[~np.isfinite(scores)][0]} cannot be written; scores must be finite")
    largest = np.finfo(np.float32).max
    bits = np.clip(scores, -largest, largest).astype(np.float32).view(np.int32).astype(np.int64)
    # whole numbers in the order of the floats, one step from each float to the next
    steps = np.where(bits < 0, -1, 1) * np.maximum((bits & 0x7FFFFFFF) - _SUBNORMAL, 0)
    places = np.arange(len(steps))
    apart = np.minimum.accumulate(steps + places) - places
    apart = np.maximum(apart, places[::-1] - _LARGEST)  # room at the very bottom
    magnitudes = np.where(apart == 0, 0, np.abs(apart) + _SUBNORMAL)
    signs = np.where(apart < 0, 1 << 31, 0)
    return (magnitudes | signs).astype(np.uint32).view(np.float32)
