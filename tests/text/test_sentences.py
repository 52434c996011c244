"""Texts cut into sentences: abbreviations, numbers, quotes, lists, wrapped lines, other scripts."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rankify.text import sentences as module
from rankify.text.sentences import LONGEST, sentences


def texts(text):
    return [s.text for s in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. A. Smith paid $3.50.", "He left at 5 p.m.", "The end!"],
        ["It was made by J. R. R. Tolkien in 1954.", "Then e.g. Foo et al. showed it."],
        ["The U.S. Army came.", "In the U.S.", "The law is 3.5.2 Beta.", "See Fig. 3 and No. 5."],
        ['He said "Stop!" and left.', '"Why?"', "She asked.", "(See above.)", "Next one."],
        ["Sales at Apple Inc. rose.", "He left Apple Inc.", "They kept it."],
        ["He was born on Jan. 5, 1900.", "It rained."],
        ["What?!", "No...", "Yes."],
        ["1. Introduction follows.", "Next."],
        ["Visit example.com or 10.0.0.1 now.", "Done"],
        ["Ohne z.B. Herrn Müller.", "Über uns."],
        ["東京は首都です。", "人が多い\uff01", "「本当\uff1f」", "彼は言った。"],
        ["Он жил в \u0433. Москва.", "Потом уехал."],
        ["دہلی ہے\u06d4", "ہاں؟", "نہیں"],
        ["यह है।", "वह नहीं।"],
        ["안녕하세요.", "반갑습니다."],
        ["Hello world"],
    ],
)  # fmt: skip
def test_sentences_end_where_a_reader_says(expected):
    joint = "" if expected[0].endswith("\u3002") else " "
    assert texts(joint.join(expected)) == expected


def test_wrapped_lines_stay_together_and_paragraphs_and_items_do_not():
    text = "A heading\n\nA sentence that was\nwrapped here. Another.\n- one item\n* two\n 3) three\n>>> code(1)\n"
    assert texts(text) == [
        "A heading", "A sentence that was wrapped here.", "Another.", "- one item", "* two", "3) three", ">>> code(1)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "whole", "question"),
    [("A heading", False, False), ("It is.", True, False), ('Is it?"', True, True), ("何\uff1f", True, True),
     ("as follows:", True, False), ("f(x) = 1", False, False)],
)  # fmt: skip
def test_a_sentence_knows_how_it_ends(text, whole, question):
    [sentence] = sentences(text)
    assert (sentence.whole, sentence.question) == (whole, question)


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n", "\u3000"])
def test_an_empty_text_has_no_sentence(text):
    assert sentences(text) == []


def test_what_goes_on_without_an_end_is_cut():
    found = sentences("word " * (2 * LONGEST + 3) + "end.")
    assert [len(s.text.split()) for s in found] == [LONGEST, LONGEST, 4]
    assert all(s.whole for s in found)


@given(st.text(alphabet="ab .!?\n。A1\"'()-\u00a0", max_size=80))
def test_no_word_is_lost_or_moved(text):
    assert "".join("".join(texts(text)).split()) == "".join(text.split())


def test_every_entry_of_the_data_is_used():
    data = yaml.safe_load((module.files("rankify.text") / "sentences.yaml").read_text("utf-8"))
    assert {*data} == {"signs", "open", "either", "starters"}
    for name in ("open", "either", "starters"):
        assert all(isinstance(word, str) and word == word.lower() for word in data[name])
        assert len(data[name]) == len({*data[name]})
    for word in data["open"]:
        assert len(texts(f"See {word}. The others stay.")) == 1, word
    for word in data["either"]:
        assert len(texts(f"See {word}. Others stay.")) == 1, word
        assert len(texts(f"See {word}. The others stay.")) == 2, word
    for word in data["starters"]:
        assert len(texts(f"In the U.S. {word.capitalize()} b.")) == 2, word
    for sign in data["signs"]["stops"] + data["signs"]["full"]:
        assert len(texts(f"One two{sign} Three four.")) == 2, sign
    for sign in data["signs"]["opening"]:
        assert len(texts(f"One two. {sign}Three four.")) == 2, sign
    for sign in data["signs"]["closing"]:
        assert texts(f"One two.{sign} Three four.")[0] == f"One two.{sign}", sign
    for sign in data["signs"]["bullets"]:
        assert len(texts(f"One two\n{sign} three")) == 2, sign
    assert all(sentences(f"one{sign}")[0].whole for sign in data["signs"]["quiet"])
    assert all(sentences(f"one{sign}")[0].question for sign in data["signs"]["questions"])
