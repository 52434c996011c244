"""The tables of an experiment: measures with marks of significance, and seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rankify.experiment.grid import MARK, Entry, Grid
from rankify.experiment.results import Results, seconds

if TYPE_CHECKING:
    from rich.table import Table


def grids(results: Results) -> list[Grid]:
    """A table of systems x measures for each dataset; with several datasets also one of systems x datasets."""
    made = [_measures(results, dataset) for dataset in results.scores]
    return made if len(made) < 2 else [*made, _overview(results)]


def rendered(results: Results) -> list[Table]:
    """The same tables for a terminal, and each dataset's seconds."""
    return [*(g.rich() for g in grids(results)), *(costs(results, dataset).rich() for dataset in results.cells)]


def _measures(results: Results, dataset: str) -> Grid:
    scores = results.scores[dataset]
    measures = list(next(iter(scores.values())))
    best = {m: max(round(s[m], 4) for s in scores.values()) for m in measures}
    rows = [
        (
            system,
            [Entry(f"{s[m]:.4f}", round(s[m], 4) == best[m], differs(results, dataset, system, m)) for m in measures],
        )
        for system, s in scores.items()
    ]
    about = results.datasets[dataset]
    title = f"{dataset}: {about['judged']:,} queries, {about['documents']:,} documents"
    return Grid(title=title, columns=["system", *measures], rows=rows, note=_note(results))


def _overview(results: Results) -> Grid:
    """The first measure on every dataset, and its mean over them."""
    measure = next(iter(next(iter(next(iter(results.scores.values())).values()))))
    datasets = list(results.scores)
    values = {
        system: [results.scores[dataset][system][measure] for dataset in datasets]
        for system in results.experiment.systems
    }
    full = {system: [*row, sum(row) / len(row)] for system, row in values.items()}
    best = [max(round(v, 4) for v in column) for column in zip(*full.values(), strict=True)]
    rows = []
    for system, row in full.items():
        marks = [*(differs(results, dataset, system, measure) for dataset in datasets), False]
        entries = [Entry(f"{v:.4f}", round(v, 4) == top, mark) for v, top, mark in zip(row, best, marks, strict=True)]
        rows.append((system, entries))
    return Grid(title=measure, columns=["system", *datasets, "mean"], rows=rows, note=_note(results))


def costs(results: Results, dataset: str) -> Grid:
    """Seconds of each system, by index built and by stage."""
    rows: list[tuple[str, Sequence[Entry]]] = []
    for system, record in results.cells[dataset].items():
        for stage, spent in seconds(record).items():
            rows.append((system, [Entry(stage), Entry(f"{spent:.1f}")]))
            system = ""  # noqa: PLW2901 - a system's name stands once, above its stages
    return Grid(title=f"{dataset}: seconds", columns=["system", "stage", "seconds"], rows=rows)


def differs(results: Results, dataset: str, system: str, measure: str) -> bool:
    """Whether a system differs significantly from the baseline."""
    comparison = results.comparisons[dataset]
    return comparison is not None and comparison.differs(system, measure)


def _note(results: Results) -> str:
    if len(results.experiment.systems) < 2:
        return ""
    return f"{MARK} differs from {results.experiment.baseline} (Fisher's randomisation test, p < .05 after Holm)"
