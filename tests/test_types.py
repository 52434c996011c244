"""The nouns: what they refuse, and that nothing is lost on the way."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.corpus import Corpus, ranks_of
from rankify.documents import Document, Documents
from rankify.errors import BadInput, UnknownName
from rankify.hits import Hits
from rankify.types import Qrels, Query, Ranking, Run


def documents(n):
    return [Document(str(i), f"text {i}") for i in range(n)]


def ranking(n, query="q"):
    return Ranking(Query(query, "what?"), documents(n), range(n, 0, -1))


@pytest.mark.parametrize(
    ("ids", "scores", "message"),
    [
        ("ab", [1.0], "2 documents but scores of shape"),
        ("ab", [1.0, 2.0], "scores may not increase"),
        ("ab", [1.0, float("nan")], "NaN"),
        ("a", [float("nan")], "NaN"),
        ("aa", [2.0, 1.0], "only once"),
    ],
)
def test_a_ranking_refuses(ids, scores, message):
    with pytest.raises(ValueError, match=message):
        Ranking(Query("q", ""), [Document(i, "") for i in ids], scores)


def hits(positions, scores, counts):
    return Hits(np.array(positions), np.array(scores, np.float64), np.array(counts))


TWO = [Query("a", ""), Query("b", "")]


@pytest.mark.parametrize(
    ("positions", "scores", "counts", "message"),
    [
        ([0, 1, 1, 2], [2, 1, 1, 2], [2, 2], "'b': scores may not increase"),
        ([0, 1, 1, 2], [2, float("nan"), 2, 1], [2, 2], "'a': a score is NaN"),
        ([0, 1, 1], [2, 1, float("nan")], [2, 1], "'b': a score is NaN"),
        ([0, 0, 1, 2], [2, 1, 2, 1], [2, 2], "'a': a document may appear only once"),
        ([1, 0, 2, 2], [2, 1, 2, 1], [2, 2], "'b': a document may appear only once"),
    ],
)
def test_what_a_search_found_is_checked_all_at_once(positions, scores, counts, message):
    with pytest.raises(ValueError, match=message):
        Run.found(TWO, Corpus(documents(3)), [hits(positions, scores, counts)])


@pytest.mark.parametrize(
    ("positions", "scores", "counts", "ids"),
    [
        ([0, 1, 1, 0], [2, 1, 9, 9], [2, 2], [["0", "1"], ["1", "0"]]),  # neighbours of two queries may do anything
        ([1, 1, 0], [1, 2, 1], [1, 2], [["1"], ["1", "0"]]),
        ([2], [1], [0, 1], [[], ["2"]]),
        ([2], [1], [1, 0], [["2"], []]),
        ([], [], [0, 0], [[], []]),
    ],
)
def test_what_a_search_found_becomes_a_ranking_a_query(positions, scores, counts, ids):
    found = Run.found(TWO, Corpus(documents(3)), [hits(positions, scores, counts)])
    assert [r.ids for r in found] == ids
    assert [s for r in found for s in r.scores] == scores


def test_what_a_search_found_may_come_in_parts():
    parts = [hits([0], [1], [1]), hits([2, 1], [2, 1], [2])]
    assert [r.ids for r in Run.found(TWO, Corpus(documents(3)), parts)] == [["0"], ["2", "1"]]
    with pytest.raises(ValueError, match="2 queries but results of 1"):
        Run.found(TWO, Corpus(documents(3)), parts[:1])


def test_hits_whose_shapes_differ_are_refused():
    with pytest.raises(ValueError, match="for 3 hits"):
        hits([0, 1], [1, 1], [3])


def test_a_ranking_over_a_corpus_refuses_a_position_twice():
    with pytest.raises(ValueError, match="only once"):
        Ranking(Query("q", ""), Documents(Corpus(documents(3)), [1, 1]), [2, 1])


def test_a_ranking_cannot_be_changed():
    r = ranking(3)
    with pytest.raises(AttributeError, match="never changes"):
        r.scores = []
    with pytest.raises(ValueError, match="read-only"):
        r.scores[0] = 9


def test_the_scores_given_stay_the_callers():
    given = np.array([2.0, 1.0])
    r = Ranking(Query("q", ""), documents(2), given)
    given[0] = 0
    assert r.scores.tolist() == [2.0, 1.0]


@given(st.lists(st.floats(allow_nan=False), max_size=30))
def test_rescored_is_a_stable_sort(scores):
    r = ranking(len(scores)).rescored(scores)
    expected = sorted(range(len(scores)), key=lambda i: -scores[i])
    assert r.ids == [str(i) for i in expected]
    assert r.scores.tolist() == sorted(scores, reverse=True)


@given(
    st.integers(0, 30).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, max(n - 1, 0)), unique=True, max_size=n))
    )
)
def test_reordered_names_first_and_loses_nothing(case):
    n, order = case
    if n == 0:
        order = []
    r = ranking(n).reordered(order)
    assert r.ids[: len(order)] == [str(i) for i in order]
    assert sorted(r.ids, key=int) == [str(i) for i in range(n)]
    assert r.scores.tolist() == list(range(n, 0, -1))


@pytest.mark.parametrize("order", [[0, 0], [3], [-1]])
def test_reordered_refuses_what_is_no_position(order):
    with pytest.raises(ValueError, match="not distinct positions"):
        ranking(3).reordered(order)


@pytest.mark.parametrize(("k", "left"), [(0, 0), (1, 1), (3, 3), (9, 3), (-2, 0)])
def test_head(k, left):
    assert ranking(3).head(k).ids == ["0", "1", "2"][:left]


def test_rankings_and_runs_survive_pickling():
    run = Run([ranking(3)])
    assert pickle.loads(pickle.dumps(run)) == run  # noqa: S301


def test_a_run_is_reached_by_query_id_place_and_slice():
    run = Run([ranking(1, "007"), ranking(2, "null")])
    assert run["null"] is run[1]
    assert "007" in run
    assert len(run[:1]) == 1
    with pytest.raises(UnknownName, match="did you mean 'null'"):
        run["nul"]


def test_a_run_refuses_a_query_twice():
    with pytest.raises(BadInput, match="query '7' appears twice"):
        Run([ranking(1, "7"), ranking(2, "8"), ranking(1, "7")])


def test_qrels_are_a_mapping_of_grades():
    qrels = Qrels([("q", "d", 2), ("q", "e", 0)])
    assert qrels["q"] == {"d": 2, "e": 0}
    assert len(qrels) == 1


@pytest.mark.parametrize(
    ("ids", "message"), [(["a", "a"], "two documents have the id 'a'"), ([""], "has the id ''"), ([7], "has the id 7")]
)
def test_a_corpus_refuses(ids, message):
    with pytest.raises(BadInput, match=message):
        Corpus(Document(i, "") for i in ids)


def test_a_corpus_of_odd_ids():
    corpus = Corpus(Document(i, i) for i in ["007", "null", "a b", "東京", "NaN"])
    assert [corpus[i].text for i in corpus.ids] == corpus.ids
    assert corpus.ids_at(np.array([4, 0])) == ["NaN", "007"]
    with pytest.raises(UnknownName, match="no document 'x'"):
        corpus["x"]


def test_the_fingerprint_sees_every_part():
    one = Corpus([Document("a", "bc", "t")])
    others = [Document("a", "bc"), Document("ab", "c", "t"), Document("a", "b", "ct"), Document("a", "bc", "u")]
    assert len({one.hash, *(Corpus([d]).hash for d in others)}) == 5
    assert one.hash == Corpus([Document("a", "bc", "t", {"ignored": 1})]).hash


def test_a_documents_fingerprint_sees_every_part_and_not_its_neighbours():
    documents = [Document("a", "bc", "t"), Document("b", "bc", "t"), Document("c", "bct"), Document("c1", "c", "tb")]
    found = Corpus(documents).fingerprints
    assert found.shape == (4, 2)
    assert len(set(found[:, 0].tolist())) == len(set(found[:, 1].tolist())) == 4
    assert np.array_equal(Corpus(documents[2:]).fingerprints, found[2:])


def test_an_updated_corpus_removes_what_it_has_only():
    corpus = Corpus([Document("a", "1"), Document("b", "2")])
    with pytest.raises(UnknownName, match="no document 'c'"):
        corpus.updated(remove=["c"])
    assert corpus.updated([Document("a", "3")], remove=["a"]).ids == ["b", "a"]
    assert corpus.updated().hash == corpus.hash


def test_ids_rank_by_code_point():
    assert ranks_of(["b", "a", "10", "9", "\U0001f600", "\uffff"]).tolist() == [3, 2, 0, 1, 5, 4]
