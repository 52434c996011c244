"""How long it takes until one can work: `import rankify` and `rankify --help`, warm, in seconds of whole processes.

    python benchmarks/startup.py [--repeats 11] [--json] [--check]

The figures are medians over processes, after one that is not counted. `python` is an interpreter that does nothing,
which is part of the other two. Also said: which of torch and numba were imported on the way.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table

BAR = 0.2  # seconds
HEAVY = ("torch", "numba")
HELP = "import sys; from rankify.cli import main; sys.argv = ['rankify', '--help']; main()"
CODES = {"python": "pass", "import rankify": "import rankify", "rankify --help": HELP}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    found = {name: measured(code, options.repeats) for name, code in CODES.items()}
    print(json.dumps(found)) if options.json else shown(found)
    for line in (missed := misses(found)):
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(code: str, repeats: int) -> dict[str, Any]:
    """The median of the seconds of processes that run this code, and the heavy modules it imports."""
    seconds(code)
    return {"seconds": statistics.median(seconds(code) for _ in range(repeats)), "imported": heavy(code)}


def seconds(code: str) -> float:
    """How long a process takes, from its start to its end."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def heavy(code: str) -> list[str]:
    """Which of the heavy modules a process has imported when it ends."""
    said = f"sys.stderr.write(' '.join(m for m in {HEAVY} if m in sys.modules))"
    whole = f"import atexit, sys; atexit.register(lambda: {said}); {code}"
    done = subprocess.run([sys.executable, "-c", whole], check=True, capture_output=True, text=True)
    return done.stderr.split()


def misses(found: dict[str, dict[str, Any]]) -> list[str]:
    """What falls short of the bars, a line each."""
    slow = [f"{name}: {f['seconds']:.3f} s, the bar is {BAR}" for name, f in found.items() if f["seconds"] >= BAR]
    return slow + [f"{name} imports {' and '.join(f['imported'])}" for name, f in found.items() if f["imported"]]


def shown(found: dict[str, dict[str, Any]]) -> None:
    """The table of all figures."""
    table = Table(title="Until one can work")
    for heading in ("process", "seconds", "of torch and numba imports"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for name, figures in found.items():
        table.add_row(name, f"{figures['seconds']:.3f}", ", ".join(figures["imported"]) or "none")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
