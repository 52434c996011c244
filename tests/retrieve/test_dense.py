"""Dense retrieval: what is found, what a folder keeps, and what a killed build leaves behind."""

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.indexes.faiss import FaissIndex
from rankify.indexes.manifest import Manifest
from rankify.indexes.vectors import shard_path
from rankify.retrieve.dense import Dense
from rankify.types import Query
from tests import tiny

TEXTS = ["the cat", "", "dog", "what is neural retrieval", "rank " * 500, "猫", "document network", "the cat", ""]
IDS = ["007", "null", "a b", "NaN", "7", "猫", "é", "006", "none"]
CORPUS = Corpus(Document(id, text, title) for id, text, title in zip(IDS, TEXTS, ["", "the"] * 5, strict=False))
QUERIES = [Query("1", "what is a cat"), Query("null", ""), Query("3", "dog " * 10_000)]


@pytest.fixture
def dense(tiny_bert):
    return lambda corpus=CORPUS, **options: Dense(corpus, tiny_bert, pooling="mean", **options)


def test_the_nearest_documents_come_first_and_equal_ones_by_id(dense, tiny_bert):
    encoder = DenseEncoder(tiny_bert, pooling="mean")
    rows, queries = encoder.encode_documents(CORPUS[:]), encoder.encode_queries([q.text for q in QUERIES])
    for ranking, query in zip(dense().retrieve(QUERIES, 5), queries, strict=True):
        scores = (rows.astype(np.float64) * query).sum(axis=1).astype(np.float32)
        wanted = sorted(zip((-scores).tolist(), IDS, strict=True))[:5]
        assert ranking.ids == [id for _, id in wanted]
        np.testing.assert_allclose(ranking.scores, [-s for s, _ in wanted], atol=1e-6)


def test_documents_are_views_of_the_corpus(dense):
    ranking = dense().retrieve(QUERIES, 3)[0]
    assert ranking.documents.store is CORPUS
    assert ranking.documents[0] == CORPUS[ranking.ids[0]]


@pytest.mark.parametrize("index", ["flat", "faiss-flat", "hnsw", "ivfpq"])
@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("stored", [False, True])
def test_a_corpus_may_be_empty(dense, index, n, stored, tmp_path):
    run = dense(Corpus(CORPUS[:n]), index=index, folder=str(tmp_path / "i") if stored else None).retrieve(QUERIES, 10)
    assert [len(ranking) for ranking in run] == [n] * 3
    assert len(dense(index=index).retrieve([], 10)) == 0


@pytest.mark.parametrize("options", [{"index": "hnsw", "m": 1}, {"index": "ivfpq", "m": 5}, {"nprobe": 0}])
def test_a_wrong_number_is_refused_before_anything_is_encoded(dense, options, monkeypatch):
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(BadInput, match=r"index=.* with"):
        dense(**options)


def test_shards_and_storage_do_not_show(dense, tmp_path):
    wanted = dense().retrieve(QUERIES, 9)
    for number, options in enumerate([{"shard_size": 2}, {"shard_size": 4}, {"storage": "float16"}]):
        for folder in (None, str(tmp_path / str(number))):
            for found, ranking in zip(dense(folder=folder, **options).retrieve(QUERIES, 9), wanted, strict=True):
                assert found.ids == ranking.ids
                np.testing.assert_allclose(found.scores, ranking.scores, atol=2e-3 if "storage" in options else 1e-5)


def test_what_a_folder_holds_is_opened_not_encoded(dense, tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    wanted = dense(folder=folder).retrieve(QUERIES, 9)
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    assert dense(folder=folder).retrieve(QUERIES, 9) == wanted
    assert rankify.retriever(Manifest.read(folder)["spec"], CORPUS).retrieve(QUERIES, 9) == wanted


def test_one_folder_serves_every_index(dense, tmp_path):
    folder = str(tmp_path)
    wanted = dense(folder=folder).retrieve(QUERIES, 3)
    for index in ("faiss-flat", "hnsw"):
        assert dense(folder=folder, index=index).retrieve(QUERIES, 3) == wanted


def retitled(id, title):
    return Corpus([Document(d.id, d.text, title if d.id == id else d.title) for d in CORPUS])


@pytest.mark.parametrize("index", ["flat", "faiss-flat", "hnsw"])
@pytest.mark.parametrize(
    ("corpus", "encoded"),
    [
        (CORPUS.updated([Document("more", "what cat")], remove=["a b"]), ["more"]),
        (retitled("007", "dog"), ["007"]),
        (Corpus(CORPUS[::-1]), []),
    ],
)
def test_a_corpus_that_has_changed_is_followed_and_only_what_is_new_encoded(
    dense, tmp_path, monkeypatch, index, corpus, encoded
):
    dense(folder=str(tmp_path), index=index, shard_size=4)
    wanted, seen = dense(corpus).retrieve(QUERIES, 9), []
    with monkeypatch.context() as patch:
        real = DenseEncoder.encode_documents
        patch.setattr(
            DenseEncoder, "encode_documents", lambda self, d: [seen.extend(x.id for x in d), real(self, d)][1]
        )
        found = dense(corpus, folder=str(tmp_path), index=index, shard_size=4)
    assert seen == encoded
    for one, other in zip(found.retrieve(QUERIES, 9), wanted, strict=True):
        assert one.ids == other.ids
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        (Corpus(CORPUS[:4]), {}, r"another corpus \(\w+, 9 documents, 4 of them in this one\)"),
        (CORPUS, {"normalize": False}, "encoder.normalize true, and false is asked for"),
        (CORPUS, {"max_length": 30}, "encoder.max_length 64, and 30"),
        (CORPUS, {"query_prefix": "q: "}, 'encoder.query_prefix "", and "q: "'),
        (CORPUS, {"dtype": "bfloat16"}, 'encoder.dtype "float32", and "bfloat16"'),
        (CORPUS, {"storage": "float16"}, 'storage "float32", and "float16"'),
    ],
)
def test_a_folder_of_something_else_is_refused(dense, tmp_path, corpus, options, message):
    dense(folder=str(tmp_path))
    with pytest.raises(BadInput, match=message) as caught:
        dense(corpus, folder=str(tmp_path), **options)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_model_is_refused(dense, tmp_path):
    dense(folder=str(tmp_path / "index"))
    other = tiny.tiny_bert(tmp_path / "tiny-bert", seed=5)
    with pytest.raises(BadInput, match=r"encoder\.revision"):
        Dense(CORPUS, other, pooling="mean", folder=str(tmp_path / "index"))


def edited(folder, **libraries):
    path = Path(folder) / Manifest.FILE
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "libraries": {**said["libraries"], **libraries}}))


def test_another_major_version_of_a_library_is_refused_and_a_minor_one_logged(dense, tmp_path, caplog):
    folder = str(tmp_path)
    dense(folder=folder)
    edited(folder, torch="2.0.1")
    dense(folder=folder)
    assert "was built with torch 2.0.1" in caplog.text
    edited(folder, torch="1.9")
    with pytest.raises(BadInput, match=r'libraries\.torch "1\.9"'):
        dense(folder=folder)


def test_a_missing_shard_is_named(dense, tmp_path):
    dense(folder=str(tmp_path), shard_size=4)
    shard_path(tmp_path, 1).unlink()
    with pytest.raises(BadInput, match=r"vectors-00001\.npy"):
        dense(folder=str(tmp_path), shard_size=4)


def test_a_folder_with_other_files_is_left_alone(dense, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match=r"is no index but holds 'thesis\.tex'"):
        dense(folder=str(tmp_path))


def test_an_unfinished_build_of_something_else_is_refused(dense, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(DenseEncoder, "encode_documents", lambda self, _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            dense(folder=str(tmp_path))
    with pytest.raises(BadInput, match=r"encoder\.normalize true, and false"):
        dense(folder=str(tmp_path), normalize=False)
    assert len(dense(folder=str(tmp_path)).retrieve(QUERIES, 9)[0]) == 9


BUILD = """
import sys, time
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.retrieve.dense import Dense

encode = Dense._encode
def slowly(self, positions):
    time.sleep(0.2)
    return encode(self, positions)
Dense._encode = slowly
corpus = Corpus(Document(str(i), f"cat {i}") for i in range(200))
Dense(corpus, sys.argv[1], pooling="mean", folder=sys.argv[2], shard_size=5)
"""


def test_after_a_kill_only_what_was_not_finished_is_encoded_again(tiny_bert, tmp_path, caplog):
    folder = tmp_path / "index"
    process = subprocess.Popen([sys.executable, "-c", BUILD, tiny_bert, str(folder)])
    waited = time.monotonic() + 120
    while len(list(folder.glob("vectors-*.npy"))) < 3 and process.poll() is None and time.monotonic() < waited:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in folder.glob("vectors-*.npy")}
    assert 3 <= len(done) < 40
    assert not Manifest.there(folder)

    corpus = Corpus(Document(str(i), f"cat {i}") for i in range(200))
    caplog.set_level(logging.INFO, "rankify.retrieve.dense")
    resumed = Dense(corpus, tiny_bert, pooling="mean", folder=str(folder), shard_size=5)
    assert len([r for r in caplog.records if r.message.startswith("encoded")]) == 40 - len(done)
    assert all(path.stat().st_mtime_ns == when for path, when in done.items())
    others = sorted(p.name for p in folder.iterdir() if not p.name.startswith("vectors-"))
    assert others == [f"documents-{corpus.hash[:12]}.npy", "manifest.json"]
    whole = Dense(corpus, tiny_bert, pooling="mean", shard_size=5)
    assert resumed.retrieve(QUERIES, 20) == whole.retrieve(QUERIES, 20)


def test_an_unknown_index_names_near_ones(dense):
    with pytest.raises(UnknownName, match="did you mean 'hnsw'"):
        dense(index="hsnw")


def test_a_spec_loads_an_equal_retriever(tiny_bert):
    spec = f"dense:{tiny_bert}?index=hnsw&pooling=cls&m=8"
    assert repr(rankify.retriever(spec, CORPUS)) == spec


def test_the_report_counts_tokens_and_passes(dense):
    counts = dense()(QUERIES).reports[-1].counts
    assert counts["tokens"] == 6 + 2 + 64
    assert counts["passes"] == 1


@pytest.mark.parametrize("index", ["flat", "faiss-flat", "hnsw", "ivfpq", "binary"])
@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.zeros((3, 5), np.float32), r"vectors of shape \(3, 5\) for queries, which are of shape \(3, 16\)"),
        (np.zeros((2, 16), np.float32), r"vectors of shape \(2, 16\) for queries, which are of shape \(3, 16\)"),
        (np.full((3, 16), np.nan, np.float32), "a number that is not finite"),
        (np.full((3, 16), np.inf, np.float32), "a number that is not finite"),
    ],
)
def test_vectors_that_cannot_stand_for_the_queries_are_refused(dense, index, vectors, message):
    with pytest.raises(BadInput, match=message):
        dense(index=index).nearest(QUERIES, vectors, 2)


@pytest.mark.parametrize("option", ["shard_size", "candidates"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_number_of_documents_that_is_none_is_named(dense, option, value):
    with pytest.raises(Misuse, match=f"{option}={value}: it is a whole number from 1 up"):
        dense(**{option: value})


@pytest.mark.parametrize("index", ["hnsw", "ivfpq", "faiss-flat"])
def test_a_graph_in_a_folder_follows_its_corpus_and_is_not_built_again(dense, index, tmp_path, monkeypatch):
    folder = str(tmp_path)
    many = Corpus(
        [*CORPUS, *(Document(f"d{i}", f"dog {'cat ' * (i % 9)} network {'rank ' * (i % 7)}") for i in range(60))]
    )
    dense(many, index=index, folder=folder)
    monkeypatch.setattr(FaissIndex, "_built", lambda self: pytest.fail("built again"))
    changed = many.updated([Document("new", "what is the network"), Document("d7", "a cat")], remove=["007", "d3"])
    found = dense(changed, index=index, folder=folder).retrieve(QUERIES, 70)
    assert found == dense(changed, folder=folder).retrieve(QUERIES, 70)
    assert "new" in found[0].ids
    assert not {"007", "d3"} & set(found[0].ids)
