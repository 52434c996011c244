"""The tables of an experiment: measures with marks of significance, and seconds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rankify.experiment.grid import Entry, Grid
from rankify.experiment.results import Results, seconds

if TYPE_CHECKING:
    from rich.console import Group

    from rankify.evaluation import Comparison

_LEARNT = re.compile(r"(learnt=[^\s,)]{20})[^\s,)]{20,}")


def grids(results: Results) -> list[Grid]:
    """A table of systems x measures for each dataset; with several datasets also one of systems x datasets."""
    made = [_measures(results, dataset) for dataset in results.scores]
    return made if len(made) < 2 else [*made, _overview(results)]


def rendered(results: Results) -> list[Group]:
    """The same tables for a terminal, what was tuned, and each dataset's seconds."""
    tables = [grid.rich() for grid in (*grids(results), *tunings(results))]
    return [*tables, *(_shown_costs(results, dataset) for dataset in results.cells)]


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


def tunings(results: Results) -> list[Grid]:
    """For each dataset a table of what was chosen for its tuned systems; none where nothing was."""
    return [_tunings(dataset, tuned) for dataset, tuned in results.tuned.items() if tuned]


def _tunings(dataset: str, tuned: Mapping[str, Mapping[str, Any]]) -> Grid:
    rows = []
    for system, record in tuned.items():
        on = record["on"]
        said = [chosen(record), f"{on['name']}, {on['split']}", f"{on['judged']:,}", f"{on['left_out']:,}",
                record["measure"], f"{record['value']:.4f}"]  # fmt: skip
        rows.append((system, [Entry(text) for text in said]))
    columns = ["system", "options", "on", "queries", "left out", "measure", "there"]
    note = "None of these queries is measured; those that are were left out."
    return Grid(title=f"{dataset}: what was tuned", columns=columns, rows=rows, note=note)


def chosen(record: Mapping[str, Any]) -> str:
    """The options that a tuning chose, in words."""
    return brief(", ".join(record["options"]) or "the defaults")


def brief(text: str) -> str:
    """A text without what a fusion has learnt, where that is long.

    >>> brief("mapfuse(a, b, learnt=0.3:0.4)"), brief(f"posfuse(a, learnt={'0.25/' * 99}0) % 3")
    ('mapfuse(a, b, learnt=0.3:0.4)', 'posfuse(a, learnt=0.25/0.25/0.25/0.25/...) % 3')
    """
    return _LEARNT.sub(r"\1...", text)


def costs(results: Results, dataset: str) -> Grid:
    """Seconds of each system, by index built or opened and by stage."""
    rows = [
        (f"{system}: {brief(stage)}", [Entry(f"{spent:.1f}")])
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
            made.add_row(Text("" if place else system), Text(brief(stage)), f"{spent:.1f}")
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
