"""Plots of the report as SVG: text stays text, colours are the page's own, and no script or style is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from itertools import accumulate, groupby
from math import isnan
from typing import Any
from urllib.parse import quote

from rankify.errors import MissingExtra, needs
from rankify.experiment.report.differences import compared, differences, first_measure
from rankify.experiment.report.drawing import FONT, POINTS, Plot, axes_of, drawing, logarithmic, looks, short
from rankify.experiment.report.pareto import cost, of_costs, pareto
from rankify.experiment.report.ranks import Ranks
from rankify.experiment.report.svg import DIM, LINE, LOSSES, TEXT, WINS
from rankify.experiment.results import Results

FEW = 6  # systems whose curves differ by their colours alone


def plots(results: Results, found: Mapping[str, Ranks]) -> list[Plot]:
    """For each dataset: effectiveness against cost, differences from the baseline, recall by depth.

    Raises:
        MissingExtra: matplotlib is not installed.
    """
    needs("matplotlib", "plot")
    return [plot for label, ranks in found.items() for plot in _of_dataset(results, label, ranks)]


def drawn(results: Results, found: Mapping[str, Ranks]) -> tuple[list[Plot], str]:
    """The plots, or why there are none."""
    try:
        return plots(results, found), ""
    except MissingExtra as error:
        return [], f"There are no plots: {error}"


def _of_dataset(results: Results, label: str, ranks: Ranks) -> Iterator[Plot]:
    measure, scores = first_measure(results), results.scores[label]
    systems = list(results.experiment.systems)
    if measure:
        having = [s for s in results.cells[label] if measure in scores.get(s, ()) and not isnan(scores[s][measure])]
        spent = {system: cost(results, label, system) for system in having}
        points = {s: (seconds, scores[s][measure]) for s, seconds in spent.items() if seconds is not None}
        if points:
            title = f"{label}: effectiveness against cost"
            made = pareto(title, measure, points, systems, results.experiment.baseline)
            yield replace(made, says=made.says + of_costs(results, label, [s for s in having if s not in points]))
        if others := compared(results, label):
            yield wins(results, label, measure, others)
    if any(ranks.recall.values()):
        yield recall(f"{label}: recall by depth", ranks.recall, systems)


def recall(title: str, curves: Mapping[str, Sequence[float]], systems: Sequence[str] = ()) -> Plot:
    """R@k against k.

    Args:
        systems: those of all plots, in the order of their looks; those of the curves if not given.
    """
    figure, axes = axes_of()
    look = looks(systems or curves)
    for place, (system, curve) in enumerate(curves.items()):
        shown, own = _depths(len(curve)), look[system]
        marked = {"marker": own.marker, "markerfacecolor": own.fill, "markersize": 6} if len(look) > FEW else {}
        axes.plot(shown, [curve[k - 1] for k in shown], color=own.color, linestyle=own.dash, linewidth=1.8,
                  label=short(system), markevery=(place % min(8, max(1, len(shown))), 8), **marked)  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("k", color=DIM, fontsize=FONT)
    axes.set_ylabel("R@k", color=DIM, fontsize=FONT)
    logarithmic(axes.xaxis, whole=True)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, labelcolor=TEXT, fontsize=FONT)
    figure.set_figheight(figure.get_figheight() + 0.23 * ((len(curves) + 1) // 2))
    by_depth = {depth: [s for s, curve in curves.items() if len(curve) == depth] for depth in map(len, curves.values())}
    ends = [
        f"at {depth}: {', '.join(f'{s} {curves[s][-1]:.3f}' for s in own)}" for depth, own in by_depth.items() if depth
    ]
    return drawing(figure, title, f"Queries with a relevant document. At the end, {'; '.join(ends)}.")


def _depths(last: int) -> list[int]:
    """Depths that stand about evenly on a logarithmic axis, at most some eighty."""
    return sorted({min(last, round(1.1**step)) for step in range(80)} | {last}) if last else []


def wins(results: Results, label: str, measure: str, others: Sequence[str]) -> Plot:
    """Every query's difference from the baseline, sorted, a row for each system; the page makes links of its bars."""
    baseline = results.experiment.baseline
    figure, rows = axes_of(len(others))
    values = [list(differences(results, label, system, measure).values()) for system in others]
    longest, places = max(map(len, values)), ""
    height = 1.05 * max((abs(value) for own in values for value in own), default=0) or 1
    for system, own, axes in zip(others, values, rows if len(others) > 1 else [rows], strict=True):
        above, below = sum(v > 0 for v in own), sum(v < 0 for v in own)
        _bars(axes, own[:above], 0, WINS)
        _bars(axes, own[len(own) - below :], len(own) - below, LOSSES)
        said = f"{short(system)}: {above} better, {below} worse, {len(own) - above - below} equal"
        axes.set_title(said, loc="left", fontsize=FONT, color=TEXT)
        axes.set_xlim(0, longest)
        axes.set_ylim(-height, height)
        axes.axhline(0, color=LINE, linewidth=1)
    figure.supxlabel("queries, from the greatest gain to the greatest loss", color=DIM, fontsize=FONT)
    title = f"{label}: {measure} of each query against {baseline}"
    made = drawing(figure, title, f"Above the line a query is better than with {baseline}.")
    for system, own, axes in zip(others, values, figure.axes, strict=True):
        places += _place(axes, len(own) / longest, dataset=label, system=system, measure=measure)
    links = [(system, f"#by/{quote(label, safe='')}/{quote(system, safe='')}") for system in others]
    return replace(made, svg=made.svg.replace("</svg>", f"{places}</svg>"), links=links)


def _bars(axes: Any, values: Sequence[float], first: int, color: str) -> None:
    """Bars without gaps, from a place on; those of one height side by side are one."""
    runs = [(height, len(list(run))) for height, run in groupby(values)]
    if runs:
        edges = list(accumulate((count for _, count in runs), initial=first))
        axes.stairs([height for height, _ in runs], edges, fill=True, color=color, linewidth=0)


def _place(axes: Any, share: float, **about: str) -> str:
    """Where the bars of a figure that has been drawn stand in its SVG, and what they are.

    Args:
        share: of the axes' width that they take.
    """
    width, height = (inches * POINTS for inches in axes.figure.get_size_inches())
    box = axes.get_position()
    shown = (box.x0 * width, (1 - box.y1) * height, box.width * width * share, box.height * height)
    said = about | {"box": " ".join(f"{number:.2f}" for number in shown)}
    attributes = "".join(f' data-{name}="{escape(text)}"' for name, text in said.items())
    return f'<g class="bars"{attributes}></g>'
