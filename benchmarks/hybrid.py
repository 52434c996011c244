"""BM25 and MiniLM together: what each fusion brings, with its options chosen on the training queries.

    python -m benchmarks.hybrid [--collections scifact nfcorpus] [--depth 1000] [--folder runs/quality]
                                [--markdown FILE.md] [--json] [--check]

Both search the test queries and those of the split `train`, from whose judgments the options of the tuned and the
figures of the trained fusions are. Vectors are kept in the folder. p is of Fisher's randomisation test on nDCG@10,
against each part, corrected after Holm over all rows of the collection.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import rankify
from rankify import registry
from rankify.types import Run

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
MEASURE = "nDCG@10"
PLAIN = ("rrf", "weighted", "combsum?norm=zscore", "combmnz", "combmax", "borda", "condorcet", "isr", "rbc")
TUNED: dict[str, dict[str, Any]] = {"weighted": {"norm": ["minmax", "zscore"]}, "rrf": {"weights": "1:1"}}
TRAINED = ("bayesfuse", "mapfuse", "probfuse", "segfuse", "slidefuse", "posfuse")
BARS = ("rrf", "weighted, tuned")  # what has to be above both parts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", default=["scifact", "nfcorpus"])
    parser.add_argument("--depth", type=int, default=1000, help="how many documents each part finds at most")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality", help="where the vectors are kept")
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a hybrid is not above both parts")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    rows = [row for name in options.collections for row in measured(name, options.folder, options.depth)]
    if options.markdown:
        options.markdown.write_text(markdown(rows), encoding="utf-8")
    print(json.dumps({"results": rows})) if options.json else shown(rows)
    missed = list(below(rows))
    for line in missed:
        print(line, file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(collection: str, folder: Path, depth: int) -> list[dict[str, Any]]:
    """A row for each part and each fusion."""
    data, train = (rankify.dataset(str(DATA / collection), split=split) for split in ("test", "train"))
    kept = folder / collection / MODEL.replace("/", "--")
    bm25 = rankify.retriever("bm25", data.corpus) % depth
    dense = rankify.retriever(f"dense:{MODEL}", data.corpus, folder=str(kept)) % depth
    parts, known = ([bm25(d.queries), dense(d.queries)] for d in (data, train))
    runs: dict[str, Run] = {"bm25": parts[0], "MiniLM": parts[1]}
    chosen = {}
    for spec in PLAIN:
        runs[spec] = registry.load("fusion", spec, *parts)
    for name, tried in TUNED.items():
        tuned = rankify.tune(name, *known, qrels=train.qrels, measure=MEASURE, **tried)
        runs[f"{name}, tuned"], chosen[f"{name}, tuned"] = tuned(*parts), ", ".join(tuned.method.options)
    for name in TRAINED:
        fitted = rankify.fuse.fitted(registry.find("fusion", name), *known, qrels=train.qrels)
        runs[f"{name}, trained"] = fitted(*parts)
    against = [rankify.compare(runs, data.qrels, MEASURE, baseline=part) for part in ("bm25", "MiniLM")]
    tests = [{d.system: d.randomisation_corrected for d in comparison.differences} for comparison in against]
    rows = []
    for name, run in runs.items():
        found = rankify.evaluate(run, data.qrels, f"{MEASURE} R@100")
        rows.append({
            "collection": collection, "system": name, **dict(found), "p, BM25": tests[0].get(name),
            "p, MiniLM": tests[1].get(name), "options": chosen.get(name, ""),
        })  # fmt: skip
    return rows


def below(rows: list[dict[str, Any]]) -> Iterator[str]:
    """The hybrids that are not above both parts."""
    value = {(row["collection"], row["system"]): row[MEASURE] for row in rows}
    for (collection, system), found in value.items():
        parts = max(value[collection, part] for part in ("bm25", "MiniLM"))
        if system in BARS and found <= parts:
            yield f"{system} on {collection}: {MEASURE} {found:.4f}, the better part {parts:.4f}"


def cells(row: dict[str, Any]) -> list[str]:
    """A row as it is shown."""
    collection, system, *values, options = row.values()
    return [collection, system, *("" if v is None else f"{v:.4f}".removeprefix("0") for v in values), options]


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = [list(rows[0]), ["---", "---", "---:", "---:", "---:", "---:", "---"], *map(cells, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"BM25 and {MODEL}, fused")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in {"collection", "system", "options"} else "right")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
