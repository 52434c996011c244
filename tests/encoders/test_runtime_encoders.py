"""Token vectors and weights of terms by ONNX Runtime and OpenVINO, against the same networks in torch."""

import numpy as np
import pytest

from rankify import Corpus, Document, Query, registry
from rankify.encoders.sparse import SparseEncoder
from rankify.encoders.tokens import TokenEncoder
from rankify.errors import BadInput, Misuse, UnknownName
from tests import tiny_colbert, tiny_sparse

for library in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(library)

pytestmark = pytest.mark.usefixtures("exported_once")

BACKENDS = ("onnx", "openvino")
TEXTS = ["the cat and the dog", "a", "", "network retrieval " * 90, "rank, 007!"]
CORPUS = Corpus([Document(str(number), text) for number, text in enumerate(TEXTS)])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    layers = tiny_sparse.with_layers(home / "unicoil", "tok_proj", (16, 1))
    return {
        "late-interaction": tiny_colbert.stanford(home / "colbert"),
        "sparse": tiny_sparse.mlm(home / "splade"), "unicoil": f"{layers}?weighting=unicoil",
    }  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
def test_token_vectors_in_float32_are_those_of_torch_and_near_them_in_int8(models, backend):
    torch, whole, quantised = (
        TokenEncoder(models["late-interaction"], **given)
        for given in ({}, {"backend": backend}, {"backend": backend, "quantize": "int8"})
    )
    for name in ("encode_passages", "encode_queries"):
        wanted, found, near = (getattr(one, name)(TEXTS) for one in (torch, whole, quantised))
        np.testing.assert_allclose(found.vectors, wanted.vectors, atol=1e-4)
        assert (near.vectors * wanted.vectors).sum(axis=1).min() > 0.98
        assert near.vectors.tolist() != wanted.vectors.tolist()
    assert {"backend": backend, "quantize": "int8"}.items() <= quantised.identity().items()
    assert "backend" not in torch.identity()


@pytest.mark.parametrize("name", ["sparse", "unicoil"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_weights_of_terms_in_float32_are_those_of_torch_and_near_them_in_int8(models, name, backend):
    model, _, weighting = models[name].partition("?weighting=")
    torch, whole, quantised = (
        SparseEncoder(model, weighting=weighting or None, **given)
        for given in ({}, {"backend": backend}, {"backend": backend, "quantize": "int8"})
    )
    for side in ("encode_queries", "encode_documents"):
        asked = TEXTS if side == "encode_queries" else [CORPUS.document(n) for n in range(len(TEXTS))]
        wanted, found, near = (dense(getattr(one, side)(asked), len(one.terms)) for one in (torch, whole, quantised))
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        cosines = (near * wanted).sum(axis=1) / np.linalg.norm(near, axis=1) / np.linalg.norm(wanted, axis=1)
        assert cosines[wanted.any(axis=1)].min() > 0.97
        assert near.tolist() != wanted.tolist()
    assert {"backend": backend, "quantize": "int8"}.items() <= quantised.identity().items()
    assert "backend" not in torch.identity()


def dense(vectors, size):
    found = np.zeros((len(vectors), size))
    for row, (terms, weights) in zip(found, vectors, strict=True):
        row[terms] = weights
    return found


@pytest.mark.parametrize("kind", ["late-interaction", "sparse"])
def test_a_retriever_and_a_reranker_take_the_options(models, kind, tmp_path):
    asked = f"{kind}:{models[kind]}?backend=openvino&quantize=int8"
    retriever, reranker = registry.load("retriever", asked, CORPUS), registry.load("reranker", asked)
    found = retriever.retrieve([Query("1", "cat")], 2)
    for stage in (retriever, reranker):
        assert "backend=openvino&quantize=int8" in repr(stage)
        assert (stage.encoder.backend, stage.encoder.quantize) == ("openvino", "int8")
    assert reranker(found)[0].ids == found[0].ids
    assert {"backend", "quantize"} <= type(retriever).indexed_by
    folder = {"folder": str(tmp_path / "index")}
    registry.load("retriever", asked, CORPUS, **folder)
    with pytest.raises(BadInput, match=r'encoder\.backend "openvino", and null is asked for now'):
        registry.load("retriever", f"{kind}:{models[kind]}", CORPUS, **folder)


@pytest.mark.parametrize("make", [TokenEncoder, SparseEncoder])
def test_a_choice_that_cannot_be_says_so_before_a_model_is_looked_for(make):
    with pytest.raises(UnknownName, match="no backend 'onx'; did you mean 'onnx'"):
        make("no/such-model", backend="onx")
    with pytest.raises(Misuse, match="device=cuda with backend=openvino"):
        make("no/such-model", backend="openvino", device="cuda")
