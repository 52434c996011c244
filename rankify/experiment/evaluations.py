"""What is measured of a dataset's systems, kept beside the values of every query."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import partial
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankify.evaluation import Comparison, Evaluation
from rankify.experiment.hashes import file_hash, value_hash
from rankify.experiment.judges import Bench
from rankify.experiment.measured import compared, joined, measured
from rankify.experiment.records import recorded
from rankify.experiment.results import Results
from rankify.experiment.revisions import Revisions
from rankify.indexes.manifest import versions
from rankify.io.files import reading, writing
from rankify.io.trec import read_run

if TYPE_CHECKING:
    from rankify.datasets import Dataset

Record = Mapping[str, Any]
LIBRARIES = (
    "rankify", "numpy", "scipy", "ir-measures", "regex", "rouge-score", "sacrebleu", "bert-score", "torch",
    "transformers",
)  # fmt: skip


def evaluate(results: Results, data: Dataset, label: str, bench: Bench) -> None:
    """Notes measures and comparisons of what the files of a dataset hold: every start sees the same.

    They are finished when their record is there and is of the same rankings, answers, judgments, measures and
    versions, and the values by query are what it says. The record is written after the values, both whole or not at
    all. `results.evaluated` gets the key.

    A judge that fails leaves its measures without values and with the reason, in `results.unmeasured`; then they are
    not finished, and the next start asks it again.

    Args:
        bench: the models that measures ask.

    Raises:
        BadInput: a measure cannot be computed.
    """
    key = _key(results, data, label)
    record = _record(results.folder, label, key)
    if record is None:
        _compute(results, data, label, bench)
        write_csv(results, label)
        if not results.unmeasured[label]:
            _write_record(results, label, key)
    else:
        results.unmeasured[label] = {}
        _take_over(results, label, record)
    results.evaluated[label] = key


def csv_file(folder: Path, label: str) -> Path:
    """Where the values of every query are."""
    return folder / "per-query" / f"{label}.csv"


def record_file(folder: Path, label: str) -> Path:
    """Where it is written that they are all there, with means and comparisons."""
    return folder / "per-query" / f"{label}.json"


def _key(results: Results, data: Dataset, label: str) -> str:
    """What the measures of a dataset's systems depend on, as one fingerprint."""
    about, readings = results.datasets[label], results.readings[label]
    ranked = [[s, cell["sha256"], readings.get(s, {}).get("sha256", "")] for s, cell in results.cells[label].items()]
    judged = [about["corpus"], about["queries"], about["judgments"], about["rel"], sorted(data.answers.items())]
    said = {k: v for k, v in results.experiment.as_dict().items() if k not in {"name", "datasets", "systems"}}
    asks = results.experiment.judges.behind(Revisions())
    about_questions = [[q.id, repr(q.metadata)] for q in data.queries.queries] if readings else []
    return value_hash([ranked, judged, said, versions(*LIBRARIES), asks, about_questions])


def _record(folder: Path, label: str, key: str) -> Record | None:
    """The record of an earlier start, or None where there is work to do."""
    found = recorded(record_file(folder, label))
    values = csv_file(folder, label)
    same = found.get("key") == key and values.is_file()
    return found if same and found.get("sha256") == file_hash(values) else None


def _compute(results: Results, data: Dataset, label: str, bench: Bench) -> None:
    experiment, wanted = results.experiment, results.experiment.wanted
    corpus = data.corpus if wanted.passages else None
    found = {}
    for system in results.cells[label]:
        run = read_run(results.folder / "runs" / label / f"{system}.trec", corpus=corpus)
        run = run if len(run) else data.queries  # a file without a line: nothing was found for any of them
        judged = partial(bench.measured, (label, system))
        found[system] = measured(wanted, data, run, results.answers.get(label, {}).get(system), judged)
    results.unmeasured[label] = bench.failed.get(label, {})
    results.scores[label] = {system: joined(parts) for system, parts in found.items()}
    baseline, how = experiment.baseline, experiment.comparing
    results.comparisons[label] = compared(found, baseline, wanted.of_rankings, how)
    results.answer_comparisons[label] = compared(found, baseline, wanted.answers, how)


def _write_record(results: Results, label: str, key: str) -> None:
    scores = results.scores[label]
    record = {
        "key": key,
        "sha256": file_hash(csv_file(results.folder, label)),
        "means": {s: {m: None if isnan(v) else v for m, v in one.items()} for s, one in scores.items()},
        "reasons": {system: one.reasons for system, one in scores.items() if one.reasons},
        "counts": {system: dict(one.counts) for system, one in scores.items() if one.counts},
        "comparisons": [
            one and one.as_dict() for one in (results.comparisons[label], results.answer_comparisons[label])
        ],
    }
    with writing(record_file(results.folder, label)) as file:
        json.dump(record, file, ensure_ascii=False, indent=1, allow_nan=False)


def _take_over(results: Results, label: str, record: Record) -> None:
    """Notes what an earlier start found."""
    values = _values(csv_file(results.folder, label))
    results.scores[label] = {
        system: Evaluation(
            means={measure: nan if mean is None else mean for measure, mean in means.items()},
            per_query={m: {query: row[m] for query, row in values[system].items()} for m in means},
            queries=tuple(values[system]),
            reasons=record["reasons"].get(system, {}),
            counts=record["counts"].get(system, {}),
        )
        for system, means in record["means"].items()
    }
    results.comparisons[label], results.answer_comparisons[label] = (
        one and Comparison.from_dict(one) for one in record["comparisons"]
    )


def write_csv(results: Results, label: str) -> None:
    """Writes every query's value of every measure: system, query, and one column for each measure."""
    scores = results.scores[label]
    measures = list(dict.fromkeys(measure for found in scores.values() for measure in found))
    with writing(csv_file(results.folder, label)) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["system", "query", *measures])
        for system, found in scores.items():
            for query in found.queries:
                rows.writerow([system, query, *(_written(found, measure, query) for measure in measures)])


def _written(found: Evaluation, measure: str, query: str) -> str:
    """A query's value in full; "" where it has none."""
    value = found.per_query[measure][query] if measure in found else nan
    return "" if isnan(value) else repr(float(value))


def _values(path: Path) -> dict[str, dict[str, dict[str, float]]]:
    """System -> query -> measure -> value, as `write_csv` wrote them; NaN where it wrote none."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    with reading(path) as file:
        (_, _, *measures), *rows = csv.reader(file)
    for system, query, *values in rows:
        numbers = (float(text) if text else nan for text in values)
        found.setdefault(system, {})[query] = dict(zip(measures, numbers, strict=True))
    return found
