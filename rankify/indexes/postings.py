"""Postings: for every term the documents it occurs in and how often, in memory or memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput
from rankify.indexes.arrays import write_array
from rankify.io.files import writing

ARRAYS = ("offsets", "documents", "frequencies", "lengths")


@dataclass(frozen=True, eq=False)
class Postings:
    """An inverted file.

    Args:
        terms: every term and its number.
        offsets: where each term's postings begin, shape (terms + 1,), int64.
        documents: document numbers, ascending within a term, shape (postings,), int32.
        frequencies: how often the term occurs there, or a quantised weight, shape (postings,), unsigned integers.
        lengths: how many terms each document has, counting repeats, shape (documents,), int32.
    """

    terms: dict[str, int]
    offsets: NDArray[np.int64]
    documents: NDArray[np.int32]
    frequencies: NDArray[np.unsignedinteger]
    lengths: NDArray[np.int32]

    @classmethod
    def empty(cls) -> Postings:
        """Postings of no documents."""
        none = np.zeros(0, np.int32)
        return cls({}, np.zeros(1, np.int64), none, np.zeros(0, np.uint8), none)

    @property
    def document_frequencies(self) -> NDArray[np.int64]:
        """How many documents each term occurs in."""
        return np.diff(self.offsets)

    @property
    def total_terms(self) -> int:
        """Terms of all documents together, counting repeats."""
        return int(self.lengths.sum(dtype=np.int64))

    @property
    def nonempty_documents(self) -> int:
        """Documents with at least one term, which is Lucene's number of documents."""
        return int(np.count_nonzero(self.lengths))

    @property
    def bytes(self) -> int:
        """The size of the arrays."""
        return sum(int(getattr(self, name).nbytes) for name in ARRAYS)

    def append(
        self, tokens: NDArray[np.int32], starts: NDArray[np.int64], terms: dict[str, int],
        numbers: NDArray[np.int64] | None = None,
    ) -> Postings:  # fmt: skip
        """These postings and those of further documents, without analysing the present ones again.

        Args:
            tokens: the new documents' term numbers, one document after the other.
            starts: where each new document begins in `tokens`, shape (new documents + 1,).
            terms: the present terms, with their numbers, and the new ones after them.
            numbers: which of the present documents are kept: -1 for one that is not, 0, 1, 2, ... for the others; all
                if not given. A term that no document has any more is left without postings.
        """
        from rankify.indexes import kernels

        here = slice(None) if numbers is None else numbers >= 0
        present, new = self.lengths[here], len(starts) - 1
        if len(present) + new > np.iinfo(np.int32).max:
            raise BadInput(f"{len(present) + new:,} documents are more than one index holds; split the collection")
        counts = kernels.count_postings(tokens, starts, len(terms))
        own = self.offsets, self.documents
        counts[: len(self.terms)] += self.document_frequencies if numbers is None else kernels.count_kept(*own, numbers)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        documents = np.empty(offsets[-1], np.int32)
        lengths = np.diff(starts).astype(np.int32)
        widest = np.promote_types(counter_type(int(lengths.max(initial=0))), self.frequencies.dtype)
        frequencies = np.empty(offsets[-1], widest)
        places = offsets[:-1].copy()
        if numbers is not None:
            kernels.move_kept_postings(*own, self.frequencies, numbers, places, documents, frequencies)
        elif len(present):
            kernels.move_postings(*own, self.frequencies, places, documents, frequencies)
        kernels.fill_postings(tokens, starts, places, len(present), documents, frequencies)
        return Postings(terms, offsets, documents, narrowed(frequencies), np.concatenate([present, lengths]))

    def without_empty_terms(self) -> Postings:
        """The same postings under new numbers of terms, without terms that no document has."""
        used = self.document_frequencies > 0
        if used.all():
            return self
        kept = [term for term, here in zip(self.terms, used.tolist(), strict=True) if here]
        offsets = np.concatenate([self.offsets[:1], self.offsets[1:][used]])
        numbers = {term: number for number, term in enumerate(kept)}
        return Postings(numbers, offsets, self.documents, self.frequencies, self.lengths)

    def renumbered(self, numbers: NDArray[np.int64]) -> Postings:
        """The postings of some of the documents under other numbers; a term that none of them has is forgotten.

        Args:
            numbers: each document's new number, -1 for one that is dropped, shape (documents,); the numbers that are
                not -1 are 0, 1, 2, ... in any order.
        """
        from rankify.indexes import kernels

        kept = kernels.count_kept(self.offsets, self.documents, numbers)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])
        documents = np.empty(offsets[-1], np.int32)
        frequencies = np.empty(offsets[-1], self.frequencies.dtype)
        old = self.offsets, self.documents, self.frequencies
        kernels.renumber_postings(*old, numbers, offsets, documents, frequencies)
        here = numbers >= 0
        lengths = np.empty(np.count_nonzero(here), np.int32)
        lengths[numbers[here]] = self.lengths[here]
        return Postings(self.terms, offsets, documents, narrowed(frequencies), lengths).without_empty_terms()

    def save(self, folder: Path) -> None:
        """Writes the arrays and the terms into a folder, each file whole or not at all."""
        for name in ARRAYS:
            with writing(folder / f"{name}.npy", binary=True) as file:
                write_array(file, getattr(self, name))
        with writing(folder / "terms.txt") as file:
            file.writelines(f"{term}\n" for term in self.terms)

    @classmethod
    def open(cls, folder: Path, index: Path | None = None) -> Postings:
        """What `save` wrote, memory-mapped: opening costs the terms only.

        Args:
            index: the folder to delete where it is damaged, the whole index; the same folder if not given.

        Raises:
            BadInput: a file is missing or is not what `save` wrote.
        """
        way_out = f"delete {index or folder} to build it again"
        try:
            arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS}
            text = (folder / "terms.txt").read_text("utf-8", "surrogatepass")
        except (OSError, ValueError) as error:
            raise BadInput(f"{folder} is not a complete index ({error}); {way_out}") from None
        terms = {term: number for number, term in enumerate(text.split("\n")[:-1])}
        if len(terms) != len(arrays["offsets"]) - 1:
            raise BadInput(
                f"{folder} has {len(terms):,} terms but postings of {len(arrays['offsets']) - 1:,}; {way_out}"
            )
        if not _fit(**arrays):
            raise BadInput(f"{folder} is damaged: its arrays do not go together; {way_out}")
        return cls(terms, **arrays)


def _fit(
    offsets: NDArray[np.int64], documents: NDArray[np.int32], frequencies: NDArray[np.unsignedinteger],
    lengths: NDArray[np.int32],
) -> bool:  # fmt: skip
    """Whether every list of postings lies in the arrays, and every posting is of one of the documents."""
    ends = offsets[0] == 0 and len(documents) == len(frequencies) == int(offsets[-1])
    inside = ends and bool((np.diff(offsets) >= 0).all())
    return inside and (not len(documents) or (int(documents.min()) >= 0 and int(documents.max()) < len(lengths)))


def counter_type(longest: int) -> type[np.unsignedinteger]:
    """The narrowest unsigned type that can count a term in a document of `longest` terms."""
    return np.uint8 if longest < 1 << 8 else np.uint16 if longest < 1 << 16 else np.uint32


def narrowed(frequencies: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """The same numbers in the narrowest unsigned type that holds them: almost always one byte each."""
    return frequencies.astype(np.uint8) if frequencies.max(initial=0) < 256 else frequencies
