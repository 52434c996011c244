"""What an experiment found: measures of each system on each dataset, and whether they differ from the baseline's."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rankify
from rankify.experiment.plan import Experiment
from rankify.io.files import writing
from rankify.io.trec import read_run

if TYPE_CHECKING:
    from rankify.datasets import Dataset
    from rankify.evaluation import Comparison, Evaluation


@dataclass(kw_only=True, slots=True)
class Results:
    """Everything below is by dataset, then by system.

    Attributes:
        datasets: counts and hashes of each dataset.
        tuned: what was chosen for each tuned system, and on which queries.
        cells: the record of each run: hash, seconds and counts of each stage.
        scores: measures, on average and of each query.
        comparisons: each dataset's systems against the baseline; None where there is only one system or one query.
    """

    experiment: Experiment
    folder: Path
    datasets: dict[str, dict[str, Any]] = field(default_factory=dict)
    tuned: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    cells: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    scores: dict[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    comparisons: dict[str, Comparison | None] = field(default_factory=dict)

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
            "baseline": self.experiment.baseline,
            "tuned": {d: {s: tuned["pipeline"] for s, tuned in row.items()} for d, row in self.tuned.items()},
            "scores": self.means(),
            "seconds": {d: {s: seconds(record) for s, record in row.items()} for d, row in self.cells.items()},
        }


def seconds(record: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a run: of each index that was built or opened for it, and of each stage."""
    built = {f"index {spec}": float(s) for spec, s in record["built"].items()}
    return {**built, **{stage["stage"]: float(stage["seconds"]) for stage in record["stages"]}}


def evaluated(
    experiment: Experiment, data: Dataset, folder: Path
) -> tuple[Mapping[str, Evaluation], Comparison | None]:
    """Measures and comparison of the run files in a folder, read back so that every start sees the same scores."""
    runs = {system: read_run(folder / f"{system}.trec") for system in experiment.systems}
    rel = data.rel
    scores = {s: rankify.evaluate(run, data.qrels, experiment.measures, rel=rel) for s, run in runs.items()}
    if len(runs) < 2 or len(data.qrels) < 2:
        return scores, None
    return scores, rankify.compare(runs, data.qrels, experiment.measures, rel=rel, baseline=experiment.baseline)


def write_csv(results: Results, dataset: str) -> None:
    """Writes every query's value of every measure: system, query, and one column for each measure."""
    scores = results.scores[dataset]
    measures = list(next(iter(scores.values())))
    with writing(results.folder / "per-query" / f"{dataset}.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["system", "query", *measures])
        for system, found in scores.items():
            for query in found.queries:
                rows.writerow([system, query, *(repr(float(found.per_query[m][query])) for m in measures)])
