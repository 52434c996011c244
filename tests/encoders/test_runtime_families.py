"""Cross-encoders of every family, run by ONNX Runtime and OpenVINO, against the same networks in torch."""

import logging
import sys

import numpy as np
import pytest

from rankify.encoders.pairs import PairScorer
from rankify.encoders.runtimes import by_onnx, by_openvino, outside
from rankify.errors import RankifyError
from tests import tiny_pairs

for library in ("onnx", "onnxscript", "onnxruntime", "openvino"):
    pytest.importorskip(library)

pytestmark = pytest.mark.usefixtures("exported_once")

BACKENDS = ("onnx", "openvino")
QUERIES = ["what is neural retrieval", "", "cat", "dog " * 90]
PASSAGES = ["the cat and the dog", "", "network " * 200, "a", "Ünïcödé 猫", "rank 007 null"]
ALL = np.array([(q, p) for q in range(len(QUERIES)) for p in range(len(PASSAGES))])
QUICK = ("deberta_v2", "modernbert")  # the others take seconds each to export
LEAST = {"t5": 0.9}  # correlation of scores in int8 with those in float32; a random T5 has numbers of any size
FAMILIES = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in tiny_pairs.FAMILIES
    if name not in ("rankllama", "tart_instructed")  # the networks of dear and of tart
]


def scores(family, **options):
    return PairScorer(family.folder, **family.options, **options).scores(QUERIES, PASSAGES, ALL)


@pytest.mark.parametrize("name", FAMILIES)
def test_scores_outside_torch_are_those_of_torch_in_float32_and_near_them_in_int8(made, name):
    family = made(name)
    wanted = scores(family)
    for backend in BACKENDS:
        np.testing.assert_allclose(scores(family, backend=backend), wanted, atol=1e-4)
        found = scores(family, backend=backend, quantize="int8")
        assert np.abs(found - wanted).max() > 0
        assert np.corrcoef(wanted, found)[0, 1] > LEAST.get(name, 0.985)


def test_a_network_whose_fusion_computes_something_else_is_quantised_without_it(made, monkeypatch, caplog):
    from onnxruntime.transformers import optimizer

    family = made("deberta_v2")

    class Wrong:
        def save_model_to_file(self, path, **_):
            import onnx

            model = onnx.load(str(fused[0]))
            for weight in model.graph.initializer:
                if weight.data_type == onnx.TensorProto.FLOAT:
                    values = onnx.numpy_helper.to_array(weight) + 1
                    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
            onnx.save(model, path)

    fused = []
    monkeypatch.setattr(optimizer, "optimize_model", lambda path, **_: fused.append(path) or Wrong())
    monkeypatch.setattr(outside, "EDITION", -1)
    caplog.set_level(logging.INFO)
    found = scores(family, backend="onnx", quantize="int8")
    assert fused
    assert "are not fused: DebertaV2ForSequenceClassification exported computes something else" in caplog.text
    assert np.corrcoef(scores(family), found)[0, 1] > 0.985


@pytest.mark.parametrize(
    ("give", "message"),
    [
        (lambda inputs: np.full((3, 1), np.nan), "gives no finite numbers"),
        (lambda inputs: 1 / 0, "cannot be run: division by zero"),
    ],
)
def test_a_network_in_int8_that_cannot_be_run_is_refused_and_not_kept(made, monkeypatch, tmp_path, give, message):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path))
    monkeypatch.setattr(by_openvino, "runner", lambda folder: give)
    said = f"DebertaV2ForSequenceClassification in int8 with backend=openvino {message}; leave quantize out"
    with pytest.raises(RankifyError, match=said):
        scores(made("deberta_v2"), backend="openvino", quantize="int8")
    assert not list(tmp_path.glob("exports/*/whole"))


def test_what_the_tools_print_is_not_in_the_output(made, monkeypatch, capsys):
    from onnxruntime.transformers import optimizer

    def prints(*_, **__):
        sys.stdout.write("failed in shape inference")
        raise RuntimeError("no")

    monkeypatch.setattr(optimizer, "optimize_model", prints)
    monkeypatch.setattr(outside, "EDITION", -2)
    scores(made("deberta_v2"), backend="onnx", quantize="int8")
    assert capsys.readouterr().out == ""
    assert by_onnx.logging.root.manager.disable == 0
