"""Tiny networks in ONNX's format, written by hand: a cross-encoder whose logits can be computed on paper."""

import json
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests import tiny

NAMES = ("input_ids", "attention_mask", "token_type_ids")


def weights(labels, seed=0):
    """What each token adds to each logit in either segment, shape (2, vocabulary, labels)."""
    drawn = np.random.default_rng(seed).normal(size=(2, len(tiny.tokenizer()), labels))
    return drawn.astype(np.float32)


def network(path, labels=1, names=NAMES):
    """A file with the network whose logits are the masked sums of `weights`."""
    table = weights(labels)
    nodes = [helper.make_node("Gather", ["first", "input_ids"], ["of_first"])]
    found = "of_first"
    if "token_type_ids" in names:
        nodes += [
            helper.make_node("Gather", ["second", "input_ids"], ["of_second"]),
            helper.make_node("Cast", ["token_type_ids"], ["is_second"], to=TensorProto.BOOL),
            helper.make_node("Unsqueeze", ["is_second", "last"], ["chooses"]),
            helper.make_node("Where", ["chooses", "of_second", "of_first"], ["chosen"]),
        ]
        found = "chosen"
    nodes += [
        helper.make_node("Cast", ["attention_mask"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["real", "last"], ["counts"]),
        helper.make_node("Mul", [found, "counts"], ["masked"]),
        helper.make_node("ReduceSum", ["masked", "tokens"], ["logits"], keepdims=0),
    ]
    constants = {"first": table[0], "second": table[1], "last": np.array([2]), "tokens": np.array([1])}
    graph = helper.make_graph(
        nodes,
        "sums",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["rows", "tokens_of_a_row"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["rows", labels])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))


def folder(where, **how):
    """A folder as FlashRank's zips hold one."""
    where = Path(where)
    where.mkdir(parents=True, exist_ok=True)
    own = tiny.tokenizer()
    own.save_pretrained(where)
    (where / "config.json").write_text(json.dumps({"pad_token_id": own.pad_token_id}))
    network(where / "flashrank-tiny.onnx", **how)
    return where


def packed(path, where, extra=()):
    """A zip of a folder, with further members (name, content)."""
    with zipfile.ZipFile(path, "w") as found:
        for file in sorted(where.iterdir()):
            found.write(file, f"{where.name}/{file.name}")
        for name, content in extra:
            found.writestr(name, content)
    return path
