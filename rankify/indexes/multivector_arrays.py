"""The arrays of a late-interaction index, shard by shard: in memory, or one file each in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput
from rankify.indexes.arrays import write_array
from rankify.io.files import writing


class Arrays:
    """Arrays under a name and a shard's number; a file appears whole or not at all, and is mapped into memory.

    Args:
        folder: where they are; in memory if not given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._held: dict[tuple[str, int], NDArray[Any]] = {}

    def path(self, name: str, number: int) -> Path:
        """Where an array lies."""
        if self.folder is None:
            raise ValueError("arrays in memory lie nowhere")
        return self.folder / f"{name}-{number:05}.npy"

    def there(self, name: str, number: int = 0) -> bool:
        """Whether there is such an array."""
        return (name, number) in self._held or (self.folder is not None and self.path(name, number).is_file())

    def put(self, name: str, array: NDArray[Any], number: int = 0) -> None:
        """Keeps an array."""
        if self.folder is None:
            self._held[name, number] = array
            return
        with writing(self.path(name, number), binary=True) as file:
            write_array(file, array)

    def get(self, name: str, number: int = 0) -> NDArray[Any]:
        """An array that was put.

        Raises:
            BadInput: its file is missing or damaged.
        """
        if self.folder is None:
            return self._held[name, number]
        path = self.path(name, number)
        try:
            found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(f"cannot read {path}: {error}; delete {self.folder} to build it again") from None
        return found

    def shards(self, name: str, count: int) -> list[NDArray[Any]]:
        """The arrays of that name of the first so many shards."""
        return [self.get(name, number) for number in range(count)]
