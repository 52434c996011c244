"""What `rankify run` shows on a terminal while it runs: where each system stands on each dataset."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypedDict

from rankify.cli.screen import Screen, table

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text

    from rankify.experiment import Experiment
    from rankify.experiment.progress import Stand

CELL = 12  # columns of a dataset at least, so that nothing moves while its cells change
GAP = 3  # columns between two columns of a table, and around it
NAME = 24  # columns of a system's name at most
AROUND = 6  # lines above and below the systems
STYLES = {"waiting": "dim", "running": "cyan", "kept": "dim", "done": "", "failed": "red"}


class Tellers(TypedDict):
    """Whom an experiment tells how it goes."""

    step: Callable[[str], AbstractContextManager[None]]
    say: Callable[[str], None]
    watch: Callable[[Stand], None]


@contextmanager
def watched(screen: Screen, experiment: Experiment) -> Iterator[Tellers]:
    """Whom an experiment tells: on a terminal a table that lives until the block ends, elsewhere lines."""
    if not screen.shows:
        yield {"step": screen.step, "say": screen.say, "watch": lambda _: None}
        return
    from rich.live import Live

    wanted = experiment.wanted
    measure = [*wanted.of_rankings, *wanted.answers][0]
    board = Board(list(experiment.systems), list(experiment.datasets), measure)
    with Live(board, console=screen.err, refresh_per_second=4, transient=True):
        yield {"step": board.step, "say": lambda _: None, "watch": board.watch}


class Board:
    """A table of systems x datasets: waiting, the step that runs and its seconds, done or the first measure, failed.

    Where the terminal is too narrow for a column a dataset, a system has one line that counts them. Where it is too
    low for all systems, those that are through or have not begun are counted.

    Args:
        measure: the name of the first.
        clock: seconds since some moment.
    """

    def __init__(
        self, systems: Sequence[str], datasets: Sequence[str], measure: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.systems, self.datasets, self.measure, self.clock = systems, datasets, measure, clock
        self.stands: dict[tuple[str, str], Stand] = {}
        self.since: dict[tuple[str, str], float] = {}
        self.doing, self.started = "", clock()

    def watch(self, stand: Stand) -> None:
        """Notes where a system stands."""
        cell = stand.system, stand.dataset
        self.since.setdefault(cell, self.clock())
        self.stands[cell] = stand

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Shows below the table what is going on besides."""
        self.doing = text
        try:
            yield
        finally:
            self.doing = ""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        shown, left = self._shown(max(1, options.size.height - AROUND))
        names = max(len("system"), *(min(NAME, len(system)) for system in self.systems))
        wide = names + sum(max(CELL, len(dataset)) + GAP for dataset in self.datasets) + GAP
        yield self._matrix(shown) if wide <= options.max_width else self._list(shown)
        if left:
            yield Text(f"and {left} more", style="dim")
        yield Text(self._foot(), style="dim", no_wrap=True, overflow="ellipsis")

    def _shown(self, most: int) -> tuple[list[str], int]:
        """The systems that there is room for, those that run first, and how many are left out."""
        if len(self.systems) <= most:
            return list(self.systems), 0
        order = {"running": 0, "failed": 1, "waiting": 2}
        first = sorted(self.systems, key=lambda s: min(order.get(self._state(s, d), 3) for d in self.datasets))
        shown = {*first[:most]}
        return [system for system in self.systems if system in shown], len(self.systems) - most

    def _state(self, system: str, dataset: str) -> str:
        stand = self.stands.get((system, dataset))
        return stand.state if stand else "waiting"

    def _matrix(self, systems: Sequence[str]) -> Table:
        made = _with_names(table("system", *(f">{dataset}" for dataset in self.datasets)))
        for column in made.columns[1:]:
            column.min_width = CELL
        for system in systems:
            made.add_row(self._name(system), *(self._cell(system, dataset) for dataset in self.datasets))
        return made

    def _list(self, systems: Sequence[str]) -> Table:
        """A line a system: how many datasets it is through, and those that it runs on."""
        from rich.text import Text

        made = _with_names(table("system", ">done", "now"))
        for system in systems:
            states = Counter(self._state(system, dataset) for dataset in self.datasets)
            running = [d for d in self.datasets if self._state(system, d) in ("running", "failed")]
            now = Text(", ").join(Text.assemble(f"{d} ", self._cell(system, d)) for d in running)
            now.no_wrap, now.overflow = True, "ellipsis"
            made.add_row(self._name(system), f"{states['done'] + states['kept']}/{len(self.datasets)}", now)
        return made

    def _name(self, system: str) -> str:
        return system if len(system) <= NAME else f"{system[: NAME - 1]}…"

    def _cell(self, system: str, dataset: str) -> Text:
        from rich.text import Text

        stand, state = self.stands.get((system, dataset)), self._state(system, dataset)
        said = stand.said if stand else ""
        if state == "running":
            said = f"{said} {seconds(self.clock() - self.since[system, dataset])}".strip()
        elif state == "failed":
            said = ""
        return Text(said or state, style=STYLES[state])

    def _foot(self) -> str:
        states = Counter(self._state(system, dataset) for system in self.systems for dataset in self.datasets)
        through = f"{states['done'] + states['kept']} of {len(self.systems) * len(self.datasets)} done"
        failed = f"{states['failed']} failed" if states["failed"] else ""
        measured = self.measure if any(stand.state == "done" and stand.said for stand in self.stands.values()) else ""
        parts = [through, failed, measured, seconds(self.clock() - self.started), self.doing]
        return " · ".join(part for part in parts if part)


def _with_names(made: Table) -> Table:
    """A table whose first column is one line high, however long its names are."""
    made.columns[0].no_wrap, made.columns[0].overflow = True, "ellipsis"
    return made


def seconds(spent: float) -> str:
    """Seconds as a clock shows them.

    >>> seconds(7.6), seconds(75), seconds(3601)
    ('7 s', '1:15', '1:00:01')
    """
    minutes, rest = divmod(int(spent), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
