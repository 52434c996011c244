"""Exact search over vectors, against sorting everything."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.corpus import ranks_of
from rankify.indexes import flat
from rankify.indexes.flat import FlatIndex, inner_products
from rankify.indexes.vectors import Vectors


def vectors(n, dimension=8, seed=0, shards=1, dtype="float32"):
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(dtype)
    return Vectors(np.array_split(rows, shards), dimension)


def by_sorting(vectors, queries, ranks, k):
    """(positions, scores) of each query, from all scores in float64."""
    rows = np.concatenate(vectors.shards).astype(np.float64)
    for query in queries:
        scores = (rows * query).sum(axis=1).astype(np.float32)
        order = np.lexsort((ranks, -scores))[:k]
        yield order.tolist(), scores[order].tolist()


def queries(n, dimension=8, seed=9):
    return np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)


def listed(hits):
    return [(positions.tolist(), scores.tolist()) for positions, scores in hits]


@pytest.fixture
def small_blocks(monkeypatch):
    for name, value in (("ROWS", 16), ("QUERIES", 3), ("SLACK", 5)):
        monkeypatch.setattr(flat, name, value)


@pytest.mark.parametrize("k", [1, 2, 10, 99, 100, 101, 1000])
@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_best_are_those_of_sorting_everything(small_blocks, k, shards, dtype):
    rows, ranks = vectors(100, shards=shards, dtype=dtype), np.arange(100, dtype=np.int32)[::-1]
    found = FlatIndex(rows, ranks).search(queries(7), k)
    assert listed(found) == list(by_sorting(rows, queries(7), ranks, k))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.integers(1, 70), st.integers(1, 9))
def test_equal_scores_stand_in_the_order_of_ids_at_every_cut(kinds, k, rows_at_once):
    """Rows of four kinds only: nearly everything is a tie."""
    four = np.random.default_rng(1).standard_normal((4, 24)).astype(np.float32)
    rows = Vectors([four[kinds]], 24)
    ranks = ranks_of([f"{i * 7919 % 61}-{i}" for i in range(len(kinds))])
    before = flat.ROWS, flat.SLACK
    flat.ROWS, flat.SLACK = rows_at_once, 2
    try:
        found = FlatIndex(rows, ranks).search(queries(3, 24), k)
    finally:
        flat.ROWS, flat.SLACK = before
    assert listed(found) == list(by_sorting(rows, queries(3, 24), ranks, k))


@pytest.mark.parametrize(("margin", "kept"), [(0.0, [1]), (0.05, [1, 2]), (0.2, [0, 1, 2])])
def test_what_lies_within_the_rounding_of_the_last_place_stays_a_candidate(margin, kept):
    best = flat._Best(1)
    best.add(0, np.array([0.9, 1.0, 0.97], np.float32), margin)
    assert sorted(best.positions().tolist()) == kept


def test_equal_rows_score_equally_wherever_they_stand():
    row = np.random.default_rng(2).standard_normal(384).astype(np.float32)
    assert len(set(inner_products(queries(1, 384)[0], np.tile(row, (1001, 1))).tolist())) == 1


def test_a_search_does_not_depend_on_its_company():
    rows, ranks = vectors(500, 64), np.arange(500, dtype=np.int32)
    index, asked = FlatIndex(rows, ranks), queries(20, 64)
    together = listed(index.search(asked, 10))
    assert together == [listed(index.search(asked[i : i + 1], 10))[0] for i in range(20)]


def test_vectors_of_very_different_lengths_are_found():
    rows = np.concatenate([1e-4 * vectors(300).shards[0], 1e4 * vectors(3, seed=3).shards[0]])
    index, ranks = Vectors([rows], 8), np.arange(303, dtype=np.int32)
    assert listed(FlatIndex(index, ranks).search(queries(5), 10)) == list(by_sorting(index, queries(5), ranks, 10))


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows_are_few_hits(n):
    hits = FlatIndex(vectors(n), np.arange(n, dtype=np.int32)).search(queries(2), 5)
    assert [len(positions) for positions, _ in hits] == [n, n]


def test_no_queries_are_no_hits():
    assert FlatIndex(vectors(5), np.arange(5, dtype=np.int32)).search(queries(0), 5) == []


def test_no_score_is_minus_zero():
    [(_, scores)] = FlatIndex(Vectors([-np.eye(2, 4, dtype=np.float32)], 4), np.arange(2)).search(np.zeros((1, 4)), 2)
    assert not np.signbit(scores).any()
