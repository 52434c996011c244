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

STORAGES = ("float32", "float16")


class Vectors:
    """Rows that several arrays hold one after the other.

    Args:
        shards: arrays of shape (rows, dimension), of any float type.
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
                yield first + start, np.asarray(shard[start : start + rows], dtype=np.float32)

    def take(self, positions: Positions) -> NDArray[np.float32]:
        """The rows at these positions, shape (positions, dimension)."""
        found = np.empty((len(positions), self.dimension), dtype=np.float32)
        owners = np.searchsorted(self.starts, positions, side="right") - 1
        for owner in np.unique(owners).tolist():
            here = owners == owner
            found[here] = self.shards[owner][positions[here] - self.starts[owner]]
        return found


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard of an index on disk lies."""
    return folder / f"vectors-{number:05}.npy"


def save_shard(folder: Path, number: int, rows: NDArray[np.float32], storage: str) -> None:
    """Writes one shard, whole or not at all.

    Raises:
        BadInput: a value is too large for the type of the file.
    """
    with np.errstate(over="ignore"):
        stored = rows.astype(storage)
    if not np.isfinite(stored).all():
        raise BadInput(f"the vectors do not fit into {storage}; use storage=float32")
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
        if shard.shape != (rows, dimension) or shard.dtype != np.dtype(storage):
            raise BadInput(f"{path} holds {shard.dtype}{shard.shape}, not {storage}({rows}, {dimension})")
        found.append(shard)
    return Vectors(found, dimension)


def storage_of(name: str) -> str:
    """The name of a type that vectors can be stored in.

    Raises:
        UnknownName: none of `STORAGES`.
    """
    if name not in STORAGES:
        raise UnknownName.among("storage of vectors", name, STORAGES)
    return name
