"""What runs a network, and in what numbers: checked before anything is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rankify.errors import Misuse, UnknownName, needs

BACKENDS = ("torch", "onnx", "openvino")
NUMBERS = ("float32", "int8")
LIBRARIES = {"onnx": "onnxruntime", "openvino": "openvino"}


@dataclass(frozen=True)
class Choice:
    """A backend and its numbers.

    Args:
        backend: torch, onnx or openvino.
        quantize: float32, or int8 for a network's matrix products.
    """

    backend: str = "torch"
    quantize: str = "float32"

    @classmethod
    def of(cls, backend: str, quantize: str, *, dtype: str, device: str | None) -> Choice:
        """The choice, if it can be run.

        Raises:
            UnknownName: no backend or numbers of that name.
            Misuse: int8 in torch, or another dtype or device than these backends have.
            MissingExtra: the backend is not installed.
        """
        if backend not in BACKENDS:
            raise UnknownName.among("backend", backend, BACKENDS)
        if quantize not in NUMBERS:
            raise UnknownName.among("quantize", quantize, NUMBERS)
        if backend == "torch":
            if quantize != "float32":
                raise Misuse(f"quantize={quantize} needs backend=onnx or backend=openvino; torch takes dtype=bfloat16")
            return cls()
        if dtype != "float32":
            raise Misuse(f"dtype={dtype} with backend={backend}: it runs in float32, or with quantize=int8")
        if device not in (None, "cpu"):
            raise Misuse(f"device={device} with backend={backend}: it runs on the processor; leave backend out")
        needs(LIBRARIES[backend], backend)
        return cls(backend, quantize)

    @property
    def elsewhere(self) -> bool:
        """Whether another library than torch runs the network."""
        return self.backend != "torch"

    def device(self, asked: str | None) -> str | None:
        """Where the network is loaded: the processor where another library runs it, else where it is asked for."""
        return "cpu" if self.elsewhere else asked

    def described(self) -> dict[str, str]:
        """What of it decides a vector, as fields of a manifest; nothing in torch."""
        return {"backend": self.backend, "quantize": self.quantize} if self.elsewhere else {}


TORCH = Choice()


@cache
def multiplies_int8() -> bool:
    """Whether the processor has instructions that multiply int8 and sum in 32 bits: VNNI, AMX, or Arm's dot product."""
    info = Path("/proc/cpuinfo")
    known = {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp"}
    return info.is_file() and not known.isdisjoint(info.read_text().split())
