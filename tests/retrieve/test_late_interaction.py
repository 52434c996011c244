"""Late-interaction retrieval: what is found, what a folder keeps, and what a killed build leaves behind."""

import json
import logging
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.tokens import TokenEncoder
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.indexes.manifest import Manifest
from rankify.retrieve.late_interaction import LateInteraction
from rankify.types import Query, Run
from tests import tiny, tiny_colbert

TEXTS = ["the cat", "", "dog", "what is neural retrieval", "rank " * 500, "猫", "document network", "the cat", ""]
IDS = ["007", "null", "a b", "NaN", "7", "猫", "é", "006", "none"]
CORPUS = Corpus(Document(id, text, title) for id, text, title in zip(IDS, TEXTS, ["", "the"] * 5, strict=False))
QUERIES = [Query("1", "what is a cat"), Query("null", ""), Query("3", "dog " * 10_000)]


@pytest.fixture(scope="module")
def colbert(tmp_path_factory):
    return tiny_colbert.stanford(tmp_path_factory.mktemp("models") / "colbert", metadata={"query_maxlen": 8})


@pytest.fixture
def late(colbert):
    return lambda corpus=CORPUS, **options: LateInteraction(corpus, colbert, **options)


def by_the_definition(colbert, k):
    """(-score, id) of the k best documents of each query, a pair at a time."""
    encoder = TokenEncoder(colbert)
    documents = encoder.encode_documents(CORPUS[:]).split()
    for query in encoder.encode_queries([q.text for q in QUERIES]).split():
        scores = [sum(max(float(q @ d) for d in document) for q in query) for document in documents]
        yield sorted(zip((-s for s in scores), IDS, strict=True))[:k]


def test_the_best_documents_come_first_and_equal_ones_by_id(late, colbert):
    run = late(storage="float32").retrieve(QUERIES, 5)
    for ranking, wanted in zip(run, by_the_definition(colbert, 5), strict=True):
        np.testing.assert_allclose(ranking.scores, [-s for s, _ in wanted], atol=1e-5)
        assert ranking.documents.store is CORPUS
    cats = [id for id in late().retrieve(QUERIES, 9)[0].ids if CORPUS[id].text == "the cat" and not CORPUS[id].title]
    assert cats == sorted(cats)


def test_reranking_gives_the_scores_of_retrieval(late, colbert):
    found = late(storage="float32").retrieve(QUERIES, 9)
    again = rankify.reranker(f"late-interaction:{colbert}")(Run(r.reordered(range(8, -1, -1)) for r in found))
    for one, other in zip(found, again, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_the_compressed_index_finds_everything_that_there_is(late, bits):
    run = late(index="compressed", bits=bits).retrieve(QUERIES, 9)
    assert [sorted(ranking.ids) for ranking in run] == [sorted(IDS)] * 3
    near = late().retrieve(QUERIES, 9)
    for one, other in zip(run, near, strict=True):
        exact = dict(zip(other.ids, other.scores, strict=True))
        np.testing.assert_allclose(one.scores, [exact[id] for id in one.ids], atol={1: 2.5, 2: 1, 4: 0.2}[bits])


@pytest.mark.parametrize("index", ["exact", "compressed"])
@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("stored", [False, True])
def test_a_corpus_may_be_empty(late, index, n, stored, tmp_path):
    folder = str(tmp_path / "i") if stored else None
    run = late(Corpus(CORPUS[:n]), index=index, folder=folder).retrieve(QUERIES, 10)
    assert [len(ranking) for ranking in run] == [n] * 3
    assert len(late(index=index).retrieve([], 10)) == 0


@pytest.mark.parametrize("index", ["exact", "compressed"])
def test_a_folder_answers_as_memory_does_and_is_opened_not_encoded(late, tmp_path, monkeypatch, index):
    folder = str(tmp_path / "index")
    wanted = late(index=index).retrieve(QUERIES, 9)
    assert late(index=index, folder=folder).retrieve(QUERIES, 9) == wanted
    monkeypatch.setattr(TokenEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    assert late(index=index, folder=folder).retrieve(QUERIES, 9) == wanted
    assert rankify.retriever(Manifest.read(folder)["spec"], CORPUS).retrieve(QUERIES, 9) == wanted


def test_shards_and_storage_do_not_show(late, tmp_path):
    wanted = late(storage="float32").retrieve(QUERIES, 9)
    for number, options in enumerate([{"shard_size": 2}, {"shard_size": 4}, {"storage": "float16"}]):
        for folder in (None, str(tmp_path / str(number))):
            for found, ranking in zip(late(folder=folder, **options).retrieve(QUERIES, 9), wanted, strict=True):
                np.testing.assert_allclose(found.scores, ranking.scores, atol=8e-3)


def test_a_compressed_index_of_many_shards_is_that_of_one(late):
    one, many = (late(index="compressed", shard_size=size).retrieve(QUERIES, 9) for size in (9, 2))
    for found, wanted in zip(one, many, strict=True):
        assert found.ids == wanted.ids


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        (Corpus(CORPUS[:4]), {}, r"another corpus \(\w+, 9 documents, 4 of them in this one\)"),
        (CORPUS, {"index": "exact"}, 'index "compressed", and "exact" is asked for'),
        (CORPUS, {"bits": 4}, "bits 2, and 4"),
        (CORPUS, {"nlist": 4}, "nlist null, and 4"),
        (CORPUS, {"query_length": 7}, "encoder.query_length 8, and 7"),
        (CORPUS, {"document_length": 30}, "encoder.document_length 64, and 30"),
        (CORPUS, {"punctuation": True}, "encoder.skip"),
        (CORPUS, {"expand": False}, "encoder.expand true, and false"),
        (CORPUS, {"dtype": "bfloat16"}, 'encoder.dtype "float32", and "bfloat16"'),
    ],
)
def test_a_folder_of_something_else_is_refused(late, tmp_path, corpus, options, message):
    late(folder=str(tmp_path), index="compressed")
    with pytest.raises(BadInput, match=message) as caught:
        late(corpus, folder=str(tmp_path), **{"index": "compressed", **options})
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


AFTER = CORPUS.updated([Document("more", "what cat"), Document("007", "dog")], remove=["a b"])


@pytest.mark.parametrize("corpus", [AFTER, Corpus(CORPUS[::-1]), Corpus([*CORPUS[4:], *CORPUS[:4]])])
@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_an_exact_index_that_followed_a_change_is_one_built_afresh_bit_for_bit(late, tmp_path, corpus, storage):
    options = {"storage": storage, "shard_size": 4, "batch_tokens": 1}  # each text in a batch of its own
    late(folder=str(tmp_path), **options)
    found = late(corpus, folder=str(tmp_path), **options).retrieve(QUERIES, 9)
    assert found == late(corpus, **options).retrieve(QUERIES, 9)


@pytest.mark.parametrize("index", ["exact", "compressed"])
@pytest.mark.parametrize(
    ("corpus", "encoded"), [(AFTER, ["007", "more"]), (Corpus(CORPUS[::-1]), []), (Corpus(CORPUS[:5]), [])]
)
def test_only_what_is_new_is_encoded(late, tmp_path, monkeypatch, index, corpus, encoded):
    late(index=index, folder=str(tmp_path), shard_size=4)
    real, seen = TokenEncoder.encode_documents, []
    monkeypatch.setattr(TokenEncoder, "encode_documents", lambda self, d: seen.extend(x.id for x in d) or real(self, d))
    late(corpus, index=index, folder=str(tmp_path), shard_size=4)
    assert seen == encoded


def test_a_compressed_index_that_followed_a_change_is_that_of_the_corpus_with_the_codec_it_had(late, tmp_path):
    options = {"index": "compressed", "batch_tokens": 1, "nlist": 4}
    before = late(folder=str(tmp_path), **options)
    after = late(AFTER, folder=str(tmp_path), **options)
    np.testing.assert_array_equal(after._index.codec.centroids, before._index.codec.centroids)
    vectors = after.encoder.encode_documents(AFTER[:]).vectors
    for found, wanted in zip(
        (after._index.cells, after._index.codes.between(0, len(vectors))),
        before._index.codec.compressed(vectors),
        strict=True,
    ):
        np.testing.assert_array_equal(found, wanted)
    assert [sorted(ranking.ids) for ranking in after.retrieve(QUERIES, 99)] == [sorted(AFTER.ids)] * 3


def test_a_compressed_index_of_a_corpus_that_has_doubled_is_one_built_afresh(late, tmp_path):
    options = {"index": "compressed", "batch_tokens": 1}
    late(folder=str(tmp_path), **options)
    double = Corpus([*CORPUS, *(Document(f"n{i}", f"neural cat {i}") for i in range(10))])
    found = late(double, folder=str(tmp_path), **options).retrieve(QUERIES, 19)
    assert found == late(double, **options).retrieve(QUERIES, 19)


def test_what_only_searches_does_not_bind_a_folder(late, tmp_path):
    late(folder=str(tmp_path), index="compressed")
    late(folder=str(tmp_path), index="compressed", nprobe=2, refine=9, shard_size=3, batch_tokens=99)


def test_another_model_is_refused(late, tmp_path):
    late(folder=str(tmp_path / "index"))
    other = tiny_colbert.stanford(tmp_path / "colbert", metadata={"query_maxlen": 8}, seed=5)
    with pytest.raises(BadInput, match=r"encoder\.revision"):
        LateInteraction(CORPUS, other, folder=str(tmp_path / "index"))


@pytest.mark.parametrize("name", ["vectors", "lengths"])
def test_a_missing_shard_is_named(late, tmp_path, name):
    late(folder=str(tmp_path), shard_size=4)
    (tmp_path / f"{name}-00001.npy").unlink()
    with pytest.raises(BadInput, match=rf"{name}-00001\.npy"):
        late(folder=str(tmp_path), shard_size=4)


def test_a_folder_with_other_files_is_left_alone(late, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(BadInput, match=r"is no index but holds 'thesis\.tex'"):
        late(folder=str(tmp_path))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"index": "compresed"}, UnknownName, "did you mean 'compressed'"),
        ({"index": "compressed", "bits": 3}, Misuse, "bits=3"),
        ({"index": "compressed", "nprobe": 0}, Misuse, "nprobe=0"),
        ({"index": "compressed", "nlist": 0}, Misuse, "nlist=0"),
        ({"storage": "int8"}, UnknownName, "float16"),
        ({"shard_size": 0}, Misuse, "0"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_encoded(late, options, error, message, monkeypatch):
    monkeypatch.setattr(TokenEncoder, "encode_documents", lambda self, _: pytest.fail("encoded"))
    with pytest.raises(error, match=message):
        late(**options)


BUILD = """
import sys, time
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.retrieve.late_interaction import LateInteraction

encode = LateInteraction._encode
def slowly(self, positions):
    time.sleep(0.2)
    return encode(self, positions)
LateInteraction._encode = slowly
corpus = Corpus(Document(str(i), f"cat {i}") for i in range(60))
LateInteraction(corpus, sys.argv[1], index="compressed", folder=sys.argv[2], shard_size=5)
"""


def test_after_a_kill_only_what_was_not_finished_is_encoded_again(colbert, tmp_path, caplog):
    folder = tmp_path / "index"
    process = subprocess.Popen([sys.executable, "-c", BUILD, colbert, str(folder)])
    waited = time.monotonic() + 120
    while len(list(folder.glob("lengths-*.npy"))) < 3 and process.poll() is None and time.monotonic() < waited:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path: path.stat().st_mtime_ns for path in folder.glob("lengths-*.npy")}
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("centroids-*.npy")}
    assert 3 <= len(done) < 12
    assert len(kept) == 1
    assert not Manifest.there(folder)

    corpus = Corpus(Document(str(i), f"cat {i}") for i in range(60))
    caplog.set_level(logging.INFO, "rankify.retrieve.late_interaction")
    options = {"index": "compressed", "shard_size": 5}
    resumed = LateInteraction(corpus, colbert, folder=str(folder), **options)
    assert len([r for r in caplog.records if r.message.startswith("encoded")]) == 12 - len(done)
    assert all(path.stat().st_mtime_ns == when for path, when in {**done, **kept}.items())
    assert (folder / "manifest.json").is_file()
    assert not (folder / "unfinished.json").exists()
    assert resumed.retrieve(QUERIES, 20) == LateInteraction(corpus, colbert, **options).retrieve(QUERIES, 20)


def test_an_unfinished_build_of_something_else_is_refused(late, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(TokenEncoder, "encode_documents", lambda self, _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            late(folder=str(tmp_path))
    with pytest.raises(BadInput, match=r"encoder\.expand true, and false"):
        late(folder=str(tmp_path), expand=False)
    assert len(late(folder=str(tmp_path)).retrieve(QUERIES, 9)[0]) == 9


def test_a_manifest_says_how_the_index_was_made(late, tmp_path):
    late(folder=str(tmp_path), index="compressed", bits=4)
    said = json.loads((tmp_path / "manifest.json").read_text())
    assert (said["kind"], said["index"], said["bits"], said["documents"]) == ("late-interaction", "compressed", 4, 9)
    assert said["encoder"]["query_marker"] == "[unused0]"


def test_a_spec_loads_an_equal_retriever(colbert):
    spec = f"late-interaction:{colbert}?index=compressed&bits=4&nprobe=3"
    assert repr(rankify.retriever(spec, CORPUS)) == spec


def test_any_encoder_retrieves(tmp_path):
    folder = tiny.tiny_bert(tmp_path)
    ranking = rankify.retriever(f"late-interaction:{folder}", CORPUS).retrieve([Query("q", "the cat")], 9)[0]
    assert ranking.ids[0] == "007"
    assert ranking.scores[0] == pytest.approx(4, abs=2e-3)  # each token is its own best match


def test_the_report_counts_tokens_and_passes(late):
    counts = late()(QUERIES).reports[-1].counts
    assert counts["tokens"] == 3 * 8
    assert counts["passes"] == 1
