"""The same words in another case, without stop words, in another order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rankify.text.perturbations.kinds import Generator, QueryPerturbation, one_of
from rankify.text.perturbations.pieces import chunks, is_stop_word, joined, pieces, without
from rankify.text.words import words as tokens


class Case(QueryPerturbation):
    """All letters in another case: upper, lower, title or random.

    A letter whose other case does not lead back to it, such as the German sharp s, stays as it is. So two texts that
    differ in case alone stay the same to whatever reads them in lower case.

    Args:
        way: upper, lower, title (the first letter of a word is a capital, the others are not), or random (each letter
            by the toss of a coin).

    >>> from rankify.text.perturbations import generator
    >>> [Case(way).changed("eiNe Straße", generator(0)) for way in ("upper", "title", "random")]
    ['EINE STRAßE', 'Eine Straße', 'eiNE StRaßE']
    """

    name = "case"

    def __init__(self, way: str = "upper") -> None:
        self.model = one_of("case", way, ["upper", "lower", "title", "random"])

    @property
    def seeded(self) -> bool:
        return self.model == "random"

    def changed(self, text: str, chance: Generator) -> str:
        if self.model == "title":
            words, gaps = chunks(text)
            return joined([_titled(word) for word in words], gaps)
        if self.model == "random":
            tossed = chance.integers(2, size=len(text))
            return "".join(_upper(c) if high else _lower(c) for c, high in zip(text, tossed, strict=True))
        return "".join(map(CASES[self.model], text))


def _upper(character: str) -> str:
    other = character.upper()
    return other if len(other) == 1 and other.lower() == character.lower() else character


def _lower(character: str) -> str:
    other = character.lower()
    return other if len(other) == 1 and other.upper() == character.upper() else character


CASES: Mapping[str, Callable[[str], str]] = {"upper": _upper, "lower": _lower}


def _titled(word: str) -> str:
    first = next((place for place, character in enumerate(word) if character.isalpha()), len(word))
    return word[:first] + "".join(map(_upper, word[first : first + 1])) + "".join(map(_lower, word[first + 1 :]))


class StopWords(QueryPerturbation):
    """The text without its stop words, those that the English analyzer drops; one that has no other words stays.

    "Naturality" in Penha et al., ECIR 2022, arXiv:2111.13057: a question becomes key words.

    >>> from rankify.text.perturbations import generator
    >>> [StopWords().changed(text, generator(0)) for text in ("The rise of AI", "to be or not to be ?")]
    ['rise AI', 'to be or not to be ?']
    """

    name = "stopwords"

    @property
    def seeded(self) -> bool:
        return False

    def changed(self, text: str, chance: Generator) -> str:  # noqa: ARG002 - nothing is drawn
        found = pieces(text)
        dropped = [is_stop_word(word) for word in found.words]
        left = any(tokens(word) for word, stops in zip(found.words, dropped, strict=True) if not stops)
        return without(found, dropped.__getitem__) if left else text


class Order(QueryPerturbation):
    """The words in another order, each with the signs that touch it; the gaps stay in their places.

    "Ordering" in Penha et al., ECIR 2022, arXiv:2111.13057.

    Args:
        way: shuffle (another order than before, where the words differ) or reverse.

    >>> from rankify.text.perturbations import generator
    >>> Order("reverse").changed("who wrote  Faust?", generator(0))
    'Faust? wrote  who'
    """

    name = "order"

    def __init__(self, way: str = "shuffle") -> None:
        self.model = one_of("order", way, ["shuffle", "reverse"])

    @property
    def seeded(self) -> bool:
        return self.model == "shuffle"

    def changed(self, text: str, chance: Generator) -> str:
        words, gaps = pieces(text)
        other = words[::-1]
        if self.model == "shuffle" and len(set(words)) > 1:
            other = words
            while other == words:
                other = [words[place] for place in chance.permutation(len(words)).tolist()]
        return joined(other, gaps)
