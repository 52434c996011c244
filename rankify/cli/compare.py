"""`rankify compare`: measures of several runs, with the significance of their differences."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.cli.collection import judgments
from rankify.cli.command import MEASURES, Measures, Relevant, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse, UnknownName

if TYPE_CHECKING:
    from rich.table import Table

    from rankify.evaluation import Comparison

RunFiles = Annotated[list[Path], typer.Argument(metavar="RUN...", show_default=False, help="TREC run files.")]
Judged = Annotated[
    str, typer.Option("--qrels", metavar="QRELS", show_default=False, help="A file of judgments, or a collection.")
]
Baseline = Annotated[
    str | None, typer.Option(metavar="RUN", help="The run the others are compared with; the first if not given.")
]


def compare(
    screen: Screen, runs: RunFiles, qrels: Judged, measures: Measures = MEASURES, baseline: Baseline = None,
    rel: Relevant = None, split: Split = None,
) -> None:  # fmt: skip
    """Compare run files, with tests of significance.

    Each run is compared with the baseline over the same queries: tests, effect size, confidence interval.

        rankify compare bm25.trec dense.trec fused.trec --qrels pydoc --baseline bm25
    """
    import rankify
    from rankify.evaluation.measures import computable
    from rankify.experiment.tables import means
    from rankify.io.trec import read_run

    named = named_by_file(runs)
    first = baseline or next(iter(named))
    if first not in named:
        raise UnknownName.among("run", first, named)
    computable(measures)
    judged, own = judgments(screen, qrels, split)
    with screen.step(f"Comparing {len(named)} runs"):
        read = {name: read_run(path) for name, path in named.items()}
        compared = rankify.compare(read, judged, measures, rel=rel or own or 1, baseline=first)
    title = f"{len(judged):,} queries"
    screen.show(compared.as_dict(), means(title, compared.means, compared).rich(), differences(compared))


def differences(compared: Comparison) -> Table:
    """Each system against the baseline: the mean difference with its interval, effect size, p of both tests."""
    interval = f">{100 * (1 - compared.alpha):g}% interval"
    tests = ">p (t-test)", ">p (randomisation)"
    shown = table("measure", "system", ">difference", interval, ">effect", ">wins/ties/losses", *tests)
    for d in compared.differences:
        shown.add_row(
            d.measure, d.system, f"{d.difference:+.4f}", f"{d.low:+.4f} to {d.high:+.4f}", f"{d.effect_size:+.2f}",
            f"{d.wins}/{d.ties}/{d.losses}", f"{d.t_test_corrected:.4f}", f"{d.randomisation_corrected:.4f}",
        )  # fmt: skip
    return shown


def named_by_file(runs: list[Path]) -> dict[str, Path]:
    """Runs by the names of their files, without endings.

    >>> named_by_file([Path("a/bm25.trec"), Path("a/dense.trec.gz")])
    {'bm25': PosixPath('a/bm25.trec'), 'dense': PosixPath('a/dense.trec.gz')}
    """
    names = [path.name.removesuffix(".gz").removesuffix(".trec").removesuffix(".txt") for path in runs]
    if len(runs) < 2:
        raise Misuse("comparing takes two runs or more; one run is evaluated: rankify evaluate")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Misuse(f"two run files are called {twice[0]!r}; give them different names")
    return dict(zip(names, runs, strict=True))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    command(app, compare)
