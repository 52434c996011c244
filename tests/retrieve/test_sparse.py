"""Learned sparse retrieval: what is found, what a folder keeps, and what a killed build leaves behind."""

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
from rankify.encoders.sparse import SparseEncoder
from rankify.errors import BadInput, Misuse
from rankify.indexes.manifest import Manifest
from rankify.retrieve.sparse import Sparse
from rankify.retrieve.weighted_terms import shard_path
from rankify.types import Query
from tests import tiny_sparse

TEXTS = ["the cat", "", "dog", "what is neural retrieval", "rank " * 500, "猫", "document network", "the cat", ""]
IDS = ["007", "null", "a b", "NaN", "7", "猫", "é", "006", "none"]
CORPUS = Corpus(Document(id, text, title) for id, text, title in zip(IDS, TEXTS, ["", "the"] * 5, strict=False))
QUERIES = [Query("1", "what is a cat"), Query("null", ""), Query("3", "dog " * 10_000)]


@pytest.fixture
def sparse(tiny_mlm):
    return lambda corpus=CORPUS, **options: Sparse(corpus, tiny_mlm, **options)


def matrix(vectors, width):
    found = np.zeros((len(vectors), width))
    for line, (terms, weights) in zip(found, vectors, strict=True):
        line[terms] = weights
    return found


@pytest.mark.parametrize("options", [{}, {"scale": 100.0}, {"queries": "ones"}, {"weighting": "splade-v1"}])
def test_the_ranking_is_that_of_a_dense_matrix_product(sparse, tiny_mlm, options):
    encoder = SparseEncoder(tiny_mlm, **options)
    width = len(encoder.terms)
    documents, queries = encoder.encode_documents(CORPUS[:]), encoder.encode_queries([q.text for q in QUERIES])
    products = (matrix(queries, width) @ matrix(documents, width).T).astype(np.float32)
    for ranking, line in zip(sparse(**options).retrieve(QUERIES, 6), products, strict=True):
        wanted = sorted((-s, id) for s, id in zip(line.tolist(), IDS, strict=True) if s > 0)[:6]
        assert ranking.ids == [id for _, id in wanted]
        np.testing.assert_allclose(ranking.scores, [-s for s, _ in wanted], rtol=1e-6)


def test_words_of_deepimpact_are_found_again_and_new_ones_find_nothing(tmp_path):
    model = tiny_sparse.with_layers(tmp_path / "m", "impact_score_encoder", (16, 1))
    corpus = Corpus([Document("a", "the cats rank"), Document("b", "dogs"), Document("c", "cats")])
    folder = str(tmp_path / "index")
    encoder = SparseEncoder(model, weighting="deepimpact")
    weights = {
        d.id: row.get("cats", 0.0)
        for d, row in zip(corpus, encoder.encode_documents(corpus[:]).named(encoder.terms), strict=True)
    }
    wanted = sorted((id for id, w in weights.items() if w), key=weights.get, reverse=True)
    assert wanted
    for _ in range(2):  # built, then opened
        retriever = Sparse(corpus, model, weighting="deepimpact", folder=folder, shard_size=2)
        found, nothing = retriever.retrieve([Query("1", "Cats!"), Query("2", "unicorns")], 5)
        assert found.ids == wanted
        assert len(nothing) == 0


def test_documents_are_views_of_the_corpus(sparse):
    ranking = sparse().retrieve(QUERIES, 3)[0]
    assert ranking.documents.store is CORPUS
    assert ranking.documents[0] == CORPUS[ranking.ids[0]]


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("index", ["exact", "quantised"])
def test_a_corpus_may_be_empty(sparse, n, index, tmp_path):
    for folder in (None, str(tmp_path / "i")):
        run = sparse(Corpus(CORPUS[:n]), folder=folder, index=index).retrieve(QUERIES, 10)
        assert [len(ranking) for ranking in run] == [n] * 3
    assert len(sparse(index=index).retrieve([], 10)) == 0


def test_shards_folders_threads_and_sums_do_not_show(sparse, tmp_path):
    wanted = sparse().retrieve(QUERIES, 9)
    several = [{"shard_size": 2}, {"shard_size": 4, "threads": 1}, {"index": "quantised", "margin": 1.0}]
    for number, options in enumerate(several):
        for folder in (None, str(tmp_path / str(number))):
            for found, ranking in zip(sparse(folder=folder, **options).retrieve(QUERIES, 9), wanted, strict=True):
                assert found.ids == ranking.ids
                np.testing.assert_allclose(found.scores, ranking.scores, rtol=1e-6)


def test_what_a_folder_holds_is_opened_not_encoded(sparse, tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    wanted = sparse(folder=folder).retrieve(QUERIES, 9)
    monkeypatch.setattr(SparseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    assert sparse(folder=folder).retrieve(QUERIES, 9) == wanted
    assert rankify.retriever(Manifest.read(folder)["spec"], CORPUS).retrieve(QUERIES, 9) == wanted


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        (Corpus(CORPUS[:4]), {}, r"another corpus \(\w+, 9 documents, 4 of them in this one\)"),
        (CORPUS, {"pooling": "sum"}, 'encoder.pooling "max", and "sum"'),
        (CORPUS, {"scale": 100.0}, "encoder.scale 0.0, and 100.0"),
        (CORPUS, {"max_length": 30}, "encoder.max_length 64, and 30"),
        (CORPUS, {"dtype": "bfloat16"}, 'encoder.dtype "float32", and "bfloat16"'),
        (CORPUS, {"expansion": "more"}, 'encoder.expansion null, and "more"'),
    ],
)
def test_a_folder_of_something_else_is_refused(sparse, tmp_path, corpus, options, message):
    sparse(folder=str(tmp_path))
    with pytest.raises(BadInput, match=message) as caught:
        sparse(corpus, folder=str(tmp_path), **options)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("index", ["exact", "quantised"])
@pytest.mark.parametrize(
    ("corpus", "encoded"),
    [
        (CORPUS.updated([Document("more", "what cat"), Document("007", "dog")], remove=["a b"]), ["007", "more"]),
        (Corpus(CORPUS[::-1]), []),
    ],
)
def test_a_corpus_that_has_changed_is_followed_and_only_what_is_new_encoded(
    sparse, tmp_path, monkeypatch, index, corpus, encoded
):
    sparse(folder=str(tmp_path), shard_size=4)
    wanted, seen = sparse(corpus, index=index).retrieve(QUERIES, 9), []
    with monkeypatch.context() as patch:
        real = SparseEncoder.encode_documents
        patch.setattr(SparseEncoder, "encode_documents", lambda self, d: seen.extend(x.id for x in d) or real(self, d))
        found = sparse(corpus, folder=str(tmp_path), index=index, shard_size=4)
    assert seen == encoded
    for one, other in zip(found.retrieve(QUERIES, 9), wanted, strict=True):
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-4)


def expanded(said, corpus=CORPUS):
    return Corpus(Document(d.id, d.text, d.title, {"more": said.get(d.id, "dog")}) for d in corpus)


def test_other_expansions_are_followed_though_the_texts_are_the_same(sparse, tmp_path, monkeypatch):
    sparse(expanded({}), folder=str(tmp_path), expansion="more", shard_size=4)
    changed = expanded({"é": "rank", "x": "of"}, CORPUS.updated([Document("x", "neural")]))
    wanted, seen = sparse(changed, expansion="more").retrieve(QUERIES, 9), []
    real = SparseEncoder.encode_documents
    with monkeypatch.context() as patch:
        patch.setattr(SparseEncoder, "encode_documents", lambda self, d: seen.extend(x.id for x in d) or real(self, d))
        found = sparse(changed, folder=str(tmp_path), expansion="more", shard_size=4)
        sparse(changed, folder=str(tmp_path), expansion="more")
    assert seen == ["é", "x"]
    for one, other in zip(found.retrieve(QUERIES, 9), wanted, strict=True):
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-4)
    said = json.loads((tmp_path / Manifest.FILE).read_text())
    assert said["change"] == {"kept": 8, "added": 1, "changed": 1, "removed": 0}


def test_an_index_whose_expansions_are_all_others_is_refused(sparse, tmp_path):
    sparse(expanded({}), folder=str(tmp_path), expansion="more")
    with pytest.raises(BadInput, match=r"another corpus .* 0 of them in this one"):
        sparse(expanded(dict.fromkeys(IDS, "cat")), folder=str(tmp_path), expansion="more")


def test_another_model_is_refused(sparse, tmp_path):
    sparse(folder=str(tmp_path / "index"))
    other = tiny_sparse.mlm(tmp_path / "tiny-mlm", seed=5, initializer_range=0.2)
    with pytest.raises(BadInput, match=r"encoder\.revision"):
        Sparse(CORPUS, other, folder=str(tmp_path / "index"))


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-30])])
def test_a_missing_or_damaged_shard_is_named(sparse, tmp_path, damage):
    sparse(folder=str(tmp_path), shard_size=4)
    damage(shard_path(tmp_path, 1))
    with pytest.raises(BadInput, match=r"weights-00001\.npz.*build it again"):
        sparse(folder=str(tmp_path), shard_size=4)


def test_a_folder_with_other_files_is_left_alone(sparse, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match=r"is no index but holds 'thesis\.tex'"):
        sparse(folder=str(tmp_path))


BUILD = """
import sys, time
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.retrieve.sparse import Sparse

weigh = Sparse._weigh
def slowly(self, documents):
    time.sleep(0.2)
    return weigh(self, documents)
Sparse._weigh = slowly
corpus = Corpus(Document(str(i), f"cat {i}") for i in range(200))
Sparse(corpus, sys.argv[1], folder=sys.argv[2], shard_size=5)
"""


def test_after_a_kill_only_what_was_not_finished_is_encoded_again(tiny_mlm, tmp_path, caplog):
    folder = tmp_path / "index"
    process = subprocess.Popen([sys.executable, "-c", BUILD, tiny_mlm, str(folder)])
    waited = time.monotonic() + 120
    while len(list(folder.glob("weights-*.npz"))) < 3 and process.poll() is None and time.monotonic() < waited:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in folder.glob("weights-*.npz")}
    assert 3 <= len(done) < 40
    assert not Manifest.there(folder)

    corpus = Corpus(Document(str(i), f"cat {i}") for i in range(200))
    caplog.set_level(logging.INFO, "rankify.retrieve.weighted_terms")
    resumed = Sparse(corpus, tiny_mlm, folder=str(folder), shard_size=5)
    assert len([r for r in caplog.records if r.message.startswith("weighed")]) == 40 - len(done)
    assert all(path.stat().st_mtime_ns == when for path, when in done.items())
    others = sorted(p.name for p in folder.iterdir() if not p.name.startswith("weights-"))
    assert others == [f"documents-{corpus.hash[:12]}.npy", "manifest.json"]
    whole = Sparse(corpus, tiny_mlm, shard_size=5)
    assert resumed.retrieve(QUERIES, 20) == whole.retrieve(QUERIES, 20)


def test_an_unfinished_build_of_something_else_is_refused(sparse, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(SparseEncoder, "encode_documents", lambda self, _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sparse(folder=str(tmp_path))
    assert "unfinished.json" in {path.name for path in tmp_path.iterdir()}
    with pytest.raises(BadInput, match=r"encoder\.scale 0\.0, and 10\.0"):
        sparse(folder=str(tmp_path), scale=10.0)
    assert len(sparse(folder=str(tmp_path)).retrieve(QUERIES, 9)[0]) == 9


def test_another_library_version_is_refused(sparse, tmp_path):
    sparse(folder=str(tmp_path))
    path = Path(tmp_path) / Manifest.FILE
    said = json.loads(path.read_text())
    path.write_text(json.dumps({**said, "libraries": {**said["libraries"], "torch": "1.9"}}))
    with pytest.raises(BadInput, match=r'libraries\.torch "1\.9"'):
        sparse(folder=str(tmp_path))


def test_wrong_options_are_refused(sparse):
    with pytest.raises(Misuse, match="threads=0"):
        sparse(threads=0)
    with pytest.raises(LookupError, match="did you mean 'quantised'"):
        sparse(index="quantized")
    with pytest.raises(Misuse, match=r"margin=0\.5"):
        sparse(index="quantised", margin=0.5)


def test_a_spec_loads_an_equal_retriever(tiny_mlm):
    spec = f"sparse:{tiny_mlm}?queries=counts&scale=100.0&index=quantised"
    assert repr(rankify.retriever(spec, CORPUS)) == spec


def test_the_report_counts_tokens_and_passes(sparse):
    counts = sparse()(QUERIES).reports[-1].counts
    assert counts["tokens"] == 6 + 2 + 64
    assert counts["passes"] == 1
