"""Postings: built, extended, saved and opened."""

import re

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.indexes.postings import Postings
from rankify.text.analysis import Vocabulary, tokenized, whitespace


def extended(postings, texts):
    vocabulary = Vocabulary(postings.terms)
    tokens, starts = tokenized(texts, whitespace().numbered(vocabulary.__getitem__))
    return postings.append(tokens, starts, dict(vocabulary))


def built(*texts):
    return extended(Postings.empty(), texts)


def read(postings):
    """{term: [(document, count), ...]}"""
    spans = {t: slice(postings.offsets[n], postings.offsets[n + 1]) for t, n in postings.terms.items()}
    return {
        t: list(zip(postings.documents[s].tolist(), postings.frequencies[s].tolist(), strict=True))
        for t, s in spans.items()
    }


def test_postings_count_each_term_in_each_document():
    postings = built("b a b", "", "a", "c b")
    assert read(postings) == {"b": [(0, 2), (3, 1)], "a": [(0, 1), (2, 1)], "c": [(3, 1)]}
    assert postings.lengths.tolist() == [3, 0, 1, 2]
    assert (postings.total_terms, postings.nonempty_documents) == (6, 3)
    assert postings.document_frequencies.tolist() == [2, 2, 1]


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_extending_gives_what_building_afresh_gives(cut):
    texts = ["b a b", "", "a d d d", "c b"]
    both = extended(built(*texts[:cut]), texts[cut:])
    assert read(both) == read(built(*texts))
    assert both.lengths.tolist() == built(*texts).lengths.tolist()


@pytest.mark.parametrize(("repeats", "kind"), [(255, np.uint8), (256, np.uint16), (70_000, np.uint32)])
def test_counts_are_as_narrow_as_they_can_be(repeats, kind):
    postings = extended(built("a"), ["a " * repeats])
    assert read(postings) == {"a": [(0, 1), (1, repeats)]}
    assert postings.frequencies.dtype == kind


def test_saved_postings_open_memory_mapped(tmp_path):
    postings = built("naïve 東京", "東京 ünïcode")
    postings.save(tmp_path / "index")
    opened = Postings.open(tmp_path / "index")
    assert read(opened) == read(postings)
    assert isinstance(opened.documents, np.memmap)
    assert read(extended(opened, ["x"])) == {**read(postings), "x": [(2, 1)]}


@pytest.mark.parametrize(
    "harm",
    [
        lambda f: (f / "documents.npy").unlink(),
        lambda f: (f / "terms.txt").write_text("a\n"),
        lambda f: (f / "offsets.npy").write_bytes(b"no"),
        lambda f: np.save(f / "documents.npy", np.array([0, 99, 1], np.int32)),
        lambda f: np.save(f / "documents.npy", np.array([0, 1], np.int32)),
        lambda f: np.save(f / "offsets.npy", np.array([0, 9, 3])),
    ],
)
def test_a_damaged_index_says_so(tmp_path, harm):
    built("a b", "b").save(tmp_path)
    harm(tmp_path)
    with pytest.raises(BadInput, match=re.escape(f"delete {tmp_path} to build it again")):
        Postings.open(tmp_path)


def test_what_is_to_be_deleted_is_the_whole_index(tmp_path):
    with pytest.raises(BadInput, match=re.escape(f"delete {tmp_path} to build it again")):
        Postings.open(tmp_path / "postings-1", tmp_path)


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([0, 1, 2, 3], ["b a b", "", "a d d d", "c b"]),
        ([1, 0, -1, 2], ["", "b a b", "c b"]),
        ([3, 2, 1, 0], ["c b", "a d d d", "", "b a b"]),
        ([-1, -1, -1, -1], []),
    ],
)
def test_documents_under_other_numbers_are_as_if_they_had_come_in_that_order(numbers, texts):
    found = built("b a b", "", "a d d d", "c b").renumbered(np.array(numbers))
    assert read(found) == read(built(*texts))
    assert found.lengths.tolist() == built(*texts).lengths.tolist()


def test_counts_are_narrow_again_when_the_long_document_is_gone():
    assert built("a " * 300, "a").renumbered(np.array([-1, 0])).frequencies.dtype == np.uint8


@pytest.mark.parametrize(("numbers", "kept"), [([0, 1, 2, 3], [0, 1, 2, 3]), ([-1, 0, -1, 1], [1, 3]), ([-1] * 4, [])])
def test_documents_may_be_dropped_while_others_are_appended(numbers, kept):
    texts = ["b a b", "", "a " * 300, "c b"]
    before, vocabulary = built(*texts), Vocabulary(built(*texts).terms)
    tokens, starts = tokenized(["d b", "a"], whitespace().numbered(vocabulary.__getitem__))
    found = before.append(tokens, starts, dict(vocabulary), np.array(numbers)).without_empty_terms()
    fresh = built(*(texts[i] for i in kept), "d b", "a")
    assert read(found) == read(fresh)
    assert found.lengths.tolist() == fresh.lengths.tolist()
    assert found.frequencies.dtype == fresh.frequencies.dtype
    assert set(found.terms.values()) == set(range(len(fresh.terms)))
