"""`rankify confidence`: what it is worth to answer only where a reader is sure, and the threshold of a wanted risk."""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.command import Split, command
from rankify.cli.evaluate import read, refuse_goldless
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rankify.evaluation.selective import Confidence

Answers = Annotated[
    Path, typer.Argument(metavar="ANSWERS", show_default=False, help="A file of answers, .json or .jsonl.")
]
Golds = Annotated[
    str | None,
    typer.Argument(metavar="DATA", show_default=False, help="A collection with gold answers, if the file has none."),
]
Measure = Annotated[
    str, typer.Option("-m", "--measure", metavar="NAME", help="What an answer is worth, from 0 to 1: EM, F1, contains.")
]
Risk = Annotated[
    float | None, typer.Option(metavar="SHARE", help="The most that may be wrong of the answers that are given.")
]
Delta = Annotated[
    float | None,
    typer.Option(
        metavar="P", help="Keep the risk on other questions too, except with this probability; not just on these."
    ),
]
POINTS = 10  # of the curve, on a screen


def confidence(
    screen: Screen, answers: Answers, data: Golds = None, measure: Measure = "EM", risk: Risk = None,
    delta: Delta = None, split: Split = None,
) -> None:  # fmt: skip
    """Tell what a reader's confidence is worth.

    The risk of a threshold is how much is wrong of the answers that are at least so sure, its coverage their share of
    all questions. With --risk, the threshold of most coverage for "selective:READER?threshold=".

        rankify confidence answers.jsonl -m contains
        rankify confidence answers.jsonl ../data/nq --risk 0.1 --delta 0.05
    """
    from rankify.evaluation.selective import evaluate_confidence

    if risk is None and delta is not None:
        raise Misuse(f"--delta {delta} is of a wanted risk; give --risk too")
    if risk is not None and not 0 <= risk <= 1:
        raise Misuse(f"--risk {risk}: it is a share, from 0 to 1")
    given, golds, _ = read(screen, answers, data, split)
    refuse_goldless("confidence", answers, given, data)
    found = evaluate_confidence(given, golds, measure)
    threshold = None if risk is None else found.threshold_at(risk, delta=delta)
    curve = zip(found.thresholds, found.coverages, found.risks, strict=True)
    points = [{"threshold": at, "coverage": covered, "risk": wrong} for at, covered, wrong in curve]
    wanted = {} if threshold is None else {"wanted": {"risk": risk, "delta": delta, "threshold": threshold}}
    screen.show(
        {
            "answers": str(answers), "questions": found.questions, "answered": len(found.losses), "measure": measure,
            **summary(found), **wanted, "curve": points,
        },
        *_shown(found, threshold),
    )  # fmt: skip


def summary(found: Confidence) -> dict[str, float]:
    """What sums the curve up, by name."""
    return {
        "coverage": found.coverage, "risk": found.risk, "AURC": found.aurc, "E-AURC": found.e_aurc,
        "AUROC": found.auroc,
    }  # fmt: skip


def _shown(found: Confidence, threshold: float | None) -> list[RenderableType]:
    """The curve at some coverages and the figures, for a person."""
    points = table(">threshold", ">coverage", f">risk ({found.measure})")
    last = -1
    for share in range(1, POINTS + 1):
        least = share * found.coverage / POINTS
        place = next((n for n, covered in enumerate(found.coverages) if covered >= least - 1e-12), last)
        if place > last:
            points.add_row(
                f"{found.thresholds[place]:.6g}", f"{found.coverages[place]:.4f}", f"{found.risks[place]:.4f}"
            )
            last = place
    known = ", ".join(f"{name} {value:.4f}" for name, value in summary(found).items() if not isnan(value))
    said = [f"{known}; {found.questions:,} questions, {len(found.losses):,} answered"]
    if threshold is not None:
        place = found.thresholds.index(threshold)
        said.append(f"threshold={threshold!r}: coverage {found.coverages[place]:.4f}, risk {found.risks[place]:.4f}")
    return [points, *said]


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, confidence)
