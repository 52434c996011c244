"""`rankify stress`: what is left of a pipeline's effectiveness when queries and documents change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rankify.cli.collection import collection
from rankify.cli.command import Data, Measures, Pipeline, Relevant, Split, command
from rankify.cli.screen import Screen

With = Annotated[
    str,
    typer.Option(
        "--with", metavar="NAMES", help="Perturbations with spaces between; see: rankify list perturbations."
    ),
]  # fmt: skip
Seeds = Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How often each is drawn anew.")]
Top = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="An attack succeeds when its target comes among the best K.")
]
Targets = Annotated[
    int, typer.Option("--targets", metavar="N", min=1, help="How many of a query's candidates are attacked together.")
]
Folder = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", show_default=False, help="The folder of results.")
]


def stress(
    screen: Screen, pipeline: Pipeline, data: Data, output: Folder,
    perturbations: With = "typos case:upper stopwords order:shuffle", seeds: Seeds = 3,
    measures: Measures = "nDCG@10 R@100", top: Top = 10, targets: Targets = 1, rel: Relevant = None,
    split: Split = None,
) -> None:  # fmt: skip
    """Measure a pipeline under typos, noise and attacks.

    Queries are changed and searched for again; candidates are changed and reranked. What an earlier start finished is
    kept.

        rankify stress bm25 pydoc -o stress-bm25
        rankify stress "bm25 % 100 >> RERANKER" pydoc --with "noise?budget=5 inject:ignore" -o stress-reranker
    """
    from rankify.experiment import stress as under
    from rankify.experiment.stress.plan import planned
    from rankify.experiment.stress.tables import grids, warnings

    planned(pipeline, perturbations, seeds=seeds, measures=measures, top=top, targets=targets, rel=rel or 1)
    found = collection(screen, data, split)
    outcome = under.stress(
        pipeline, found, perturbations, folder=output, seeds=seeds, measures=measures, top=top, targets=targets,
        rel=rel, step=screen.step, say=screen.say,
    )  # fmt: skip
    tables = [grid.rich() for grid in grids(outcome)]
    screen.show(outcome.as_dict(), *tables, *warnings(outcome), f"everything in {output}/")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, stress)
