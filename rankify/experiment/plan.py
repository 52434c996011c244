"""What an experiment file says, checked before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rankify.errors import Misuse, RankifyError, UnknownName
from rankify.evaluation.measures import listed
from rankify.experiment import grids
from rankify.experiment.available import refuse_absent
from rankify.experiment.efficiency import Efficiency
from rankify.experiment.judges import Named
from rankify.experiment.labels import label, refuse_alike
from rankify.experiment.measured import Measures
from rankify.experiment.pairs import Comparing
from rankify.experiment.problems import Problems
from rankify.experiment.sources import Source, datasets_of
from rankify.experiment.untuned import Untuned
from rankify.expressions import reads
from rankify.grammar import split
from rankify.io.files import reading
from rankify.io.yaml_file import Distinct, unreadable

KEYS = ("name", "datasets", "systems", "measures", "judges", "baseline", "compare", "efficiency")


class _Texts(Distinct):
    """YAML whose keys and values are texts as they stand: 007, 1.10, on."""

    way_out = "give them different names"


_KEPT = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")
_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag in _KEPT]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """Systems x datasets x measures.

    Args:
        name: what its folder of results is called.
        datasets: label -> where the dataset is.
        systems: label -> a pipeline as text, which may end in a reader; the fusion of a tuned one still lacks options.
        untuned: label -> how a system's fusion is tuned before it runs.
        measures: as ir-measures writes them, with spaces between.
        judges: the models that measures of answers ask.
        baseline: the system the others are compared with.
        comparing: which systems are compared, and what decides whether they differ.
        efficiency: how latency is measured; None where it is not.
        where: the file, which begins later complaints about it.
    """

    name: str
    datasets: Mapping[str, Source]
    systems: Mapping[str, str]
    measures: str
    baseline: str
    untuned: Mapping[str, Untuned] = field(default_factory=dict)
    judges: Named = field(default_factory=Named)
    comparing: Comparing = field(default_factory=Comparing)
    efficiency: Efficiency | None = None
    where: str = field(default="", compare=False)

    @classmethod
    def read(cls, path: Path) -> Experiment:
        """The experiment in a YAML file. Folders in it are relative to the file.

        Raises:
            BadInput, UnknownName: the file, the key and the way out, in one line.
        """
        with reading(path) as file:
            try:
                said = yaml.load(file, Loader=_Texts)  # noqa: S506 - a safe loader
            except yaml.YAMLError as error:
                raise unreadable(path, error) from None
        return cls.of(said, where=str(path), folder=path.parent)

    @classmethod
    def of(cls, said: Any, *, where: str = "experiment", folder: Path = Path()) -> Experiment:
        """The experiment that a mapping describes; `where` begins every complaint about it.

        Raises:
            Misuse, UnknownName, MissingExtra, BadInput: one thing is wrong.
            Several: all that is, a line each.
        """
        if not isinstance(said, Mapping):
            kind = "is empty" if said is None else "a list" if isinstance(said, list) else repr(said)
            raise Misuse(f"{where}: {kind}: an experiment is a mapping with the keys {', '.join(KEYS)}")
        problems = Problems(where)
        problems.unknown(said, KEYS)
        text, kinds = "", Measures()
        with problems.at("measures"):
            text, kinds = _measures(said.get("measures"))
        found = _systems(problems, said.get("systems"), folder, next(iter(kinds.rankings), ""))
        systems = {label: s.as_dict()["pipeline"] if isinstance(s, Untuned) else s for label, s in found.items()}
        datasets = datasets_of(problems, said.get("datasets"), folder)
        name, baseline = str(said.get("name", Path(where).stem)), said.get("baseline", next(iter(systems), ""))
        with problems.at("name"):
            label(name)
        judges, efficiency, comparing = Named(), None, Comparing()
        with problems.at("judges"):
            judges = Named.of(said["judges"]) if "judges" in said else judges
            judges.refuse(kinds.judged if text else None)
        with problems.at("compare"):
            comparing = Comparing.of(said.get("compare", "baseline"))
        with problems.at("efficiency"):
            efficiency = Efficiency.of(said["efficiency"]) if "efficiency" in said else None
        if systems:
            with problems.at("baseline"):
                _refuse_baseline(baseline, systems, said["systems"])
            with problems.at("measures"):
                _refuse_unread(kinds, systems)
        problems.refuse()
        return cls(
            name=name, datasets=datasets, systems=systems, measures=text, baseline=str(baseline), where=where,
            efficiency=efficiency, judges=judges, comparing=comparing,
            untuned={label: system for label, system in found.items() if isinstance(system, Untuned)},
        )  # fmt: skip

    @property
    def wanted(self) -> Measures:
        """The measures by what they look at."""
        return Measures.of(self.measures)

    def as_dict(self) -> dict[str, Any]:
        """As the file says it."""
        return {
            "name": self.name,
            "datasets": {label: source.as_dict() for label, source in self.datasets.items()},
            "systems": {**self.systems, **{label: untuned.as_dict() for label, untuned in self.untuned.items()}},
            "measures": self.measures,
            **({"judges": self.judges.as_dict()} if self.judges.as_dict() else {}),
            "baseline": self.baseline,
            **self.comparing.as_dict(),
            **({"efficiency": self.efficiency.as_dict()} if self.efficiency else {}),
        }


def _systems(problems: Problems, said: Any, folder: Path, measure: str) -> dict[str, str | Untuned]:
    """The systems that are right; what is wrong with the others is noted."""
    with problems.at("systems"):
        if isinstance(said, list):
            raise Misuse("a list; each needs a label, e.g. 'systems: {bm25: bm25 % 1000}'")
        if not isinstance(said, Mapping) or not said:
            raise Misuse("name at least one, e.g. 'systems: {bm25: bm25 % 1000}'")
    found: dict[str, str | Untuned] = {}
    for name, system in said.items() if isinstance(said, Mapping) else ():
        several = {str(name): system}
        with problems.at("systems"):
            label(name)
        with problems.at("systems", str(name)):
            if isinstance(system, Mapping):
                several = grids.expanded(str(name), system)
            for called, one in several.items():
                read = _system(one, folder, measure)
                if called in found:
                    raise Misuse(f"two systems are called {called!r}; give them different names")
                refuse_alike(called, found, "give them different names")
                found[called] = read
    return found


def _system(said: Any, folder: Path, measure: str) -> str | Untuned:
    """A system whose parts are known and can be had here."""
    if isinstance(said, Mapping) and "tune" in said:
        untuned = Untuned.of(said, folder, measure)
        refuse_absent(untuned.searches + untuned.after)
        return untuned
    text = _pipeline(said["pipeline"] if isinstance(said, Mapping) else said)
    refuse_absent(text)
    return text


def _pipeline(text: Any) -> str:
    if not isinstance(text, str):
        raise Misuse(f"{text!r} is not a pipeline; write e.g. bm25 % 100")
    reads(text)
    return text


def parted(pipeline: str) -> tuple[str, str]:
    """A pipeline in two: what finds documents, and the reader behind it, "" where there is none.

    >>> parted("bm25 % 9 >> extractive"), parted("bm25")
    (('bm25 % 9', 'extractive'), ('bm25', ''))
    """
    if not reads(pipeline):
        return pipeline, ""
    *searches, reader = split(pipeline, ">>")
    return " >> ".join(searches), reader


def _measures(said: Any) -> tuple[str, Measures]:
    text = " ".join(map(str, said)) if isinstance(said, list) else said
    if not isinstance(text, str) or not text.strip():
        raise Misuse("name at least one, e.g. 'measures: nDCG@10 R@100'")
    try:
        return " ".join(listed(text)), Measures.of(text)
    except RankifyError:
        _refuse_each(listed(text))
        raise


def _refuse_each(names: Iterable[str]) -> None:
    """Raises what is wrong with measures: all of it, where it is wrong with more than one."""
    problems = Problems("")
    for name in names:
        with problems.at():
            Measures.of([name])
    problems.found = [*{str(error): error for error in problems.found}.values()]  # several may lack one library
    problems.refuse()


def _refuse_unread(measures: Measures, systems: Mapping[str, str]) -> None:
    """Raises Misuse where answers are to be measured and no system gives any."""
    if measures.answers and not any(map(reads, systems.values())):
        raise Misuse(
            f"{measures.answers[0]} measures answers, and no system ends in a reader; write e.g. "
            "bm25 % 5 >> extractive, or measure has_answer@5, which looks at rankings"
        )


def _refuse_baseline(said: Any, systems: Mapping[str, str], written: Mapping[str, Any]) -> None:
    """Raises where the baseline is no system, or a grid and not one of its systems."""
    if not isinstance(said, str):
        raise Misuse(f"{said!r} is not the label of a system; write e.g. 'baseline: {next(iter(systems))}'")
    if said in systems:
        return
    if said in written and (known := [label for label in systems if label.startswith(f"{said}-")]):
        raise Misuse(f"{said} stands for {len(known)} systems; name one of them, e.g. {known[0]}")
    if said not in written:  # else it is there, and what is wrong with it has been said
        raise UnknownName.among("system", str(said), {*systems, *map(str, written)})
