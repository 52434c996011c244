"""Published figures reproduced: experiments of the published configurations, and their figures beside those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rankify import catalog
from rankify.catalog.published import Published
from rankify.datasets import named
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.averages import averages, canonical, parts
from rankify.evaluation.measures import listed, parsed
from rankify.experiment.figures import DIGITS, Figure, averaged
from rankify.experiment.plan import Experiment
from rankify.io import beir

_NONE: Mapping[str, Any] = {}
Value = TypeVar("Value", bound=float)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reproduction:
    """What is to be reproduced.

    Args:
        benchmark: beir or msmarco.
        systems: the published systems; one stands there once for each source that publishes figures of it.
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
        known = list(dict.fromkeys(c for one in systems for c in one.figures if c not in averages()))
        chosen = members(benchmark, collections or known, known)
        wanted = listed(measures) if measures else _published_measures(systems, chosen)
        if not chosen or not wanted:
            names = ", ".join(dict.fromkeys(one.name for one in systems))
            raise Misuse(f"nothing is published of {names or 'no system'} there")
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
            refuse_other_splits(place, split_of(self.benchmark, name))

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
        said = {"label": _label(collection), **dropped}
        if self.data is None:
            return {"name": catalogued(self.benchmark, collection), **said}
        return {"name": str(self.place(collection)), **said, "split": split_of(self.benchmark, collection)}

    def unlike(self, datasets: Mapping[str, Mapping[str, Any]]) -> list[str]:
        """A line for each collection of the folder that is not of the catalogue's size, as the published figures are.

        Args:
            datasets: by label, how many `documents` and `judged` queries there are.
        """
        said = []
        for collection in self.collections if self.data is not None else ():
            entry, here = _entry(self.benchmark, collection), datasets.get(_label(collection), {})
            judged = entry.get("splits", {}).get(split_of(self.benchmark, collection), {}).get("queries")
            pairs = (
                ("documents", here.get("documents"), entry.get("documents")),
                ("judged queries", here.get("judged"), judged),
            )
            said += [
                f"{collection} has {own:,} {what} here and {theirs:,} where its figures are published"
                for what, own, theirs in pairs
                if own is not None and theirs is not None and own != theirs
            ]
        return said

    def figures(
        self, found: Mapping[str, Mapping[str, Mapping[str, float]]], failed: Mapping[str, Mapping[str, str]] = _NONE
    ) -> list[Figure]:
        """Every figure here beside the published one, then the named averages whose collections are all there.

        Args:
            found: collection's label -> system -> measure -> mean; what is missing failed.
            failed: why: collection's label -> system -> reason.
        """
        rows = [
            self._figure(s, c, m, found, failed)
            for name in dict.fromkeys(one.name for one in self.systems)
            for c in self.collections
            for m in self._shown(c)
            for s in self._publishing(name, c, m)
        ]
        known = [row for row in rows if row.ours is not None or row.published is not None]
        return [*known, *averaged(known, self.systems, self.measures)] if self.benchmark == "beir" else known

    def _shown(self, collection: str) -> list[str]:
        """The measures of a collection; those of CQADupStack's mean are shown of its forums, too."""
        known = _published_measures(self.systems, [collection])
        return [measure for measure in self.measures if self.everywhere or measure in known]

    def _publishing(self, name: str, collection: str, measure: str) -> list[Published]:
        """A system as each source has it that publishes a figure; as the first has it where none does."""
        every = [one for one in self.systems if one.name == name]
        return [one for one in every if self._published(one.figures, collection, measure) is not None] or every[:1]

    def _figure(
        self, system: Published, collection: str, measure: str, found: Mapping[str, Any], failed: Mapping[str, Any]
    ) -> Figure:
        label = _label(collection)
        published = self._published(system.figures, collection, measure)
        return Figure(
            system=system.name, collection=collection, measure=measure, tolerance=system.tolerance,
            ours=found.get(label, {}).get(system.name, {}).get(measure),
            reason=failed.get(label, {}).get(system.name, ""), published=published,
            digits=self._published(system.digits, collection, measure) or DIGITS,
            source=system.label if published is not None else "",
        )  # fmt: skip

    def _published(
        self, values: Mapping[str, Mapping[str, Value]], collection: str, measure: str
    ) -> Value | None:  # fmt: skip
        """What is there of a measure, or of the one that it is: R@100 counts grades from 2 up in Deep Learning."""
        row, rel = values.get(collection, {}), least_grade(self.benchmark, collection) if self.data is None else 1
        return row.get(measure, row.get(str(parsed(measure, rel))))


def members(benchmark: str, names: Iterable[str], known: Sequence[str]) -> list[str]:
    """The collections of some names, each once.

    Raises:
        UnknownName: one is neither a collection with published figures nor a named set of such.
    """
    return list(dict.fromkeys(one for name in names for one in _collection(benchmark, name, known)))


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
    """The measures of collections, and of what they are parts of."""
    every = [*collections, *(name for name, pieces in parts().items() if {*pieces} & {*collections})]
    rows = (system.figures.get(collection, {}) for system in systems for collection in every)
    return list(dict.fromkeys(measure for row in rows for measure in row))


def _label(collection: str) -> str:
    """What an experiment calls a collection."""
    return collection.replace("/", "-")


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


def split_of(benchmark: str, collection: str) -> str:
    """The split that figures of a collection are published of: test, or dev of MS MARCO.

    >>> split_of("beir", "scifact"), split_of("beir", "msmarco"), split_of("msmarco", "trec-dl-2019")
    ('test', 'dev', 'test')
    """
    split: str = _entry(benchmark, collection).get("split", "test")
    return split


def refuse_other_splits(place: Path, split: str) -> None:
    """Raises BadInput where a folder has no judgments of the split that figures are published of."""
    there = beir.splits(place)
    if not there:
        raise BadInput(f"{place} has no judgments; add qrels/{split}.tsv")
    if split not in there:
        raise BadInput(
            f"{place} has judgments of {', '.join(there)} alone, and published figures are of {split}; add "
            f"qrels/{split}.tsv"
        )


def _entry(benchmark: str, collection: str) -> Mapping[str, Any]:
    return catalog.datasets().get(catalogued(benchmark, collection), {})


def catalogued(benchmark: str, collection: str) -> str:
    """The name that the catalogue has for a collection."""
    if benchmark != "beir":
        return collection
    return "msmarco/dev" if collection == "msmarco" else f"beir/{collection.replace('cqadupstack-', 'cqadupstack/')}"
