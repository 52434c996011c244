"""The folder of an index while it is being built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rankify.errors import BadInput
from rankify.io.files import disk_errors
from rankify.io.locks import locked


@contextmanager
def building(folder: Path, *, own: str = "") -> Iterator[None]:
    """The folder, made if need be and this process's alone until the block ends; taken away again if it stays empty.

    Args:
        folder: where the index is to be.
        own: the names that a killed build may have left there, as a pattern.

    Raises:
        BadInput: it holds files of somebody else, or another process is building there.
    """
    refuse_foreign(folder, own)
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder):
            remove_parts(folder)
            yield
    finally:
        for place in made:
            with suppress(OSError):  # it is not empty
                place.rmdir()


def refuse_foreign(folder: Path, own: str = "") -> None:
    """Raises BadInput where a new index would be mixed with files that are not its own."""
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; an index needs a folder: give a new one")
    there = sorted(p.name for p in folder.iterdir() if not _ours(p, own)) if folder.is_dir() else []
    if there:
        raise BadInput(f"{folder} is no index but holds {there[0]!r}; give an empty or a new folder")


def _ours(path: Path, own: str) -> bool:
    return path.name.startswith(".") or (bool(own) and path.match(own))


def remove_parts(folder: Path) -> None:
    """Removes the beginnings of files that killed processes left in a folder that is locked, and below it."""
    for left in folder.rglob(".*.part"):
        left.unlink(missing_ok=True)
