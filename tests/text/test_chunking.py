"""Texts cut into passages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.text.chunking import Chunker, sentence_spans, word_spans
from rankify.text.sentences import sentences

SIZES = st.integers(1, 9).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))
TEXTS = st.text(st.sampled_from("ab.。!? \n\t\u00a0\x1c\u2028é東\ud83dA1"), max_size=60)


def cut(text, unit="words", **options):
    return [text[start:end] for start, end in Chunker.of(unit, **options).spans([text])[0]]


@pytest.mark.parametrize(
    ("text", "size", "overlap", "passages"),
    [
        ("a b c d e f g", 3, 0, ["a b c", "d e f", "g"]),
        ("a b c d e f g", 3, 1, ["a b c", "c d e", "e f g"]),
        ("a b c d e f g h", 3, 1, ["a b c", "c d e", "e f g", "g h"]),
        ("a b c d", 3, 2, ["a b c", "b c d"]),
        ("  a  b\n\nc ", 2, 0, ["a  b", "c"]),
        ("a b c", 3, 0, ["a b c"]),
        ("a b c", 4, 3, ["a b c"]),
        ("", 3, 1, [""]),
        (" \n ", 3, 1, [""]),
    ],
)
def test_windows_of_words(text, size, overlap, passages):
    assert cut(text, size=size, overlap=overlap) == passages


@given(TEXTS, SIZES, st.sampled_from(["words", "sentences"]))
def test_every_unit_is_in_a_passage_and_the_next_begins_a_step_later(text, window, unit):
    size, overlap = window
    units = (word_spans if unit == "words" else sentence_spans)([text])[0]
    spans = Chunker.of(unit, size=size, overlap=overlap).spans([text])[0]
    firsts = [[a for a, _ in units].index(start) for start, _ in spans] if units else []
    lasts = [[b for _, b in units].index(end) for _, end in spans] if units else []
    assert firsts == list(range(0, len(firsts) * (size - overlap), size - overlap))
    assert [last - first + 1 for first, last in zip(firsts, lasts, strict=True)][:-1] == [size] * (len(firsts) - 1)
    assert lasts[-1:] == [len(units) - 1] * bool(units)
    assert all(last < len(units) - 1 for last in lasts[:-1])


@given(TEXTS)
def test_sentences_are_where_their_words_are(text):
    found = [" ".join(text[start:end].split()) for start, end in sentence_spans([text])[0]]
    assert found == [sentence.text for sentence in sentences(text)]


def test_windows_of_sentences():
    text = "Dr. No came. He left!  Why?\n\nNobody knows."
    assert cut(text, "sentences", size=2, overlap=1) == [
        "Dr. No came. He left!",
        "He left!  Why?",
        "Why?\n\nNobody knows.",
    ]


def test_half_overlaps_if_nothing_is_said():
    assert [Chunker.of(unit).size for unit in ("words", "sentences")] == [150, 10]
    assert [Chunker.of(unit).overlap for unit in ("words", "sentences")] == [75, 5]
    assert Chunker.of(size=1).overlap == 0


def test_passages_keep_the_title_and_the_metadata_and_tell_their_document():
    found = Chunker.of(size=2, overlap=0).passages(Document("d#1", "a b c", "T", {"url": "u"}))
    assert [(p.id, p.text, p.title, p.metadata) for p in found] == [
        ("d#1#0", "a b", "T", {"url": "u"}),
        ("d#1#1", "c", "T", {"url": "u"}),
    ]


@pytest.mark.parametrize(
    ("unit", "options", "error", "message"),
    [
        ("word", {}, UnknownName, "did you mean 'words'"),
        ("words", {"size": 0}, Misuse, "size=0"),
        ("words", {"size": 2.5}, Misuse, r"size=2\.5"),
        ("words", {"size": True}, Misuse, "size=True"),
        ("words", {"size": 3, "overlap": 3}, Misuse, "overlap=3: .* less than the size, which is 3"),
        ("words", {"overlap": -1}, Misuse, "overlap=-1"),
        ("tokens", {}, Misuse, "give tokenizer=MODEL"),
    ],
)
def test_an_impossible_cut_is_named(unit, options, error, message):
    with pytest.raises(error, match=message):
        Chunker.of(unit, **options)
