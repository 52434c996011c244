"""The vectors of a corpus in a folder: encoded shard by shard, opened, and brought up to a corpus that has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Positions
from rankify.indexes.shard_folder import ShardFolder, numbers_of
from rankify.indexes.vectors import SHARD, Vectors, open_shards, save_shard

# the positions of some documents, ascending -> their vectors, shape (positions, dimension)
Encode = Callable[[Sequence[int]], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class VectorFolder:
    """Where the vectors of a corpus are kept.

    Args:
        folder, corpus, said, spec, size: as for `ShardFolder`.
        encode: gives the vectors of documents.
        dimension: of a vector. storage: float32, float16 or bits.
    """

    folder: Path
    corpus: Corpus
    said: dict[str, Any]
    spec: str
    encode: Encode
    dimension: int
    storage: str
    size: int

    def vectors(self) -> Vectors:
        """The vectors of the corpus, mapped into memory; those that are not there yet are encoded.

        Raises:
            BadInput: the folder's vectors are of another encoder, or of another corpus: less than half are in this one.
        """
        where = ShardFolder(
            folder=self.folder, corpus=self.corpus, said=self.said, spec=self.spec, size=self.size, names=[SHARD],
            read=self._read, write=self._write,
        )  # fmt: skip
        return where.opened()

    def _read(self, manifest: dict[str, Any]) -> Vectors:
        numbers = numbers_of(manifest)
        return open_shards(self.folder, manifest["shards"], self.dimension, self.storage, numbers=numbers)

    def _write(self, number: int, positions: Sequence[int], rows: Positions, present: Vectors | None) -> None:
        """Writes a shard: present vectors are copied, the others encoded."""
        new = np.flatnonzero(rows < 0)
        if present is None or len(new) == len(rows):
            save_shard(self.folder, number, self.encode(positions), self.storage)
            return
        found = np.empty((len(rows), self.dimension), np.float32)
        found[rows >= 0] = present.take(rows[rows >= 0])
        if len(new):
            found[new] = self.encode([positions[place] for place in new.tolist()])
        save_shard(self.folder, number, found, self.storage)
