"""Where an experiment's queries, documents and judgments are."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rankify
from rankify.datasets import named, names
from rankify.errors import Misuse, UnknownName
from rankify.experiment.labels import label, refuse_alike
from rankify.experiment.problems import Problems

if TYPE_CHECKING:
    from rankify.datasets import Dataset


KEYS = ("name", "split", "label", "drop_identical_ids")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset of an experiment: a name or a folder, and which of its query sets.

    `drop_identical_ids` says whether a document whose id is the query's is dropped; None leaves it to the dataset.
    """

    name: str
    split: str | None = None
    drop_identical_ids: bool | None = None

    @classmethod
    def beside(cls, folder: Path, name: str, split: str | None, drop_identical_ids: bool | None = None) -> Source:
        """The dataset of a name, or a folder beside the experiment's file, whatever the current directory is.

        Raises:
            UnknownName: it is neither; the message says so where it is a folder seen from the current directory.
        """
        beside = folder / name
        if not beside.exists() and named(name) is None:
            if Path(name).exists():
                place = Path(os.path.relpath(name, folder)).as_posix()
                raise UnknownName(
                    f"no folder {name!r} beside the file, though in the current directory; write {place!r}, as it lies "
                    f"from the file, or {str(Path(name).absolute())!r}"
                )
            near = difflib.get_close_matches(name, names())
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `rankify list datasets`"
            raise UnknownName(f"no dataset {name!r}, and no folder of that name beside the file; {hint}")
        return cls(str(beside) if beside.exists() else name, split, drop_identical_ids)

    def open(self) -> Dataset:
        """The dataset."""
        return rankify.dataset(self.name, split=self.split, drop_identical_ids=self.drop_identical_ids)

    def as_dict(self) -> dict[str, Any]:
        """As an experiment's file says it."""
        dropped = {} if self.drop_identical_ids is None else {"drop_identical_ids": self.drop_identical_ids}
        return {"name": self.name, "split": self.split, **dropped}


def datasets_of(problems: Problems, said: Any, folder: Path) -> dict[str, Source]:
    """The datasets that are known, by label, as the key `datasets` says; what is wrong with the others is noted.

    Args:
        folder: where the file is.
    """
    entries = [said] if isinstance(said, str) else said
    found: dict[str, Source] = {}
    with problems.at("datasets"):
        if not isinstance(entries, list) or not entries:
            raise Misuse("name at least one, in a list, e.g. 'datasets: [pydoc, ../data/scifact]'")
    for place, entry in enumerate(entries if isinstance(entries, list) else (), 1):
        read = _read(problems, entry, folder, f"{_ordinal(place)} entry")
        if read is None:
            continue
        with problems.at("datasets"):
            name, source = read
            if name in found:
                raise Misuse(f"two are called {name!r}; give one a 'label'")
            refuse_alike(name, found, "give one a 'label'")
            found[name] = source
    return found


def _read(problems: Problems, entry: Any, folder: Path, where: str) -> tuple[str, Source] | None:
    """An entry's label and dataset; None where something is wrong with it, all of which is noted."""
    said, before = {"name": entry} if isinstance(entry, str) else entry, len(problems.found)
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        wrong = f"{said!r} is not a name, a folder or {{name: ..., split: ..., label: ...}}"
        problems.note(Misuse(wrong), "datasets", where)
        return None
    problems.unknown(said, KEYS, "datasets", where)
    name, split = said["name"], said.get("split")
    called, dropped, source = "", None, None
    with problems.at("datasets", where):
        called = label(said.get("label", Path(name).name + (f"-{split}" if split else "")))
    with problems.at("datasets", where):
        dropped = _dropped(said.get("drop_identical_ids"))
    with problems.at("datasets"):  # the message has its name
        source = Source.beside(folder, name, str(split) if split else None, dropped)
    return (called, source) if source and len(problems.found) == before else None


def _ordinal(place: int) -> str:
    """A place in words that are short.

    >>> [_ordinal(n) for n in (1, 2, 3, 4, 11, 12, 21, 111)]
    ['1st', '2nd', '3rd', '4th', '11th', '12th', '21st', '111th']
    """
    return f"{place}{'th' if place % 100 in (11, 12, 13) else _ENDINGS.get(place % 10, 'th')}"


def _dropped(said: Any) -> bool | None:
    """Whether documents whose id is the query's are dropped, where a file says it."""
    if said is None:
        return None
    if (known := {"true": True, "false": False}.get(str(said).lower())) is None:
        raise Misuse(f"drop_identical_ids: {said!r} is neither true nor false")
    return known
