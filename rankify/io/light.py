"""Passages of which a file has the ids alone: their titles and texts stay in a corpus until somebody looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rankify.documents import Document, Documents, Positions
from rankify.io.trec import Placed


class Light:
    """The store behind a ranking of such passages; those that have a title or a text keep their own.

    Args:
        passages: what the file says of them, best first.
        corpus: where titles and texts are.

    Raises:
        UnknownName: a passage without either is not in the corpus.
    """

    __slots__ = ("corpus", "passages", "places")

    def __init__(self, passages: Sequence[Document], corpus: Placed) -> None:
        self.passages, self.corpus = tuple(passages), corpus
        self.places = [-1 if p.text or p.title else corpus.position(p.id) for p in self.passages]

    def __len__(self) -> int:
        return len(self.passages)

    def document(self, position: int) -> Document:
        """The passage, with its texts."""
        passage, place = self.passages[position], self.places[position]
        if place < 0:
            return passage
        there = self.corpus.document(place)
        return replace(passage, text=there.text, title=there.title)

    def ids_at(self, positions: Positions) -> list[str]:
        """The ids at these positions, without a look at the corpus."""
        return [self.passages[position].id for position in positions.tolist()]


def texted(passages: Sequence[Document], corpus: Placed) -> Documents:
    """The passages in their order, with the corpus's titles and texts where they have none. Raises as `Light`."""
    return Documents(Light(passages, corpus), range(len(passages)))


def textless(documents: Documents) -> list[Document]:
    """The passages without titles and texts; those in a corpus are not looked up there."""
    store, places = documents.store, documents.positions.tolist()
    passages = [store.passages[place] for place in places] if isinstance(store, Light) else documents
    return [replace(passage, text="", title="") for passage in passages]
