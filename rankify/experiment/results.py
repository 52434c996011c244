"""What an experiment found: measures of each system on each dataset, and whether they differ from the baseline's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.experiment.measured import compared, joined, measured
from rankify.experiment.plan import Experiment
from rankify.io.files import writing
from rankify.io.trec import read_run
from rankify.types import Answer

if TYPE_CHECKING:
    from rankify.datasets import Dataset
    from rankify.evaluation import Comparison, Evaluation


@dataclass(kw_only=True, slots=True)
class Results:
    """Everything below is by dataset, then by system.

    Attributes:
        datasets: counts and hashes of each dataset.
        tuned: what was chosen for each tuned system, and on which queries.
        failed: why systems failed; these are in nothing else.
        cells: the record of each run: hash, seconds and counts of each stage.
        readings: the record of the answers of each system that ends in a reader.
        answers: the answers themselves.
        scores: measures, on average and of each query; those of answers where the system gives some.
        comparisons: each dataset's systems against the baseline; None where there is only one system or one query.
        answer_comparisons: the same by measures of answers; where the baseline gives none, against the first that does.
        efficiency: latency, memory and the like of each system, where that is measured.
    """

    experiment: Experiment
    folder: Path
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuned: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    cells: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    readings: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    answers: dict[str, dict[str, list[Answer]]] = field(default_factory=dict)
    scores: dict[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    comparisons: dict[str, Comparison | None] = field(default_factory=dict)
    answer_comparisons: dict[str, Comparison | None] = field(default_factory=dict)
    efficiency: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def means(self) -> dict[str, dict[str, dict[str, float]]]:
        """Dataset -> system -> measure -> mean."""
        return {
            dataset: {system: dict(scores) for system, scores in row.items()} for dataset, row in self.scores.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "experiment": self.experiment.name,
            "folder": str(self.folder),
            "report": str(self.folder / "report.html"),
            "baseline": self.experiment.baseline,
            "tuned": {d: {s: tuned["pipeline"] for s, tuned in row.items()} for d, row in self.tuned.items()},
            "scores": self.means(),
            "failed": {label: row for label, row in self.failed.items() if row},
            "seconds": {d: {s: seconds(record) for s, record in row.items()} for d, row in self.cells.items()},
            "reading": {d: {s: took(record) for s, record in row.items()} for d, row in self.readings.items()},
            **({"efficiency": self.efficiency} if self.efficiency else {}),
        }


def seconds(record: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a run: of each index that was built or opened for it, and of each stage."""
    built = {f"index {spec}": float(s) for spec, s in record["built"].items()}
    return {**built, **{stage["stage"]: float(stage["seconds"]) for stage in record["stages"]}}


def took(record: Mapping[str, Any]) -> dict[str, float]:
    """What the answers of a system took: seconds, and what its reader counted."""
    return {"seconds": float(record["seconds"]), **record["counts"]}


def evaluated(results: Results, data: Dataset, label: str) -> None:
    """Notes measures and comparisons of what the files of a dataset hold: every start sees the same.

    Raises:
        BadInput: a measure cannot be computed.
    """
    experiment, wanted = results.experiment, results.experiment.wanted
    corpus = data.corpus if wanted.passages else None
    found = {}
    for system in results.cells[label]:
        run = read_run(results.folder / "runs" / label / f"{system}.trec", corpus=corpus)
        reading = results.answers.get(label, {}).get(system)
        found[system] = measured(wanted, data, run, reading)
    results.scores[label] = {system: joined(parts) for system, parts in found.items()}
    results.comparisons[label] = compared(found, experiment.baseline, wanted.of_rankings)
    results.answer_comparisons[label] = compared(found, experiment.baseline, wanted.answers)


def write_csv(results: Results, dataset: str) -> None:
    """Writes every query's value of every measure: system, query, and one column for each measure."""
    scores = results.scores[dataset]
    measures = list(dict.fromkeys(measure for found in scores.values() for measure in found))
    with writing(results.folder / "per-query" / f"{dataset}.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["system", "query", *measures])
        for system, found in scores.items():
            for query in found.queries:
                rows.writerow([system, query, *(_written(found, measure, query) for measure in measures)])


def _written(found: Evaluation, measure: str, query: str) -> str:
    """A query's value in full; "" where it has none."""
    value = found.per_query[measure][query] if measure in found else nan
    return "" if isnan(value) else repr(float(value))
