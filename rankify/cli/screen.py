"""What a command says: its result on standard output, everything else on standard error."""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

WIDE = 160  # columns where nobody is looking: a file or a pipe cuts nothing off


class Screen:
    """Where a command shows its result and its progress.

    Args:
        json: the result is one JSON object instead of tables.
        quiet: no progress and no log below warnings.
        debug: the log says more.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, debug: bool = False) -> None:
        self.json, self.quiet = json, quiet
        log = logging.getLogger("rankify")
        log.handlers = [_Log(self)]
        log.setLevel(logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO)
        log.propagate = False

    @cached_property
    def out(self) -> Console:
        """Standard output."""
        return _console(stderr=False)

    @cached_property
    def err(self) -> Console:
        """Standard error."""
        return _console(stderr=True)

    @property
    def shows(self) -> bool:
        """Whether progress is shown: somebody looks, and wants to."""
        return not self.quiet and self.err.is_terminal

    def show(self, result: Mapping[str, Any], *parts: RenderableType) -> None:
        """The result: as JSON, or as these tables and texts."""
        if self.json:
            sys.stdout.write(json.dumps(plain(result), ensure_ascii=False, allow_nan=False) + "\n")
            return
        for part in parts:
            self.out.print(part, markup=False)

    def write(self, result: Mapping[str, Any], text: str) -> None:
        """The result: as JSON, or as a text that is for another program, whose long lines stay whole."""
        if self.json:
            self.show(result)
        else:
            sys.stdout.write(text)

    def say(self, text: str) -> None:
        """A line on the way to the result."""
        if not self.quiet:
            self.err.print(text, markup=False, highlight=False, style="dim")

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Shows that something is going on, on a terminal, until it is done."""
        if not self.shows:
            yield
            return
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
        with Progress(*columns, console=self.err, transient=True) as progress:
            progress.add_task(text)
            yield


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDE)


class _Log(logging.Handler):
    """The library's log, above whatever progress is being shown."""

    def __init__(self, screen: Screen) -> None:
        super().__init__()
        self.screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        style = "yellow" if record.levelno >= logging.WARNING else "dim"
        self.screen.err.print(record.getMessage(), markup=False, highlight=False, style=style)


def table(*columns: str) -> Table:
    """An empty table; a column written ">name" holds numbers, which stand to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    class Literal(Table):
        """A table that takes texts as they are: "[x]" is no markup."""

        def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
            super().add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells), **options)

    made = Literal(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        number = column.startswith(">")
        title = Text(column.removeprefix(">"))
        made.add_column(title, justify="right" if number else "left", no_wrap=number, overflow="fold")
    return made


def plain(value: Any) -> Any:
    """A value as JSON has it: mappings and lists; a number that is none (NaN, infinity) becomes null."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)
