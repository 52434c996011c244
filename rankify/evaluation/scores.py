"""What an evaluation returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rankify.errors import UnknownName
from rankify.evaluation.printed import table


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Evaluation(Mapping[str, float]):
    """Measures of a run, or of answers: a mapping from a measure's name to its mean.

    Attributes:
        means: what the mapping holds.
        per_query: for each measure, each query's value; NaN where a measure is not defined, e.g. Accuracy where
            nothing relevant was found.
        queries: the queries that count, in the order of the judgments (or gold answers).
        missing: those of them that the run has nothing for; they count 0.
        unjudged: queries of the run that nobody judged; they do not count.
        reasons: for each measure of answers, why it has no value (NaN) for a question; such a value is in no mean.
        counts: what a language model was asked for the measures, and what that took.
    """

    means: Mapping[str, float]
    per_query: Mapping[str, Mapping[str, float]]
    queries: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)

    def __getitem__(self, measure: str) -> float:
        if measure not in self.means:
            raise UnknownName.among("measure in this evaluation", measure, self.means)
        return self.means[measure]

    def __contains__(self, measure: object) -> bool:
        return measure in self.means

    def __iter__(self) -> Iterator[str]:
        return iter(self.means)

    def __len__(self) -> int:
        return len(self.means)

    def __str__(self) -> str:
        rows = [[measure, f"{mean:.4f}"] for measure, mean in self.means.items()]
        return f"{table(['measure', 'mean'], rows)}\n{self._counted()}"

    def _counted(self) -> str:
        said = [f"{len(self.queries)} queries"]
        if self.missing:
            said.append(f"{len(self.missing)} of them without results, which count 0")
        if self.unjudged:
            said.append(f"{len(self.unjudged)} more without judgments, which do not count")
        for measure, why in self.reasons.items():
            query, reason = next(iter(why.items()))
            said.append(f"{measure} is not known of {len(why)}, e.g. of {query!r}: {reason}")
        return "; ".join(said)

    def __repr__(self) -> str:
        return (
            f"<Evaluation of {len(self.queries)} queries: " + ", ".join(f"{k} {v:.4f}" for k, v in self.items()) + ">"
        )
