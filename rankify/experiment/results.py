"""What an experiment found: measures of each system on each dataset, and whether they differ from the baseline's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.experiment.plan import Experiment
from rankify.types import Answer

if TYPE_CHECKING:
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
        evaluated: what the measures of each dataset depend on, as one fingerprint.
        unmeasured: of each system, why measures have no value: (measures, reason) of each judge that failed.
        comparisons: each dataset's systems against the baseline, or every two; None for one system or one query.
        answer_comparisons: the same by measures of answers; where the baseline gives none, against the first that does.
        efficiency: latency, memory and the like of each system, where that is measured.
        untimed: why systems could not be timed; these have no efficiency.
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
    evaluated: dict[str, str] = field(default_factory=dict)
    unmeasured: dict[str, dict[str, list[tuple[str, str]]]] = field(default_factory=dict)
    comparisons: dict[str, Comparison | None] = field(default_factory=dict)
    answer_comparisons: dict[str, Comparison | None] = field(default_factory=dict)
    efficiency: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    untimed: dict[str, dict[str, str]] = field(default_factory=dict)

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
            "unmeasured": {label: row for label, row in self.unmeasured.items() if row},
            "seconds": {d: {s: seconds(record) for s, record in row.items()} for d, row in self.cells.items()},
            "reading": {d: {s: took(record) for s, record in row.items()} for d, row in self.readings.items()},
            **({"efficiency": self.efficiency} if self.efficiency else {}),
            **({"untimed": untimed} if (untimed := {label: row for label, row in self.untimed.items() if row}) else {}),
        }


def seconds(record: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of a run, of each index that was built or opened for it and of each stage; of equal ones together."""
    spent = {f"index {spec}": float(s) for spec, s in record["built"].items()}
    for stage in record["stages"]:  # rm3(bm25) may follow on rm3(bm25)
        spent[stage["stage"]] = spent.get(stage["stage"], 0.0) + float(stage["seconds"])
    return spent


def remembered(record: Mapping[str, Any]) -> bool:
    """Whether replies of a run's stages were there already, which took none of its seconds."""
    return any(stage.get("remembered", 0) for stage in record["stages"])


def took(record: Mapping[str, Any]) -> dict[str, float]:
    """What the answers of a system took: seconds, and what its reader counted."""
    return {"seconds": float(record["seconds"]), **record["counts"]}
