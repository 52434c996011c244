"""Exact and quantised search of long queries against a dense matrix product."""

import numpy as np
import pytest

from rankify.errors import BadInput, Misuse
from rankify.indexes import coarse
from rankify.indexes.impact import ImpactIndex, SparseQueries
from rankify.indexes.quantised import QuantisedIndex
from rankify.indexes.term_weights import TermWeights, Vocabulary, inverted


def random_rows(rng, rows, terms, share):
    """Random sparse weights, shape (rows, terms), most of them 0, as float32."""
    return (rng.gamma(2.0, 0.5, (rows, terms)) * (rng.random((rows, terms)) < share)).astype(np.float32)


def shards_of(matrix):
    rows, terms = np.nonzero(matrix)
    offsets = np.searchsorted(rows, np.arange(len(matrix) + 1))
    names = [str(t) for t in range(matrix.shape[1])]
    return [TermWeights.of(names, offsets, terms.astype(np.int32), matrix[rows, terms])]


def asked(queries, vocabulary):
    rows, terms = np.nonzero(queries)
    known = np.array([vocabulary.numbers.get(str(t), -1) for t in terms.tolist()])
    keep = known >= 0
    offsets = np.searchsorted(rows[keep], np.arange(len(queries) + 1))
    return SparseQueries(offsets, known[keep].astype(np.int32), queries[rows, terms][keep])


def expected(matrix, queries, k, ranks):
    """(document, score) of the best k of each query by a matrix product; equal scores by rank.

    Weights are multiplied as float32 and summed as float64.
    """
    found = []
    for query in queries:
        line = np.zeros(len(matrix))
        for weight, column in zip(query, matrix.T, strict=True):
            line += weight * column
        line = line.astype(np.float32)
        order = [d for d in np.lexsort((ranks, -line)) if line[d] > 0][:k]
        found.append([(int(d), float(line[d])) for d in order])
    return found


def rankings(parts):
    return [list(zip(p.documents[s].tolist(), p.scores[s].tolist(), strict=True)) for p in parts for s in p.spans()]


def same(got, wanted):
    for one, other in zip(got, wanted, strict=True):
        assert [d for d, _ in one] == [d for d, _ in other]
        assert [s for _, s in one] == pytest.approx([s for _, s in other], rel=1e-6)


@pytest.mark.parametrize("k", [1, 1000, 100_000])
@pytest.mark.parametrize("terms", [5, 60])
@pytest.mark.parametrize("walking", [False, True])
def test_exact_search_is_the_product_for_short_and_for_long_queries(k, terms, walking):
    rng = np.random.default_rng(k + terms)
    matrix = random_rows(rng, 40_000, 60, 0.1)
    matrix[20_000:20_100] = matrix[:100]  # documents that tie
    queries = random_rows(rng, 5, 60, 1.0) * (rng.permuted(np.arange(60) < terms)[None, :])
    ranks = rng.permutation(len(matrix)).astype(np.int32)
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    index = ImpactIndex(*inverted(shards, vocabulary), ranks, walking=walking)
    same(rankings(index.search(asked(queries, vocabulary), k)), expected(matrix, queries, k, ranks))


@pytest.mark.parametrize("k", [1, 10, 1000])
def test_quantised_search_finds_nearly_all_and_scores_them_exactly(k):
    rng = np.random.default_rng(k)
    matrix, queries = random_rows(rng, 3 * coarse.BLOCK + 77, 50, 0.1), random_rows(rng, 6, 50, 0.4)
    ranks = rng.permutation(len(matrix)).astype(np.int32)
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    index = QuantisedIndex(shards, vocabulary, ranks, margin=1.2)
    got, wanted = rankings(index.search(asked(queries, vocabulary), k)), expected(matrix, queries, k, ranks)
    found = sum(len(dict(one).keys() & dict(other).keys()) for one, other in zip(got, wanted, strict=True))
    assert found >= 0.99 * 6 * k
    for one, line in zip(got, queries @ matrix.T, strict=True):
        assert [s for _, s in one] == pytest.approx([line[d] for d, _ in one], rel=1e-5)
        assert one == sorted(one, key=lambda hit: (-hit[1], ranks[hit[0]]))
        assert len(one) == k


def test_with_room_for_every_document_nothing_is_missed():
    rng = np.random.default_rng(3)
    matrix, queries = random_rows(rng, 900, 40, 0.05), random_rows(rng, 8, 40, 0.3)
    matrix[100:200] = matrix[:100]
    ranks = rng.permutation(len(matrix)).astype(np.int32)
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    index = QuantisedIndex(shards, vocabulary, ranks, margin=1.0)
    same(rankings(index.search(asked(queries, vocabulary), 900)), expected(matrix, queries, 900, ranks))


def test_a_guess_that_is_wrong_is_searched_again():
    """The first block holds the very best and the very worst, so that it promises better ones than there are."""
    weights = np.full(4 * coarse.BLOCK, 0.5, np.float32)
    weights[:2000], weights[2000 : coarse.BLOCK] = 1.0, 0.01
    shards = shards_of(weights[:, None])
    vocabulary = Vocabulary.of(shards)
    ranks = np.arange(len(weights), dtype=np.int32)
    index = QuantisedIndex(shards, vocabulary, ranks, margin=1.0)
    [got] = rankings(index.search(asked(np.ones((1, 1), np.float32), vocabulary), 5000))
    assert [s for _, s in got] == [1.0] * 2000 + [0.5] * 3000
    assert [d for d, _ in got] == [*range(2000), *range(coarse.BLOCK, coarse.BLOCK + 3000)]


def test_great_and_small_weights_of_queries_do_not_overflow():
    matrix = np.full((50, 30), 1e6, np.float32)
    matrix[7] = 2e6
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    index = QuantisedIndex(shards, vocabulary, np.arange(50, dtype=np.int32), margin=1.0)
    for factor in (1e-6, 1.0, 1e6):
        queries = np.full((1, 30), factor, np.float32)
        assert rankings(index.search(asked(queries, vocabulary), 2))[0][0][0] == 7


@pytest.mark.parametrize("threads", [1, 3])
def test_queries_without_terms_and_many_threads(threads):
    rng = np.random.default_rng(1)
    matrix, queries = random_rows(rng, 200, 20, 0.2), random_rows(rng, 70, 20, 0.3)
    queries[::7] = 0
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    ranks = np.arange(200, dtype=np.int32)
    index = QuantisedIndex(shards, vocabulary, ranks, margin=20.0)
    got = rankings(index.search(asked(queries, vocabulary), 10, threads=threads))
    same(got, expected(matrix, queries, 10, ranks))
    assert [len(one) for one in got[::7]] == [0] * 10


def test_the_smallest_weights_are_found_too():
    matrix = np.diag([1e-6, 1.0, 1e-6]).astype(np.float32)
    matrix[1, 0] = 1.0
    shards = shards_of(matrix)
    vocabulary = Vocabulary.of(shards)
    index = QuantisedIndex(shards, vocabulary, np.arange(3, dtype=np.int32), margin=1.0)
    queries = np.array([[1.0, 1.0, 1e-6]], np.float32)
    assert [d for d, _ in rankings(index.search(asked(queries, vocabulary), 3))[0]] == [1, 0, 2]


def test_a_query_of_too_many_terms_is_refused():
    index = QuantisedIndex([], Vocabulary.of([]), np.zeros(0, np.int32), margin=1.0)
    terms = np.arange(40_000, dtype=np.int32)
    with pytest.raises(BadInput, match=r"40,000 terms; .*index=exact"):
        index.search(SparseQueries(np.array([0, 40_000]), terms, np.ones(40_000, np.float32)), 1)


def test_a_margin_below_one_is_refused():
    with pytest.raises(Misuse, match=r"margin=0\.9"):
        QuantisedIndex([], Vocabulary.of([]), np.zeros(0, np.int32), margin=0.9)
