"""Folders that one process at a time writes into."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rankify.errors import BadInput

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
