"""Documents as weighted terms: shards, files, and both ways round."""

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.indexes.term_weights import Shards, TermWeights, Vocabulary, forward, inverted, narrowest

DOCUMENTS = [{"b": 2.0, "a": 1.5}, {}, {"c": 3.0}, {"a": 0.25, "c": 1.0}, {"d": 7.0}]


def shard(documents, extra=("unused",)):
    names = [*extra, *dict.fromkeys(term for d in documents for term in d)]
    offsets = np.cumsum([0, *map(len, documents)])
    terms = np.array([names.index(t) for d in documents for t in d], np.int32)
    return TermWeights.of(names, offsets, terms, np.array([w for d in documents for w in d.values()], np.float32))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("stored", [False, True])
def test_shards_make_the_same_postings_and_rows_wherever_they_are_cut(size, stored, tmp_path):
    places = [shard(DOCUMENTS[i : i + size]) for i in range(0, 5, size)]
    if stored:
        for number, place in enumerate(places):
            place.save(tmp_path / f"{number}.npz")
        places = [tmp_path / f"{number}.npz" for number in range(len(places))]
    shards = Shards(places)
    vocabulary = Vocabulary.of(shards)
    offsets, documents, weights = inverted(shards, vocabulary)
    found = [{} for _ in DOCUMENTS]
    for term, number in vocabulary.numbers.items():
        span = slice(offsets[number], offsets[number + 1])
        assert (np.diff(documents[span]) > 0).all()
        assert vocabulary.counts[number] == len(documents[span])
        for d, w in zip(documents[span].tolist(), weights[span].tolist(), strict=True):
            found[d][term] = w
    assert found == DOCUMENTS
    names = {number: term for term, number in vocabulary.numbers.items()}
    offsets, terms, weights = forward(shards, vocabulary)
    rows = [slice(*offsets[d : d + 2]) for d in range(5)]
    assert [dict(zip(map(names.get, terms[r].tolist()), weights[r].tolist(), strict=True)) for r in rows] == DOCUMENTS


def test_terms_that_do_not_occur_are_left_out():
    assert shard(DOCUMENTS).vocabulary == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    ("weights", "type"),
    [([1, 255], np.uint8), ([1, 256], np.uint16), ([1, 65535], np.uint16), ([65536], np.float32), ([1.5], np.float32)],
)
def test_whole_weights_are_kept_in_few_bytes(weights, type):
    found = narrowest(np.array(weights, np.float32))
    assert found.dtype == type
    assert found.tolist() == weights


def test_names_of_any_kind_survive_a_file(tmp_path):
    names = ["\n", "\ud83d", "東京", "", "##s", "\x00"]
    document = {name: float(i + 1) for i, name in enumerate(names)}
    shard([document], extra=()).save(tmp_path / "s.npz")
    assert TermWeights.open(tmp_path / "s.npz").vocabulary == names


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip"])
def test_a_file_that_is_none_is_named(tmp_path, content):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"cannot read .*s\.npz"):
        TermWeights.open(tmp_path / "s.npz")


def test_a_changed_byte_is_noticed(tmp_path):
    shard(DOCUMENTS).save(tmp_path / "s.npz")
    content = bytearray((tmp_path / "s.npz").read_bytes())
    place = content.index(np.array([2.0, 1.5], np.float32).tobytes())
    content[place] ^= 1
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(BadInput, match="cannot read"):
        TermWeights.open(tmp_path / "s.npz")


def test_no_shards_make_no_postings():
    vocabulary = Vocabulary.of(Shards([]))
    assert [len(part) for part in inverted(Shards([]), vocabulary)] == [1, 0, 0]
    assert [len(part) for part in forward(Shards([]), vocabulary)] == [1, 0, 0]
