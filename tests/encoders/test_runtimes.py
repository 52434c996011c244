"""Networks run by ONNX Runtime and OpenVINO, against the same networks in torch."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rankify import Corpus, Document, Query, registry
from rankify.encoders.dense import DenseEncoder
from rankify.encoders.pairs import PairScorer
from rankify.encoders.runtimes import by_onnx, export, outside
from rankify.encoders.runtimes.choice import Choice
from rankify.encoders.runtimes.weights import identity_of
from rankify.errors import MissingExtra, Misuse, RankifyError, UnknownName
from tests import tiny

for library in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(library)

pytestmark = pytest.mark.usefixtures("exported_once")

BACKENDS = ("onnx", "openvino")
QUERIES = ["what is neural retrieval", "", "cat", "dog " * 90]
PASSAGES = ["the cat and the dog", "", "network " * 200, "a", "Ünïcödé 猫", "rank 007 null"]
ALL = np.array([(q, p) for q in range(len(QUERIES)) for p in range(len(PASSAGES))])
TEXTS = ["the cat and the dog", "a", "", "network retrieval " * 90]


def exports():
    return sorted(Path(os.environ["RANKIFY_CACHE"], "exports").glob("*/whole"))


@pytest.fixture(scope="module")
def scorer(tiny_cross_encoder):
    """scorer(backend, numbers): the tiny cross-encoder, made once."""
    made = {}

    def make(backend, quantize="float32"):
        if (backend, quantize) not in made:
            made[backend, quantize] = PairScorer(tiny_cross_encoder, backend=backend, quantize=quantize)
        return made[backend, quantize]

    return make


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_in_float32_are_those_of_torch(scorer, backend):
    wanted = scorer("torch").scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scorer(backend).scores(QUERIES, PASSAGES, ALL), wanted, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_in_int8_rank_as_those_of_torch(scorer, backend):
    wanted = scorer("torch").scores(QUERIES, PASSAGES, ALL)
    found = scorer(backend, "int8").scores(QUERIES, PASSAGES, ALL)
    assert 0 < np.abs(found - wanted).max() < 0.1
    ranks = [np.argsort(np.argsort(numbers)) for numbers in (wanted, found)]
    assert np.corrcoef(*ranks)[0, 1] > 0.98


def test_in_int8_by_openvino_a_score_does_not_depend_on_the_batch(scorer):
    one = scorer("openvino", "int8")
    together = one.scores(QUERIES, PASSAGES, ALL)
    alone = [one.scores(QUERIES, PASSAGES, ALL[i : i + 1])[0] for i in range(len(ALL))]
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize(("backend", "quantize"), [("onnx", "float32"), ("openvino", "int8")])
def test_vectors_are_those_of_torch(tiny_bert, backend, quantize):
    torch, other = (
        DenseEncoder(tiny_bert, pooling="mean", **given) for given in ({}, {"backend": backend, "quantize": quantize})
    )
    cosines = (torch.encode_passages(TEXTS) * other.encode_passages(TEXTS)).sum(axis=1)
    assert cosines.min() > (0.99 if quantize == "int8" else 1 - 1e-6)
    assert {"backend": backend, "quantize": quantize}.items() <= other.identity().items()
    assert "backend" not in torch.identity()


@pytest.mark.parametrize("spec", ["cross-encoder:{model}?backend=openvino&quantize=int8", "cross-encoder:{model}"])
def test_its_spec_loads_back_to_the_same(scorer, tiny_cross_encoder, spec):
    scorer("openvino", "int8")
    reranker = registry.load("reranker", spec.format(model=tiny_cross_encoder))
    assert repr(registry.load("reranker", repr(reranker))) == repr(reranker)


def test_a_dense_retriever_and_an_embedding_reranker_take_the_options(tiny_bert):
    asked = f"{tiny_bert}?pooling=mean&backend=openvino&quantize=int8"
    corpus = Corpus([Document("1", "the cat"), Document("2", "network")])
    dense = registry.load("retriever", f"dense:{asked}", corpus)
    embedding = registry.load("reranker", f"embedding:{asked}")
    found = dense.retrieve([Query("1", "cat")], 2)
    for stage in (dense, embedding):
        assert "backend=openvino&quantize=int8" in repr(stage)
    assert embedding(found)[0].ids == found[0].ids


def test_threads_may_ask_one_network_at_once(scorer):
    one = scorer("openvino")
    wanted = one.scores(QUERIES, PASSAGES, ALL).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: one.scores(QUERIES, PASSAGES, ALL).tolist(), range(8)))
    assert all(scores == wanted for scores in found)


def test_an_export_is_made_once(scorer, tiny_cross_encoder, monkeypatch):
    scorer("onnx")
    monkeypatch.setattr(outside, "to_onnx", None)
    again = PairScorer(tiny_cross_encoder, backend="onnx").scores(QUERIES, PASSAGES, ALL)
    assert again.tolist() == scorer("onnx").scores(QUERIES, PASSAGES, ALL).tolist()


def test_other_weights_or_another_configuration_are_another_network(tiny_cross_encoder, tmp_path):
    network = PairScorer(tiny_cross_encoder).checkpoint.network
    first, again = identity_of(network), identity_of(PairScorer(tiny_cross_encoder).checkpoint.network)
    assert first == again
    assert first != identity_of(PairScorer(tiny.tiny_cross_encoder(tmp_path, seed=7)).checkpoint.network)
    network.config.layer_norm_eps = 0.5
    assert first != identity_of(network)


def test_a_damaged_export_is_made_again(scorer, tiny_cross_encoder, caplog):
    wanted = scorer("onnx").scores(QUERIES, PASSAGES, ALL)
    for folder in exports():
        if (folder / "network.onnx").is_file():
            content = bytearray((folder / "network.onnx").read_bytes())
            content[len(content) // 2] ^= 0xFF
            (folder / "network.onnx").write_bytes(content)
    found = PairScorer(tiny_cross_encoder, backend="onnx").scores(QUERIES, PASSAGES, ALL)
    assert "is damaged and is made again" in caplog.text
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize("quantize", ["float32", "int8"])
def test_weights_that_are_too_many_for_one_file_stand_beside_it(
    scorer, tiny_cross_encoder, tmp_path, monkeypatch, quantize
):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path))
    for module in (export, by_onnx):
        monkeypatch.setattr(module, "IN_ONE_FILE", 0)
    found = PairScorer(tiny_cross_encoder, backend="onnx", quantize=quantize).scores(QUERIES, PASSAGES, ALL)
    assert len(list(exports()[0].glob("*.data"))) == 1
    np.testing.assert_allclose(found, scorer("torch").scores(QUERIES, PASSAGES, ALL), atol=0.1)


def test_an_export_that_computes_something_else_is_refused(tiny_cross_encoder, tmp_path, monkeypatch):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path))
    wrong = lambda path: lambda inputs: by_onnx.Session(path)(inputs) + 1  # noqa: E731
    monkeypatch.setattr(by_onnx, "whole", wrong)
    with pytest.raises(RankifyError, match="BertForSequenceClassification exported computes something else"):
        PairScorer(tiny_cross_encoder, backend="onnx")
    assert not exports()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend": "onx"}, UnknownName, "no backend 'onx'; did you mean 'onnx'"),
        ({"backend": "onnx", "quantize": "int4"}, UnknownName, "no quantize 'int4'; did you mean 'int8'"),
        ({"quantize": "int8"}, Misuse, "quantize=int8 needs backend=onnx or backend=openvino"),
        ({"backend": "onnx", "dtype": "bfloat16"}, Misuse, "dtype=bfloat16 with backend=onnx"),
        ({"backend": "openvino", "device": "cuda"}, Misuse, "device=cuda with backend=openvino"),
    ],
)
@pytest.mark.parametrize("kind", [PairScorer, DenseEncoder])
def test_a_choice_that_cannot_be_says_so_before_a_model_is_looked_for(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind("no/such-model", **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_missing_extra_is_named(backend, monkeypatch):
    library = {"onnx": "onnxruntime", "openvino": "openvino"}[backend]
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf'{library} is not installed: pip install "rankify\[{backend}\]"'):
        Choice.of(backend, "int8", dtype="float32", device=None)
