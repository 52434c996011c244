"""Runs what is left to run of an experiment, then writes its tables and its manifest."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from rankify.errors import Misuse
from rankify.experiment import efficiencies
from rankify.experiment.estimates import estimated, refuse_too_much
from rankify.experiment.failures import Failure
from rankify.experiment.hardware import libraries, machine
from rankify.experiment.hashes import file_hash
from rankify.experiment.jobs import outcomes
from rankify.experiment.lessons import lessons
from rankify.experiment.opening import named, opened
from rankify.experiment.parquet import refuse_absent, write_parquet
from rankify.experiment.plan import Experiment
from rankify.experiment.progress import Say, Stand, Step, Told, Watch
from rankify.experiment.readings import answers_in
from rankify.experiment.report.page import page
from rankify.experiment.report.plots import drawn
from rankify.experiment.report.questions import questions
from rankify.experiment.report.ranks import Ranks, moves, ranks
from rankify.experiment.results import Results, evaluated, write_csv
from rankify.experiment.summary import write_summary
from rankify.experiment.systems import Outcome, Work
from rankify.experiment.tables import tables
from rankify.indexes.building import remove_parts
from rankify.io.files import disk_errors, writing
from rankify.io.locks import locked

Record = Mapping[str, Any]


def execute(
    experiment: Experiment, folder: Path, *, step: Step | None = None, say: Say | None = None,
    watch: Watch | None = None, jobs: int = 1, parquet: bool = False, estimate: bool = True,
) -> Results:  # fmt: skip
    """The experiment's results; its files are in the folder, and what an earlier start finished is kept.

    Args:
        experiment: what to run.
        folder: runs/DATASET/SYSTEM.trec, answers/DATASET/SYSTEM.jsonl, tuned/DATASET/SYSTEM.json,
            per-query/DATASET.csv, results.txt, .md, .tex and .json, report.html, manifest.json.
        step: shows that something is going on, until it is done.
        say: is told what was kept and what was done.
        watch: is told whenever a system stands elsewhere.
        jobs: how many processes run systems. They are spawned, so a script that asks for several runs them under
            `if __name__ == "__main__":`.
        parquet: whether per-query/DATASET.parquet is written, too.
        estimate: whether it is refused where disk or memory are too small for it, by rule.

    Raises:
        BadInput: a dataset cannot be used, or there is too little disk or memory, which is found out before any system
            runs, or another process is writing into the folder.
        MissingExtra: Parquet is wanted and cannot be written.
    """
    if jobs < 1:
        raise Misuse(f"jobs={jobs} should be at least 1")
    if parquet:
        refuse_absent()
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        remove_parts(folder)
        given = {"step": step, "say": say, "watch": watch}
        told = Told(**{name: one for name, one in given.items() if one})  # type: ignore[arg-type]
        return _executed(experiment, folder, jobs, parquet, estimate, told)


def _executed(experiment: Experiment, folder: Path, jobs: int, parquet: bool, estimate: bool, told: Told) -> Results:
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    results = Results(experiment=experiment, folder=folder)
    found = opened(experiment, told.step)
    if estimate:
        refuse_too_much(estimated(experiment, found, folder, jobs), told.say)
    taught = lessons(experiment, found, told.step)
    works = {label: Work(experiment, folder, label, *one, taught) for label, one in found.items()}
    shown, stand = [], {}
    with outcomes(works, jobs, told) as outcome:
        for label, work in works.items():
            results.datasets[label] = work.about
            _note(results, work, {system: outcome(label, system) for system in experiment.systems})
            with told.step(f"Evaluating {label}"), named(label):
                evaluated(results, work.data, label)
                shown.append(questions(results, label, work.data, work.beginnings()))
                stand[label] = ranks(results, label, work.data)
            write_csv(results, label)
            if parquet:
                write_parquet(results, label)
            _tell_first(results, label, told)
    efficiencies.measure(results, told)  # now that no other process of the experiment runs
    _write_tables(results, shown, stand)
    write_summary(results)
    _write_manifest(results, started, parquet)
    return results


def _note(results: Results, work: Work, asked: Mapping[str, Outcome | Failure]) -> None:
    """Notes what the systems did on a dataset."""
    label = work.label
    found = {system: one for system, one in asked.items() if isinstance(one, Outcome)}
    results.failed[label] = {system: one.reason for system, one in asked.items() if isinstance(one, Failure)}
    results.tuned[label] = {system: one.tuned for system, one in found.items() if one.tuned}
    results.cells[label] = {system: one.cell for system, one in found.items()}
    results.readings[label] = {system: one.reading for system, one in found.items() if one.reading}
    folder = results.folder / "answers" / label
    results.answers[label] = {s: answers_in(folder / f"{s}.jsonl", work.data) for s in results.readings[label]}


def _tell_first(results: Results, label: str, told: Told) -> None:
    """Tells the first measure of each system to those who watch."""
    for system, scores in results.scores[label].items():
        if scores:
            told.watch(Stand(label, system, "done", f"{next(iter(scores.values())):.4f}"))


def _write_tables(results: Results, shown: Sequence[Record], stand: Mapping[str, Ranks]) -> None:
    """Writes the tables, and the report that has them, plots and every question."""
    made = tables(results)
    for ending, written in (
        ("txt", [g.text() for g in made]), ("md", [g.markdown() for g in made]), ("tex", [g.latex() for g in made]),
    ):  # fmt: skip
        with writing(results.folder / f"results.{ending}") as file:
            file.write("\n".join(written))
    with writing(results.folder / "report.html") as file:
        file.write(page(results.experiment.name, [*made, *moves(results, stand)], shown, *drawn(results, stand)))


def _write_manifest(results: Results, started: str, parquet: bool) -> None:
    """Specs, versions, hashes, seconds and hardware. Written last: it names every other file."""
    folder, experiment = results.folder, results.experiment
    files = [folder / f"results.{ending}" for ending in ("txt", "md", "tex", "json")]
    files += [folder / "report.html", *efficiencies.write_csv(results)]
    endings = ("csv", "parquet") if parquet else ("csv",)
    files += [folder / "per-query" / f"{label}.{ending}" for label in experiment.datasets for ending in endings]
    files += [folder / "runs" / d / f"{s}.trec" for d, row in results.cells.items() for s in row]
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
        "failed": results.failed,
        "cells": [record for row in results.cells.values() for record in row.values()],
        "readings": [record for row in results.readings.values() for record in row.values()],
        **({"efficiency": results.efficiency} if results.efficiency else {}),
        "scores": {
            dataset: {s: {m: None if isnan(v) else v for m, v in means.items()} for s, means in row.items()}
            for dataset, row in results.means().items()
        },
        "files": {str(path.relative_to(folder)): file_hash(path) for path in files},
    }
    with writing(folder / "manifest.json") as file:
        json.dump(said, file, ensure_ascii=False, indent=1)
        file.write("\n")
