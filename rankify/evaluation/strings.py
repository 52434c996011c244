"""RAGAS's measures of an answer as it stands, letter by letter: nothing is normalised.

https://github.com/explodinggradients/ragas (Apache-2.0), metrics ExactMatch, StringPresence, NonLLMStringSimilarity.
"""

from __future__ import annotations

from collections.abc import Sequence


def exact_text(text: str, golds: Sequence[str]) -> float:
    """1 if the text is a gold answer, letter by letter, else 0.

    >>> exact_text("Paris", ["paris", "Paris"]), exact_text("Paris.", ["Paris"])
    (1.0, 0.0)
    """
    return float(text in golds)


def presence(text: str, golds: Sequence[str]) -> float:
    """1 if a gold answer stands in the text, letter by letter, else 0; an empty gold answer never does."""
    return float(any(gold in text for gold in golds if gold))


def string_similarity(text: str, golds: Sequence[str]) -> float:
    """The similarity to the nearest gold answer."""
    return max(similarity(text, gold) for gold in golds)


def similarity(one: str, other: str) -> float:
    """1 less the number of edits over the length of the longer text; two empty texts are alike.

    >>> similarity("kitten", "sitting")
    0.5714285714285714
    """
    longest = max(len(one), len(other))
    return 1 - edits(one, other) / longest if longest else 1.0


def edits(one: str, other: str) -> int:
    """Levenshtein's distance: the fewest letters to insert, delete or replace to make one text the other.

    A column of the table of distances is two numbers, whose bits say where it goes up and where down from one row to
    the next: Myers, 1999, in the form of Hyyrö, 2003.

    >>> edits("kitten", "sitting"), edits("", "abc"), edits("\u6771\u4eac", "\u4eac")
    (3, 3, 1)
    """
    if not one:
        return len(other)
    places: dict[str, int] = {}
    for place, letter in enumerate(one):
        places[letter] = places.get(letter, 0) | 1 << place
    whole, last = (1 << len(one)) - 1, 1 << (len(one) - 1)
    up, down, distance = whole, 0, len(one)
    for letter in other:
        same = places.get(letter, 0)
        diagonal = ((((same & up) + up) ^ up) | same | down) & whole
        rises, falls = (down | ~(diagonal | up)) & whole, up & diagonal
        distance += bool(rises & last) - bool(falls & last)
        rises, falls = rises << 1 | 1, falls << 1
        up, down = (falls | ~(diagonal | rises)) & whole, rises & diagonal & whole
    return distance
