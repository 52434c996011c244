"""An index of BM25 that follows its corpus: always what a fresh one would be, whatever happens on the way."""

import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.indexes.changes import FINGERPRINTS
from rankify.indexes.manifest import Manifest
from rankify.retrieve.bm25 import BM25
from rankify.types import Query

WORDS = [f"w{i}" for i in range(30)]
QUERIES = [Query(f"q{i}", f"w{i} w{i + 1} w{i + 1} w{2 * i}") for i in range(15)]
CORPUS = Corpus(Document(f"d{i}", " ".join(WORDS[i % 7 :: 1 + i % 5]), WORDS[i % 30]) for i in range(40))


def postings_of(bm25):
    """{term: [(document, count), ...]}, and the lengths of the documents."""
    found, ends = bm25.postings, bm25.postings.offsets
    pairs = list(zip(found.documents.tolist(), found.frequencies.tolist(), strict=True))
    return {term: pairs[ends[n] : ends[n + 1]] for term, n in found.terms.items()}, found.lengths.tolist()


def changed(corpus, random):
    """A corpus with some documents added, changed, taken away and moved."""
    new = {f"d{n}": Document(f"d{n}", " ".join(random.choices(WORDS, k=n % 7))) for n in random.sample(range(60), 8)}
    documents = list(corpus.updated(new.values(), remove=random.sample(corpus.ids, 5)))
    random.shuffle(documents)
    return Corpus(documents)


@pytest.mark.parametrize("seed", range(5))
def test_after_any_changes_the_index_is_that_of_a_fresh_build(tmp_path, seed):
    random, corpus = Random(seed), CORPUS
    BM25(corpus, folder=str(tmp_path))
    for _ in range(4):
        corpus = changed(corpus, random)
        updated, fresh = BM25(corpus, folder=str(tmp_path)), BM25(corpus)
        assert postings_of(updated) == postings_of(fresh)
        for variant in ("lucene", "bm25l", "bm25+"):
            one = BM25(corpus, folder=str(tmp_path), variant=variant).retrieve(QUERIES, 20)
            assert one == BM25(corpus, variant=variant).retrieve(QUERIES, 20)


def test_only_what_is_new_is_analysed(tmp_path, monkeypatch):
    BM25(CORPUS, folder=str(tmp_path))
    seen = []
    real = sys.modules["rankify.retrieve.bm25"].tokenized
    monkeypatch.setattr("rankify.retrieve.bm25.tokenized", lambda t, n: real((seen.append(x) or x for x in t), n))
    BM25(CORPUS.updated([Document("new", "w1 w2"), Document("d3", "w9")], remove=["d5"]), folder=str(tmp_path))
    assert seen == ["w9", "w1 w2"]


def test_an_index_that_is_open_stays_what_it_was(tmp_path):
    old = BM25(CORPUS, folder=str(tmp_path))
    before = old.retrieve(QUERIES, 20)
    BM25(CORPUS.updated(remove=CORPUS.ids[:15]), folder=str(tmp_path))
    assert old.retrieve(QUERIES, 20) == before


def test_a_reader_that_finds_the_index_replaced_opens_the_new_one(tmp_path, monkeypatch):
    more = CORPUS.updated([Document("new", "w1")])
    BM25(CORPUS, folder=str(tmp_path))
    read = Manifest.check
    stale = [read(tmp_path)]
    BM25(more, folder=str(tmp_path))
    monkeypatch.setattr(Manifest, "check", lambda *a, **o: stale.pop() if stale else read(*a, **o))
    assert BM25(more, folder=str(tmp_path)).retrieve(QUERIES, 9) == BM25(more).retrieve(QUERIES, 9)


def test_a_change_that_another_process_was_faster_with_is_opened_not_made_again(tmp_path, monkeypatch):
    more, module = CORPUS.updated([Document("new", "w1")], remove=["d3"]), sys.modules["rankify.retrieve.bm25"]
    BM25(CORPUS, folder=str(tmp_path))
    real = module.changes

    def slower(*arguments):
        monkeypatch.setattr(module, "changes", real)
        BM25(more, folder=str(tmp_path))
        monkeypatch.setattr(BM25, "_saved", lambda *a: pytest.fail("made again"))
        return real(*arguments)

    monkeypatch.setattr(module, "changes", slower)
    assert BM25(more, folder=str(tmp_path)).retrieve(QUERIES, 9) == BM25(more).retrieve(QUERIES, 9)


KILLED = """
import os, signal, sys
from rankify import Corpus, Document
from rankify.corpus_file import open_corpus
from rankify.indexes.manifest import Manifest
from rankify.indexes.postings import Postings
from rankify.retrieve.bm25 import BM25
where, file, folder = sys.argv[1:]
kill = lambda *a, **o: os.kill(os.getpid(), signal.SIGKILL)
if where == "before the manifest":
    Manifest.write = kill
elif where == "amid the arrays":
    from rankify.indexes import postings
    write = postings.write_array
    postings.write_array = lambda file, array: (write(file, array[:10]), kill())
else:
    import shutil
    shutil.rmtree = kill
BM25(open_corpus(file), folder=folder)
"""


@pytest.mark.parametrize("where", ["amid the arrays", "before the manifest", "after the manifest"])
def test_a_kill_leaves_the_old_or_the_new_index(tmp_path, where):
    from rankify.corpus_file import write_corpus

    folder, more = tmp_path / "index", CORPUS.updated([Document("new", "w1")], remove=["d7", "d8"])
    BM25(CORPUS, folder=str(folder))
    write_corpus(more, tmp_path / "more.jsonl")
    done = subprocess.run([sys.executable, "-c", KILLED, where, str(tmp_path / "more.jsonl"), str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    there = more if where == "after the manifest" else CORPUS
    assert Manifest.read(folder)["corpus"] == there.hash
    assert BM25(there, folder=str(folder)).retrieve(QUERIES, 20) == BM25(there).retrieve(QUERIES, 20)
    assert BM25(more, folder=str(folder)).retrieve(QUERIES, 20) == BM25(more).retrieve(QUERIES, 20)
    BM25(CORPUS, folder=str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", f"postings-{CORPUS.hash[:12]}"]


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:200])])
def test_an_index_that_does_not_know_its_documents_cannot_be_changed_and_says_so(tmp_path, harm):
    BM25(CORPUS, folder=str(tmp_path))
    harm(tmp_path / f"postings-{CORPUS.hash[:12]}" / FINGERPRINTS)
    BM25(CORPUS, folder=str(tmp_path))
    with pytest.raises(BadInput, match=r"fingerprints\.npy, so the index cannot be changed: .*; delete"):
        BM25(CORPUS.updated(remove=["d1"]), folder=str(tmp_path))
