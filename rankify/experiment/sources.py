"""Where an experiment's queries, documents and judgments are."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from rankify.datasets import named, names
from rankify.errors import UnknownName


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset of an experiment: a name or a folder, and which of its query sets."""

    name: str
    split: str | None = None

    @classmethod
    def beside(cls, folder: Path, name: str, split: str | None) -> Source:
        """The dataset of a name, or a folder beside the experiment's file.

        Raises:
            UnknownName: it is neither.
        """
        beside = folder / name
        if not beside.exists() and not Path(name).exists() and named(name) is None:
            near = difflib.get_close_matches(name, names())
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `rankify list datasets`"
            raise UnknownName(f"no dataset {name!r}, and no folder of that name beside the file; {hint}")
        return cls(str(beside) if beside.exists() else name, split)
