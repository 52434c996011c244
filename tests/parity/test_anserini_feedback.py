"""RM3 and Rocchio against Anserini's own, document for document."""

import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.rm3 import RM3
from rankify.retrieve.rocchio import Rocchio
from rankify.types import Query

pytest.importorskip("jnius_config", reason="needs the extra lucene")

ODD = [
    Document("odd1", "naïve café résumé Ünïcödé 東京 日本 x y z 42 a1b2"),
    Document("odd2", "supercalifragilisticexpialidocious pneumonoultramicroscopic parse parse date"),
    Document("odd3", "the of and"),
    Document("odd4", "date date date date date"),
]


@pytest.fixture(scope="module")
def data():
    found = rankify.dataset("pydoc")
    queries = [*found.queries.queries[:30], Query("odd", "parse zebra date date"), Query("non", "qqqq")]
    return Corpus([*found.corpus[:600], *ODD]), queries


@pytest.fixture(scope="module")
def anserini(data, tmp_path_factory):
    expansion = pytest.importorskip("benchmarks.expansion")
    return expansion.Anserini(data[0], str(tmp_path_factory.mktemp("anserini") / "index"))


@pytest.mark.parametrize(("name", "stage"), [("rm3", RM3), ("rocchio", Rocchio)])
def test_the_second_search_finds_what_anserinis_finds(data, anserini, name, stage):
    corpus, queries = data
    bm25 = BM25(corpus, threads=1)
    mine = (stage(bm25) % 1000)((bm25 % 1000)(queries))
    theirs = getattr(anserini, name)(queries)
    for one, other in zip(mine, theirs, strict=True):
        assert one.ids == other.ids, one.query
        assert one.scores == pytest.approx(other.scores, abs=2e-3)  # it subtracts millionths to break ties


def test_the_terms_and_their_weights_are_anserinis(data, anserini):
    corpus, queries = data
    bm25 = BM25(corpus, threads=1)
    searcher = anserini._searcher
    searcher.set_rm3(None, 10, 10, 0.5, False, True)
    found = RM3(bm25).queries((bm25 % 1000)(queries[:20]))
    for query, mine in zip(queries[:20], found, strict=True):
        theirs = {str(e.getKey()): float(e.getValue()) for e in searcher.get_feedback_terms(query.text).entrySet()}
        assert mine == pytest.approx(theirs, rel=1e-5), query
    searcher.unset_rm3()
