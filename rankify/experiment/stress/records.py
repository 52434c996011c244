"""What was found in each trial, kept so that a start after a kill goes on where the last one stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import isnan
from pathlib import Path
from typing import Any

from rankify.errors import BadInput
from rankify.evaluation import Evaluation, evaluate
from rankify.evaluation.robustness import Target
from rankify.experiment.hashes import file_hash, value_hash
from rankify.experiment.parts import file_name
from rankify.experiment.records import recorded
from rankify.experiment.stress.bench import Bench
from rankify.experiment.stress.plan import Plan, Trial
from rankify.io.files import writing
from rankify.io.trec import write_run
from rankify.text.perturbations import DocumentPerturbation, QueryPerturbation
from rankify.types import Run

RANKS = "none where cut off"  # how ranks are kept; records that keep them otherwise are made anew


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a trial found.

    Attributes:
        evaluation: the measures of what the pipeline found.
        changed: how many queries or documents are other ones than before.
        texts: the changed queries; none where documents were changed.
        targets: the documents that were attacked.
    """

    evaluation: Evaluation
    changed: int = 0
    texts: Mapping[str, str]
    targets: tuple[Target, ...] = ()


class Records:
    """The trials' records in a folder, each whole or not there.

    Args:
        folder: where the results are.
        about: what every trial depends on: the collection, and the versions and models behind the pipeline.
    """

    def __init__(self, folder: Path, plan: Plan, about: Mapping[str, Any]) -> None:
        self.folder, self.plan, self.about = folder, plan, about

    @property
    def original(self) -> Path:
        """The run file of the texts as they are."""
        return self.folder / "original.trec"

    def file(self, trial: Trial) -> Path:
        """Where a trial's record is."""
        return self.folder / "records" / f"{file_name(trial.label)}.{trial.seed}.json"

    def key(self, trial: Trial) -> str:
        """What a trial depends on, as one fingerprint."""
        one = trial.perturbation
        files = [file_hash(Path(file)) for file in one.files] if one else []
        targets = [self.plan.targets, RANKS] if isinstance(one, DocumentPerturbation) else 0
        return value_hash(
            [self.plan.pipeline, *sorted(self.about.items()), self.plan.measures, self.plan.rel, trial.label,
             trial.seed, files, targets]
        )  # fmt: skip

    def known(self, trial: Trial) -> Found | None:
        """What a trial found, if that is kept and nothing that it depends on has changed."""
        kept = recorded(self.file(trial))
        if kept.get("key") != self.key(trial) or kept.get("run") != self._run_hash(trial):
            return None
        targets = tuple(Target(**target) for target in kept["targets"])
        evaluation = Evaluation(
            means=kept["means"], per_query=kept["per_query"], queries=tuple(kept["queries"]),
        )  # fmt: skip
        return Found(evaluation=evaluation, changed=kept["changed"], texts=kept["texts"], targets=targets)

    def _run_hash(self, trial: Trial) -> str:
        return file_hash(self.original) if not trial.perturbation and self.original.is_file() else ""

    def finish(self, trial: Trial, bench: Bench) -> Found:
        """Searches, reranks and measures; writes the record, and the run of the original before it."""
        found = self._found(trial, bench)
        evaluation = found.evaluation
        record = {
            "key": self.key(trial), "perturbation": trial.label, "seed": trial.seed, "run": self._run_hash(trial),
            "changed": found.changed, "means": dict(evaluation), "queries": evaluation.queries,
            "per_query": evaluation.per_query, "texts": dict(found.texts),
            "targets": [asdict(target) for target in found.targets],
        }  # fmt: skip
        with writing(self.file(trial)) as file:
            json.dump(record, file, ensure_ascii=False, indent=1)
        return found

    def _found(self, trial: Trial, bench: Bench) -> Found:
        one = trial.perturbation
        if isinstance(one, QueryPerturbation):
            run, asked = bench.asked(one, trial.seed)
            changed = sum(a.text != b.text for a, b in zip(asked, bench.queries.queries, strict=True))
            return Found(evaluation=self._measured(run, bench), changed=changed, texts={q.id: q.text for q in asked})
        if isinstance(one, DocumentPerturbation):
            run, changed, targets = bench.attacked(one, trial.seed)
            return Found(evaluation=self._measured(run, bench), changed=changed, texts={}, targets=tuple(targets))
        run = bench.found()
        write_run(run, self.original)
        return Found(evaluation=self._measured(run, bench), texts={q.id: q.text for q in run.queries})

    def _measured(self, run: Run, bench: Bench) -> Evaluation:
        found = evaluate(run, bench.data.qrels, self.plan.measures, rel=self.plan.rel)
        for measure, values in found.per_query.items():
            if query := next((query for query, value in values.items() if isnan(value)), None):
                raise BadInput(f"{measure} has no value for query {query!r}, so it cannot be compared; leave it out")
        return found
