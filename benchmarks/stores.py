"""Vectors in FAISS and in Milvus Lite against exact search: the same top 10, and the memory that a million takes.

    python -m benchmarks.stores [--collection scifact] [--folder runs/stores] [--vectors 1000000] [--dimension 128]
                                [--indexes flat faiss-flat ivfpq milvus] [--json] [--check]

First MiniLM searches a collection through every index; vectors are kept in the folder, so a second start encodes
nothing. Then each index is built over random unit vectors, in a process of its own, and asked 100 queries for 10 each.
`peak` is the most memory that process held, of which the interpreter with its libraries has about 0.3 GB, and the
vectors, mapped from a file, count as far as they were read. Random vectors have no structure that an approximate index
could use: its `agree` says how little it finds there, not how it does on text. One process at a time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import rankify
from benchmarks.command import peak_memory
from rankify.indexes import faiss, milvus
from rankify.indexes.flat import FlatIndex
from rankify.indexes.stores import StoreIndex, fill
from rankify.indexes.vectors import Vectors, open_shards, save_shard

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "dense:sentence-transformers/all-MiniLM-L6-v2"
EXACT = ("flat", "faiss-flat", "milvus")
MOST = 4.0  # GB
SHARD = 16_384
QUERIES, K = 100, 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collection", default="scifact", help="a folder in shared/data, or none")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "stores")
    parser.add_argument("--vectors", type=int, default=1_000_000, help="0 for the collection alone")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--indexes", nargs="+", default=["flat", "faiss-flat", "ivfpq", "milvus"])
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a bar is missed")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measured(options.one, options.folder, options.vectors, options.dimension)))
        return 0
    found: dict[str, Any] = {}
    if options.collection != "none":
        found[options.collection] = agreement(options.collection, options.folder)
    if options.vectors:
        found["random"] = million(options.indexes, options.vectors, options.dimension)
    print(json.dumps(found)) if options.json else shown(found, options)
    for line in (missed := misses(found)):
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def agreement(collection: str, folder: Path) -> dict[str, dict[str, float]]:
    """Of each index, in how many of all queries the top 10 is that of exact search, and what of it is found."""
    data = rankify.dataset(str(DATA / collection))
    wanted: list[list[str]] = []
    found = {}
    for index in ("flat", *faiss.KINDS, *milvus.KINDS):
        retriever = rankify.retriever(f"{MODEL}?index={index}", data.corpus, folder=str(folder / collection))
        start = time.perf_counter()
        run = (retriever % K)(data.queries)
        seconds = time.perf_counter() - start
        tops = [ranking.ids for ranking in run]
        wanted = wanted or tops
        found[index] = {"same": share(a == b for a, b in zip(tops, wanted, strict=True)), "seconds": seconds}
        found[index]["recall"] = share(len({*a} & {*b}) / K for a, b in zip(tops, wanted, strict=True))
        found[index]["nDCG@10"] = rankify.evaluate(run, data.qrels, "nDCG@10")["nDCG@10"]
        print(f"{collection} {index}: {found[index]}", file=sys.stderr)
    return found


def share(values: Any) -> float:
    return float(np.mean(list(values)))


def million(indexes: list[str], n: int, dimension: int) -> dict[str, dict[str, float]]:
    """What each index takes over random unit vectors, one process after the other."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="rankify-stores-") as place:
        write(Path(place), n, dimension)
        for index in indexes:
            words = ["--one", index, "--folder", place, "--vectors", str(n), "--dimension", str(dimension)]
            command = [sys.executable, "-m", "benchmarks.stores", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
            if done.returncode:
                sys.exit(f"{index}: {done.stderr[-2000:]}")
            found[index] = json.loads(done.stdout.splitlines()[-1])
            print(f"{index}: {found[index]}", file=sys.stderr)
    return found


def write(folder: Path, n: int, dimension: int) -> None:
    for number, start in enumerate(range(0, n, SHARD)):
        save_shard(folder, number, unit(min(SHARD, n - start), dimension, seed=number + 1), "float32")


def unit(n: int, dimension: int, seed: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((n, dimension), dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measured(index: str, folder: Path, n: int, dimension: int) -> dict[str, float]:
    """Builds one index and searches it, in this process; exact search leaves what it finds for the others."""
    sizes = [min(SHARD, n - start) for start in range(0, n, SHARD)]
    vectors = open_shards(folder, sizes, dimension, "float32")
    start = time.perf_counter()
    built = opened(index, vectors, folder)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    hits = built.search(unit(QUERIES, dimension, seed=0), K)
    searching = time.perf_counter() - start
    truth, tops = folder / "truth.npy", np.array([positions for positions, _ in hits])
    if index == "flat":
        np.save(truth, tops)
    wanted = np.load(truth) if truth.is_file() else tops
    return {
        "build": seconds, "ms a query": 1000 * searching / QUERIES, "peak": peak_memory() / 1e9,
        "agree": share(len({*a} & {*b}) / K for a, b in zip(tops.tolist(), wanted.tolist(), strict=True)),
        "same": share(a == b for a, b in zip(tops.tolist(), wanted.tolist(), strict=True)),
    }  # fmt: skip


def opened(index: str, vectors: Vectors, folder: Path) -> Any:
    ranks = np.arange(len(vectors), dtype=np.int32)
    if index == "flat":
        return FlatIndex(vectors, ranks)
    if index in faiss.KINDS:
        return faiss.FaissIndex(vectors, ranks, kind=index)
    shutil.rmtree(folder / "milvus.db", ignore_errors=True)
    store = milvus.Milvus(str(folder / "milvus.db"), "random", vectors.dimension, kind=index)
    said = {"dimension": vectors.dimension, "metric": "inner product"}
    starts = [*range(0, len(vectors), SHARD), len(vectors)]
    shards = [range(a, b) for a, b in pairwise(starts)]
    fill(store, said, shards, lambda positions: vectors.take(np.arange(positions.start, positions.stop)))
    return StoreIndex(store, vectors, ranks)


def misses(found: dict[str, Any]) -> list[str]:
    """The bars that were missed."""
    peaks = {name: row["peak"] for name, row in found.get("random", {}).items()}
    missed = [f"{name} held {peak:.2f} GB, and {MOST} are the most" for name, peak in peaks.items() if peak > MOST]
    for what, rows in found.items():
        missed += [
            f"{name} has another top {K} than exact search for {1 - row['same']:.1%} of the queries on {what}"
            for name, row in rows.items()
            if name in EXACT and row["same"] < 1
        ]
    return missed


def shown(found: dict[str, Any], options: argparse.Namespace) -> None:
    for what, rows in found.items():
        title = f"{options.vectors:,} random vectors of {options.dimension} dimensions" if what == "random" else what
        table = Table("index", *next(iter(rows.values())), title=title)
        for name, row in rows.items():
            table.add_row(name, *(f"{value:.3f}" for value in row.values()))
        Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
