"""Learned sparse retrieval over the impact index: memory, build, queries a second, and what approximate search misses.

    python -m benchmarks.impact [--documents 1000000] [--queries 200] [--folder F] [--json] [--check]

The collection is resampled from real texts, as benchmarks/impact_data.py says, about 120 weights a document; queries
are real ones of up to 40 weights. Each index is built from shards on disk and searched in a process of its own, so that
its peak memory is its own. Speeds are of one thread, by the processor's time, so that neighbours on the machine count
little. "exact, looked up" is the exact index searched as BM25's short queries are (MaxScore); the exact index itself
walks through the postings of queries of many terms. Recall is the share of the exact index's best k that is found.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.command import markdown, peak_memory

INDEXES = ("exact", "exact, looked up", "quantised")
DEPTHS = (10, 100, 1000)
GIGABYTES, RECALL, TIMES = 4.0, 0.99, 1.0  # the bars, at the greatest depth; three times as fast is the aim
SHARD = 50_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--folder", help="where the collection is kept, and taken from when it is there")
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measured(options.alone, Path(options.folder))))
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(options.folder or made)
        collect(folder, options.documents, options.queries)
        found = {name: alone(name, folder) for name in INDEXES}
    if options.markdown:
        options.markdown.write_text(markdown(lines(found)), encoding="utf-8")
    print(json.dumps(found)) if options.json else shown(found)
    for line in (missed := misses(found)):
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def collect(folder: Path, documents: int, queries: int) -> None:
    """Writes the shards and the queries, unless they are there."""
    from benchmarks.impact_data import Resampled
    from rankify.indexes.term_weights import TermWeights

    if (folder / "queries.npz").is_file():
        return
    source = Resampled()
    names = [str(term) for term in range(source.terms)]
    for number, rows in enumerate(source.documents(documents, size=SHARD)):
        TermWeights.of(names, *rows).save(folder / f"weights-{number:05}.npz")
    offsets, terms, weights = source.queries
    chosen = np.random.default_rng(7).choice(len(offsets) - 1, queries, replace=False)
    places = np.concatenate([np.arange(offsets[q], offsets[q + 1]) for q in chosen])
    ends = np.cumsum([0, *np.diff(offsets)[chosen]])
    np.savez(folder / "queries.npz", offsets=ends, terms=terms[places], weights=weights[places])


def alone(name: str, folder: Path) -> dict[str, Any]:
    """One index in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.impact", "--alone", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(name: str, folder: Path) -> dict[str, Any]:
    """Everything about one index; the exact one leaves what it finds in the folder, for the others to be compared."""
    from rankify.indexes.term_weights import Shards, Vocabulary

    shards = Shards(sorted(folder.glob("weights-*.npz")))
    start = time.process_time()
    vocabulary = Vocabulary.of(shards)
    index, queries = built(name, shards, vocabulary), asked(folder, vocabulary)
    found: dict[str, Any] = {"build": time.process_time() - start, "documents": len(index.id_ranks)}
    found["weights"] = sum(size for _, size in vocabulary.sizes) / max(len(index.id_ranks), 1)
    found["terms"] = len(queries.terms) / len(queries)
    index.search(queries, 1, threads=1)  # compiles
    for k in DEPTHS:
        start = time.process_time()
        parts = index.search(queries, k, threads=1)
        found[f"q/s@{k}"] = len(queries) / (time.process_time() - start)
        rankings = [set(part.documents[span].tolist()) for part in parts for span in part.spans()]
        found[f"recall@{k}"] = recall(rankings, folder / f"exact-{k}.json", name == INDEXES[0])
    found["peak GB"] = peak_memory() / 1024**3
    return found


def built(name: str, shards: Any, vocabulary: Any) -> Any:
    """The index of that name."""
    from rankify.indexes.impact import ImpactIndex
    from rankify.indexes.quantised import QuantisedIndex
    from rankify.indexes.term_weights import inverted

    ranks = np.arange(sum(documents for documents, _ in vocabulary.sizes), dtype=np.int32)
    if name == "quantised":
        return QuantisedIndex(shards, vocabulary, ranks, margin=1.2)
    return ImpactIndex(*inverted(shards, vocabulary), ranks, walking=name == "exact")


def asked(folder: Path, vocabulary: Any) -> Any:
    """The queries, in the vocabulary's numbers."""
    from rankify.indexes.impact import SparseQueries

    with np.load(folder / "queries.npz") as file:
        offsets, terms, weights = file["offsets"], file["terms"], file["weights"]
    numbers = np.array([vocabulary.numbers.get(str(term), -1) for term in terms.tolist()])
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))[numbers >= 0]
    ends = np.searchsorted(rows, np.arange(len(offsets)))
    return SparseQueries(ends, numbers[numbers >= 0].astype(np.int32), weights[numbers >= 0])


def recall(rankings: list[set[int]], path: Path, exact: bool) -> float:
    """The share of the exact rankings that was found; the exact ones are written down first."""
    if exact:
        path.write_text(json.dumps([sorted(ranking) for ranking in rankings]))
    wanted = json.loads(path.read_text())
    return float(np.mean([len(r & set(w)) / max(len(w), 1) for r, w in zip(rankings, wanted, strict=True)]))


def misses(found: dict[str, dict[str, Any]]) -> list[str]:
    """What falls short of the bars, a line each."""
    exact, other, k = found["exact"], found["quantised"], DEPTHS[-1]
    times = other[f"q/s@{k}"] / exact[f"q/s@{k}"]
    lines = []
    if exact["peak GB"] > GIGABYTES:
        lines.append(f"exact search takes {exact['peak GB']:.2f} GB, the bar is {GIGABYTES}")
    if other[f"recall@{k}"] < RECALL:
        lines.append(f"quantised search has a recall@{k} of {other[f'recall@{k}']:.4f}, the bar is {RECALL}")
    if times <= TIMES:
        lines.append(f"quantised search is {times:.2f} times as fast as exact search at k={k}")
    return lines


NAMES = {
    "exact": "`exact`", "exact, looked up": "exact, looked up as BM25's queries are", "quantised": "`quantised`",
}  # fmt: skip


def lines(found: dict[str, dict[str, Any]]) -> list[list[str]]:
    """The lines of a Markdown table; recall is the least of all depths."""
    head = ["index", "build s", "peak GB", *(f"queries/s, k = {k:,}" for k in DEPTHS), "recall, each k"]
    rows = []
    for name, f in found.items():
        least = min(f[f"recall@{k}"] for k in DEPTHS)
        speeds = [f"{f[f'q/s@{k}']:,.0f}" for k in DEPTHS]
        rows.append([NAMES[name], f"{f['build']:.1f}", f"{f['peak GB']:.1f}", *speeds, f"{least:.4f}"])
    return [head, ["---", *["---:"] * (len(head) - 1)], *rows]


def shown(found: dict[str, dict[str, Any]]) -> None:
    """The table of all figures."""
    first = found["exact"]
    what = f"{first['documents']:,} documents of {first['weights']:.0f} weights resampled from real texts, "
    table = Table(title=what + f"queries of {first['terms']:.0f} weights, one thread")
    columns = ["build", "peak GB", *(f"{figure}@{k}" for k in DEPTHS for figure in ("q/s", "recall"))]
    for heading in ("index", "build s", *columns[1:]):
        table.add_column(heading, justify="left" if heading == "index" else "right")
    for name, figures in found.items():
        cells = [f"{figures[c]:.4f}" if c.startswith("recall") else f"{figures[c]:,.2f}" for c in columns]
        table.add_row(name, *cells)
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
