"""Reranking by jina-reranker-v3: order, edges, and what is counted."""

import numpy as np
import pytest

from rankify.documents import Document
from rankify.encoders.listwise import ListwiseScorer
from rankify.rerank import jina_reranker_v3
from rankify.rerank.jina_reranker_v3 import JinaRerankerV3
from rankify.types import Query, Ranking, Run
from tests import tiny_listwise

DOCUMENTS = [Document("007", "the cat"), Document("null", ""), Document("a b", "dog", "rank"), Document("猫", "neural")]
LENGTHS = {"query_length": 64, "document_length": 64}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_listwise.jina(tmp_path_factory.mktemp("jina"))


def run(*texts, documents=DOCUMENTS):
    n = len(documents)
    return Run(Ranking(Query(str(i), text), documents, np.arange(n, 0, -1)) for i, text in enumerate(texts))


def test_each_ranking_is_sorted_by_the_scores_of_titles_and_texts_together(folder):
    texts = ["the cat", "", "rank dog", "neural"]
    scorer = ListwiseScorer(folder, **LENGTHS)
    for ranking in JinaRerankerV3(folder, **LENGTHS)(run("what is a cat", "")):
        [right] = scorer.scores([ranking.query.text], [texts])
        scores = dict(zip((document.id for document in DOCUMENTS), right, strict=True))
        assert list(ranking.scores) == pytest.approx([scores[id] for id in ranking.ids], abs=1e-5)
        assert ranking.ids == sorted(scores, key=scores.get, reverse=True)


def test_rounds_do_not_show(folder, monkeypatch):
    reranker = JinaRerankerV3(folder, block=2, **LENGTHS)
    whole = reranker(run("one cat", "two dogs", "three"))
    monkeypatch.setattr(jina_reranker_v3, "ROUND", 3)
    for before, after in zip(whole, reranker(run("one cat", "two dogs", "three")), strict=True):
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_documents_tokens_and_passes_are_counted(folder):
    counts = JinaRerankerV3(folder, **LENGTHS)(run("cat", "dog")).reports[-1].counts
    assert counts["documents"] == 8
    assert counts["tokens"] > 400
    assert counts["passes"] >= 1
