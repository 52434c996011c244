"""Dense retrieval by signs, as BPR: two towers, codes of passages, the scores of a float query with them."""

import numpy as np
import pytest

import rankify
from rankify import catalog
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.errors import BadInput, Misuse
from rankify.indexes.vectors import shard_path
from rankify.retrieve.dense import Dense
from rankify.types import Query
from tests import tiny_dense

WORDS = ["cat", "dog", "rank", "query", "document", "retrieval", "neural", "network"]
CORPUS = Corpus(Document(f"d{i:03}", f"{WORDS[i % 8]} {WORDS[i // 8 % 8]} {i}") for i in range(90))
QUERIES = [Query("1", "what is a cat"), Query("2", "neural network 7"), Query("3", "")]


@pytest.fixture(scope="module")
def bpr(tmp_path_factory):
    family = tiny_dense.dpr(tmp_path_factory.mktemp("bpr"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalog.models(), family.folder, {"encoding": family.encoding})
        yield family


def test_it_finds_what_bpr_finds(bpr):
    found = Dense(CORPUS, bpr.folder, index="binary", storage="bits", candidates=20).retrieve(QUERIES, 5)
    codes = np.stack([np.where(bpr.vector(d.text, False) > 0, 1, -1) for d in CORPUS])
    for query, ranking in zip(QUERIES, found, strict=True):
        vector = bpr.vector(query.text, True)
        far = (codes != np.where(vector > 0, 1, -1)).sum(axis=1)
        near = sorted(range(len(CORPUS)), key=lambda place: (far[place], place))[:20]
        scores = {CORPUS[place].id: float(codes[place] @ vector) for place in near}
        best = sorted(scores, key=lambda name: (-round(scores[name], 4), name))[:5]
        assert ranking.ids == best
        np.testing.assert_allclose(ranking.scores, [scores[id] for id in best], atol=1e-3)


def test_a_folder_of_bits_is_a_thirty_second_of_one_of_floats(bpr, tmp_path):
    dense = {
        name: Dense(CORPUS, bpr.folder, index="binary", storage=name, folder=str(tmp_path / name))
        for name in ("bits", "float32")
    }
    sizes = {name: np.load(shard_path(tmp_path / name, 0)).nbytes for name in dense}
    assert sizes["bits"] * 32 == sizes["float32"]
    again = Dense(CORPUS, bpr.folder, index="binary", storage="bits", folder=str(tmp_path / "bits"))
    assert again.retrieve(QUERIES, 9) == dense["bits"].retrieve(QUERIES, 9)


def test_bits_serve_the_other_indexes_too(bpr, tmp_path):
    vectors = {i: Dense(CORPUS, bpr.folder, index=i, storage="bits") for i in ("flat", "faiss-flat")}
    wanted = Dense(CORPUS, bpr.folder, index="binary", storage="bits", candidates=90).retrieve(QUERIES, 9)
    for dense in vectors.values():
        for found, ranking in zip(dense.retrieve(QUERIES, 9), wanted, strict=True):
            assert found.ids == ranking.ids
            np.testing.assert_allclose(found.scores, ranking.scores, atol=1e-4)


def test_a_folder_of_bits_follows_its_corpus(bpr, tmp_path):
    folder = str(tmp_path)
    Dense(Corpus(CORPUS[:80]), bpr.folder, index="binary", storage="bits", folder=folder)
    grown = Dense(CORPUS, bpr.folder, index="binary", storage="bits", folder=folder)
    fresh = Dense(CORPUS, bpr.folder, index="binary", storage="bits")
    assert [r.ids for r in grown.retrieve(QUERIES, 9)] == [r.ids for r in fresh.retrieve(QUERIES, 9)]


def test_a_folder_of_floats_is_not_one_of_bits(bpr, tmp_path):
    Dense(CORPUS, bpr.folder, folder=str(tmp_path))
    with pytest.raises(BadInput, match='storage "float32", and "bits"'):
        Dense(CORPUS, bpr.folder, index="binary", storage="bits", folder=str(tmp_path))


@pytest.mark.parametrize("options", [{"candidates": 0}, {"index": "milvus", "storage": "bits"}])
def test_what_makes_no_sense_is_refused_before_anything_is_encoded(bpr, options, monkeypatch):
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(BadInput):
        Dense(CORPUS, bpr.folder, **{"index": "binary", **options})


def test_its_spec_loads_an_equal_retriever(bpr):
    spec = f"dense:{bpr.folder}?index=binary&storage=bits&candidates=20"
    assert repr(rankify.retriever(spec, CORPUS)) == spec


def test_options_of_the_encoder_are_options_of_the_retriever(bpr, tmp_path, monkeypatch):
    retriever = rankify.retriever(f"dense:{bpr.folder}?query_length=9&query_model={bpr.folder}", CORPUS)
    assert retriever.encoder.recipe.query_length == 9
    assert retriever.encoder.recipe.query_model == bpr.folder
    assert "query_length=9" in repr(retriever)
    with pytest.raises(Misuse, match="takes no instruction"):
        rankify.retriever(f"dense:{bpr.folder}?instruction=beir/scifact", CORPUS)
    family = tiny_dense.e5_mistral(tmp_path / "e5")
    monkeypatch.setitem(catalog.models(), family.folder, {"encoding": family.encoding})
    told = rankify.retriever(f"dense:{family.folder}?instruction=beir/scifact&max_length=64", CORPUS)
    assert told.encoder.recipe.before_query.startswith("Instruct: Given a scientific claim")
