"""Long texts cut into passages: windows of words, sentences or tokens, each as it stands in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.text.sentences import sentences

Span = tuple[int, int]
Units = Callable[[Sequence[str]], list[list[Span]]]  # texts -> where each one's units begin and end, in order

SIZES = {"words": 150, "sentences": 10, "tokens": 256}
_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Chunker:
    """Cuts texts into windows of units; the next window begins `size - overlap` units later.

    The last window is the first that reaches the end of the text, so none lies within another. A text without any unit
    is one empty passage.

    Args:
        units: finds the units.
        size: how many units a passage has. overlap: how many of them the next passage has too.

    >>> chunker = Chunker.of(size=3, overlap=1)
    >>> [text[a:b] for text in ["one  two three\\nfour five six"] for a, b in chunker.spans([text])[0]]
    ['one  two three', 'three\\nfour five', 'five six']
    """

    units: Units
    size: int
    overlap: int

    @classmethod
    def of(
        cls, unit: str = "words", *, size: int | None = None, overlap: int | None = None, tokens: Units | None = None
    ) -> Chunker:
        """A chunker by the name of its unit.

        Args:
            unit: words (what stands between white space), sentences, or tokens.
            size: 150 words, 10 sentences or 256 tokens if not given. overlap: half of that.
            tokens: finds the tokens, where they are the unit.

        Raises:
            UnknownName: there is no such unit.
            Misuse: an impossible size or overlap, or tokens without a tokenizer.
        """
        if unit not in SIZES:
            raise UnknownName.among("unit of passages", unit, SIZES)
        size = SIZES[unit] if size is None else size
        overlap = size // 2 if overlap is None else overlap
        if any(not isinstance(number, int) or isinstance(number, bool) for number in (size, overlap)) or size < 1:
            raise Misuse(f"passages of size={size!r} and overlap={overlap!r}: whole numbers, the size from 1 up")
        if not 0 <= overlap < size:
            raise Misuse(f"passages with overlap={overlap}: it is from 0 up and less than the size, which is {size}")
        units = {"words": word_spans, "sentences": sentence_spans, "tokens": tokens}[unit]
        if units is None:
            raise Misuse("passages of tokens need a tokenizer: give tokenizer=MODEL")
        return cls(units, size, overlap)

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Where each text's passages begin and end, in characters."""
        return [
            [(units[first][0], units[last - 1][1]) if units else (0, 0) for first, last in self._windows(len(units))]
            for units in self.units(texts)
        ]

    def _windows(self, count: int) -> Iterator[Span]:
        """The first unit of each window and the one behind its last."""
        first = 0
        while first + self.size < count:
            yield first, first + self.size
            first += self.size - self.overlap
        yield first, count

    def passages(self, document: Document) -> list[Document]:
        """A document's passages with its title and metadata; the id of its first passage is its own and `#0`."""
        [spans] = self.spans([document.text])
        return [passage(document, number, span) for number, span in enumerate(spans)]


def passage(document: Document, number: int, span: Span, *, title: bool = True) -> Document:
    """One passage of a document, as a document of its own.

    >>> passage(Document("a", "some text", "Title"), 2, (5, 9))
    Document(id='a#2', text='text', title='Title')
    """
    start, end = span
    kept = document.title if title else ""
    return Document(passage_id(document.id, number), document.text[start:end], kept, document.metadata)


def passage_id(id: str, number: int) -> str:
    """The id of a document's passage, which tells the document and the number: distinct where those are."""
    return f"{id}#{number}"


def word_spans(texts: Sequence[str]) -> list[list[Span]]:
    """Where the words of each text are: what stands between white space."""
    return [[found.span() for found in _WORD.finditer(text)] for text in texts]


def sentence_spans(texts: Sequence[str]) -> list[list[Span]]:
    """Where the sentences of each text are.

    >>> sentence_spans(["Dr. No came.  He\\nleft."])
    [[(0, 12), (14, 22)]]
    """
    return [list(_located(text)) for text in texts]


def _located(text: str) -> Iterator[Span]:
    """Sentences have single blanks inside, so their words are looked for one after the other."""
    end = 0
    for sentence in sentences(text):
        first, *rest = sentence.text.split()
        start = text.index(first, end)
        end = start + len(first)
        for word in rest:
            end = text.index(word, end) + len(word)
        yield start, end
