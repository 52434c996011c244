"""`rankify submit`: runs on BEIR checked and packed for a leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.collection import writable
from rankify.cli.command import command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse, UnknownName

if TYPE_CHECKING:
    from rich.table import Table

Benchmark = Annotated[str, typer.Argument(metavar="BENCHMARK", show_default=False, help="beir.")]
Runs = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUNS", show_default=False, help="A folder with COLLECTION.trec files, or one of `rankify run`."
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE.zip", show_default=False, help="The bundle; a folder for mteb."),
]
Metadata = Annotated[
    Path | None,
    typer.Option(metavar="FILE.yaml", show_default=False, help="What is said of the model; see --template."),
]
Sets = Annotated[str, typer.Option("--sets", metavar="NAME", help="Which collections: beir-13, beir-14, beir-18, ...")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", show_default=False, help="Where the collections lie: ids and figures, too."),
]
System = Annotated[str, typer.Option(metavar="NAME", show_default=False, help="Which system of an experiment.")]
Form = Annotated[str, typer.Option("--format", metavar="NAME", help="bundle, or mteb for MTEB's results as JSON.")]
Check = Annotated[
    Path | None, typer.Option("--check", metavar="FILE.zip", show_default=False, help="Check a bundle that is there.")
]
Template = Annotated[bool, typer.Option("--template", help="Print metadata to fill in.")]


def submit(
    screen: Screen, benchmark: Benchmark, runs: Runs = None, output: Output = None, metadata: Metadata = None,
    sets: Sets = "beir-14", data: Data = None, system: System = "", format: Form = "bundle", check: Check = None,
    template: Template = False,
) -> None:  # fmt: skip
    """Check runs and pack them for a leaderboard.

    Every collection and query has to be there, 1,000 documents deep, none twice, none the query itself, scores falling;
    all that is wrong is said at once, and nothing is written.

        rankify submit beir --template > metadata.yaml
        rankify submit beir runs/mine -o mine.zip --metadata metadata.yaml --data ../data
        rankify submit beir --check mine.zip
    """
    if benchmark != "beir":
        raise UnknownName.among("leaderboard", benchmark, ["beir"])
    if format not in ("bundle", "mteb"):
        raise UnknownName.among("format", format, ["bundle", "mteb"])
    if template:
        from rankify.experiment.submission.metadata import template as empty

        screen.show({"template": empty()}, empty().rstrip("\n"))
    elif check is not None:
        _check(screen, check, data)
    elif runs is None or output is None or metadata is None:
        lacking = next(n for n, v in (("RUNS", runs), ("-o", output), ("--metadata", metadata)) if v is None)
        raise Misuse(f"{lacking} is missing: rankify submit beir RUNS -o FILE.zip --metadata FILE.yaml")
    else:
        _submit(screen, runs, output, metadata, sets, data, system, format)


def _submit(
    screen: Screen, runs: Path, output: Path, metadata: Path, sets: str, data: Path | None, system: str, form: str
) -> None:
    from functools import partial

    from rankify.experiment.submission import bundle, collections
    from rankify.experiment.submission.metadata import read

    said, wanted = read(metadata), bundle.required(sets)
    if form == "mteb":
        _write_mteb(screen, bundle.runs_in(runs, wanted, system), output, said, data, sets)
        return
    writable(output)
    found = bundle.runs_in(runs, wanted, system)
    with screen.step(f"Checking {len(found)} runs"):
        needed = {name: collections.needed(name, data) for name in wanted if data is None or name in found}
        needed |= {name: collections.needed(name, None) for name in wanted if name not in found}
        measure = partial(collections.figures, data=data) if data else None
        side_car = bundle.write(output, found, needed, said, sets, measure)
    screen.show({"file": str(output), **side_car}, _shown(side_car), f"wrote {output}")


def _write_mteb(
    screen: Screen, found: dict[str, Path], output: Path, said: dict[str, Any], data: Path | None, sets: str
) -> None:
    from rankify.experiment.submission import bundle, collections, mteb

    if data is None:
        raise Misuse("--format mteb takes judgments: --data FOLDER with the collections")
    if not found:
        raise Misuse("no run of a collection is there; files are called COLLECTION.trec")
    with screen.step(f"Checking and evaluating {len(found)} runs"):
        opened = {name: collections.opened(name, data) for name in found}
        bundle.counted_in(found, {name: collections.held(name, one) for name, one in opened.items()}, sets)
        written = mteb.write(output, found, opened, said)
    screen.show({"files": [str(path) for path in written]}, f"wrote {len(written)} files below {output}/")


def _check(screen: Screen, path: Path, data: Path | None) -> None:
    from functools import partial

    from rankify.experiment.submission import collections, packed

    with screen.step(f"Checking {path}"):
        measure = partial(collections.figures, data=data) if data else None
        side_car = packed.check(path, partial(collections.needed, data=data), measure)
    screen.show({"file": str(path), **side_car}, _shown(side_car), f"{path} is as it should be")


def _shown(side_car: dict[str, Any]) -> Table:
    shown = table("collection", ">queries", ">documents", ">shortest", ">longest", ">nDCG@10")
    for name, one in side_car["collections"].items():
        numbers = [f"{one[key]:,}" for key in ("queries", "hits", "shortest", "longest")]
        ndcg = one.get("figures", {}).get("nDCG@10")
        shown.add_row(name, *numbers, "" if ndcg is None else f"{ndcg:.4f}")
    return shown


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, submit)
