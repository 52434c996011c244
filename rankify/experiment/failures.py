"""Systems that fail: what ends one of them, what ends the experiment, and the table of those that failed."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from rankify.errors import RankifyError
from rankify.experiment.grid import Entry, Grid

logger = logging.getLogger(__name__)
FULL = (errno.ENOSPC, errno.EDQUOT)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    """A system that failed, and why, in a line."""

    reason: str


def caught(run: Callable[[], T], name: str) -> T | Failure:
    """What a system's work gives, or its failure.

    What would fail every other system too is raised: no memory, a full disk. So is an interruption.

    Args:
        name: the system's and the dataset's, for the log.
    """
    try:
        return run()
    except MemoryError:
        raise
    except Exception as error:
        if _is_full(error):
            raise
        logger.debug("%s failed", name, exc_info=True)
        return Failure(reason(error))


def reason(error: Exception) -> str:
    """An error as one line; one that is not Rankify's own begins with its kind."""
    said = " ".join(str(error).split())
    return said if isinstance(error, RankifyError) else f"{type(error).__name__}: {said}".removesuffix(": ")


def _is_full(error: BaseException | None) -> bool:
    """Whether an error is that of a full disk, or comes of one."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


def grids(failed: Mapping[str, Mapping[str, str]]) -> list[Grid]:
    """The table of what failed, by dataset and system; none where nothing did."""
    rows = [(system, [Entry(label), Entry(why)]) for label, row in failed.items() for system, why in row.items()]
    note = "What was finished before is kept; a next start tries these again."
    columns, words = ["system", "dataset", "reason"], ["dataset", "reason"]
    return [Grid(title="failed", columns=columns, rows=rows, note=note, words=words)] if rows else []


def refuse(failed: Mapping[str, Mapping[str, str]], systems: int) -> None:
    """Raises RankifyError where a system failed: how many did, and the first of them.

    Args:
        systems: how many there were, on all datasets together.
    """
    every = [(label, system, why) for label, row in failed.items() for system, why in row.items()]
    if every:
        label, system, why = every[0]
        raise RankifyError(f"{len(every)} of {systems} systems failed, first {system} on {label}: {why}")
