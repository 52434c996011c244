"""Typing errors: one edit of one letter in some words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from math import floor

from rankify.errors import Misuse
from rankify.packaged import packaged
from rankify.text.perturbations.kinds import Generator, QueryPerturbation, one_of
from rankify.text.perturbations.pieces import chunks, graphemes, has_digits, is_stop_word, joined

Letters = list[str]
Edits = Callable[[Letters, int], Iterator[Letters]]


class Typos(QueryPerturbation):
    """Typing errors, one letter in each of some words: swapped, deleted, inserted, replaced or repeated.

    The categories of misspellings in Penha et al., ECIR 2022, arXiv:2111.13057 (neighbouring characters swapped, one
    replaced by its neighbour on the keyboard), and those of Pruthi et al., ACL 2019, arXiv:1905.11268 (swap, drop, add,
    keyboard). Words stand between white space. Words with digits, stop words, and signs around a word stay as they are;
    no word becomes a stop word, empty, or itself in other capitals. A letter keeps its marks and its capital. Letters
    that are not on the keyboard, as those of other scripts, can be swapped, deleted and repeated.

    Args:
        way: swap, delete, insert, replace or repeat; each typo is of any kind if not given.
        rate: the share of the words that can have a typo, rounded; at least one word unless it is 0.
        words: how many words have one, in the place of `rate`.

    >>> from rankify.text.perturbations import generator
    >>> Typos("swap", words=1).changed("the 2019 retrieval", generator(0))
    'the 2019 retireval'
    """

    name = "typos"

    def __init__(self, way: str = "", *, rate: float = 0.1, words: int | None = None) -> None:
        self.model = one_of("kind of typo", way, list(WAYS)) if way else ""
        if not 0 <= rate <= 1:
            raise Misuse(f"typos?rate={rate:g}: a rate is a share of the words, from 0 to 1")
        if words is not None and words < 0:
            raise Misuse(f"typos?words={words}: the number of words with a typo is 0 or more")
        self.rate, self.words = rate, words

    def changed(self, text: str, chance: Generator) -> str:
        words, gaps = chunks(text)
        able = {place: ways for place, word in enumerate(words) if (ways := self._possible(word))}
        for place in chance.permutation(sorted(able))[: self._number(len(able))].tolist():
            ways = able[place]
            results = ways[sorted(ways)[int(chance.integers(len(ways)))]]
            words[place] = results[int(chance.integers(len(results)))]
        return joined(words, gaps)

    def _number(self, able: int) -> int:
        if self.words is not None:
            return self.words
        return max(floor(self.rate * able + 0.5), 1 if self.rate else 0)

    def _possible(self, word: str) -> dict[str, list[str]]:
        """What a word can become, by the way in which it does."""
        if has_digits(word) or is_stop_word(word):
            return {}
        made = {way: edited(word, way) for way in ([self.model] if self.model else WAYS)}
        return {way: results for way, results in made.items() if results}


def edited(word: str, way: str) -> list[str]:
    """Everything that one edit can make of a word, in the order of its places.

    >>> edited("Tip.", "swap"), edited("of", "delete"), edited("ab", "repeat")
    (['Itp.', 'Tpi.'], ['f', 'o'], ['aab', 'abb'])
    """
    letters = graphemes(word)
    places = (place for place, letter in enumerate(letters) if letter[0].isalpha())
    made = ("".join(result) for place in places for result in WAYS[way](letters, place))
    return [result for result in dict.fromkeys(made) if _is_typo(result, word)]


def _is_typo(result: str, word: str) -> bool:
    """Whether a word is still one, another one than before, and not one that the index drops."""
    another = result.casefold() != word.casefold()
    return another and any(map(str.isalpha, result)) and not is_stop_word(result)


def _swap(letters: Letters, place: int) -> Iterator[Letters]:
    """With the next letter; a capital stays in its place."""
    if place + 1 < len(letters) and letters[place + 1][0].isalpha():
        first, second = letters[place], letters[place + 1]
        yield [*letters[:place], _as(second, first), _as(first, second), *letters[place + 2 :]]


def _delete(letters: Letters, place: int) -> Iterator[Letters]:
    yield [*letters[:place], *letters[place + 1 :]]


def _insert(letters: Letters, place: int) -> Iterator[Letters]:
    """A neighbour on the keyboard, before or behind the letter."""
    for key in _neighbours_of(letters[place]):
        yield [*letters[:place], key, *letters[place:]]
        yield [*letters[: place + 1], key, *letters[place + 1 :]]


def _replace(letters: Letters, place: int) -> Iterator[Letters]:
    for key in _neighbours_of(letters[place]):
        yield [*letters[:place], key, *letters[place + 1 :]]


def _repeat(letters: Letters, place: int) -> Iterator[Letters]:
    yield [*letters[: place + 1], _as(letters[place], letters[place].lower()), *letters[place + 1 :]]


WAYS: Mapping[str, Edits] = {
    "swap": _swap, "delete": _delete, "insert": _insert, "replace": _replace, "repeat": _repeat,
}  # fmt: skip


def _as(letter: str, like: str) -> str:
    """A letter as a capital where another one is, and small where that is small, if it has the other form."""
    wanted = letter.upper() if like[0].isupper() else letter.lower() if like[0].islower() else letter
    return wanted if len(wanted) == len(letter) else letter


def _neighbours_of(letter: str) -> list[str]:
    return [_as(key, letter) for key in neighbours().get(letter.lower(), "")]


@cache
def neighbours() -> dict[str, str]:
    """The keys beside each letter's key.

    >>> neighbours()["g"], neighbours()["q"]
    ('tyfhvb', 'wa')
    """
    board = packaged(files(__package__) / "keyboard.yaml")
    keys = [(key, row, at["offset"] + x) for row, at in enumerate(board["rows"]) for x, key in enumerate(at["letters"])]
    return {key: _beside(key, row, x, keys, board["reach"]) for key, row, x in keys}


def _beside(key: str, row: int, x: float, keys: Sequence[tuple[str, int, float]], reach: float) -> str:
    return "".join(k for k, r, at in keys if k != key and abs(r - row) <= 1 and abs(at - x) <= reach)
