"""Published figures reproduced: experiments of the published configurations, and their figures beside those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rankify import catalog
from rankify.catalog.published import Published
from rankify.datasets import named
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.averages import averages, canonical, over, parts
from rankify.evaluation.measures import listed, parsed
from rankify.experiment.plan import Experiment
from rankify.io import beir

EQUAL, WITHIN, APART, ALONE, FAILED = "equal", "within", "apart", "not published", "failed"
_NONE: Mapping[str, Any] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure of a system on a collection, here and as published.

    Attributes:
        ours: None where the system failed here.
        published: None where nothing is published.
        tolerance: how far they may be apart.
        reason: why the system failed here; "" where it did not.
    """

    system: str
    collection: str
    measure: str
    ours: float | None
    published: float | None
    tolerance: float
    reason: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less the published one."""
        return None if self.ours is None or self.published is None else self.ours - self.published

    @property
    def verdict(self) -> str:
        """equal: the same to the fourth digit; within or apart, by the tolerance; not published; failed."""
        if self.ours is None:
            return FAILED
        if self.published is None or self.difference is None:
            return ALONE
        if f"{self.ours:.4f}" == f"{self.published:.4f}":
            return EQUAL
        return WITHIN if abs(self.difference) <= self.tolerance else APART


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """What is to be reproduced.

    Args:
        benchmark: beir or msmarco.
        systems: the published systems.
        collections: under the benchmark's names.
        measures: those that are measured.
        data: a folder that has a collection's folder under its name; None for the catalogue's collections.
        everywhere: whether a measure is shown of every collection, or only where a figure of it is published.
    """

    benchmark: str
    systems: Sequence[Published]
    collections: Sequence[str]
    measures: Sequence[str]
    data: Path | None = None
    everywhere: bool = True

    @classmethod
    def of(
        cls, benchmark: str, systems: Sequence[Published], collections: Iterable[str] = (), measures: str = "",
        data: Path | None = None,
    ) -> Reproduction:  # fmt: skip
        """The reproduction of some systems; collections and measures that are not given are those that are published.

        Raises:
            UnknownName, Misuse: a collection is not of the benchmark, a measure cannot be read, or nothing is left.
            BadInput: the folder of data lacks a collection, or a file of one.
        """
        known = list(dict.fromkeys(c for one in systems for c in one.figures))
        asked = [_collection(benchmark, name, known) for name in collections] or [known]
        chosen = list(dict.fromkeys(c for several in asked for c in several))
        wanted = listed(measures) if measures else _published_measures(systems, chosen)
        if not chosen or not wanted:
            raise Misuse(f"nothing is published of {', '.join(s.name for s in systems) or 'no system'} there")
        made = cls(
            benchmark=benchmark, systems=systems, collections=chosen, measures=wanted, data=data,
            everywhere=bool(measures),
        )  # fmt: skip
        if data is not None:
            made._refuse(data)
        return made

    def _refuse(self, data: Path) -> None:
        """Raises BadInput for what is not there, before the first collection is searched for hours."""
        if not data.is_dir():
            raise BadInput(f"no folder {data}; name the one that holds a folder for each collection")
        for place, name in ((self.place(name), name) for name in self.collections):
            if not place.is_dir():
                raise BadInput(f"{data} has no folder {name} with {name} in BEIR's layout")
            beir.corpus_file(place)
            beir.queries_file(place)
            if not beir.splits(place):
                raise BadInput(f"{place} has no judgments; add qrels/{self._split(name)}.tsv")

    def _split(self, collection: str) -> str:
        split: str = _entry(self.benchmark, collection).get("split", "test")
        return split

    def place(self, collection: str) -> Path:
        """The folder of a collection, where folders are given."""
        assert self.data is not None  # noqa: S101 - for mypy
        return folder_in(self.data, collection)

    def experiments(self) -> list[Experiment]:
        """One experiment for all collections that the same pipelines run on."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for collection in self.collections:
            groups.setdefault(tuple(system.on(collection) for system in self.systems), []).append(collection)
        return [self._experiment(pipelines, chosen) for pipelines, chosen in groups.items()]

    def _experiment(self, pipelines: Sequence[str], collections: Sequence[str]) -> Experiment:
        name = self.benchmark if len(collections) == len(self.collections) else f"{self.benchmark}-{collections[0]}"
        said = {
            "name": name,
            "datasets": [self._dataset(collection) for collection in collections],
            "systems": {system.name: text for system, text in zip(self.systems, pipelines, strict=True)},
            "measures": " ".join(self.measures),
        }
        return Experiment.of(said, where=f"reproduction of {name}")

    def _dataset(self, collection: str) -> dict[str, Any]:
        dropped = {"drop_identical_ids": True} if self.benchmark == "beir" else {}  # Pyserini's --remove-query
        said = {"label": collection.replace("/", "-"), **dropped}
        if self.data is None:
            return {"name": catalogued(self.benchmark, collection), **said}
        place, split = self.place(collection), self._split(collection)
        return {"name": str(place), **said, **({"split": split} if split in beir.splits(place) else {})}

    def figures(
        self, found: Mapping[str, Mapping[str, Mapping[str, float]]], failed: Mapping[str, Mapping[str, str]] = _NONE
    ) -> list[Figure]:
        """Every figure here beside the published one, then the named averages whose collections are all there.

        Args:
            found: collection's label -> system -> measure -> mean; what is missing failed.
            failed: why: collection's label -> system -> reason.
        """
        rows = [
            self._figure(s, c, m, found, failed) for s in self.systems for c in self.collections for m in self._shown(c)
        ]
        known = [row for row in rows if row.ours is not None or row.published is not None]
        return [*known, *self._averages(known)] if self.benchmark == "beir" else known

    def _shown(self, collection: str) -> list[str]:
        """The measures of a collection."""
        known = {measure for one in self.systems for measure in one.figures.get(collection, ())}
        return [measure for measure in self.measures if self.everywhere or measure in known]

    def _figure(
        self, system: Published, collection: str, measure: str, found: Mapping[str, Any], failed: Mapping[str, Any]
    ) -> Figure:
        label = collection.replace("/", "-")
        return Figure(
            system=system.name, collection=collection, measure=measure, tolerance=system.tolerance,
            ours=found.get(label, {}).get(system.name, {}).get(measure),
            reason=failed.get(label, {}).get(system.name, ""),
            published=self._published(system.figures.get(collection, {}), collection, measure),
        )  # fmt: skip

    def _published(self, figures: Mapping[str, float], collection: str, measure: str) -> float | None:
        """The figure of a measure, or of the one that it is there: R@100 counts grades from 2 up in Deep Learning."""
        rel = least_grade(self.benchmark, collection) if self.data is None else 1
        return figures.get(measure, figures.get(str(parsed(measure, rel))))

    def _averages(self, rows: Sequence[Figure]) -> list[Figure]:
        made = []
        for system in self.systems:
            for measure in self.measures:
                own = [row for row in rows if (row.system, row.measure) == (system.name, measure)]
                sides = [
                    {row.collection: value for row in own if (value := getattr(row, side)) is not None}
                    for side in ("ours", "published")
                ]
                means = [_means(side) for side in sides]
                made += [
                    Figure(system=system.name, collection=name, measure=measure, ours=mean,
                           published=means[1].get(name), tolerance=system.tolerance)
                    for name, mean in means[0].items()
                ]  # fmt: skip
        return made


def _means(values: Mapping[str, float]) -> dict[str, float]:
    """The mean over each named set of collections that is there as a whole."""
    whole = {*values, *(name for name, pieces in parts().items() if {*pieces} <= {*values})}
    return {
        name: fmean(over({"": values}, name)[""].values()) for name, one in averages().items() if {*one.of} <= whole
    }


def _collection(benchmark: str, name: str, known: Sequence[str]) -> Sequence[str]:
    """The collections of a name: itself, all of CQADupStack's forums, or those of a named set."""
    if benchmark == "beir" and name in averages():
        return [piece for member in averages()[name].of for piece in _collection(benchmark, member, known)]
    found = known_as(benchmark, name)
    if pieces := parts().get(found):
        return pieces
    if found not in known:
        raise UnknownName.among(f"collection of {benchmark} with published figures", name, known)
    return [found]


def _published_measures(systems: Sequence[Published], collections: Sequence[str]) -> list[str]:
    rows = (system.figures.get(collection, {}) for system in systems for collection in collections)
    return list(dict.fromkeys(measure for row in rows for measure in row))


def folder_in(data: Path, collection: str) -> Path:
    """The folder of a collection in a folder of collections; a forum may lie in one called cqadupstack."""
    forum = data / Path(*collection.split("-", 1))
    return forum if collection.startswith("cqadupstack-") and forum.is_dir() else data / collection


def known_as(benchmark: str, collection: str) -> str:
    """The name that a collection has here, for one that others use; a name that nobody knows stays as it is.

    >>> known_as("msmarco", "dl19-passage"), known_as("beir", "Touche2020"), known_as("beir", "mine")
    ('trec-dl-2019', 'webis-touche2020', 'mine')
    """
    return (canonical(collection) if benchmark == "beir" else named(collection)) or collection


def least_grade(benchmark: str, collection: str) -> int:
    """The least grade that is relevant on a collection of the catalogue."""
    grade: int = _entry(benchmark, collection).get("rel", 1)
    return grade


def _entry(benchmark: str, collection: str) -> Mapping[str, Any]:
    return catalog.datasets().get(catalogued(benchmark, collection), {})


def catalogued(benchmark: str, collection: str) -> str:
    """The name that the catalogue has for a collection."""
    if benchmark != "beir":
        return collection
    return "msmarco/dev" if collection == "msmarco" else f"beir/{collection.replace('cqadupstack-', 'cqadupstack/')}"
