"""Typing errors: one edit of one letter in some words, and nothing else."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from rankify.errors import Misuse, UnknownName
from rankify.text.perturbations import generator, several
from rankify.text.perturbations.pieces import chunks, is_stop_word
from rankify.text.perturbations.typos import WAYS, Typos, edited, neighbours

LETTERS = st.text(st.sampled_from("abzé ß İ東ん한กน\u0308नम'-.,3²  "), max_size=30)
ANY = st.text(max_size=30)


def seeds(n=20):
    return [generator(seed) for seed in range(n)]


def typed(way, text, seed=0, **options):
    return Typos(way, **options).changed(text, generator(seed))


def distance(one, other):
    """Damerau's distance with swaps of neighbours, over code points."""
    rows = {(i, -1): i + 1 for i in range(-1, len(one))} | {(-1, j): j + 1 for j in range(-1, len(other))}
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            rows[i, j] = min(rows[i - 1, j] + 1, rows[i, j - 1] + 1, rows[i - 1, j - 1] + (a != b))
            if i and j and a == other[j - 1] and b == one[i - 1]:
                rows[i, j] = min(rows[i, j], rows[i - 2, j - 2] + 1)
    return rows[len(one) - 1, len(other) - 1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("word", ["retrieval", "Ranks", "naïve", "(query)"])
def test_a_typo_is_one_edit_away(way, word):
    assert {distance(word.lower(), result.lower()) for result in edited(word, way)} == {1}


@pytest.mark.parametrize(
    ("way", "results"),
    [
        ("swap", ["acb", "bac"]),
        ("delete", ["ab", "ac", "bc"]),
        ("repeat", ["aabc", "abbc", "abcc"]),
        (
            "insert",
            [f"{k}abc" for k in "qswz"]
            + [f"a{k}bc" for k in "qswzghvn"]
            + [f"ab{k}c" for k in "ghvndfx"]
            + [f"abc{k}" for k in "dfxv"],
        ),
        ("replace", [f"{k}bc" for k in "qswz"] + [f"a{k}c" for k in "ghvn"] + [f"ab{k}" for k in "dfxv"]),
    ],
)
def test_each_kind_of_typo_makes_what_its_name_says(way, results):
    assert sorted(edited("abc", way)) == sorted(results)


def test_a_letter_is_inserted_beside_one_whose_key_is_near():
    for result in edited("hi", "insert"):
        [place] = [i for i in range(3) if result[:i] + result[i + 1 :] == "hi"][:1]
        beside = result[max(place - 1, 0) : place] + result[place + 1 : place + 2]
        assert any(result[place] in neighbours()[letter] for letter in beside)


def test_keys_are_neighbours_of_each_other_and_not_of_themselves():
    keys = neighbours()
    assert len(keys) == 26
    assert all(key in keys[other] and other != key for key in keys for other in keys[key])
    assert set(keys["g"]) == set("ftyhvb")
    assert set(keys["p"]) == set("ol")


def test_a_swapped_capital_stays_where_it_was():
    assert edited("Tip", "swap") == ["Itp", "Tpi"]
    assert edited("A\u00df", "swap") == ["\u00dfa"]  # the sharp s has no capital of one letter


def test_a_repeated_capital_is_followed_by_a_small_letter():
    assert edited("Ab", "repeat") == ["Aab", "Abb"]


def test_a_replaced_capital_is_a_capital():
    assert all(result[0].isupper() for result in edited("Q", "replace"))


@pytest.mark.parametrize("way", ["", *WAYS])
@given(text=LETTERS)
def test_words_with_digits_stop_words_and_gaps_stay(way, text):
    before = chunks(text)
    after = chunks(typed(way, text, words=99))
    assert after.gaps == before.gaps
    for word, changed in zip(before.words, after.words, strict=True):
        if any(map(str.isnumeric, word)) or is_stop_word(word):
            assert changed == word


@pytest.mark.parametrize("way", ["", *WAYS])
@given(text=ANY)
def test_no_word_becomes_empty_a_stop_word_or_itself_in_other_capitals(way, text):
    before, after = chunks(text).words, chunks(typed(way, text, words=99)).words
    for word, changed in zip(before, after, strict=True):
        if word != changed:
            assert any(map(str.isalpha, changed))
            assert not is_stop_word(changed)
            assert word.casefold() != changed.casefold()


def test_a_word_that_could_only_become_a_stop_word_is_left():
    assert edited("thee", "delete") == ["hee", "tee"]


def test_letters_that_differ_in_case_alone_are_not_swapped():
    assert edited("\u017fs", "swap") == []  # the long s is a small s


def test_signs_around_a_word_stay():
    for chance in seeds():
        assert regex.fullmatch(r'"\p{L}+"!', Typos(words=1).changed('"dates"!', chance))


def test_a_letter_keeps_its_marks_and_a_family_stays_one():
    family = "👨‍👩‍👧"
    assert edited("e\u0308a", "swap") == ["ae\u0308"]
    assert all(family in Typos(words=9).changed(f"cats{family}dogs {family}", chance) for chance in seeds())


def test_letters_that_are_on_no_key_are_swapped_deleted_and_repeated():
    assert [bool(edited("дом", way)) for way in WAYS] == [True, True, False, False, True]


@pytest.mark.parametrize(("rate", "changed"), [(0, 0), (0.01, 1), (0.25, 3), (0.5, 5), (1, 10)])
def test_the_rate_is_a_share_of_the_words_rounded_up_from_a_half_and_one_word_at_least(rate, changed):
    text = "alpha bravo carbon dunes eerie fancy gravel house indigo jungle"
    after = typed("", text, rate=rate).split()
    assert sum(a != b for a, b in zip(text.split(), after, strict=True)) == changed


def test_the_number_of_words_stands_in_the_place_of_the_rate():
    after = typed("", "alpha bravo carbon", words=2).split()
    assert sum(a != b for a, b in zip(["alpha", "bravo", "carbon"], after, strict=True)) == 2


def test_every_kind_of_typo_happens_where_none_is_named():
    found = {Typos(words=1).changed("abcd", chance) for chance in seeds(200)}
    assert all(found & set(edited("abcd", way)) for way in WAYS)


def test_twice_as_many_typos_begin_with_the_same_ones():
    text = "alpha bravo carbon dunes"
    one, two = ([*chunks(typed("", text, words=n)).words] for n in (1, 2))
    [place] = [i for i, word in enumerate(one) if word not in text.split()]
    assert one[place] == two[place]


def test_other_seeds_make_other_typos():
    assert len({typed("", "information retrieval systems", seed) for seed in range(20)}) > 10


@pytest.mark.parametrize("wrong", ["typos?rate=1.5", "typos?rate=-1", "typos?words=-1"])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(Misuse, match=r"typos\?(rate|words)="):
        several(wrong)


def test_an_unknown_kind_of_typo_is_told_near_ones():
    with pytest.raises(UnknownName, match=r"no kind of typo 'swop'; did you mean 'swap'"):
        several("typos:swop")
