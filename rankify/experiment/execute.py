"""Runs what is left to run of an experiment, then writes its tables and its manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.experiment.beginnings import Beginnings
from rankify.experiment.cells import Cell
from rankify.experiment.hardware import libraries, machine
from rankify.experiment.hashes import file_hash
from rankify.experiment.lessons import Lessons, lessons
from rankify.experiment.opening import named, opened
from rankify.experiment.parts import Parts
from rankify.experiment.plan import Experiment, parted
from rankify.experiment.readings import Reading
from rankify.experiment.report.page import page
from rankify.experiment.report.questions import questions
from rankify.experiment.results import Results, evaluated, write_csv
from rankify.experiment.revisions import Revisions
from rankify.experiment.tables import chosen, tables
from rankify.indexes.building import remove_parts
from rankify.io.files import disk_errors, writing
from rankify.io.locks import locked

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Step = Callable[[str], AbstractContextManager[None]]
Say = Callable[[str], None]
Record = Mapping[str, Any]


@contextmanager
def _silent(_: str) -> Iterator[None]:
    yield


def execute(experiment: Experiment, folder: Path, *, step: Step = _silent, say: Say = lambda _: None) -> Results:
    """The experiment's results; its files are in the folder, and what an earlier start finished is kept.

    Args:
        experiment: what to run.
        folder: runs/DATASET/SYSTEM.trec, answers/DATASET/SYSTEM.jsonl, tuned/DATASET/SYSTEM.json,
            per-query/DATASET.csv, results.txt, .md and .tex, report.html, manifest.json.
        step: shows that something is going on, until it is done.
        say: is told what was kept and what was done.

    Raises:
        BadInput: a dataset cannot be used, which is found out before any system runs, or another process is writing
            into the folder.
    """
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        remove_parts(folder)
        return _executed(experiment, folder, step, say)


def _executed(experiment: Experiment, folder: Path, step: Step, say: Say) -> Results:
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    results = Results(experiment=experiment, folder=folder)
    found = opened(experiment, step)
    taught = lessons(experiment, found, step)
    shown = []
    for label, (data, about) in found.items():
        results.datasets[label] = about
        beginnings = _run(results, label, data, taught, step, say)
        with step(f"Evaluating {label}"), named(label):
            evaluated(results, data, label)
            shown.append(questions(results, label, data, beginnings))
        write_csv(results, label)
    _write_tables(results, shown)
    _write_manifest(results, started)
    return results


def _run(results: Results, label: str, data: Dataset, taught: Lessons, step: Step, say: Say) -> Beginnings:
    """Notes the record of each system on a dataset: an earlier start's, or that of the work done now.

    Returns what was found on the way.
    """
    revisions = Revisions()
    folder, about = results.folder, results.datasets[label]
    parts = Parts(folder / "indexes", revisions)
    beginnings = Beginnings(folder / "stages" / label, data, about, parts)
    for noted in (results.tuned, results.cells, results.readings, results.answers):
        noted[label] = {}
    for system, written in results.experiment.systems.items():
        pipeline = written
        if lesson := taught.get((label, system)):
            with step(f"{label}: tuning {system}"):
                tuned = lesson.learnt(folder / "tuned" / label / f"{system}.json", parts, revisions)
            say(f"{label}: {system} is tuned on {lesson.said()}: {chosen(tuned)}")
            results.tuned[label][system], pipeline = tuned, tuned["pipeline"]
        searches, reader = parted(pipeline)
        behind = revisions.behind(searches)
        cell = Cell(folder=folder, dataset=label, system=system, pipeline=searches, behind=behind)
        results.cells[label][system] = _ranked(cell, about, beginnings, step, say)
        if reader:
            reading = Reading(cell=cell, reader=reader, behind=revisions.behind(pipeline))
            results.readings[label][system] = _read(reading, results.cells[label][system], about, beginnings, step, say)
            results.answers[label][system] = reading.answers(data)
    return beginnings


def _ranked(cell: Cell, about: Record, beginnings: Beginnings, step: Step, say: Say) -> dict[str, Any]:
    """The record of a system's rankings."""
    label, system = cell.dataset, cell.system
    record = cell.record(about)
    if record is not None:
        say(f"{label}: {system} is finished since {record['finished']}, kept")
        return record
    with step(f"{label}: {system}"):
        record = cell.finish(about, beginnings)
    now = [stage["seconds"] for stage in record["stages"] if not stage["kept"]]
    say(f"{label}: {system} took {sum(now) + sum(record['built'].values()):.1f} s")
    return record


def _read(
    reading: Reading, ranked: Record, about: Record, beginnings: Beginnings, step: Step, say: Say
) -> dict[str, Any]:  # fmt: skip
    """The record of a system's answers."""
    label, system = reading.cell.dataset, reading.cell.system
    record = reading.record(ranked)
    if record is not None:
        say(f"{label}: {system} has answered since {record['finished']}, kept")
        return record
    with step(f"{label}: {system} answers"):
        record = reading.finish(ranked, about, beginnings)
    there = f", {record['remembered']:,} replies were there already" if record["remembered"] else ""
    say(f"{label}: {system} answered {record['answers']:,} questions in {record['seconds']:.1f} s{there}")
    return record


def _write_tables(results: Results, shown: Sequence[Record]) -> None:
    """Writes the tables, and the report that has them and every question."""
    made = tables(results)
    for ending, written in (
        ("txt", [g.text() for g in made]), ("md", [g.markdown() for g in made]), ("tex", [g.latex() for g in made]),
    ):  # fmt: skip
        with writing(results.folder / f"results.{ending}") as file:
            file.write("\n".join(written))
    with writing(results.folder / "report.html") as file:
        file.write(page(results.experiment.name, made, shown))


def _write_manifest(results: Results, started: str) -> None:
    """Specs, versions, hashes, seconds and hardware. Written last: it names every other file."""
    folder, experiment = results.folder, results.experiment
    files = [folder / f"results.{ending}" for ending in ("txt", "md", "tex")]
    files += [folder / "report.html"]
    files += [folder / "per-query" / f"{label}.csv" for label in experiment.datasets]
    files += [folder / "runs" / d / f"{s}.trec" for d in experiment.datasets for s in experiment.systems]
    files += [folder / "answers" / d / f"{s}.jsonl" for d, row in results.readings.items() for s in row]
    said = {
        "experiment": experiment.as_dict(),
        "started": started,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "libraries": libraries(),
        "machine": machine(),
        "datasets": results.datasets,
        "tuned": [
            {"dataset": dataset, "system": system, **{key: value for key, value in tuned.items() if key != "trials"}}
            for dataset, row in results.tuned.items()
            for system, tuned in row.items()
        ],
        "cells": [record for row in results.cells.values() for record in row.values()],
        "readings": [record for row in results.readings.values() for record in row.values()],
        "scores": {
            dataset: {s: {m: None if isnan(v) else v for m, v in means.items()} for s, means in row.items()}
            for dataset, row in results.means().items()
        },
        "files": {str(path.relative_to(folder)): file_hash(path) for path in files},
    }
    with writing(folder / "manifest.json") as file:
        json.dump(said, file, ensure_ascii=False, indent=1)
        file.write("\n")
