"""A corpus: documents under distinct ids, reached by id or by position."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document, Positions
from rankify.errors import BadInput, UnknownName


class Corpus(Sequence[Document]):
    """Documents in memory. Positions are the order in which they came.

    Raises:
        BadInput: two documents share an id, an id is empty, or a text or a title is no string.

    >>> corpus = Corpus([Document("007", "licence to rank"), Document("null", "")])
    >>> corpus["007"].text, len(corpus), corpus.position("null")
    ('licence to rank', 2, 1)
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents = tuple(documents)
        refuse_bad_documents(self._documents)
        self._ids = np.array([d.id for d in self._documents], dtype=object)

    @classmethod
    def of(cls, documents: Any) -> Corpus:
        """Any documents as a corpus; a corpus is one already.

        Raises:
            BadInput: these are no documents, or documents that no corpus can hold.
        """
        if isinstance(documents, Corpus):
            return documents
        if isinstance(documents, str) or not isinstance(documents, Iterable):
            has_one = hasattr(type(documents), "corpus")
            way_out = "give its .corpus" if has_one else "give a Corpus, or a list of Document(id, text)"
            raise BadInput(f"{documents!r} is a {type(documents).__name__}, not documents; {way_out}")
        return Corpus(documents)

    @property
    def ids(self) -> list[str]:
        """All ids, by position."""
        found: list[str] = self._ids.tolist()
        return found

    def ids_at(self, positions: Positions) -> list[str]:
        """The ids at these positions."""
        found: list[str] = self._ids[positions].tolist()
        return found

    def document(self, position: int) -> Document:
        """The document at a position."""
        return self._documents[position]

    def position(self, id: str) -> int:
        """The position of a document.

        Raises:
            UnknownName: no document has that id.
        """
        if id not in self._places:
            raise UnknownName(f"no document {id!r} among the {len(self):,} of this corpus")
        return self._places[id]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {id: i for i, id in enumerate(self._ids.tolist())}

    @property
    def hash(self) -> str:
        """A fingerprint of every id, title and text in order; equal corpora have equal fingerprints."""
        return self._digests[0]

    @property
    def fingerprints(self) -> NDArray[np.uint64]:
        """A fingerprint of each document, shape (documents, 2): what an index knows its documents by."""
        return self._digests[1]

    @cached_property
    def _digests(self) -> tuple[str, NDArray[np.uint64]]:
        return fingerprints(self)

    @cached_property
    def id_ranks(self) -> NDArray[np.int32]:
        """The place of each document among all ids in ascending order: how equal scores are told apart."""
        return ranks_of(self.ids)

    def updated(self, add: Iterable[Document] = (), remove: Iterable[str] = ()) -> Corpus:
        """A corpus in memory without some documents, and with others.

        Args:
            add: a document whose id this corpus has stands in that one's place, a new one at the end.
            remove: ids, each of a document of this corpus.

        Raises:
            UnknownName: an id that no document of this corpus has.

        >>> corpus = Corpus([Document("1", "old"), Document("2", "two"), Document("3", "three")])
        >>> [(d.id, d.text) for d in corpus.updated([Document("4", "four"), Document("1", "new")], remove=["2"])]
        [('1', 'new'), ('3', 'three'), ('4', 'four')]
        """
        found = {document.id: document for document in self}
        for id in remove:
            self.position(id)
            found.pop(id, None)
        given = Corpus(add)
        return Corpus({**found, **{document.id: document for document in given}}.values())

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Document]:
        return map(self.document, range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """The document with an id, or at a position, or several at a slice of positions."""
        if isinstance(key, str):
            return self.document(self.position(key))
        if isinstance(key, slice):
            return [self.document(p) for p in range(*key.indices(len(self)))]
        return self.document(range(len(self))[key])

    def __contains__(self, item: object) -> bool:
        return item in self._places if isinstance(item, str) else super().__contains__(item)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} documents>"


def refuse_bad_documents(documents: Sequence[Any]) -> None:
    """Raises BadInput when something is no document, has no text, or its id is empty, no string, or stands twice."""
    seen: set[str] = set()
    for place, each in enumerate(documents, 1):
        if not isinstance(each, Document):
            raise BadInput(f"document {place} is a {type(each).__name__}; a corpus is made of Document(id, text)")
        id = each.id
        if not isinstance(id, str) or not id:
            raise BadInput(f"document {place} has the id {id!r}; an id is a text that is not empty")
        if id in seen:
            raise BadInput(f"two documents have the id {id!r} (the second is document {place}); ids must be distinct")
        texts: tuple[Any, Any] = (each.text, each.title)
        if not isinstance(texts[0], str) or not isinstance(texts[1], str):
            what, value = ("title", texts[1]) if isinstance(texts[0], str) else ("text", texts[0])
            raise BadInput(f"document {id!r} has the {what} {value!r}; it is a string, which may be empty")
        seen.add(id)


def ranks_of(ids: Sequence[str]) -> NDArray[np.int32]:
    """The place of each id in ascending order of code points, which is Lucene's order of ids."""
    ranks = np.empty(len(ids), dtype=np.int32)
    ranks[np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)] = np.arange(len(ids), dtype=np.int32)
    return ranks


def fingerprints(documents: Iterable[Document]) -> tuple[str, NDArray[np.uint64]]:
    """The fingerprint of all documents together, and one of each.

    Returns:
        SHA-256 over every id, title and text, each with its length in front so that none can run into the next; and for
        each document the CRC-32 of its id and 64 bits of the SHA-256 over its own parts, shape (documents, 2).
    """
    whole, ids, each = hashlib.sha256(), [], []
    for document in documents:
        id, title, text = (
            document.id.encode("utf-8", "surrogatepass"),
            document.title.encode("utf-8", "surrogatepass"),
            document.text.encode("utf-8", "surrogatepass"),
        )
        sizes = len(id).to_bytes(8, "little"), len(title).to_bytes(8, "little"), len(text).to_bytes(8, "little")
        data = b"".join((sizes[0], id, sizes[1], title, sizes[2], text))
        whole.update(data)
        ids.append(crc32(id))
        each.append(hashlib.sha256(data).digest())
    digests = np.frombuffer(b"".join(each), dtype="<u8").reshape(-1, 4)[:, 0]
    return whole.hexdigest(), np.stack([np.array(ids, np.uint64), digests.astype(np.uint64)], axis=1)
