"""Reranking by late interaction: scores, ties, and every document encoded once."""

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.encoders.tokens import TokenEncoder
from rankify.rerank import late_interaction
from rankify.rerank.late_interaction import LateInteraction
from rankify.types import Query, Ranking, Run
from tests import tiny_colbert

TEXTS = ["the cat", "", "dog. cat", "what is neural retrieval", "rank " * 90, "the cat", "!?"]
QUERIES = ["what is a cat", "dog", ""]


@pytest.fixture(scope="module")
def colbert(tmp_path_factory):
    return tiny_colbert.pylate(tmp_path_factory.mktemp("models") / "modern")


@pytest.fixture(scope="module")
def reranker(colbert):
    return LateInteraction(colbert)


def corpus(n=7):
    return Corpus(Document(str(i), TEXTS[i % 7]) for i in range(n))


def run(sizes, store=None):
    store = store or corpus()
    return Run(
        Ranking(Query(str(i), QUERIES[i % 3]), Documents(store, range(size)), range(size, 0, -1))
        for i, size in enumerate(sizes)
    )


def test_scores_are_those_of_the_definition(reranker, colbert):
    encoder = TokenEncoder(colbert, batch_tokens=1)
    for ranking in reranker(run([7, 3, 1])):
        [query] = encoder.encode_queries([ranking.query.text]).split()
        for document, score in zip(ranking.documents, ranking.scores, strict=True):
            [matrix] = encoder.encode_documents([document]).split()
            assert score == pytest.approx(sum(max(float(q @ d) for d in matrix) for q in query), abs=1e-4)


def test_queries_that_are_filled_up_score_as_many_tokens_as_they_have(colbert):
    """A document that is the query itself, read as a query is, would have 1 for each."""
    filled, plain = (LateInteraction(colbert, expand=e)(run([7]))[0].scores.max() for e in (True, False))
    assert filled > plain
    assert filled <= 12 + 1e-4


def test_equal_documents_keep_their_order(reranker):
    [ranking] = reranker(run([7]))
    cats = [place for place, document in enumerate(ranking.documents) if document.text == "the cat"]
    assert [ranking.ids[place] for place in cats] == ["0", "5"]
    assert ranking.scores[cats[0]] == ranking.scores[cats[1]]


@pytest.mark.parametrize("size", [1, 2, 512])
def test_rounds_do_not_show(reranker, monkeypatch, size):
    wanted = reranker(run([7, 5, 0, 7]))
    monkeypatch.setattr(late_interaction, "ROUND", size)
    for found, ranking in zip(reranker(run([7, 5, 0, 7])), wanted, strict=True):
        assert found.ids == ranking.ids
        np.testing.assert_allclose(found.scores, ranking.scores, atol=1e-5)


def test_each_document_of_a_run_is_encoded_once(reranker, monkeypatch):
    monkeypatch.setattr(late_interaction, "ROUND", 3)
    counts = reranker(run([7, 7, 5])).reports[-1].counts
    assert counts["texts"] == 3 + 7
    assert counts["passes"] >= 4


def test_documents_of_one_id_in_two_stores_are_two(reranker):
    other = Corpus([Document("0", "dog")])
    both = Run([*run([1]), Ranking(Query("b", "dog"), other[:], [1])])
    [first, second] = reranker(both)
    assert second.scores[0] != first.scores[0]
    assert second.scores == pytest.approx(reranker(Run([both[1]]))[0].scores, abs=1e-5)


def test_a_spec_loads_an_equal_reranker(colbert):
    spec = f"late-interaction:{colbert}?query_length=9&punctuation=true"
    assert repr(rankify.reranker(spec)) == spec
