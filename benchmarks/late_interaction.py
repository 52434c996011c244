"""Late interaction by MiniLM's token vectors: against BM25 and one vector a text, exact and compressed.

    python -m benchmarks.late_interaction [--collections scifact nfcorpus dl19-bm25] [--folder runs/quality]
                                          [--markdown FILE.md] [--json] [--check]

Three tables: what each system finds, with a paired t-test against BM25 and against the single vector; what the
compressed index keeps of exact search's R@100, in how many bytes; and one matrix product against a loop over pairs.
Vectors are kept in the folder, so a second start encodes nothing. dl19-bm25 has candidates alone: it is reranked.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import rankify
from rankify.encoders.tokens import Matrices
from rankify.indexes.flat import inner_products
from rankify.indexes.multivector import maxsim, maxsim_together, maxsims
from rankify.io.trec import read_run
from rankify.retrieve.late_interaction import LateInteraction
from rankify.types import Run

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
DEPTH = 100
BM25, SINGLE = "BM25", "MiniLM, one vector"
# what the default index has to keep of exact search's R@100, by collection; on NFCorpus, where relevant documents are
# many and far down, two bits keep .92, which the table shows
KEEP = {"scifact": 0.97}
BYTES = 0.2  # of those of exact vectors in float32
PAIRS = (16, 1500)  # queries and documents of the comparison of speeds


class Compressed(LateInteraction):
    """The compressed index of vectors that an exact index holds already."""

    exact: LateInteraction

    def _encode(self, positions: Any) -> Matrices:
        held = list(self.exact._index.documents.matrices(np.asarray(positions, dtype=np.int64)))
        return Matrices(np.concatenate(held), np.array(list(map(len, held))))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", default=["scifact", "nfcorpus", "dl19-bm25"])
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality", help="where the vectors are kept")
    parser.add_argument("--bits", nargs="+", type=int, default=[1, 2, 4], help="of the compressed index")
    parser.add_argument("--markdown", type=Path, help="a file with the tables")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when the compressed index misses its bars")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    tables: dict[str, list[dict[str, Any]]] = {"found": [], "compressed": [], "speed": []}
    for name in options.collections:
        whole = name != "dl19-bm25"
        for table, rows in (measured(name, options.folder, options.bits) if whole else candidates(name)).items():
            tables[table] += rows
    if options.markdown:
        written = [tables["found"], list(map(stored, tables["compressed"]))]
        options.markdown.write_text("\n".join(map(markdown, filter(None, written))), encoding="utf-8")
    print(json.dumps(tables)) if options.json else [shown(*table) for table in tables.items() if table[1]]
    missed = [
        r
        for r in tables["compressed"]
        if r["bits"] == 2 and (r["kept"] < KEEP.get(r["collection"], 0) or r["of float32"] > BYTES)
    ]
    for row in missed:
        print(f"{row['collection']}: {row['kept']:.4f} of R@100 in {row['of float32']:.3f}", file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(collection: str, folder: Path, sizes: list[int]) -> dict[str, list[dict[str, Any]]]:
    """All tables of a collection that is searched whole."""
    data = rankify.dataset(str(DATA / collection))
    kept = folder / collection / MODEL.replace("/", "--")
    first = (rankify.retriever("bm25", data.corpus) % DEPTH)(data.queries)
    dense = rankify.retriever(f"dense:{MODEL}", data.corpus, folder=str(kept))
    late = LateInteraction(data.corpus, MODEL, folder=str(kept.with_name(f"{kept.name}--tokens")))
    runs: dict[str, Run] = {BM25: first, SINGLE: (dense % DEPTH)(data.queries)}
    start = time.perf_counter()
    runs["late interaction"] = (late % DEPTH)(data.queries)
    seconds = time.perf_counter() - start
    rows = [row(collection, late, data, runs["late interaction"], seconds, None)]
    for bits in sizes:
        Compressed.exact = late
        place = kept.with_name(f"{kept.name}--tokens-{bits}")
        small = Compressed(data.corpus, MODEL, index="compressed", bits=bits, folder=str(place))
        start = time.perf_counter()
        run = (small % DEPTH)(data.queries)
        rows.append(row(collection, small, data, run, time.perf_counter() - start, rows[0]))
        if bits == 2:
            runs["late interaction, compressed"] = run
    runs |= reranked(first, dense, late)
    return {
        "found": compared(collection, runs, data.qrels, "nDCG@10 R@100"),
        "compressed": rows,
        "speed": [speed(collection, late, data)],
    }


def reranked(first: Run, dense: Any, late: LateInteraction) -> dict[str, Run]:
    """BM25's documents by the scores that the rerankers give, from vectors that the indexes hold already."""
    texts = [query.text for query in first.queries]
    vectors, matrices = dense.encoder.encode_queries(texts), late.encoder.encode_queries(texts).split()
    single = (inner_products(v, dense.vectors.take(r.documents.positions)) for v, r in zip(vectors, first, strict=True))
    held = (late._index.documents.matrices(r.documents.positions) for r in first)
    several = (maxsims(query, documents) for query, documents in zip(matrices, held, strict=True))
    return {
        name: Run(r.rescored(found) for r, found in zip(first, scores, strict=True))
        for name, scores in (("BM25, then one vector", single), ("BM25, then late interaction", several))
    }


def candidates(collection: str) -> dict[str, list[dict[str, Any]]]:
    """The first table of candidates that BM25 chose."""
    data = rankify.dataset(str(DATA / collection))
    given = read_run(DATA / collection / "run.bm25.top100.trec", queries=data.queries, corpus=data.corpus)
    runs = {
        BM25: given, SINGLE: rankify.reranker(f"embedding:{MODEL}")(given),
        "BM25, then late interaction": rankify.reranker(f"late-interaction:{MODEL}")(given),
    }  # fmt: skip
    return {"found": compared(collection, runs, data.qrels, "nDCG@10")}


def compared(collection: str, runs: dict[str, Run], qrels: Any, measures: str) -> list[dict[str, Any]]:
    """A row for every system: its means, and p of the paired t-test on nDCG@10 against both baselines, by Holm."""
    tests = {base: rankify.compare(runs, qrels, "nDCG@10", baseline=base).differences for base in (BM25, SINGLE)}
    rows = []
    for name, run in runs.items():
        scores = rankify.evaluate(run, qrels, measures)
        ps = {f"p against {base}": {d.system: d for d in tests[base]}.get(name) for base in tests}
        found = {measure: scores[measure] if measure in measures.split() else None for measure in ("nDCG@10", "R@100")}
        tested = {against: d.t_test_corrected if d else None for against, d in ps.items()}
        rows.append({"collection": collection, "system": name, **found, **tested})
    return rows


def row(
    collection: str, index: LateInteraction, data: Any, run: Run, seconds: float, exact: dict[str, Any] | None
) -> dict[str, Any]:
    """How much of exact search an index keeps, and in what."""
    recall = rankify.evaluate(run, data.qrels, "R@100")["R@100"]
    held = sum(path.stat().st_size for path in Path(str(index.folder)).glob("*.npy"))
    alone = sum(path.stat().st_size for path in Path(str(index.folder)).glob("vectors-*.npy"))
    whole = exact["vectors"] if exact else alone  # in float16
    return {
        "collection": collection, "bits": index.bits if exact else 16, "R@100": recall,
        "kept": recall / exact["R@100"] if exact else 1.0, "vectors": whole, "bytes": held,
        "of float32": held / whole / 2, "of float16": held / whole, "ms a query": 1000 * seconds / len(run),
    }  # fmt: skip


def stored(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the second table as a page has it."""
    index = "exact, float16" if row["bits"] == 16 else f"compressed, {row['bits']} bits"
    return {
        "collection": row["collection"], "index": index, "R@100": row["R@100"], "of exact search's": row["kept"],
        "bytes": row["bytes"], "of float32": row["of float32"], "of float16": row["of float16"],
    }  # fmt: skip


def speed(collection: str, late: LateInteraction, data: Any) -> dict[str, Any]:
    """Seconds of the same scores by one product of all tokens, and pair by pair."""
    n, size = PAIRS
    queries = late.encoder.encode_queries([query.text for query in data.queries.queries[:n]]).split()
    documents = list(late._index.documents.matrices(np.arange(min(size, len(data.corpus)))))
    start = time.perf_counter()
    alone = [[maxsim(query, document) for document in documents] for query in queries]
    middle = time.perf_counter()
    rows, starts = np.concatenate(documents), np.cumsum([0, *map(len, documents)])[:-1]
    cuts = [*range(0, len(documents), 32), len(documents)]
    parts = []
    for first, last in pairwise(cuts):
        here = slice(starts[first], starts[last] if last < len(starts) else len(rows))
        parts.append(maxsim_together(queries, rows[here], starts[first:last] - starts[first]))
    end = time.perf_counter()
    apart = float(np.abs(np.concatenate(parts, axis=1) - np.array(alone)).max())
    return {
        "collection": collection, "pairs": n * len(documents), "pair by pair, s": middle - start,
        "one product, s": end - middle, "times": (middle - start) / (end - middle), "apart": apart,
    }  # fmt: skip


def cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    if name == "apart" or (name.startswith("p ") and value < 0.0001):
        return f"{value:.0e}"
    return f"{value:.1f}" if name in {"ms a query", "times"} else f"{value:.4f}".removeprefix("0")


def markdown(rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0])
    lines = [columns, ["---" if c in {"collection", "system", "index"} else "---:" for c in columns]]
    lines += [[cell(name, value) for name, value in row.items()] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(title: str, rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"{MODEL}: {title}")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in {"collection", "system"} else "right")
    for row in rows:
        table.add_row(*(cell(name, value) for name, value in row.items()))
    Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
