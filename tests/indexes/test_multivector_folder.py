"""Token vectors in a folder that follow their corpus, exact and compressed."""

import hashlib
import signal
import subprocess
import sys
import textwrap
from random import Random

import numpy as np
import pytest

from rankify.corpus import Corpus
from rankify.corpus_file import write_corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.indexes.manifest import Manifest
from rankify.indexes.multivector_codes import Codec
from rankify.indexes.multivector_compressed import inverted
from rankify.indexes.multivector_folder import TokenFolder
from rankify.indexes.shard_folder import UNFINISHED

CORPUS = Corpus(Document(str(i), "cat dog rank query"[: 3 + i % 16]) for i in range(20))
DIM = 5


def matrix(document):
    """Unit vectors that depend on the document alone, one for each of its letters."""
    seed = int.from_bytes(hashlib.sha256(f"{document.id} {document.text}".encode()).digest()[:4], "big")
    rows = np.random.default_rng(seed).standard_normal((max(1, len(document.text)), DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def vectors(corpus):
    return np.concatenate([np.empty((0, DIM), np.float32), *map(matrix, corpus)])


def lengths(corpus):
    return [max(1, len(document.text)) for document in corpus]


def folder(path, corpus, *, index="exact", size=4, storage="float16", seen=None, learnt=None):
    def encode(positions):
        documents = [corpus.document(position) for position in positions]
        if seen is not None:
            seen.append([document.id for document in documents])
        return vectors(documents), np.array(lengths(documents))

    def learn():
        if learnt is not None:
            learnt.append(len(corpus))
        return Codec.trained(vectors(corpus) if len(corpus) else np.eye(1, DIM, dtype=np.float32), centroids=8, bits=2)

    return TokenFolder(
        folder=path, corpus=corpus, said={"kind": "test", "index": index}, spec="test", size=size, encode=encode,
        storage=storage, learn=learn if index == "compressed" else None,
    )  # fmt: skip


def held(tokens, name):
    return np.concatenate([np.empty((0, *tokens.parts[name].shards[0].shape[1:])), *tokens.parts[name].shards])


def files(path):
    return sorted(p.name for p in path.iterdir())


def right(path, corpus, tokens, storage="float16"):
    """Whether what was opened is what the corpus's documents give, and the folder holds nothing else."""
    said = Manifest.read(path)
    names = [f"{name}-{number:05}.npy" for name in (*tokens.parts, "lengths") for number in said["files"]]
    if tokens.codec:
        names += [f"{name}-{said['codec']}.npy" for name in ("centroids", "cutoffs", "values")]
        names += [f"{name}-{said['lists']}.npy" for name in ("lists", "list-starts")]
    assert files(path) == sorted([*names, f"documents-{corpus.hash[:12]}.npy", "manifest.json"])
    assert tokens.lengths.tolist() == lengths(corpus)
    if not tokens.codec:
        return np.array_equal(held(tokens, "vectors"), vectors(corpus).astype(storage))
    cells, codes = tokens.codec.compressed(vectors(corpus))
    starts, lists = inverted([cells], [np.array(lengths(corpus))], len(tokens.codec.centroids))
    assert np.array_equal(tokens.lists[0], starts)
    assert np.array_equal(tokens.lists[1], lists)
    return np.array_equal(held(tokens, "cells"), cells) and np.array_equal(held(tokens, "codes"), codes)


@pytest.mark.parametrize("index", ["exact", "compressed"])
def test_what_is_there_is_opened(tmp_path, index):
    seen, learnt = [], []
    assert right(tmp_path, CORPUS, folder(tmp_path, CORPUS, index=index, seen=seen, learnt=learnt).opened())
    assert [len(some) for some in seen] == [4] * 5
    assert right(tmp_path, CORPUS, folder(tmp_path, CORPUS, index=index, seen=seen, learnt=learnt).opened())
    assert len(seen) == 5
    assert learnt == ([20] if index == "compressed" else [])


@pytest.mark.parametrize("index", ["exact", "compressed"])
@pytest.mark.parametrize(
    ("corpus", "encoded", "numbers"),
    [
        (CORPUS.updated([Document("n", "")]), [["n"]], [0, 1, 2, 3, 4, 5]),
        (CORPUS.updated(remove=["0"]), [], [5, 1, 2, 3, 4]),
        (CORPUS.updated(remove=["4", "5", "6", "7"]), [], [0, 2, 3, 4]),
        (CORPUS.updated([Document("9", "new"), Document("n", "")]), [["9"], ["n"]], [0, 1, 5, 3, 4, 6]),
        (Corpus([Document("n", "x"), *CORPUS]), [["n"]], [5, 0, 1, 2, 3, 4]),
        (Corpus([*CORPUS[8:], *CORPUS[:8]]), [], [2, 3, 4, 0, 1]),
        (Corpus(CORPUS[::-1]), [], [5, 6, 7, 8, 9]),
    ],
)
def test_only_new_documents_are_encoded_and_only_changed_shards_written(tmp_path, index, corpus, encoded, numbers):
    first = folder(tmp_path, CORPUS, index=index).opened()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*-0*.npy")}
    seen, learnt = [], []
    tokens = folder(tmp_path, corpus, index=index, seen=seen, learnt=learnt).opened()
    assert right(tmp_path, corpus, tokens)
    assert (seen, learnt) == (encoded, [])
    assert Manifest.read(tmp_path)["files"] == numbers
    for path in tmp_path.glob("*-0*.npy"):
        assert path.stat().st_mtime_ns == kept.get(path.name, path.stat().st_mtime_ns)
    if index == "compressed":
        assert np.array_equal(tokens.codec.centroids, first.codec.centroids)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("index", ["exact", "compressed"])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_after_any_changes_the_tokens_are_those_of_the_corpus(tmp_path, seed, index, storage):
    random, corpus = Random(seed), CORPUS
    folder(tmp_path, corpus, index=index, storage=storage).opened()
    for _ in range(6):
        new = [Document(str(n), "y" * random.randrange(9)) for n in random.sample(range(40), random.randrange(6))]
        documents = list(corpus.updated(new, remove=random.sample(corpus.ids, random.randrange(4))))
        if random.random() < 0.3:
            random.shuffle(documents)
        corpus, size = Corpus(documents), random.choice([1, 3, 4, 9])
        tokens = folder(tmp_path, corpus, index=index, size=size, storage=storage).opened()
        assert right(tmp_path, corpus, tokens, storage)


def test_a_codec_is_learnt_afresh_once_more_documents_have_come_than_it_was_learnt_of(tmp_path):
    corpus, learnt, seen = CORPUS, [], []
    folder(tmp_path, corpus, index="compressed", learnt=learnt).opened()
    for n in range(5):  # two change and three come each time: after four times as many have come as were there
        new = [Document("3", f"{n}"), Document("17", f"{n}"), *(Document(f"{n} {i}", "zebra") for i in range(3))]
        corpus = corpus.updated(new)
        seen.clear()
        tokens = folder(tmp_path, corpus, index="compressed", learnt=learnt, seen=seen).opened()
        assert right(tmp_path, corpus, tokens)
        assert learnt == ([20] if n < 4 else [20, 35])
        assert sum(map(len, seen)) == (5 if n < 4 else 35)
    assert {name: Manifest.read(tmp_path)[name] for name in ("codec", "learnt", "since", "change")} == {
        "codec": corpus.hash[:12], "learnt": 35, "since": 0,
        "change": {"kept": 30, "added": 3, "changed": 2, "removed": 0},
    }  # fmt: skip
    fresh = folder(tmp_path / "fresh", corpus, index="compressed").opened()
    for name in ("centroids", "cutoffs", "values"):
        assert np.array_equal(getattr(tokens.codec, name), getattr(fresh.codec, name))
    assert np.array_equal(held(tokens, "codes"), held(fresh, "codes"))


def test_what_is_removed_does_not_wear_a_codec_out(tmp_path):
    learnt = []
    folder(tmp_path, CORPUS, index="compressed", learnt=learnt).opened()
    less = Corpus(CORPUS[:10])
    assert right(tmp_path, less, folder(tmp_path, less, index="compressed", learnt=learnt).opened())
    assert learnt == [20]


@pytest.mark.parametrize("index", ["exact", "compressed"])
@pytest.mark.parametrize("n", [0, 1])
def test_few_documents_and_none(tmp_path, index, n):
    few = Corpus(CORPUS[:n])
    for path in (None, tmp_path, tmp_path):
        tokens = folder(path, few, index=index).opened()
        assert tokens.lengths.tolist() == lengths(few)
        assert all(len(rows) == sum(lengths(few)) for rows in tokens.parts.values())


@pytest.mark.parametrize("index", ["exact", "compressed"])
def test_an_index_of_no_documents_grows_and_one_may_lose_half(tmp_path, index):
    assert len(folder(tmp_path, Corpus([]), index=index).opened().lengths) == 0
    for corpus in (Corpus(CORPUS[:2]), CORPUS, Corpus(CORPUS[10:])):
        assert right(tmp_path, corpus, folder(tmp_path, corpus, index=index).opened())


@pytest.mark.parametrize("index", ["exact", "compressed"])
def test_what_is_open_stays_what_it_was(tmp_path, index):
    old = folder(tmp_path, CORPUS, index=index).opened()
    name = next(iter(old.parts))
    before = held(old, name).copy()
    folder(tmp_path, Corpus(CORPUS[::-1]), index=index).opened()
    assert np.array_equal(held(old, name), before)


@pytest.mark.parametrize("name", ["vectors", "lengths"])
def test_arrays_that_do_not_go_together_are_named(tmp_path, name):
    folder(tmp_path, CORPUS).opened()
    (tmp_path / f"{name}-00003.npy").write_bytes((tmp_path / f"{name}-00001.npy").read_bytes())
    with pytest.raises(BadInput, match=r"shard 3 .* has vectors float16.* and 4 lengths where 4 documents of"):
        folder(tmp_path, CORPUS).opened()


@pytest.mark.parametrize("name", ["centroids", "values", "lists"])
def test_a_codec_or_lists_that_are_missing_are_named(tmp_path, name):
    folder(tmp_path, CORPUS, index="compressed").opened()
    (tmp_path / f"{name}-{CORPUS.hash[:12]}.npy").unlink()
    with pytest.raises(BadInput, match=rf"{name}-.*delete"):
        folder(tmp_path, CORPUS, index="compressed").opened()


def test_vectors_of_another_type_are_named(tmp_path):
    folder(tmp_path, CORPUS).opened()
    path = tmp_path / "vectors-00001.npy"
    np.save(path, np.load(path).astype(np.int8))
    with pytest.raises(BadInput, match=r"shard 1 .* has vectors int8"):
        folder(tmp_path, CORPUS).opened()


@pytest.mark.parametrize("name", ["centroids", "cutoffs", "values", "list-starts", "lists"])
def test_a_codec_of_something_else_is_refused_before_it_restores_anything(tmp_path, name):
    folder(tmp_path, CORPUS, index="compressed").opened()
    path = tmp_path / f"{name}-{CORPUS.hash[:12]}.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(BadInput, match=r"the codec \w+ in .* is not that of its vectors"):
        folder(tmp_path, CORPUS, index="compressed").opened()


def test_cells_without_a_centroid_and_codes_of_another_width_are_refused(tmp_path):
    folder(tmp_path, CORPUS, index="compressed").opened()
    for name, change in (("cells", lambda a: a + np.uint8(8)), ("codes", lambda a: a[:, :-1])):
        path = tmp_path / f"{name}-00002.npy"
        kept = np.load(path)
        np.save(path, change(kept))
        with pytest.raises(BadInput, match="is not that of its vectors"):
            folder(tmp_path, CORPUS, index="compressed").opened()
        np.save(path, kept)


def test_a_manifest_that_names_other_files_than_it_has_shards_is_refused(tmp_path):
    folder(tmp_path, CORPUS).opened()
    Manifest.write(tmp_path, **{**Manifest.read(tmp_path), "files": [0]})
    with pytest.raises(BadInput, match="names 1 files of 5 shards"):
        folder(tmp_path, CORPUS).opened()


KILLED = """
import os, signal, sys
from pathlib import Path
from rankify.corpus_file import open_corpus
from rankify.indexes.manifest import Manifest
from rankify.indexes.multivector_arrays import Arrays
from rankify.indexes.multivector_folder import TokenFolder
from tests.indexes.test_multivector_folder import folder

where, path, place = sys.argv[1], sys.argv[2], Path(sys.argv[3])
kill = lambda *a, **o: os.kill(os.getpid(), signal.SIGKILL)
if where == "amid a shard":
    real, puts = Arrays.put, []
    def put(self, name, array, label):
        puts.append(name)
        if name == "lengths" and puts.count(name) == 2:
            kill()
        real(self, name, array, label)
    Arrays.put = put
elif where == "before the lists":
    TokenFolder.share = kill
elif where == "after the manifest":
    write = Manifest.write
    Manifest.write = lambda folder, *, file="manifest.json", **o: (
        write(folder, file=file, **o), file == "manifest.json" and kill())
folder(place, open_corpus(path), index="compressed").opened()
"""


@pytest.mark.parametrize("where", ["amid a shard", "before the lists", "after the manifest"])
@pytest.mark.parametrize("more", [5, 30])  # the codec stays, or is learnt afresh
def test_a_kill_leaves_the_old_or_the_new_index(tmp_path, where, more):
    after = CORPUS.updated([Document(f"n{i}", "z" * (i + 1)) for i in range(more)], remove=["7"])
    index, learnt, seen = tmp_path / "index", [], []
    folder(index, CORPUS, index="compressed").opened()
    write_corpus(after, tmp_path / "after.jsonl")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), where, str(tmp_path / "after.jsonl"), str(index)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    there = after if where == "after the manifest" else CORPUS
    tokens = folder(index, there, index="compressed", learnt=learnt, seen=seen).opened()
    assert (learnt, seen) == ([], [])
    assert tokens.lengths.tolist() == lengths(there)
    assert (index / UNFINISHED).is_file()
    tokens = folder(index, after, index="compressed", learnt=learnt, seen=seen).opened()
    if where != "after the manifest":
        assert right(index, after, tokens)
    assert learnt == []  # what was learnt before the kill is there
    assert len(seen) <= {"amid a shard": 13 if more == 30 else 2, "before the lists": 0, "after the manifest": 0}[where]


def test_after_a_kill_another_corpus_may_come(tmp_path):
    index, after = tmp_path / "index", CORPUS.updated([Document(f"n{i}", "z" * (i + 1)) for i in range(30)])
    folder(index, CORPUS, index="compressed").opened()
    write_corpus(after, tmp_path / "after.jsonl")
    command = [sys.executable, "-c", textwrap.dedent(KILLED), "amid a shard", str(tmp_path / "after.jsonl"), str(index)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    other = CORPUS.updated(remove=["2"])
    assert right(index, other, folder(index, other, index="compressed").opened())
