"""Runs what is left to run of an experiment, then writes its tables and its manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rankify.experiment.cells import Cell
from rankify.experiment.hardware import libraries, machine
from rankify.experiment.hashes import file_hash
from rankify.experiment.lessons import Lessons, lessons
from rankify.experiment.opening import named, opened
from rankify.experiment.parts import Parts
from rankify.experiment.plan import Experiment
from rankify.experiment.results import Results, evaluated, write_csv
from rankify.experiment.revisions import Revisions
from rankify.experiment.tables import chosen, costs, grids, tunings
from rankify.indexes.building import remove_parts
from rankify.io.files import disk_errors, writing
from rankify.io.locks import locked

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Step = Callable[[str], AbstractContextManager[None]]
Say = Callable[[str], None]


@contextmanager
def _silent(_: str) -> Iterator[None]:
    yield


def execute(experiment: Experiment, folder: Path, *, step: Step = _silent, say: Say = lambda _: None) -> Results:
    """The experiment's results; its files are in the folder, and what an earlier start finished is kept.

    Args:
        experiment: what to run.
        folder: runs/DATASET/SYSTEM.trec, tuned/DATASET/SYSTEM.json, per-query/DATASET.csv, results.txt, .md and .tex,
            manifest.json.
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
    for label, (data, about) in found.items():
        results.datasets[label] = about
        _run(results, label, data, taught, step, say)
        with step(f"Evaluating {label}"), named(label):
            results.scores[label], results.comparisons[label] = evaluated(experiment, data, folder / "runs" / label)
        write_csv(results, label)
    _write_tables(results)
    _write_manifest(results, started)
    return results


def _run(results: Results, label: str, data: Dataset, taught: Lessons, step: Step, say: Say) -> None:
    """Notes the record of each system on a dataset: an earlier start's, or that of the work done now."""
    revisions = Revisions()
    folder, about = results.folder, results.datasets[label]
    parts = Parts(folder / "indexes", revisions)
    results.tuned[label], results.cells[label] = {}, {}
    for system, written in results.experiment.systems.items():
        pipeline = written
        if lesson := taught.get((label, system)):
            with step(f"{label}: tuning {system}"):
                tuned = lesson.learnt(folder / "tuned" / label / f"{system}.json", parts, revisions)
            say(f"{label}: {system} is tuned on {lesson.said()}: {chosen(tuned)}")
            results.tuned[label][system], pipeline = tuned, tuned["pipeline"]
        behind = revisions.behind(pipeline)
        cell = Cell(folder=folder, dataset=label, system=system, pipeline=pipeline, behind=behind)
        record = cell.record(about)
        if record is not None:
            say(f"{label}: {system} is finished since {record['finished']}, kept")
        else:
            with step(f"{label}: {system}"):
                record = cell.finish(data, about, parts)
            seconds = sum(s["seconds"] for s in record["stages"]) + sum(record["built"].values())
            say(f"{label}: {system} took {seconds:.1f} s")
        results.cells[label][system] = record


def _write_tables(results: Results) -> None:
    made = [*grids(results), *tunings(results), *(costs(results, dataset) for dataset in results.cells)]
    for ending, written in (
        ("txt", [g.text() for g in made]), ("md", [g.markdown() for g in made]), ("tex", [g.latex() for g in made]),
    ):  # fmt: skip
        with writing(results.folder / f"results.{ending}") as file:
            file.write("\n".join(written))


def _write_manifest(results: Results, started: str) -> None:
    """Specs, versions, hashes, seconds and hardware. Written last: it names every other file."""
    folder, experiment = results.folder, results.experiment
    files = [folder / f"results.{ending}" for ending in ("txt", "md", "tex")]
    files += [folder / "per-query" / f"{label}.csv" for label in experiment.datasets]
    files += [folder / "runs" / d / f"{s}.trec" for d in experiment.datasets for s in experiment.systems]
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
        "scores": results.means(),
        "files": {str(path.relative_to(folder)): file_hash(path) for path in files},
    }
    with writing(folder / "manifest.json") as file:
        json.dump(said, file, ensure_ascii=False, indent=1)
        file.write("\n")
