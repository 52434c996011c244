"""What has changed between the documents of an index and those of a corpus, told by fingerprints alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Positions
from rankify.errors import BadInput
from rankify.indexes.arrays import write_array
from rankify.indexes.manifest import Manifest
from rankify.io.files import writing

FINGERPRINTS = "fingerprints.npy"

Read = TypeVar("Read")
Fingerprints = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Changes:
    """How the rows of an index become those of a corpus.

    Args:
        rows: each document's row in the index as it is, -1 where the index lacks it, shape (documents of the corpus,).
        before: how many rows the index has.
        changed: how many documents have the id of one that the index has, and another title or text. Told by 32 bits of
            the ids, so where millions are added and removed at once a few may be miscounted.
    """

    rows: Positions
    before: int
    changed: int = 0

    @classmethod
    def between(cls, before: Fingerprints, after: Fingerprints) -> Changes:
        """What leads from documents with these fingerprints to others; their order counts as well.

        >>> one = np.array([[1, 10], [2, 20], [3, 30]], np.uint64)
        >>> found = Changes.between(one, np.array([[3, 30], [1, 11], [4, 40]], np.uint64))
        >>> found.rows.tolist(), found.counts()
        ([2, -1, -1], {'kept': 1, 'added': 1, 'changed': 1, 'removed': 1})
        """
        both = np.concatenate([before, after])
        order = np.lexsort((both[:, 1], both[:, 0]))  # stable: of two equal ones that of the index stands first
        same = (both[order[1:]] == both[order[:-1]]).all(axis=1)
        rows = np.full(len(after), -1, np.int64)
        rows[order[1:][same] - len(before)] = order[:-1][same]
        gone = np.ones(len(before), bool)
        gone[rows[rows >= 0]] = False
        changed = len(np.intersect1d(before[gone, 0], after[rows < 0, 0]))
        return cls(rows, len(before), changed)

    @property
    def lacking(self) -> Positions:
        """The positions of the documents that the index lacks, ascending."""
        return np.flatnonzero(self.rows < 0)

    @property
    def kept(self) -> int:
        """How many rows are of documents that the corpus still has."""
        return int(np.count_nonzero(self.rows >= 0))

    @cached_property
    def positions(self) -> Positions:
        """The position in the corpus of each row of the index, -1 where the corpus lacks it, shape (before,)."""
        found = np.full(self.before, -1, np.int64)
        here = self.rows >= 0
        found[self.rows[here]] = np.flatnonzero(here)
        return found

    def counts(self) -> dict[str, int]:
        """How many documents were kept, added, changed and removed."""
        kept = self.kept
        added, removed = len(self.rows) - kept - self.changed, self.before - kept - self.changed
        return {"kept": kept, "added": added, "changed": self.changed, "removed": removed}


@dataclass(frozen=True)
class Beside:
    """What decides what an index keeps of each document besides its title and text, told by fingerprints.

    Args:
        hash: of all documents together.
        each: gives 64 bits for each document, shape (documents,).
    """

    hash: str
    each: Callable[[], NDArray[np.uint64]]

    @classmethod
    def of(cls, said: Iterable[str]) -> Beside:
        """Of a text for each document.

        >>> Beside.of(["a", "b"]).hash == Beside.of(["ab", ""]).hash
        False
        """
        digests = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in said)
        found = np.frombuffer(digests, "<u8").reshape(-1, 4)[:, 0].astype(np.uint64)
        return cls(hashlib.sha256(digests).hexdigest(), lambda: found)


def fingerprints_of(corpus: Corpus, beside: Beside | None = None) -> Fingerprints:
    """What an index knows the documents of a corpus by, shape (documents, 2)."""
    if beside is None:
        return corpus.fingerprints
    found: Fingerprints = corpus.fingerprints.copy()
    found[:, 1] ^= beside.each()
    return found


def changes(folder: Path, before: Fingerprints, corpus: Corpus, known_as: str, beside: Beside | None = None) -> Changes:
    """What has changed between an index in a folder and a corpus.

    Args:
        known_as: the fingerprint of the corpus that the index is of.

    Raises:
        BadInput: less than half of the index's documents are in the corpus: it is of another one.
    """
    found = Changes.between(before, fingerprints_of(corpus, beside))
    if found.kept * 2 >= len(before):
        return found
    there = f"{known_as[:12]}, {len(before):,} documents, {found.kept:,} of them in this one"
    raise BadInput(
        f"the index in {folder} is of another corpus ({there}) than this ({corpus.hash[:12]}, {len(corpus):,}); "
        "give another folder, or delete this one to build it again"
    )


def save_fingerprints(path: Path, corpus: Corpus, beside: Beside | None = None) -> None:
    """Writes what the index knows its documents by, whole or not at all."""
    with writing(path, binary=True) as file:
        write_array(file, fingerprints_of(corpus, beside))


def open_fingerprints(path: Path, documents: int) -> Fingerprints:
    """What `save_fingerprints` wrote.

    Raises:
        BadInput: it is not there, or is of another number of documents.
    """
    try:
        found: Fingerprints = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        way_out = f"delete {path.parent} to build the index again"
        raise BadInput(f"cannot read {path}, so the index cannot be changed: {error}; {way_out}") from None
    if found.shape != (documents, 2) or found.dtype != np.uint64:
        raise BadInput(f"{path} holds {found.dtype}{found.shape}, not uint64({documents}, 2); delete the index")
    return found


def current(
    folder: Path, check: Callable[[], dict[str, Any]], read: Callable[[dict[str, Any]], Read]
) -> tuple[dict[str, Any], Read]:
    """A folder's manifest and what it names, also where another process replaces both at this moment.

    Raises:
        BadInput: what `check` or `read` raise of a manifest that is still the folder's.
    """
    while True:
        manifest = check()
        try:
            return manifest, read(manifest)
        except BadInput:
            if Manifest.read(folder) == manifest:
                raise
