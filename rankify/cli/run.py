"""`rankify run`: an experiment from a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.command import command
from rankify.cli.live import watched
from rankify.cli.screen import Screen, table

if TYPE_CHECKING:
    from rankify.experiment import Experiment

File = Annotated[
    Path, typer.Argument(metavar="EXPERIMENT.yaml", show_default=False, help="Datasets, systems and measures.")
]
Folder = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FOLDER", show_default=False, help="The folder of results; runs/NAME if not given."
    ),
]

Jobs = Annotated[
    int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Run N systems at once, each in a process of its own.")
]
Parquet = Annotated[bool, typer.Option("--parquet", help="Write every query's values as Parquet, too.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan; run and fetch nothing.")]
NoEstimate = Annotated[
    bool, typer.Option("--no-estimate", help="Start even where disk or memory seem too small for it.")
]


def run(
    screen: Screen, experiment: File, output: Folder = None, jobs: Jobs = 1, parquet: Parquet = False,
    dry_run: DryRun = False, no_estimate: NoEstimate = False,
) -> None:  # fmt: skip
    """Run an experiment from a YAML file.

    Systems x datasets x measures become run files, answers, per-query values, tables, a manifest, and report.html with
    a page for each question, in one folder. What an earlier start finished is kept.

        rankify run first-stages.yaml
    """
    from rankify.experiment import Experiment, efficiencies, judging
    from rankify.experiment.execute import execute
    from rankify.experiment.failures import refuse
    from rankify.experiment.tables import rendered

    found = Experiment.read(experiment)
    folder = output or Path("runs") / found.name
    if dry_run:
        _show_plan(screen, found, folder, jobs)
        return
    with watched(screen, found) as told:
        results = execute(found, folder, jobs=jobs, parquet=parquet, estimate=not no_estimate, **told)
    screen.show(
        results.as_dict(),
        *rendered(results),
        f"everything in {folder}/; a page for each question: {folder}/report.html",
    )
    refuse(results.failed, len(found.systems) * len(found.datasets))
    judging.refuse(results.unmeasured)
    efficiencies.refuse(results.untimed)


def _show_plan(screen: Screen, experiment: Experiment, folder: Path, jobs: int) -> None:
    from rankify.experiment.preview import preview

    plan = preview(experiment, folder, screen.step, jobs)
    datasets = table("dataset", ">queries", ">judged", ">with answers", ">documents", "where")
    for row in plan.datasets():
        datasets.add_row(*row)
    screen.show(plan.as_dict(), datasets, plan.drawn(), "", *plan.lines(), f"nothing was started; results: {folder}/")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, run)
