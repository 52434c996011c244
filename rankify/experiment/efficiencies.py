"""The efficiency of an experiment's systems: measured after their quality, kept, and written as tables and CSV."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rankify.errors import RankifyError
from rankify.experiment.failures import Failure
from rankify.experiment.grid import Entry, Grid
from rankify.experiment.hardware import machine
from rankify.experiment.hashes import value_hash
from rankify.experiment.plan import parted
from rankify.experiment.progress import Told
from rankify.experiment.records import recorded
from rankify.experiment.results import Results, remembered
from rankify.experiment.timing import Task
from rankify.io.files import writing
from rankify.stages import spent

Record = Mapping[str, Any]
NOT_REPORTED = "-"
COUNTED = {  # what stages and readers count, as it is called here
    "calls": "asked", "prompt_tokens": "prompt_tokens", "generated_tokens": "generated_tokens", "passes": "passes",
    "dollars": "cost",
}  # fmt: skip
_MEBI = 2.0**20
_MACHINE = {  # column: figure, and what divides it
    "RSS MiB": ("peak_rss", _MEBI), "GPU MiB": ("peak_gpu", _MEBI), "index MiB": ("index_bytes", _MEBI),
    "joules": ("joules_per_query", 1.0),
}  # fmt: skip
_MODELS = {
    "calls": ("calls", 1.0), "prompt tokens": ("prompt_tokens", 1.0), "generated": ("generated_tokens", 1.0),
    "passes": ("passes", 1.0), "$/1,000": ("dollars_per_1000", 1.0),
}  # fmt: skip
_OF_MACHINE = (
    "Memory: peak of a process that ran the system alone. joules: a query, of all that ran on the machine then."
)
_OF_MODELS = "Of the run over all queries; dollars for 1,000 of them."
_LATENCY = ("p50", "p90", "p95", "p99", "mean")


def measure(results: Results, told: Told) -> None:
    """Notes the efficiency of every system; what an earlier start measured of the same is kept.

    A system that fails while it is timed has none: its reason is in `results.untimed`, and the next start times it.
    """
    plan = results.experiment.efficiency
    if plan is None:
        return
    for dataset, cells in results.cells.items():
        results.efficiency[dataset], results.untimed[dataset] = {}, {}
        for system, cell in cells.items():
            found = _found(results, dataset, system, told)
            if isinstance(found, Failure):
                results.untimed[dataset][system] = found.reason
            else:
                reading, asked = results.readings.get(dataset, {}).get(system), int(results.datasets[dataset]["asked"])
                results.efficiency[dataset][system] = {**found, **_counted(cell, reading, asked)}


def _found(results: Results, dataset: str, system: str, told: Told) -> dict[str, Any] | Failure:
    """The record of a system, of an earlier start or made now."""
    task = _task(results, dataset, system)
    record = kept(Path(task.file), task.key)
    if record is not None:
        told.say(f"{dataset}: {system} was timed {record['finished']}, kept")
        return record
    with told.step(f"{dataset}: timing {system}"):
        found = _timed(task)
    if isinstance(found, Failure):
        told.say(f"{dataset}: {system} could not be timed: {found.reason}")
    return found


def kept(file: Path, key: str) -> dict[str, Any] | None:
    """The record of an earlier start, or None where there is none of the same."""
    found = recorded(file)
    return found if found.get("key") == key else None


def _task(results: Results, dataset: str, system: str) -> Task:
    experiment, cell = results.experiment, results.cells[dataset][system]
    assert experiment.efficiency is not None  # noqa: S101 - for mypy
    plan, source = experiment.efficiency.as_dict(), asdict(experiment.datasets[dataset])
    read = results.readings.get(dataset, {}).get(system)
    untuned = experiment.untuned.get(system)  # whose own text may lack what its fusion has to learn
    _, reader = parted(untuned.searches + untuned.after if untuned else experiment.systems[system])
    key = value_hash([cell["key"], cell["sha256"], reader, read["key"] if read else "", plan, machine()["processor"]])
    file = results.folder / "efficiency" / dataset / f"{system}.json"
    return Task(folder=str(results.folder), file=str(file), key=key, searches=cell["pipeline"], reader=reader,
                source=source, plan=plan)  # fmt: skip


def _timed(task: Task) -> dict[str, Any] | Failure:
    """The record that a process of its own writes; that process ends when this one lets go of its standard input."""
    with subprocess.Popen(
        [sys.executable, "-m", "rankify.experiment.timing"], bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, "PYTHONSAFEPATH": "1"},
    ) as process:  # fmt: skip
        assert process.stdin  # noqa: S101 - for mypy
        assert process.stderr  # noqa: S101 - for mypy
        with suppress(BrokenPipeError):  # it has ended already, and says why
            process.stdin.write(f"{json.dumps(asdict(task))}\n".encode())
        said = process.stderr.read().decode("utf-8", "replace").strip().splitlines()
        ended = process.wait()
    record = kept(Path(task.file), task.key)
    return Failure((said or [f"the process ended with {ended}"])[-1]) if record is None else record


def refuse(untimed: Mapping[str, Mapping[str, str]]) -> None:
    """Raises RankifyError where a system could not be timed: how many could not, and the first of them."""
    every = [(label, system, why) for label, row in untimed.items() for system, why in row.items()]
    if every:
        label, system, why = every[0]
        noun = "system" if len(every) == 1 else "systems"
        raise RankifyError(f"{len(every)} {noun} could not be timed, first {system} on {label}: {why}")


def _counted(cell: Record, reading: Record | None, asked: int) -> dict[str, float | None]:
    """What the run over all queries counted, and how many queries it did a second; None where nothing says so."""
    took = spent([*(stage["counts"] for stage in cell["stages"]), *([reading["counts"]] if reading else [])])
    found: dict[str, float | None] = {name: took.get(counted) for name, counted in COUNTED.items()}
    seconds = sum(stage["seconds"] for stage in cell["stages"]) + (reading["seconds"] if reading else 0)
    there = remembered(cell) or (reading and reading["remembered"])  # replies that were there took no time
    dollars = found["dollars"]
    return {
        **found,
        "queries_per_second": asked / seconds if seconds > 0 and not there else None,
        "dollars_per_1000": None if dollars is None else dollars / asked * 1000,
    }


def grids(results: Results) -> list[Grid]:
    """What could not be timed, and for each dataset tables of times, of what machine and of what models gave.

    There are none where nothing was measured.
    """
    plan = results.experiment.efficiency
    if plan is None:
        return []
    made = _untimed(results.untimed)
    for dataset, row in results.efficiency.items():
        if not row:
            continue
        drawn = max(record["drawn"] for record in row.values())
        said = (
            f"{drawn} queries drawn with seed {plan.seed}, asked one at a time, {plan.repetitions} times each, after "
            f"{plan.warm_up} to warm up. Percentiles are nearest ranks. queries/s: of the run over all queries at once."
        )
        columns = ["system", *_LATENCY, "queries/s"]
        rows = [(s, [*(Entry(f"{one['latency_ms'][p]:,.2f}") for p in _LATENCY),
                     Entry(_written(one["queries_per_second"]))]) for s, one in row.items()]  # fmt: skip
        made += [Grid(title=f"{dataset}: latency in ms", columns=columns, rows=rows, note=said)]
        made.append(_used(f"{dataset}: memory and energy", row, _MACHINE, _OF_MACHINE + _unread(row)))
        made.append(_used(f"{dataset}: calls of models", row, _MODELS, _OF_MODELS))
    return [grid for grid in made if len(grid.columns) > 1]


def _untimed(untimed: Mapping[str, Mapping[str, str]]) -> list[Grid]:
    """The table of what could not be timed, by dataset and system; none where everything was."""
    rows = [(system, [Entry(label), Entry(why)]) for label, row in untimed.items() for system, why in row.items()]
    columns, note = ["system", "dataset", "reason"], "These have no figures of efficiency; a next start times them."
    return [Grid(title="not timed", columns=columns, rows=rows, note=note, words=columns[1:])] if rows else []


def _unread(row: Mapping[str, Record]) -> str:
    """Which counters of energy could not be read, in words; "" where all could, or there are none."""
    unread = sorted({name for one in row.values() for name, spent in one.get("joules", {}).items() if spent is None})
    return f" No joules where a counter could not be read: {', '.join(unread)}." if unread else ""


def _used(title: str, row: Mapping[str, Record], figures: Mapping[str, tuple[str, float]], note: str) -> Grid:
    """What systems used; a column that no system has a value for is named below instead."""
    there = {c: at for c, at in figures.items() if any(one[at[0]] is not None for one in row.values())}
    rows = [(system, [Entry(_written(one[name], by)) for name, by in there.values()]) for system, one in row.items()]
    absent = ", ".join(column for column in figures if column not in there)
    said = f"{note} {NOT_REPORTED}: not reported." + (f" Nowhere reported: {absent}." if absent else "")
    return Grid(title=title, columns=["system", *there], rows=rows, note=said)


def _written(value: float | None, by: float = 1) -> str:
    if value is None:
        return NOT_REPORTED
    shown = value / by
    return f"{shown:,.0f}" if shown == int(shown) or shown >= 100 else f"{shown:,.4g}"


def csv_file(folder: Path) -> Path:
    """Where every figure is."""
    return folder / "efficiency.csv"


def write_csv(results: Results) -> None:
    """Writes every figure in full, a line for each system on each dataset; "" where one is not reported."""
    if results.experiment.efficiency is None:
        return
    names = (
        "asked",
        *dict.fromkeys(name for name, _ in (_MACHINE | _MODELS).values()),
        "dollars",
        "queries_per_second",
    )
    with writing(csv_file(results.folder)) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["dataset", "system", *(f"{p}_ms" for p in _LATENCY), *names])
        for dataset, row in results.efficiency.items():
            for system, one in row.items():
                values = [one["latency_ms"][p] for p in _LATENCY] + [one[name] for name in names]
                rows.writerow([dataset, system, *("" if value is None else repr(value) for value in values)])
