"""What the tables of an experiment show, as one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isnan
from typing import Any

from rankify.evaluation import Comparison
from rankify.experiment.results import Results, seconds
from rankify.io.files import writing


def write_summary(results: Results) -> None:
    """Writes `results.json`. Times stand under `took`, its last key; all else is the same every time."""
    with writing(results.folder / "results.json") as file:
        json.dump(summary(results), file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")


def summary(results: Results) -> dict[str, Any]:
    """Pipelines, means, comparisons with every p, and what was tuned; names of files are relative to the folder."""
    experiment = results.experiment
    return {
        "experiment": experiment.name,
        "baseline": experiment.baseline,
        "measures": [*experiment.wanted.of_rankings, *experiment.wanted.answers],
        "datasets": {label: _dataset(results, label) for label in results.datasets},
        "took": {
            label: {system: _took(results, label, system) for system in row} for label, row in results.cells.items()
        },
    }


def _dataset(results: Results, label: str) -> dict[str, Any]:
    about = results.datasets[label]
    return {
        **{name: about[name] for name in ("name", "split", "documents", "asked", "judged", "gold")},
        "per_query": f"per-query/{label}.csv",
        "failed": results.failed[label],
        "systems": {system: _system(results, label, system) for system in results.cells[label]},
        "comparisons": {
            "rankings": _compared(results.comparisons[label]),
            "answers": _compared(results.answer_comparisons[label]),
        },
    }


def _system(results: Results, label: str, system: str) -> dict[str, Any]:
    """A system on a dataset: what it is, where its files are, and its measures; null where one has no value."""
    reading, tuned = results.readings[label].get(system), results.tuned[label].get(system)
    means: Mapping[str, float] = results.scores[label][system]
    return {
        "pipeline": results.cells[label][system]["pipeline"],
        "reader": reading and reading["reader"],
        "run": f"runs/{label}/{system}.trec",
        "answers": reading and f"answers/{label}/{system}.jsonl",
        "tuned": tuned and {key: tuned[key] for key in ("options", "measure", "value", "on")},
        "means": {name: None if isnan(mean) else mean for name, mean in means.items()},
        "counts": reading and reading["counts"],
        **_judged(results, label, system),
    }


def _judged(results: Results, label: str, system: str) -> dict[str, Any]:
    """What judges took, of how many questions a measure has no value, with the first reason, and which failed."""
    found = results.scores[label][system]
    holes = {m: {"questions": len(why), "first": next(iter(why.values()))} for m, why in found.reasons.items()}
    lost = [{"measures": names, "reason": why} for names, why in results.unmeasured[label].get(system, ())]
    said = {"judging": dict(found.counts), "without_value": holes, "unmeasured": lost}
    return {name: one for name, one in said.items() if one}


def _compared(comparison: Comparison | None) -> dict[str, Any] | None:
    return None if comparison is None else comparison.as_dict()


def _took(results: Results, label: str, system: str) -> dict[str, Any]:
    """Seconds of a system by index and stage, and of its reader; its efficiency, or why it could not be timed."""
    reading = results.readings[label].get(system)
    spent = {"stages": seconds(results.cells[label][system]), "reading": reading and float(reading["seconds"])}
    found = {name: getattr(results, name).get(label, {}).get(system) for name in ("efficiency", "untimed")}
    return {**spent, **{name: one for name, one in found.items() if one is not None}}
