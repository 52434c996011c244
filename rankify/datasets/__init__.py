"""Test collections by name or by path: `rankify.dataset("beir/scifact")`, `rankify.dataset("my/folder")`, `"pydoc"`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

from rankify import catalog
from rankify.catalog import aliases
from rankify.corpus import Corpus
from rankify.corpus_file import open_corpus
from rankify.datasets import pydoc
from rankify.datasets.archive import from_zip
from rankify.datasets.collection import Dataset
from rankify.datasets.documents import from_documents, is_documents
from rankify.datasets.folder import from_folder
from rankify.datasets.hub import from_hub
from rankify.datasets.questions import from_questions
from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.io.files import Name

__all__ = ["Dataset", "dataset", "names"]

_FILES = (".json", ".jsonl", ".json.gz", ".jsonl.gz")


def dataset(
    x: Name, *, split: str | None = None, drop_identical_ids: bool | None = None, rel: int | None = None,
    corpus: Name | Iterable[Document] | None = None,
) -> Dataset:  # fmt: skip
    """The collection of a name or a path.

    Args:
        x: a name of the catalogue (`beir/scifact`, `msmarco/dev`, ...), `pydoc`, a folder in BEIR's layout, BEIR's
            zip file of one, a file of documents (JSON lines or a table), or a file of questions with answers and
            passages (DPR's JSON). A name comes before a folder of the same name; write `./name` for the folder.
        split: which judgments, e.g. "dev"; without it the collection's usual ones.
        drop_identical_ids: overrides what the catalogue says; a folder has False.
        rel: overrides what the catalogue says; a folder has 1.
        corpus: of a file of questions: the documents, or their file, that give passages without texts theirs.

    Raises:
        UnknownName: there is no such name, folder or split; the message lists near ones.
        BadInput: a file is missing or malformed, or the download is not what the catalogue expects.
    """
    given: dict[str, Any] = {"drop_identical_ids": drop_identical_ids, "rel": rel}
    options = {option: value for option, value in given.items() if value is not None}
    if corpus is not None:
        texts = open_corpus(corpus) if isinstance(corpus, str | PathLike) else Corpus.of(corpus)
        return from_questions(Path(x), split=split, corpus=texts, **options)
    text = str(x)
    entry = named(text)
    if entry is not None and isinstance(x, str):
        return _published(entry, split, options)
    path = Path(x)
    if path.is_dir():
        return from_folder(path, split=split, **options)
    if path.suffix == ".zip" and path.is_file():
        return from_zip(path, split=split, **options)
    if is_documents(path):
        return from_documents(path, split=split, **options)
    if path.name.endswith(_FILES) and (path.is_file() or path.parent.is_dir()):
        return from_questions(path, split=split, **options)
    if path.exists():
        raise BadInput(
            f"{path} is no collection: give a folder with corpus.jsonl, its zip, or a file "
            f"{' or '.join((*_FILES, '.tsv'))}"
        )
    raise _unknown(text)


def _unknown(text: str) -> UnknownName:
    if earlier := aliases.hint("dataset", text):
        return UnknownName(f"no dataset {text!r}: {earlier}")
    near = difflib.get_close_matches(text, [*names(), *(a for e in catalog.datasets().values() for a in e["aliases"])])
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see `rankify list datasets`"
    return UnknownName(f"no dataset {text!r}: no folder or file there, and no such name in the catalogue; {hint}")


def named(name: str) -> str | None:
    """The catalogue's name for a name or an alias of it, or None."""
    known = catalog.datasets()
    if name in known or name == "pydoc":
        return name
    return next((full for full, entry in known.items() if name in entry["aliases"]), None)


def _published(name: str, split: str | None, options: dict[str, Any]) -> Dataset:
    if name == "pydoc":
        return from_folder(pydoc.folder(), split=split, name=name, **options)
    return from_hub(name, split=split, **options)


def names() -> dict[str, str]:
    """Every name there is, with a line on what it is, in the catalogue's order; the built-in collection first."""
    return {
        "pydoc": "Python's standard library: find a docstring by its first sentence (built in, no download)",
        **{name: entry["about"] for name, entry in catalog.datasets().items()},
    }
