"""A file of documents alone, taken as a collection that nobody has asked anything of."""

from __future__ import annotations

from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from rankify.corpus_file import open_corpus
from rankify.datasets.collection import Dataset
from rankify.errors import BadInput
from rankify.io.jsonl import records
from rankify.io.tables import JSON, TABLES
from rankify.types import Qrels, Run

_ASKS = ("question", "ctxs", "contexts")  # what DPR's records have and documents do not


def is_documents(path: Path) -> bool:
    """Whether a file holds documents, one a line; otherwise it may hold questions, or be something else.

    Raises:
        BadInput: malformed JSON; the message has file and line.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix
    if not path.is_file() or suffix not in (*JSON, *TABLES):
        return False
    return suffix in TABLES or not any(key in found for _, found in islice(records(path), 1) for key in _ASKS)


def from_documents(path: Path, *, split: str | None = None, **options: Any) -> Dataset:
    """The documents of a file, without queries and judgments: to be searched for what somebody types.

    Raises:
        BadInput: a split is asked for; such a file has none.
    """
    if split is not None:
        raise BadInput(f"{path} is one file of documents and has no split {split!r}; leave the split out")
    return Dataset(
        name=path.name.removesuffix(".gz").rsplit(".", 1)[0],
        open_corpus=partial(open_corpus, path),
        all_queries=Run(()),
        qrels=Qrels(),
        split="",
        **options,
    )
