"""From texts to terms and their numbers."""

import pytest

from rankify.errors import UnknownName
from rankify.text.analysis import Vocabulary, analyzer, english, tokenized, whitespace


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("The and OF with", []),
        ("The Foxes' dens, a fox's", ["fox", "den", "fox"]),
        ("Fox\u2019s FOX'S fox\uff07s", ["fox", "fox", "fox"]),
        ("İstanbul ΟΔΟΣ", ["istanbul", "οδοσ"]),
        ("a.b.c. 1990s", ["a.b.c", "1990"]),
    ],
)
def test_english(text, terms):
    assert english()(text) == terms


def test_a_space_that_joins_digits_is_not_a_cut():
    assert english()("10\u202f000 men") == ["10\u202f000", "men"]
    assert english()("10\u00a0000 men") == ["10", "000", "men"]


def test_a_vocabulary_grows_and_a_dictionary_does_not():
    vocabulary = Vocabulary()
    tokens, offsets = tokenized(["red fox", "", "fox fox blue"], whitespace().numbered(vocabulary.__getitem__))
    assert tokens.tolist() == [0, 1, 1, 1, 2]
    assert offsets.tolist() == [0, 2, 2, 5]
    assert vocabulary == {"red": 0, "fox": 1, "blue": 2}
    assert list(whitespace().known(dict(vocabulary).get)("blue green fox")) == [2, 1]


def test_an_analyzer_is_the_same_object_for_index_and_query():
    assert analyzer("english") is english()


def test_an_unknown_analyzer_names_the_near_one():
    with pytest.raises(UnknownName, match="did you mean 'english'"):
        analyzer("englsh")


def test_ten_thousand_words_and_chunks_without_spaces():
    assert len(english()("retrieval " * 10_000)) == 10_000
    assert len(english()("東" * 10_000)) == 10_000
