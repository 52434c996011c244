"""A document, and sequences of documents that cost nothing until they are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Document:
    """A passage or a page. `metadata` holds what its file said besides, losslessly."""

    id: str
    text: str
    title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


class Store(Protocol):
    """What documents are drawn from by position: a corpus, or a plain list."""

    def __len__(self) -> int: ...

    def document(self, position: int) -> Document: ...

    def ids_at(self, positions: Positions) -> list[str]: ...


class Shelf:
    """A few documents in memory; the store behind rankings that are written out by hand."""

    __slots__ = ("documents",)

    def __init__(self, documents: Iterable[Document]) -> None:
        self.documents = tuple(documents)

    def __len__(self) -> int:
        return len(self.documents)

    def document(self, position: int) -> Document:
        return self.documents[position]

    def ids_at(self, positions: Positions) -> list[str]:
        return [self.documents[p].id for p in positions.tolist()]


class Documents(Sequence[Document]):
    """Documents by their positions in a store: a document is built when it is looked at, not before.

    Args:
        store: a corpus, or a `Shelf`.
        positions: which documents, in order.
    """

    __slots__ = ("positions", "store")

    def __init__(self, store: Store, positions: ArrayLike) -> None:
        self.store = store
        self.positions: Positions = np.asarray(positions, dtype=np.int64)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Documents:
        """Any documents as a sequence that knows its ids."""
        if isinstance(documents, Documents):
            return documents
        shelf = Shelf(documents)
        return cls(shelf, np.arange(len(shelf)))

    @property
    def ids(self) -> list[str]:
        """The documents' ids, without building a document."""
        return self.store.ids_at(self.positions)

    def take(self, order: ArrayLike) -> Documents:
        """The documents at these places of this sequence."""
        return Documents(self.store, self.positions[np.asarray(order, dtype=np.int64)])

    def distinct(self) -> bool:
        """Whether no id stands twice. A corpus has distinct ids, so there positions decide."""
        if isinstance(self.store, Shelf):
            return len(set(self.ids)) == len(self)
        in_order = np.sort(self.positions)
        return not bool((in_order[1:] == in_order[:-1]).any())

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Document]:
        return map(self.store.document, self.positions.tolist())

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Documents: ...
    def __getitem__(self, index: int | slice) -> Document | Documents:
        if isinstance(index, slice):
            return Documents(self.store, self.positions[index])
        return self.store.document(int(self.positions[index]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        if isinstance(other, Documents) and self.store is other.store:
            return np.array_equal(self.positions, other.positions)
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self.ids))

    def __repr__(self) -> str:
        return f"<{len(self)} documents: {', '.join(self[:3].ids)}{', ...' if len(self) > 3 else ''}>"
