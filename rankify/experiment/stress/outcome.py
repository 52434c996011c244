"""What a pipeline has left under stress: each measure by perturbation, and how attacks went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from math import isfinite
from typing import Any

from rankify.evaluation import Comparison, Evaluation, compare
from rankify.evaluation.robustness import (
    Success,
    averaged,
    drop,
    normalised_variance,
    success,
    variance_per_query,
    worst_mean,
)
from rankify.experiment.stress.plan import Plan, Trial
from rankify.experiment.stress.records import Found

ORIGINAL = "original"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measure under one perturbation.

    Attributes:
        mean: over queries and seeds; `original` is that of the texts as they are.
        drop: mean - original.
        drop_rate: drop / original; None where that is 0, for the `reason`.
        variance: over the original and its variants, of each query; the mean of these.
        worst: the mean of the worst tenth of the queries, each by its mean over seeds.
        normalised_variance: over queries, of the values divided by their mean; None where that is 0.
        p: of the test that decides, corrected for the number of perturbations; None where nothing was tested.
    """

    perturbation: str
    measure: str
    original: float
    mean: float
    drop: float
    drop_rate: float | None
    reason: str
    variance: float
    worst: float
    normalised_variance: float | None
    p: float | None
    significant: bool


@dataclass(kw_only=True)
class Outcome:
    """Everything that was found, by perturbation.

    Attributes:
        plan: what was done.
        about: the collection: name, counts and hashes.
        original: what was found for the texts as they are.
        found: for each perturbation, what was found under each seed.
    """

    plan: Plan
    about: Mapping[str, Any]
    original: Found
    found: dict[str, list[Found]] = field(default_factory=dict)

    def note(self, trial: Trial, found: Found) -> None:
        """Takes up what a perturbed trial found."""
        self.found.setdefault(trial.label, []).append(found)

    @cached_property
    def means(self) -> dict[str, Evaluation]:
        """The original, and each perturbation's evaluation, each query's values averaged over seeds."""
        variants = {label: averaged([one.evaluation for one in found]) for label, found in self.found.items()}
        return {ORIGINAL: self.original.evaluation, **variants}

    @cached_property
    def comparison(self) -> Comparison | None:
        """Each perturbation against the original; None where there is a single query."""
        if len(self.original.evaluation.queries) < 2:
            return None
        return compare(self.means, baseline=ORIGINAL)

    def rows(self, measure: str) -> list[Row]:
        """One measure, first of the original and then of each perturbation."""
        return [self._row(label, measure) for label in self.means]

    def _row(self, label: str, measure: str) -> Row:
        before, after = self.original.evaluation, self.means[label]
        variants = [before.per_query[measure], *(f.evaluation.per_query[measure] for f in self.found.get(label, []))]
        spread = variance_per_query(variants)
        lost = drop(before[measure], after[measure])
        p, significant = self._tested(label, measure)
        return Row(
            perturbation=label, measure=measure, original=before[measure], mean=after[measure], drop=lost.absolute,
            drop_rate=_finite(lost.rate), reason=lost.reason, variance=sum(spread.values()) / len(spread),
            worst=worst_mean(after.per_query[measure]),
            normalised_variance=_finite(normalised_variance(after.per_query[measure])), p=p, significant=significant,
        )  # fmt: skip

    def _tested(self, label: str, measure: str) -> tuple[float | None, bool]:
        if self.comparison is None or label == ORIGINAL:
            return None, False
        [found] = [d for d in self.comparison.differences if (d.system, d.measure) == (label, measure)]
        return found.p(self.comparison.decided_by), found.significant

    @property
    def attacks(self) -> dict[str, Success]:
        """How each perturbation that has targets went, over all seeds."""
        aims = {label: [target for one in found for target in one.targets] for label, found in self.found.items()}
        return {label: success(targets, self.plan.top) for label, targets in aims.items() if targets}

    def changed(self, label: str) -> float:
        """How many queries or documents a perturbation changed, on average over seeds."""
        found = self.found[label]
        return sum(one.changed for one in found) / len(found)

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it; what has no value is None."""
        plan = self.plan
        return {
            "pipeline": plan.pipeline,
            "dataset": dict(self.about),
            "seeds": plan.seeds,
            "targets": plan.targets,
            "top": plan.top,
            "rel": plan.rel,
            "queries": len(self.original.evaluation.queries),
            "changed": {label: self.changed(label) for label in self.found},
            "measures": {measure: _plain(self.rows(measure)) for measure in plan.measures},
            "attacks": {label: _plain([one])[0] for label, one in self.attacks.items()},
        }


def _plain(rows: Sequence[Row | Success]) -> list[dict[str, Any]]:
    return [{k: None if isinstance(v, float) and not isfinite(v) else v for k, v in asdict(r).items()} for r in rows]


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
