"""Large runs: building, writing and evaluating 1,000 queries with 1,000 hits each, in seconds and peak memory.

    python benchmarks/runs.py [--queries 1000] [--depth 1000] [--repeats 3] [--json] [--check]

Every measurement is a process of its own, so that its peak memory is its own. Hits are random documents of a corpus of
100,000 in memory, scores fall, and 100 documents of each query are judged. Figures are medians, the peak the largest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import peak_memory

DOCUMENTS, JUDGED = 100_000, 100
MEASURES = "nDCG@10 RR@10 R@100 AP"
SECONDS, MEGABYTES = 10.0, 500.0  # the bars


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--depth", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measured(options.queries, options.depth)))
        return 0
    found = medians([alone(options.queries, options.depth) for _ in range(options.repeats)])
    print(json.dumps(found)) if options.json else shown(found)
    for line in (missed := misses(found)):
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def alone(queries: int, depth: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, __file__, "--alone", "--queries", str(queries), "--depth", str(depth)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(queries: int, depth: int) -> dict[str, float]:
    """Seconds of each step, and the peak memory of the process in megabytes."""
    import numpy as np

    import rankify
    from rankify.hits import Hits
    from rankify.io.trec import write_run

    rng = np.random.default_rng(7)
    corpus = rankify.Corpus(rankify.Document(f"d{i}", "") for i in range(DOCUMENTS))
    asked = [rankify.Query(f"q{i}", "what?") for i in range(queries)]
    documents = np.concatenate([rng.choice(DOCUMENTS, depth, replace=False) for _ in asked])
    scores = -np.sort(-rng.random((queries, depth)), axis=1).ravel()
    judged = rng.integers(DOCUMENTS, size=(queries, JUDGED)).tolist()
    qrels = rankify.Qrels((f"q{q}", f"d{d}", d % 3) for q, row in enumerate(judged) for d in row)
    counts = np.full(queries, depth)
    found: dict[str, float] = {}
    run = timed(found, "build_s", lambda: rankify.Run.found(asked, corpus, [Hits(documents, scores, counts)]))
    with tempfile.TemporaryDirectory() as folder:
        timed(found, "write_s", lambda: write_run(run, Path(folder) / "run.trec"))
    timed(found, "evaluate_s", lambda: rankify.evaluate(run, qrels, MEASURES))
    found["total_s"] = sum(found.values())
    return {**found, "peak_mb": peak_memory() / 1024**2}


def timed(found: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    """What the work gives; its seconds go under a name."""
    start = time.perf_counter()
    result = work()
    found[name] = time.perf_counter() - start
    return result


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """The median of each figure, and the largest peak."""
    found = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    return {**found, "peak_mb": max(run["peak_mb"] for run in runs)}


def misses(found: dict[str, float]) -> list[str]:
    """What falls short of the bars, a line each."""
    bars = (("total_s", SECONDS, "seconds"), ("peak_mb", MEGABYTES, "MB"))
    return [f"{found[name]:.1f} {unit}, the bar is {bar:g}" for name, bar, unit in bars if found[name] >= bar]


def shown(found: dict[str, float]) -> None:
    """The table of all figures."""
    table = Table(title="A run built, written as TREC and evaluated")
    for name in ("build s", "write s", "evaluate s", "total s", "peak MB"):
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:,.0f}" if name == "peak_mb" else f"{value:.2f}" for name, value in found.items()))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
