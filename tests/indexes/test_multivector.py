"""Late interaction over token vectors: exactly, and compressed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify.errors import BadInput, Misuse
from rankify.indexes import multivector, multivector_compressed
from rankify.indexes.multivector import MultiVectorIndex, MultiVectors, Rows, maxsim, maxsim_together
from rankify.indexes.multivector_arrays import Arrays
from rankify.indexes.multivector_codes import BITS, Codec, centroids_for, clustered, nearest
from rankify.indexes.multivector_compressed import CompressedIndex, inverted

DIM = 12


def unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def collection(n, *, seed=0, longest=9, topics=20):
    """n documents' vectors around a few directions, and their lengths."""
    random = np.random.default_rng(seed)
    lengths = random.integers(1, longest + 1, n)
    around = random.standard_normal((topics, DIM))[random.integers(0, topics, lengths.sum())]
    return unit(around + 0.4 * random.standard_normal((lengths.sum(), DIM))), lengths


def split(vectors, lengths):
    return np.split(vectors, np.cumsum(lengths)[:-1])


def by_the_definition(query, documents, k):
    """(score, position) of the k best, a pair at a time."""
    scores = [sum(max(float(q @ d) for d in document) for q in query) for document in documents]
    return sorted(zip((-s for s in scores), range(len(scores)), strict=True))[:k]


def exact(vectors, lengths, ranks=None, shards=1):
    cut = np.cumsum(lengths)[len(lengths) // 2 - 1] if shards == 2 else len(vectors)
    ranks = np.arange(len(lengths), dtype=np.int32) if ranks is None else ranks
    return MultiVectorIndex(MultiVectors(Rows([vectors[:cut], vectors[cut:]][:shards]), lengths), ranks)


def compressed(vectors, lengths, *, bits=4, centroids=32, ranks=None, **options):
    codec = Codec.trained(vectors, centroids=centroids, bits=bits)
    cells, codes = codec.compressed(vectors)
    ranks = np.arange(len(lengths), dtype=np.int32) if ranks is None else ranks
    lists = inverted([cells], [lengths], len(codec.centroids))
    return CompressedIndex(codec, cells, Rows([codes]), lengths, lists, ranks, **options)


@pytest.mark.parametrize("k", [1, 7, 60, 61])
@pytest.mark.parametrize("shards", [1, 2])
@pytest.mark.parametrize("rows", [1, 10, 8192])
def test_exact_search_finds_what_the_definition_says(k, shards, rows, monkeypatch):
    monkeypatch.setattr(multivector, "ROWS", rows)
    vectors, lengths = collection(60)
    queries = split(*collection(5, seed=1))
    for query, (positions, scores) in zip(
        queries, exact(vectors, lengths, shards=shards).search(queries, k), strict=True
    ):
        wanted = by_the_definition(query, split(vectors, lengths), k)
        assert positions.tolist() == [position for _, position in wanted]
        np.testing.assert_allclose(scores, [-score for score, _ in wanted], atol=1e-5)


def test_queries_together_find_what_each_finds_alone(monkeypatch):
    monkeypatch.setattr(multivector, "QUERY_TOKENS", 11)
    vectors, lengths = collection(40)
    queries = split(*collection(9, seed=2))
    index = exact(vectors, lengths)
    for (positions, scores), query in zip(index.search(queries, 5), queries, strict=True):
        [(alone, same)] = index.search([query], 5)
        assert positions.tolist() == alone.tolist()
        assert scores.tolist() == same.tolist()


def test_long_queries_of_few_dimensions_leave_room_for_the_rounding_of_their_sums(monkeypatch):
    """The product's sums are made to be off by as much as rounding can make them."""
    tokens = 400
    query = np.tile(unit(np.array([[1.0, 0.0]])), (tokens, 1))
    near = unit(np.array([[1.0, 8e-3], [1.0, 0.0]]))  # documents of a token each: the second is better by a hair
    index = exact(near, np.array([1, 1]))
    real = index._scores
    off = tokens * tokens * 2.0**-24

    def rounded(queries):
        return real(queries) + np.array([[off, -off]], np.float32)

    monkeypatch.setattr(index, "_scores", rounded)
    [(positions, _)] = index.search([query], 1)
    assert positions.tolist() == [1]


@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=8), tokens=st.lists(st.integers(1, 5), min_size=1))
def test_one_product_gives_what_each_pair_gives(lengths, tokens):
    random = np.random.default_rng(0)
    rows, asked = (unit(random.standard_normal((sum(sizes), DIM))) for sizes in (lengths, tokens))
    queries, documents = split(asked, tokens), split(rows, lengths)
    found = maxsim_together(queries, rows, np.cumsum([0, *lengths])[:-1])
    np.testing.assert_allclose(found, [[maxsim(q, d) for d in documents] for q in queries], atol=1e-5)


@pytest.mark.parametrize("search", ["exact", "compressed"])
def test_equal_documents_are_ordered_by_id(search):
    vectors, lengths = collection(30)
    matrices = split(vectors, lengths)
    repeated = [matrices[i % 10] for i in range(30)]  # each document three times, at places of any alignment
    ranks = np.random.default_rng(3).permutation(30).astype(np.int32)
    together = np.concatenate(repeated), np.array(list(map(len, repeated)))
    index = {"exact": exact, "compressed": compressed}[search](*together, ranks=ranks)
    for positions, scores in index.search(split(*collection(4, seed=4)), 12):
        for one, other, s, t in zip(positions, positions[1:], scores, scores[1:], strict=False):
            assert (-s, ranks[one]) < (-t, ranks[other])
        assert len(set(scores.tolist())) == 4


def test_a_score_depends_on_no_other_document():
    vectors, lengths = collection(50)
    [query] = split(*collection(1, seed=5))
    [(positions, scores)] = exact(vectors, lengths).search([query], 50)
    for position, score in zip(positions, scores, strict=True):
        matrix = split(vectors, lengths)[position]
        [(_, [alone])] = exact(matrix, np.array([len(matrix)])).search([query], 1)
        assert alone == score


@pytest.mark.parametrize("search", [exact, compressed])
def test_few_documents_and_no_queries(search):
    vectors, lengths = collection(1)
    index = search(vectors, lengths)
    assert index.search([], 3) == []
    [(positions, _)] = index.search(split(*collection(1, seed=1)), 3)
    assert positions.tolist() == [0]


def test_rows_of_several_arrays_are_one_run_of_rows():
    rows = Rows([np.arange(4), np.arange(0), np.arange(4, 6), np.arange(6, 9)])
    for start in range(9):
        for stop in range(start, 10):
            assert rows.between(start, stop).tolist() == list(range(start, stop))


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dimension", [5, 8, 12])
def test_what_is_compressed_comes_back_nearer_than_its_centroid(bits, dimension):
    vectors = unit(np.random.default_rng(0).standard_normal((500, dimension)))
    codec = Codec.trained(vectors, centroids=16, bits=bits)
    cells, codes = codec.compressed(vectors)
    assert codes.shape == (500, -(-dimension * bits // 8))
    assert (cells.dtype, codes.dtype) == (np.uint8, np.uint8)
    found = codec.restored(cells, codes)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    near = (found * vectors).sum(axis=1).mean()
    assert near > (codec.centroids[cells] * vectors).sum(axis=1).mean() + 0.02
    assert near > {1: 0.75, 2: 0.9, 4: 0.99}[bits]


@pytest.mark.parametrize("bits", BITS)
def test_a_vector_is_its_centroid_and_the_middle_of_its_buckets(bits):
    vectors = unit(np.random.default_rng(1).standard_normal((300, 7)))
    codec = Codec.trained(vectors, centroids=8, bits=bits)
    cells, codes = codec.compressed(vectors)
    for vector, cell, found in zip(vectors, cells, codec.restored(cells, codes), strict=True):
        assert cell == np.argmax(codec.centroids @ vector)
        residual = vector - codec.centroids[cell]
        buckets = [int((residual[d] > codec.cutoffs[:, d]).sum()) for d in range(7)]
        wanted = codec.centroids[cell] + [codec.values[bucket, d] for d, bucket in enumerate(buckets)]
        np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted), atol=1e-5)


def test_buckets_hold_equally_many_residuals():
    vectors = unit(np.random.default_rng(0).standard_normal((800, 6)))
    codec = Codec.trained(vectors, centroids=8, bits=2)
    residuals = vectors - codec.centroids[nearest(vectors, codec.centroids)]
    for dimension in range(6):
        counts = np.bincount(np.digitize(residuals[:, dimension], codec.cutoffs[:, dimension]), minlength=4)
        assert counts.min() >= 195


@pytest.mark.parametrize("bits", [0, 3, 8, True])
def test_another_number_of_bits_is_refused(bits):
    with pytest.raises(Misuse, match=r"1, 2, 4 bits"):
        Codec.trained(np.eye(4, dtype=np.float32), centroids=2, bits=bits)


def test_centroids_lie_where_the_vectors_are():
    random = np.random.default_rng(0)
    middles = np.linalg.qr(random.standard_normal((DIM, 6)))[0].T
    vectors = unit(np.repeat(middles, 50, axis=0) + 0.05 * random.standard_normal((300, DIM)))
    found = clustered(vectors[random.permutation(300)], 20)
    assert (found @ middles.T).max(axis=0).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(clustered(vectors, 4), clustered(vectors, 4))


def test_more_centroids_than_vectors_are_as_many_as_vectors():
    vectors = unit(np.random.default_rng(0).standard_normal((3, DIM)))
    codec = Codec.trained(vectors, centroids=64, bits=2)
    assert len(codec.centroids) == 3
    np.testing.assert_allclose(codec.restored(*codec.compressed(vectors)), vectors, atol=1e-5)


@pytest.mark.parametrize(("tokens", "centroids"), [(0, 4), (1, 4), (100, 32), (1_200_000, 4096), (600_000_000, 65536)])
def test_centroids_grow_with_the_root_of_the_tokens(tokens, centroids):
    assert centroids_for(tokens) == centroids


def test_lists_hold_each_document_of_a_centroid_once():
    random = np.random.default_rng(0)
    lengths = [random.integers(1, 7, n) for n in (5, 0, 9)]
    cells = [random.integers(0, 6, sizes.sum()).astype(np.uint8) for sizes in lengths]
    starts, lists = inverted(cells, lengths, 8)
    owners = np.repeat(np.arange(14), np.concatenate(lengths))
    for cell in range(8):
        wanted = sorted(set(owners[np.concatenate(cells) == cell].tolist()))
        assert lists[starts[cell] : starts[cell + 1]].tolist() == wanted


def test_compressed_search_finds_most_of_what_exact_search_does():
    vectors, lengths = collection(400, topics=40)
    queries = split(*collection(10, seed=6))
    found = compressed(vectors, lengths, bits=2, centroids=64).search(queries, 20)
    wanted = exact(vectors, lengths).search(queries, 20)
    shared = [len({*one.tolist()} & {*other.tolist()}) for (one, _), (other, _) in zip(found, wanted, strict=True)]
    assert np.mean(shared) > 15


def test_compressed_scores_are_those_of_restored_vectors():
    vectors, lengths = collection(50)
    index = compressed(vectors, lengths, bits=2)
    restored = split(index.codec.restored(index.cells, index.codes.between(0, len(vectors))), lengths)
    queries = split(*collection(3, seed=7))
    for query, (positions, scores) in zip(queries, index.search(queries, 10), strict=True):
        np.testing.assert_allclose(scores, [maxsim(query, restored[p]) for p in positions], atol=1e-6)


def test_documents_of_no_near_centroid_come_when_there_are_too_few():
    vectors, lengths = collection(40)
    [(positions, _)] = compressed(vectors, lengths, nprobe=1).search(split(*collection(1, seed=8)), 40)
    assert sorted(positions.tolist()) == list(range(40))


@pytest.mark.parametrize(("refine", "least", "restored"), [(1, 10, 10), (3, 10, 30), (3, 40, 40)])
def test_only_the_best_by_their_centroids_are_restored(monkeypatch, refine, least, restored):
    monkeypatch.setattr(multivector_compressed, "LEAST", least)
    vectors, lengths = collection(200)
    index = compressed(vectors, lengths, nprobe=32, refine=refine)
    [query] = split(*collection(1, seed=9))
    similarities = index.codec.centroids @ query.T
    rough = [similarities[cells].max(axis=0).sum() for cells in split(index.cells, lengths)]
    asked, ones = [], np.ones((restored, 1, DIM))
    monkeypatch.setattr(index, "_matrices", lambda positions: asked.append(positions) or iter(ones))
    index.search([query], 10)
    assert sorted(asked[0].tolist()) == sorted(np.argsort(rough)[::-1][:restored].tolist())


@pytest.mark.parametrize("options", [{"nprobe": 0}, {"refine": True}, {"nprobe": 2.5}])
def test_a_search_by_a_wrong_number_is_refused(options):
    with pytest.raises(Misuse, match="index=compressed with"):
        compressed(*collection(5), **options)


def test_arrays_are_kept_in_memory_or_in_files(tmp_path):
    for arrays in (Arrays(), Arrays(tmp_path)):
        assert not arrays.there("codes", 1)
        arrays.put("codes", np.arange(6).reshape(2, 3), 1)
        assert arrays.there("codes", 1)
        assert arrays.get("codes", 1).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert [path.name for path in tmp_path.iterdir()] == ["codes-00001.npy"]
    (tmp_path / "codes-00001.npy").write_bytes(b"x")
    with pytest.raises(BadInput, match=r"codes-00001\.npy.*delete"):
        Arrays(tmp_path).get("codes", 1)
