"""Every index in a folder follows a corpus that has changed, or says that it does not and stays what it was."""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput
from tests.contracts.collections import corpus, queries
from tests.contracts.test_retrievers import INDEXED, RETRIEVERS

FOLLOWING = {"bm25", "bm25-multifield", "dense", "impact", "late-interaction", "sparse"}
BEFORE = corpus(24)
AFTER = BEFORE.updated([Document("new", "neural cat"), Document("d5", "cat dog")], remove=["007", "d3"])


def kept_in_folders():
    """The retrievers that keep an index in a folder, or what their index on a server is called."""
    return [*(name for name in RETRIEVERS if "folder" in registry.options("retriever", name)), *INDEXED]


@pytest.mark.parametrize("name", kept_in_folders())
def test_an_index_follows_its_corpus_or_says_that_it_does_not(name, build, tmp_path):
    first = build("retriever", name, BEFORE, folder=str(tmp_path / "index")).retrieve(queries(), 9)
    if name.partition("?")[0] in FOLLOWING:
        found = build("retriever", name, AFTER, folder=str(tmp_path / "index")).retrieve(queries(), 9)
        for one, other in zip(found, build("retriever", name, AFTER).retrieve(queries(), 9), strict=True):
            assert one.ids == other.ids
            assert one.scores == pytest.approx(other.scores, abs=1e-5)
        return
    with pytest.raises(BadInput, match=r"another folder|delete"):
        build("retriever", name, AFTER, folder=str(tmp_path / "index"))
    assert build("retriever", name, BEFORE, folder=str(tmp_path / "index")).retrieve(queries(), 9) == first
