"""Relevance feedback: what a second dense search finds when its queries have learnt from a reranker.

    python -m benchmarks.feedback [--collections scifact nfcorpus] [--folder runs/quality] [--markdown FILE.md] [--json]
                                  [--check]

MiniLM searches for 100 documents, a judge reranks them, and MiniLM searches again. Judges are simulated from the very
judgments that measure the result (`perfect` is a bound from above, no figure of a system), or are BM25, nobody or
chance. Vectors are kept in the folder, so a second start encodes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import rankify
from rankify import registry
from rankify.llm.simulated import Simulated
from rankify.retrieve.feedback import Feedback
from rankify.stages import Reranker, Retriever
from rankify.types import Run

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
PASSAGES = 100
MEASURES = "nDCG@10 R@100"


class Scored(Reranker):
    """A retriever's scores for the documents of a run; those that it does not find get 0."""

    name = "scored"

    def __init__(self, retriever: Retriever) -> None:
        self.retriever = retriever

    def rerank(self, run: Run) -> Run:
        whole = self.retriever.retrieve(run.queries, len(self.retriever.corpus))
        known = [dict(zip(ranking.ids, ranking.scores.tolist(), strict=True)) for ranking in whole]
        return Run(r.rescored([scores.get(id, 0.0) for id in r.ids]) for r, scores in zip(run, known, strict=True))


class Unchanged(Reranker):
    """The order of the first search: what the second one finds is due to the search being repeated alone."""

    name = "unchanged"

    def rerank(self, run: Run) -> Run:
        return run


class Shuffled(Reranker):
    """A random order."""

    name = "shuffled"

    def rerank(self, run: Run) -> Run:
        random = np.random.default_rng(0)
        return Run(ranking.reordered(random.permutation(len(ranking)).tolist()) for ranking in run)


def judged(recipe: str, **wrong: float) -> Callable[[Any], Reranker]:
    return lambda data: registry.find("reranker", recipe)(Simulated(data.qrels, **wrong))


def bm25(data: Any) -> Reranker:
    return Scored(rankify.retriever("bm25", data.corpus))


# what reranks, and whose scores are learnt first
SYSTEMS: dict[str, tuple[Callable[[Any], Reranker], Callable[[Any], Reranker] | None]] = {
    "setwise, perfect": (judged("setwise"), None),
    "first, perfect": (judged("first"), None),
    "monot5, perfect, its scores first": (judged("monot5"), judged("monot5")),
    "setwise, 30% wrong": (judged("setwise", wrong=0.3), None),
    "first, 30% wrong": (judged("first", wrong=0.3), None),
    "BM25": (bm25, None),
    "BM25, its scores first": (bm25, bm25),
    "none": (lambda _: Unchanged(), None),
    "a random order": (lambda _: Shuffled(), None),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--collections", nargs="+", default=["scifact", "nfcorpus"])
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality", help="where the vectors are kept")
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--check", action="store_true", help="leave with 1 when a perfect judge raises no R@100")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    rows = [row for name in options.collections for row in measured(name, options.folder)]
    if options.markdown:
        options.markdown.write_text(markdown(rows), encoding="utf-8")
    print(json.dumps({"results": rows})) if options.json else shown(rows)
    missed = [r for r in rows if "perfect" in r["reranker"] and r["R@100"] <= r["R@100 before"]]
    for row in missed:
        print(f"{row['reranker']} on {row['collection']}: R@100 {row['R@100']:.4f}", file=sys.stderr)
    return 1 if options.check and missed else 0


def measured(collection: str, folder: Path) -> list[dict[str, Any]]:
    """A row for every system: the first search, the reranking alone, and the second search."""
    data = rankify.dataset(str(DATA / collection))
    kept = folder / collection / MODEL.replace("/", "--")
    dense = rankify.retriever(f"dense:{MODEL}", data.corpus, folder=str(kept))
    before = (dense % PASSAGES)(data.queries)
    return [row(collection, data, dense, before, name) for name in SYSTEMS]


def row(collection: str, data: Any, dense: Any, before: Run, name: str) -> dict[str, Any]:
    make, teach = SYSTEMS[name]
    reranked = make(data)(before)
    start = time.perf_counter()
    again = (Feedback(dense, teacher=teach(data) if teach else None) % PASSAGES)(reranked)
    seconds = time.perf_counter() - start
    first, second, third = (rankify.evaluate(run, data.qrels, MEASURES) for run in (before, reranked, again))
    won, lost = changed(before, again, data.qrels)
    return {
        "collection": collection, "reranker": name, "nDCG@10 before": first["nDCG@10"],
        "nDCG@10 reranked": second["nDCG@10"], "nDCG@10": third["nDCG@10"], "R@100 before": first["R@100"],
        "R@100": third["R@100"], "found": won, "lost": lost, "s": seconds,
    }  # fmt: skip


def changed(before: Run, after: Run, qrels: Any) -> tuple[int, int]:
    """Relevant documents among the best 100 of the second search alone, and of the first alone, of all queries."""
    won = lost = 0
    for one, other in zip(before, after, strict=True):
        relevant = {id for id, grade in qrels.get(one.query.id, {}).items() if grade > 0}
        won += len(relevant & set(other.ids) - set(one.ids))
        lost += len(relevant & set(one.ids) - set(other.ids))
    return won, lost


def cells(row: dict[str, Any]) -> list[str]:
    """A row as it is shown, seconds last."""
    *measured, seconds = row.values()
    return [*(f"{v:.4f}".removeprefix("0") if isinstance(v, float) else str(v) for v in measured), f"{seconds:.1f}"]


def markdown(rows: list[dict[str, Any]]) -> str:
    """All but the seconds, which are another number on every machine."""
    columns = list(rows[0])[:-1]
    lines = [columns, ["---", "---", *["---:"] * (len(columns) - 2)], *(cells(row)[:-1] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def shown(rows: list[dict[str, Any]]) -> None:
    table = Table(title=f"A second search by {MODEL} with queries that have learnt from a reranker")
    for column in rows[0]:
        table.add_column(column, justify="left" if column in {"collection", "reranker"} else "right")
    for row in rows:
        table.add_row(*cells(row))
    Console(width=max(140, Console().width)).print(table)


if __name__ == "__main__":
    sys.exit(main())
