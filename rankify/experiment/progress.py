"""How an experiment goes, as it tells those who watch: where each system stands on each dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Literal

Step = Callable[[str], AbstractContextManager[None]]
Say = Callable[[str], None]
State = Literal["running", "kept", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a system stands on a dataset. One of which nothing was told yet is waiting.

    Attributes:
        state: running; kept, as an earlier start finished it; done now; failed.
        said: the step that is running, as "2/3", or the first measure of one that is done, once that is known.
    """

    dataset: str
    system: str
    state: State
    said: str = ""


Watch = Callable[[Stand], None]


@contextmanager
def _silent(_: str) -> Iterator[None]:
    yield


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """Who is told how an experiment goes.

    Attributes:
        step: shows that something is going on, until it is done.
        say: is told in a line what was kept and what was done.
        watch: is told whenever a system stands elsewhere.
    """

    step: Step = _silent
    say: Say = lambda _: None
    watch: Watch = lambda _: None
