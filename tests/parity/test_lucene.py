"""Our analyzer and BM25 against Lucene itself, and against the published figures, on real collections."""

import random
import unicodedata

import pytest

from rankify.corpus import Corpus
from rankify.datasets import dataset
from rankify.documents import Document
from rankify.evaluation import evaluate
from rankify.retrieve.bm25 import BM25, contents
from rankify.retrieve.lucene import Lucene, java
from rankify.stages import WithoutQuery
from rankify.text.analysis import english
from rankify.types import Query

pytest.importorskip("jnius_config", reason="needs the lucene extra, which needs Python 3.11")

COLLECTIONS = ["nfcorpus", "scifact", "cranfield"]


@pytest.fixture(scope="module", params=COLLECTIONS)
def collection(request, shared):
    return dataset(str(shared / request.param))


@pytest.fixture(scope="module")
def lucene_terms():
    """A function from a text to the terms of Anserini's DefaultEnglishAnalyzer."""
    analyzer = java()("io.anserini.analysis.DefaultEnglishAnalyzer").newDefaultInstance()
    analyse = java()("io.anserini.analysis.AnalyzerUtils").analyze

    def terms(text):
        found = analyse(analyzer, text)
        return [found.get(i) for i in range(found.size())]

    return terms


def test_every_document_has_lucenes_terms(collection, lucene_terms):
    different = [d.id for d in collection.corpus if english()(contents(d)) != lucene_terms(contents(d))]
    assert different == []


def test_texts_of_any_script_have_lucenes_terms(lucene_terms):
    """Random texts of characters that were in Unicode 3.2, long before the version of Lucene's grammar."""
    rng = random.Random(0)
    common = "abcXYZ0189'\".:,;_- \u2019\u00b7\u0301\u200d\u00ad\u202fs©®™↔½²٣１アイひ東京กาລမខאבש한ñéßⅷー゛ｱ"
    texts = ["".join(rng.choice(common) if rng.random() < 0.7 else old(rng) for _ in range(8)) for _ in range(10_000)]
    different = [(t, english()(t), lucene_terms(t)) for t in texts if english()(t) != lucene_terms(t)]
    assert different == []


def old(rng):
    """A character of Unicode 3.2 that is no symbol, whose emoji properties came later."""
    while True:
        character = chr(
            rng.choice([rng.randrange(0x20, 0x2000), rng.randrange(0x3000, 0xD800), rng.randrange(0xF900, 0xFFFF)])
        )
        kind = unicodedata.ucd_3_2_0.category(character)
        if kind[0] in "LMNZP" and kind == unicodedata.category(character):
            return character


def test_the_same_document_at_every_rank(collection):
    queries = [*collection.queries.queries]
    ours, lucenes = BM25(collection.corpus).retrieve(queries, 1000), Lucene(collection.corpus).retrieve(queries, 1000)
    assert [r.ids for r in ours] == [r.ids for r in lucenes]
    for one, other in zip(ours, lucenes, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=3e-4)


# Anserini 1.7.1 through Pyserini 1.6.0 with -removeQuery, as its BEIR runs are made; nfcorpus and scifact are published
@pytest.mark.parametrize(
    ("name", "terms", "ndcg", "recall"),
    [
        ("nfcorpus", 637_485, 0.3218, 0.2457),
        ("scifact", 838_128, 0.6789, 0.9253),
        ("cranfield", 154_931, 0.3506, 0.7222),
    ],
)
def test_published_figures(shared, name, terms, ndcg, recall):
    data = dataset(str(shared / name))
    bm25 = BM25(data.corpus)
    scores = evaluate((bm25 % 1000 >> WithoutQuery())(data.queries), data.qrels, "nDCG@10 R@100")
    assert bm25.postings.total_terms == terms
    assert (round(scores["nDCG@10"], 4), round(scores["R@100"], 4)) == (ndcg, recall)


@pytest.mark.parametrize(("k1", "b"), [(1.2, 0.75), (0.9, 0.0), (0.0, 0.4), (2.0, 1.0)])
def test_the_same_order_for_other_parameters(shared, k1, b):
    data = dataset(str(shared / "cranfield"))
    queries = data.queries.queries[:50]
    ours, lucenes = BM25(data.corpus, k1=k1, b=b), Lucene(data.corpus, k1=k1, b=b)
    assert [r.ids for r in ours.retrieve(queries, 100)] == [r.ids for r in lucenes.retrieve(queries, 100)]


def test_words_asked_for_many_times_and_ties_and_empty_documents():
    corpus = Corpus(
        Document(f"d{i}", text) for i, text in enumerate(["fox", "fox", "", "the", "fox fox dog", "dog"] * 4)
    )
    queries = [Query("1", "fox " * 3 + "dog " * 7), Query("2", "fox"), Query("3", "the"), Query("4", "")]
    assert [r.ids for r in BM25(corpus).retrieve(queries, 9)] == [r.ids for r in Lucene(corpus).retrieve(queries, 9)]
