"""Noise in documents, no more of it than a budget of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rankify.errors import Misuse
from rankify.text.perturbations.kinds import DocumentPerturbation, Generator, one_of
from rankify.text.perturbations.paraphrase import Table
from rankify.text.perturbations.pieces import Pieces, core, joined, pieces, without
from rankify.text.words import words as tokens

Change = Callable[[Pieces, int, Generator, Sequence[str]], str]


class Noise(DocumentPerturbation):
    """Words of a document replaced, deleted, written twice, or appended to it, as many as the budget says at most.

    Word substitution within a budget is the document attack of Wu et al., arXiv:2108.05018 and arXiv:2209.06691, where
    the words are chosen against a model; here they are drawn by chance, which is noise and no attack on one model. The
    title stays. No document becomes empty.

    Args:
        way: substitute (by words of the collection, or by those of `table`), delete, duplicate, or append (words of the
            collection at the end).
        budget: how many words of a document change at most.
        table: what may stand for what; only for `substitute`, and then only words of the table are replaced.
        targets: whether only the targets of an attack are changed, and not all documents.
    """

    name = "noise"

    def __init__(
        self, way: str = "substitute", *, budget: int = 5, table: str | None = None, targets: bool = False
    ) -> None:
        self.model = one_of("kind of noise", way, list(CHANGES))
        if budget < 1:
            raise Misuse(f"noise?budget={budget}: the number of words that change is 1 or more")
        if table and way != "substitute":
            raise Misuse(f"noise:{way} takes no table; write noise:substitute?table={table}")
        self.budget, self.table, self.targets = budget, table, targets
        self.targeted = targets
        self._table = Table(table) if table else None

    @property
    def files(self) -> tuple[str, ...]:
        return (self.table,) if self.table else ()

    def changed(self, text: str, chance: Generator, *, query: str, words: Sequence[str]) -> str:  # noqa: ARG002
        if self._table:
            return self._table.rewritten(text, chance, self.budget)
        return CHANGES[self.model](pieces(text), self.budget, chance, words)


def _substituted(found: Pieces, budget: int, chance: Generator, known: Sequence[str]) -> str:
    """Other words of the collection in the places of some; the signs around a word stay."""
    words = list(found.words)
    cores = [core(word)[1] for word in words]
    able = [place for place, word in enumerate(cores) if word and any(other != word for other in known)]
    for place in chance.permutation(able)[:budget].astype(int).tolist():
        before, word, after = core(words[place])
        other = word
        while other == word:
            other = known[int(chance.integers(len(known)))]
        words[place] = f"{before}{other}{after}"
    return joined(words, found.gaps)


def _deleted(found: Pieces, budget: int, chance: Generator, _: Sequence[str]) -> str:
    drawn: list[int] = chance.permutation(len(found.words)).tolist()
    last = drawn[-1] if drawn else None
    kept = next((place for place in reversed(drawn) if tokens(found.words[place])), last)  # a sign is no document
    dropped = {*[place for place in drawn if place != kept][:budget]}
    return without(found, dropped.__contains__)


def _duplicated(found: Pieces, budget: int, chance: Generator, _: Sequence[str]) -> str:
    twice = set(chance.permutation(len(found.words))[:budget].tolist())
    words = [f"{word} {word}" if place in twice else word for place, word in enumerate(found.words)]
    return joined(words, found.gaps)


def _appended(found: Pieces, budget: int, chance: Generator, known: Sequence[str]) -> str:
    drawn = [known[place] for place in chance.integers(len(known), size=budget).tolist()] if known else []
    text = joined(*found)
    return " ".join([text, *drawn] if text else drawn)


CHANGES: Mapping[str, Change] = {
    "substitute": _substituted, "delete": _deleted, "duplicate": _duplicated, "append": _appended,
}  # fmt: skip
