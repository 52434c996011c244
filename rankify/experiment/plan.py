"""What an experiment file says, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rankify.datasets import named, names
from rankify.errors import BadInput, Misuse, RankifyError, UnknownName
from rankify.expressions import reads
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


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset of an experiment: a name or a folder, and which of its query sets."""

    name: str
    split: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """Systems x datasets x measures.

    Args:
        name: what its folder of results is called.
        datasets: label -> where the dataset is.
        systems: label -> a pipeline as text.
        measures: as ir-measures writes them, with spaces between.
        baseline: the system the others are compared with.
    """

    name: str
    datasets: Mapping[str, Source]
    systems: Mapping[str, str]
    measures: str
    baseline: str

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
        systems = _systems(where, said.get("systems"))
        return cls(
            name=_label(where, "name", said.get("name", Path(where).stem)),
            datasets=_datasets(where, said.get("datasets"), folder),
            systems=systems,
            measures=_measures(where, said.get("measures")),
            baseline=_baseline(where, said.get("baseline", next(iter(systems))), systems),
        )

    def as_dict(self) -> dict[str, Any]:
        """As the file says it."""
        return {
            "name": self.name,
            "datasets": {label: {"name": s.name, "split": s.split} for label, s in self.datasets.items()},
            "systems": dict(self.systems),
            "measures": self.measures,
            "baseline": self.baseline,
        }


def _systems(where: str, said: Any) -> dict[str, str]:
    if not isinstance(said, Mapping) or not said:
        raise Misuse(f"{where}: systems: name at least one, e.g. 'systems: {{bm25: bm25 % 1000}}'")
    found = {_label(where, "systems", label): text for label, text in said.items()}
    for label, text in found.items():
        if not isinstance(text, str):
            raise Misuse(f"{where}: systems: {label}: {text!r} is not a pipeline; write e.g. bm25 % 100")
        try:
            reader = reads(text)
        except RankifyError as error:
            raise type(error)(f"{where}: systems: {label}: {error}") from None
        if reader:
            raise Misuse(f"{where}: systems: {label}: it ends in a reader; an experiment compares rankings")
    return found


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
    beside = folder / name
    label = entry.get("label", Path(name).name + (f"-{split}" if split else ""))
    if not beside.exists() and not Path(name).exists() and named(name) is None:
        near = UnknownName.among("dataset", name, names())
        raise UnknownName(f"{where}: datasets: {near}; nor is it a folder beside the file")
    return _label(where, "datasets", label), Source(
        str(beside) if beside.exists() else name, str(split) if split else None
    )


def _measures(where: str, said: Any) -> str:
    from rankify.evaluation.measures import computable

    text = " ".join(map(str, said)) if isinstance(said, list) else said
    if not isinstance(text, str) or not text.strip():
        raise Misuse(f"{where}: measures: name at least one, e.g. 'measures: nDCG@10 R@100'")
    try:
        computable(text)
    except RankifyError as error:
        raise type(error)(f"{where}: measures: {error}") from None
    return text


def _baseline(where: str, said: Any, systems: Mapping[str, str]) -> str:
    if said not in systems:
        raise UnknownName(f"{where}: baseline: {UnknownName.among('system', str(said), systems)}")
    return str(said)


def _label(where: str, key: str, label: Any) -> str:
    """A label that can be a file's name."""
    if not _FILE_NAME.fullmatch(str(label)):
        raise Misuse(f"{where}: {key}: {label!r} cannot be a file's name; {_WAY_OUT}")
    return str(label)
