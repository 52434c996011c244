"""Which systems of an experiment are compared: each with the baseline, or every two, and how tables write that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rankify.errors import UnknownName

if TYPE_CHECKING:
    from rankify.evaluation import Comparison

WAYS = ("baseline", "all-pairs")


def all_pairs(said: Any) -> bool:
    """Whether every two systems are compared, as the file says it; UnknownName where that is no way to compare."""
    if said not in WAYS:
        raise UnknownName.among("way to compare", str(said), WAYS)
    return bool(said == "all-pairs")


def lettered(comparison: Comparison | None, systems: Iterable[str]) -> Comparison | None:
    """A comparison whose letters are those of the systems in this order, which stay the same where one is missing."""
    return comparison and replace(comparison, means={s: comparison.means.get(s, {}) for s in systems})


def named(comparison: Comparison | None, system: str) -> str:
    """A system's name in a table, after its letter where there are letters."""
    return system if comparison is None or comparison.baseline else f"{comparison.label(system).strip()} {system}"
