"""Reranking by PairRM: the mean of all comparisons in both orders."""

import numpy as np
import pytest

import rankify
from rankify import registry
from rankify.documents import Document
from rankify.rerank import pairrm
from rankify.rerank.pairrm import PairRM
from rankify.types import Query, Ranking, Run
from tests import tiny_pairs

DOCUMENTS = [Document("1", "the cat"), Document("2", "dog", "rank"), Document("3", ""), Document("4", "neural network")]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return tiny_pairs.pairrm(tmp_path_factory.mktemp("models") / "pairrm")


@pytest.fixture(scope="module")
def reranker(made):
    return PairRM(made[0])


def run(*texts, documents=DOCUMENTS):
    n = len(documents)
    return Run(Ranking(Query(str(i), text), documents, np.arange(n, 0, -1)) for i, text in enumerate(texts))


def test_a_document_scores_the_mean_of_what_it_is_preferred_by_in_both_orders(reranker, made):
    texts = ["the cat", "rank dog", "", "neural network"]
    for ranking in reranker(run("what is a cat", "query")):
        matrix = [[0 if a == b else made[1](ranking.query.text, a, b) for b in texts] for a in texts]
        wanted = (np.array(matrix) - np.array(matrix).T).mean(axis=1)
        assert ranking.ids == [str(i + 1) for i in np.argsort(-wanted)]
        np.testing.assert_allclose(ranking.scores, sorted(wanted, reverse=True), atol=1e-4)


def test_equal_texts_tie_and_keep_their_order(reranker):
    same = [Document(id, "the same") for id in ("b", "c", "a")]
    [ranking] = reranker(run("q", documents=same))
    assert ranking.ids == ["b", "c", "a"]
    assert set(ranking.scores.tolist()) == {0.0}


def test_one_document_and_none_need_no_comparison(reranker):
    assert reranker(run("q", documents=DOCUMENTS[:1]))[0].ids == ["1"]
    assert reranker(run("q", documents=[]))[0].ids == []


def test_rounds_do_not_show(reranker, monkeypatch):
    whole = reranker(run("one cat", "two dogs", "three"))
    monkeypatch.setattr(pairrm, "ROUND", 13)
    for before, after in zip(whole, reranker(run("one cat", "two dogs", "three")), strict=True):
        assert before.ids == after.ids
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_comparisons_are_counted(reranker):
    counts = reranker(run("cat", "dog")).reports[-1].counts
    assert counts["pairs"] == 2 * 4 * 3
    assert counts["passes"] >= 1


def test_the_catalogue_names_the_published_one(made):
    assert registry.resolve("reranker", "llm-blender/PairRM-hf").name == "pairrm"
    assert repr(rankify.reranker(f"pairrm:{made[0]}?batch_tokens=99")) == f"pairrm:{made[0]}?batch_tokens=99"
