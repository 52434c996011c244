"""Published figures, measured here: models of the catalogue on collections in BEIR layout.

    python benchmarks/quality.py [--collections nfcorpus scifact] [--models ID ...] [--index flat] [--json] [--check]

Vectors are kept under runs/quality/, so a second start, or one after a kill, encodes what is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import rankify
from rankify import catalog

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
NEAR = {"nfcorpus": 0.0005, "scifact": 0.001}  # how far from the published figure a measured one may lie


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", default=list(NEAR))
    parser.add_argument("--models", nargs="+", default=["sentence-transformers/all-MiniLM-L6-v2"])
    parser.add_argument("--index", default="flat", help="flat, faiss-flat, hnsw or ivfpq")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a figure is missed")
    options = parser.parse_args()
    rows = [measured(m, name, options.index) for name in options.collections for m in options.models]
    print(json.dumps({"results": rows})) if options.json else shown(rows)
    missed = [r for r in rows if abs(r["nDCG@10"] - r["published"]) > NEAR.get(r["collection"], 0.001)]
    for row in missed:
        print(f"{row['model']} on {row['collection']}: nDCG@10 {row['nDCG@10']:.4f}", file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(model: str, collection: str, index: str) -> dict[str, Any]:
    data = rankify.dataset(str(DATA / collection))
    folder = ROOT / "runs" / "quality" / collection / model.replace("/", "--")
    start = time.perf_counter()
    dense = rankify.retriever(f"dense:{model}", data.corpus, index=index, folder=str(folder))
    built = time.perf_counter()
    run = dense(data.queries)
    scores = rankify.evaluate(run, data.qrels, "nDCG@10 R@100")
    published = catalog.models()[model]["expected"][f"beir/{collection}"]["nDCG@10"]
    return {
        "model": model, "collection": collection, "index": index, "nDCG@10": scores["nDCG@10"],
        "R@100": scores["R@100"], "published": published, "build_s": built - start,
        "search_s": time.perf_counter() - built,
    }  # fmt: skip


def shown(rows: list[dict[str, Any]]) -> None:
    table = Table(title="Dense retrieval against published figures")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in {"model", "collection", "index"} else "right")
    for row in rows:
        table.add_row(*(f"{v:.4f}" if isinstance(v, float) else v for v in row.values()))
    Console(width=max(120, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
