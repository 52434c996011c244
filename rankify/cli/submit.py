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
    from collections.abc import Mapping

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
Sets = Annotated[
    str | None,
    typer.Option(
        "--sets",
        metavar="NAME",
        show_default=False,
        help="Which collections: beir-13, beir-14 (the default), beir-18, ...",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", show_default=False, help="Where the collections lie: ids and figures, too."),
]
System = Annotated[str, typer.Option(metavar="NAME", show_default=False, help="Which system of an experiment.")]
Form = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="NAME", show_default=False, help="bundle (the default), or mteb for MTEB's results as JSON."
    ),
]
Empty = Annotated[
    bool, typer.Option("--allow-empty", help="Queries without a line were searched for in vain, and count 0.")
]
Check = Annotated[
    Path | None, typer.Option("--check", metavar="FILE.zip", show_default=False, help="Check a bundle that is there.")
]
Template = Annotated[bool, typer.Option("--template", help="Print metadata to fill in.")]


def submit(
    screen: Screen, benchmark: Benchmark, runs: Runs = None, output: Output = None, metadata: Metadata = None,
    sets: Sets = None, data: Data = None, system: System = "", format: Form = None, allow_empty: Empty = False,
    check: Check = None, template: Template = False,
) -> None:  # fmt: skip
    """Check runs and pack them for a leaderboard.

    Every collection and query has to be there, 1,000 documents deep, none twice, none the query itself, scores falling
    in single precision; all that is wrong is said at once, and nothing is written.

        rankify submit beir --template > metadata.yaml
        rankify submit beir runs/mine -o mine.zip --metadata metadata.yaml --data ../data
        rankify submit beir --check mine.zip
    """
    if benchmark != "beir":
        raise UnknownName.among("leaderboard", benchmark, ["beir"])
    if format not in (None, "bundle", "mteb"):
        raise UnknownName.among("format", format, ["bundle", "mteb"])
    making = {
        "RUNS": runs, "-o": output, "--metadata": metadata, "--sets": sets, "--system": system, "--format": format,
        "--allow-empty": allow_empty,
    }  # fmt: skip
    if template:
        _refuse_beside("--template", {**making, "--data": data, "--check": check})
        _show_template(screen)
    elif check is not None:
        _refuse_beside("--check", making)
        _check(screen, check, data)
    elif runs is None or output is None or metadata is None:
        lacking = next(n for n, v in (("RUNS", runs), ("-o", output), ("--metadata", metadata)) if v is None)
        raise Misuse(f"{lacking} is missing: rankify submit beir RUNS -o FILE.zip --metadata FILE.yaml")
    else:
        if allow_empty and data is None:
            raise Misuse("--allow-empty says which queries have no results: name --data FOLDER with the collections")
        _submit(screen, runs, output, metadata, sets or "beir-14", data, system, format, None if allow_empty else ())


def _refuse_beside(option: str, others: Mapping[str, Any]) -> None:
    """Raises where an option stands beside others that it would ignore."""
    if said := [name for name, value in others.items() if value]:
        raise Misuse(f"{option} takes no {' and no '.join(said)}; leave out one or the other")


def _show_template(screen: Screen) -> None:
    from rankify.experiment.submission.metadata import template

    screen.show({"template": template()}, template().rstrip("\n"))


def _submit(
    screen: Screen, runs: Path, output: Path, metadata: Path, sets: str, data: Path | None, system: str,
    form: str | None, empty: tuple[()] | None,
) -> None:  # fmt: skip
    from functools import partial

    from rankify.experiment.submission import bundle, collections
    from rankify.experiment.submission.metadata import read

    said, wanted = read(metadata), bundle.required(sets)
    if form == "mteb":
        _write_mteb(screen, bundle.runs_in(runs, wanted, system), output, said, data, sets, empty)
        return
    if output.suffix != ".zip":
        raise Misuse(f"cannot write {output}: a bundle is a zip file; call it {output.with_suffix('.zip')}")
    writable(output)
    found = bundle.runs_in(runs, wanted, system)
    with screen.step(f"Checking {len(found)} runs"):
        held = {name: data if name in found else None for name in wanted}  # a run that is missing needs no folder
        needed = {name: collections.needed(name, empty, data=place) for name, place in held.items()}
        measure = partial(collections.figures, data=data) if data else None
        side_car = bundle.write(output, found, needed, said, sets, measure)
    screen.show({"file": str(output), **side_car}, *_shown(side_car), f"wrote {output}")


def _write_mteb(
    screen: Screen, found: dict[str, Path], output: Path, said: dict[str, Any], data: Path | None, sets: str,
    empty: tuple[()] | None,
) -> None:  # fmt: skip
    from rankify.experiment.submission import bundle, collections, mteb

    if data is None:
        raise Misuse("--format mteb takes judgments: --data FOLDER with the collections")
    if not found:
        raise Misuse("no run of a collection is there; files are called COLLECTION.trec")
    mteb.refuse_without_task(found)
    with screen.step(f"Checking and evaluating {len(found)} runs"):
        opened = {name: collections.opened(name, data) for name in found}
        needed = {name: collections.held(name, one, empty) for name, one in opened.items()}
        counted = bundle.counted_in(found, needed, sets)
        written = mteb.write(output, found, opened, said)
    said_of = _short({name: vars(one) for name, one in counted.items()})
    screen.show({"files": [str(path) for path in written]}, *said_of, f"wrote {len(written)} files below {output}/")


def _check(screen: Screen, path: Path, data: Path | None) -> None:
    from functools import partial

    from rankify.experiment.submission import collections, packed

    with screen.step(f"Checking {path}"):
        measure = partial(collections.figures, data=data) if data else None
        side_car = packed.check(path, partial(collections.needed, data=data), measure)
    left = [] if data else ["not checked without --data FOLDER: the ids of queries and documents, and the figures"]
    screen.show({"file": str(path), **side_car}, *_shown(side_car), *left, f"{path} is as it should be")


def _shown(side_car: dict[str, Any]) -> list[Table | str]:
    """The table of the runs, and what is to be known of them."""
    shown = table("collection", ">queries", ">documents", ">shortest", ">longest", ">nDCG@10")
    for name, one in side_car["collections"].items():
        numbers = [f"{one[key]:,}" for key in ("queries", "hits", "shortest", "longest")]
        ndcg = one.get("figures", {}).get("nDCG@10")
        shown.add_row(name, *numbers, "" if ndcg is None else f"{ndcg:.4f}")
    return [shown, *_short(side_car["collections"])]


def _short(counted: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line for each collection with rankings that are shorter than the depth, or queries without results."""
    lines = []
    for name, one in counted.items():
        said = []
        if one["shorter"]:
            said.append(
                f"{one['shorter']:,} of {one['queries']:,} rankings have fewer than {one['depth']:,} documents, the "
                f"shortest {one['shortest']:,}"
            )
        if one["no_results"]:
            said.append(f"{len(one['no_results']):,} queries have no results and count 0")
        if said:
            lines.append(f"{name}: {'; '.join(said)}")
    return lines


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, submit)
