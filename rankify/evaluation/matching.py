"""Does a text say what a gold answer says? One text against several golds; the best gold counts.

SQuAD's normalisation and token F1, arXiv:1606.05250; DPR's has_answer, arXiv:2004.04906.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import regex

from rankify.errors import BadInput
from rankify.text.normal import normalized

_TOKEN = regex.compile(r"[\p{L}\p{N}\p{M}]+|[^\p{Z}\p{C}]")
LONGEST = 10  # seconds that a regular expression may take on a text: passages take microseconds
_CLOSED = {"yes", "no", "noanswer"}


def exact_match(text: str, golds: Sequence[str]) -> float:
    """1 if the normalised text is a normalised gold answer, else 0."""
    found = normalized(text)
    return float(any(found == normalized(gold) for gold in golds))


def pattern_match(text: str, patterns: Sequence[str]) -> float:
    """1 if a gold regular expression matches the whole normalised text, else 0, as for CuratedTREC."""
    found = normalized(text)
    return float(any(_matches(pattern, "fullmatch", found) for pattern in patterns))


class Overlap(NamedTuple):
    """Shares of tokens that a text and a gold answer have in common."""

    f1: float
    precision: float
    recall: float


def overlap(text: str, gold: str) -> Overlap:
    """Token F1, precision and recall of a text against one gold answer, over normalised words between blanks.

    Two empty sides are equal (1), as in SQuAD 2. Where one side is yes, no or noanswer, only equality counts, as in
    HotpotQA.

    >>> overlap("the cat sat", "a cat sat down").f1
    0.8
    """
    ours, theirs = normalized(text), normalized(gold)
    if ours == theirs:
        return Overlap(1, 1, 1)
    found, expected = ours.split(), theirs.split()
    same = sum((Counter(found) & Counter(expected)).values())
    if not same or _CLOSED & {ours, theirs}:
        return Overlap(0, 0, 0)
    precision, recall = same / len(found), same / len(expected)
    return Overlap(2 * precision * recall / (precision + recall), precision, recall)


def contains(text: str, golds: Sequence[str]) -> float:
    """1 if a normalised gold answer stands anywhere in the normalised text, within words too; empty golds never do.

    >>> contains("It was Paris.", ["paris"]), contains("the theory", ["he"]), contains("anything", ["The"])
    (1.0, 1.0, 0.0)
    """
    found = normalized(text)
    return float(any(gold in found for gold in map(normalized, golds) if gold))


def contains_words(text: str, golds: Sequence[str]) -> float:
    """As `contains`, but in whole words.

    >>> contains_words("It was Paris.", ["paris"]), contains_words("the theory", ["he"])
    (1.0, 0.0)
    """
    found = f" {normalized(text)} "
    return float(any(f" {gold} " in found for gold in map(normalized, golds) if gold))


def has_answer(text: str, golds: Sequence[str]) -> bool:
    """Whether the tokens of a gold answer stand in the text, in a row; punctuation marks are tokens, as in DPR.

    A gold answer without tokens never does.

    >>> has_answer("the Parisian cafe", ["Paris"]), has_answer("Paris, France", ["paris"])
    (False, True)
    """
    found = _tokens(text)
    return any(gold in found for gold in map(_tokens, golds) if gold.strip())


def has_pattern(text: str, patterns: Sequence[str]) -> bool:
    """Whether a gold regular expression matches somewhere in the text, as in DPR: case ignored, line by line."""
    found = unicodedata.normalize("NFD", text)
    return any(_matches(unicodedata.normalize("NFD", pattern), "search", found) for pattern in patterns)


def _matches(pattern: str, how: Literal["fullmatch", "search"], text: str) -> bool:
    """Whether a gold regular expression matches a text.

    Raises:
        BadInput: it is none, or takes so long that it never ends.
    """
    try:
        return getattr(compiled(pattern), how)(text, timeout=LONGEST) is not None
    except TimeoutError:
        raise BadInput(
            f"the gold answer {pattern!r:.80} takes more than {LONGEST} s on one text of {len(text):,} characters; a "
            "regular expression that repeats a repetition, such as (a+)+, goes on for ever: write it otherwise"
        ) from None


def _tokens(text: str) -> str:
    """DPR's tokens between blanks, with one at either end: letters, digits and marks together, other signs alone."""
    return f" {' '.join(_TOKEN.findall(unicodedata.normalize('NFD', text)))} ".lower()


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> regex.Pattern[str]:
    """A gold answer as a regular expression.

    Raises:
        BadInput: it is none.
    """
    try:
        return regex.compile(pattern, flags=regex.IGNORECASE | regex.UNICODE | regex.MULTILINE)
    except regex.error as error:
        raise BadInput(f"the gold answer {pattern!r} is no regular expression: {error}") from None
