"""The table of differences: how far systems are apart, how sure that is, and what the deciding test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankify.evaluation.comparison import probability
from rankify.evaluation.names import better
from rankify.experiment.grid import Entry, Grid
from rankify.experiment.results import Results

if TYPE_CHECKING:
    from rankify.evaluation import Comparison, Difference


def grids(results: Results) -> list[Grid]:
    """For each dataset every difference of its rankings and of its answers; none where nothing was compared."""
    both = {d: (results.comparisons[d], results.answer_comparisons[d]) for d in results.comparisons}
    found = {dataset: [one for one in pair if one] for dataset, pair in both.items()}
    return [_grid(dataset, compared) for dataset, compared in found.items() if compared]


def _grid(dataset: str, compared: list[Comparison]) -> Grid:
    """Differences that one test decides, which an experiment's are."""
    first = compared[0]
    note = f"p: {first.how}. The BCa bootstrap's interval is not corrected."
    if less := dict.fromkeys(d.measure for one in compared for d in one.differences if better(d.measure) == "less"):
        note += f" W and L are queries above and below; of {' and '.join(less)} less is better."
    interval = f"{100 * (1 - first.alpha):g}% interval"
    return Grid(
        title=f"{dataset}: differences",
        columns=["system - against", "measure", "difference", interval, "d_z", "W/T/L", "p"],
        rows=[_row(d, one.decided_by) for one in compared for d in one.differences],
        note=note,
    )


def _row(d: Difference, test: str) -> tuple[str, list[Entry]]:
    cells = [d.measure, f"{d.difference:+.4f}", f"{d.low:+.4f} to {d.high:+.4f}", f"{d.effect_size:+.2f}",
             f"{d.wins}/{d.ties}/{d.losses}", probability(d.p(test))]  # fmt: skip
    return f"{d.system} - {d.against}", [Entry(text) for text in cells]
