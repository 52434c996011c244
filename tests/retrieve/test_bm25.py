"""BM25: its variants by hand, its options, and its index on disk."""

import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.indexes.manifest import Manifest
from rankify.io.locks import locked
from rankify.retrieve import bm25_formulas as formulas
from rankify.retrieve.bm25 import BM25
from rankify.types import Query

TEXTS = ["a b a c", "b c d", "a e f g", "a b", "h i"]
CORPUS = Corpus(Document(str(i), text) for i, text in enumerate(TEXTS))


def scores(query, corpus=CORPUS, **options):
    bm25 = BM25(corpus, analyzer="whitespace", **options)
    [ranking] = bm25.retrieve([Query("q", query)], 10)
    return dict(zip(ranking.ids, ranking.scores.tolist(), strict=True))


# each variant as its paper writes it, for the collection above: N = 5, average length 3
REFERENCE = {
    "lucene": lambda tf, n, length: math.log(1 + (5 - n + 0.5) / (n + 0.5)) * tf / (tf + K(length)),
    "robertson": lambda tf, n, length: math.log(max((5 - n + 0.5) / (n + 0.5), 1)) * tf / (tf + K(length)),
    "atire": lambda tf, n, length: math.log(5 / n) * tf * 2.2 / (tf + K(length)),
    "bm25l": lambda tf, n, length: math.log(6 / (n + 0.5)) * 2.2 * (C(tf, length) + 0.5) / (1.2 + C(tf, length) + 0.5),
    "bm25+": lambda tf, n, length: math.log(6 / n) * (tf * 2.2 / (tf + K(length)) + 1.0),
}


def K(length):  # noqa: N802
    return 1.2 * (1 - 0.75 + 0.75 * length / 3)


def C(tf, length):  # noqa: N802
    return tf / (1 - 0.75 + 0.75 * length / 3)


@pytest.mark.parametrize("variant", REFERENCE)
@pytest.mark.parametrize("query", ["a b", "c", "a a e", "d h"])
def test_each_variant_by_hand(variant, query):
    found = scores(query, variant=variant, k1=1.2, b=0.75)
    for i, text in enumerate(TEXTS):
        words = text.split()
        wanted = 0.0
        for term in query.split():
            n = sum(term in other.split() for other in TEXTS)
            wanted += REFERENCE[variant](words.count(term), n, len(words))
        if str(i) in found:
            assert found[str(i)] == pytest.approx(wanted, rel=1e-5)
        else:
            assert not set(words) & set(query.split()) or wanted == 0


@pytest.mark.parametrize("variant", ["lucene", "robertson", "atire", "bm25+"])
def test_without_saturation_a_count_does_not_matter(variant):
    corpus = Corpus(Document(str(i), text) for i, text in enumerate(["a a a", "a", "b", "b", "b"]))
    found = scores("a", corpus, variant=variant, k1=0.0, b=0.75)
    assert set(found) == {"0", "1"}
    assert len({round(score, 6) for score in found.values()}) == 1


def test_a_given_delta_replaces_the_published_one():
    assert scores("a", variant="bm25+", delta=0.0) == pytest.approx(
        {i: s * math.log(6 / 3) / math.log(5 / 3) for i, s in scores("a", variant="atire").items()}, rel=1e-5
    )


# https://github.com/apache/lucene: SmallFloat.intToByte4, read back by byte4ToInt
@pytest.mark.parametrize(
    ("length", "kept"),
    [
        (0, 0),
        (7, 7),
        (39, 39),
        (40, 40),
        (41, 40),
        (42, 42),
        (100, 96),
        (300, 280),
        (500, 472),
        (2**31 - 1, 2013265944),
    ],
)
def test_lengths_in_one_byte(length, kept):
    assert formulas.one_byte(np.array([length], np.int64)).tolist() == [kept]


def test_there_are_256_lengths_and_rounding_twice_changes_nothing():
    lengths = np.unique(np.geomspace(1, 2**31 - 1, 100_000).astype(np.int64))
    kept = formulas.one_byte(lengths)
    assert len(set(kept.tolist())) <= 256
    assert (np.diff(kept) >= 0).all()
    assert (formulas.one_byte(kept) == kept).all()


def test_long_documents_differ_by_the_rounding_of_their_lengths_only():
    corpus = Corpus([Document("x", "a " * 100), Document("y", "a b")])
    rounded, exact = scores("a", corpus), scores("a", corpus, exact_lengths=True)
    assert rounded["x"] != exact["x"]
    assert rounded["y"] == exact["y"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k1": -1.0}, BadInput, "k1=-1.0"),
        ({"b": 1.5}, BadInput, "b=1.5"),
        ({"k1": float("nan")}, BadInput, "k1=nan"),
        ({"delta": -1.0, "variant": "bm25+"}, BadInput, "delta=-1.0"),
        ({"threads": 0}, BadInput, "threads=0"),
        ({"variant": "lucen"}, UnknownName, "did you mean 'lucene'"),
        ({"analyzer": "french"}, UnknownName, "no analyzer 'french'"),
    ],
)
def test_a_wrong_option_is_named(options, error, message):
    with pytest.raises(error, match=message):
        BM25(CORPUS, **options)


def test_titles_are_searched_with_the_text():
    corpus = Corpus([Document("x", "nothing", "Foxes"), Document("y", "fox")])
    assert set(BM25(corpus).retrieve([Query("q", "fox")], 5)[0].ids) == {"x", "y"}


def test_inflected_queries_find_the_words_of_documents():
    corpus = Corpus([Document("dogs", "Dogs sleep."), Document("cats", "Cats were running quickly.")])
    run = BM25(corpus)([Query("1", "the cat"), Query("2", "runs"), Query("3", "sleeping")])
    assert [tuple(ranking.ids) for ranking in run] == [("cats",), ("cats",), ("dogs",)]


def test_its_spec_names_what_differs_from_the_defaults():
    assert repr(BM25(CORPUS)) == "bm25"
    assert repr(BM25(CORPUS, k1=1.2, variant="bm25+")) == "bm25?k1=1.2&variant=bm25+"


def test_the_index_is_built_once_and_then_opened(tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    first = BM25(CORPUS, folder=folder).retrieve([Query("q", "a b")], 5)
    with monkeypatch.context() as patch:
        patch.setattr("rankify.retrieve.bm25.tokenized", None)
        opened = BM25(CORPUS, folder=folder)
    assert opened.retrieve([Query("q", "a b")], 5) == first
    assert BM25(CORPUS, folder=folder, k1=2.0).postings.total_terms == 15 - 4  # a is a stop word


def test_a_longer_corpus_extends_the_index(tmp_path, monkeypatch):
    folder, more = str(tmp_path / "index"), Corpus([*CORPUS, Document("new", "b b z")])
    BM25(CORPUS, folder=folder)
    seen = []
    real = sys.modules["rankify.retrieve.bm25"].tokenized
    monkeypatch.setattr("rankify.retrieve.bm25.tokenized", lambda t, n: real((seen.append(x) or x for x in t), n))
    extended = BM25(more, folder=folder)
    assert seen == ["b b z"]
    monkeypatch.undo()
    assert extended.retrieve([Query("q", "b z")], 5) == BM25(more).retrieve([Query("q", "b z")], 5)
    assert sorted(p.name for p in (tmp_path / "index").iterdir()) == ["manifest.json", f"postings-{more.hash[:12]}"]


@pytest.mark.parametrize(
    ("other", "change"),
    [
        (Corpus([Document("0", "changed"), *CORPUS[1:]]), {"kept": 4, "added": 0, "changed": 1, "removed": 0}),
        (Corpus(CORPUS[:3]), {"kept": 3, "added": 0, "changed": 0, "removed": 2}),
        (Corpus([*CORPUS[::-1], Document("n", "b")]), {"kept": 5, "added": 1, "changed": 0, "removed": 0}),
        (Corpus([Document("n", "c z"), *CORPUS[2:]]), {"kept": 3, "added": 1, "changed": 0, "removed": 2}),
    ],
)
def test_an_index_of_a_corpus_that_has_changed_becomes_that_of_the_corpus_as_it_is(tmp_path, other, change):
    BM25(CORPUS, folder=str(tmp_path))
    found, fresh = BM25(other, folder=str(tmp_path)), BM25(other)
    assert Manifest.read(tmp_path)["change"] == change
    asked = [Query(text, text) for text in ("b c", "b d z f", "changed", "n h i")]
    assert found.retrieve(asked, 9) == fresh.retrieve(asked, 9)
    assert set(found.postings.terms) == set(fresh.postings.terms)


@pytest.mark.parametrize("other", [Corpus(CORPUS[:2]), Corpus([Document("0", "changed")]), Corpus(())])
def test_an_index_of_another_corpus_is_refused(tmp_path, other):
    BM25(CORPUS, folder=str(tmp_path))
    before = (tmp_path / "manifest.json").read_bytes()
    with pytest.raises(BadInput, match=r"is of another corpus .*give another folder"):
        BM25(other, folder=str(tmp_path))
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_damaged_index_is_built_again_once_the_folder_that_is_named_is_deleted(tmp_path):
    folder = tmp_path / "index"
    BM25(CORPUS, folder=str(folder))
    next(folder.glob("postings-*/documents.npy")).unlink()
    with pytest.raises(BadInput, match=f"is not a complete index .*; delete {folder} to build it again"):
        BM25(CORPUS, folder=str(folder))
    shutil.rmtree(folder)
    assert BM25(CORPUS, folder=str(folder)).retrieve([Query("q", "b")], 1)


def test_an_index_of_another_analyzer_is_refused(tmp_path):
    BM25(CORPUS, folder=str(tmp_path))
    with pytest.raises(BadInput, match='analyzer "english", and "whitespace" is asked for'):
        BM25(CORPUS, folder=str(tmp_path), analyzer="whitespace")


@pytest.mark.parametrize("name", ["corpus.jsonl", "photos"])
def test_a_folder_that_holds_something_else_is_left_alone(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(BadInput, match=f"is no index but holds '{name}'"):
        BM25(CORPUS, folder=str(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_file_is_no_folder_for_an_index(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="is a file"):
        BM25(CORPUS, folder=str(tmp_path / "file"))


def test_an_index_of_no_documents_grows_with_its_collection(tmp_path):
    BM25(Corpus(()), folder=str(tmp_path))
    assert BM25(Corpus(()), folder=str(tmp_path)).retrieve([Query("q", "b")], 3)["q"].ids == []
    grown, fresh = BM25(CORPUS, folder=str(tmp_path)), BM25(CORPUS)
    asked = [Query(str(n), text) for n, text in enumerate(("b c", "h", "nothing"))]
    assert grown.retrieve(asked, 3) == fresh.retrieve(asked, 3)
    assert len(fresh.retrieve(asked, 3)["0"]) > 0


def test_an_index_of_another_unicode_is_refused(tmp_path):
    BM25(CORPUS, folder=str(tmp_path))
    path = tmp_path / "manifest.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "libraries": {**said["libraries"], "regex": "1900.1"}}))
    with pytest.raises(BadInput, match=r'libraries\.regex "1900\.1"'):
        BM25(CORPUS, folder=str(tmp_path))


def test_two_builds_in_one_folder_are_refused(tmp_path):
    with locked(tmp_path), pytest.raises(BadInput, match="another process is writing into"):
        BM25(CORPUS, folder=str(tmp_path))


def test_beginnings_of_files_that_a_kill_left_are_removed(tmp_path):
    (tmp_path / "postings-5").mkdir()
    (tmp_path / "postings-5" / ".offsets.npy.x.part").write_text("half")
    (tmp_path / ".manifest.json.y.part").write_text("half")
    BM25(CORPUS, folder=str(tmp_path))
    assert not list(tmp_path.rglob(".*"))


def test_a_disk_that_fills_while_an_index_is_written_leaves_nothing_and_says_so(tmp_path):
    code = f"""
import resource, signal
from rankify import Corpus, Document
from rankify.retrieve.bm25 import BM25
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
corpus = Corpus(Document(str(i), " ".join(map(str, range(i, i + 50)))) for i in range(100))
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))
BM25(corpus, folder={str(tmp_path / "a" / "index")!r})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "documents.npy: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_build_that_is_killed_leaves_no_index_and_is_done_again(tmp_path):
    code = f"""
import os, signal
from rankify import Corpus, Document
from rankify.indexes.manifest import Manifest
from rankify.io.locks import locked
from rankify.retrieve.bm25 import BM25
Manifest.write = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
BM25(Corpus([Document("0", "a b")]), folder={str(tmp_path)!r})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert not Manifest.there(tmp_path)
    BM25(CORPUS, folder=str(tmp_path))
    assert json.loads((tmp_path / "manifest.json").read_text())["documents"] == 5
