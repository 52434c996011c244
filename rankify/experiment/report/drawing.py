"""How plots of the report are drawn: axes, the look of each system, and the finished SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rankify.errors import needs
from rankify.experiment.report.svg import DIM, LINE, SYSTEMS, themed

# The next six systems differ by these. Dashes come back sooner than markers, which come back hollow.
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
WIDTH = 5.2  # inches, so that text is still read where the plot is as wide as a phone
HEIGHT = 3.3
NAME = 24  # letters of a name in a plot
FONT = 11  # points
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What tells a system from 107 others, in every plot of a report.

    Attributes:
        color: one of six.
        dash: of its curve.
        marker: its shape.
        fill: the marker's colour inside: its own, or "none".
    """

    color: str
    dash: Any
    marker: str
    fill: str


def looks(systems: Iterable[str]) -> dict[str, Look]:
    """The look of each system, by its place among all of the experiment's, whatever a plot leaves out."""
    found = {}
    for place, system in enumerate(systems):
        (group, color), hollow = (place // 6, SYSTEMS[place % 6]), place // 6 // len(MARKERS) % 2
        marker, dash = MARKERS[group % len(MARKERS)], DASHES[group % len(DASHES)]
        found[system] = Look(color=color, dash=dash, marker=marker, fill="none" if hollow else color)
    return found


def short(name: str) -> str:
    """A name as plots write it: what is in the middle of a long one is left out.

    >>> short("bm25"), short("varied[k1=0.9,b=0.4,model=large]")
    ('bm25', 'varied[k1=0....el=large]')
    """
    return name if len(name) <= NAME else f"{name[: NAME // 2]}...{name[-(NAME // 2 - 3) :]}"


def axes_of(rows: int = 1) -> tuple[Any, Any]:
    """A figure and its axes, one below the other."""
    module = needs("matplotlib.figure", "plot")
    figure = module.Figure(
        figsize=(WIDTH, HEIGHT if rows == 1 else 0.6 + 1.15 * rows), dpi=POINTS, layout="constrained"
    )
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


def logarithmic(axis: Any, factor: float = 1, *, whole: bool = False) -> None:
    """Makes ticks of a logarithmic axis: powers of ten, or finer ones where these are less than three.

    Args:
        factor: by which the numbers that are written are larger than the values.
        whole: whether values are whole numbers.
    """
    ticker = needs("matplotlib.ticker", "plot")
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{factor * value:g}"))
    low, high = axis.get_view_interval()
    powers, finer = (ticker.LogLocator(subs=subs, numticks=6) for subs in ((1,), (1, 2, 5)))
    for locator in (powers, finer, ticker.MaxNLocator(4, integer=whole)):
        axis.set_major_locator(locator)
        if sum(low <= place <= high for place in axis.get_majorticklocs()) > 2:
            return


def drawing(figure: Any, title: str, says: str) -> Plot:
    """The plot that a figure is."""
    matplotlib, file = needs("matplotlib", "plot"), io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Plot(title=title, says=says, svg=themed(file.getvalue(), title))
