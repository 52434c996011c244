"""An index in a folder, a shard of its documents in a file: built, opened, and brought up to a corpus that has changed.

A shard holds documents that stand one behind the other in the corpus. Where the corpus has changed, a shard whose
documents still stand so is kept as it is, and all others are written anew under new numbers: what is present is copied,
and only new documents are made something of. Documents are therefore always in the order of the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Positions
from rankify.indexes.building import building
from rankify.indexes.changes import Changes, changes, current, open_fingerprints, save_fingerprints
from rankify.indexes.manifest import Manifest

UNFINISHED = "unfinished.json"
Present = TypeVar("Present")


@dataclass(frozen=True)
class Shard:
    """A shard of an index as it is to be: the documents from `start` to `stop` - 1, in the file of this number."""

    start: int
    stop: int
    number: int
    kept: bool = False


def shards(found: Changes, sizes: Sequence[int], numbers: Sequence[int], size: int) -> list[Shard]:
    """The shards that a corpus needs, in its order.

    A present one is kept where its documents stand as they did. One of less than half the size is not, so that many
    small additions leave few small shards behind.

    Args:
        sizes, numbers: of the present shards.
        size: how many documents a new shard has, but for the last of some that stand together.

    >>> one = Changes(np.array([0, 1, 3, 4, 5, -1]), before=6)
    >>> [(s.start, s.stop, s.number, s.kept) for s in shards(one, [3, 3], [0, 1], 3)]
    [(0, 2, 2, False), (2, 5, 1, True), (5, 6, 3, False)]
    """
    whole = []
    for start, length, number in zip(np.cumsum([0, *sizes]).tolist(), sizes, numbers, strict=False):
        at = int(found.positions[start]) if length * 2 >= size else -1
        if at >= 0 and np.array_equal(found.rows[at : at + length], np.arange(start, start + length)):
            whole.append(Shard(at, at + length, number, kept=True))
    free, done, planned = max(numbers, default=-1) + 1, 0, []
    for kept in (*sorted(whole, key=lambda shard: shard.start), None):
        until = kept.start if kept else len(found.rows)
        for start in range(done, until, size):
            planned.append(Shard(start, min(start + size, until), free))
            free += 1
        if kept:
            planned.append(kept)
            done = kept.stop
    return planned


@dataclass(frozen=True, kw_only=True)
class ShardFolder(Generic[Present]):
    """Where the shards of an index are kept.

    Args:
        folder: opened, filled or changed by `opened`.
        corpus: the documents.
        said: what decides what is kept of a document, as fields of the manifest; each has to be the same later.
        spec: what builds an equal index.
        size: how many documents a new shard has at most.
        name: the name of a shard's file, with a place for its number, e.g. `vectors-{:05}.npy`.
        read: opens shards, from their sizes and numbers.
        write: writes the shard of a number: for each of its documents the position in the corpus, and the row among
            those present, -1 for a new one.
    """

    folder: Path
    corpus: Corpus
    said: dict[str, Any]
    spec: str
    size: int
    name: str
    read: Callable[[Sequence[int], Sequence[int]], Present]
    write: Callable[[int, Sequence[int], Positions, Present | None], None]

    def opened(self) -> Present:
        """The shards of the corpus; what is not there yet is written.

        Raises:
            BadInput: the folder's index is of another kind, or of another corpus: less than half is in this one.
        """
        if not Manifest.there(self.folder):
            with building(self.folder, own="*" if (self.folder / UNFINISHED).is_file() else ""):
                self._build()
        manifest, found = self._found()
        if manifest["corpus"] == self.corpus.hash:
            return found
        known = open_fingerprints(self.folder / str(manifest.get("fingerprints")), manifest["documents"])
        changed = changes(self.folder, known, self.corpus, manifest["corpus"])
        with building(self.folder, own="*"):
            if Manifest.read(self.folder) == manifest:  # no other process has changed it meanwhile
                self._change(changed, manifest, found)
        return self.opened()

    def path(self, number: int) -> Path:
        """Where the shard of a number lies."""
        return self.folder / self.name.format(number)

    def _found(self) -> tuple[dict[str, Any], Present]:
        def read(manifest: dict[str, Any]) -> Present:
            return self.read(manifest["shards"], _numbers(manifest))

        return current(self.folder, partial(Manifest.check, self.folder, **self.said), read)

    def _fields(self, planned: Sequence[Shard]) -> dict[str, Any]:
        return {
            **self.said, "corpus": self.corpus.hash, "documents": len(self.corpus),
            "shards": [shard.stop - shard.start for shard in planned], "files": [shard.number for shard in planned],
        }  # fmt: skip

    def _build(self) -> None:
        """Writes the shards that are not there yet."""
        new = Changes(np.full(len(self.corpus), -1, np.int64), before=0)
        planned = shards(new, [], [], self.size)
        if (self.folder / UNFINISHED).is_file():
            Manifest.check(self.folder, file=UNFINISHED, **self._fields(planned))
        else:
            Manifest.write(self.folder, file=UNFINISHED, **self._fields(planned), spec=self.spec)
        self._finish(new, planned, None)

    def _change(self, changed: Changes, manifest: dict[str, Any], present: Present) -> None:
        """Writes what is not there as it has to be beside what is, which a kill leaves as it was."""
        planned = shards(changed, manifest["shards"], _numbers(manifest), self.size)
        fields = self._fields(planned)
        path = self.folder / UNFINISHED
        begun = Manifest.read(self.folder, file=UNFINISHED) if path.is_file() else {}
        if any(begun.get(name) != fields[name] for name in ("corpus", "shards", "files")):
            self._remove_all_but(manifest)
            Manifest.write(self.folder, file=UNFINISHED, **fields, spec=self.spec)
        self._finish(changed, planned, present)

    def _finish(self, changed: Changes, planned: Sequence[Shard], present: Present | None) -> None:
        """Writes the shards that are missing; the manifest comes last and makes the index that of the corpus."""
        for shard in planned:
            if not self.path(shard.number).is_file():
                positions = range(shard.start, shard.stop)
                self.write(shard.number, positions, changed.rows[shard.start : shard.stop], present)
        fingerprints = f"documents-{self.corpus.hash[:12]}.npy"
        save_fingerprints(self.folder / fingerprints, self.corpus)
        for stale in self.folder.glob("*.faiss"):  # first: it must never be found beside vectors that it is not of
            stale.unlink()
        said = {**self._fields(planned), "fingerprints": fingerprints, "change": changed.counts()}
        Manifest.write(self.folder, **said, spec=self.spec)
        self._remove_all_but(said)

    def _remove_all_but(self, manifest: dict[str, Any]) -> None:
        """Removes files of shards and fingerprints that a manifest does not name, and what was unfinished."""
        named = {self.path(number) for number in _numbers(manifest)}
        named.add(self.folder / str(manifest.get("fingerprints")))
        for pattern in (self.name.replace("{:05}", "*"), "documents-*.npy", UNFINISHED):
            for path in self.folder.glob(pattern):
                if path not in named:
                    path.unlink()


def _numbers(manifest: dict[str, Any]) -> Sequence[int]:
    """The numbers of an index's shards, in the order of the corpus."""
    found: Sequence[int] = manifest.get("files", range(len(manifest["shards"])))
    return found
