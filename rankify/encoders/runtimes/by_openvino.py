"""Networks run by OpenVINO: weights in int8, and activations in int8 with scales for each token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from rankify.encoders.runtimes.sessions import Array, threads
from rankify.errors import BadInput, needs

NETWORK = "network.xml"
GROUP = "128"  # values of a token that share a scale; divides the widths of published networks
SHAPES = "512"  # operations prepared for batches of one shape that are remembered, which bounds memory
Run = Callable[[Mapping[str, Array]], Array]


class Compiled:
    """A network made ready for the processor.

    Args:
        path: a file in ONNX's or OpenVINO's format.

    Raises:
        BadInput: the file is neither.
    """

    def __init__(self, path: Path) -> None:
        openvino = needs("openvino", "openvino")
        options = {
            "INFERENCE_NUM_THREADS": threads(), "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False, "INFERENCE_PRECISION_HINT": "f32",
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP, "CPU_RUNTIME_CACHE_CAPACITY": SHAPES,
        }  # fmt: skip
        try:
            core = openvino.Core()
            compiled = core.compile_model(_unguarded(core.read_model(str(path))), "CPU", options)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]  # the first ones are places in OpenVINO's source
            raise BadInput(f"cannot load {path}: {reason}") from error
        self._alone = Lock()  # a request is one thread's at a time
        self._request, self._output = compiled.create_infer_request(), compiled.outputs[0]
        self.inputs = tuple(found.get_any_name() for found in compiled.inputs)

    def __call__(self, inputs: Mapping[str, Array]) -> Array:
        """The first output, from the inputs that the network reads; others may stand among them."""
        with self._alone:
            found = self._request.infer({name: inputs[name] for name in self.inputs}, share_inputs=True)
            return np.array(found[self._output])  # a copy: the request uses its own again


def whole(path: Path) -> Run:
    """The network of a file in float32."""
    return Compiled(path)


def keep(path: Path, quantize: str, folder: Path, check: Callable[[Run], None]) -> None:  # noqa: ARG001
    """Writes the network of a file as `runner` reads it; in int8 with a scale for each column of a matrix product.

    A product of two constants, such as DeBERTa's of its relative positions, is computed once, and stays as it is.
    """
    openvino = needs("openvino", "openvino")
    model = openvino.Core().read_model(str(path))
    if quantize == "int8":
        for node in _read_inputs(model):
            if node.get_type_name() == "MatMul":
                _compress(node)
    openvino.save_model(model, str(folder / NETWORK), compress_to_fp16=False)


def read(folder: Path) -> set[Path]:  # noqa: ARG001
    """The files that `keep` leaves to be read beside its own: none."""
    return set()


def runner(folder: Path) -> Run:
    """The network that `keep` wrote."""
    return Compiled(folder / NETWORK)


def _unguarded(model: Any) -> Any:
    """The model without what guards attention against rows whose tokens are all masked.

    There are none of them here, and without the guard OpenVINO runs attention as one operation.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Select":
            guarded, found = node.input_value(0).get_node(), node.input_value(2)
            if guarded.get_type_name() == "IsNaN" and guarded.input_value(0) == found:
                for reader in list(node.output(0).get_target_inputs()):
                    reader.replace_source_output(found)
    return model


def _read_inputs(model: Any) -> list[Any]:
    """The operations whose first input depends on what the network is given, and is no constant."""
    varying, found = set(), []
    for node in model.get_ordered_ops():
        sources = [source.get_node().get_name() in varying for source in node.input_values()]
        if node.get_type_name() == "Parameter" or any(sources):
            varying.add(node.get_name())
        if sources[:1] == [True]:
            found.append(node)
    return found


def _compress(product: Any) -> None:
    """Has a matrix product read its weights as int8 times a scale for each column, where they are constant."""
    ops = needs("openvino.opset13", "openvino")
    source = product.input_value(1).get_node()
    transposed = bool(product.get_attributes()["transpose_b"])
    if source.get_type_name() != "Constant" or len(source.get_output_shape(0)) != 2:
        return
    weights = source.get_data()
    weights = weights if transposed else weights.T  # shape (columns, width)
    scale = np.maximum(np.abs(weights).max(axis=1, keepdims=True) / 127, np.finfo(np.float32).tiny)
    rounded = np.rint(weights / scale).astype(np.int8)
    restored = ops.multiply(ops.convert(ops.constant(rounded), "f32"), ops.constant(scale.astype(np.float32)))
    found = ops.matmul(product.input_value(0), restored, bool(product.get_attributes()["transpose_a"]), True)
    found.set_friendly_name(product.get_friendly_name())
    needs("openvino.utils", "openvino").replace_node(product, found)
