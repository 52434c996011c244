"""The table of one measure on every dataset."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import TYPE_CHECKING

from rankify.experiment.grid import Grid
from rankify.experiment.marking import FAILED, entry, legend, mark, top_two
from rankify.experiment.pairs import named
from rankify.experiment.plan import parted
from rankify.experiment.results import Results

if TYPE_CHECKING:
    from rankify.evaluation import Comparison


def overview(results: Results, measure: str, comparisons: Mapping[str, Comparison | None]) -> Grid:
    """A measure on every dataset, and its mean over them."""
    datasets = list(results.scores)
    nowhere = measure in results.experiment.wanted.of_rankings  # what failed everywhere has rankings to miss
    having = [
        s for s in results.experiment.systems
        if any(measure in results.scores[d].get(s, ()) for d in datasets)
        or (nowhere and all(s in results.failed[d] for d in datasets))
    ]  # fmt: skip
    full = {s: _with_mean([_value(results, d, s, measure) for d in datasets]) for s in having}
    tops = [top_two(column, measure) for column in zip(*full.values(), strict=True)]
    comparisons, unmarked = _alike(results, measure, comparisons)
    known, rows = next(filter(None, comparisons.values()), None), []
    for system, row in full.items():
        marks = [*(mark(comparisons[dataset], system, measure) for dataset in datasets), ""]
        cells = [entry(v, top, m) for v, top, m in zip(row, tops, marks, strict=True)]
        lost = [system in results.failed[dataset] for dataset in datasets]
        shown = [FAILED if gone else cell for gone, cell in zip([*lost, any(lost)], cells, strict=True)]
        rows.append((named(known, system), shown))
    note = ". ".join(filter(None, [legend(known), unmarked]))
    return Grid(title=measure, columns=["system", *datasets, "mean"], rows=rows, note=note)


def _alike(
    results: Results, measure: str, comparisons: Mapping[str, Comparison | None]
) -> tuple[Mapping[str, Comparison | None], str]:  # fmt: skip
    """The comparisons that one legend explains, and a sentence on the datasets where the baseline failed.

    Answers are compared with the first system that gives some where the baseline gives none.
    """
    experiment = results.experiment
    order = dict.fromkeys([experiment.baseline, *experiment.systems])
    of_rankings = measure in experiment.wanted.of_rankings
    baseline = next(s for s in order if of_rankings or parted(experiment.systems[s])[1])
    every_two = experiment.comparing.all_pairs
    without = [label for label in comparisons if not every_two and baseline in results.failed[label]]
    kept = {label: None if label in without else one for label, one in comparisons.items()}
    return kept, f"No marks on {', '.join(without)}, where {baseline} failed." if without else ""


def _value(results: Results, dataset: str, system: str, measure: str) -> float:
    found = results.scores[dataset].get(system)
    return found[measure] if found is not None and measure in found else nan


def _with_mean(values: list[float]) -> list[float]:
    return [*values, sum(values) / len(values)]
