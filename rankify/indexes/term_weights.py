"""Documents as weighted terms: in memory or in a file each shard, and turned around into postings."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Positions
from rankify.errors import BadInput
from rankify.io.files import writing

ARRAYS = ("vocabulary", "offsets", "terms", "weights")


@dataclass(frozen=True, eq=False)
class TermWeights:
    """Weighted terms of some documents, one document's behind the other's.

    Args:
        vocabulary: what each term's number stands for.
        offsets: where each document begins, shape (documents + 1,), int64.
        terms: distinct within a document, shape (terms of all documents,), int32.
        weights: one each, positive; unsigned integers where they are whole numbers, else float32.
    """

    vocabulary: list[str]
    offsets: NDArray[np.int64]
    terms: NDArray[np.int32]
    weights: NDArray[Any]

    @classmethod
    def of(
        cls, vocabulary: Sequence[str], offsets: NDArray[np.int64], terms: NDArray[np.int32], weights: NDArray[Any]
    ) -> TermWeights:  # fmt: skip
        """The same with the terms that occur alone, and weights in the narrowest type that holds them."""
        used, numbers = np.unique(terms, return_inverse=True)
        names = [vocabulary[term] for term in used.tolist()]
        return cls(names, offsets, numbers.astype(np.int32), narrowest(weights))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: Positions) -> TermWeights:
        """The documents at these places, in this order."""
        counts = np.diff(self.offsets)[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], counts)
        return TermWeights.of(self.vocabulary, offsets, self.terms[places], self.weights[places])

    @classmethod
    def joined(cls, parts: Sequence[TermWeights]) -> TermWeights:
        """The documents of several, one after the other."""
        numbers: dict[str, int] = {}
        own = [np.array([numbers.setdefault(t, len(numbers)) for t in p.vocabulary], np.int32) for p in parts]
        offsets = np.cumsum(np.concatenate([np.zeros(1, np.int64), *(np.diff(part.offsets) for part in parts)]))
        terms = np.concatenate([np.zeros(0, np.int32), *(n[p.terms] for n, p in zip(own, parts, strict=True))])
        weights = np.concatenate([np.zeros(0, np.uint8), *(part.weights for part in parts)])
        return cls.of(list(numbers), offsets, terms, weights)

    def save(self, path: Path) -> None:
        """Writes everything into one file, whole or not at all."""
        names = np.frombuffer(json.dumps(self.vocabulary).encode(), np.uint8)
        with writing(path, binary=True) as file:
            np.savez(file, vocabulary=names, offsets=self.offsets, terms=self.terms, weights=self.weights)

    @classmethod
    def open(cls, path: Path) -> TermWeights:
        """What `save` wrote.

        Raises:
            BadInput: the file is missing or damaged.
        """
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                names, offsets, terms, weights = (file[name] for name in ARRAYS)
            vocabulary = json.loads(names.tobytes())
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise BadInput(f"cannot read {path}: {error}; delete {path.parent} to build it again") from None
        return cls(vocabulary, offsets, terms, weights)


@dataclass(frozen=True)
class Shards(Sequence[TermWeights]):
    """Shards one after the other; those that are named by their files are read when they are needed."""

    places: Sequence[TermWeights | Path]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        place = self.places[index]
        return TermWeights.open(place) if isinstance(place, Path) else place

    def __iter__(self) -> Iterator[TermWeights]:
        return (self[index] for index in range(len(self)))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The terms of several shards together, and how often each occurs.

    Args:
        numbers: every term and its number.
        counts: how many documents have it, shape (terms,).
        sizes: how many documents each shard has, and how many weights.
    """

    numbers: dict[str, int]
    counts: NDArray[np.int64]
    sizes: list[tuple[int, int]]

    @classmethod
    def of(cls, shards: Sequence[TermWeights]) -> Vocabulary:
        """The vocabulary of shards, which are read once."""
        numbers: dict[str, int] = {}
        found, sizes = np.zeros(0, np.int64), []
        for shard in shards:
            places = [numbers.setdefault(term, len(numbers)) for term in shard.vocabulary]
            found = np.concatenate([found, np.zeros(len(numbers) - len(found), np.int64)])
            found[places] += np.bincount(shard.terms, minlength=len(places))
            sizes.append((len(shard), len(shard.terms)))
        return cls(numbers, found, sizes)

    def numbered(self, shard: TermWeights) -> NDArray[np.int32]:
        """The number here of each term of a shard."""
        return np.array([self.numbers[term] for term in shard.vocabulary], dtype=np.int32)


Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]  # offsets; what stands there; its weight


def inverted(shards: Sequence[TermWeights], vocabulary: Vocabulary) -> Rows:
    """Each term's documents, ascending, with the term's weight there. The shards are read once more."""
    from rankify.indexes import kernels

    offsets = np.concatenate([[0], np.cumsum(vocabulary.counts)]).astype(np.int64)
    documents, weights = np.empty(offsets[-1], np.int32), np.empty(offsets[-1], np.float32)
    starts, first = offsets[:-1].copy(), 0
    for shard in shards:
        numbers = vocabulary.numbered(shard)
        kernels.fill_weights(shard.offsets, shard.terms, shard.weights, numbers, first, starts, documents, weights)
        first += len(shard)
    return offsets, documents, weights


def forward(shards: Sequence[TermWeights], vocabulary: Vocabulary) -> Rows:
    """Each document's terms, with their weights. The shards are read once more."""
    total = sum(weights for _, weights in vocabulary.sizes)
    offsets = np.zeros(sum(documents for documents, _ in vocabulary.sizes) + 1, np.int64)
    terms, weights = np.empty(total, np.int32), np.empty(total, np.float32)
    first = at = 0
    for shard in shards:
        span = slice(at, at + len(shard.terms))
        offsets[first + 1 : first + 1 + len(shard)] = at + shard.offsets[1:]
        terms[span], weights[span] = vocabulary.numbered(shard)[shard.terms], shard.weights
        first, at = first + len(shard), span.stop
    return offsets, terms, weights


def narrowest(weights: NDArray[np.float32]) -> NDArray[Any]:
    """The same numbers in one or two bytes where they are whole and small enough."""
    if not len(weights) or (weights != np.rint(weights)).any() or weights.max() >= 1 << 16:
        return weights
    return weights.astype(np.uint8 if weights.max() < 1 << 8 else np.uint16)
