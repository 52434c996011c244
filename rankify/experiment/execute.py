"""Runs what is left to run of an experiment, measures it and has it published."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from rankify.errors import Misuse
from rankify.experiment import efficiencies, publication
from rankify.experiment.estimates import estimated, refuse_too_much
from rankify.experiment.evaluations import evaluate
from rankify.experiment.failures import Failure
from rankify.experiment.jobs import outcomes
from rankify.experiment.judges import Bench
from rankify.experiment.leftovers import leftovers, told_of
from rankify.experiment.lessons import lessons
from rankify.experiment.opening import named, opened
from rankify.experiment.parquet import refuse_absent
from rankify.experiment.plan import Experiment
from rankify.experiment.progress import Say, Stand, Step, Told, Watch
from rankify.experiment.readings import answers_in
from rankify.experiment.results import Results
from rankify.experiment.systems import Outcome, Work, works
from rankify.indexes.building import remove_parts
from rankify.io.files import disk_errors
from rankify.io.locks import locked


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
    wanted = works(experiment, folder, found, lessons(experiment, found, told.step))
    if estimate:
        refuse_too_much(estimated(experiment, wanted, folder, jobs), told.say)
    bench = Bench(experiment.judges, folder / "replies")
    with outcomes(wanted, jobs, told) as outcome:
        for label, work in wanted.items():
            results.datasets[label] = work.about
            _note(results, work, {system: outcome(label, system) for system in experiment.systems})
            with told.step(f"Evaluating {label}"), named(label):
                evaluate(results, work.data, label, bench)
            _tell_first(results, label, told)
    if stale := leftovers(experiment, folder):
        told.say(told_of(stale))
    efficiencies.measure(results, told)  # now that no other process of the experiment runs
    if publication.kept(results, parquet):
        told.say("nothing has changed: tables, report and manifest are kept")
    else:
        with told.step("Writing tables and report"):
            publication.write(results, wanted, started, parquet)
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
