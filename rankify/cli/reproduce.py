"""`rankify reproduce`: published configurations run, and their figures beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.command import command
from rankify.cli.forms import Form, form, written
from rankify.cli.live import watched
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse, RankifyError

if TYPE_CHECKING:
    from rich.table import Table

    from rankify.catalog.published import Published
    from rankify.experiment.figures import Figure
    from rankify.experiment.grid import Grid
    from rankify.experiment.reproduction import Reproduction

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
    from rankify.experiment.references import with_reference
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
    chosen = _systems(benchmark, systems)
    if reference is not None:
        chosen = with_reference(benchmark, chosen, reference, collections=named, measures=measures, say=screen.say)
    asked = Reproduction.of(benchmark, chosen, named, measures, data)
    folder = output or Path("runs") / benchmark
    figures, notes = _run(screen, asked, folder, jobs)
    with writing(folder / "figures.csv") as file:
        file.write(_csv(figures))
    _show(screen, asked, figures, notes, folder, wanted)
    _refuse_apart(figures)


def _systems(benchmark: str, names: str) -> Sequence[Published]:
    """The systems that are named, each once."""
    from rankify.catalog.published import published, system

    published(benchmark)  # which is refused before its systems are
    found = [system(benchmark, name) for name in _named(names)]
    if not found:
        raise Misuse(f"--systems: name at least one; see: rankify reproduce {benchmark} --list")
    return [*{one.name: one for one in found}.values()]


def _show(
    screen: Screen, asked: Reproduction, figures: list[Figure], notes: list[str], folder: Path, wanted: str | None
) -> None:
    """The figures on a terminal, with where the rest is; or in a form, and nothing else on standard output."""
    for note in notes:
        screen.say(note)
    plain = {"folder": str(folder), "figures": [*map(_plain, figures)], **({"notes": notes} if notes else {})}
    where = f"runs, tables and figures.csv in {folder}/"
    if wanted is None:
        screen.show(plain, _figures(figures), *_reasons(figures), where)
        return
    screen.write(plain, _csv(figures) if wanted == "csv" else written([_grid(asked.benchmark, figures)], wanted))
    screen.say(where)


def _named(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


def _run(screen: Screen, asked: Reproduction, folder: Path, jobs: int) -> tuple[list[Figure], list[str]]:
    """The figures, and what is to be known of the collections; each of several experiments has a folder of its own."""
    from rankify.experiment.execute import execute

    found: dict[str, dict[str, dict[str, float]]] = {}
    failed: dict[str, dict[str, str]] = {}
    datasets: dict[str, dict[str, Any]] = {}
    experiments = asked.experiments()
    for experiment in experiments:
        with watched(screen, experiment) as told:
            place = folder if len(experiments) == 1 else folder / experiment.name
            results = execute(experiment, place, jobs=jobs, **told)
            found.update(results.means())
            failed.update(results.failed)
            datasets.update(results.datasets)
    return asked.figures(found, failed), asked.unlike(datasets)


def _reasons(figures: list[Figure]) -> list[str]:
    """A line for each system that failed on a collection."""
    why = [f"{one.system} failed on {one.collection}: {one.reason}" for one in figures if one.reason]
    return [*dict.fromkeys(why)]


def _cells(figure: Figure) -> list[str]:
    values = figure.written(figure.ours), figure.written(figure.published), figure.written(figure.difference, "+")
    numbers = [value or "-" for value in values]
    return [figure.system, figure.collection, figure.measure, *numbers, f"{figure.tolerance:g}", figure.verdict]


HEADER = ("system", "collection", "measure", "ours", "published", "difference", "tolerance", "verdict")
SOURCE = "source"  # the last column, where several sources publish figures of a system


def _sources(figures: list[Figure]) -> list[list[str]]:
    """A column more of each figure where any has a source to be named, or none."""
    named = any(figure.source for figure in figures)
    return [[figure.source] if named else [] for figure in figures]


def _figures(figures: list[Figure]) -> Table:
    heads = ("system", "collection", "measure", ">ours", ">published", ">difference", ">within", "verdict")
    sources = _sources(figures)
    shown = table(*heads, *([SOURCE] if any(sources) else []))
    for figure, source in zip(figures, sources, strict=True):
        shown.add_row(*_cells(figure), *source)
    return shown


def _grid(benchmark: str, figures: list[Figure]) -> Grid:
    from rankify.experiment.grid import Entry, Grid

    sources = _sources(figures)
    cells = ([*_cells(figure), *source] for figure, source in zip(figures, sources, strict=True))
    rows = [(system, [Entry(cell) for cell in rest]) for system, *rest in cells]
    more = [SOURCE] if any(sources) else []
    title, note = f"{benchmark}: ours and as published", "; ".join(_reasons(figures))
    words = ("collection", "measure", "verdict", *more)
    return Grid(title=title, columns=(*HEADER, *more), rows=rows, note=note, words=words)


def _csv(figures: list[Figure]) -> str:
    """One line for each figure, in full; the difference is that of the verdict."""
    import csv
    import io

    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    sources = _sources(figures)
    rows.writerow([*HEADER, "reason", *([SOURCE] if any(sources) else [])])
    for figure, source in zip(figures, sources, strict=True):
        values = figure.ours, figure.published, figure.difference
        full = ["" if value is None else repr(value) for value in values]
        names = _cells(figure)[:3]
        rows.writerow([*names, *full, repr(figure.tolerance), figure.verdict, figure.reason, *source])
    return text.getvalue()


def _plain(figure: Figure) -> dict[str, object]:
    return {
        "system": figure.system, "collection": figure.collection, "measure": figure.measure, "ours": figure.ours,
        "published": figure.published, "difference": figure.difference, "tolerance": figure.tolerance,
        "verdict": figure.verdict, **({"reason": figure.reason} if figure.reason else {}),
        **({SOURCE: figure.source} if figure.source else {}),
    }  # fmt: skip


def _refuse_apart(figures: list[Figure]) -> None:
    """Raises where a figure is not reached."""
    from rankify.experiment.figures import APART, FAILED

    if missed := [figure for figure in figures if figure.verdict in (APART, FAILED)]:
        first = missed[0]
        raise RankifyError(
            f"{len(missed)} of {len(figures)} figures are not reached, first {first.measure} of {first.system} on "
            f"{first.collection}{f' ({first.source})' * bool(first.source)}: {first.verdict}"
            + (f": {first.reason}" if first.reason else "")
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
