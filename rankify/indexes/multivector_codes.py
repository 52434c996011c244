"""Token vectors in a few bits a dimension: the nearest centroid, and what is left in 1, 2 or 4 bits.

Santhanam et al., "ColBERTv2", arXiv:2112.01488.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rankify.errors import Misuse

logger = logging.getLogger(__name__)

BITS = (1, 2, 4)
TRAINED_ON = 32  # vectors for each centroid
STEPS = 6  # of k-means
ROWS = 4096  # compared with all centroids at once
MEASURED = 1 << 14  # vectors whose residuals decide where the buckets lie

Matrix = NDArray[np.float32]


def centroids_for(tokens: int) -> int:
    """How many centroids a collection of so many tokens gets: the power of two at or below four times the root.

    >>> centroids_for(1_200_000), centroids_for(1)
    (4096, 4)
    """
    return 1 << math.floor(math.log2(4 * math.sqrt(max(1, tokens))))


@dataclass(frozen=True, eq=False)
class Codec:
    """Compresses unit vectors and gives them back.

    A vector is its centroid and, for each dimension, in which bucket of equally many residuals it fell. Buckets are
    those of each dimension by itself, where ColBERTv2 has the same for all: dimensions differ in spread.

    Args:
        centroids: unit vectors, shape (centroids, dimension).
        cutoffs: the bounds between buckets, shape (2 ** bits - 1, dimension).
        values: what a bucket stands for, its middle residual, shape (2 ** bits, dimension).
    """

    centroids: Matrix
    cutoffs: Matrix
    values: Matrix

    @classmethod
    def trained(cls, sample: Matrix, *, centroids: int, bits: int, seed: int = 0) -> Codec:
        """A codec for vectors like these.

        Args:
            sample: unit vectors, at least one; about `TRAINED_ON` for each centroid suffice.
            centroids: how many, or as many as the sample has vectors.

        Raises:
            Misuse: another number of bits than 1, 2 or 4.
        """
        if bits not in BITS or isinstance(bits, bool):
            raise Misuse(f"bits={bits!r}: a dimension takes {', '.join(map(str, BITS))} bits")
        middles = clustered(sample, min(centroids, len(sample)), seed=seed)
        some = sample[np.random.default_rng(seed).permutation(len(sample))[:MEASURED]]
        residuals = some - middles[nearest(some, middles)]
        buckets = 2**bits
        cutoffs = np.quantile(residuals, np.arange(1, buckets) / buckets, axis=0)
        values = np.quantile(residuals, (np.arange(buckets) + 0.5) / buckets, axis=0)
        return cls(middles, cutoffs.astype(np.float32), values.astype(np.float32))

    @property
    def bits(self) -> int:
        """Bits of a dimension."""
        buckets = int(self.values.shape[0])
        return buckets.bit_length() - 1

    @property
    def width(self) -> int:
        """Bytes of a vector's residual."""
        return -(-int(self.centroids.shape[1]) * self.bits // 8)

    @property
    def cell_type(self) -> np.dtype[np.unsignedinteger]:
        """The smallest type that holds a centroid's number."""
        return np.min_scalar_type(len(self.centroids) - 1)

    def compressed(self, vectors: Matrix) -> tuple[NDArray[np.unsignedinteger], NDArray[np.uint8]]:
        """Each vector's centroid, shape (vectors,), and its buckets, shape (vectors, width)."""
        cells = nearest(vectors, self.centroids)
        per_byte, codes = 8 // self.bits, np.empty((len(vectors), self.width), dtype=np.uint8)
        for start in range(0, len(vectors), ROWS):
            here = slice(start, start + ROWS)
            residuals = vectors[here] - self.centroids[cells[here]]
            buckets = np.zeros((len(residuals), self.width * per_byte), dtype=np.uint8)
            for cutoff in self.cutoffs:
                buckets[:, : residuals.shape[1]] += residuals > cutoff
            parts = buckets.reshape(len(residuals), self.width, per_byte)
            shifted = parts << (np.arange(per_byte, dtype=np.uint8) * self.bits)
            codes[here] = np.bitwise_or.reduce(shifted, axis=2)
        return cells.astype(self.cell_type), codes

    def restored(self, cells: NDArray[np.unsignedinteger], codes: NDArray[np.uint8]) -> Matrix:
        """Vectors of length 1 again, as near as the bits allow, shape (vectors, dimension)."""
        from rankify.indexes.multivector_kernels import restore

        found: Matrix = restore(self.centroids, self._bytes, np.asarray(cells), np.asarray(codes))
        return found

    @cached_property
    def _bytes(self) -> Matrix:
        """What each byte at each place stands for, shape (width, 256, dimensions of a byte)."""
        per_byte, dimension = 8 // self.bits, self.centroids.shape[1]
        buckets = (np.arange(256)[:, None] >> (np.arange(per_byte) * self.bits)) & (2**self.bits - 1)
        values = np.zeros((len(self.values), self.width * per_byte), dtype=np.float32)
        values[:, :dimension] = self.values
        places = np.arange(self.width * per_byte).reshape(self.width, 1, per_byte)
        found: Matrix = values[buckets[None], places]
        return found


def nearest(vectors: Matrix, centroids: Matrix) -> NDArray[np.int64]:
    """The centroid of the greatest inner product with each vector, shape (vectors,)."""
    blocks = range(0, len(vectors), ROWS)
    found = [(vectors[start : start + ROWS] @ centroids.T).argmax(axis=1) for start in blocks]
    return np.concatenate([*found, np.empty(0, np.int64)])


def clustered(sample: Matrix, k: int, *, seed: int = 0) -> Matrix:
    """The k unit vectors around which a sample of unit vectors lies: k-means by cosine, the same for the same seed.

    A centroid that is nearest to no vector stays where it is.
    """
    middles = sample[np.sort(np.random.default_rng(seed).permutation(len(sample))[:k])]
    for step in range(STEPS):
        cells = nearest(sample, middles)
        order = np.argsort(cells, kind="stable")
        there, first = np.unique(cells[order], return_index=True)
        sums = np.add.reduceat(sample[order], first, axis=0)
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        moved = np.where(lengths > 0, sums / np.maximum(lengths, 1e-12), middles[there])
        middles = middles.copy()
        middles[there] = moved
        logger.info("k-means step %d of %d, %d centroids of %d vectors", step + 1, STEPS, k, len(sample))
    return middles
