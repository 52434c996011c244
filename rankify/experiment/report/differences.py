"""How far each query of a system is above or below the baseline."""

from __future__ import annotations

from math import isnan

from rankify.evaluation.names import better
from rankify.experiment.results import Results


def differences(results: Results, label: str, system: str, measure: str) -> dict[str, float]:
    """A system's value less the baseline's, of each query that has both, the greatest first; ties by the query's id."""
    base = results.scores[label][results.experiment.baseline].per_query[measure]
    own = results.scores[label][system].per_query[measure]
    both = {query: float(own[query]) - float(base[query]) for query in own if query in base}
    return dict(sorted(((q, d) for q, d in both.items() if not isnan(d)), key=lambda one: (-one[1], one[0])))


def first_measure(results: Results) -> str | None:
    """The measure that plots show, the first of rankings of which more is better; None where there is none."""
    return next((name for name in results.experiment.wanted.of_rankings if better(name) == "more"), None)


def compared(results: Results, label: str) -> list[str]:
    """The systems that can be compared with the baseline by the first measure, in the experiment's order."""
    measure, scores = first_measure(results), results.scores[label]
    having = [
        system for system in scores if measure and measure in scores[system] and not isnan(scores[system][measure])
    ]
    return [
        system for system in having if system != results.experiment.baseline and results.experiment.baseline in having
    ]
