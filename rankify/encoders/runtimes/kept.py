"""What is made once and kept in the cache: by one process, whole or not at all, checked before it is used."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rankify.errors import RankifyError
from rankify.io.cache import cache_folder
from rankify.io.files import disk_errors
from rankify.io.locks import locked

logger = logging.getLogger(__name__)

WHOLE, PART, MANIFEST = "whole", "part", "manifest.json"


def kept(kind: str, key: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
    """The folder that `make` fills for a key: the cache's, if it has it undamaged, or else made now.

    Processes that want the same one wait for the first to make it. What a killed process left half done is removed by
    the next one.

    Args:
        kind: the part of the cache it lies in.
        key: everything that decides the content.
        make: writes files, and no folders, into the empty folder it is given.

    Raises:
        RankifyError: the cache cannot be written.
    """
    said = json.loads(json.dumps(key, sort_keys=True))
    home = cache_folder(kind, hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32])
    try:
        with disk_errors(home):
            home.mkdir(parents=True, exist_ok=True)
            with locked(home, wait=True):
                if not _undamaged(home / WHOLE, said):
                    _made(home, said, make)
    except RankifyError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise RankifyError(f"{error}; set RANKIFY_CACHE to a folder that can be written") from error
    return home / WHOLE


def _made(home: Path, key: Mapping[str, Any], make: Callable[[Path], None]) -> None:
    """Fills the folder beside its final name, and renames it."""
    if (home / WHOLE).exists():
        logger.warning("%s is damaged and is made again", home / WHOLE)
    for left in (home / WHOLE, home / PART):
        shutil.rmtree(left, ignore_errors=True)
    (home / PART).mkdir()
    try:
        make(home / PART)
        files = {path.name: digest(path) for path in sorted((home / PART).iterdir())}
        (home / PART / MANIFEST).write_text(json.dumps({"key": key, "files": files}, indent=1), "utf-8")
        for path in (home / PART).iterdir():
            _on_disk(path)
        (home / PART).rename(home / WHOLE)
        _on_disk(home)
    finally:
        shutil.rmtree(home / PART, ignore_errors=True)


def _undamaged(folder: Path, key: Mapping[str, Any]) -> bool:
    """Whether the folder holds what its manifest says, to the byte, for this key."""
    try:
        said = json.loads((folder / MANIFEST).read_text("utf-8"))
        return said["key"] == key and all(digest(folder / name) == value for name, value in said["files"].items())
    except (OSError, ValueError, LookupError, TypeError):
        return False


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def _on_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
