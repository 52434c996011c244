"""An index in a folder, shards of its documents in files: built, opened, and brought up to a corpus that has changed.

A shard holds documents that stand one behind the other in the corpus. Where the corpus has changed, a shard whose
documents still stand so is kept as it is, and all others are written anew under new numbers: what is present is copied,
and only new documents are made something of. Documents are therefore always in the order of the corpus.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Positions
from rankify.errors import BadInput
from rankify.indexes.building import building
from rankify.indexes.changes import Beside, Changes, changes, current, open_fingerprints, save_fingerprints
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


class Shared(Protocol):
    """What all shards of an index have in common, in files of its own.

    Args:
        names: by a field of the manifest, names of files, each with a place for what the field says.
    """

    names: ClassVar[Mapping[str, Sequence[str]]]

    def outworn(self, manifest: dict[str, Any], changed: Changes) -> bool:
        """Whether it does for a corpus no more, so that all shards have to be written again."""

    def share(self, numbers: Sequence[int], present: Any, change: Mapping[str, int]) -> dict[str, Any]:
        """Writes what is made of all shards, under names that nothing else has; the fields of the manifest."""


@dataclass(frozen=True, kw_only=True)
class ShardFolder(Generic[Present]):
    """Where the shards of an index are kept.

    Args:
        folder: opened, filled or changed by `opened`.
        corpus: the documents.
        said: what decides what is kept of a document, as fields of the manifest; each has to be the same later.
        spec: what builds an equal index.
        size: how many documents a new shard has at most.
        names: of a shard's files, with a place for its number, e.g. `vectors-{:05}.npy`; the last makes it whole.
        read: opens the index that a manifest describes.
        write: writes the shard of a number: for each of its documents the position in the corpus, and the row among
            those present, -1 for a new one.
        beside: what decides what is kept of a document besides its title and text.
        shared: what the shards have in common.
    """

    folder: Path
    corpus: Corpus
    said: dict[str, Any]
    spec: str
    size: int
    names: Sequence[str]
    read: Callable[[dict[str, Any]], Present]
    write: Callable[[int, Sequence[int], Positions, Present | None], None]
    beside: Beside | None = None
    shared: Shared | None = None

    def opened(self) -> Present:
        """The shards of the corpus; what is not there yet is written.

        Raises:
            BadInput: the folder's index is of another kind, or of another corpus: less than half is in this one.
        """
        if not Manifest.there(self.folder):
            with building(self.folder, own="*" if (self.folder / UNFINISHED).is_file() else ""):
                self._build()
        manifest, found = current(self.folder, partial(Manifest.check, self.folder, **self.said), self.read)
        if all(manifest.get(field) == value for field, value in self._corpus().items()):
            return found
        known = open_fingerprints(self.folder / str(manifest.get("fingerprints")), manifest["documents"])
        changed = changes(self.folder, known, self.corpus, manifest["corpus"], self.beside)
        with building(self.folder, own="*"):
            if Manifest.read(self.folder) == manifest:  # no other process has changed it meanwhile
                self._change(changed, manifest, found)
        return self.opened()

    def _whole(self, number: int) -> Path:
        """The file that makes the shard of a number whole."""
        return self.folder / self.names[-1].format(number)

    def _corpus(self) -> dict[str, str]:
        """What tells the corpus from all others."""
        return {"corpus": self.corpus.hash, **({"beside": self.beside.hash} if self.beside else {})}

    def _label(self) -> str:
        """What the file of fingerprints is called by."""
        if self.beside is None:
            return self.corpus.hash[:12]
        return hashlib.sha256(f"{self.corpus.hash}{self.beside.hash}".encode()).hexdigest()[:12]

    def _fields(self, planned: Sequence[Shard]) -> dict[str, Any]:
        return {
            **self.said, **self._corpus(), "documents": len(self.corpus),
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
        self._finish(new, planned, None, new.counts())

    def _change(self, changed: Changes, manifest: dict[str, Any], present: Present) -> None:
        """Writes what is not there as it has to be beside what is, which a kill leaves as it was."""
        change, kept = changed.counts(), present
        if anew := bool(self.shared and self.shared.outworn(manifest, changed)):
            changed = Changes(np.full(len(changed.rows), -1, np.int64), changed.before)
        planned = shards(changed, manifest["shards"], numbers_of(manifest), self.size)
        fields = self._fields(planned)
        path = self.folder / UNFINISHED
        begun = Manifest.read(self.folder, file=UNFINISHED) if path.is_file() else {}
        if any(begun.get(name) != fields[name] for name in (*self._corpus(), "shards", "files")):
            self._remove_all_but(manifest)
            Manifest.write(self.folder, file=UNFINISHED, **fields, spec=self.spec)
        self._finish(changed, planned, None if anew else kept, change)

    def _finish(
        self, changed: Changes, planned: Sequence[Shard], present: Present | None, change: Mapping[str, int]
    ) -> None:
        """Writes the shards that are missing; the manifest comes last and makes the index that of the corpus."""
        for shard in planned:
            if not self._whole(shard.number).is_file():
                positions = range(shard.start, shard.stop)
                self.write(shard.number, positions, changed.rows[shard.start : shard.stop], present)
        fingerprints = f"documents-{self._label()}.npy"
        save_fingerprints(self.folder / fingerprints, self.corpus, self.beside)
        for stale in self.folder.glob("*.faiss"):  # of earlier versions, which found by it vectors as they were
            stale.unlink()
        fields = self._fields(planned)
        shared = self.shared.share(fields["files"], present, change) if self.shared else {}
        said = {**fields, **shared, "fingerprints": fingerprints, "change": change}
        Manifest.write(self.folder, **said, spec=self.spec)
        self._remove_all_but(said)

    def _remove_all_but(self, manifest: dict[str, Any]) -> None:
        """Removes files of shards, of what they share and of fingerprints that a manifest does not name."""
        named = {name.format(number) for number in numbers_of(manifest) for name in self.names}
        patterns = [name.replace("{:05}", "*") for name in self.names]
        for field, names in (self.shared.names if self.shared else {}).items():
            named |= {name.format(manifest[field]) for name in names}
            patterns += [name.format("*") for name in names]
        named.add(str(manifest.get("fingerprints")))
        for pattern in (*patterns, "documents-*.npy", UNFINISHED):
            for path in self.folder.glob(pattern):
                if path.name not in named:
                    path.unlink()


def numbers_of(manifest: dict[str, Any]) -> Sequence[int]:
    """The numbers of an index's shards, in the order of the corpus.

    Raises:
        BadInput: there is not one for each.
    """
    found: Sequence[int] = manifest.get("files", range(len(manifest["shards"])))
    if len(found) != len(manifest["shards"]):
        raise BadInput(f"a manifest names {len(found)} files of {len(manifest['shards'])} shards; delete the index")
    return found
