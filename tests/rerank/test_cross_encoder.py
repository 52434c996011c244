"""Reranking by a cross-encoder: order, ties, edges, and what is counted."""

import numpy as np
import pytest

import rankify
from rankify.documents import Document
from rankify.encoders.pairs import PairScorer
from rankify.rerank import pair_scores
from rankify.rerank.cross_encoder import CrossEncoder
from rankify.types import Query, Ranking, Run

DOCUMENTS = [Document("007", "the cat"), Document("null", ""), Document("a b", "dog", "rank"), Document("猫", "neural")]


@pytest.fixture(scope="module")
def reranker(tiny_cross_encoder):
    return CrossEncoder(tiny_cross_encoder)


def run(*texts, documents=DOCUMENTS):
    n = len(documents)
    return Run(Ranking(Query(str(i), text), documents, np.arange(n, 0, -1)) for i, text in enumerate(texts))


def test_each_ranking_is_sorted_by_the_scores_of_title_and_text(reranker, tiny_cross_encoder):
    scorer = PairScorer(tiny_cross_encoder)
    for ranking in reranker(run("what is a cat", "", "dog " * 10_000)):
        for document, score in ranking:
            text = {"a b": "rank dog"}.get(document.id, document.text)
            [wanted] = scorer.scores([ranking.query.text], [text], np.array([[0, 0]]))
            assert score == pytest.approx(wanted, abs=1e-5)


def test_equal_scores_keep_the_order_of_the_run(reranker):
    same = [Document(id, "the same") for id in ("b", "c", "a")]
    assert reranker(run("q", documents=same))[0].ids == ["b", "c", "a"]


@pytest.mark.parametrize("texts", [(), ("one",), ("one", "two")])
def test_rankings_without_documents_and_runs_without_queries_are_legal(reranker, texts):
    assert reranker(run(*texts, documents=[])) == run(*texts, documents=[])


def test_batches_and_rounds_do_not_show(reranker, monkeypatch):
    whole = reranker(run("one cat", "two dogs", "three"))
    monkeypatch.setattr(pair_scores, "ROUND", 3)
    for before, after in zip(whole, reranker(run("one cat", "two dogs", "three")), strict=True):
        assert before.ids == after.ids
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_a_round_ends_when_it_has_enough_documents(monkeypatch):
    monkeypatch.setattr(pair_scores, "ROUND", 5)
    rounds = pair_scores.rounds(run("a", "b", "c", "d", "e"))
    assert [[ranking.query.id for ranking in part] for part in rounds] == [["0", "1"], ["2", "3"], ["4"]]


def test_pairs_tokens_and_passes_are_counted(reranker):
    counts = reranker(run("cat", "dog")).reports[-1].counts
    assert counts["pairs"] == 8
    assert counts["tokens"] == 2 * (4 * (3 + 1) + 2 + 0 + 2 + 1)
    assert counts["passes"] == 1


def test_a_spec_loads_an_equal_reranker(tiny_cross_encoder):
    spec = f"cross-encoder:{tiny_cross_encoder}?max_length=20&activation=identity"
    assert repr(rankify.reranker(spec)) == spec
