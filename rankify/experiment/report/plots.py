"""Plots of the report as SVG: text stays text, colours are the page's own, and no script or style is needed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate, groupby
from math import isnan
from typing import Any
from urllib.parse import quote

from rankify.errors import MissingExtra, needs
from rankify.experiment.report.differences import compared, differences, first_measure
from rankify.experiment.report.ranks import Ranks
from rankify.experiment.report.svg import DIM, LINE, LOSSES, SYSTEMS, TEXT, WINS, themed
from rankify.experiment.results import Results, remembered

DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # the next six systems differ by these
WIDTH = 5.2  # inches, so that text is still read where the plot is as wide as a phone
NAME = 24  # letters of a name in a plot
FONT = 11  # points
LETTER = 6.8  # points of a letter of a name, on average
OFFSETS = tuple((dx, dy) for dy in (6, -6, 0, 18, -18, 30, -30) for dx in (8, -8))
LEAST = 0.0005  # seconds: a run that took no measured millisecond
POINTS = 72  # of SVG to an inch


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A plot: its title, what it says in words, and itself as an SVG element.

    Attributes:
        links: to the page's parts that say more, each with its text.
    """

    title: str
    says: str
    svg: str
    links: Sequence[tuple[str, str]] = ()


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
    if measure:
        having = [s for s in results.cells[label] if measure in scores.get(s, ()) and not isnan(scores[s][measure])]
        spent = {system: cost(results, label, system) for system in having}
        points = {s: (seconds, scores[s][measure]) for s, seconds in spent.items() if seconds is not None}
        if points:
            title = f"{label}: effectiveness against cost"
            made = pareto(title, measure, points, list(results.cells[label]))
            yield replace(made, says=made.says + _of_costs(results, label, [s for s in having if s not in points]))
        if others := compared(results, label):
            yield wins(results, label, measure, others)
    if any(ranks.recall.values()):
        yield recall(f"{label}: recall by depth", ranks.recall)


def cost(results: Results, label: str, system: str) -> float | None:
    """Seconds a query: the mean latency where efficiency is measured, else those of all stages of the run.

    Without the building of indexes. None where replies were there already, which took none of the run's seconds.
    """
    if timed := results.efficiency.get(label, {}).get(system):
        return float(timed["latency_ms"]["mean"]) / 1000
    record = results.cells[label][system]
    if remembered(record):
        return None
    spent = sum(float(stage["seconds"]) for stage in record["stages"])
    return max(spent, LEAST) / max(int(record["queries"]), 1)


def _of_costs(results: Results, label: str, absent: Sequence[str]) -> str:
    """What the times are, and which systems have none."""
    said = " Milliseconds are the mean latency of a whole system, its reader included." * (label in results.efficiency)
    none = f" Not drawn, since replies were there already and took no time: {', '.join(absent)}."
    return said + none * bool(absent)


def front(points: Mapping[str, tuple[float, float]]) -> list[str]:
    """The systems to which no other is both as cheap and as good, the cheapest first.

    >>> front({"slow": (2.0, 0.5), "fast": (1.0, 0.4), "bad": (3.0, 0.3)})
    ['fast', 'slow']
    """
    made: list[str] = []
    for system, (_, value) in sorted(points.items(), key=lambda one: (one[1][0], -one[1][1])):
        if not made or value > points[made[-1]][1]:
            made.append(system)
    return made


def pareto(
    title: str, measure: str, points: Mapping[str, tuple[float, float]], systems: Sequence[str] = ()
) -> Plot:  # fmt: skip
    """A measure against seconds a query, with the systems that none is cheaper and better than.

    Args:
        systems: those of all plots, in the order of their colours; those of the points if not given.
    """
    best, order = front(points), list(systems or points)
    figure, axes = _axes()
    axes.step([points[s][0] for s in best], [points[s][1] for s in best], where="post", color=DIM, linewidth=1)
    for system, (x, y) in points.items():
        color = SYSTEMS[order.index(system) % 6]
        axes.plot([x], [y], "o" if system in best else "s", color=color, markersize=7)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    ticker = needs("matplotlib.ticker", "plot")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda seconds, _: f"{1000 * seconds:g}"))
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel("milliseconds a query, without building indexes", color=DIM, fontsize=FONT)
    axes.set_ylabel(measure, color=DIM, fontsize=FONT)
    figure.draw_without_rendering()  # with the names of the axes, which take room from what stands in them
    for system, (offset, align) in beside({s: axes.transData.transform(p) for s, p in points.items()}).items():
        axes.annotate(short(system), points[system], offset, textcoords="offset points", ha=align, va="center",
                      color=TEXT, fontsize=FONT)  # fmt: skip
    says = f"No system is both cheaper and better than {', '.join(best)} (round, on the line)."
    return _plot(figure, title, says)


def beside(points: Mapping[str, Sequence[float]]) -> dict[str, tuple[tuple[int, int], str]]:
    """Where names stand beside their points, and how they are aligned, so that they cover no other.

    Where no place is free, a name stands on the right, whatever is there.
    """
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in points.values()]
    made: dict[str, tuple[tuple[int, int], str]] = {}
    for name, (x, y) in points.items():
        width = LETTER * len(short(name))
        boxes = {(dx, dy): (x + dx - width * (dx < 0), y + dy - 6, x + dx + width * (dx > 0), y + dy + 6)
                 for dx, dy in OFFSETS}  # fmt: skip
        free = (at for at, box in boxes.items() if not any(_cover(box, other) for other in taken))
        chosen = next(free, OFFSETS[0])
        taken.append(boxes[chosen])
        made[name] = (chosen, "left" if chosen[0] > 0 else "right")
    return made


def short(name: str) -> str:
    """A name as plots write it: what is in the middle of a long one is left out.

    >>> short("bm25"), short("varied[k1=0.9,b=0.4,model=large]")
    ('bm25', 'varied[k1=0....el=large]')
    """
    return name if len(name) <= NAME else f"{name[: NAME // 2]}...{name[-(NAME // 2 - 3) :]}"


def _cover(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether two boxes (left, bottom, right, top) share a place."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def recall(title: str, curves: Mapping[str, Sequence[float]]) -> Plot:
    """R@k against k."""
    figure, axes = _axes()
    for place, (system, curve) in enumerate(curves.items()):
        shown = _depths(len(curve))
        axes.plot(shown, [curve[k - 1] for k in shown], color=SYSTEMS[place % 6], linewidth=1.8, label=short(system),
                  linestyle=DASHES[place // 6 % 4])  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("k", color=DIM, fontsize=FONT)
    axes.set_ylabel("R@k", color=DIM, fontsize=FONT)
    axes.xaxis.set_major_formatter(needs("matplotlib.ticker", "plot").FuncFormatter(lambda k, _: f"{k:g}"))
    figure.legend(loc="outside lower left", ncols=2, frameon=False, labelcolor=TEXT, fontsize=FONT)
    figure.set_figheight(figure.get_figheight() + 0.23 * ((len(curves) + 1) // 2))
    ends = ", ".join(f"{system} {curve[-1]:.3f} at {len(curve)}" for system, curve in curves.items() if curve)
    return _plot(figure, title, f"Queries with a relevant document. At the end: {ends}.")


def _depths(last: int) -> list[int]:
    """Depths that stand about evenly on a logarithmic axis, at most some eighty."""
    return sorted({min(last, round(1.1**step)) for step in range(80)} | {last}) if last else []


def wins(results: Results, label: str, measure: str, others: Sequence[str]) -> Plot:
    """Every query's difference from the baseline, sorted, a row for each system; the page makes links of its bars."""
    baseline = results.experiment.baseline
    figure, rows = _axes(len(others))
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
    made = _plot(figure, title, f"Above the line a query is better than with {baseline}.")
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


def _axes(rows: int = 1) -> tuple[Any, Any]:
    """A figure and its axes, one below the other."""
    module = needs("matplotlib.figure", "plot")
    figure = module.Figure(figsize=(WIDTH, 3.3 if rows == 1 else 0.6 + 1.15 * rows), dpi=POINTS, layout="constrained")
    figure.patch.set_visible(False)
    made = figure.subplots(rows, sharex=True)
    for axes in made if rows > 1 else [made]:
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LINE)
        axes.tick_params(which="both", color=LINE, labelcolor=DIM, labelsize=FONT)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, made


def _plot(figure: Any, title: str, says: str) -> Plot:
    matplotlib, file = needs("matplotlib", "plot"), io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(title=title, says=says, svg=themed(file.getvalue(), title))
