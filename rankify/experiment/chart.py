"""A bar chart of an experiment's measures, as a PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rankify.errors import needs
from rankify.io.files import writing

# Okabe and Ito's colours, told apart with every kind of colour blindness
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999")


def bars(path: Path, title: str, scores: Mapping[str, Mapping[str, float]], measures: Sequence[str]) -> None:
    """Writes one group of bars for each measure and one bar for each system.

    Args:
        path: the PNG file.
        title: what is shown.
        scores: system -> measure -> mean.
        measures: in the order in which they are drawn.
    """
    matplotlib = needs("matplotlib", "plot")
    matplotlib.use("Agg")
    figure_module = needs("matplotlib.figure", "plot")
    figure = figure_module.Figure(figsize=(max(7.0, 1.2 + 0.62 * len(scores) * len(measures)), 4.6), dpi=150)
    axes = figure.subplots()
    width = 0.84 / max(len(scores), 1)
    for place, (system, values) in enumerate(scores.items()):
        offsets = [i + (place - (len(scores) - 1) / 2) * width for i in range(len(measures))]
        drawn = axes.bar(offsets, [values[m] for m in measures], width * 0.94, label=system,
                         color=COLOURS[place % len(COLOURS)])  # fmt: skip
        axes.bar_label(drawn, fmt=lambda v: f"{v:.3f}".lstrip("0") or "0", fontsize=8, padding=2)
    axes.set_xticks(range(len(measures)), measures)
    axes.set_ylim(0, 1.08 * max([1e-9, *(values[m] for values in scores.values() for m in measures)]))
    axes.set_ylabel("mean over queries")
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", pad=34)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=min(len(scores), 4), frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.tight_layout()
    with writing(path, binary=True) as file:
        figure.savefig(file, format="png", metadata={"Software": "Rankify"})
