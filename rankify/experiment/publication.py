"""What an experiment publishes: tables, summary, report, values as Parquet, and the manifest that names every file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from math import isnan
from pathlib import Path

from rankify.experiment import efficiencies
from rankify.experiment.evaluations import csv_file
from rankify.experiment.grid import latex_file
from rankify.experiment.hardware import libraries, machine
from rankify.experiment.hashes import file_hash, value_hash
from rankify.experiment.parquet import parquet_file, write_parquet
from rankify.experiment.records import recorded
from rankify.experiment.report.page import page
from rankify.experiment.report.plots import drawn
from rankify.experiment.report.questions import questions
from rankify.experiment.report.ranks import moves, ranks
from rankify.experiment.results import Results
from rankify.experiment.summary import write_summary
from rankify.experiment.systems import Work
from rankify.experiment.tables import tables
from rankify.indexes.manifest import versions
from rankify.io.files import writing

ENDINGS = ("txt", "md", "tex")


def kept(results: Results, parquet: bool) -> bool:
    """Whether an earlier start published the same, and its files are as it left them.

    Files that the records of systems and of measures name were looked at when these were read.
    """
    found = recorded(results.folder / "manifest.json")
    hashes = found.get("files", {})
    return found.get("key") == _key(results, parquet) and all(
        path.is_file() and hashes.get(str(path.relative_to(results.folder))) == file_hash(path)
        for path in _published(results, parquet)
    )


def write(results: Results, works: Mapping[str, Work], started: str, parquet: bool) -> None:
    """Writes all of it, the manifest last: it names every other file.

    Args:
        works: the datasets, and what their systems found on the way.
        started: when the experiment was, for the manifest.
        parquet: whether values are written as Parquet, too.
    """
    if parquet:
        for label in results.scores:
            write_parquet(results, label)
    efficiencies.write_csv(results)
    _write_tables(results, works)
    write_summary(results)
    _write_manifest(results, started, parquet)


def _key(results: Results, parquet: bool) -> str:
    """What is published depends on this; what measures depend on is in the keys of these.

    It depends on the libraries that draw and write it, which decide no result: a report without plots names one.
    """
    said = [results.experiment.as_dict(), results.datasets, results.failed, results.tuned, results.cells,
            results.readings, results.evaluated, results.unmeasured, results.efficiency, results.untimed,
            parquet, libraries(), versions("matplotlib", *["pyarrow"] * parquet)]  # fmt: skip
    return value_hash(said)


def _published(results: Results, parquet: bool) -> list[Path]:
    """The files that are written here, but for the manifest."""
    folder = results.folder
    files = [folder / f"results.{ending}" for ending in (*ENDINGS, "json")]
    files += [folder / "report.html"]
    files += [efficiencies.csv_file(folder)] * bool(results.experiment.efficiency)
    return files + [parquet_file(folder, label) for label in results.scores if parquet]


def _write_tables(results: Results, works: Mapping[str, Work]) -> None:
    """Writes the tables, and the report that has them, plots and every question."""
    made = tables(results)
    each = ("\n".join(g.text() for g in made), "\n".join(g.markdown() for g in made), latex_file(made))
    for ending, written in zip(ENDINGS, each, strict=True):
        with writing(results.folder / f"results.{ending}") as file:
            file.write(written)
    stand = {label: ranks(results, label, work.data) for label, work in works.items()}
    shown = [questions(results, label, work.data, work.beginnings(), stand[label]) for label, work in works.items()]
    text = page(results.experiment.name, [*made, *moves(results, stand)], shown, *drawn(results, stand))
    with writing(results.folder / "report.html") as file:
        file.write(text)


def _write_manifest(results: Results, started: str, parquet: bool) -> None:
    """Specs, versions, hashes, seconds and hardware."""
    folder = results.folder
    files = [*_published(results, parquet), *(csv_file(folder, label) for label in results.scores)]
    files += [folder / "runs" / d / f"{s}.trec" for d, row in results.cells.items() for s in row]
    files += [folder / "answers" / d / f"{s}.jsonl" for d, row in results.readings.items() for s in row]
    said = {
        "key": _key(results, parquet),
        "experiment": results.experiment.as_dict(),
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
        **({"unmeasured": results.unmeasured} if any(results.unmeasured.values()) else {}),
        "cells": [record for row in results.cells.values() for record in row.values()],
        "readings": [record for row in results.readings.values() for record in row.values()],
        **({"efficiency": results.efficiency} if results.efficiency else {}),
        **({"untimed": results.untimed} if any(results.untimed.values()) else {}),
        "scores": {
            dataset: {s: {m: None if isnan(v) else v for m, v in means.items()} for s, means in row.items()}
            for dataset, row in results.means().items()
        },
        "files": {str(path.relative_to(folder)): file_hash(path) for path in files},
    }
    with writing(folder / "manifest.json") as file:
        json.dump(said, file, ensure_ascii=False, indent=1)
        file.write("\n")
