"""Starts of an experiment in processes of their own, and the moments at which they are killed."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.command import ROOT
from benchmarks.experiment_files import Finished, finished, indexing

WORK = {  # kinds of work, by what a start says when it begins
    "opening": re.compile(r"Opening "),
    "tuning": re.compile(r".*: tuning$"),
    "searching": re.compile(r".*: 1/\d+$"),
    "later steps": re.compile(r".*: [2-9]/\d+$"),
    "reading": re.compile(r".*: reading$"),
    "evaluating": re.compile(r"Evaluating "),
    "writing": re.compile(r"Writing "),
}
Moment = tuple[int, float]  # a step of the undisturbed start, by its place, and seconds after it has begun


@dataclass(kw_only=True)
class Start:
    """A start of the experiment.

    Attributes:
        said: (seconds since it was started, what it then began).
        killed: whether it was killed; else it ended by itself.
        early: after so many things it said it was killed, as the next one began before its moment; else 0.
        seconds: how long it lived.
        left: what was finished in its folder afterwards.
        indexing: whether an index was begun there, and not finished.
    """

    said: list[tuple[float, str]] = field(default_factory=list)
    killed: bool = False
    early: int = 0
    seconds: float = 0.0
    left: Finished = field(default_factory=dict)
    indexing: bool = False


def start(file: Path, folder: Path, jobs: int, moment: Moment = (sys.maxsize, 0.0), order: Sequence[str] = ()) -> Start:
    """One start, which is killed so long after it has begun a step, or one that comes later in this order.

    Where another step begins before that, it is killed then. All processes have hung up before it is looked at what
    is there.
    """
    folder.mkdir(exist_ok=True)
    place, wait = moment
    late, made, began = {*order[place:]}, Start(), time.perf_counter()
    with child(file, folder, jobs) as process:
        end = threading.Timer(wait, os.killpg, (process.pid, signal.SIGKILL))
        for line in process.stdout or ():
            if end.is_alive() and kind(line):
                end.cancel()
                os.killpg(process.pid, signal.SIGKILL)
                made.early = len(made.said)
            made.said.append((time.perf_counter() - began, line.strip()))
            if line.strip() in late:
                late = set()
                end.start()
    end.cancel()
    made.killed = process.returncode == -signal.SIGKILL
    if process.returncode and not made.killed:
        raise SystemExit(f"the experiment ended with {process.returncode}; see above")
    made.seconds, made.left = time.perf_counter() - began, finished(folder / "out")
    made.indexing = indexing(folder / "out")
    return made


def command(file: Path, folder: Path, jobs: int) -> float:
    """Seconds that the command takes, from the shell's point of view."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "rankify", "run", str(file), "-o", str(folder), "--jobs", str(jobs), "--parquet"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def child(file: Path, folder: Path, jobs: int) -> subprocess.Popen[str]:
    """The experiment in processes that are one group."""
    command = [sys.executable, "-m", "benchmarks.experiment_child", str(file), "out", str(jobs)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, text=True, start_new_session=True)


def steps(alone: Start) -> list[tuple[str, float]]:
    """What an undisturbed start begins, each thing once and in order, and how long it took from each to the next."""
    known: dict[str, float] = {}
    for at, text in alone.said:
        if kind(text):
            known.setdefault(text, at)
    ends = [*list(known.values())[1:], alone.seconds]
    return [(text, end - at) for (text, at), end in zip(known.items(), ends, strict=True)]


def kind(text: str) -> str | None:
    return next((name for name, pattern in WORK.items() if pattern.match(text)), None)


def moments(known: Sequence[tuple[str, float]], kills: int, drawn: random.Random) -> list[Moment]:
    """Moments in their order: one in each kind of work, and the others anywhere; the longer a step the likelier.

    No other step follows on the last one, so that its moments are in the first half: it may take less the next time.
    """
    places: dict[str, list[int]] = {"any": [*range(len(known))]}
    for place, (text, _) in enumerate(known):
        places.setdefault(str(kind(text)), []).append(place)
    names = drawn.sample(list(WORK), len(WORK)) + ["any"] * kills
    among = [places[name] for name in names if name in places][:kills]
    chosen = [drawn.choices(some, [known[place][1] for place in some])[0] for some in among]
    parts = {len(known) - 1: 0.5}
    return sorted((place, drawn.uniform(0, parts.get(place, 0.9) * known[place][1])) for place in chosen)


def killed(
    file: Path, folder: Path, jobs: int, known: Sequence[tuple[str, float]], when: Sequence[Moment]
) -> list[Start]:
    """Starts that are killed one after the other, each at its moment."""
    return [start(file, folder, jobs, moment, [text for text, _ in known]) for moment in when]


def fell(one: Start, jobs: int) -> dict[str, Any]:
    """Where a kill fell: what was begun last, by each of the processes."""
    said = [text for _, text in one.said[: one.early or None] if kind(text)][-jobs:]
    said = said[-1:] if kind(said[-1]) in ("opening", "writing") else said  # which one process does alone
    more = ", the end of it" * bool(one.early) + ", indexing" * one.indexing
    return {
        "in": re.sub(r"(?<=Opening )\S*/", "", " and ".join(said)) + more,
        "s": one.seconds,
        "finished": len(one.left),
    }
