"""Late interaction over compressed token vectors: centroids propose documents, whose vectors are then restored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import Misuse
from rankify.indexes.flat import Hit
from rankify.indexes.multivector import Matrix, Rows, best, maxsims
from rankify.indexes.multivector_codes import Codec

LEAST = 256  # documents restored for a query, however few are asked for


class CompressedIndex:
    """About the k best documents of each query by late interaction, in a fraction of the memory.

    Santhanam et al., "PLAID", arXiv:2205.09707: the documents in whose lists of nearest centroids a query token finds
    them are scored by the centroids of all their tokens; the best by that are scored by their restored vectors. Scores
    are those of restored vectors; equal ones are ordered by id.

    Args:
        codec: what restores vectors.
        cells: the centroid of each token, one document's behind the other's.
        codes: the buckets of each token, shape (tokens, width).
        lengths: how many tokens each document has, at least one, shape (documents,).
        lists: where the documents of each centroid begin, and all of them, as `inverted` gives them.
        id_ranks: each document's place in the ascending order of ids.
        nprobe: how many centroids' lists each query token looks into; twice as many until there are k documents.
        refine: how many times k documents are restored, and `LEAST` at least.

    Raises:
        Misuse: nprobe or refine is no whole number from 1 up.
    """

    def __init__(
        self, codec: Codec, cells: NDArray[np.unsignedinteger], codes: Rows, lengths: NDArray[np.integer],
        lists: tuple[NDArray[np.int64], NDArray[np.int32]], id_ranks: NDArray[np.int32], *, nprobe: int = 8,
        refine: int = 4,
    ) -> None:  # fmt: skip
        refuse_numbers(nprobe=nprobe, refine=refine)
        self.codec, self.cells, self.codes, self.id_ranks = codec, cells, codes, id_ranks
        self.starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        self.nprobe, self.refine = nprobe, refine
        self.list_starts, self.lists = lists

    def __len__(self) -> int:
        return len(self.starts) - 1

    def search(self, queries: Sequence[Matrix], k: int) -> list[Hit]:
        """The positions and scores of about the k best documents of each query, best first.

        Args:
            queries: unit vectors, shape (tokens, dimension) each.
        """
        return [self._search(query, k) for query in queries]

    def _search(self, query: Matrix, k: int) -> Hit:
        from rankify.indexes.multivector_kernels import centroid_scores

        similarities = np.ascontiguousarray(self.codec.centroids @ query.T)
        found = self._proposed(similarities, min(k, len(self)))
        kept = max(LEAST, k * self.refine)
        if len(found) > kept:
            rough = centroid_scores(similarities, self.cells, self.starts, found)
            found = best(found, rough, self.id_ranks, kept)[0]
        return best(found, maxsims(query, self._matrices(found)), self.id_ranks, k)

    def _proposed(self, similarities: Matrix, least: int) -> Positions:
        """The documents that the lists of the nearest centroids hold, ascending; `least` of them at least."""
        probed, total = self.nprobe, len(similarities)
        while probed < total:
            near = np.unique(np.argpartition(-similarities, probed - 1, axis=0)[:probed])
            found = np.unique(np.concatenate([self._list(cell) for cell in near.tolist()]))
            if len(found) >= least:
                return found.astype(np.int64)
            probed *= 2
        return np.arange(len(self))

    def _list(self, cell: int) -> NDArray[np.int32]:
        return self.lists[self.list_starts[cell] : self.list_starts[cell + 1]]

    def _matrices(self, positions: Positions) -> Iterator[Matrix]:
        """The restored vectors of each of these documents."""
        for position in positions.tolist():
            start, stop = self.starts[position], self.starts[position + 1]
            yield self.codec.restored(self.cells[start:stop], self.codes.between(start, stop))


def inverted(
    cells: Sequence[NDArray[np.unsignedinteger]], lengths: Sequence[NDArray[np.integer]], centroids: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each centroid the documents with a token there, ascending: where each one's begin, and all of them.

    Args:
        cells: the centroid of each token, an array a shard.
        lengths: how many tokens each document has, an array a shard.
    """
    shards, first = [], 0
    counts = np.zeros(centroids, dtype=np.int64)
    for here, sizes in zip(cells, lengths, strict=True):
        owners, found = _pairs(np.asarray(here), np.asarray(sizes))
        held = np.bincount(owners, minlength=centroids)
        shards.append((held, (found + first).astype(np.int32)))
        counts += held
        first += len(sizes)
    starts = np.concatenate([[0], np.cumsum(counts)])
    lists, ends = np.empty(int(starts[-1]), dtype=np.int32), starts[:-1].copy()
    for held, documents in shards:
        before = np.cumsum(held) - held
        lists[np.repeat(ends - before, held) + np.arange(len(documents))] = documents
        ends += held
    return starts, lists


def _pairs(cells: NDArray[Any], lengths: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct pairs of a centroid and a document with a token there, in order."""
    documents = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    owners, found = np.divmod(
        np.unique(cells.astype(np.int64) * max(1, len(lengths)) + documents), max(1, len(lengths))
    )
    return owners, found


def refuse_numbers(**numbers: int) -> None:
    """Raises Misuse for a number of a search that is no whole number from 1 up, before anything is encoded."""
    for name, value in numbers.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise Misuse(f"index=compressed with {name}={value!r}: it is a whole number from 1 up")
