"""Words and phrases in the place of others that a table has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import NamedTuple

from rankify.errors import BadInput, Misuse
from rankify.io.files import filled
from rankify.text.perturbations.kinds import Generator, QueryPerturbation
from rankify.text.perturbations.pieces import core, joined, pieces

Phrase = tuple[str, ...]
WHAT = "a word or phrase, a tab, and what may stand for it, with tabs between several"


class Place(NamedTuple):
    """Where a phrase of the table stands in a text: its first word, and how many there are."""

    start: int
    phrase: Phrase


class Table:
    """What may stand for what, from a file: a word or phrase, a tab, and its alternatives with tabs between them.

    Phrases are found whatever their case, the longest first, from left to right, none inside another.

    Raises:
        BadInput: a line is no such line, or a phrase stands twice; the message has file and line.
    """

    def __init__(self, path: str) -> None:
        self.alternatives: dict[Phrase, list[str]] = {}
        for number, line in filled(path, WHAT):
            phrase, others = _read(line, f"{path}:{number}")
            if phrase in self.alternatives:
                raise BadInput(f"{path}:{number}: {' '.join(phrase)!r} stands in an earlier line too; join the two")
            self.alternatives[phrase] = others
        if not self.alternatives:
            raise BadInput(f"{path} has no line; a line is {WHAT}")
        self.longest = max(map(len, self.alternatives))

    def places(self, words: Sequence[str]) -> list[Place]:
        """Where phrases of the table stand among the words of a text."""
        return list(self._places(words))

    def _places(self, words: Sequence[str]) -> Iterator[Place]:
        cores = [core(word) for word in words]
        start = 0
        while start < len(words):
            lengths = range(min(self.longest, len(words) - start), 0, -1)
            found = (phrase for n in lengths if (phrase := _phrase(cores[start : start + n])) in self.alternatives)
            phrase = next(found, ())
            if phrase:
                yield Place(start, phrase)
            start += max(len(phrase), 1)

    def rewritten(self, text: str, chance: Generator, most: float = inf) -> str:
        """The text with phrases replaced, each by one of its alternatives.

        Args:
            most: how many words of the text may be replaced; phrases are drawn while they fit.
        """
        words, gaps = map(list, pieces(text))
        chosen: list[Place] = []
        found = self.places(words)
        for place in (found[i] for i in chance.permutation(len(found)).tolist()):
            if sum(len(one.phrase) for one in chosen) + len(place.phrase) <= most:
                chosen.append(place)
        for start, phrase in sorted(chosen, reverse=True):
            others = self.alternatives[phrase]
            other = others[int(chance.integers(len(others)))]
            end = start + len(phrase)
            (before, first, _), (_, _, after) = core(words[start]), core(words[end - 1])
            whole = first if len(phrase) == 1 else "".join(words[start:end])
            words[start:end] = [f"{before}{_as(other, whole)}{after}"]
            del gaps[start + 1 : end]
        return joined(words, gaps)


def _phrase(cores: Sequence[tuple[str, str, str]]) -> Phrase:
    """The words as the table has them; signs between them make them none of its phrases."""
    inside = any(after for _, _, after in cores[:-1]) or any(before for before, _, _ in cores[1:])
    return () if inside else tuple(word.lower() for _, word, _ in cores)


def _read(line: str, where: str) -> tuple[Phrase, list[str]]:
    written, *others = (cell.strip() for cell in line.split("\t"))
    phrase = tuple(word.lower() for word in pieces(written).words)
    if not phrase or not others or not all(others):
        raise BadInput(f"{where}: cannot read {line!r}; a line is {WHAT}")
    if _phrase([core(word) for word in phrase]) != phrase:
        raise BadInput(f"{where}: {written!r} begins or ends in a sign, or has one between words; write it without")
    if same := next((other for other in others if other.lower() == written.lower()), ""):
        raise BadInput(f"{where}: {same!r} stands for itself; leave it out")
    return phrase, others


def _as(other: str, like: str) -> str:
    """An alternative in capitals where the phrase is, or with a capital where the phrase begins with one."""
    if len(like) > 1 and like.isupper():
        return other.upper()
    return other[:1].upper() + other[1:] if like[:1].isupper() else other


class Paraphrase(QueryPerturbation):
    """Words and phrases replaced by others that a table has for them.

    "Paraphrasing" in Penha et al., ECIR 2022, arXiv:2111.13057, with a table in the place of a model.

    Args:
        table: the file: a word or phrase, a tab, and its alternatives with tabs between them.
        most: how many words of a query are replaced; all that the table has if not given.
    """

    name = "paraphrase"

    def __init__(self, *, table: str = "", most: int | None = None) -> None:
        if not table:
            raise Misuse("paraphrase needs a table; write paraphrase?table=FILE.tsv")
        if most is not None and most < 1:
            raise Misuse(f"paraphrase?most={most}: the number of words that are replaced is 1 or more")
        self.table, self.most = table, most
        self._table = Table(table)

    @property
    def seeded(self) -> bool:
        return self.most is not None or any(len(others) > 1 for others in self._table.alternatives.values())

    @property
    def files(self) -> tuple[str, ...]:
        return (self.table,)

    def changed(self, text: str, chance: Generator) -> str:
        return self._table.rewritten(text, chance, inf if self.most is None else self.most)
