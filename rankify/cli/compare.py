"""`rankify compare`: measures of several runs, with the significance of their differences."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rankify.cli.collection import judgments
from rankify.cli.command import MEASURES, Condensed, Measures, Relevant, Split, command
from rankify.cli.screen import Screen, table
from rankify.errors import Misuse, UnknownName

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from rankify.evaluation import Comparison, Difference
    from rankify.evaluation.holes import Holes
    from rankify.evaluation.power import Plan
    from rankify.experiment.grid import Grid

RunFiles = Annotated[list[Path], typer.Argument(metavar="RUN...", show_default=False, help="TREC run files.")]
Judged = Annotated[
    str, typer.Option("--qrels", metavar="QRELS", show_default=False, help="A file of judgments, or a collection.")
]
Baseline = Annotated[
    str | None, typer.Option(metavar="RUN", help="The run the others are compared with; the first if not given.")
]
AllPairs = Annotated[bool, typer.Option("--all-pairs", help="Compare every two runs; there is no baseline.")]
Decided = Annotated[
    str,
    typer.Option(
        "--test", metavar="NAME",
        help="The test that decides: t-test, wilcoxon, randomisation, tukey-hsd or randomised-tukey-hsd.",
    ),
]  # fmt: skip
Correction = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", show_default="holm",
        help="holm, bonferroni, fdr_bh (Benjamini and Hochberg), fdr_by, sidak, holm-sidak, hommel, none; Tukey's HSD "
        "takes none.",
    ),
]  # fmt: skip
Alpha = Annotated[float, typer.Option(metavar="P", help="The level of significance.")]
Effect = Annotated[
    str, typer.Option(metavar="NAME", help="The effect size that is shown: d_z (Cohen, paired), glass or cliff.")
]
Power = Annotated[
    float | None,
    typer.Option(metavar="P", show_default=False, help="Which differences are found with this power, e.g. 0.8."),
]
WithHoles = Annotated[bool, typer.Option("--holes", help="How much of each run nobody judged.")]
EFFECTS = {"d_z": "effect_size", "glass": "glass_delta", "cliff": "cliffs_delta"}


def compare(
    screen: Screen, runs: RunFiles, qrels: Judged, measures: Measures = MEASURES, baseline: Baseline = None,
    all_pairs: AllPairs = False, test: Decided = "t-test", correction: Correction = None, alpha: Alpha = 0.05,
    effect: Effect = "d_z", power: Power = None, holes: WithHoles = False, condensed: Condensed = False,
    rel: Relevant = None, split: Split = None,
) -> None:  # fmt: skip
    """Compare run files, with tests of significance.

    Each run is compared with the baseline over the same queries: tests, effect size, confidence interval.

        rankify compare bm25.trec dense.trec fused.trec --qrels pydoc --baseline bm25
        rankify compare *.trec --qrels pydoc --all-pairs --test tukey-hsd --power 0.8
    """
    import rankify
    from rankify.evaluation import holes as unjudged
    from rankify.evaluation.comparison import ITSELF
    from rankify.evaluation.measures import computable
    from rankify.evaluation.power import plan
    from rankify.io.trec import read_run

    named = named_by_file(runs)
    first = _against(named, baseline, all_pairs)
    if effect not in EFFECTS:
        raise UnknownName.among("effect size", effect, EFFECTS)
    if power is not None and not alpha < power < 1:
        raise Misuse(f"--power {power:g}: a power is between alpha ({alpha:g}) and 1, e.g. 0.8")
    if test in ITSELF and correction is not None:
        raise Misuse(f"--correction {correction}: {test} corrects for all pairs itself; leave the option out")
    computable(measures)
    judged, own = judgments(screen, qrels, split)
    with screen.step(f"Comparing {len(named)} runs"):
        read = {name: read_run(path) for name, path in named.items()}
        found = unjudged.holes(read, judged) if holes else None
        kept = {name: unjudged.condensed(run, judged) for name, run in read.items()} if condensed else read
        compared = rankify.compare(
            kept, judged, measures, rel=rel or own or 1, baseline=first, alpha=alpha,
            correction=correction,
            decided_by=test,  # type: ignore[arg-type]  # checked there, with the near ones in the message
        )  # fmt: skip
    planned = None if power is None else plan(compared, power)
    title = f"{len(judged):,} queries{', only judged documents' if condensed else ''}"
    tables = _means(title, compared).rich(), differences(compared, effect)
    missing = {name: sum(query not in run for query in judged) for name, run in read.items()}
    said = [
        f"{name}: {n:,} of {len(judged):,} judged queries have no results and count 0"
        for name, n in missing.items()
        if n
    ]
    screen.show({**_plain(compared, planned, found), "missing": missing}, *tables, *said, *_shown(planned, found))


def _against(named: dict[str, Path], baseline: str | None, all_pairs: bool) -> str | None:
    """The baseline's name; None for all pairs."""
    if all_pairs and baseline is not None:
        raise Misuse(f"--all-pairs has no baseline; leave --baseline {baseline} out, or --all-pairs")
    first = baseline or next(iter(named))
    if first not in named:
        raise UnknownName.among("run", first, named)
    return None if all_pairs else first


def _means(title: str, compared: Comparison) -> Grid:
    """Systems x measures; the best two of each measure are marked, and what differs significantly."""
    from rankify.experiment.grid import Grid
    from rankify.experiment.marking import entry, top_two

    measures = list(next(iter(compared.means.values())))
    tops = {m: top_two((s[m] for s in compared.means.values()), m) for m in measures}
    rows = []
    for system, means in compared.means.items():
        name = system if compared.baseline else f"{compared.label(system).strip()}  {system}"
        rows.append((name, [entry(means[m], tops[m], compared.marks(system, m)) for m in measures]))
    return Grid(title=title, columns=["system", *measures], rows=rows, note=compared.legend())


def differences(compared: Comparison, effect: str = "d_z") -> Table:
    """Each difference: its mean with the interval, an effect size, wins, ties and losses, corrected p of each test."""
    interval = f">{100 * (1 - compared.alpha):g}% interval"
    shown = table(
        "measure", "system", *(() if compared.baseline else ("against",)), ">difference", interval, f">{effect}",
        ">W/T/L", *(f">p ({test})" for test in compared.tests),
    )  # fmt: skip
    for d in compared.differences:
        shown.add_row(*_cells(compared, d, effect))
    return shown


def _cells(compared: Comparison, d: Difference, effect: str) -> list[str]:
    from rankify.evaluation.comparison import probability

    return [
        d.measure, d.system, *(() if compared.baseline else (d.against,)), f"{d.difference:+.4f}",
        f"{d.low:+.4f} to {d.high:+.4f}", f"{getattr(d, EFFECTS[effect]):+.3f}", f"{d.wins}/{d.ties}/{d.losses}",
        *(probability(d.p(test)) for test in compared.tests),
    ]  # fmt: skip


def _shown(planned: Plan | None, found: Holes | None) -> list[RenderableType]:
    """The power of the comparison and the unjudged documents, where they were asked for."""
    parts: list[RenderableType] = []
    if planned:
        shown = table("measure", "system - against", ">difference", ">sd", ">detectable", ">queries needed")
        for row in planned.rows:
            shown.add_row(*planned.cells(row))
        parts += [shown, planned.note()]
    if found:
        shown = table("system", ">k", ">judged@k", ">holes", ">queries with holes")
        for cells in found.cells():
            shown.add_row(*cells)
        parts += [shown, f"{len(found.missing()):,} pairs of query and document would have to be judged"]
    return parts


def _plain(compared: Comparison, planned: Plan | None, found: Holes | None) -> dict[str, Any]:
    """All of it as JSON has it."""
    plain = compared.as_dict()
    if planned:
        rows = [
            {
                "measure": r.measure, "system": r.system, "against": r.against, "deviation": r.deviation,
                "detectable": r.detectable, "needed": r.needed if isfinite(r.needed) else None,
            }
            for r in planned.rows
        ]  # fmt: skip
        plain["power"] = {"power": planned.power, "alpha": planned.alpha, "differences": rows}
    if found:
        plain["holes"] = found.as_dict()
    return plain


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
