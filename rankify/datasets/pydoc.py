"""`pydoc`, the built-in collection: known-item search over the documentation of Python's own standard library.

A query is the first sentence of a docstring; the one relevant document is the rest of that docstring, under the dotted
name of its object. Made from the running interpreter, the same for the same version of Python.
"""

from __future__ import annotations

import logging
import platform
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rankify.datasets.docstrings import Entry, collected
from rankify.documents import Document
from rankify.errors import RankifyError
from rankify.io.beir import write_beir
from rankify.io.cache import cache_folder
from rankify.types import Qrels, Query

EDITION = 1  # counts up when the same Python would give another collection
_LETTERS = re.compile(r"[^\W\d_]{2,}")
log = logging.getLogger(__name__)


def folder() -> Path:
    """The collection as a folder in BEIR's layout, made when it is not there yet."""
    version = f"{platform.python_implementation().lower()}-{platform.python_version()}-{sys.platform}"
    found = cache_folder("pydoc", f"{version}-{EDITION}")
    if not (found / "queries.jsonl").is_file():
        log.info("making the pydoc collection of Python %s in %s", platform.python_version(), found)
        try:
            entries = list(collected())
        except (OSError, RuntimeError) as error:
            raise RankifyError(f"cannot collect the docstrings of {sys.executable}: {error}") from error
        try:
            build(entries, found)
        except RankifyError as error:
            raise RankifyError(f"{error}; set RANKIFY_CACHE to a folder that can be written") from error
    return found


def build(found: Iterable[Entry], where: Path) -> None:
    """Writes the collection that these entries make."""
    found = list(found)
    queries = {f"q:{entry.name}": entry for entry in asked(found)}
    documents = (Document(e.name, f"{e.words} {e.signature}\n\n{e.rest}".strip(), e.name) for e in found)
    qrels = Qrels((id, entry.name, 1) for id, entry in queries.items())
    write_beir(where, documents, (Query(id, e.sentence) for id, e in queries.items()), {"test": qrels})


def asked(found: Iterable[Entry]) -> list[Entry]:
    """The entries whose first sentence makes a query with one right answer.

    No other entry begins with the same sentence, it has three words or more, and the document without it still says
    something, more text or the names of parameters, but not the same again.
    """
    found = list(found)
    times = Counter(entry.sentence.lower() for entry in found)
    return [
        entry
        for entry in found
        if times[entry.sentence.lower()] == 1
        and len(_LETTERS.findall(entry.sentence)) >= 3
        and (entry.rest or len(entry.signature) > 2)
        and entry.sentence not in f"{entry.signature} {entry.rest}"
    ]
