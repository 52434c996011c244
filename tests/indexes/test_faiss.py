"""FAISS indexes: how much of the exact result they find, and that what they find is scored exactly."""

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.indexes.faiss import KINDS, FaissIndex
from rankify.indexes.flat import FlatIndex
from rankify.indexes.vectors import Vectors

pytest.importorskip("faiss")
RANKS = np.arange(2000, dtype=np.int32)


def unit(n, seed):
    rows = np.random.default_rng(seed).standard_normal((n, 32)).astype(np.float32)
    rows += 2 * np.random.default_rng(0).standard_normal((20, 32)).astype(np.float32)[np.arange(n) % 20]  # clusters
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors():
    return Vectors(np.array_split(unit(2000, 1), 3), 32)


@pytest.fixture(scope="module")
def exact(vectors):
    return FlatIndex(vectors, RANKS).search(unit(50, 2), 10)


def recall(found, exact):
    return np.mean([len({*a.tolist()} & {*b.tolist()}) / len(b) for (a, _), (b, _) in zip(found, exact, strict=True)])


@pytest.mark.parametrize(
    ("kind", "options", "least"),
    [
        ("faiss-flat", {}, 1.0),
        ("hnsw", {}, 0.98),
        ("hnsw", {"m": 8, "ef_construction": 40, "ef_search": 16}, 0.7),
        ("ivfpq", {}, 0.8),
        ("ivfpq", {"nlist": 20, "nprobe": 20, "refine": 20, "m": 16}, 0.98),
    ],
)
def test_recall(vectors, exact, kind, options, least):
    found = FaissIndex(vectors, RANKS, kind=kind, **options).search(unit(50, 2), 10)
    assert recall(found, exact) >= least


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_found_has_its_exact_score_and_place(vectors, exact, kind):
    found = FaissIndex(vectors, RANKS, kind=kind).search(unit(50, 2), 10)
    for (positions, scores), (best, their) in zip(found, exact, strict=True):
        known = dict(zip(best.tolist(), their.tolist(), strict=True))
        both = [(p, s) for p, s in zip(positions.tolist(), scores.tolist(), strict=True) if p in known]
        assert both == [(p, known[p]) for p, _ in both]
        assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_small_collections_are_legal(kind, n, capfd):
    rows = Vectors([unit(n, 1)], 32)
    found = FaissIndex(rows, RANKS[:n], kind=kind, nprobe=1000, refine=1000).search(unit(3, 2), 1000)
    assert [len(set(positions.tolist())) for positions, _ in found] == [n, n, n]
    assert capfd.readouterr() == ("", "")


def test_a_search_for_more_than_ef_search_finds_as_many(vectors):
    found = FaissIndex(vectors, RANKS, kind="hnsw", ef_search=10).search(unit(5, 2), 500)
    assert [len(positions) for positions, _ in found] == [500] * 5


def test_lists_that_are_not_searched_mean_fewer_hits(vectors):
    found = FaissIndex(vectors, RANKS, kind="ivfpq", nlist=50, nprobe=1).search(unit(5, 2), 2000)
    for positions, _ in found:
        assert 0 < len(positions) < 2000
        assert positions.min() >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_no_queries_are_no_hits(vectors, kind):
    assert FaissIndex(vectors, RANKS, kind=kind).search(unit(0, 2), 5) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_keeps_the_index(vectors, kind, tmp_path, monkeypatch):
    before = FaissIndex(vectors, RANKS, kind=kind, folder=tmp_path).search(unit(5, 2), 10)
    monkeypatch.setattr(FaissIndex, "_built", lambda self: pytest.fail("built again"))
    after = FaissIndex(vectors, RANKS, kind=kind, folder=tmp_path).search(unit(5, 2), 10)
    assert [p.tolist() for p, _ in before] == [p.tolist() for p, _ in after]


def test_indexes_built_differently_lie_side_by_side(vectors, tmp_path):
    for kind, options in (("hnsw", {}), ("hnsw", {"m": 8}), ("ivfpq", {"nlist": 7})):
        FaissIndex(vectors, RANKS, kind=kind, folder=tmp_path, **options)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["hnsw-m32-ef200.faiss", "hnsw-m8-ef200.faiss", "ivfpq-m8-lists7.faiss"]


def test_a_damaged_file_is_named(vectors, tmp_path):
    (tmp_path / "faiss-flat.faiss").write_bytes(b"IxF")
    with pytest.raises(BadInput, match=r"cannot read .*faiss-flat\.faiss.*delete it") as caught:
        FaissIndex(vectors, RANKS, kind="faiss-flat", folder=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (lambda faiss: faiss.IndexFlatIP(16), "was built with dimension 16, and 32 is asked for now"),
        (lambda faiss: faiss.IndexFlatL2(32), 'was built with metric "L2", and "inner product" is asked for now'),
        (lambda faiss: faiss.IndexFlatIP(32), "was built with rows 0, and 2000 is asked for now"),
    ],
)
def test_a_file_of_other_vectors_is_refused_with_both_values(vectors, tmp_path, stored, message):
    faiss = pytest.importorskip("faiss")
    faiss.write_index(stored(faiss), str(tmp_path / "faiss-flat.faiss"))
    with pytest.raises(BadInput, match=rf"faiss-flat\.faiss {message}; delete it"):
        FaissIndex(vectors, RANKS, kind="faiss-flat", folder=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "ivfpq", "m": 5}, "m=5: it must divide the dimension 32"),
        ({"kind": "hnsw", "m": 0}, "m=0: it is a whole number"),
        ({"kind": "hnsw", "m": 1}, "m=1: it is a whole number from 2 up"),
        ({"kind": "hnsw", "ef_search": "many"}, "ef_search='many'"),
        ({"kind": "ivfpq", "nprobe": 1.5}, "nprobe=1.5"),
    ],
)
def test_a_number_that_does_not_suit_is_named(vectors, options, message):
    with pytest.raises(BadInput, match=message):
        FaissIndex(vectors, RANKS, **options)
