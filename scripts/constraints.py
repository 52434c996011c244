"""Writes constraints.txt: the exact versions that `make` installs, for every Python that Rankify supports, on Linux.

Run it with `make constraints` after a change of dependencies, then `make lint test` before committing the result.
"""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
EXTRAS = (
    "bench", "demo", "dev", "docs", "flashrank", "hub", "lucene", "neural", "onnx", "openvino", "peft", "plot", "stats",
)  # fmt: skip
PINNED = "torch==2.13.0\n"  # the release whose CPU build machines without a GPU keep at hand
OF_TORCH = ("cuda-", "nvidia-", "triton")  # PyTorch's GPU builds pin these themselves, its CPU builds need none
HEADER = """\
# The exact versions that continuous integration tests, on Linux with CPython 3.10 to 3.13.
# Ranges are in pyproject.toml.
# Written by scripts/constraints.py (make constraints). PyTorch's own GPU libraries follow from its version.
"""


def resolved(python: str) -> dict[str, str]:
    """Package name -> version, as uv resolves all extras for one version of Python."""
    extras = [word for extra in EXTRAS for word in ("--extra", extra)]
    target = ["--python-version", python, "--python-platform", "x86_64-unknown-linux-gnu"]
    options = ["--quiet", "--no-header", "--no-annotate", "--constraint", "-"]
    command = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", *extras, *target, *options]
    done = subprocess.run(command, input=PINNED, capture_output=True, text=True, check=True, cwd=ROOT)
    return dict(line.split("==") for line in done.stdout.splitlines() if not line.startswith(OF_TORCH))


def lines() -> list[str]:
    """One line per package and version, with a marker where not every Python has that version."""
    pythons: dict[tuple[str, str], list[str]] = defaultdict(list)
    for python in PYTHONS:
        for pin in resolved(python).items():
            pythons[pin].append(python)
    return [f"{name}=={version}{marker(found)}" for (name, version), found in sorted(pythons.items())]


def marker(pythons: list[str]) -> str:
    """The environment marker that holds for exactly these versions, which are neighbours.

    >>> marker(["3.10"]), marker(["3.12", "3.13"]), marker(list(PYTHONS))
    (" ; python_version < '3.11'", " ; python_version >= '3.12'", '')
    """
    low = [] if pythons[0] == PYTHONS[0] else [f"python_version >= '{pythons[0]}'"]
    high = [] if pythons[-1] == PYTHONS[-1] else [f"python_version < '{PYTHONS[PYTHONS.index(pythons[-1]) + 1]}'"]
    return f" ; {' and '.join(low + high)}" if low + high else ""


if __name__ == "__main__":
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(lines()) + "\n", "utf-8")
