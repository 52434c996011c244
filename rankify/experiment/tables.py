"""The tables of an experiment: measures with marks of significance, and seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rankify.experiment.grid import Entry, Grid
from rankify.experiment.results import Results, seconds

if TYPE_CHECKING:
    from rich.console import Group

    from rankify.evaluation import Comparison


def grids(results: Results) -> list[Grid]:
    """A table of systems x measures for each dataset; with several datasets also one of systems x datasets."""
    made = [_measures(results, dataset) for dataset in results.scores]
    return made if len(made) < 2 else [*made, _overview(results)]


def rendered(results: Results) -> list[Group]:
    """The same tables for a terminal, and each dataset's seconds."""
    return [*(g.rich() for g in grids(results)), *(_shown_costs(results, dataset) for dataset in results.cells)]


def _measures(results: Results, dataset: str) -> Grid:
    about, comparison = results.datasets[dataset], results.comparisons[dataset]
    title = f"{dataset}: {about['judged']:,} queries, {about['documents']:,} documents"
    return means(title, results.scores[dataset], comparison)


def means(title: str, scores: Mapping[str, Mapping[str, float]], comparison: Comparison | None) -> Grid:
    """A table of systems x measures; the best of each measure is marked, and what differs from the baseline."""
    measures = list(next(iter(scores.values())))
    best = {m: max(f"{s[m]:.4f}" for s in scores.values()) for m in measures}
    rows = [
        (name, [Entry(f"{s[m]:.4f}", f"{s[m]:.4f}" == best[m], mark(comparison, name, m)) for m in measures])
        for name, s in scores.items()
    ]
    return Grid(title=title, columns=["system", *measures], rows=rows, note=legend(comparison))


def _overview(results: Results) -> Grid:
    """The first measure on every dataset, and its mean over them."""
    measure = next(iter(next(iter(next(iter(results.scores.values())).values()))))
    datasets = list(results.scores)
    values = {
        system: [results.scores[dataset][system][measure] for dataset in datasets]
        for system in results.experiment.systems
    }
    full = {system: [*row, sum(row) / len(row)] for system, row in values.items()}
    best = [max(f"{v:.4f}" for v in column) for column in zip(*full.values(), strict=True)]
    rows = []
    for system, row in full.items():
        marks = [*(mark(results.comparisons[dataset], system, measure) for dataset in datasets), ""]
        written = [f"{v:.4f}" for v in row]
        rows.append((system, [Entry(v, v == top, m) for v, top, m in zip(written, best, marks, strict=True)]))
    note = legend(next(filter(None, results.comparisons.values()), None))
    return Grid(title=measure, columns=["system", *datasets, "mean"], rows=rows, note=note)


def costs(results: Results, dataset: str) -> Grid:
    """Seconds of each system, by index built or opened and by stage."""
    rows = [
        (f"{system}: {stage}", [Entry(f"{spent:.1f}")])
        for system, record in results.cells[dataset].items()
        for stage, spent in seconds(record).items()
    ]
    return Grid(title=f"{dataset}: where the time went", columns=["system: stage", "seconds"], rows=rows)


def _shown_costs(results: Results, dataset: str) -> Group:
    """Seconds of each system, by index built and by stage, for a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("system")
    made.add_column("stage", overflow="fold")
    made.add_column("seconds", justify="right", no_wrap=True)
    for system, record in results.cells[dataset].items():
        for place, (stage, spent) in enumerate(seconds(record).items()):
            made.add_row(Text("" if place else system), Text(stage), f"{spent:.1f}")
    return Group(Text(f"{dataset}: where the time went", style="bold"), made)


def mark(comparison: Comparison | None, system: str, measure: str) -> str:
    """The mark of a system that differs significantly from the baseline."""
    return "" if comparison is None else comparison.marks(system, measure)


def legend(comparison: Comparison | None) -> str:
    """What the marks mean."""
    if comparison is None:
        return ""
    test = {"t-test": "paired t-test", "randomisation": "Fisher's randomisation test"}[comparison.decided_by]
    sides = f"† above, ‡ below {comparison.baseline}"
    return f"{sides} ({test}, {comparison.correction.capitalize()} correction, p <= {comparison.alpha:g})"
