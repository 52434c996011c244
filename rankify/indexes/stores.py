"""Vectors in a database: put there shard by shard under the positions of a corpus, proposed by it, and scored here."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import RankifyError
from rankify.indexes.flat import Hit, inner_products
from rankify.indexes.manifest import agreed
from rankify.indexes.vectors import Vectors

Rows_contra = TypeVar("Rows_contra", contravariant=True)
Rows = TypeVar("Rows")
logger = logging.getLogger(__name__)

SLACK = 16  # hits beyond k that are asked for, so that most ties at place k need no second search
HITS = 65_536  # of one request: its queries together, which bounds memory on both sides
QUERIES = 64  # of one request


class Table(Protocol[Rows_contra]):
    """A table in a database, whose rows stand under the positions of a corpus; `str` says which and where it is.

    Attributes:
        way_out: what to do when the table is not what is asked for, in a message's words.
    """

    way_out: str

    def found(self) -> dict[str, Any] | None:
        """What the table says of itself; None if there is none."""

    def create(self, said: dict[str, Any]) -> None:
        """Makes the table, which says this of itself from then on."""

    def held(self, positions: range | None) -> int:
        """How many of these rows are there, or how many in all."""

    def put(self, positions: range, rows: Rows_contra) -> None:
        """Adds rows, or puts them in the place of those that are there."""

    def finish(self) -> None:
        """Makes what was put there lasting, and ready to be searched."""


class VectorStore(Table[NDArray[np.float32]], Protocol):
    """A table of vectors. Of `dimension` and `metric` it says what the database has, whatever it was made with.

    Attributes:
        most: how many hits one search gives at most.
        exact: whether a search looks at every row.
    """

    most: int
    exact: bool

    def take(self, positions: Positions) -> NDArray[np.float32]:
        """The rows at these positions, shape (positions, dimension)."""

    def propose(self, queries: NDArray[np.float32], k: int, within: range | None) -> list[Hit]:
        """Of each query the k rows with the greatest inner products, by the database's sums, best first.

        Args:
            within: the positions that they may have; any if not given.
        """


class StoredRows:
    """All rows of a store as a shard of `Vectors`: fetched when they are looked at."""

    def __init__(self, store: VectorStore, size: int) -> None:
        self.store, self.size = store, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: slice | Positions) -> NDArray[np.float32]:
        return self.store.take(np.arange(self.size)[index])


def there(table: Table[Any], said: dict[str, Any]) -> bool:
    """Whether a table is there.

    Raises:
        BadInput: it is, and says something else of itself, or is not Rankify's.
    """
    found = table.found()
    if found is not None:
        first = {field: said[field] for field in ("dimension", "metric") if field in said}
        agreed(found, first | said, str(table), table.way_out)
    return found is not None


def fill(table: Table[Rows], said: dict[str, Any], shards: Sequence[range], rows: Callable[[range], Rows]) -> None:
    """Opens a table, made and filled first where it is not whole; a shard that is there is not put there again.

    Args:
        said: what the table has to say of itself, compared as by `Manifest.check`.
        shards: the positions of the rows, in the portions they are put there in.
        rows: the rows of a portion.

    Raises:
        BadInput: the table is of something else; nothing is written then.
        RankifyError: the database has lost rows that it accepted.
    """
    known = there(table, said) or _made_elsewhere(table, said)
    size = shards[-1].stop if shards else 0
    if known and table.held(None) == size:
        return
    for positions in shards:
        if not known or table.held(positions) != len(positions):
            table.put(positions, rows(positions))
            logger.info("%s has %d of %d rows", table, positions.stop, size)
    table.finish()
    if (held := table.held(None)) != size:
        raise RankifyError(f"{table} holds {held:,} rows after {size:,} were put there; {table.way_out}")


def _made_elsewhere(table: Table[Any], said: dict[str, Any]) -> bool:
    """Makes a table; whether another process, or a request whose answer was lost, was faster and made the same one."""
    try:
        table.create(said)
    except RankifyError:
        if not there(table, said):
            raise
        return True
    return False


class StoreIndex:
    """Search in a store: its hits are scored and ordered exactly, and with an exact store they are the true k best.

    A database sums in its own way and orders equal scores in its own way. So it is asked for a few more than k; where
    the last of them might still tie with place k, for twice as many; and beyond what it gives at once, range by range.

    Args:
        store: filled.
        vectors: its rows, from wherever they come faster.
        id_ranks: each document's place in the ascending order of ids.
    """

    def __init__(self, store: VectorStore, vectors: Vectors, id_ranks: NDArray[np.int32]) -> None:
        self.store, self.vectors, self.id_ranks = store, vectors, id_ranks

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hit]:
        """The positions and scores of each query's k best rows, best first.

        Args:
            queries: shape (queries, dimension).
        """
        if not len(self.vectors):
            return [(np.empty(0, np.int64), np.empty(0, np.float32))] * len(queries)
        return self._found(np.ascontiguousarray(queries, dtype=np.float32), k, range(len(self.vectors)), k + SLACK)

    def _found(self, queries: NDArray[np.float32], k: int, within: range, limit: int) -> list[Hit]:
        """The k best rows of a range for each query, found by asking for at least so many."""
        limit = min(limit, len(within), self.store.most)
        if limit < min(k, len(within)):
            return self._halved(queries, k, within)
        found: list[Hit] = []
        step = max(1, min(QUERIES, HITS // limit))
        for start in range(0, len(queries), step):
            chunk = queries[start : start + step]
            hits = self.store.propose(chunk, limit, within if len(within) < len(self.vectors) else None)
            scored = [self._scored(query, hit, k, within) for query, hit in zip(chunk, hits, strict=True)]
            unsure = [i for i, (sure, _) in enumerate(scored) if not sure]
            again = self._again(chunk[unsure], k, within, limit) if unsure else []
            best = dict(zip(unsure, again, strict=True))
            found += [best.get(i, hit) for i, (_, hit) in enumerate(scored)]
        return found

    def _again(self, queries: NDArray[np.float32], k: int, within: range, limit: int) -> list[Hit]:
        if limit < self.store.most:
            return self._found(queries, k, within, 2 * limit)
        return self._halved(queries, k, within)

    def _halved(self, queries: NDArray[np.float32], k: int, within: range) -> list[Hit]:
        """The k best rows of a range from those of its halves."""
        middle = (within.start + within.stop) // 2
        halves = (range(within.start, middle), range(middle, within.stop))
        parts = [self._found(queries, k, half, k + SLACK) for half in halves]
        both = [tuple(map(np.concatenate, zip(*pair, strict=True))) for pair in zip(*parts, strict=True)]
        return [self._best(positions, scores, k) for positions, scores in both]

    def _scored(self, query: NDArray[np.float32], hit: Hit, k: int, within: range) -> tuple[bool, Hit]:
        """The k best of what was proposed, by their exact scores, and whether none that was not could be among them."""
        positions, theirs = hit
        if self.store.exact and len(positions) < (wanted := min(k, len(within))):
            raise RankifyError(f"{self.store} found {len(positions)} of {wanted} vectors; {self.store.way_out}")
        rows = self.vectors.take(positions)
        best = self._best(positions, inner_products(query, rows), k)
        if not self.store.exact or len(positions) == len(within):
            return True, best
        # the bound of a product in float32, and the rounding of databases whose scores are 1 / (1 - product)
        size = float(np.linalg.norm(query) * np.sqrt(np.einsum("ij,ij->i", rows, rows).max()))
        margin = size * rows.shape[1] * 2.0**-23 + (1 + size) ** 2 * 2.0**-22
        return bool(best[1][-1] - theirs[-1] > margin), best

    def _best(self, positions: Positions, scores: NDArray[np.float32], k: int) -> Hit:
        order = np.lexsort((self.id_ranks[positions], -scores))[:k]
        return positions[order], scores[order]
