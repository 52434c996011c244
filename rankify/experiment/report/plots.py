"""Plots of the report as SVG: text stays text, colours are the page's own, and no script or style is needed."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan
from typing import Any

from rankify.errors import MissingExtra, needs
from rankify.experiment.report.ranks import Ranks
from rankify.experiment.results import Results

# What matplotlib draws in these colours gets the page's colour of that name (report.css), for light and for dark.
NAMED = {"#010101": "text", "#020202": "dim", "#030303": "line", "#040404": "wins", "#050505": "losses"}
SYSTEMS = tuple(f"#0a000{place}" for place in range(6))
NAMED |= {colour: f"s{place}" for place, colour in enumerate(SYSTEMS)}
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))  # the next six systems differ by these
TEXT, DIM, LINE, WINS, LOSSES = "#010101", "#020202", "#030303", "#040404", "#050505"
KEPT = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-size",
        "text-anchor", "opacity", "fill-opacity")  # fmt: skip
LEAST = 0.0005  # seconds: a run that took no measured millisecond

_STYLE = re.compile(r' style="([^"]*)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A plot: its title, what it says in words, and itself as an SVG element."""

    title: str
    says: str
    svg: str


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
    experiment = results.experiment
    measure, scores = next(iter(experiment.wanted.of_rankings), None), results.scores[label]
    if measure:
        points = {
            system: (cost(record), scores[system][measure])
            for system, record in results.cells[label].items()
            if measure in scores.get(system, ()) and not isnan(scores[system][measure])
        }
        if points:
            yield pareto(f"{label}: effectiveness against cost", measure, points)
        others = [system for system in points if system != experiment.baseline]
        if others and len(others) < len(points):
            yield wins(results, label, measure, others)
    if any(ranks.recall.values()):
        yield recall(f"{label}: recall by depth", ranks.recall)


def cost(record: Mapping[str, Any]) -> float:
    """Seconds a query of all stages of a run, without the building of indexes."""
    spent = sum(float(stage["seconds"]) for stage in record["stages"])
    return max(spent, LEAST) / max(int(record["queries"]), 1)


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


def pareto(title: str, measure: str, points: Mapping[str, tuple[float, float]]) -> Plot:
    """A measure against seconds a query, with the systems that none is cheaper and better than."""
    best = front(points)
    figure, axes = _axes()
    axes.step([points[s][0] for s in best], [points[s][1] for s in best], where="post", color=DIM, linewidth=1)
    for place, (system, (x, y)) in enumerate(points.items()):
        axes.plot([x], [y], "o" if system in best else "s", color=SYSTEMS[place % 6], markersize=7)
        axes.annotate(system, (x, y), (7, 5), textcoords="offset points", color=TEXT, fontsize=10)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    axes.set_xlabel("seconds a query, without building indexes", color=DIM)
    axes.set_ylabel(measure, color=DIM)
    says = f"No system is both cheaper and better than {', '.join(best)} (round, on the line)."
    return _plot(figure, title, says)


def recall(title: str, curves: Mapping[str, Sequence[float]]) -> Plot:
    """R@k against k."""
    figure, axes = _axes()
    for place, (system, curve) in enumerate(curves.items()):
        shown = _depths(len(curve))
        axes.plot(shown, [curve[k - 1] for k in shown], color=SYSTEMS[place % 6], linewidth=1.8, label=system,
                  linestyle=DASHES[place // 6 % 4])  # fmt: skip
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("k", color=DIM)
    axes.set_ylabel("R@k", color=DIM)
    axes.xaxis.set_major_formatter(needs("matplotlib.ticker", "plot").FuncFormatter(lambda k, _: f"{k:g}"))
    axes.legend(frameon=False, labelcolor=TEXT, fontsize=10)
    ends = ", ".join(f"{system} {curve[-1]:.3f} at {len(curve)}" for system, curve in curves.items() if curve)
    return _plot(figure, title, f"Queries with a relevant document. At the end: {ends}.")


def _depths(last: int) -> list[int]:
    """Depths that stand about evenly on a logarithmic axis, at most some eighty."""
    return sorted({min(last, round(1.1**step)) for step in range(80)} | {last}) if last else []


def differences(results: Results, label: str, system: str, measure: str) -> dict[str, float]:
    """A system's value less the baseline's, of each query that has both, the greatest first; ties by the query's id."""
    base = results.scores[label][results.experiment.baseline].per_query[measure]
    own = results.scores[label][system].per_query[measure]
    both = {query: float(own[query]) - float(base[query]) for query in own if query in base}
    return dict(sorted(((q, d) for q, d in both.items() if not isnan(d)), key=lambda one: (-one[1], one[0])))


def wins(results: Results, label: str, measure: str, others: Sequence[str]) -> Plot:
    """Every query's difference from the baseline, sorted, a row for each system."""
    baseline = results.experiment.baseline
    figure, rows = _axes(len(others))
    for axes, system in zip(rows if len(others) > 1 else [rows], others, strict=True):
        values = list(differences(results, label, system, measure).values())
        places = range(len(values))
        for colour, part in ((WINS, [max(v, 0) for v in values]), (LOSSES, [min(v, 0) for v in values])):
            axes.fill_between(places, part, step="mid", color=colour, linewidth=0)
        above, below = sum(v > 0 for v in values), sum(v < 0 for v in values)
        said = f"{system}: {above} better, {below} worse, {len(values) - above - below} equal"
        axes.set_title(said, loc="left", fontsize=10, color=TEXT)
        axes.set_ylim(-1.02, 1.02)
        axes.axhline(0, color=LINE, linewidth=1)
    figure.supxlabel("queries, from the greatest gain to the greatest loss", color=DIM, fontsize=10)
    return _plot(
        figure,
        f"{label}: {measure} of each query against {baseline}",
        f"Above the line a query is better than with {baseline}.",
    )


def _axes(rows: int = 1) -> tuple[Any, Any]:
    """A figure and its axes, one below the other."""
    module = needs("matplotlib.figure", "plot")
    figure = module.Figure(figsize=(7.2, 3.9 if rows == 1 else 0.6 + 1.35 * rows), layout="constrained")
    figure.patch.set_visible(False)
    made = figure.subplots(rows, sharex=True)
    for axes in made if rows > 1 else [made]:
        axes.patch.set_visible(False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LINE)
        axes.tick_params(which="both", color=LINE, labelcolor=DIM)
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
    return figure, made


def _plot(figure: Any, title: str, says: str) -> Plot:
    matplotlib, file = needs("matplotlib", "plot"), io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(title=title, says=says, svg=themed(file.getvalue(), title))


def themed(svg: str, title: str) -> str:
    """An SVG element whose styles are attributes and whose colours are classes, as a page without styles wants it."""
    inner = svg[svg.index("<svg") :]
    inner = re.sub(
        r"<metadata>.*?</metadata>|<style.*?</style>|<defs>\s*</defs>|(?<=<g) id=\"[^\"]*\"", "", inner, flags=re.DOTALL
    )
    box = inner.partition('viewBox="')[2].partition('"')[0]
    body = _STYLE.sub(_attributes, inner[inner.index(">") + 1 :]).replace("xlink:href", "href")
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(title)}">{body.strip()}'


def _attributes(found: re.Match[str]) -> str:
    pairs = (part.partition(":")[::2] for part in found[1].split(";"))
    given = {name.strip(): value.strip() for name, value in pairs if name.strip() in KEPT}
    classes = [f"{name}-{NAMED[v]}" for name in ("fill", "stroke") if (v := given.get(name, "")) in NAMED]
    rest = "".join(f' {n}="{v}"' for n, v in given.items() if v not in NAMED)
    return (f' class="{" ".join(classes)}"' if classes else "") + rest
