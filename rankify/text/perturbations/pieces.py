"""A text in words and what stands between them, so that words can change and the rest stays.

A word stands between white space, with the signs that touch it. Han and Hiragana are written without spaces, and there
each character is a word, as it is for the index; words of other scripts without spaces (Thai, Lao, Khmer, Myanmar,
Katakana) stay together, as only a dictionary could part them. Characters are grapheme clusters (Unicode's UAX #29): a
letter keeps its marks, and a family of emojis stays one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from rankify.text.analysis import stop_words

_EXTENDS = r"[\p{WB=Extend}\p{WB=Format}\p{WB=ZWJ}]"  # what the index reads as a part of the character before it
_SINGLE = rf"[\p{{Han}}\p{{Hiragana}}]{_EXTENDS}*"


class Pieces(NamedTuple):
    """Words, and the gaps before, between and behind them: one more than there are words."""

    words: list[str]
    gaps: list[str]


@cache
def _found(pattern: str) -> Any:
    import regex

    return regex.compile(pattern, regex.V1)


def pieces(text: str) -> Pieces:
    """The words of a text and their gaps; put together again they are the text.

    >>> pieces(" the  cat, 東京")
    Pieces(words=['the', 'cat,', '東', '京'], gaps=[' ', '  ', ' ', '', ''])
    """
    if text.isascii():
        return chunks(text)
    return _parted(_found(rf"\s+|{_SINGLE}|(?:(?!\s|{_SINGLE})\X)+").findall(text))


def chunks(text: str) -> Pieces:
    """The same, with nothing but white space between words: a phrase of Han characters is one."""
    return _parted(_found(r"\s+|\S+").findall(text))


def _parted(found: Iterable[str]) -> Pieces:
    words: list[str] = []
    gaps = [""]
    for piece in found:
        if piece.isspace():
            gaps[-1] += piece
        else:
            words.append(piece)
            gaps.append("")
    return Pieces(words, gaps)


def joined(words: Sequence[str], gaps: Sequence[str]) -> str:
    """Words and gaps as a text; words that would run into one another get a blank between them."""
    parts = [gaps[0]]
    for place, word in enumerate(words):
        touching = place > 0 and not gaps[place] and _would_run(words[place - 1], word)
        parts += [" " * touching, word, gaps[place + 1]]
    return "".join(parts)


def without(found: Pieces, dropped: Callable[[int], bool]) -> str:
    """The text without some words, by their places; each takes the gap before it along, the first the gap behind."""
    kept = [place for place in range(len(found.words)) if not dropped(place)]
    gaps = [found.gaps[0], *(found.gaps[place] for place in kept[1:]), found.gaps[-1]]
    return joined([found.words[place] for place in kept], gaps)


def _would_run(first: str, second: str) -> bool:
    """Whether two words without a gap would be read as one."""
    single = _found(_SINGLE)
    apart = single.fullmatch(first) or single.fullmatch(second)
    return not apart or bool(_found(_EXTENDS).match(second))


def graphemes(word: str) -> list[str]:
    """The characters of a word as a reader counts them.

    >>> graphemes("nai\\u0308ve"), len(graphemes("👨\\u200d👩\\u200d👧"))
    (['n', 'a', 'ï', 'v', 'e'], 1)
    """
    return list(_found(r"\X").findall(word))


def core(word: str) -> tuple[str, str, str]:
    """The signs before a word, the word from its first letter or digit to its last, and the signs behind it.

    >>> core("(don't),"), core("...")
    (('(', "don't", '),'), ('...', '', ''))
    """
    sign = rf"[[^\p{{L}}\p{{N}}]--{_EXTENDS}]"
    match = _found(rf"(?s)([^\p{{L}}\p{{N}}]*)(.*?)({sign}*)").fullmatch(word)
    return match[1], match[2], match[3]


def is_stop_word(word: str) -> bool:
    """Whether a word, without the signs around it, is one that the English analyzer drops."""
    return core(word)[1].lower() in stop_words()


def has_digits(word: str) -> bool:
    """Whether any digit or other numeral stands in a word."""
    return any(character.isnumeric() for character in word)
