"""Vector feedback as a stage: its formulas, what it learns from, what it counts, how it is written."""

import numpy as np
import pytest

from rankify import expressions
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.dense import Dense
from rankify.retrieve.vector_prf import VectorPRF
from rankify.types import Query, Ranking, Run

WORDS = ["cat", "dog", "rank", "query", "document", "retrieval", "neural", "network", "what", "is"]
CORPUS = Corpus(Document(f"d{i}", f"{WORDS[i % 10]} {WORDS[i // 10]} {i}") for i in range(40))
QUERIES = [Query("1", "cat"), Query("2", "what is retrieval"), Query("3", "neural network")]


@pytest.fixture(scope="module")
def dense(tiny_bert):
    return Dense(CORPUS, tiny_bert, pooling="mean")


@pytest.fixture(scope="module")
def found(dense):
    return (dense % 20)(QUERIES)


@pytest.mark.parametrize(
    ("options", "n", "weights"),
    [
        ({}, 5, (0.4, 0.6)),
        ({"alpha": 1.0, "beta": 0.1, "passages": 10}, 10, (1.0, 0.1)),
        ({"passages": 50}, 20, (0.4, 0.6)),
        ({"method": "average"}, 3, (1 / 4, 3 / 4)),
        ({"method": "average", "passages": 9}, 9, (1 / 10, 9 / 10)),
    ],
)
def test_the_second_search_is_for_the_mean_of_query_and_passages(dense, found, options, n, weights):
    queries = dense.encoder.encode_queries([query.text for query in QUERIES])
    passages = [dense.encoder.encode_documents(list(ranking.documents[:n])) for ranking in found]
    moved = np.stack([weights[0] * q + weights[1] * p.mean(axis=0) for q, p in zip(queries, passages, strict=True)])
    right = dense.nearest(QUERIES, moved.astype(np.float32), 40)
    after = (VectorPRF(dense, **options) % 40)(found)
    for one, other in zip(after, right, strict=True):
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_queries_without_passages_are_searched_for_as_they_are_and_counted(dense, found):
    run = Run([found[0], Ranking(QUERIES[1])])
    after = (VectorPRF(dense) % 9)(run)
    assert after[1] == (dense % 9)(QUERIES)[1]
    counts = after.reports[-1].counts
    assert (counts["refined"], counts["kept"]) == (1, 1)
    assert counts["tokens"] > 0
    assert len(VectorPRF(dense)([])) == 0


def test_passages_that_the_index_lacks_are_encoded_once(dense, tiny_bert):
    new = Document("x", "dog cat")
    run = Run(Ranking(query, [CORPUS["d1"], new, CORPUS["d2"]], [3, 2, 1]) for query in QUERIES)
    larger = Dense(Corpus([*CORPUS, new]), tiny_bert, pooling="mean")
    after = (VectorPRF(dense) % 40)(run)
    assert after.reports[-1].counts["encoded"] == 1
    wanted = (VectorPRF(larger) % 41)(run)
    assert [r.ids for r in after] == [[id for id in r.ids if id != "x"] for r in wanted]


def test_documents_of_another_first_search_are_learnt_from(dense):
    first = (BM25(CORPUS, threads=1) % 5)(QUERIES)
    own = Run(Ranking(r.query, [CORPUS[id] for id in r.ids], r.scores) for r in first)
    assert VectorPRF(dense)(first) == VectorPRF(dense)(own)


def test_all_together_as_one_by_one(dense, found):
    stage = VectorPRF(dense) % 9
    for one, other in zip(stage(found), [stage(Run([ranking]))[0] for ranking in found], strict=True):
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"method": "averge"}, UnknownName, "no method of vector-prf 'averge'; did you mean 'average'"),
        ({"passages": 0}, Misuse, "passages=0: it is a whole number from 1 up"),
        ({"alpha": -0.1}, Misuse, "alpha=-0.1: it is a number from 0 up"),
        ({"beta": float("nan")}, Misuse, "beta=nan"),
    ],
)
def test_options_that_cannot_be_are_refused(dense, options, error, message):
    with pytest.raises(error, match=message):
        VectorPRF(dense, **options)


def test_it_searches_with_dense():
    with pytest.raises(Misuse, match="vector-prf searches with dense, which bm25 is not"):
        VectorPRF(BM25(CORPUS))


def test_a_pipeline_reads_back_from_its_text(tiny_bert):
    dense = f"dense:{tiny_bert}?pooling=mean"
    for text in (
        f"{dense} % 20 >> vector-prf({dense}) % 10",
        f"bm25 % 20 >> vector-prf({dense}, method=average, passages=2)",
        f"{dense} % 20 >> vector-prf({dense}, alpha=0.9, beta=0.1) % 5",
    ):
        stage = expressions.pipeline(text, CORPUS)
        assert repr(stage) == text
        assert stage(QUERIES) == expressions.pipeline(repr(stage), CORPUS)(QUERIES)
