"""Citations: the numbers of passages in an answer, as `[2]`, `[1, 3]` or `[1][3]`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rankify.documents import Document

CITED = re.compile(r"\[\s*\d+(?:\s*[,;]\s*\d+)*\s*\]")


@dataclass(frozen=True, slots=True)
class Cited:
    """What an answer cites.

    Args:
        documents: ids of documents that were shown, in the order of their first citation.
        unknown: how many numbers stand for no document that was shown; 0 is such a number.
    """

    documents: tuple[str, ...]
    unknown: int = 0


def numbers(text: str) -> list[int]:
    """The numbers that a text cites, in their order; one that stands there twice counts twice.

    >>> numbers("Cats purr [2][1, 3]. So do lynxes [2] (or [so]).")
    [2, 1, 3, 2]
    """
    return [int(digits) for mark in CITED.findall(text) for digits in re.findall(r"\d+", mark)]


def citations(text: str, shown: Sequence[Document]) -> Cited:
    """What a text cites of the documents that were shown, whose numbers are 1, 2, ...

    >>> citations("Yes [2] [7] [0].", [Document("a", ""), Document("b", "")])
    Cited(documents=('b',), unknown=2)
    """
    found = numbers(text)
    known = [number for number in found if 1 <= number <= len(shown)]
    ids = dict.fromkeys(shown[number - 1].id for number in known)
    return Cited(tuple(ids), len(found) - len(known))


def uncited(text: str) -> str:
    """A text without its citations and the blanks before them.

    >>> uncited("Cats purr [2][1, 3]. Lynxes [4] too.")
    'Cats purr. Lynxes too.'
    """
    return re.sub(rf"\s*{CITED.pattern}", "", text)
