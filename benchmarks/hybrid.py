"""BM25 and MiniLM together: what each fusion brings, with its options chosen on the training queries.

    python -m benchmarks.hybrid [--collections scifact nfcorpus] [--depth 1000] [--folder runs/quality]
                                [--markdown FILE.md] [--json] [--check]

Both search the test queries and those of the split `train`, from whose judgments the options of the tuned and the
figures of the trained fusions are. Vectors are kept in the folder. p is of Fisher's randomisation test on nDCG@10,
against each part, corrected after Holm over all rows of the collection.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

import rankify
from benchmarks.command import DATA, MODEL, Row, parser, reported, vectors
from rankify import registry
from rankify.types import Run

MEASURE = "nDCG@10"
PLAIN = ("rrf", "weighted", "combsum?norm=zscore", "combmnz", "combmax", "borda", "condorcet", "isr", "rbc")
TUNED: dict[str, dict[str, Any]] = {"weighted": {"norm": ["minmax", "zscore"]}, "rrf": {"weights": "1:1"}}
TRAINED = ("bayesfuse", "mapfuse", "probfuse", "segfuse", "slidefuse", "posfuse")
BARS = ("rrf", "weighted, tuned")  # what has to be above both parts


def main() -> int:
    options = parser(__doc__ or "", check="when a hybrid is not above both parts")
    options.add_argument("--depth", type=int, default=1000, help="how many documents each part finds at most")
    return reported(options.parse_args(), measured, shown=shown, lines=lines, missed=below)


def measured(collection: str, options: argparse.Namespace) -> list[Row]:
    """A row for each part and each fusion."""
    data, train = (rankify.dataset(str(DATA / collection), split=split) for split in ("test", "train"))
    bm25 = rankify.retriever("bm25", data.corpus) % options.depth
    dense = rankify.retriever(f"dense:{MODEL}", data.corpus, folder=vectors(options, collection)) % options.depth
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


def below(rows: list[Row]) -> Iterator[str]:
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


def lines(rows: list[Row]) -> list[list[str]]:
    return [list(rows[0]), ["---", "---", "---:", "---:", "---:", "---:", "---"], *map(cells, rows)]


def shown(rows: list[Row]) -> None:
    table = Table(title=f"BM25 and {MODEL}, fused")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in {"collection", "system", "options"} else "right")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
