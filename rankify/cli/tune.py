"""`rankify tune`: the options of a fusion, chosen on judged queries."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.collection import collection, writable
from rankify.cli.command import Data, Relevant, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import BadInput, Misuse

if TYPE_CHECKING:
    from rankify.datasets import Dataset
    from rankify.types import Run

Fusion = Annotated[
    str,
    typer.Argument(metavar="FUSION", show_default=False, help="Its name, e.g. weighted; see: rankify list fusions."),
]
Parts = Annotated[
    list[str],
    typer.Argument(metavar="PIPELINE...", show_default=False, help="What is fused, as deep as it will be in the end."),
]
Measure = Annotated[
    str, typer.Option("-m", "--measure", metavar="NAME", help="What is to be as high as possible on these queries.")
]
Tried = Annotated[
    list[str],
    typer.Option(
        "--try", metavar="OPTION=V,V,...", help="Try these values of an option, and no others; may be repeated."
    ),
]
Learnt = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", metavar="FILE.json", help="Keep what a trained fusion has learnt here, not on a line."
    ),
]
SHOWN = 10  # trials that a terminal has room for


def tune(
    screen: Screen, fusion: Fusion, data: Data, parts: Parts, measure: Measure = "nDCG@10", tried: Tried = [],  # noqa: B006
    output: Learnt = None, rel: Relevant = None, split: Split = None,
) -> None:  # fmt: skip
    """Choose the options of a fusion on judged queries.

    Prints the fusion with its best options, as a pipeline to be used on other queries. Trained fusions learn here.

        rankify tune weighted ../data/scifact "bm25 % 1000" "dense:MODEL % 1000" --split train
        rankify tune rrf pydoc bm25 "bm25?b=0.9" --try k=10,60
    """
    import rankify
    from rankify.evaluation.measures import computable

    computable(measure)
    writable(output)
    values = dict(map(_values, tried))
    found = collection(screen, data, split)
    if not len(found.qrels):
        raise BadInput(f"{found.name} has no relevance judgments to tune on")
    runs = _searched(screen, parts, found)
    with screen.step(f"Tuning {fusion}"):
        tuned = rankify.tune(
            fusion, *runs, qrels=found.qrels, measure=measure, rel=rel or found.rel, file=str(output or ""),
            drop_identical_ids=found.drop_identical_ids, **values,
        )  # fmt: skip
    text = tuned.written(*parts)
    best = sorted(tuned.trials, key=lambda trial: -trial.value)
    shown = table("options", f">{measure}")
    for trial in best[:SHOWN]:
        shown.add_row(_written(trial.options) or "(the defaults)", f"{trial.value:.4f}")
    trials = [{"options": dict(trial.options), "value": trial.value} for trial in tuned.trials]
    on = f"{len(found.qrels):,} queries of {found.name}, {found.split}"
    screen.show(
        {"fusion": text, "measure": measure, "value": tuned.value, "queries": len(found.qrels), "trials": trials},
        shown,
        f"the best of {len(best):,}, on {on}; measure it on others:",
        text,
    )


def _searched(screen: Screen, parts: list[str], data: Dataset) -> list[Run]:
    """What each pipeline finds for the collection's judged queries."""
    from rankify.experiment.tuning import stages

    with screen.step("Preparing"):
        found = stages(parts, data.corpus)
    runs = []
    for text, stage in zip(parts, found, strict=True):
        with screen.step(f"Searching with {text}"):
            runs.append(stage(data.queries))
    return runs


def _values(tried: str) -> tuple[str, list[Any]]:
    """An option and its values.

    >>> _values("k=10,60"), _values("norm=minmax,none")
    (('k', [10, 60]), ('norm', ['minmax', 'none']))
    """
    from rankify.experiment.tuning import plain

    option, equals, values = tried.partition("=")
    if not equals or not option.strip() or not values.strip():
        raise Misuse(f"cannot read --try {tried!r}; write --try norm=minmax,zscore")
    return option.strip(), [plain(option.strip(), value.strip()) for value in values.split(",")]


def _written(options: Mapping[str, Any]) -> str:
    """Options as they are written in a fusion."""
    from rankify.fuse.method import written

    plain = {name: written(value) if name == "weights" else value for name, value in options.items()}
    return ", ".join(f"{name}={value}" for name, value in plain.items())


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, tune)
