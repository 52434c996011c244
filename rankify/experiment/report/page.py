"""The page itself: tables as HTML, questions as JSON that its script shows as text, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.resources import files
from typing import Any

import rankify
from rankify.experiment.grid import Grid
from rankify.experiment.report.drawing import Plot
from rankify.experiment.report.fitting import Fitted, fitted

SIZE = 4_900_000  # bytes of the page, but for a sentence; texts are cut and questions left out as far as this takes
SCRIPTS = ("start.js", "list.js", "question.js", "bars.js", "tables.js", "end.js")  # one script, in this order


def page(
    name: str, grids: Sequence[Grid], datasets: Sequence[Mapping[str, Any]], plots: Sequence[Plot] = (), why: str = ""
) -> str:  # fmt: skip
    """The report as HTML: an overview, and a view of each question.

    Whatever it shows of a collection or a model is text there: tables are escaped, and the script puts texts on the
    page as text. The page allows no script but its own, by hash, and no request to anywhere. It is no larger than
    `SIZE`, unless its tables and plots alone are.

    Args:
        name: the experiment's.
        grids: the tables of the overview.
        datasets: as `questions` gives them.
        plots: what is drawn below the tables.
        why: what is said where there are no plots.
    """
    from jinja2 import Environment, StrictUndefined

    style, script = _part("report.css"), "".join(map(_part, SCRIPTS))
    made = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    written = partial(
        made.from_string(_part("report.html")).render,
        name=name, grids=grids, plots=plots, why=why, version=rankify.__version__, style=style, script=script,
        style_hash=_hash(style), script_hash=_hash(script), marks=_marks,
    )  # fmt: skip
    held = fitted(datasets, SIZE - len(written(data="", cut="").encode()))
    return written(data=held.data, cut=_said(held))


def _marks(grid: Grid) -> int:
    """The letters of the longest mark of a table."""
    return max((len(entry.mark) for _, row in grid.rows for entry in row), default=0)


def _said(held: Fitted) -> str:
    """What a reader of the page is told where texts are cut."""
    lengths = {"texts": held.length, "passages that readers were shown and reasoning": held.shown}
    parts = [f"{what} after {most:,} characters" for what, most in lengths.items() if most is not None]
    return f"To keep this page below 5 MB, it cuts {', '.join(parts)}." if parts else ""


def _part(name: str) -> str:
    return (files("rankify.experiment.report") / name).read_text("utf-8")


def _hash(text: str) -> str:
    """What a Content-Security-Policy calls a script or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
