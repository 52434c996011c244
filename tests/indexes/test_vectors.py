"""Vectors in shards, in memory and on disk."""

import numpy as np
import pytest

from rankify.errors import BadInput, UnknownName
from rankify.indexes.vectors import Vectors, open_shards, save_shard, shard_path, storage_of

ROWS = np.arange(30, dtype=np.float32).reshape(10, 3)


@pytest.fixture
def stored(tmp_path):
    for number, part in enumerate((ROWS[:4], ROWS[4:8], ROWS[8:])):
        save_shard(tmp_path, number, part, "float32")
    return tmp_path


def test_shards_are_one_sequence(stored):
    found = open_shards(stored, [4, 4, 2], 3, "float32")
    assert len(found) == 10
    assert found.take(np.array([9, 0, 4, 4])).tolist() == ROWS[[9, 0, 4, 4]].tolist()
    assert [(start, len(rows)) for start, rows in found.blocks(3)] == [(0, 3), (3, 1), (4, 3), (7, 1), (8, 2)]
    np.testing.assert_array_equal(np.concatenate([rows for _, rows in found.blocks(3)]), ROWS)


def test_shards_are_mapped_not_read(stored):
    assert all(isinstance(shard, np.memmap) for shard in open_shards(stored, [4, 4, 2], 3, "float32").shards)


def test_half_the_space_is_half_the_precision(tmp_path):
    save_shard(tmp_path, 0, ROWS + 0.0001, "float16")
    assert open_shards(tmp_path, [10], 3, "float16").take(np.array([1])).tolist() == [[3, 4, 5]]


def test_what_does_not_fit_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(BadInput, match="use storage=float32"):
        save_shard(tmp_path, 0, ROWS * 1e6, "float16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: path.write_bytes(b""), "cannot read"),
        (lambda path: path.write_bytes(path.read_bytes()[:140]), "cannot read"),
        (lambda path: np.save(path, ROWS[:3]), r"holds float32\(3, 3\), not float32\(4, 3\)"),
        (lambda path: np.save(path, ROWS[:4].astype(object)), "cannot read"),
    ],
)
def test_a_damaged_shard_is_named(stored, harm, message):
    harm(shard_path(stored, 1))
    with pytest.raises(BadInput, match=message) as caught:
        open_shards(stored, [4, 4, 2], 3, "float32")
    assert "vectors-00001.npy" in str(caught.value)


def test_no_shards_are_no_vectors():
    assert len(Vectors([], 3)) == 0
    assert list(Vectors([], 3).blocks(5)) == []


def test_an_unknown_storage_names_near_ones():
    with pytest.raises(UnknownName, match="did you mean 'float16'"):
        storage_of("float61")
