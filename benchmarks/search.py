"""First-stage search against peers: rankify, bm25s (numba) and Pyserini, side by side in one run.

    python benchmarks/search.py [--collections nfcorpus scifact zipf-1000000] [--repeats 3] [--json] [--check]

Every measurement is a process of its own (search_systems.py); the systems take turns, so that a machine that speeds up
or slows down does so for all. Figures are medians; a ratio compares the medians of rankify and bm25s.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
BARS = {"nfcorpus": 1.0, "scifact": 1.0, "zipf-1000000": 2.0}  # how many times bm25s's queries per second are asked for


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", default=list(BARS))
    parser.add_argument("--systems", nargs="+", default=["rankify", "bm25s", "pyserini"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    options = parser.parse_args()
    results = {name: measured(name, options) for name in options.collections}
    if options.json:
        print(json.dumps(results))
    else:
        shown(results)
    missed = [line for name, found in results.items() for line in misses(name, found)]
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(collection: str, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """{system: {figure: median}}; Pyserini only where its index is built in reasonable time."""
    systems = [s for s in options.systems if s != "pyserini" or not collection.startswith("zipf-")]
    # small collections take a moment, so they are measured more often
    repeats = options.repeats if collection.startswith("zipf-") else 3 * options.repeats
    runs: dict[str, list[dict[str, float]]] = {system: [] for system in systems}
    for turn in range(repeats):
        for system in systems if turn % 2 else systems[::-1]:
            if system != "pyserini" or turn < options.repeats:
                runs[system].append(alone(system, collection, options.threads))
                print(collection, system, runs[system][-1], file=sys.stderr)
    return {
        s: {figure: statistics.median(r[figure] for r in found) for figure in found[0]} for s, found in runs.items()
    }


def alone(system: str, collection: str, threads: int) -> dict[str, float]:
    """One measurement in a process of its own, on as many cores as threads."""
    cores = sorted(os.sched_getaffinity(0))[:threads]
    command = [sys.executable, str(HERE / "search_systems.py"), system, collection, str(threads)]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ratios(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times faster rankify builds and searches than bm25s, and how much of its memory it takes."""
    ours, peer = found["rankify"], found["bm25s"]
    return {
        "search": peer["search_s"] / ours["search_s"],
        "build": peer["build_s"] / ours["build_s"],
        "memory": ours["peak_mb"] / peer["peak_mb"],
    }


def misses(name: str, found: dict[str, dict[str, float]]) -> list[str]:
    """What falls short of the bars, a line each."""
    if name not in BARS or not {"rankify", "bm25s"} <= found.keys():
        return []
    ratio = ratios(found)
    asked = {"search": ratio["search"] >= BARS[name], "build": ratio["build"] >= 1, "memory": ratio["memory"] <= 1}
    return [f"{name}: {what} at {ratio[what]:.2f} of bm25s" for what, reached in asked.items() if not reached]


def shown(results: dict[str, dict[str, dict[str, float]]]) -> None:
    """The table of all figures."""
    for name, found in results.items():
        table = Table(title=f"{name}, the best 1,000 of each query")
        for heading in ("system", "build s", "search s", "hits", "peak MB", "search", "build", "memory"):
            table.add_column(heading, justify="left" if heading == "system" else "right")
        compared = ratios(found) if {"rankify", "bm25s"} <= found.keys() else {}
        for system, f in found.items():
            own = [
                f"{compared[w]:.2f} x bm25s" if system == "rankify" and compared else ""
                for w in ("search", "build", "memory")
            ]
            table.add_row(
                system, f"{f['build_s']:.2f}", f"{f['search_s']:.4f}", f"{f['hits']:,.0f}", f"{f['peak_mb']:,.0f}", *own
            )
        Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
