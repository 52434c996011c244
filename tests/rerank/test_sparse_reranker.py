"""Reranking by weights of terms."""

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.rerank import sparse as module
from rankify.rerank.sparse import Sparse
from rankify.retrieve.sparse import Sparse as Retriever
from rankify.types import Query, Ranking, Run

TEXTS = ["the cat", "", "dog", "what is neural retrieval", "rank " * 500, "network", "the cat"]
CORPUS = Corpus(Document(str(i), text) for i, text in enumerate(TEXTS))
QUERIES = [Query("1", "what is a cat"), Query("2", ""), Query("3", "dog rank")]
RUN = Run(Ranking(query, CORPUS[:], np.arange(len(TEXTS), 0, -1)) for query in QUERIES)


@pytest.mark.parametrize("options", [{}, {"scale": 100.0}, {"queries": "ones"}])
def test_scores_are_those_of_the_retriever(tiny_mlm, options):
    wanted = Retriever(CORPUS, tiny_mlm, **options).retrieve(QUERIES, 10)
    for got, ranking in zip(Sparse(tiny_mlm, **options)(RUN), wanted, strict=True):
        scores = dict(zip(got.ids, got.scores.tolist(), strict=True))
        assert {id: s for id, s in scores.items() if s} == pytest.approx(
            dict(zip(ranking.ids, ranking.scores.tolist(), strict=True)), rel=1e-6
        )


def test_every_document_is_encoded_once(tiny_mlm, monkeypatch):
    monkeypatch.setattr(module, "ROUND", 2)
    reranker = Sparse(tiny_mlm)
    run = Run(Ranking(query, RUN[0].documents, RUN[0].scores) for query in QUERIES)
    assert reranker(run).reports[-1].counts["texts"] == len(QUERIES) + len(TEXTS)


def test_equal_scores_keep_the_order_of_the_run(tiny_mlm):
    ids = Sparse(tiny_mlm)(RUN)[0].ids
    assert ids.index("6") == ids.index("0") + 1


def test_its_spec_builds_an_equal_one(tiny_mlm):
    spec = f"sparse:{tiny_mlm}?queries=counts&scale=100.0"
    assert repr(rankify.reranker(spec)) == spec
