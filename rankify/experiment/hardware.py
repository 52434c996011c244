"""What an experiment ran on: libraries and machine."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from rankify.indexes.manifest import versions

LIBRARIES = (
    "rankify", "numpy", "numba", "ir-measures", "pytrec-eval-terrier", "torch", "transformers", "sentence-transformers",
    "faiss-cpu", "pyserini", "scipy",
)  # fmt: skip


def libraries() -> dict[str, str]:
    """Installed versions of what decides a result; a library that is not installed is left out."""
    return versions(*LIBRARIES)


def machine() -> dict[str, Any]:
    """Python, system, processor, cores, memory in bytes and GPUs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": memory,
        "gpus": _gpus(),
    }


def _processor() -> str:
    """The processor's name as Linux gives it, or else its architecture."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _gpus() -> list[str]:
    """The GPUs that PyTorch sees, if it has been used; it is not imported for this."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
