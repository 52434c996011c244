"""What has changed between an index and a corpus."""

import numpy as np
import pytest

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.indexes.changes import Changes, changes, current, open_fingerprints, save_fingerprints
from rankify.indexes.manifest import Manifest

CORPUS = Corpus(Document(str(i), f"text {i}", f"title {i % 2}") for i in range(6))


def between(*documents):
    return Changes.between(CORPUS.fingerprints, Corpus(documents).fingerprints)


@pytest.mark.parametrize(
    ("documents", "rows", "counts"),
    [
        (CORPUS[:], [0, 1, 2, 3, 4, 5], (6, 0, 0, 0)),
        (CORPUS[::-1], [5, 4, 3, 2, 1, 0], (6, 0, 0, 0)),
        ([Document("new", "text 0", "title 0"), *CORPUS[2:]], [-1, 2, 3, 4, 5], (4, 1, 0, 2)),
        ([CORPUS[1], Document("0", "text 1", "title 1")], [1, -1], (1, 0, 1, 4)),
        ([Document("0", "text 0", "title 1"), Document("7", "")], [-1, -1], (0, 1, 1, 5)),
        ([Document("0", "0text 0", "title ")], [-1], (0, 0, 1, 5)),
        ([], [], (0, 0, 0, 6)),
    ],
)
def test_each_document_is_kept_added_changed_or_removed(documents, rows, counts):
    found = between(*documents)
    assert found.rows.tolist() == rows
    assert tuple(found.counts().values()) == counts
    assert found.lacking.tolist() == [place for place, row in enumerate(rows) if row < 0]
    assert found.positions.tolist() == [rows.index(row) if row in rows else -1 for row in range(6)]


def test_an_index_of_no_documents_has_nothing_in_common():
    found = Changes.between(Corpus(()).fingerprints, CORPUS.fingerprints)
    assert found.counts() == {"kept": 0, "added": 6, "changed": 0, "removed": 0}


@pytest.mark.parametrize("kept", [0, 2])
def test_a_corpus_with_less_than_half_of_the_documents_is_another_one(tmp_path, kept):
    with pytest.raises(BadInput, match=rf"\(abc, 6 documents, {kept} of them in this one\) than this .*give another"):
        changes(tmp_path, CORPUS.fingerprints, Corpus([*CORPUS[:kept], Document("x", "")]), "abc")
    assert changes(tmp_path, CORPUS.fingerprints, Corpus(CORPUS[:3]), "abc").kept == 3


def test_an_index_of_no_documents_is_that_of_any_corpus_to_be(tmp_path):
    assert changes(tmp_path, Corpus([]).fingerprints, CORPUS, "abc").lacking.tolist() == [0, 1, 2, 3, 4, 5]


def test_fingerprints_are_read_back_and_checked(tmp_path):
    save_fingerprints(tmp_path / "f.npy", CORPUS)
    assert np.array_equal(open_fingerprints(tmp_path / "f.npy", 6), CORPUS.fingerprints)
    with pytest.raises(BadInput, match=r"f\.npy holds uint64\(6, 2\), not uint64\(7, 2\)"):
        open_fingerprints(tmp_path / "f.npy", 7)
    with pytest.raises(BadInput, match=r"g\.npy, so the index cannot be changed"):
        open_fingerprints(tmp_path / "g.npy", 6)


def test_what_is_missing_under_a_manifest_that_stays_is_an_error(tmp_path):
    Manifest.write(tmp_path, data="x")

    def read(manifest):
        raise BadInput(f"no {manifest['data']}")

    with pytest.raises(BadInput, match="no x"):
        current(tmp_path, lambda: Manifest.read(tmp_path), read)
