"""Networks in ONNX's format as functions from arrays to arrays, run by ONNX Runtime on the processor."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput, needs

Array = NDArray[Any]
SILENT = 3  # ONNX Runtime's level of errors; what it warns of are its own choices


def threads() -> int:
    """How many threads a network may use: torch's number where it is loaded, else the environment's, or every core."""
    if torch := sys.modules.get("torch"):
        return int(torch.get_num_threads())
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else len(os.sched_getaffinity(0))


class Session:
    """A network in a file.

    Args:
        path: a file in ONNX's format.

    Raises:
        MissingExtra: ONNX Runtime is not installed.
        BadInput: the file is not one of them.
    """

    def __init__(self, path: Path, *, extra: str = "onnx") -> None:
        runtime = needs("onnxruntime", extra)
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads(), SILENT
        options.enable_mem_pattern = False  # patterns are of one shape, and batches have many
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # of no class in particular, and none of them runs anything of the file
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise BadInput(f"cannot load {path}: {reason}") from error
        self.inputs = tuple(found.name for found in self._session.get_inputs())

    def __call__(self, inputs: Mapping[str, Array]) -> Array:
        """The first output, from the inputs that the network reads; others may stand among them.

        Raises:
            MemoryError: memory ran out.
        """
        try:
            found: Array = self._session.run(None, {name: inputs[name] for name in self.inputs})[0]
        except Exception as error:
            if "allocat" in str(error).lower():
                raise MemoryError(str(error)) from error
            raise
        return np.asarray(found)
