"""The plot of effectiveness against cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from math import hypot, inf
from typing import Any

from rankify.experiment.report.drawing import FONT, HEIGHT, Plot, axes_of, drawing, logarithmic, looks, short
from rankify.experiment.report.svg import DIM, SYSTEMS, TEXT
from rankify.experiment.results import Results, remembered

LEAST = 0.0005  # seconds: a run that took no measured millisecond
LETTER = 6.8  # points of a letter of a name, on average
OFFSETS = (*((dx, dy) for dy in (6, -6, 0, 18, -18, 30, -30) for dx in (8, -8)), (0, 14), (0, -14))
STARTS = {"left": 0.0, "center": 0.5, "right": 1.0}  # where in a name its point is, by how it is aligned
NEAR = 14  # points; from names that stand higher or lower a line leads to their point
ROOM = 0.1  # inches of height for each system more than there are colours
SLACK = 6  # points by which another point may be nearer to a name than its own
NAMED = 12  # systems whose names have no room and that are named below

Box = tuple[float, float, float, float]  # left, bottom, right, top
EVERYWHERE: Box = (-inf, -inf, inf, inf)


def cost(results: Results, label: str, system: str) -> float | None:
    """Seconds a query: the mean latency where efficiency is measured, else those of all stages of the run.

    Without the building of indexes. None where replies were there already, which took none of the run's seconds, and
    where the system could not be timed and others were.
    """
    if timed := results.efficiency.get(label, {}).get(system):
        return float(timed["latency_ms"]["mean"]) / 1000
    record = results.cells[label][system]
    if remembered(record) or system in results.untimed.get(label, {}):
        return None
    spent = sum(float(stage["seconds"]) for stage in record["stages"])
    return max(spent, LEAST) / max(int(record["queries"]), 1)


def of_costs(results: Results, label: str, absent: Sequence[str]) -> str:
    """What the times are, and which systems have none."""
    said = " Milliseconds are the mean latency of a whole system, its reader included." * (label in results.efficiency)
    untimed = [system for system in absent if system in results.untimed.get(label, {})]
    there = [system for system in absent if system not in untimed]
    for why, systems in (("replies were there already and took no time", there), ("they could not be timed", untimed)):
        said += f" Not drawn, since {why}: {', '.join(systems)}." * bool(systems)
    return said


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
    title: str, measure: str, points: Mapping[str, tuple[float, float]], systems: Sequence[str] = (),
    baseline: str = "",
) -> Plot:  # fmt: skip
    """A measure against seconds a query, with the systems that none is cheaper and better than.

    Args:
        systems: those of all plots, in the order of their looks; those of the points if not given.
        baseline: gets its name first, after the systems on the line.
    """
    best, look = front(points), looks(systems or points)
    figure, axes = axes_of()
    figure.set_figheight(HEIGHT + min(ROOM * max(0, len(points) - len(SYSTEMS)), HEIGHT))
    axes.step([points[s][0] for s in best], [points[s][1] for s in best], where="post", color=DIM, linewidth=1)
    for system in sorted(points, key=best.__contains__):
        axes.plot(*points[system], look[system].marker, color=look[system].color, markerfacecolor=look[system].fill,
                  markersize=7)  # fmt: skip
    axes.plot(*zip(*map(points.get, best), strict=True), "o", color=TEXT, markerfacecolor="none", markersize=12)
    axes.set_xscale("log")
    axes.margins(x=0.25, y=0.15)
    logarithmic(axes.xaxis, 1000)
    axes.set_xlabel("milliseconds a query, without building indexes", color=DIM, fontsize=FONT)
    axes.set_ylabel(measure, color=DIM, fontsize=FONT)
    figure.draw_without_rendering()  # with the names of the axes, which take room from what stands in them
    absent = _name(axes, points, [*best, *([baseline] if baseline in points else [])])
    says = f"No system is both cheaper and better than {', '.join(best)} (ringed, on the line)."
    return drawing(figure, title, says + _without_names(absent))


def _name(axes: Any, points: Mapping[str, tuple[float, float]], first: Sequence[str]) -> list[str]:
    """Writes the names of points where there is room, some of them first, and gives those that have none."""
    order = dict.fromkeys([*first, *points])
    inside = tuple(axes.get_window_extent().extents)
    places = beside({s: axes.transData.transform(points[s]) for s in order}, inside, first)
    for system, (offset, align) in places.items():
        line = {
            "arrowstyle": "-",
            "color": DIM,
            "linewidth": 0.8,
            "relpos": (STARTS[align], 0.5),
            "shrinkA": 0,
            "shrinkB": 4,
        }
        axes.annotate(short(system), points[system], offset, textcoords="offset points", ha=align, va="center",
                      color=TEXT, fontsize=FONT, arrowprops=line if abs(offset[1]) > NEAR else None)  # fmt: skip
    return [system for system in points if system not in places]


def _without_names(systems: Sequence[str]) -> str:
    if not systems:
        return ""
    said = ", ".join(systems) if len(systems) <= NAMED else f"{len(systems)} systems"
    return f" No room for the names of {said}; recall by depth says whose the colours and shapes are."


def beside(
    points: Mapping[str, Sequence[float]], inside: Box = EVERYWHERE, needed: Collection[str] = ()
) -> dict[str, tuple[tuple[int, int], str]]:  # fmt: skip
    """Where names stand beside their points, and how they are aligned, so that they cover no point and no other name.

    Names that have no such place, or none where another point is much nearer, are left out; the first ones have their
    choice.

    Args:
        points: places in points of 1/72 inch.
        inside: what names may not leave.
        needed: names that may cover points, or stand nearer to others, rather than be left out.
    """
    dots: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in points.values()]
    made: dict[str, tuple[tuple[int, int], str]] = {}
    names: list[Box] = []
    for name, (x, y) in points.items():
        boxes = {at: _box(x + at[0], y + at[1], LETTER * len(short(name)), _align(at)) for at in OFFSETS}
        free = {at: box for at, box in boxes.items() if _within(box, inside) and not _covers(box, names)}
        clear = [at for at, box in free.items() if not _covers(box, dots) and _own(box, (x, y), points.values())]
        for at in [*clear, *(free if name in needed else ())][:1]:
            names.append(boxes[at])
            made[name] = (at, _align(at))
    return made


def _align(offset: tuple[int, int]) -> str:
    return "left" if offset[0] > 0 else "right" if offset[0] else "center"


def _box(x: float, y: float, width: float, align: str) -> Box:
    """Where a name stands that is aligned so at a place."""
    left = x - width * STARTS[align]
    return left, y - 6, left + width, y + 6


def _covers(one: Box, others: Iterable[Box]) -> bool:
    """Whether a box shares a place with one of several."""
    return any(one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3] for other in others)


def _own(box: Box, point: Sequence[float], points: Iterable[Sequence[float]]) -> bool:
    """Whether no point is much nearer to a box than its own."""
    return min(_away(box, other) for other in points) > _away(box, point) - SLACK


def _away(box: Box, point: Sequence[float]) -> float:
    """How far a point is from a box."""
    return hypot(max(box[0] - point[0], 0, point[0] - box[2]), max(box[1] - point[1], 0, point[1] - box[3]))


def _within(one: Box, other: Box) -> bool:
    """Whether the first box stands wholly in the other."""
    return one[0] >= other[0] and one[1] >= other[1] and one[2] <= other[2] and one[3] <= other[3]
