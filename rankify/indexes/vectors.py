"""Vectors of a collection: one row a document, in shards that lie in memory or in files mapped into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import BadInput, UnknownName
from rankify.indexes.arrays import write_array
from rankify.io.files import writing

SHARD = "vectors-{:05}.npy"  # the file of a shard
STORAGES = ("float32", "float16")
BITS = "bits"  # of each value its sign alone: 1 where it is above 0, else -1; BPR, arXiv:2106.00882


class Vectors:
    """Rows that several arrays hold one after the other.

    Args:
        shards: arrays of shape (rows, dimension), of any float type; or packed signs, as `as_stored` makes them.
        dimension: the length of a vector; needed where there is no row.
    """

    def __init__(self, shards: Sequence[NDArray[Any]], dimension: int) -> None:
        self.shards, self.dimension = list(shards), dimension
        self.starts = np.cumsum([0, *map(len, self.shards)])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def blocks(self, rows: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """The rows in order as float32, at most so many at once, with the number of the first."""
        for first, shard in zip(self.starts.tolist(), self.shards, strict=False):
            for start in range(0, len(shard), rows):
                yield first + start, _numbers(shard[start : start + rows], self.dimension)

    def take(self, positions: Positions) -> NDArray[np.float32]:
        """The rows at these positions, shape (positions, dimension)."""
        found = np.empty((len(positions), self.dimension), dtype=np.float32)
        owners = np.searchsorted(self.starts, positions, side="right") - 1
        for owner in np.unique(owners).tolist():
            here = owners == owner
            found[here] = _numbers(self.shards[owner][positions[here] - self.starts[owner]], self.dimension)
        return found


def as_stored(rows: NDArray[np.float32], storage: str) -> NDArray[Any]:
    """Rows as they are kept: in a smaller type, or as packed signs, shape (rows, dimension / 8 rounded up).

    Raises:
        BadInput: a value is too large for the type.

    >>> as_stored(np.array([[0.5, -2, 0, 3]], np.float32), "bits").tolist()
    [[144]]
    """
    if storage == BITS:
        return np.packbits(rows > 0, axis=1)
    with np.errstate(over="ignore"):
        stored = rows.astype(storage)
    if not np.isfinite(stored).all():
        raise BadInput(f"the vectors do not fit into {storage}; use storage=float32")
    return stored


def _numbers(rows: NDArray[Any], dimension: int) -> NDArray[np.float32]:
    """Kept rows as float32, shape (rows, dimension)."""
    if rows.dtype != np.uint8:
        return np.asarray(rows, dtype=np.float32)
    return np.unpackbits(rows, axis=1, count=dimension).astype(np.float32) * 2 - 1


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard of an index on disk lies."""
    return folder / SHARD.format(number)


def save_shard(folder: Path, number: int, rows: NDArray[np.float32], storage: str) -> None:
    """Writes one shard, whole or not at all.

    Raises:
        BadInput: a value is too large for the type of the file.
    """
    stored = as_stored(rows, storage)
    with writing(shard_path(folder, number), binary=True) as file:
        write_array(file, stored)


def open_shards(
    folder: Path, sizes: Sequence[int], dimension: int, storage: str, *, numbers: Sequence[int] | None = None
) -> Vectors:
    """The vectors of an index on disk, mapped into memory.

    Args:
        numbers: of the shards' files, in the order of their rows; 0, 1, 2, ... if not given.

    Raises:
        BadInput: a shard is missing or is not what the manifest says.
    """
    found = []
    for number, rows in zip(range(len(sizes)) if numbers is None else numbers, sizes, strict=True):
        path = shard_path(folder, number)
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(f"cannot read {path}: {error}; delete {folder} to build it again") from None
        kind, width = ("uint8", -(-dimension // 8)) if storage == BITS else (storage, dimension)
        if shard.shape != (rows, width) or shard.dtype != np.dtype(kind):
            raise BadInput(f"{path} holds {shard.dtype}{shard.shape}, not {kind}({rows}, {width})")
        found.append(shard)
    return Vectors(found, dimension)


def storage_of(name: str, *more: str) -> str:
    """The name of a type that vectors can be stored in.

    Raises:
        UnknownName: none of `STORAGES`, nor of `more`.
    """
    if name not in (*STORAGES, *more):
        raise UnknownName.among("storage of vectors", name, (*STORAGES, *more))
    return name
