"""Heads whose files are not what they should be."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from rankify.encoders.dense import DenseEncoder
from rankify.encoders.pickles import ALLOWED
from rankify.errors import BadInput
from tests import tiny_dense

LAYER = Path("2_Dense")


class Harmful:
    """What a pickle could run: it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture(scope="module")
def gtr(tmp_path_factory):
    return Path(tiny_dense.FAMILIES["gtr"](tmp_path_factory.mktemp("models") / "gtr").folder)


@pytest.fixture
def folder(gtr, tmp_path, monkeypatch):
    """A copy of a model with a linear layer behind its pooling, whose weights may be a pickle."""
    monkeypatch.setenv(ALLOWED, "1")
    return Path(shutil.copytree(gtr, tmp_path / "model"))


def pickled(folder, content):
    """Puts what `content` writes in the place of the layer's weights."""
    (folder / LAYER / "model.safetensors").unlink()
    with (folder / LAYER / "pytorch_model.bin").open("wb") as file:
        content(file)


def test_a_layer_whose_pickle_would_run_something_is_refused_and_not_run(folder, tmp_path):
    mark = tmp_path / "ran"
    pickled(folder, lambda file: torch.save({"linear.weight": Harmful(mark)}, file))
    with pytest.raises(BadInput, match=r"pytorch_model\.bin: it is damaged, or holds more than tensors"):
        DenseEncoder(str(folder))
    assert not mark.exists()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_layer_cut_short_is_refused(folder, name, kept):
    path = folder / LAYER / name
    if name != "model.safetensors":
        pickled(folder, lambda file: torch.save({"linear.weight": torch.ones(16, 16)}, file))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(BadInput, match=f"{name}: it is damaged"):
        DenseEncoder(str(folder))


def test_an_activation_that_is_not_computed_here_is_refused_where_a_pooling_is_asked_for(folder):
    path = folder / LAYER / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "activation_function": "torch.nn.modules.Softsign"}))
    with pytest.raises(BadInput, match="has the activation 'Softsign', which is not computed here: give no pooling"):
        DenseEncoder(str(folder), pooling="mean")


def test_a_module_that_is_not_computed_here_is_not_left_out(folder):
    path = folder / "modules.json"
    listed = json.loads(path.read_text())
    listed[2]["type"] = "sentence_transformers.models.CNN"
    path.write_text(json.dumps(listed))
    with pytest.raises(BadInput, match="has a module 'CNN', which is not computed here: give no pooling"):
        DenseEncoder(str(folder), pooling="mean")


def test_a_dropout_changes_nothing(gtr, folder):
    path = folder / "modules.json"
    listed = json.loads(path.read_text())
    (folder / "9_Dropout").mkdir()
    (folder / "9_Dropout" / "config.json").write_text('{"dropout": 0.9}')
    dropout = {"idx": 2, "name": "9", "path": "9_Dropout", "type": "sentence_transformers.models.Dropout"}
    path.write_text(json.dumps([*listed[:2], dropout, *listed[2:]]))
    found, wanted = (DenseEncoder(str(place)).encode_queries(["a cat"]) for place in (folder, gtr))
    np.testing.assert_array_equal(found, wanted)
