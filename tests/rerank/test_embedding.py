"""Reranking by embeddings: the scores are the encoder's inner products."""

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.encoders.dense import DenseEncoder
from rankify.rerank import embedding
from rankify.rerank.embedding import Embedding
from rankify.spec import describe
from rankify.types import Query, Ranking, Run

CORPUS = Corpus([Document("007", "the cat"), Document("null", ""), Document("a b", "dog", "rank"), Document("x", "is")])
QUERIES = [Query("1", "what is a cat"), Query("2", ""), Query("3", "dog " * 10_000)]


@pytest.fixture(scope="module")
def reranker(tiny_bert):
    return Embedding(tiny_bert, pooling="mean", query_prefix="query ")


def run(*places, corpus=CORPUS):
    return Run(
        Ranking(query, Documents(corpus, rows), np.arange(len(rows), 0, -1))
        for query, rows in zip(QUERIES, places, strict=False)
    )


def test_scores_are_inner_products(reranker, tiny_bert):
    encoder = DenseEncoder(tiny_bert, pooling="mean", query_prefix="query ")
    vectors = dict(zip(CORPUS.ids, encoder.encode_documents(CORPUS[:]), strict=True))
    queries = encoder.encode_queries([q.text for q in QUERIES])
    for query, ranking in zip(queries, reranker(run([0, 1, 2, 3], [3, 1], [2])), strict=True):
        wanted = [float(query @ vectors[id]) for id in ranking.ids]
        np.testing.assert_allclose(ranking.scores, wanted, atol=1e-5)


def test_every_document_is_encoded_once(reranker):
    counts = reranker(run([0, 1, 2], [2, 1, 0], [1])).reports[-1].counts
    assert counts["texts"] == 3 + 3


def test_rounds_do_not_show(reranker, monkeypatch):
    places = ([0, 1, 2], [2, 3, 0], [1])
    whole = reranker(run(*places))
    monkeypatch.setattr(embedding, "ROUND", 2)
    for before, after in zip(whole, reranker(run(*places)), strict=True):
        assert before.ids == after.ids
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_documents_of_several_stores_are_told_apart(reranker):
    other = Corpus([Document("z", "neural network")])
    mixed = Run([*run([0]), Ranking(QUERIES[1], Documents(other, [0]), [1])])
    alone = [reranker(Run([ranking]))[0] for ranking in mixed]
    for before, after in zip(alone, reranker(mixed), strict=True):
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_equal_documents_keep_the_order_of_the_run(reranker):
    same = Corpus(Document(id, "the same") for id in ("b", "c", "a"))
    assert reranker(run([1, 0, 2], corpus=same))[0].ids == ["c", "b", "a"]


@pytest.mark.parametrize("places", [(), ([],), ([], [1], [])])
def test_rankings_without_documents_and_runs_without_queries_are_legal(reranker, places):
    assert [len(r) for r in reranker(run(*places))] == [len(p) for p in places]


def test_a_spec_loads_an_equal_reranker(tiny_bert):
    spec = f"embedding:{tiny_bert}?pooling=max&normalize=false"
    assert repr(rankify.reranker(spec)) == spec


def test_every_option_of_the_encoder_is_one_of_the_reranker(tiny_bert):
    spec = f"embedding:{tiny_bert}?pooling=mean&query_length=9&query_model={tiny_bert}&dimensions=5"
    reranker = rankify.reranker(spec)
    assert reranker.encoder.dimension == 5
    assert reranker.encoder.recipe.query_length == 9
    assert describe(Embedding) == describe(DenseEncoder)
