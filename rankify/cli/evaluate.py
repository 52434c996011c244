"""`rankify evaluate`: measures of one run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rankify.cli.collection import judgments
from rankify.cli.command import MEASURES, Measures, Relevant, Split, command
from rankify.cli.screen import Screen, table

RunFile = Annotated[Path, typer.Argument(metavar="RUN", show_default=False, help="A TREC run file.")]
Judged = Annotated[
    str,
    typer.Argument(metavar="QRELS", show_default=False, help="A file of judgments, or a collection that has them."),
]
EachQuery = Annotated[bool, typer.Option("--per-query", help="Every query's values, too.")]


def evaluate(
    screen: Screen, run: RunFile, qrels: Judged, measures: Measures = MEASURES, per_query: EachQuery = False,
    rel: Relevant = None, split: Split = None,
) -> None:  # fmt: skip
    """Evaluate a run file against judgments.

    As trec_eval does: by score, equal scores by document id; a judged query that the run misses counts 0.

        rankify evaluate bm25.trec ../data/nfcorpus -m "nDCG@10 R@100"
        rankify evaluate bm25.trec qrels.dl19-passage.txt --rel 2
    """
    import rankify
    from rankify.evaluation.measures import computable
    from rankify.io.trec import read_run

    computable(measures)
    judged, own = judgments(screen, qrels, split)
    scores = rankify.evaluate(read_run(run), judged, measures, rel=rel or own or 1)
    parts = []
    if per_query:
        shown = table("query", *(f">{measure}" for measure in scores))
        for query in judged:
            shown.add_row(query, *(f"{scores.per_query[measure][query]:.4f}" for measure in scores))
        parts.append(shown)
    means = table("measure", f">{run.name}")
    for measure, value in scores.items():
        means.add_row(measure, f"{value:.4f}")
    details = {"per_query": scores.per_query} if per_query else {}
    screen.show({"run": str(run), "queries": len(judged), "measures": dict(scores), **details}, *parts, means)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, evaluate)
