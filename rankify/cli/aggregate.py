"""`rankify aggregate`: systems over several collections."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterable, Sequence
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.collection import writable
from rankify.cli.command import Output, command
from rankify.cli.forms import form, written
from rankify.cli.screen import Screen

if TYPE_CHECKING:
    from rankify.evaluation.aggregation import Aggregation
    from rankify.evaluation.agreement import LeftOut
    from rankify.experiment.grid import Entry, Grid

log = logging.getLogger(__name__)

Results = Annotated[
    list[Path],
    typer.Argument(
        metavar="RESULTS...", show_default=False, help="Folders of `rankify run`, and CSV tables: system x collection."
    ),
]
Measure = Annotated[
    str, typer.Option("-m", "--measure", metavar="NAME", show_default=False, help="Which of the folders'; the first.")
]
Average = Annotated[
    str, typer.Option(metavar="NAME", show_default=False, help="A named set, e.g. beir-14: all of it or an error.")
]
Ordered = Annotated[str, typer.Option("--by", metavar="NAME", help="What orders the systems: mean, borda or kemeny.")]
Details = Annotated[
    bool, typer.Option("--details", help="Each collection's values, their agreement, and the order without each.")
]
Written = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", help="text, markdown, latex or csv; by FILE's ending if not given, or text."
    ),
]


def aggregate(
    screen: Screen, results: Results, measure: Measure = "", average: Average = "", by: Ordered = "mean",
    details: Details = False, format: Written = None, output: Output = None,
) -> None:  # fmt: skip
    """Aggregate systems over several collections.

    Mean, Borda's count and Kemeny's consensus; with --details Kendall's tau between collections and the order
    without each one. A missing value is an error that names it, never a mean over fewer; so is one that is missing
    because a system failed. A system that failed everywhere is left out, and a line says so.

        rankify aggregate runs/first-stages --details
        rankify aggregate results.csv --average beir-14 -o table.tex
    """
    from rankify.evaluation.aggregation import aggregate as aggregated
    from rankify.evaluation.names import refuse_less
    from rankify.evaluation.per_collection import collected
    from rankify.io.files import writing

    writable(output)
    chosen = form(format, output)
    found = collected(results, measure)
    refuse_less(found.measure, "systems are ordered over collections")
    failures = found.failures()
    for note in failures:
        log.warning("%s", note)
    found.refuse_failed(average)
    made = aggregated(found.table, average=average, by=by, per_query=found.whole())
    notes = found.notes()
    grids = [_aggregates(made, found.measure, notes), *(_details(made) if details else [])]
    plain = {"measure": found.measure, "notes": notes, **made.as_dict()}
    if output is None and chosen is None:
        screen.show(plain, *(grid.rich() for grid in grids))
        return
    text = _csv(made) if chosen == "csv" else written(grids, chosen)
    if chosen == "csv":  # which has no room for them
        for note in notes[: len(notes) - len(failures)]:
            screen.say(note)
    if output is None:
        screen.write(plain, text)
        return
    with writing(output) as file:
        file.write(text)
    screen.show(plain, f"wrote {output}")


def _aggregates(made: Aggregation, measure: str, notes: Sequence[str]) -> Grid:
    from rankify.experiment.grid import Grid

    columns = made.columns()
    tops = {name: _top_two(column.values()) for name, column in columns.items() if name not in _PLACES}
    tops["Kemeny"] = ["1", "2"] if made.kemeny.optima == 1 else ["1"][: made.condorcet_winner is not None]
    rows = [
        (system, [_entry(column[system], tops.get(name, [])) for name, column in columns.items()])
        for system in made.order
    ]
    note = "\n".join([made.note(), *notes])
    return Grid(title=f"{measure or 'Values'} over collections", columns=["system", *columns], rows=rows, note=note)


_PLACES = ("Kemeny", "place without one")  # columns where small is good, or that have no best


def _top_two(cells: Iterable[str]) -> list[str]:
    """The best and the second best of some cells; cells that are written alike are one."""
    return sorted({*cells}, key=float, reverse=True)[:2]


def _entry(cell: str, top: Sequence[str]) -> Entry:
    from rankify.experiment.grid import Entry

    return Entry(cell, best=cell in top[:1], second=cell in top[1:])


def _details(made: Aggregation) -> list[Grid]:
    """The values by collection, the agreement of the collections, and the order without each of them."""
    from rankify.experiment.grid import Entry, Grid

    values = []
    for collection in made.collections:
        row = [f"{made.table[system][collection]:.4f}" for system in made.order]
        values.append((collection, [_entry(cell, _top_two(row)) for cell in row]))
    numbered = [(f"{i} {c}", row) for i, (c, row) in enumerate(made.agreement.items(), 1)]
    taus = [(name, [Entry("-" if isnan(tau) else f"{tau:.2f}") for tau in row.values()]) for name, row in numbered]
    places = ["collection", *map(str, range(1, len(numbered) + 1))]
    grids = [
        Grid(title="By collection", columns=["collection", *made.order], rows=values),
        Grid(title="Agreement of the orders (Kendall's tau-b)", columns=places, rows=taus),
    ]
    if made.left_out:
        left = [(one.collection, [Entry(f"{one.tau:.2f}"), Entry(_moved(made, one))]) for one in made.left_out]
        title = "The order without one collection: its tau with the whole one, and who has another place"
        grids.append(Grid(title=title, columns=["without", "tau", "moved"], rows=left, words=["moved"]))
    return grids


def _moved(made: Aggregation, one: LeftOut) -> str:
    """The systems whose place is another one, with both."""
    before = {system: place for place, system in enumerate(made.order, 1)}
    after = {system: place for place, system in enumerate(one.order, 1)}
    return ", ".join(f"{s} {before[s]} to {after[s]}" for s in made.order if before[s] != after[s]) or "-"


def _csv(made: Aggregation) -> str:
    """One line for each system: values in full, aggregates, and each collection."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    levels = {"borda": made.borda, "borda_two_level": made.borda_two_level}
    votes = {name: found for name, found in levels.items() if found is not None}
    rows.writerow(["system", made.average or "mean", *votes, "kemeny", *made.collections])
    for system in made.order:
        counts = [repr(found[system]) for found in votes.values()]
        values = [repr(made.table[system][c]) for c in made.collections]
        rows.writerow([system, repr(made.mean[system]), *counts, made.kemeny.places[system], *values])
    return text.getvalue()


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, aggregate)
