"""Search by signs: the Hamming distance of vectors' signs finds candidates, and inner products order them.

Yamada, Asai and Hajishirzi, "Efficient passage retrieval with hashing for open-domain question answering" (BPR),
arXiv:2106.00882.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.indexes.flat import Hit, ranked
from rankify.indexes.vectors import BITS, Vectors, as_stored
from rankify.stages import positive

ROWS = 65_536  # compared at once: 6 MiB of differences where vectors have 768 dimensions


class BinaryIndex:
    """The rows whose signs differ from a query's in the fewest places, ordered by their inner products with it.

    Where the vectors are kept as bits, a row in that product is its signs, as BPR has it; elsewhere it is the vector.
    Rows equally far from a query are taken in the order of ids, so that the candidates are always the same.

    Args:
        vectors: one row a document.
        id_ranks: each document's place in the ascending order of ids.
        candidates: how many rows the distances choose; at least k.
    """

    def __init__(self, vectors: Vectors, id_ranks: NDArray[np.int32], *, candidates: int = 1000) -> None:
        self.vectors, self.id_ranks, self.candidates = vectors, id_ranks, positive(candidates)
        bits = all(shard.dtype == np.uint8 for shard in vectors.shards)
        parts = vectors.shards if bits else [as_stored(rows, BITS) for _, rows in vectors.blocks(ROWS)]
        self._codes = [_words(part) for part in parts]

    def search(self, queries: NDArray[np.float32], k: int) -> list[Hit]:
        """The positions and scores of each query's k best candidates, best first.

        Args:
            queries: shape (queries, dimension).
        """
        codes = _words(as_stored(queries, BITS))
        return [
            ranked(query, self.nearest(code, max(k, self.candidates)), self.vectors, self.id_ranks, k)
            for query, code in zip(queries, codes, strict=True)
        ]

    def nearest(self, code: NDArray[np.uint64], n: int) -> Positions:
        """The n rows whose codes differ least from one; of equally far ones those with the first ids."""
        far = np.concatenate([*(distances(part, code) for part in self._codes), np.empty(0, np.int64)])
        order = far * len(far) + self.id_ranks  # one number for both, all different
        if n >= len(far):
            return np.arange(len(far))
        found: Positions = np.argpartition(order, n)[:n]
        return found


def distances(codes: NDArray[np.uint64], code: NDArray[np.uint64]) -> NDArray[np.int64]:
    """In how many bits each code differs from one, shape (codes,).

    >>> distances(np.array([[5], [7], [0]], np.uint64), np.array([4], np.uint64)).tolist()
    [1, 2, 1]
    """
    found = np.empty(len(codes), np.int64)
    for start in range(0, len(codes), ROWS):
        differing = np.bitwise_count(codes[start : start + ROWS] ^ code)
        found[start : start + ROWS] = differing.sum(axis=1, dtype=np.int64)
    return found


def _words(packed: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Packed bits in words of 64, zeros behind the last; a view where they fill whole words."""
    behind = -packed.shape[1] % 8
    whole = np.pad(packed, ((0, 0), (0, behind))) if behind else np.ascontiguousarray(packed)
    return whole.view(np.uint64)
