"""`rankify reproduce`: published configurations run, and their figures beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.command import command
from rankify.cli.forms import Form, form, written
from rankify.cli.live import watched
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse, RankifyError

if TYPE_CHECKING:
    from rich.table import Table

    from rankify.catalog.published import Published
    from rankify.experiment.grid import Grid
    from rankify.experiment.reproduction import Figure, Reproduction

Benchmark = Annotated[
    str, typer.Argument(metavar="BENCHMARK", show_default=False, help="beir, or msmarco (with TREC Deep Learning).")
]
Systems = Annotated[
    str, typer.Option(metavar="NAMES", show_default=False, help="Published systems, with commas between; see --list.")
]
Collections = Annotated[
    str, typer.Option("--datasets", metavar="NAMES", show_default=False, help="Collections; all that are published.")
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", show_default=False, help="Where collections lie, each in a folder of its name."),
]
Reference = Annotated[
    Path | None,
    typer.Option(metavar="FILE.csv", show_default=False, help="Other figures: dataset, system, metric, value."),
]
Measures = Annotated[
    str, typer.Option("-m", "--measures", metavar="NAMES", show_default=False, help="Those that are published.")
]
Folder = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FOLDER", show_default=False, help="Runs and tables; runs/BENCHMARK."),
]
Jobs = Annotated[int, typer.Option("-j", "--jobs", metavar="N", min=1, help="Run N systems at once.")]
Listed = Annotated[bool, typer.Option("--list", help="Which systems there are, how they run, and how near they come.")]


def reproduce(
    screen: Screen, benchmark: Benchmark, systems: Systems = "", datasets: Collections = "", data: Data = None,
    reference: Reference = None, measures: Measures = "", output: Folder = None, jobs: Jobs = 1, list: Listed = False,
    format: Form = None,
) -> None:  # fmt: skip
    """Reproduce published figures.

    Runs the published configurations and prints ours, the published figure, the difference and whether it is within
    the system's tolerance. Leaves with 1 where one is not.

        rankify reproduce beir --systems bm25-flat,bm25-multifield --datasets nfcorpus,scifact
        rankify reproduce beir --list
        rankify reproduce msmarco --systems bm25 --datasets dl19,dl20 --format markdown
    """
    from rankify.catalog.published import published
    from rankify.experiment.reproduction import Reproduction
    from rankify.io.files import writing

    wanted = form(format)
    if list and wanted:
        raise Misuse("--format: the list has none; leave it out, or take --json")
    if list:
        _show_systems(screen, published(benchmark))
        return
    named = _named(datasets)
    if datasets and not named:
        raise Misuse(f"--datasets: {datasets!r} names none; leave it out for all")
    asked = Reproduction.of(benchmark, _systems(benchmark, systems, reference), named, measures, data)
    folder = output or Path("runs") / benchmark
    figures = _run(screen, asked, folder, jobs)
    with writing(folder / "figures.csv") as file:
        file.write(_csv(figures))
    _show(screen, asked, figures, folder, wanted)
    _refuse_apart(figures)


def _systems(benchmark: str, names: str, reference: Path | None) -> Sequence[Published]:
    """The systems that are named, each once, with the figures of a file where one is given."""
    from rankify.catalog.published import published, system
    from rankify.experiment.references import with_reference

    published(benchmark)  # which is refused before its systems are
    found = [system(benchmark, name) for name in _named(names)]
    if not found:
        raise Misuse(f"--systems: name at least one; see: rankify reproduce {benchmark} --list")
    chosen = [*{one.name: one for one in found}.values()]
    return chosen if reference is None else with_reference(benchmark, chosen, reference)


def _show(screen: Screen, asked: Reproduction, figures: list[Figure], folder: Path, wanted: str | None) -> None:
    """The figures on a terminal, with where the rest is; or in a form, and nothing else on standard output."""
    plain = {"folder": str(folder), "figures": [*map(_plain, figures)]}
    where = f"runs, tables and figures.csv in {folder}/"
    if wanted is None:
        screen.show(plain, _figures(figures), *_reasons(figures), where)
        return
    screen.write(plain, _csv(figures) if wanted == "csv" else written([_grid(asked.benchmark, figures)], wanted))
    screen.say(where)


def _named(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


def _run(screen: Screen, asked: Reproduction, folder: Path, jobs: int) -> list[Figure]:
    """The figures; each experiment has a folder of its own where there are several."""
    from rankify.experiment.execute import execute

    found: dict[str, dict[str, dict[str, float]]] = {}
    failed: dict[str, dict[str, str]] = {}
    experiments = asked.experiments()
    for experiment in experiments:
        with watched(screen, experiment) as told:
            place = folder if len(experiments) == 1 else folder / experiment.name
            results = execute(experiment, place, jobs=jobs, **told)
            found.update(results.means())
            failed.update(results.failed)
    return asked.figures(found, failed)


def _reasons(figures: list[Figure]) -> list[str]:
    """A line for each system that failed on a collection."""
    why = [f"{one.system} failed on {one.collection}: {one.reason}" for one in figures if one.reason]
    return [*dict.fromkeys(why)]


def _cells(figure: Figure) -> list[str]:
    numbers = [f"{value:.4f}" if value is not None else "-" for value in (figure.ours, figure.published)]
    difference = "-" if figure.difference is None else f"{figure.difference:+.4f}"
    return [
        figure.system, figure.collection, figure.measure, *numbers, difference, f"{figure.tolerance:g}", figure.verdict
    ]  # fmt: skip


HEADER = ("system", "collection", "measure", "ours", "published", "difference", "tolerance", "verdict")


def _figures(figures: list[Figure]) -> Table:
    shown = table("system", "collection", "measure", ">ours", ">published", ">difference", ">within", "verdict")
    for figure in figures:
        shown.add_row(*_cells(figure))
    return shown


def _grid(benchmark: str, figures: list[Figure]) -> Grid:
    from rankify.experiment.grid import Entry, Grid

    rows = [(system, [Entry(cell) for cell in cells]) for system, *cells in map(_cells, figures)]
    title, note = f"{benchmark}: ours and as published", "; ".join(_reasons(figures))
    return Grid(title=title, columns=HEADER, rows=rows, note=note, words=("collection", "measure", "verdict"))


def _csv(figures: list[Figure]) -> str:
    """One line for each figure, in full."""
    import csv
    import io

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*HEADER, "reason"])
    for figure in figures:
        values = figure.ours, figure.published, figure.difference
        full = ["" if value is None else repr(value) for value in values]
        rows.writerow([*_cells(figure)[:3], *full, repr(figure.tolerance), figure.verdict, figure.reason])
    return text.getvalue()


def _plain(figure: Figure) -> dict[str, object]:
    return {
        "system": figure.system, "collection": figure.collection, "measure": figure.measure, "ours": figure.ours,
        "published": figure.published, "difference": figure.difference, "tolerance": figure.tolerance,
        "verdict": figure.verdict, **({"reason": figure.reason} if figure.reason else {}),
    }  # fmt: skip


def _refuse_apart(figures: list[Figure]) -> None:
    """Raises where a figure is not reached."""
    from rankify.experiment.reproduction import APART, FAILED

    if missed := [figure for figure in figures if figure.verdict in (APART, FAILED)]:
        first = missed[0]
        raise RankifyError(
            f"{len(missed)} of {len(figures)} figures are not reached, first {first.measure} of {first.system} on "
            f"{first.collection}: {first.verdict}" + (f": {first.reason}" if first.reason else "")
        )


def _show_systems(screen: Screen, systems: dict[str, Published]) -> None:
    shown = table("system", "pipeline", ">collections", ">within", "source")
    for one in systems.values():
        shown.add_row(one.name, one.pipeline, str(len(one.figures)), f"{one.tolerance:g}", one.source)
    screen.show(
        {
            name: {
                "about": one.about, "aliases": one.aliases, "pipeline": one.pipeline, "instead": one.instead,
                "collections": [*one.figures], "tolerance": one.tolerance, "why": one.why, "source": one.source,
            }
            for name, one in systems.items()
        },
        shown,
    )  # fmt: skip


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, reproduce)
