"""The arrays of a late-interaction index, shard by shard: in memory, or one file each in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput
from rankify.indexes.arrays import write_array
from rankify.io.files import writing

Label = int | str


class Arrays:
    """Arrays under a name and a shard's number, or another label. Files appear whole or not at all, and are mapped.

    Args:
        folder: where they are; in memory if not given.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._held: dict[tuple[str, Label], NDArray[Any]] = {}

    def path(self, name: str, label: Label) -> Path:
        """Where an array lies."""
        if self.folder is None:
            raise ValueError("arrays in memory lie nowhere")
        return self.folder / f"{name}-{f'{label:05}' if isinstance(label, int) else label}.npy"

    def there(self, name: str, label: Label) -> bool:
        """Whether there is such an array."""
        return (name, label) in self._held or (self.folder is not None and self.path(name, label).is_file())

    def put(self, name: str, array: NDArray[Any], label: Label) -> None:
        """Keeps an array."""
        if self.folder is None:
            self._held[name, label] = array
            return
        with writing(self.path(name, label), binary=True) as file:
            write_array(file, array)

    def get(self, name: str, label: Label) -> NDArray[Any]:
        """An array that was put.

        Raises:
            BadInput: its file is missing or damaged.
        """
        if self.folder is None:
            return self._held[name, label]
        path = self.path(name, label)
        try:
            found: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadInput(f"cannot read {path}: {error}; delete {self.folder} to build it again") from None
        return found
