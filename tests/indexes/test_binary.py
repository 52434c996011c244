"""Search by signs: distances, candidates, and the scores that order them."""

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.indexes.binary import BinaryIndex, distances
from rankify.indexes.flat import FlatIndex
from rankify.indexes.vectors import BITS, Vectors, as_stored

N, DIMENSION = 500, 70  # no whole number of bytes


@pytest.fixture(scope="module")
def rows():
    return np.random.default_rng(0).normal(size=(N, DIMENSION)).astype(np.float32)


@pytest.fixture(scope="module")
def queries():
    return np.random.default_rng(1).normal(size=(20, DIMENSION)).astype(np.float32)


def signs(rows):
    return np.where(rows > 0, 1.0, -1.0)


def kept(rows, storage, shard=200):
    return Vectors([as_stored(rows[i : i + shard], storage) for i in range(0, len(rows), shard)], rows.shape[1])


RANKS = np.random.default_rng(2).permutation(N).astype(np.int32)


def test_what_is_kept_as_bits_comes_back_as_signs(rows):
    vectors = kept(rows, BITS)
    assert sum(shard.nbytes for shard in vectors.shards) == N * 9
    np.testing.assert_array_equal(vectors.take(np.array([3, 499, 200])), signs(rows[[3, 499, 200]]))
    np.testing.assert_array_equal(np.concatenate([block for _, block in vectors.blocks(64)]), signs(rows))


@pytest.mark.parametrize("storage", ["float32", BITS])
def test_candidates_are_the_nearest_by_hamming_distance_and_then_by_id(rows, queries, storage):
    index = BinaryIndex(kept(rows, storage), RANKS)
    for query in queries:
        [code] = np.pad(as_stored(query[None], BITS), ((0, 0), (0, 7))).view(np.uint64)
        far = (signs(rows) != signs(query)).sum(axis=1)
        wanted = sorted(range(N), key=lambda place: (far[place], RANKS[place]))[:30]
        assert sorted(index.nearest(code, 30).tolist()) == sorted(wanted)


@pytest.mark.parametrize("storage", ["float32", BITS])
def test_candidates_are_ordered_by_the_querys_own_inner_product(rows, queries, storage):
    """As BPR: of the float query with the codes; and with the vectors where these are kept."""
    index = BinaryIndex(kept(rows, storage), RANKS, candidates=50)
    whole = signs(rows) if storage == BITS else rows.astype(np.float64)
    for query, (positions, scores) in zip(queries, index.search(queries, 10), strict=True):
        far = (signs(rows) != signs(query)).sum(axis=1)
        near = sorted(range(N), key=lambda place: (far[place], RANKS[place]))[:50]
        products = {place: float(whole[place] @ query) for place in near}
        assert positions.tolist() == sorted(near, key=lambda p: (-np.float32(products[p]), RANKS[p]))[:10]
        np.testing.assert_allclose(scores, [products[place] for place in positions], rtol=1e-5)


def test_with_all_rows_as_candidates_it_is_exact_search(rows, queries):
    vectors = kept(rows, "float32")
    found, wanted = BinaryIndex(vectors, RANKS, candidates=N).search(queries, 40), FlatIndex(vectors, RANKS)
    for (positions, scores), (other, exact) in zip(found, wanted.search(queries, 40), strict=True):
        assert positions.tolist() == other.tolist()
        assert scores.tolist() == exact.tolist()


def test_distances_are_those_of_faiss(rows, queries):
    faiss = pytest.importorskip("faiss")
    codes, asked = (np.pad(as_stored(x, BITS), ((0, 0), (0, 7))) for x in (rows, queries))
    index = faiss.IndexBinaryFlat(codes.shape[1] * 8)
    index.add(codes)
    found, _ = index.search(asked, N)
    for code, wanted in zip(asked.view(np.uint64), found, strict=True):
        assert sorted(distances(codes.view(np.uint64), code).tolist()) == wanted.tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_few_rows_are_legal(rows, queries, n):
    index = BinaryIndex(kept(rows[:n], BITS), RANKS[:n])
    assert [len(positions) for positions, _ in index.search(queries, 5)] == [n] * len(queries)


@pytest.mark.parametrize("candidates", [0, -1])
def test_no_candidates_are_refused(rows, candidates):
    with pytest.raises(BadInput):
        BinaryIndex(kept(rows, BITS), RANKS, candidates=candidates)
