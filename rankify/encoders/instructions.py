"""The instructions that models were published with, one a task, in `instructions.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from rankify.errors import UnknownName
from rankify.packaged import packaged


@cache
def instructions() -> dict[str, dict[str, Any]]:
    """Sets of instructions by name: their `source`, `licence`, and `tasks`, from a task's name to its words."""
    found: dict[str, dict[str, Any]] = packaged(files("rankify.encoders") / "instructions.yaml")
    return found


def instruction_of(asked: str, tasks: str = "") -> str:
    """The words of an instruction: of a task by its name, or as they were given.

    Args:
        asked: a task's name, or words, which have a blank between them.
        tasks: the set in which a name is looked up first; then all are, in the order of the file.

    Raises:
        UnknownName: no task has that name.

    >>> instruction_of("beir/scifact")
    'Given a scientific claim, retrieve documents that support or refute the claim'
    >>> instruction_of("Find what refutes the claim")
    'Find what refutes the claim'
    """
    if not asked or " " in asked.strip():
        return asked
    sets = instructions()
    ordered = [*([sets[tasks]] if tasks else []), *sets.values()]
    for one in ordered:
        if asked in one["tasks"]:
            return str(one["tasks"][asked])
    raise UnknownName.among("task with an instruction", asked, [name for one in ordered for name in one["tasks"]])
