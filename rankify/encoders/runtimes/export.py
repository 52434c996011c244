"""Networks of torch as files in ONNX's format."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.errors import RankifyError, needs

if TYPE_CHECKING:
    from torch import Tensor

OPSET = 20  # the first in which GELU is an operator
IN_ONE_FILE = (
    1 << 30
)  # bytes of weights; more are kept in a file beside the network, which the format asks for at 2 GiB


def to_onnx(network: Any, probe: Mapping[str, Tensor], output: str, path: Path, *, extra: str) -> None:
    """Writes a network, whose batches may have any number of rows and tokens.

    Args:
        probe: its inputs, by name, of two rows or more and different lengths, shape (rows, tokens).
        output: the field of what it returns that is read: logits or last_hidden_state.
        extra: the toolkit's extra that brings the libraries that export.

    Raises:
        MissingExtra: onnx or onnxscript is not installed.
        RankifyError: the network does something that cannot be exported.
    """
    import torch

    for library in ("onnx", "onnxscript"):
        needs(library, extra)
    size = sum(tensor.nbytes for tensor in network.state_dict().values())
    shape = {0: torch.export.Dim("rows"), 1: torch.export.Dim("tokens")}
    try:
        with torch.inference_mode(False), torch.no_grad(), _quiet():
            torch.onnx.export(
                _reading(network, tuple(probe), output), tuple(probe.values()), path, input_names=[*probe],
                output_names=[output], opset_version=OPSET, dynamo=True, external_data=size > IN_ONE_FILE,
                dynamic_shapes=(tuple(shape for _ in probe),), verbose=False,
            )  # fmt: skip
    except (torch.onnx.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RankifyError(f"{type(network).__name__} cannot be exported: {reason}; leave backend out") from error


def _reading(network: Any, names: tuple[str, ...], output: str) -> Any:
    """The network as a module from its inputs, in order, to the one output."""
    import torch

    class Reading(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *inputs: Tensor) -> Tensor:
            found: Tensor = getattr(self.network(**dict(zip(names, inputs, strict=True))), output)
            return found

    return Reading().eval()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks; what they would say shows when the export is compared with the network."""
    logs = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
