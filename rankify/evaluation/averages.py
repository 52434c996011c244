"""Averages over collections that have a name: BEIR's 18, its 14 public ones, and so on; never of fewer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import isfinite
from statistics import fmean
from typing import Any

from rankify.errors import BadInput, UnknownName
from rankify.packaged import packaged

Table = Mapping[str, Mapping[str, float]]  # system -> collection -> value
_PREFIXES = ("beir/", "beir-v1.0.0-")


@dataclass(frozen=True, slots=True)
class Average:
    """A set of collections that is averaged over: its name, what it is, and its members."""

    name: str
    about: str
    of: tuple[str, ...]


@cache
def _read() -> dict[str, Any]:
    found: dict[str, Any] = packaged(files("rankify.evaluation") / "collections.yaml")
    return found


def averages() -> dict[str, Average]:
    """The named sets, by name."""
    return {name: Average(name, said["about"], tuple(said["of"])) for name, said in _read()["averages"].items()}


def parts() -> dict[str, tuple[str, ...]]:
    """The collections that are means of others: CQADupStack, of its twelve forums."""
    return {name: tuple(said) for name, said in _read()["parts"].items()}


@cache
def names() -> dict[str, str]:
    """The name that a published collection has here, by each of its names in lower case."""
    return {other.lower(): name for name, others in _read()["names"].items() for other in (name, *others)}


def canonical(collection: str) -> str | None:
    """The name that a published collection has in the named sets, or None for one that is in none.

    >>> canonical("beir/scifact"), canonical("Touche2020"), canonical("cqadupstack/android"), canonical("mine")
    ('scifact', 'webis-touche2020', 'cqadupstack-android', None)
    """
    lower = collection.lower()
    for prefix in _PREFIXES:
        lower = lower.removeprefix(prefix)
    return names().get(lower)


def over(table: Table, average: str) -> dict[str, dict[str, float]]:
    """The values of each system on the collections of a named set, in its order, under its names.

    A collection that is a mean of others, CQADupStack, is taken as it stands or as the mean of all its parts. A value
    that stands there already has to be that mean: one over the merged forums is another measure.

    Raises:
        UnknownName: there is no such set.
        BadInput: a system lacks a collection, or a part of one; the message names them all. Or a collection is there
            twice, under two names or both as a whole and in parts; or a value is no number.
    """
    if average not in averages():
        raise UnknownName.among("average", average, averages())
    members = averages()[average].of
    return {system: _members(system, _renamed(system, row), average, members) for system, row in table.items()}


def complete(table: Table) -> list[str]:
    """The collections, which every system has a number for, in the first system's order.

    Raises:
        BadInput: there is no system or no collection, a system lacks a collection that another has, or a value is no
            finite number.
    """
    if not table or not any(table.values()):
        raise BadInput("there is nothing to aggregate: give systems with their values on collections")
    everywhere = list(dict.fromkeys(c for row in table.values() for c in row))
    for system, row in table.items():
        if missing := [c for c in everywhere if c not in row]:
            raise BadInput(f"{system!r} has no value for {', '.join(missing)}; a mean over fewer would not compare")
        _finite(system, row)
    return everywhere


def _renamed(system: str, row: Mapping[str, float]) -> dict[str, float]:
    """The values of the published collections, under the names of the sets."""
    found: dict[str, tuple[str, float]] = {}
    for given, value in row.items():
        name = canonical(given)
        if name is None:
            continue
        if name in found:
            raise BadInput(f"{system!r} has {name} twice: as {found[name][0]!r} and as {given!r}")
        found[name] = given, value
    return {name: value for name, (_, value) in found.items()}


def _members(system: str, row: Mapping[str, float], average: str, members: tuple[str, ...]) -> dict[str, float]:
    values: dict[str, float] = {}
    missing: list[str] = []
    for member in members:
        pieces = parts().get(member, ())
        there = [piece for piece in pieces if piece in row]
        if member in row and there:
            raise BadInput(f"{system!r} has {member} as a whole and in parts, e.g. {there[0]}; leave one of them out")
        if member in row:
            values[member] = row[member]
        elif there and len(there) == len(pieces):
            values[member] = fmean(row[piece] for piece in pieces)
        else:
            missing += [piece for piece in pieces if piece not in row] if there else [member]
    if missing:
        raise BadInput(
            f"{system!r} has no value for {', '.join(missing)}; {average} is over {len(members)} collections"
        )
    _finite(system, values)
    return values


def _finite(system: str, row: Mapping[str, float]) -> None:
    for collection, value in row.items():
        if not isfinite(value):
            raise BadInput(f"{system!r} has {value!r} for {collection}, which is no number to aggregate")
