"""The passages of a corpus, as a corpus: whatever searches documents searches them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.corpus import Corpus
from rankify.documents import Document, Positions
from rankify.errors import UnknownName
from rankify.text.chunking import Chunker, Span, passage, passage_id

BATCH = 1024  # documents cut at once
TITLE = (-1, -1)  # the span of the passage that is a document's title


class Passages(Corpus):
    """Every passage of every document, in their order; a passage is made when it is looked at.

    The third passage of document `d7` has the id `d7#2`, whatever else the corpus has. A change in one document
    changes its own passages only, so an index of passages follows its corpus as one of documents does.

    Args:
        corpus: the documents.
        chunker: cuts their texts; if not given, a document's title and its text are its two passages (its text alone
            without a title, its title alone without a text).
        title: whether each passage has the title of its document.
        first: whether only the first passage of each document counts.

    >>> corpus = Corpus([Document("a", "one two three", "T"), Document("b", "")])
    >>> found = Passages(corpus, Chunker.of(size=2, overlap=0))
    >>> [(p.id, p.title, p.text) for p in found]
    [('a#0', 'T', 'one two'), ('a#1', 'T', 'three'), ('b#0', '', '')]
    """

    def __init__(
        self, corpus: Corpus, chunker: Chunker | None = None, *, title: bool = True, first: bool = False
    ) -> None:
        self.corpus, self.chunker, self.title, self.first = corpus, chunker, title, first
        starts, ends, firsts = array("q"), array("q"), array("q", [0])
        documents = iter(corpus)
        while some := list(islice(documents, BATCH)):
            for spans in self._spans(some):
                starts.extend(start for start, _ in spans)
                ends.extend(end for _, end in spans)
                firsts.append(len(starts))
        self._starts, self._ends, self._firsts = (np.array(a, dtype=np.int64) for a in (starts, ends, firsts))

    def _spans(self, documents: Sequence[Document]) -> Iterator[list[Span]]:
        if self.chunker is None:
            found = [[TITLE] * bool(d.title) + [(0, len(d.text))] * bool(d.text or not d.title) for d in documents]
        else:
            found = self.chunker.spans([document.text for document in documents])
        return (spans[:1] if self.first else spans for spans in found)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """How many passages each document has, at least one, shape (documents,)."""
        return np.diff(self._firsts)

    def owners(self, positions: Positions) -> Positions:
        """The positions of the documents that passages are of."""
        return np.searchsorted(self._firsts, positions, side="right") - 1

    def passages_of(self, documents: Positions) -> Positions:
        """The positions of the passages of some documents: all of the first, then all of the second, and so on."""
        sizes = self.sizes[documents]
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        places: Positions = np.repeat(self._firsts[documents], sizes) + within
        return places

    def titles(self, positions: Positions) -> NDArray[np.bool_]:
        """Which of some passages are a document's title alone."""
        found: NDArray[np.bool_] = self._starts[positions] < 0
        return found

    @property
    def ids(self) -> list[str]:
        return self.ids_at(np.arange(len(self)))

    def ids_at(self, positions: Positions) -> list[str]:
        owners = self.owners(np.asarray(positions, dtype=np.int64))
        numbers = (positions - self._firsts[owners]).tolist()
        return [passage_id(id, number) for id, number in zip(self.corpus.ids_at(owners), numbers, strict=True)]

    def document(self, position: int) -> Document:
        owner = int(self.owners(np.array([position]))[0])
        return self._passage(self.corpus.document(owner), owner, position)

    def _passage(self, document: Document, owner: int, position: int) -> Document:
        number = position - int(self._firsts[owner])
        span = int(self._starts[position]), int(self._ends[position])
        if span == TITLE:
            return Document(passage_id(document.id, number), document.title, "", document.metadata)
        return passage(document, number, span, title=self.title and self.chunker is not None)

    def position(self, id: str) -> int:
        name: Any
        name, mark, number = id.rpartition("#")
        if mark and name in self.corpus and number.isdecimal() and number == str(int(number)):
            owner = self.corpus.position(name)
            found = int(self._firsts[owner]) + int(number)
            if found < self._firsts[owner + 1]:
                return found
        raise UnknownName(f"no passage {id!r} among the {len(self):,} of {self.corpus!r}")

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, str):
            return super().__contains__(item)
        try:
            self.position(item)
        except UnknownName:
            return False
        return True

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Document]:
        for owner, document in enumerate(self.corpus):
            for position in range(int(self._firsts[owner]), int(self._firsts[owner + 1])):
                yield self._passage(document, owner, position)

    def __repr__(self) -> str:
        return f"<{len(self):,} passages of {self.corpus!r}>"


class Shown:
    """The store of documents that stand for themselves with one passage's text in place of their own."""

    def __init__(self, passages: Passages) -> None:
        self.passages = passages

    def __len__(self) -> int:
        return len(self.passages)

    def document(self, position: int) -> Document:
        found = self.passages.document(position)
        owner = int(self.passages.owners(np.array([position]))[0])
        return Document(self.passages.corpus.ids_at(np.array([owner]))[0], found.text, found.title, found.metadata)

    def ids_at(self, positions: Positions) -> list[str]:
        return self.passages.corpus.ids_at(self.passages.owners(positions))
