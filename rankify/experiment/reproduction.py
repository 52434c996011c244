"""Published figures reproduced: experiments of the published configurations, and their figures beside those."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from rankify.io.files import reading

COLUMNS = ("dataset", "system", "metric", "value")
EQUAL, WITHIN, APART, ALONE, FAILED = "equal", "within", "apart", "not published", "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure of a system on a collection, here and as published.

    Attributes:
        ours: None where the system failed here.
        published: None where nothing is published.
        tolerance: how far they may be apart.
    """

    system: str
    collection: str
    measure: str
    ours: float | None
    published: float | None
    tolerance: float

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
            BadInput: the folder of data lacks a collection.
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
        if missing := [c for c in chosen if data is not None and not made.place(c).is_dir()]:
            raise BadInput(f"{data} has no folder {missing[0]} with {missing[0]} in BEIR's layout")
        return made

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
        name = str(self.place(collection)) if self.data else catalogued(self.benchmark, collection)
        return {"name": name, "label": collection.replace("/", "-"), **dropped}

    def figures(self, found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Figure]:
        """Every figure here beside the published one, then the named averages whose collections are all there.

        Args:
            found: collection's label -> system -> measure -> mean; what is missing failed.
        """
        rows = [self._figure(s, c, m, found) for s in self.systems for c in self.collections for m in self._shown(c)]
        known = [row for row in rows if row.ours is not None or row.published is not None]
        return [*known, *self._averages(known)] if self.benchmark == "beir" else known

    def _shown(self, collection: str) -> list[str]:
        """The measures of a collection."""
        known = {measure for one in self.systems for measure in one.figures.get(collection, ())}
        return [measure for measure in self.measures if self.everywhere or measure in known]

    def _figure(self, system: Published, collection: str, measure: str, found: Mapping[str, Any]) -> Figure:
        return Figure(
            system=system.name, collection=collection, measure=measure, tolerance=system.tolerance,
            ours=found.get(collection.replace("/", "-"), {}).get(system.name, {}).get(measure),
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
    """The collections of a name: itself, or all of CQADupStack's forums."""
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
    grade: int = catalog.datasets().get(catalogued(benchmark, collection), {}).get("rel", 1)
    return grade


def catalogued(benchmark: str, collection: str) -> str:
    """The name that the catalogue has for a collection."""
    if benchmark != "beir":
        return collection
    return "msmarco/dev" if collection == "msmarco" else f"beir/{collection.replace('cqadupstack-', 'cqadupstack/')}"


def with_reference(benchmark: str, systems: Sequence[Published], file: Path) -> list[Published]:
    """The systems with the figures of a CSV file in place of the catalogue's.

    The file has the columns dataset, system, metric and value. A system is named there as here, by an alias, or with
    something and a colon in front, as in `pyserini:bm25-flat`. A measure that does not say which grades it counts is
    meant as the collection counts them: R@1000 of Deep Learning is R(rel=2)@1000.

    Raises:
        BadInput: the file cannot be read, lacks a column, a value is no number, a measure cannot be read, or it has two
            values of one figure, or none of a system.
    """
    names = {name: one.name for one in systems for name in (one.name, *one.aliases)}
    found: dict[str, dict[str, dict[str, float]]] = {one.name: {} for one in systems}
    for line, row in _rows(file):
        name = names.get(row["system"]) or names.get(row["system"].partition(":")[2])
        if name is None:
            continue
        collection = known_as(benchmark, row["dataset"])
        measure = _measure(file, line, row["metric"], least_grade(benchmark, collection))
        figures, value = found[name].setdefault(collection, {}), _number(file, line, row["value"])
        if figures.setdefault(measure, value) != value:
            raise BadInput(f"{file}:{line}: a second {row['metric']} of {row['system']} on {row['dataset']}: {value}")
    if missing := [name for name, figures in found.items() if not figures]:
        raise BadInput(f"{file} has no figure of {missing[0]}; leave it out of --systems, or name it in the file")
    return [replace(one, figures=found[one.name], source=str(file)) for one in systems]


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    with reading(file) as opened:
        table = csv.DictReader(opened)
        if missing := [column for column in COLUMNS if column not in (table.fieldnames or ())]:
            raise BadInput(f"{file}:1: no column {missing[0]!r}; a table of figures has {', '.join(COLUMNS)}")
        rows = [(table.line_num, row) for row in table]
    for line, row in rows:
        if any(row[column] is None for column in COLUMNS):
            raise BadInput(f"{file}:{line}: too few values; a table of figures has {', '.join(COLUMNS)}")
    return rows


def _measure(file: Path, line: int, text: str, rel: int) -> str:
    """A measure as it is written here; Pyserini writes R@1K for R@1000."""
    name = re.sub(r"@1[Kk]$", "@1000", text)
    try:
        meant = parsed(name, rel)
    except (Misuse, UnknownName) as error:
        raise BadInput(f"{file}:{line}: {error}") from None
    return name if rel == 1 else str(meant)


def _number(file: Path, line: int, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"{file}:{line}: {text!r} is no number") from None
