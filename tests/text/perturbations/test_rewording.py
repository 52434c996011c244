"""Case, stop words and order: the words stay, and the index finds the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.errors import UnknownName
from rankify.text.analysis import english
from rankify.text.perturbations import generator, several
from rankify.text.perturbations.pieces import chunks, graphemes, pieces
from rankify.text.perturbations.rewording import Case, Order, StopWords

ANY = st.text(max_size=40)
WORDS = st.text(st.sampled_from("abİß\u017fςკK東京ひカタ한กน\u0308\u200d3.',  \u3000\n"), max_size=40)
CASES = ["upper", "lower", "title", "random"]


def changed(perturbation, text, seed=0):
    return perturbation.changed(text, generator(seed))


@pytest.mark.parametrize(
    ("way", "text"), [("upper", "A CAT'S ÉTÉ"), ("lower", "a cat's été"), ("title", "A Cat's Été")]
)
def test_each_case_is_what_its_name_says(way, text):
    assert changed(Case(way), "a cAt's ÉTé") == text


def test_random_case_tosses_a_coin_for_each_letter():
    found = [changed(Case("random"), "letters", seed) for seed in range(20)]
    assert len(set(found)) > 15
    assert all({text[i] for text in found} == {"letters"[i], "LETTERS"[i]} for i in range(7))


@pytest.mark.parametrize("way", CASES)
@pytest.mark.parametrize("text", [ANY, WORDS], ids=["any", "words"])
@given(data=st.data())
def test_the_index_takes_another_case_for_the_same_text(way, text, data):
    given_text = data.draw(text)
    assert english()(changed(Case(way), given_text)) == english()(given_text)


@given(text=ANY)
def test_two_cases_of_a_text_are_equal_in_lower_case(text):
    assert changed(Case("upper"), text).lower() == text.lower()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The rise of AI", "rise AI"),
        ("a cat, and a dog.", "cat, dog."),
        ("  the  cat  ", "  cat  "),
        ("what is it?", "what"),
        ("cat  the dog", "cat dog"),
        ("to be or not to be", "to be or not to be"),
        ("", ""),
        ("?", "?"),
    ],
)
def test_stop_words_go_with_the_gap_before_them(text, left):
    assert changed(StopWords(), text) == left


def test_a_text_of_stop_words_alone_stays():
    assert changed(StopWords(), "is it the") == "is it the"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("to be or not to be ?", "to be or not to be ?"), ("to be, or - not ...", "to be, or - not ..."), ("?", "?"),
        ("the \U0001f600", "\U0001f600"), ("what is a C ?", "what C ?"), ("", ""),
    ],
)  # fmt: skip
def test_signs_are_no_words_that_could_be_left(text, left):
    assert changed(StopWords(), text) == left


@pytest.mark.parametrize("text", [ANY, WORDS], ids=["any", "words"])
@given(data=st.data())
def test_the_index_drops_the_same_stop_words_itself(text, data):
    given_text = data.draw(text)
    assert english()(changed(StopWords(), given_text)) == english()(given_text)


@pytest.mark.parametrize("way", ["shuffle", "reverse"])
@given(text=st.text(st.sampled_from("abİ3.',  \u3000\n"), max_size=40))
def test_the_order_changes_no_word_and_no_gap(way, text):
    after, before = pieces(changed(Order(way), text)), pieces(text)
    assert sorted(after.words) == sorted(before.words)
    assert after.gaps == before.gaps


@pytest.mark.parametrize("way", ["shuffle", "reverse"])
@given(text=WORDS)
def test_the_index_takes_another_order_for_the_same_words(way, text):
    assert sorted(english()(changed(Order(way), text))) == sorted(english()(text))


def test_a_shuffle_is_another_order_whatever_the_seed():
    assert {changed(Order(), "to go", seed) for seed in range(20)} == {"go to"}
    assert len({changed(Order(), "one two three four", seed) for seed in range(50)}) > 15


def test_a_shuffle_of_equal_words_ends():
    assert changed(Order(), "no no") == "no no"


def test_words_that_would_run_into_one_another_get_a_blank():
    assert changed(Order("reverse"), "東ab cd") == "cd ab 東"


def test_han_characters_are_words_and_thai_is_one():
    assert changed(Order("reverse"), "東京 ไทยแลนด์") == "ไทยแลนด์京 東"


@pytest.mark.parametrize(
    ("spec", "seeded"),
    [("case:upper", False), ("case:random", True), ("stopwords", False), ("order", True), ("order:reverse", False)],
)
def test_it_is_known_where_chance_has_a_part(spec, seeded):
    [found] = several(spec)
    assert found.seeded is seeded
    text = "the quick brown fox jumps over a lazy dog"
    assert (len({changed(found, text, seed) for seed in range(9)}) > 1) is seeded


@pytest.mark.parametrize(
    ("wrong", "said"), [("case:uper", "did you mean 'upper'"), ("order:sorted", "no order 'sorted'; there are")]
)
def test_an_unknown_way_is_told_what_there_is(wrong, said):
    with pytest.raises(UnknownName, match=said):
        several(wrong)


@given(text=ANY)
def test_a_text_in_pieces_is_the_text(text):
    for found in (pieces(text), chunks(text)):
        assert len(found.gaps) == len(found.words) + 1
        whole = found.gaps[0] + "".join(word + gap for word, gap in zip(found.words, found.gaps[1:], strict=True))
        assert whole == text
        assert all(found.words)


@given(text=ANY)
def test_graphemes_are_the_text(text):
    assert "".join(graphemes(text)) == text
