"""The vectors of a corpus in a folder: encoded shard by shard, opened, and brought up to a corpus that has changed.

A shard's rows are the vectors of documents that stand one behind the other in the corpus. Where the corpus has changed,
a shard whose documents still stand so is kept as it is, and all others are written anew under new numbers: present
vectors are copied, and only those of new documents are encoded. Rows are therefore always in the order of the corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.indexes.building import building
from rankify.indexes.changes import Changes, changes, current, open_fingerprints, save_fingerprints
from rankify.indexes.manifest import Manifest
from rankify.indexes.vectors import Vectors, open_shards, save_shard, shard_path

UNFINISHED = "unfinished.json"

# the positions of some documents, ascending -> their vectors, shape (positions, dimension)
Encode = Callable[[Sequence[int]], NDArray[np.float32]]


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
class VectorFolder:
    """Where the vectors of a corpus are kept.

    Args:
        folder: opened, filled or changed by `vectors`.
        corpus: the documents.
        said: what decides the vectors, as fields of the manifest; each has to be the same when they are opened.
        spec: what builds an equal index.
        encode: gives the vectors of documents.
        dimension: of a vector. storage: float32 or float16. size: documents in a shard.
    """

    folder: Path
    corpus: Corpus
    said: dict[str, Any]
    spec: str
    encode: Encode
    dimension: int
    storage: str
    size: int

    def vectors(self) -> Vectors:
        """The vectors of the corpus, mapped into memory; those that are not there yet are encoded.

        Raises:
            BadInput: the folder's vectors are of another encoder, or of another corpus: less than half are in this one.
        """
        if not Manifest.there(self.folder):
            with building(self.folder, own="*" if (self.folder / UNFINISHED).is_file() else ""):
                self._build()
        manifest, found = self._opened()
        if manifest["corpus"] == self.corpus.hash:
            return found
        known = open_fingerprints(self.folder / str(manifest.get("fingerprints")), len(found))
        changed = changes(self.folder, known, self.corpus, manifest["corpus"])
        with building(self.folder, own="*"):
            self._change(changed, manifest, found)
        return self._opened()[1]

    def _opened(self) -> tuple[dict[str, Any], Vectors]:
        return current(self.folder, partial(Manifest.check, self.folder, **self.said), self._read)

    def _read(self, manifest: dict[str, Any]) -> Vectors:
        return open_shards(self.folder, manifest["shards"], self.dimension, self.storage, numbers=manifest.get("files"))

    def _fields(self, planned: Sequence[Shard]) -> dict[str, Any]:
        return {
            **self.said, "corpus": self.corpus.hash, "documents": len(self.corpus),
            "shards": [shard.stop - shard.start for shard in planned], "files": [shard.number for shard in planned],
        }  # fmt: skip

    def _build(self) -> None:
        """Encodes the shards that are not there yet."""
        new = Changes(np.full(len(self.corpus), -1, np.int64), before=0)
        planned = shards(new, [], [], self.size)
        if (self.folder / UNFINISHED).is_file():
            Manifest.check(self.folder, file=UNFINISHED, **self._fields(planned))
        else:
            Manifest.write(self.folder, file=UNFINISHED, **self._fields(planned), spec=self.spec)
        self._finish(new, planned, Vectors([], self.dimension))

    def _change(self, changed: Changes, manifest: dict[str, Any], present: Vectors) -> None:
        """Writes what is not there as it has to be beside what is, which a kill leaves as it was."""
        sizes = manifest["shards"]
        planned = shards(changed, sizes, manifest.get("files", range(len(sizes))), self.size)
        fields = self._fields(planned)
        path = self.folder / UNFINISHED
        begun = Manifest.read(self.folder, file=UNFINISHED) if path.is_file() else {}
        if any(begun.get(name) != fields[name] for name in ("corpus", "shards", "files")):
            self._remove_all_but(manifest)
            Manifest.write(self.folder, file=UNFINISHED, **fields, spec=self.spec)
        self._finish(changed, planned, present)

    def _finish(self, changed: Changes, planned: Sequence[Shard], present: Vectors) -> None:
        """Writes the shards that are missing; the manifest comes last and makes the index that of the corpus."""
        for shard in planned:
            if not shard_path(self.folder, shard.number).is_file():
                save_shard(self.folder, shard.number, self._rows(shard, changed, present), self.storage)
        fingerprints = f"documents-{self.corpus.hash[:12]}.npy"
        save_fingerprints(self.folder / fingerprints, self.corpus)
        for stale in self.folder.glob("*.faiss"):  # first: it must never be found beside vectors that it is not of
            stale.unlink()
        said = {**self._fields(planned), "fingerprints": fingerprints, "change": changed.counts()}
        Manifest.write(self.folder, **said, spec=self.spec)
        self._remove_all_but(said)

    def _rows(self, shard: Shard, changed: Changes, present: Vectors) -> NDArray[np.float32]:
        """The vectors of a shard: copied where they are present, encoded where not."""
        rows = changed.rows[shard.start : shard.stop]
        if (rows < 0).all():
            return self.encode(range(shard.start, shard.stop))
        found = np.empty((len(rows), self.dimension), np.float32)
        found[rows >= 0] = present.take(rows[rows >= 0])
        if (rows < 0).any():
            found[rows < 0] = self.encode((shard.start + np.flatnonzero(rows < 0)).tolist())
        return found

    def _remove_all_but(self, manifest: dict[str, Any]) -> None:
        """Removes files of shards and fingerprints that a manifest does not name, and what was unfinished."""
        named = {shard_path(self.folder, number) for number in manifest.get("files", range(len(manifest["shards"])))}
        named.add(self.folder / str(manifest.get("fingerprints")))
        for pattern in ("vectors-*.npy", "documents-*.npy", UNFINISHED):
            for path in self.folder.glob(pattern):
                if path not in named:
                    path.unlink()
