"""Published figures on benchmarks and the configurations that reach them; `reproductions/` has a file a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from rankify.errors import UnknownName
from rankify.packaged import packaged

if TYPE_CHECKING:
    from importlib.abc import Traversable

Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """A system whose figures are published.

    Attributes:
        name: what it is called here; `aliases` are other names of it.
        about: what it is.
        pipeline: its configuration.
        instead: another one for some collections, by collection.
        figures: as published, by collection and measure.
        tolerance: how far a figure may be from the published one, and `why` not less.
        source: where the figures were read.
        label: what the source calls the system, where several sources publish figures of it; otherwise "".
        digits: of the figures behind the point, by collection and measure; four where nothing is said.
    """

    name: str
    about: str
    pipeline: str
    figures: Figures
    tolerance: float
    why: str
    source: str
    aliases: tuple[str, ...] = ()
    label: str = ""
    digits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    instead: Mapping[str, str]

    def on(self, collection: str) -> str:
        """The pipeline for a collection."""
        return self.instead.get(collection, self.pipeline)


@cache
def published(benchmark: str) -> dict[str, Published]:
    """The systems of a benchmark, by name.

    Raises:
        UnknownName: there is no such benchmark.
    """
    if benchmark not in benchmarks():
        raise UnknownName.among("benchmark", benchmark, benchmarks())
    entries = packaged(_folder() / f"{benchmark}.yaml")
    return {name: _made(name, entry) for name, entry in entries.items()}


def _made(name: str, entry: Mapping[str, Any]) -> Published:
    """A system of the catalogue, where `digits` is one number for all of its figures."""
    places, rows = entry.get("digits"), entry["figures"].items()
    digits = {collection: dict.fromkeys(row, places) for collection, row in rows} if places else {}
    return Published(
        name=name, **{"instead": {}, **entry, "aliases": tuple(entry.get("aliases", ())), "digits": digits}
    )  # fmt: skip


def benchmarks() -> list[str]:
    """The benchmarks that figures are published for, sorted."""
    return sorted(place.name.removesuffix(".yaml") for place in _folder().iterdir())


def system(benchmark: str, name: str) -> Published:
    """A system of a benchmark by its name or an alias.

    Raises:
        UnknownName: there is none; the message has near ones.
    """
    known = {one: entry for entry in published(benchmark).values() for one in (entry.name, *entry.aliases)}
    if name not in known:
        raise UnknownName.among("published system", name, known)
    return known[name]


def _folder() -> Traversable:
    return files("rankify.catalog") / "reproductions"
