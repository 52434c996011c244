"""The token vectors of a corpus, exact or compressed: in memory, or in a folder that follows a corpus that changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Positions
from rankify.errors import BadInput
from rankify.indexes.changes import Changes
from rankify.indexes.multivector import Rows
from rankify.indexes.multivector_arrays import Arrays
from rankify.indexes.multivector_codes import Codec
from rankify.indexes.multivector_compressed import inverted
from rankify.indexes.shard_folder import ShardFolder, numbers_of

FIRST = "00000"  # what the files of all shards were called before an index could change
CODEC, LISTS = ("centroids", "cutoffs", "values"), ("list-starts", "lists")

# the positions of some documents -> their tokens' vectors, shape (tokens, dimension), and how many tokens each has
Encode = Callable[[Sequence[int]], tuple[NDArray[np.float32], NDArray[np.integer]]]


@dataclass(frozen=True, eq=False)
class Tokens:
    """What is kept of the tokens of some documents.

    Args:
        parts: by name, a row for each token, one document's behind the other's: vectors, or cells and codes.
        lengths: how many tokens each document has, at least one, shape (documents,).
        codec: what cells and codes are of.
        lists: for each centroid the documents with a token there, as `inverted` gives them.
        said: what is to be known of the codec: its files' label, of how many documents it was learnt, and how many have
            been added since.
    """

    parts: Mapping[str, Rows]
    lengths: NDArray[np.integer]
    codec: Codec | None = None
    lists: tuple[NDArray[np.int64], NDArray[np.int32]] | None = None
    said: Mapping[str, Any] | None = None

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each document begins, and the last ends."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

    def between(self, first: int, last: int) -> tuple[dict[str, NDArray[Any]], NDArray[np.integer]]:
        """The rows and lengths of the documents from the first up to the last."""
        span = int(self.starts[first]), int(self.starts[last])
        return {name: rows.between(*span) for name, rows in self.parts.items()}, self.lengths[first:last]


@dataclass(frozen=True, kw_only=True)
class TokenFolder:
    """How the token vectors of a corpus are kept.

    Args:
        folder: where; in memory if not given.
        corpus, said, spec, size: as for `ShardFolder`.
        encode: gives the token vectors of documents.
        storage: what exact vectors are kept as: float16 or float32.
        learn: makes the codec that vectors are compressed by, from documents of the corpus; exact if not given.
    """

    names: ClassVar[Mapping[str, Sequence[str]]] = {
        "codec": [f"{name}-{{}}.npy" for name in CODEC], "lists": [f"{name}-{{}}.npy" for name in LISTS],
    }  # fmt: skip
    folder: Path | None
    corpus: Corpus
    said: dict[str, Any]
    spec: str
    size: int
    encode: Encode
    storage: str
    learn: Callable[[], Codec] | None = None

    @cached_property
    def arrays(self) -> Arrays:
        """Where the arrays are."""
        return Arrays(self.folder)

    @property
    def parts(self) -> tuple[str, ...]:
        """The arrays of a shard that have a row for each token."""
        return ("cells", "codes") if self.learn else ("vectors",)

    def opened(self) -> Tokens:
        """The tokens of the corpus; those that are not there yet are encoded.

        Raises:
            BadInput: the folder's vectors are of another encoder or index, or of another corpus: less than half of
                their documents are in this one.
        """
        if self.folder is None:
            return self._held()
        where = ShardFolder(
            folder=self.folder, corpus=self.corpus, said=self.said, spec=self.spec, size=self.size,
            names=[f"{name}-{{:05}}.npy" for name in (*self.parts, "lengths")], read=self.read, write=self.write,
            shared=self if self.learn else None,
        )  # fmt: skip
        return where.opened()

    def _held(self) -> Tokens:
        """The same in memory."""
        n = len(self.corpus)
        spans = [range(start, min(start + self.size, n)) for start in range(0, n, self.size)]
        for number, span in enumerate(spans):
            self.write(number, span, np.full(len(span), -1), None)
        shared = self.share(range(len(spans)), None, {}) if self.learn else {}
        return self.read({"shards": [*map(len, spans)], **shared})

    def read(self, manifest: dict[str, Any]) -> Tokens:
        """The tokens of the index that a manifest describes.

        Raises:
            BadInput: an array is missing, damaged or of other documents.
        """
        numbers = numbers_of(manifest)
        lengths = [np.asarray(self.arrays.get("lengths", number)) for number in numbers]
        for number, size, each in zip(numbers, manifest["shards"], lengths, strict=True):
            self._check(number, size, each)
        parts = {name: Rows([self.arrays.get(name, number) for number in numbers]) for name in self.parts}
        whole = np.concatenate([np.empty(0, np.int32), *lengths])
        if self.learn is None:
            return Tokens(parts, whole)
        starts, lists = (self.arrays.get(name, manifest.get("lists", FIRST)) for name in LISTS)
        label = manifest.get("codec", FIRST)
        said = {"codec": label, "learnt": manifest.get("learnt", len(whole)), "since": manifest.get("since", 0)}
        found = Tokens(parts, whole, self._codec(label), (starts, lists), said)
        if not _fit(found):
            raise BadInput(
                f"the codec {label} in {self.folder} is not that of its vectors; delete the folder to build it again"
            )
        return found

    def write(self, number: int, positions: Sequence[int], rows: Positions, present: Tokens | None) -> None:
        """Writes a shard: the present tokens are copied, and those of other documents encoded."""
        codec = None if self.learn is None else present.codec if present else self._learnt()
        new = np.flatnonzero(rows < 0)
        made = self._made([positions[place] for place in new.tolist()], codec) if len(new) else None
        parts, lengths = _merged(rows, present, made)
        for name in self.parts:
            self.arrays.put(name, parts[name], number)
        self.arrays.put("lengths", lengths.astype(np.int32), number)

    def outworn(self, manifest: dict[str, Any], changed: Changes) -> bool:
        """Whether more documents would have come since the codec was learnt than it was learnt of."""
        return bool(manifest["since"] + len(changed.lacking) > manifest["learnt"])

    def share(self, numbers: Sequence[int], present: Tokens | None, change: Mapping[str, int]) -> dict[str, Any]:
        """Writes the lists of centroids of all shards; what the manifest says of them and of the codec."""
        codec = (present and present.codec) or self._learnt()
        cells, lengths = ([self.arrays.get(name, number) for number in numbers] for name in ("cells", "lengths"))
        starts, lists = inverted(cells, lengths, len(codec.centroids))
        self.arrays.put(LISTS[0], starts, self._label)
        self.arrays.put(LISTS[1], lists, self._label)
        said = {"codec": self._label, "learnt": len(self.corpus), "since": 0}
        if present and present.said:
            said = {**present.said, "since": present.said["since"] + change["added"] + change["changed"]}
        return {**said, "lists": self._label}

    @property
    def _label(self) -> str:
        """What the files are called that go with this corpus."""
        return FIRST if self.folder is None else self.corpus.hash[:12]

    def _learnt(self) -> Codec:
        """The codec of this corpus: there already, or learnt now."""
        if self.learn and not self.arrays.there(CODEC[-1], self._label):
            codec = self.learn()
            for name, array in zip(CODEC, (codec.centroids, codec.cutoffs, codec.values), strict=True):
                self.arrays.put(name, array, self._label)
        return self._codec(self._label)

    def _codec(self, label: str) -> Codec:
        return Codec(*(np.array(self.arrays.get(name, label)) for name in CODEC))

    def _made(self, positions: Sequence[int], codec: Codec | None) -> Tokens:
        """What is to be kept of some documents that are encoded now."""
        vectors, lengths = self.encode(positions)
        if codec is None:
            return Tokens({"vectors": Rows([vectors.astype(self.storage)])}, lengths)
        cells, codes = codec.compressed(vectors)
        return Tokens({"cells": Rows([cells]), "codes": Rows([codes])}, lengths)

    def _check(self, number: int, size: int, lengths: NDArray[np.integer]) -> None:
        """Raises BadInput where the arrays of a shard do not go together."""
        for name in self.parts:
            array, tokens = self.arrays.get(name, number), int(lengths.sum())
            right = (*array.shape[:1], array.dtype) == (tokens, self._type(name, array))
            if len(lengths) != size or lengths.min(initial=1) < 1 or not right:
                raise BadInput(
                    f"shard {number} in {self.folder} has {name} {array.dtype}{array.shape} and {len(lengths)} lengths "
                    f"where {size} documents of {tokens} tokens belong; delete the folder to build it again"
                )

    def _type(self, name: str, array: NDArray[Any]) -> np.dtype[Any]:
        """The type that an array has to have: a centroid's number is as wide as their count asks for."""
        if name == "cells":
            return array.dtype if array.dtype.kind == "u" else np.dtype(np.uint32)
        return np.dtype(self.storage if name == "vectors" else np.uint8)


def _fit(tokens: Tokens) -> bool:
    """Whether a codec and lists go with cells and codes: what is compiled looks nothing up that is not there."""
    if tokens.codec is None or tokens.lists is None:
        return False
    centroids, starts = len(tokens.codec.centroids), tokens.lists[0]
    codec = tokens.codec.cutoffs.shape == (len(tokens.codec.values) - 1, tokens.codec.centroids.shape[1])
    codes = all(shard.shape[1:] == (tokens.codec.width,) for shard in tokens.parts["codes"].shards)
    cells = all(int(shard.max(initial=0)) < centroids for shard in tokens.parts["cells"].shards)
    return codec and codes and cells and len(starts) == centroids + 1 and int(starts[-1]) == len(tokens.lists[1])


def _merged(
    rows: Positions, present: Tokens | None, made: Tokens | None
) -> tuple[dict[str, NDArray[Any]], NDArray[np.integer]]:
    """What is kept of documents, one behind the other: of present rows, and where a row is -1 the next that was made.

    Documents that stand together are copied together.
    """
    new = rows < 0
    source = np.where(new, np.cumsum(new) - 1, rows)
    cuts = np.flatnonzero((np.diff(source) != 1) | (np.diff(new.astype(np.int8)) != 0)) + 1
    found = []
    for first, last in pairwise([0, *cuts.tolist(), len(rows)]):
        held = made if new[first] else present
        assert held is not None  # noqa: S101 - for mypy: rows are of what is there
        found.append(held.between(int(source[first]), int(source[last - 1]) + 1))
    parts = {name: np.concatenate([rows[name] for rows, _ in found]) for name in found[0][0]}
    return parts, np.concatenate([lengths for _, lengths in found])
