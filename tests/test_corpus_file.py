"""A corpus over a file is the corpus in memory, only that its documents stay on disk."""

import gzip
import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankify.corpus import Corpus
from rankify.corpus_file import LARGE, CorpusFile, open_corpus, write_corpus
from rankify.documents import Document
from rankify.errors import BadInput, RankifyError, UnknownName
from rankify.io.cache import cache_folder

LINES = '{"_id": "007", "title": "T", "text": "é"}\n{"_id": "null", "text": ""}\n{"_id": "a b", "text": "x"}\n'


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path / "cache"))


def wrote(tmp_path, text, name="c.jsonl"):
    data = text.encode() if isinstance(text, str) else text
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return tmp_path / name


def assert_alike(filed, held):
    positions = np.arange(len(held))[::-1]
    assert (len(filed), filed.ids, list(filed)) == (len(held), held.ids, list(held))
    assert filed.ids_at(positions) == held.ids_at(positions)
    assert [filed.position(id) for id in held.ids] == list(range(len(held)))
    assert filed.hash == held.hash
    assert np.array_equal(filed.id_ranks, held.id_ranks)
    assert (filed[:2], [filed[id] for id in held.ids]) == (held[:2], list(held))


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz"])
@pytest.mark.parametrize("end", ["", "\n\n \n"])
def test_it_equals_the_corpus_in_memory(tmp_path, name, end):
    path = wrote(tmp_path, LINES.replace("\n", "\r\n") + end, name)
    assert_alike(CorpusFile(path), open_corpus(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.builds(Document, st.text(min_size=1), st.text(), st.text()), unique_by=lambda d: d.id, max_size=6))
def test_any_documents_can_be_filed(tmp_path, documents):
    assert_alike(write_corpus(documents, tmp_path / "w.jsonl"), Corpus(documents))


@pytest.mark.parametrize("text", ["id\ttext\ttitle\n1\tone\tT\n2\t\tU\n", "1\tone\n2\t\n"])
def test_tables_can_be_filed(tmp_path, text):
    path = wrote(tmp_path, text, "c.tsv")
    assert_alike(CorpusFile(path), open_corpus(path))


@pytest.mark.parametrize("name", ["nfcorpus", "scifact"])
def test_real_collections_are_the_same_on_disk_and_in_memory(shared, name):
    path = shared / name / "corpus.jsonl"
    assert_alike(CorpusFile(path), open_corpus(path))


def test_the_size_decides_where_a_corpus_is(tmp_path):
    path = wrote(tmp_path, LINES)
    assert type(open_corpus(path)) is Corpus
    assert type(open_corpus(path, large=10)) is CorpusFile


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path, caplog):
    caplog.set_level("INFO", "rankify.corpus_file")
    path = wrote(tmp_path, LINES)
    CorpusFile(path)
    CorpusFile(path)
    assert len(caplog.messages) == 1
    wrote(tmp_path, LINES.replace("007", "008"))
    os.utime(path, ns=(1, 1))
    assert CorpusFile(path).ids[0] == "008"
    assert len(list(cache_folder("corpora").iterdir())) == 1


def test_what_is_kept_of_a_file_is_mapped_not_loaded(tmp_path):
    corpus = CorpusFile(wrote(tmp_path, LINES))
    assert not corpus._scan.starts.flags.owndata
    assert not corpus._scan.starts.flags.writeable


def test_ids_with_the_same_key_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("rankify.corpus_file._key", lambda _: 5)
    corpus = CorpusFile(wrote(tmp_path, LINES))
    assert [corpus.position(id) for id in ("007", "null", "a b")] == [0, 1, 2]
    assert "x" not in corpus


@pytest.mark.parametrize("in_between", [1, 5])
def test_an_id_twice_is_found_even_among_others_with_the_same_key(tmp_path, monkeypatch, in_between):
    monkeypatch.setattr("rankify.corpus_file._key", lambda _: 5)
    others = "".join(f'{{"_id": "{i}", "text": ""}}\n' for i in range(in_between))
    with pytest.raises(BadInput, match=f"c.jsonl:{in_between + 2}: document 'twice' was already in line 1"):
        CorpusFile(wrote(tmp_path, '{"_id": "twice", "text": ""}\n' + others + '{"_id": "twice", "text": ""}\n'))


def test_an_unknown_id_is_an_error(tmp_path):
    corpus = CorpusFile(wrote(tmp_path, LINES))
    assert "8" not in corpus
    with pytest.raises(UnknownName, match=r"no document '8' among the 3 of c\.jsonl"):
        corpus["8"]


def test_it_can_be_sent_to_another_process(tmp_path):
    corpus = CorpusFile(wrote(tmp_path, LINES))
    assert list(pickle.loads(pickle.dumps(corpus))) == list(corpus)  # noqa: S301


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"_id": "a", "text": ""}\n{"_id": "a", "text": ""}\n', r":2: document 'a' was already in line 1"),
        ('{"_id": "a", "text": ""}\n\n{"_id": "b", "text": ""}\n', r":2: an empty line"),
        ('{"_id": "a", "text": ""}\n{"_id": "b"\n', r":2: malformed JSON"),
        ('{"_id": "a"}\n', r":1: document 'a' has no text"),
        (b'{"_id": "a", "text": "\xff"}\n', r":1: not UTF-8"),
    ],
)
@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.gz"])
def test_malformed_files_are_refused_with_the_line_and_leave_nothing(tmp_path, text, message, name):
    with pytest.raises(BadInput, match=name + message):
        CorpusFile(wrote(tmp_path, text, name))
    assert not list(tmp_path.glob("cache/corpora/*/scan"))


def test_a_missing_file_is_named(tmp_path):
    for open_it in (CorpusFile, open_corpus):
        with pytest.raises(BadInput, match=r"no file .*nothing\.jsonl"):
            open_it(tmp_path / "nothing.jsonl")


def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKIFY_CACHE", str(wrote(tmp_path, "", "a-file")))
    with pytest.raises(RankifyError, match=r"cannot write .*a-file.*set RANKIFY_CACHE to another folder"):
        CorpusFile(wrote(tmp_path, LINES))


@pytest.mark.parametrize("large", [0, LARGE])
@pytest.mark.parametrize(
    ("name", "text"), [("c.jsonl", ""), ("c.jsonl.gz", ""), ("c.tsv", "id\ttext\n"), ("c.tsv", "\n")]
)
def test_a_file_without_documents_is_refused(tmp_path, name, text, large):
    with pytest.raises(BadInput, match=rf"{name} has no documents"):
        open_corpus(wrote(tmp_path, text, name), large=large)


ARRAY = '[{"_id": 7, "text": "x", "lang": "en"},\n {"_id": "8", "title": "T", "text": "", "metadata": {"url": "u"}}]'


@pytest.mark.parametrize("name", ["c.json", "c.jsonl", "c.json.gz"])
def test_an_array_of_objects_equals_the_corpus_in_memory(tmp_path, name):
    path = wrote(tmp_path, ARRAY, name)
    for _ in range(2):  # from the cache the second time
        assert_alike(open_corpus(path, large=0), open_corpus(path))


@pytest.mark.parametrize("large", [0, LARGE])
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.jsonl.gz", "not gzip", r"cannot read .*c\.jsonl\.gz: Not a gzipped file"),
        ("c.json", '[{"_id": "7", "text": "x"},\n{"_id": "7", "text": "y"}]', r"c\.json:2: document '7' was already"),
        ("c.json", '[{"_id": "7", "text": "x"},\n{"_id": "8"}]', r"c\.json:2: document '8' has no text"),
        ("c.json", '[{"_id": "7", "text": "x"},\n{"_id"]', r"c\.json:2: malformed JSON"),
    ],
)
def test_what_cannot_be_read_is_said_of_the_file_given(tmp_path, name, text, message, large):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=message):
        open_corpus(tmp_path / name, large=large)
