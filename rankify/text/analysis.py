"""Text to index terms: Anserini's default English analyzer, re-created.

One object serves documents and queries, so the two can never be analysed differently.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from itertools import chain
from string import ascii_uppercase
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankify.errors import UnknownName
from rankify.packaged import packaged
from rankify.text.porter import stem
from rankify.text.words import LONGEST, words

Terms = tuple[str, ...]
Made = TypeVar("Made")
REMEMBERED = 1 << 20  # distinct chunks; natural text needs far fewer, and the memory stays bounded
_POSSESSIVES = tuple(apostrophe + s for apostrophe in "'\u2019\uff07" for s in "sS")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
# str.split breaks at every space of Unicode; all are word boundaries but this one, which joins digits
_JOINER = "\u202f"
_MARKS = str.maketrans({**dict.fromkeys('()[]{}<>/\\!?=+*&%$#@~^|`"-', " "), **{c: c.lower() for c in ascii_uppercase}})


class Analyzer:
    """Text to terms. Texts are cut at white space, and `analyse` is asked for the terms of each chunk.

    Args:
        name: how an index on disk names the analyzer it was built with.
        analyse: the terms of a chunk.
        cut: a text in chunks that no term reaches over.

    >>> english()("The foxes' dens: a fox's 3.5 possibly-hopping U.S.A. relations")
    ['fox', 'den', 'fox', '3.5', 'possibl', 'hop', 'u.s.a', 'relat']
    """

    def __init__(
        self, name: str, analyse: Callable[[str], Iterable[str]], cut: Callable[[str], list[str]] = str.split
    ) -> None:
        self.name, self.analyse, self.cut = name, analyse, cut

    def __call__(self, text: str) -> list[str]:
        return list(chain.from_iterable(map(self.analyse, self.cut(text))))

    def known(self, number: Callable[[str], int | None]) -> Callable[[str], Iterable[int]]:
        """A function from a text to the numbers of its terms that have one, for texts as unlike as queries are.

        Args:
            number: a term's number or None, e.g. a dictionary's `get`.
        """
        return lambda text: [n for term in self(text) if (n := number(term)) is not None]

    def numbered(self, number: Callable[[str], int]) -> Callable[[str], Iterable[int]]:
        """A function from a text to its terms' numbers that remembers the numbers of every distinct chunk.

        Args:
            number: a term's number, e.g. `Vocabulary().__getitem__`, which grows.
        """
        memory: Memory[int] = Memory(lambda chunk: tuple(map(number, self.analyse(chunk))))
        return lambda text: chain.from_iterable(map(memory.__getitem__, self.cut(text)))

    def __repr__(self) -> str:
        return f"Analyzer({self.name!r})"


class Memory(dict[str, tuple[Made, ...]], Generic[Made]):
    """What was made of each chunk; filled when a chunk is first asked for."""

    def __init__(self, make: Callable[[str], tuple[Made, ...]]) -> None:
        super().__init__()
        self.make = make

    def __missing__(self, chunk: str) -> tuple[Made, ...]:
        made = self.make(chunk)
        if len(self) < REMEMBERED and len(chunk) <= 64:
            self[chunk] = made
        return made


class Vocabulary(dict[str, int]):
    """Terms and their numbers, 0, 1, 2, ...; a term asked for the first time gets the next number."""

    def __missing__(self, term: str) -> int:
        self[term] = number = len(self)
        return number


def chunks(text: str) -> list[str]:
    """The text cut where no word of it can go on: at white space and at marks that are never inside a word.

    Chunks without the marks around them repeat far more often, so far fewer are ever analysed. Outside ASCII only a few
    marks are safe, and case depends on a letter's neighbours.
    """
    if text.isascii():
        text = text.translate(_MARKS)
    else:
        for mark in "()[]-/":
            text = text.replace(mark, " ")
    text = text.replace(", ", " ").replace(". ", " ")
    return _SPACE.split(text) if _JOINER in text else text.split()


@cache
def stop_words() -> frozenset[str]:
    """The 33 words that the English analyzer drops, in lower case."""
    return frozenset(packaged(files(__package__) / "english.yaml")["stop_words"])


@cache
def english() -> Analyzer:
    """Anserini's DefaultEnglishAnalyzer: StandardTokenizer, possessive, lower case, 33 stop words, Porter."""
    dropped = stop_words()

    def term(word: str) -> Terms:
        lowered = _lower(word[:-2] if word.endswith(_POSSESSIVES) else word)
        return () if lowered in dropped else (stem(lowered),)

    terms: Memory[str] = Memory(term)

    def analyse(chunk: str) -> Iterable[str]:
        if chunk.isascii() and chunk.isalnum() and len(chunk) < LONGEST:  # one word, as most chunks are
            return terms[chunk]
        return chain.from_iterable(map(terms.__getitem__, words(chunk)))

    return Analyzer("english", analyse, chunks)


@cache
def whitespace() -> Analyzer:
    """Nothing but the cuts at white space, for texts whose terms are ready, such as word pieces."""
    return Analyzer("whitespace", lambda chunk: (chunk,) if chunk else ())


ANALYZERS: dict[str, Callable[[], Analyzer]] = {"english": english, "whitespace": whitespace}


def analyzer(name: str) -> Analyzer:
    """The analyzer of that name.

    Raises:
        UnknownName: there is none.
    """
    if name not in ANALYZERS:
        raise UnknownName.among("analyzer", name, ANALYZERS)
    return ANALYZERS[name]()


def _lower(word: str) -> str:
    """Lower case character by character, as Lucene has it: no final sigma, one letter for a dotted capital I."""
    return word.lower() if word.isascii() else "".join(c.lower()[0] for c in word)


def tokenized(
    texts: Iterable[str], number: Callable[[str], Iterable[int]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All texts' term numbers in one array, and where each text begins in it.

    Returns:
        numbers, shape (tokens,), and offsets, shape (texts + 1,).
    """
    numbers, offsets = array("i"), array("q", [0])
    for text in texts:
        numbers.extend(number(text))
        offsets.append(len(numbers))
    return np.frombuffer(numbers, dtype=np.int32), np.frombuffer(offsets, dtype=np.int64)
