"""FAISS indexes: how much of the exact result they find, and that what they find is scored exactly."""

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.indexes.faiss import KINDS, FaissIndex
from rankify.indexes.faiss_file import Nodes, load_index, save_index
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


def known(numbers):
    """What documents of these numbers are known by."""
    return np.array([[n % 7, n] for n in numbers], np.uint64).reshape(-1, 2)


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
    assert names == ["hnsw-m32-ef200.ann", "hnsw-m8-ef200.ann", "ivfpq-m8-lists7.ann"]


@pytest.mark.parametrize("kept", [0, 3, 50, 2000, 40_000, -1])
def test_a_damaged_file_is_named(vectors, tmp_path, kept):
    FaissIndex(vectors, RANKS, kind="faiss-flat", folder=tmp_path)
    path = tmp_path / "faiss-flat.ann"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadInput, match=r"cannot read .*faiss-flat\.ann.*delete the file") as caught:
        FaissIndex(vectors, RANKS, kind="faiss-flat", folder=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_file_whose_nodes_are_not_those_of_its_index_is_named(vectors, tmp_path):
    faiss = pytest.importorskip("faiss")
    save_index(tmp_path / "faiss-flat.ann", faiss.IndexFlatIP(32), Nodes(known(range(5)), 5))
    with pytest.raises(BadInput, match="it is of 5 nodes and holds 0"):
        FaissIndex(vectors, RANKS, kind="faiss-flat", folder=tmp_path)


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
    save_index(tmp_path / "faiss-flat.ann", stored(faiss), Nodes(known([]), 0))
    with pytest.raises(BadInput, match=rf"faiss-flat\.ann {message}; delete the file"):
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


# what is kept follows vectors that have changed


def of(numbers):
    """The vectors of documents of these numbers."""
    return Vectors([unit(3000, 1)[list(numbers)]], 32)


def opened(numbers, kind, folder, **options):
    ranks = np.arange(len(numbers), dtype=np.int32)
    return FaissIndex(of(numbers), ranks, kind=kind, folder=folder, known=known(numbers), **options)


BEFORE = list(range(1500))
CHANGES = {
    "added": list(range(1700)),
    "removed": BEFORE[100:],
    "both": [*range(50, 700), *range(1600, 1700), *range(710, 1500)],
    "in another order": BEFORE[::-1],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_a_kept_index_follows_its_vectors_and_is_not_built_again(kind, change, tmp_path, monkeypatch):
    after = CHANGES[change]
    opened(BEFORE, kind, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(FaissIndex, "_built", lambda self: pytest.fail("built again"))
        made = opened(after, kind, tmp_path)
        again = opened(after, kind, tmp_path)
    best = FlatIndex(of(after), np.arange(len(after), dtype=np.int32)).search(unit(50, 2), 10)
    fresh = FaissIndex(of(after), np.arange(len(after), dtype=np.int32), kind=kind)
    for index in (made, again):
        found = index.search(unit(50, 2), 10)
        assert recall(found, best) >= recall(fresh.search(unit(50, 2), 10), best) - 0.03
        for query, (positions, scores) in zip(unit(50, 2), found, strict=True):
            assert len(set(positions.tolist())) == 10
            np.testing.assert_allclose(scores, of(after).take(positions) @ query, rtol=1e-5)


@pytest.mark.parametrize("kind", ["faiss-flat", "hnsw"])
def test_of_an_index_that_lost_documents_all_others_are_found(kind, tmp_path):
    opened(BEFORE, kind, tmp_path)
    after = BEFORE[::-1][:1200]
    [(positions, _)] = opened(after, kind, tmp_path).search(unit(1, 2), 5000)
    assert sorted(positions.tolist()) == list(range(1200))


def test_a_document_that_comes_back_has_its_node_again(tmp_path):
    for numbers in (BEFORE, BEFORE[100:], BEFORE):
        opened(numbers, "hnsw", tmp_path)
    assert len(load_index(tmp_path / "hnsw-m32-ef200.ann")[1]) == len(BEFORE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [BEFORE[500:], list(range(2100)), list(range(2000, 2600)), []])
def test_an_index_of_which_more_than_a_quarter_has_changed_is_built_again(kind, after, tmp_path, monkeypatch):
    opened(BEFORE, kind, tmp_path)
    built, times = FaissIndex._built, []
    monkeypatch.setattr(FaissIndex, "_built", lambda self: times.append(1) or built(self))
    index = opened(after, kind, tmp_path)
    assert times == [1]
    assert index.index.ntotal == len(after)


def test_many_small_changes_add_up(tmp_path):
    for start in range(0, 1500, 100):
        index = opened(list(range(start, start + 800)), "hnsw", tmp_path)
        assert index.index.ntotal <= 800 * 5 // 4


def test_many_small_additions_add_up(tmp_path):
    for size in range(800, 2400, 100):
        opened(list(range(size)), "hnsw", tmp_path)
        [path] = tmp_path.iterdir()
        assert load_index(path)[1].built * 4 >= size * 3


def test_ties_at_the_last_place_are_decided_by_id_in_faiss_own_exact_search():
    rows = np.repeat(unit(2, 1), 100, axis=0)
    ranks = np.random.default_rng(3).permutation(200).astype(np.int32)
    for k in (1, 5, 100, 150):
        found, wanted = (
            index.search(unit(3, 2), k)
            for index in (
                FaissIndex(Vectors([rows], 32), ranks, kind="faiss-flat"),
                FlatIndex(Vectors([rows], 32), ranks),
            )
        )
        assert [p.tolist() for p, _ in found] == [p.tolist() for p, _ in wanted]


def test_two_processes_that_follow_different_vectors_never_take_each_others(tmp_path):
    for numbers in (BEFORE, BEFORE[100:], [*BEFORE[:-1], 2999], BEFORE):
        found = opened(numbers, "faiss-flat", tmp_path).search(unit(5, 2), 10)
        ranks = np.arange(len(numbers), dtype=np.int32)
        wanted = FlatIndex(of(numbers), ranks).search(unit(5, 2), 10)
        assert [p.tolist() for p, _ in found] == [p.tolist() for p, _ in wanted]
