"""Vectors in a folder that follow their corpus."""

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
from rankify.indexes import shard_folder
from rankify.indexes.changes import Changes
from rankify.indexes.manifest import Manifest
from rankify.indexes.shard_folder import UNFINISHED, shards
from rankify.indexes.vector_folder import VectorFolder
from rankify.indexes.vectors import shard_path

CORPUS = Corpus(Document(str(i), "x" * i) for i in range(20))


def vector(document):
    return [len(document.text), hash(document.id) % 1000, 1]


def folder(path, corpus, *, size=4, storage="float32", seen=None, **said):
    def encode(positions):
        documents = [corpus.document(p) for p in positions]
        if seen is not None:
            seen.append([d.id for d in documents])
        return np.array([vector(d) for d in documents], np.float32)

    return VectorFolder(
        folder=path, corpus=corpus, said={"kind": "test", **said}, spec="test", encode=encode, dimension=3,
        storage=storage, size=size,
    )  # fmt: skip


def rows(vectors):
    return np.concatenate([*vectors.shards, np.empty((0, 3))]).tolist()


def files(path):
    return sorted(p.name for p in path.iterdir())


def exact(path, corpus, vectors):
    """Whether a folder and what was opened hold the vectors of the corpus, and the folder nothing else."""
    said = Manifest.read(path)
    names = [shard_path(path, number).name for number in said["files"]]
    assert files(path) == sorted([*names, f"documents-{corpus.hash[:12]}.npy", "manifest.json"])
    assert said["shards"] == [len(shard) for shard in vectors.shards]
    return rows(vectors) == [vector(d) for d in corpus]


def test_what_is_there_is_opened(tmp_path):
    seen = []
    assert exact(tmp_path, CORPUS, folder(tmp_path, CORPUS, seen=seen).vectors())
    assert [len(some) for some in seen] == [4] * 5
    assert rows(folder(tmp_path, CORPUS, seen=seen).vectors()) == [vector(d) for d in CORPUS]
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("corpus", "encoded", "numbers"),
    [
        (CORPUS.updated([Document("n", "")]), [["n"]], [0, 1, 2, 3, 4, 5]),
        (CORPUS.updated(remove=["0"]), [], [5, 1, 2, 3, 4]),
        (CORPUS.updated(remove=["4", "5", "6", "7"]), [], [0, 2, 3, 4]),
        (CORPUS.updated([Document("9", "new"), Document("n", "")]), [["9"], ["n"]], [0, 1, 5, 3, 4, 6]),
        (Corpus([Document("n", ""), *CORPUS]), [["n"]], [5, 0, 1, 2, 3, 4]),
        (Corpus([*CORPUS[8:], *CORPUS[:8]]), [], [2, 3, 4, 0, 1]),
        (Corpus(CORPUS[::-1]), [], [5, 6, 7, 8, 9]),
    ],
)
def test_only_new_documents_are_encoded_and_only_changed_shards_written(tmp_path, corpus, encoded, numbers):
    folder(tmp_path, CORPUS).vectors()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("vectors-*")}
    seen = []
    assert exact(tmp_path, corpus, folder(tmp_path, corpus, seen=seen).vectors())
    assert seen == encoded
    assert Manifest.read(tmp_path)["files"] == numbers
    for number in set(numbers) & set(range(5)):
        path = shard_path(tmp_path, number)
        assert path.stat().st_mtime_ns == kept[path.name]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_after_any_changes_the_vectors_are_those_of_the_corpus(tmp_path, seed, storage):
    random, corpus = Random(seed), CORPUS
    folder(tmp_path, corpus, storage=storage).vectors()
    for _ in range(6):
        new = [Document(str(n), "y" * random.randrange(9)) for n in random.sample(range(40), random.randrange(6))]
        documents = list(corpus.updated(new, remove=random.sample(corpus.ids, random.randrange(4))))
        if random.random() < 0.3:
            random.shuffle(documents)
        corpus = Corpus(documents)
        size = random.choice([1, 3, 4, 9])
        assert exact(tmp_path, corpus, folder(tmp_path, corpus, size=size, storage=storage).vectors())


def test_many_small_additions_leave_few_shards(tmp_path):
    corpus = CORPUS
    folder(tmp_path, corpus, size=8).vectors()
    for n in range(20):
        corpus = corpus.updated([Document(f"n{n}", "")])
        folder(tmp_path, corpus, size=8).vectors()
    assert all(size >= 4 for size in Manifest.read(tmp_path)["shards"][:-1])


def test_what_is_open_stays_what_it_was(tmp_path):
    old = folder(tmp_path, CORPUS).vectors()
    folder(tmp_path, Corpus(CORPUS[::-1])).vectors()
    assert rows(old) == [vector(d) for d in CORPUS]


def test_an_index_over_the_vectors_as_they_were_goes(tmp_path):
    folder(tmp_path, CORPUS).vectors()
    (tmp_path / "hnsw.faiss").write_text("graph")
    folder(tmp_path, CORPUS).vectors()
    assert (tmp_path / "hnsw.faiss").is_file()
    folder(tmp_path, CORPUS.updated(remove=["3"])).vectors()
    assert not (tmp_path / "hnsw.faiss").exists()


def test_vectors_of_another_corpus_or_encoder_are_refused_and_left(tmp_path):
    folder(tmp_path, CORPUS, encoder="a").vectors()
    before = files(tmp_path)
    with pytest.raises(BadInput, match=r"is of another corpus .* 9 of them in this one"):
        folder(tmp_path, Corpus(CORPUS[:9]), encoder="a").vectors()
    with pytest.raises(BadInput, match='encoder "a", and "b" is asked for'):
        folder(tmp_path, CORPUS.updated(remove=["1"]), encoder="b").vectors()
    assert files(tmp_path) == before


def test_a_folder_from_before_fingerprints_opens_and_cannot_be_changed(tmp_path):
    folder(tmp_path, CORPUS).vectors()
    said = {name: value for name, value in Manifest.read(tmp_path).items() if name not in ("fingerprints", "files")}
    Manifest.write(tmp_path, **said)
    assert rows(folder(tmp_path, CORPUS).vectors()) == [vector(d) for d in CORPUS]
    with pytest.raises(BadInput, match="so the index cannot be changed"):
        folder(tmp_path, CORPUS.updated(remove=["1"])).vectors()


def test_a_change_that_another_process_was_faster_with_is_opened_not_made_again(tmp_path, monkeypatch):
    more, real = CORPUS.updated([Document("n", "")], remove=["3"]), shard_folder.changes
    folder(tmp_path, CORPUS).vectors()

    def slower(*arguments):
        monkeypatch.setattr(shard_folder, "changes", real)
        folder(tmp_path, more).vectors()
        return real(*arguments)

    monkeypatch.setattr(shard_folder, "changes", slower)
    seen = []
    assert exact(tmp_path, more, folder(tmp_path, more, seen=seen).vectors())
    assert seen == []


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from rankify.corpus_file import open_corpus
from rankify.indexes import shard_folder
from rankify.indexes.manifest import Manifest
from rankify.indexes.shard_folder import UNFINISHED, shards
from rankify.indexes.vector_folder import VectorFolder

where, path, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
corpus, asked = open_corpus(path), []
kill = lambda *a, **o: os.kill(os.getpid(), signal.SIGKILL)
if where == "before the manifest":
    shard_folder.save_fingerprints = kill
elif where == "after the manifest":
    write = Manifest.write
    Manifest.write = lambda folder, *, file="manifest.json", **o: (
        write(folder, file=file, **o), file == "manifest.json" and kill())

def encode(positions):
    asked.append(positions)
    if where == "amid the shards" and len(asked) == 3:
        kill()
    return np.array([[len(corpus.document(p).text), 0, 1] for p in positions], np.float32)

VectorFolder(folder=folder, corpus=corpus, said={"kind": "test"}, spec="test", encode=encode, dimension=3,
             storage="float32", size=4).vectors()
"""


@pytest.mark.parametrize("where", ["amid the shards", "before the manifest", "after the manifest"])
@pytest.mark.parametrize("then", ["again", "another"])
def test_a_kill_leaves_the_old_or_the_new_vectors_and_costs_a_shard(tmp_path, where, then, monkeypatch):
    monkeypatch.setitem(globals(), "vector", lambda document: [len(document.text), 0, 1])
    more = CORPUS.updated([Document(f"n{i}", "z" * i) for i in range(16)], remove=["7"])
    index, code = tmp_path / "index", textwrap.dedent(KILLED)
    folder(index, CORPUS).vectors()
    write_corpus(more, tmp_path / "more.jsonl")
    command = [sys.executable, "-c", code, where, str(tmp_path / "more.jsonl"), str(index)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    there = more if where == "after the manifest" else CORPUS
    seen = []
    assert rows(folder(index, there, seen=seen).vectors()) == [vector(d) for d in there]
    assert seen == []
    assert (index / UNFINISHED).is_file()
    after = more if then == "again" else CORPUS.updated(remove=["2"])
    found = folder(index, after, seen=seen).vectors()
    assert rows(found) == [vector(d) for d in after]
    if then == "again":
        assert len(seen) == {"amid the shards": 2, "before the manifest": 0, "after the manifest": 0}[where]
    if then == "another" or where != "after the manifest":
        assert exact(index, after, found)


def test_shards_cover_the_corpus_once():
    random = Random(3)
    for _ in range(200):
        before, n = random.randrange(12), random.randrange(12)
        known = [*range(before), *[-1] * n]
        placed = random.sample(known, n) if random.random() < 0.5 else sorted(known)[-n:] if n else []
        sizes = [s for s in (before // 3, before - before // 3) if s]
        found = shards(Changes(np.array(placed, np.int64), before), sizes, [4, 9][: len(sizes)], 3)
        assert [p for s in found for p in range(s.start, s.stop)] == list(range(n))
        assert len({s.number for s in found}) == len(found)
        assert all(s.stop - s.start <= 3 for s in found if not s.kept)
