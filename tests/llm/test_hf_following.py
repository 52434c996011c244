"""Texts in the middle of others: "A" is the bare token, " A" the one with a blank, for each kind of tokenizer."""

import pytest

from rankify.llm.hf_following import Following
from tests import tiny_llm

KINDS = {
    "llama": tiny_llm.sentencepiece,
    "gemma": lambda: tiny_llm.sentencepiece(dummy_prefix=False),
    "gpt2": tiny_llm.byte_level,
    "t5": tiny_llm.unigram,
}


@pytest.fixture(scope="module", params=KINDS)
def following(request):
    return Following(KINDS[request.param]())


def pieces(following, text, **how):
    return following.tokenizer.convert_ids_to_tokens(following.tokens(text, **how))


@pytest.mark.parametrize("letter", "ABCDEFGHIJKLMNOPQRST")
def test_a_letter_is_its_bare_token(following, letter):
    assert pieces(following, letter) == [letter]


@pytest.mark.parametrize("word", ["A", "B", "Passage", "the", "true"])
def test_a_blank_before_a_word_is_a_part_of_its_token(following, word):
    assert pieces(following, f" {word}") in ([f"▁{word}"], [f"Ġ{word}"])


def test_a_special_token_is_itself(following):
    special = following.tokenizer.eos_token
    assert pieces(following, special) == [special]


def test_a_text_of_several_words_goes_on_without_a_blank(following):
    [first, *_, last] = pieces(following, "the query")
    assert first[0] == "t"
    assert last in ("▁query", "Ġquery")


@pytest.mark.parametrize("text", ["[1] > [2]", "]", "[[", "0", "a", "aa"])
def test_brackets_and_digits_do_not_grow_into_what_stands_before(following, text):
    assert following.text(following.tokens(text), begins=False) == text


@pytest.mark.parametrize("text", ["A", " A", "the query", " the query", "Yes"])
def test_tokens_of_a_text_are_read_back_as_it_was(following, text):
    assert following.text(following.tokens(text), begins=False) == text


def test_where_nothing_stands_before_the_tokenizers_own_reading_is_right():
    assert pieces(Following(tiny_llm.unigram()), "true", begins=True) == ["▁true"]


@pytest.mark.parametrize("begins", [False, True])
def test_a_blank_alone_is_the_token_of_a_blank(begins):
    assert pieces(Following(tiny_llm.unigram()), " ", begins=begins) == ["▁"]


def test_half_a_character_is_a_question_mark(following):
    assert following.tokens("\ud83d") == following.tokens("?")


def test_a_reply_that_begins_a_text_has_no_blank_before_it():
    following = Following(tiny_llm.unigram())
    assert following.text(following.tokens("true", begins=True), begins=True) == "true"


def test_special_tokens_are_no_part_of_a_reply(following):
    tokens = [*following.tokens(" A"), following.tokenizer.eos_token_id]
    assert following.text(tokens, begins=False) == " A"
