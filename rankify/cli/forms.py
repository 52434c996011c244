"""In which form a command writes its tables: as text, Markdown, LaTeX or CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rankify.errors import UnknownName

if TYPE_CHECKING:
    from rankify.experiment.grid import Grid

ENDINGS = {"text": ".txt", "markdown": ".md", "latex": ".tex", "csv": ".csv"}
Form = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", show_default=False, help="text, markdown, latex or csv."),
]


def form(named: str | None, output: Path | None = None) -> str | None:
    """The form that is named, or that a file's ending means; None for a terminal.

    Raises:
        UnknownName: there is no such form.
    """
    if named is not None and named not in ENDINGS:
        raise UnknownName.among("format", named, ENDINGS)
    by_ending = {ending: name for name, ending in ENDINGS.items()}
    return named or (by_ending.get(output.suffix, "text") if output else None)


def written(grids: Iterable[Grid], form: str | None) -> str:
    """Tables in a form, one after the other; CSV has no title and no marks, and is the command's own."""
    from rankify.experiment.grid import latex_file

    if form == "latex":
        return latex_file(grids)
    return "\n".join(grid.markdown() if form == "markdown" else grid.text() for grid in grids)
