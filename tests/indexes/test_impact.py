"""The impact index against plain sums over a dense matrix, with ties, blocks, weak terms and wrong guesses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.indexes import impact, maxscore
from rankify.indexes.impact import ImpactIndex, SparseQueries


def made(matrix, saturating=False, ranks=None):
    """An index of a dense matrix of shape (terms, documents); zeros are no postings."""
    places = [np.flatnonzero(row) for row in matrix]
    offsets = np.concatenate([[0], np.cumsum([len(p) for p in places])]).astype(np.int64)
    documents = np.concatenate([*places, []]).astype(np.int32)
    stored = np.concatenate([*(row[p] for row, p in zip(matrix, places, strict=True)), []]).astype(np.float32)
    ranks = np.arange(matrix.shape[1]) if ranks is None else ranks
    return ImpactIndex(offsets, documents, stored, np.asarray(ranks, np.int32), saturating=saturating)


def expected(matrix, query, k, ranks=None, saturating=False):
    """(document, score) of the best k by sums in float64, ties by rank."""
    m = matrix.astype(np.float32)
    sums = np.zeros(matrix.shape[1])
    for term, weight in query.items():
        w = np.float32(weight)
        with np.errstate(divide="ignore"):
            sums += np.where(m[term] > 0, w - w / m[term], 0) if saturating else w * m[term]
    scores = sums.astype(np.float32)
    ranks = np.arange(len(scores)) if ranks is None else ranks
    order = [d for d in np.lexsort((ranks, -scores)) if scores[d] > 0][:k]
    return [(int(d), float(scores[d])) for d in order]


def found(index, queries, k, threads=1):
    parts = index.search(asked(queries), k, threads=threads)
    return [list(zip(p.documents[s].tolist(), p.scores[s].tolist(), strict=True)) for p in parts for s in p.spans()]


def asked(queries):
    """Queries given as {term: weight}."""
    offsets = np.cumsum([0, *map(len, queries)])
    terms, weights = ([x for q in queries for x in part(q)] for part in (dict.keys, dict.values))
    return SparseQueries(offsets, np.array(terms, np.int32), np.array(weights, np.float32))


def close(got, want):
    assert [d for d, _ in got] == [d for d, _ in want]
    assert [s for _, s in got] == pytest.approx([s for _, s in want], rel=1e-6)


def sparse(rng, terms, documents, share):
    """Small whole weights, so that many documents tie."""
    return rng.integers(1, 5, (terms, documents)) * (rng.random((terms, documents)) < share)


@pytest.mark.parametrize("saturating", [False, True])
@pytest.mark.parametrize("k", [1, 2, 10, 100, 5000])
@pytest.mark.parametrize("documents", [1, 2, 40, 3000])
def test_the_best_k_are_those_of_the_matrix(saturating, k, documents):
    rng = np.random.default_rng(k * documents)
    matrix = sparse(rng, 12, documents, 0.2)
    matrix = np.where(matrix > 0, matrix + saturating, 0)
    ranks = rng.permutation(documents)
    queries = [{int(t): float(rng.integers(1, 4)) for t in rng.choice(12, n, replace=False)} for n in (1, 2, 5, 12)]
    for got, query in zip(found(made(matrix, saturating, ranks), queries, k), queries, strict=True):
        close(got, expected(matrix, query, k, ranks, saturating))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([16, 64, 256]), st.sampled_from([1, 3, 20]))
def test_blocks_weak_terms_rows_and_guesses_change_nothing(seed, block, k):
    """Small blocks make every shortcut happen on small matrices; wrong guesses come from sorted collections."""
    rng = np.random.default_rng(seed)
    matrix = np.stack([sparse(rng, 1, 2000, share)[0] for share in (0.9, 0.5, 0.2, 0.05, 0.01, 0.002)])
    if seed % 3 == 0:
        matrix = np.sort(matrix, axis=1)[:, ::-1].copy()  # the best first: the guess is too high
    ranks = rng.permutation(2000)
    queries = [{t: float(rng.random() + 0.1) for t in range(6) if rng.random() < 0.7} for _ in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impact, "LARGE", 1)
        index = made(matrix, ranks=ranks)
    search = compiled(block)
    for query in queries:
        close(search(index, query, k), expected(matrix, query, k, ranks))


_COMPILED = {}


def compiled(block):
    """The search compiled with other constants: numba reads them when it compiles."""
    if block not in _COMPILED:
        import importlib.util

        spec = importlib.util.spec_from_file_location(f"maxscore_{block}", maxscore.__file__)
        module = importlib.util.module_from_spec(spec)
        source = (
            spec.loader.get_source(spec.name)
            .replace("@compiled", "@njit")
            .replace("from rankify.indexes.kernels import compiled", "from numba import njit")
        )
        for name, value in (("BLOCK = 16384", f"BLOCK = {block}"), ("SAMPLE = 16", "SAMPLE = 1")):
            assert name in source
            source = source.replace(name, value)
        exec(compile(source, maxscore.__file__, "exec"), module.__dict__)  # noqa: S102
        _COMPILED[block] = module.search

    def search(index, query, k):
        one = asked([query])
        keys, counts = np.empty(k, np.int64), np.empty(1, np.int64)
        arrays = one.offsets, one.terms, one.weights
        _COMPILED[block](index._postings, index.id_ranks, arrays, 0, 1, k, keys, counts)
        keys = np.sort(keys[: counts[0]])
        found, scores = np.empty(len(keys), np.int64), np.empty(len(keys))
        maxscore.unpack(keys, index.by_rank, found, scores)
        return list(zip(found.tolist(), scores.tolist(), strict=True))

    return search


def test_equal_scores_are_ordered_by_rank_also_at_the_cut():
    index = made(np.ones((1, 50)), ranks=np.arange(50)[::-1])
    assert [d for d, _ in found(index, [{0: 1.0}], 3)[0]] == [49, 48, 47]


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads_change_nothing(threads):
    rng = np.random.default_rng(0)
    matrix = sparse(rng, 30, 500, 0.1)
    queries = [{int(t): 1.0 for t in rng.choice(30, 4, replace=False)} for _ in range(200)]
    index = made(matrix)
    assert found(index, queries, 10, threads) == found(index, queries, 10, 1)


@pytest.mark.parametrize("queries", [[], [{}], [{}, {0: 1.0}, {}]])
def test_nothing_asked_nothing_found(queries):
    assert [len(row) for row in found(made(np.ones((1, 3))), queries, 5)] == [3 if q else 0 for q in queries]


def test_an_empty_collection_finds_nothing():
    assert found(made(np.zeros((2, 0))), [{0: 1.0}], 5) == [[]]


def test_terms_of_queries_are_counted_each_query_for_itself():
    got = SparseQueries.counted(np.array([5, 2, 5, 5, 0], np.int32), np.array([0, 0, 3, 3, 5]))
    assert got.offsets.tolist() == [0, 0, 2, 2, 4]
    assert got.terms.tolist() == [2, 5, 0, 5]
    assert got.weights.tolist() == [1, 2, 1, 1]
    assert len(SparseQueries.counted(np.zeros(0, np.int32), np.array([0]))) == 0
