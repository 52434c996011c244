"""Texts cut into sentences, in any script: by punctuation, line breaks and list items, not at abbreviations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import regex

from rankify.packaged import packaged

LONGEST = 100  # words; what goes on for longer without an end is cut here

_BLANK_LINE = regex.compile(r"\n[^\S\n]*(?:\n\s*)+")
_LAST_WORD = regex.compile(r"[\p{L}\p{N}.\p{M}]+$")
_INITIALS = regex.compile(r"(?:\p{L}\.)+\p{L}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence.

    Attributes:
        text: with single blanks inside.
        whole: whether it has a stop at its end; a heading, a list item or a line of code has none.
        question: whether that stop is a question mark.
    """

    text: str
    whole: bool
    question: bool


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order.

    Blank lines and list items end a sentence; other line breaks do not, since many texts are wrapped.

    >>> [s.text for s in sentences("Dr. A. Smith paid $3.50. He left at 5 p.m. The end!")]
    ['Dr. A. Smith paid $3.50.', 'He left at 5 p.m.', 'The end!']
    >>> [s.text for s in sentences("\u4e1c\u4eac\u3002\u4eba\u5f88\u591a\u3002")]
    ['\u4e1c\u4eac\u3002', '\u4eba\u5f88\u591a\u3002']
    """
    return [
        Sentence(piece, bool(_RULES.end.search(found)), bool(_RULES.question.search(found)))
        for block in _BLANK_LINE.split(text)
        for part in _RULES.item.split(block)
        for found in _parts(part)
        for piece in _bounded(found)
    ]


class _Rules:
    """The signs and words of `sentences.yaml`, read when the first text is cut."""

    @cached_property
    def data(self) -> dict[str, dict[str, str]]:
        """The whole file."""
        read: dict[str, dict[str, str]] = packaged(files(__package__) / "sentences.yaml")
        return read

    def words(self, name: str) -> frozenset[str]:
        """A list of words."""
        return self._words[name]

    @cached_property
    def _words(self) -> dict[str, frozenset[str]]:
        return {name: frozenset(words) for name, words in self.data.items() if name != "signs"}

    def _any(self, *names: str) -> str:
        return "[" + "".join(regex.escape(self.data["signs"][name], literal_spaces=True) for name in names) + "]"

    @cached_property
    def item(self) -> regex.Pattern[str]:
        """The line break before a list item or a line of a Python session."""
        mark = rf"{self._any('bullets')}|>>>|\.\.\.|\(?\p{{N}}{{1,3}}[.)]|\(?\p{{L}}\)"
        return regex.compile(rf"\n[^\S\n]*(?=(?:{mark})[^\S\n])")

    @cached_property
    def stop(self) -> regex.Pattern[str]:
        """A stop with what closes after it, and the blanks."""
        opens = rf"(?={self._any('opening')}*[\p{{Lu}}\p{{Lt}}\p{{Lo}}\p{{N}}])"
        closes = f"{self._any('closing')}*"
        return regex.compile(
            rf"(?<stop>{self._any('stops')}+){closes}\s+{opens}|(?<full>{self._any('full')}+){closes}\s*"
        )

    @cached_property
    def end(self) -> regex.Pattern[str]:
        """A stop at the end of a text."""
        return regex.compile(f"{self._any('stops', 'full', 'quiet')}{self._any('closing')}*$")

    @cached_property
    def question(self) -> regex.Pattern[str]:
        """A question mark at the end of a text."""
        return regex.compile(f"{self._any('questions')}{self._any('closing')}*$")

    @cached_property
    def opening_word(self) -> regex.Pattern[str]:
        """The word with which a text begins."""
        return regex.compile(rf"{self._any('opening')}*(?<word>[\p{{L}}\p{{M}}]+)")


_RULES = _Rules()


def _parts(text: str) -> Iterator[str]:
    """A paragraph cut at the stops that end a sentence."""
    start = 0
    for stop in _RULES.stop.finditer(text):
        if stop["full"] or _ends(text[start : stop.start("stop")], stop["stop"], text[stop.end() :]):
            yield text[start : stop.end()].strip()
            start = stop.end()
    yield text[start:].strip()


def _ends(before: str, stop: str, after: str) -> bool:
    """Whether a stop between two texts ends a sentence."""
    last = _LAST_WORD.search(before)
    if stop != "." or not last:
        return True
    word = last[0].lower().lstrip(".")
    if word in _RULES.words("open") or (word.isdecimal() and before.strip() == last[0]):
        return False  # "Dr.", or the number of a heading or an item
    initial = len(word) == 1 and word != word.upper()
    if initial or word in _RULES.words("either") or _INITIALS.fullmatch(word):
        following = _RULES.opening_word.match(after)
        return following is not None and following["word"].lower() in _RULES.words("starters")
    return True


def _bounded(text: str) -> Iterator[str]:
    """A sentence with single blanks, in pieces of at most `LONGEST` words; nothing for an empty one."""
    words = text.split()
    for start in range(0, len(words), LONGEST):
        yield " ".join(words[start : start + LONGEST])
