"""Dense vectors in a database: the same documents as from exact search, whichever way they got there."""

import json

import numpy as np
import pytest

import rankify
from rankify import fuse
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.errors import BadInput, Misuse
from rankify.indexes.manifest import Manifest
from rankify.retrieve.dense import Dense
from rankify.types import Query
from tests.contracts.collections import corpus, queries

pytest.importorskip("pymilvus", reason="pymilvus is not installed")
pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed: it has no packages for this system")

IDS = ["it's", '"quoted"', "007", "null", "a b", "\\", "7", "猫", "é", "position >= 0", "none", "'); drop"]
TEXTS = ["the cat", "", "dog", "what is neural retrieval", "rank " * 500, "猫", "document network", "the cat"]
CORPUS = Corpus(Document(id, TEXTS[i % len(TEXTS)]) for i, id in enumerate(IDS))
QUERIES = [Query("1", "what is a cat"), Query("null", ""), Query("3", "dog " * 100)]


@pytest.fixture
def dense(tiny_bert):
    return lambda corpus=CORPUS, **options: Dense(corpus, tiny_bert, pooling="mean", **options)


@pytest.fixture(scope="module")
def wanted(tiny_bert):
    return Dense(CORPUS, tiny_bert, pooling="mean").retrieve(QUERIES, 20)


def test_a_folder_keeps_the_vectors_and_milvus_beside_them(dense, wanted, tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    assert dense(index="milvus", folder=folder).retrieve(QUERIES, 20) == wanted
    assert (tmp_path / "index" / "milvus.db").exists()
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    assert dense(index="milvus", folder=folder).retrieve(QUERIES, 20) == wanted
    for index in ("flat", "faiss-flat", "milvus-hnsw"):
        assert dense(index=index, folder=folder).retrieve(QUERIES, 20) == wanted


def test_a_folder_follows_its_corpus_and_milvus_follows_the_folder(dense, tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    before = dense(Corpus(CORPUS[:9]), index="milvus", folder=folder)
    dense(Corpus(CORPUS[:9]), index="milvus-hnsw", folder=folder)
    encode, encoded = DenseEncoder.encode_documents, []
    monkeypatch.setattr(
        DenseEncoder, "encode_documents", lambda self, some: encoded.extend(d.id for d in some) or encode(self, some)
    )
    after = dense(index="milvus", folder=folder)
    assert encoded == IDS[9:]
    assert after.retrieve(QUERIES, 20) == dense(folder=folder).retrieve(QUERIES, 20)
    assert after._index.store._client.list_collections() == [after._index.store.collection]
    assert before._index.store.collection != after._index.store.collection


def test_without_a_folder_the_vectors_are_in_milvus_alone(dense, wanted, tmp_path, monkeypatch):
    uri = str(tmp_path / "vectors.db")
    first = dense(index="milvus", uri=uri)
    assert first.retrieve(QUERIES, 20) == wanted
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    again = rankify.retriever(repr(first), CORPUS)
    assert again == first
    assert again.retrieve(QUERIES, 3) == first.retrieve(QUERIES, 3)
    assert list(tmp_path.iterdir()) == [tmp_path / "vectors.db"]


def test_vectors_in_milvus_serve_feedback(dense, tiny_bert, tmp_path):
    spec = f"dense:{tiny_bert}?pooling=mean"
    pipelines = [
        rankify.pipeline(f"{each} % 4 >> feedback({each})", CORPUS)
        for each in (spec, f"{spec}&index=milvus&uri={tmp_path / 'vectors.db'}")
    ]
    plain, stored = (pipeline(QUERIES) for pipeline in pipelines)
    assert [r.ids for r in plain] == [r.ids for r in stored]


def test_half_precision_is_kept_as_such(dense, tmp_path):
    half = dense(storage="float16").retrieve(QUERIES, 9)
    assert dense(storage="float16", index="milvus", uri=str(tmp_path / "vectors.db")).retrieve(QUERIES, 9) == half


def test_values_that_half_precision_cannot_hold_are_refused_and_not_put_there(dense, tmp_path, monkeypatch):
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, some: np.full((len(some), 16), 1e6, np.float32))
    with pytest.raises(BadInput, match="do not fit into float16; use storage=float32"):
        dense(storage="float16", index="milvus", uri=str(tmp_path / "vectors.db"))


def test_corpora_and_encoders_have_a_collection_each(dense, tmp_path):
    uri = str(tmp_path / "vectors.db")
    stores = [dense(index="milvus", uri=uri, **options) for options in ({}, {"max_length": 9}, {"normalize": False})]
    stores.append(dense(Corpus(CORPUS[:3]), index="milvus", uri=uri))
    assert len({store._index.store.collection for store in stores}) == 4
    assert [len(store.retrieve(QUERIES[:1], 20)[0]) for store in stores] == [12, 12, 12, 3]


def test_a_collection_keeps_its_name_when_a_library_has_a_new_version(dense, tmp_path, monkeypatch):
    uri = str(tmp_path / "vectors.db")
    first = dense(index="milvus", uri=uri)._index.store.collection
    described = Dense.described
    monkeypatch.setattr(Dense, "described", lambda self: {**described(self), "libraries": {"torch": "99.0"}})
    with pytest.raises(BadInput, match=r'libraries\.torch "2\..*", and "99\.0" is asked for now') as caught:
        dense(index="milvus", uri=uri)
    assert first in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"normalize": False}, "encoder.normalize true, and false is asked for"),
        ({"max_length": 9}, "encoder.max_length 64, and 9"),
        ({"storage": "float16"}, 'storage "float32", and "float16"'),
        ({"index": "milvus-hnsw"}, 'index.kind "milvus", and "milvus-hnsw"'),
    ],
)
def test_a_collection_of_another_encoder_is_refused_with_both_values(dense, tmp_path, options, message, monkeypatch):
    where = {"uri": str(tmp_path / "vectors.db"), "collection": "mine"}
    dense(index="milvus", **where)
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(BadInput, match=message) as caught:
        dense(**{"index": "milvus", **where, **options})
    assert str(caught.value).startswith("collection 'mine' at ")
    assert "\n" not in str(caught.value)


def test_another_corpus_is_refused(dense, tmp_path):
    where = {"uri": str(tmp_path / "vectors.db"), "collection": "mine"}
    dense(index="milvus", **where)
    with pytest.raises(BadInput, match='built with corpus "'):
        dense(Corpus(CORPUS[:5]), index="milvus", **where)


def test_a_collection_says_what_it_is_of(dense, tmp_path):
    store = dense(index="milvus", folder=str(tmp_path))._index.store
    said = store.found()
    assert said["corpus"] == CORPUS.hash
    assert said["encoder"] == json.loads(json.dumps(Manifest.read(tmp_path)["encoder"]))
    assert said["dimension"] == 16
    assert said["metric"] == "inner product"


@pytest.mark.parametrize("n", [0, 1])
def test_a_corpus_may_be_empty(dense, tmp_path, n):
    found = dense(Corpus(CORPUS[:n]), index="milvus", uri=str(tmp_path / "vectors.db")).retrieve(QUERIES, 10)
    assert [len(ranking) for ranking in found] == [n] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"index": "milvus"}, r"index=milvus needs folder=, .* or the uri= of a server"),
        ({"uri": "http://host:19530"}, "index=flat is in no database, so uri= says nothing"),
        ({"index": "hnsw", "collection": "x"}, "so collection= says nothing; use index=milvus"),
        ({"index": "milvus", "uri": "host:19530"}, "uri='host:19530' is no address of Milvus"),
        ({"index": "milvus", "uri": "x.db", "token": "root:secret"}, "token= is the NAME"),
        ({"index": "milvus", "uri": "x.db", "collection": "a b"}, "collection=.a b. is no name"),
        ({"index": "elastic", "uri": "http://x", "collection": "a b"}, "is no name of an index"),
        ({"index": "milvus-hnsw", "uri": "x.db", "m": 1}, "index=milvus-hnsw with m=1"),
    ],
)
def test_a_place_that_is_none_is_refused_before_anything_is_encoded(dense, options, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(Misuse, match=message) as caught:
        dense(**options)
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_it_fuses_as_any_retriever(dense, wanted, tmp_path):
    stored, flat = dense(index="milvus", uri=str(tmp_path / "vectors.db")), dense()
    [ranking] = fuse.rrf(stored % 5, flat % 5)(QUERIES[:1])
    assert ranking.ids == wanted[0].ids[:5]


def test_a_database_of_something_else_is_refused_before_a_folder_is_filled(dense, tmp_path, monkeypatch):
    where = {"index": "milvus", "uri": str(tmp_path / "vectors.db"), "collection": "mine"}
    dense(**where)
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(BadInput, match=r"encoder\.normalize true, and false"):
        dense(**where, normalize=False, folder=str(tmp_path / "folder"))
    assert not (tmp_path / "folder").exists()


def test_awkward_texts_and_ids_survive(dense, tmp_path):
    odd = corpus(40)
    flat = dense(odd).retrieve(queries(), 12)
    assert dense(odd, index="milvus", uri=str(tmp_path / "vectors.db")).retrieve(queries(), 12) == flat
