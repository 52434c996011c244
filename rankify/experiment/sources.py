"""Where an experiment's queries, documents and judgments are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rankify
from rankify.datasets import named, names
from rankify.errors import UnknownName

if TYPE_CHECKING:
    from rankify.datasets import Dataset


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
        """The dataset of a name, or a folder beside the experiment's file.

        Raises:
            UnknownName: it is neither.
        """
        beside = folder / name
        if not beside.exists() and not Path(name).exists() and named(name) is None:
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
