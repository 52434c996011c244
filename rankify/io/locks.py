"""Folders that one process at a time writes into, and files that one process makes while others wait for them."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankify.errors import BadInput
from rankify.io.files import disk_errors

logger = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """The folder is this process's to write into, until the block ends or the process does. It has to exist.

    Args:
        wait: until another one that is writing there is done.

    Raises:
        BadInput: another process, or this one elsewhere, is writing there.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, folder, wait)
        yield
    finally:
        os.close(handle)


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """The making of what is to be at a path is this process's, until the block ends or the process does.

    Others that ask for it wait; when their turn comes they look first whether it is there by now. The lock is a file
    beside it that goes with the block. One that a killed process left behind is locked by nobody.
    """
    lock = path.with_name(f".{path.name}.lock")
    with disk_errors(path):
        lock.parent.mkdir(parents=True, exist_ok=True)
        handle = _held(lock)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)  # before it is let go: whoever locks it then sees that it is gone
        os.close(handle)


def _held(lock: Path) -> int:
    """A handle on the locked file, which is still the one under that name."""
    while True:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle, lock, wait=True)
            if _is_at(handle, lock):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    """Whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock(handle: int, folder: Path, wait: bool) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        raise BadInput(
            f"another process is writing into {folder}; wait until it is done, or give another folder"
        ) from None
    except OSError as error:
        if error.errno not in (errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        logger.warning("%s lies where folders cannot be locked: start nothing else that writes there", folder)
