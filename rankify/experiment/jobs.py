"""Systems of an experiment in this process, one after the other, or in several processes at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from logging.handlers import QueueHandler
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from rankify.errors import BadInput, RankifyError
from rankify.experiment.beginnings import steps
from rankify.experiment.failures import Failure
from rankify.experiment.lessons import lessons
from rankify.experiment.opening import opened
from rankify.experiment.plan import Experiment, parted
from rankify.experiment.progress import Stand, Told
from rankify.experiment.systems import Outcome, Work
from rankify.indexes.impact import cores

Ask = Callable[[str, str], Outcome | Failure]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@contextmanager
def outcomes(works: Mapping[str, Work], jobs: int, told: Told) -> Iterator[Ask]:
    """What gives the outcome of a system on a dataset, by their labels, as soon as there is one.

    What an earlier start finished is kept. The rest is done when it is asked for, or, with several jobs, from now on
    in so many processes. They end with the block, or with this process.
    """
    if jobs == 1:
        yield lambda label, system: works[label].kept(system, told) or works[label].done(system, told)
        return
    found = {(label, system): works[label].kept(system, told) for label, system in _order(works)}
    left = [cell for cell, outcome in found.items() if outcome is None]
    if not left:
        yield lambda label, system: _there(found[label, system])
        return
    with _spread(works, left, min(jobs, len(left)), told) as asked:
        yield lambda label, system: found[label, system] or asked(label, system)


def _there(outcome: Outcome | None) -> Outcome:
    assert outcome is not None  # noqa: S101 - for mypy
    return outcome


def _order(works: Mapping[str, Work]) -> list[tuple[str, str]]:
    """Datasets one after the other; of each first the systems whose beginnings differ, so that few wait for others."""
    systems = next(iter(works.values())).experiment.systems
    begun: Counter[str] = Counter()
    places = {}
    for system, pipeline in systems.items():
        first = steps(parted(pipeline)[0])[0].beginning
        places[system] = begun[first]
        begun[first] += 1
    return [(label, system) for label in works for system in sorted(systems, key=places.__getitem__)]


@contextmanager
def _spread(works: Mapping[str, Work], left: list[tuple[str, str]], jobs: int, told: Told) -> Iterator[Ask]:
    """Has what is left done by processes; gives what waits for one of the outcomes."""
    context = get_context("spawn")  # numba, torch and OpenMP do not survive a fork
    ends, leash = context.Pipe(duplex=False)
    heard, said = context.Pipe(duplex=False)
    one = next(iter(works.values()))
    task = Task(one.experiment, one.folder, {label: dict(work.about) for label, work in works.items()})
    threads = max(1, cores() // jobs)
    told.say(f"{jobs} processes, each with {threads} of {cores()} threads")
    level = logging.getLogger("rankify").getEffectiveLevel()
    pool = ProcessPoolExecutor(jobs, context, _begin, (ends, Line(said, context.Lock()), level, task))
    listener = threading.Thread(target=_listen, args=(heard, told), daemon=True)
    try:
        with _limited(threads), said:
            futures = {cell: pool.submit(_do, *cell) for cell in left}
            pool.submit(_nothing)  # the pool looks for the end of a process only from the next task on
        listener.start()  # hears until every process has hung up
        yield lambda label, system: _outcome(futures[label, system], system, label)
    finally:
        leash.close()  # which ends them
        pool.shutdown(wait=True, cancel_futures=True)
        listener.join()
        ends.close()
        heard.close()


def _outcome(future: Future[Outcome | Failure], system: str, label: str) -> Outcome | Failure:
    try:
        return future.result()
    except BrokenProcessPool:
        raise RankifyError(
            f"a process of the experiment ended before {system} on {label} was done: was it killed, or out of memory? "
            "what was finished is kept; start again, with fewer jobs if memory is short"
        ) from None


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    """Processes that start now use so many threads, where the environment does not say how many."""
    new = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(new, str(threads)))
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


def _listen(heard: Connection, told: Told) -> None:
    """Passes on what processes tell."""
    with suppress(EOFError):
        while True:
            one = heard.recv()
            if isinstance(one, Stand):
                told.watch(one)
            elif isinstance(one, str):
                told.say(one)
            else:
                logging.getLogger(one.name).handle(one)


@dataclass(frozen=True, slots=True)
class Line:
    """Where several processes tell one what they do: one message at a time."""

    end: Connection
    lock: Any

    def put(self, message: Any) -> None:
        """Sends a text, a `Stand` or a record of the log."""
        with self.lock:
            self.end.send(message)


@dataclass(frozen=True, slots=True)
class Task:
    """An experiment as another process does its systems.

    Attributes:
        abouts: what identifies each dataset.
    """

    experiment: Experiment
    folder: Path
    abouts: Mapping[str, Mapping[str, Any]]

    def work(self, label: str) -> Work:
        """A dataset, opened here, and its systems.

        Raises:
            BadInput: it is not what it was when the experiment began.
        """
        alone = replace(self.experiment, datasets={label: self.experiment.datasets[label]})
        silent = Told()
        found = opened(alone, silent.step)
        data, about = found[label]
        if about != self.abouts[label]:
            raise BadInput(f"dataset {label}: it has changed since the experiment began; start again")
        return Work(alone, self.folder, label, data, about, lessons(alone, found, silent.step))


class _Process:
    """What a process has: its task, and the dataset that it worked on last."""

    def __init__(self, task: Task, told: Told) -> None:
        self.task, self.told = task, told
        self.work: Work | None = None

    def outcome(self, label: str, system: str) -> Outcome | Failure:
        """What a system does on a dataset."""
        if self.work is None or self.work.label != label:
            self.work = None  # two datasets and their models are never in memory at once
            self.work = self.task.work(label)
        return self.work.done(system, self.told)


class _Passed(QueueHandler):
    """The library's log, on its way to the process that is looked at."""

    def __init__(self, line: Line) -> None:
        logging.Handler.__init__(self)
        self.line = line

    def enqueue(self, record: logging.LogRecord) -> None:
        self.line.put(record)


_here: list[_Process] = []


def _begin(ends: Connection, line: Line, level: int, task: Task) -> None:
    """Makes this process one that does systems: it ends when the one that started it ends, or lets go."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other one is interrupted too, and lets go
    threading.Thread(target=_leave_with, args=(ends,), daemon=True).start()
    log = logging.getLogger("rankify")
    log.handlers, log.propagate = [_Passed(line)], False
    log.setLevel(level)
    _here.append(_Process(task, Told(say=line.put, watch=line.put)))


def _leave_with(ends: Connection) -> None:
    ends.poll(None)
    os._exit(1)


def _nothing() -> None:
    """What a pool is asked for so that it looks up."""


def _do(label: str, system: str) -> Outcome | Failure:
    return _here[0].outcome(label, system)
