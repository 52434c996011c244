"""What an experiment file says, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rankify.errors import BadInput, Misuse, RankifyError, UnknownName
from rankify.experiment.measured import Measures
from rankify.experiment.sources import Source
from rankify.experiment.untuned import Untuned
from rankify.expressions import reads
from rankify.grammar import split
from rankify.io.files import reading

KEYS = ("name", "datasets", "systems", "measures", "baseline")
_FILE_NAME = re.compile(r"[^\W.-][\w.+@=-]*")
_WAY_OUT = "use letters, digits and . _ + @ = -"


class _Texts(yaml.SafeLoader):
    """YAML whose keys and values are texts as they stand (007, 1.10, on), and whose keys are distinct."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key, _ in node.value if keys.count(key.value) > 1]:
            problem = f"two entries are called {twice[-1].value!r}; give them different names"
            raise yaml.constructor.ConstructorError(problem=problem, problem_mark=twice[-1].start_mark)
        return super().construct_mapping(node, deep)


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
        baseline: the system the others are compared with.
    """

    name: str
    datasets: Mapping[str, Source]
    systems: Mapping[str, str]
    measures: str
    baseline: str
    untuned: Mapping[str, Untuned] = field(default_factory=dict)

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
                mark = getattr(error, "problem_mark", None)
                where = f"{path}:{mark.line + 1}" if mark else str(path)
                kind = "" if isinstance(error, yaml.constructor.ConstructorError) else "not YAML: "
                raise BadInput(f"{where}: {kind}{getattr(error, 'problem', None) or error}") from None
        return cls.of(said, where=str(path), folder=path.parent)

    @classmethod
    def of(cls, said: Any, *, where: str = "experiment", folder: Path = Path()) -> Experiment:
        """The experiment that a mapping describes; `where` begins every complaint about it."""
        if not isinstance(said, Mapping):
            raise Misuse(f"{where}: an experiment is a mapping with the keys {', '.join(KEYS)}")
        if unknown := [key for key in said if key not in KEYS]:
            raise Misuse(f"{where}: {UnknownName.among('key', str(unknown[0]), KEYS)}")
        measures, kinds = _measures(where, said.get("measures"))
        found = _systems(where, said.get("systems"), folder, next(iter(kinds.rankings), ""))
        untuned = {label: system for label, system in found.items() if isinstance(system, Untuned)}
        systems = {label: s.as_dict()["pipeline"] if isinstance(s, Untuned) else s for label, s in found.items()}
        _refuse_unread(where, kinds, systems)
        return cls(
            name=_label(where, "name", said.get("name", Path(where).stem)),
            datasets=_datasets(where, said.get("datasets"), folder),
            systems=systems,
            measures=measures,
            baseline=_baseline(where, said.get("baseline", next(iter(systems))), systems),
            untuned=untuned,
        )

    @property
    def wanted(self) -> Measures:
        """The measures by what they look at."""
        return Measures.of(self.measures)

    def as_dict(self) -> dict[str, Any]:
        """As the file says it."""
        return {
            "name": self.name,
            "datasets": {label: {"name": s.name, "split": s.split} for label, s in self.datasets.items()},
            "systems": {**self.systems, **{label: untuned.as_dict() for label, untuned in self.untuned.items()}},
            "measures": self.measures,
            "baseline": self.baseline,
        }


def _systems(where: str, said: Any, folder: Path, measure: str) -> dict[str, str | Untuned]:
    if not isinstance(said, Mapping) or not said:
        raise Misuse(f"{where}: systems: name at least one, e.g. 'systems: {{bm25: bm25 % 1000}}'")
    found: dict[str, str | Untuned] = {}
    for name, system in said.items():
        label = _label(where, "systems", name)
        try:
            found[label] = Untuned.of(system, folder, measure) if isinstance(system, Mapping) else _pipeline(system)
        except RankifyError as error:
            raise type(error)(f"{where}: systems: {label}: {error}") from None
    return found


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


def _datasets(where: str, said: Any, folder: Path) -> dict[str, Source]:
    entries = [said] if isinstance(said, str) else said
    if not isinstance(entries, list) or not entries:
        raise Misuse(f"{where}: datasets: name at least one, e.g. 'datasets: [pydoc, ../data/scifact]'")
    found: dict[str, Source] = {}
    for entry in entries:
        label, source = _dataset(where, entry, folder)
        if label in found:
            raise Misuse(f"{where}: datasets: two are called {label!r}; give one a 'label'")
        found[label] = source
    return found


def _dataset(where: str, entry: Any, folder: Path) -> tuple[str, Source]:
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        raise Misuse(f"{where}: datasets: {entry!r} is not a name, a folder or {{name: ..., split: ..., label: ...}}")
    if unknown := [key for key in entry if key not in ("name", "split", "label")]:
        raise Misuse(f"{where}: datasets: {UnknownName.among('key', str(unknown[0]), ('name', 'split', 'label'))}")
    name, split = entry["name"], entry.get("split")
    label = entry.get("label", Path(name).name + (f"-{split}" if split else ""))
    try:
        source = Source.beside(folder, name, str(split) if split else None)
    except UnknownName as error:
        raise UnknownName(f"{where}: datasets: {error}") from None
    return _label(where, "datasets", label), source


def _measures(where: str, said: Any) -> tuple[str, Measures]:
    text = " ".join(map(str, said)) if isinstance(said, list) else said
    if not isinstance(text, str) or not text.strip():
        raise Misuse(f"{where}: measures: name at least one, e.g. 'measures: nDCG@10 R@100'")
    try:
        return text, Measures.of(text)
    except RankifyError as error:
        raise type(error)(f"{where}: measures: {error}") from None


def _refuse_unread(where: str, measures: Measures, systems: Mapping[str, str]) -> None:
    """Raises Misuse where answers are to be measured and no system gives any."""
    if measures.answers and not any(map(reads, systems.values())):
        raise Misuse(
            f"{where}: measures: {measures.answers[0]} measures answers, and no system ends in a reader; write e.g. "
            "bm25 % 5 >> extractive, or measure has_answer@5, which looks at rankings"
        )


def _baseline(where: str, said: Any, systems: Mapping[str, str]) -> str:
    if said not in systems:
        raise UnknownName(f"{where}: baseline: {UnknownName.among('system', str(said), systems)}")
    return str(said)


def _label(where: str, key: str, label: Any) -> str:
    """A label that can be a file's name."""
    if not _FILE_NAME.fullmatch(str(label)):
        raise Misuse(f"{where}: {key}: {label!r} cannot be a file's name; {_WAY_OUT}")
    return str(label)
