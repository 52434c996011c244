"""The passages of a corpus, as a corpus."""

import numpy as np
import pytest

from rankify.corpus import Corpus
from rankify.corpus_file import write_corpus
from rankify.documents import Document
from rankify.errors import UnknownName
from rankify.indexes.changes import Changes
from rankify.text.chunking import Chunker
from rankify.text.passages import Passages, Shown

CORPUS = Corpus(
    [
        Document("a", "one two three four five", "First"),
        Document("b", "", "Second", {"x": 1}),
        Document("a#0", "six seven", ""),
        Document("c", "", ""),
    ]
)
TWO = Chunker.of(size=2, overlap=0)


def listed(passages):
    return [(p.id, p.title, p.text) for p in passages]


EXPECTED = [
    ("a#0", "First", "one two"),
    ("a#1", "First", "three four"),
    ("a#2", "First", "five"),
    ("b#0", "Second", ""),
    ("a#0#0", "", "six seven"),
    ("c#0", "", ""),
]


def test_passages_are_documents_under_ids_of_their_own():
    found = Passages(CORPUS, TWO)
    assert listed(found) == EXPECTED
    assert found.ids == [id for id, _, _ in EXPECTED]
    assert found.sizes.tolist() == [3, 1, 1, 1]
    assert found.owners(np.arange(6)).tolist() == [0, 0, 0, 1, 2, 3]
    assert found["b#0"].metadata == {"x": 1}
    assert found.ids_at(np.array([4, 1])) == ["a#0#0", "a#1"]


def test_it_is_the_corpus_that_holds_the_same_documents():
    found = Passages(CORPUS, TWO)
    held = Corpus(list(found))
    assert found.hash == held.hash
    assert found[1:3] == held[1:3]
    assert found.id_ranks.tolist() == held.id_ranks.tolist()
    assert [found.position(id) for id in held.ids] == list(range(6))


@pytest.mark.parametrize("id", ["a", "a#", "a#3", "a#01", "a#-1", "x#0", "#0", "a#0#1", "a#²"])
def test_what_is_no_passage_is_not_found(id):
    found = Passages(CORPUS, TWO)
    assert id not in found
    with pytest.raises(UnknownName, match="no passage"):
        found.position(id)


def test_without_the_title():
    assert {p.title for p in Passages(CORPUS, TWO, title=False)} == {""}


def test_the_first_passages_alone():
    assert listed(Passages(CORPUS, TWO, first=True)) == [e for e in EXPECTED if e[0].endswith("#0")]


def test_titles_and_texts_as_passages():
    assert listed(Passages(CORPUS)) == [
        ("a#0", "", "First"),
        ("a#1", "", "one two three four five"),
        ("b#0", "", "Second"),
        ("a#0#0", "", "six seven"),
        ("c#0", "", ""),
    ]


def test_a_file_has_the_passages_of_its_documents(tmp_path):
    assert Passages(write_corpus(CORPUS, tmp_path / "c.jsonl"), TWO).hash == Passages(CORPUS, TWO).hash


def test_a_change_in_one_document_changes_its_passages_only():
    before = Passages(CORPUS, TWO)
    after = Passages(CORPUS.updated([Document("a", "one two three", "First")]), TWO)
    found = Changes.between(before.fingerprints, after.fingerprints)
    assert found.counts() == {"kept": 4, "added": 0, "changed": 1, "removed": 1}


def test_a_document_may_stand_for_itself_with_a_passage():
    shown = Shown(Passages(CORPUS, TWO))
    assert shown.document(1) == Document("a", "three four", "First")
    assert shown.ids_at(np.array([5, 1, 3])) == ["c", "a", "b"]
    assert len(shown) == 6


def test_no_documents_have_no_passages():
    assert listed(Passages(Corpus(()), TWO)) == []
    assert Passages(Corpus(()), TWO).ids == []
