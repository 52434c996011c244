"""Reranking by layerwise models: order, ties, edges, specs, and what is counted."""

import numpy as np
import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import Misuse
from rankify.rerank import pair_scores
from rankify.rerank.layerwise import Layerwise
from rankify.types import Query, Ranking, Run
from tests import tiny_layerwise
from tests.encoders.layerwise_formulas import Published

DOCUMENTS = [Document("007", "the cat"), Document("null", ""), Document("a b", "dog", "rank"), Document("猫", "neural")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_layerwise.gemma(tmp_path_factory.mktemp("gemma"))


def run(*texts, documents=DOCUMENTS):
    n = len(documents)
    return Run(Ranking(Query(str(i), text), documents, np.arange(n, 0, -1)) for i, text in enumerate(texts))


def test_each_ranking_is_sorted_by_the_scores_of_title_and_text(folder):
    own = Published(folder)
    reranker = registry.load("reranker", f"layerwise:{folder}?cutoff_layers=3&compress_ratio=2&compress_layers=1,2")
    for ranking in reranker(run("what is a cat", "")):
        for document, score in ranking:
            text = {"a b": "rank dog"}.get(document.id, document.text)
            right = own.score(ranking.query.text, text, 3, ratio=2, merging=(1, 2))
            assert score == pytest.approx(right, abs=1e-4)


def test_equal_scores_keep_the_order_of_the_run(folder):
    same = [Document(id, "the same") for id in ("b", "c", "a")]
    assert Layerwise(folder)(run("q", documents=same))[0].ids == ["b", "c", "a"]


def test_rounds_do_not_show(folder, monkeypatch):
    reranker = Layerwise(folder)
    whole = reranker(run("one cat", "two dogs", "three"))
    monkeypatch.setattr(pair_scores, "ROUND", 3)
    for before, after in zip(whole, reranker(run("one cat", "two dogs", "three")), strict=True):
        assert before.ids == after.ids
        np.testing.assert_allclose(before.scores, after.scores, atol=1e-5)


def test_pairs_tokens_and_passes_are_counted(folder):
    counts = Layerwise(folder)(run("cat", "dog")).reports[-1].counts
    assert counts["pairs"] == 8
    assert counts["tokens"] > 8 * 20
    assert counts["passes"] >= 1


@pytest.mark.parametrize("written", ["24,", "a", "1,b", "1;2", "-1"])
def test_layers_that_are_no_numbers_are_refused(folder, written):
    with pytest.raises(Misuse, match="is no layer's number; write 24,40"):
        Layerwise(folder, compress_ratio=2, compress_layers=written)
