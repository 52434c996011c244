"""Whether systems differ: paired tests over queries, corrected for how many were made, with effect sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation import effects, paired
from rankify.evaluation.comparison import ITSELF, TESTS, Comparison, Difference
from rankify.evaluation.corrections import CORRECTIONS, corrected
from rankify.evaluation.paired import Values
from rankify.evaluation.ranking import Plain, evaluate
from rankify.evaluation.scores import Evaluation
from rankify.evaluation.tukey import Pairs, randomised_tukey_hsd, tukey_hsd
from rankify.types import Qrels, Run

Test = Literal["t-test", "wilcoxon", "randomisation", "tukey-hsd", "randomised-tukey-hsd"]


def compare(
    runs: Mapping[str, Run | Plain | Evaluation],
    qrels: Qrels | Mapping[str, Mapping[str, int]] | None = None,
    measures: str | Iterable[object] = "nDCG@10 RR@10 R@100 AP",
    *,
    baseline: str | None = None,
    rel: int = 1,
    alpha: float = 0.05,
    correction: str | None = None,
    decided_by: Test = "t-test",
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Systems side by side, with the significance of their differences over the same queries.

    Three tests of each pair, all two-sided and paired: Student's t-test, Wilcoxon's signed-rank test, and Fisher's
    randomisation test (every assignment of signs when there are no more of them than `resamples`, otherwise a seeded
    sample). The p values are corrected over the family of all comparisons on one measure: systems against the
    baseline, or all pairs. Tukey's HSD, where it decides, is one test of all pairs with queries as blocks and corrects
    for them itself, from an analysis of variance or by randomisation. The interval is the BCa bootstrap's for the mean
    difference, at level 1 - alpha, not corrected. A pair's figures do not depend on which other systems are compared,
    except for the correction and Tukey's HSD.

    Smucker, Allan and Carterette, CIKM 2007, for the tests; Urbano, Lima and Hanjalic, SIGIR 2019, for the t-test as
    the one that decides by default; Carterette, ACM TOIS 30(1), 2012, for Tukey's HSD over queries as blocks; Sakai,
    SIGIR Forum 48(1), 2014, for effect sizes and intervals beside p.

    Args:
        runs: runs by name, two or more; or what `evaluate` or `evaluate_answers` returned for each.
        qrels: the judgments; not needed when all are evaluations.
        measures: as in `evaluate`; evaluations are compared on those they all have.
        baseline: the name of the run that the others are compared with; without it all pairs are.
        rel: as in `evaluate`.
        alpha: level of significance.
        correction: one of `corrections.CORRECTIONS`, among them "none"; Holm's if not given. Not beside Tukey's HSD,
            where the p values of the other tests are Holm's.
        decided_by: the test whose corrected p decides: "t-test", "wilcoxon", "randomisation", "tukey-hsd" or
            "randomised-tukey-hsd"; the last two are computed only when asked for.
        resamples: at most this many assignments of signs, this many deals, and this many bootstrap samples.
        seed: of the resampling.

    Raises:
        BadInput: fewer than two runs or two queries, evaluations over different queries, or a measure that is not
            defined for every query.
        Misuse: a correction is given of Tukey's HSD.
        UnknownName: no run has the baseline's name, or the correction or the test is unknown.
        MissingExtra: scipy is not installed.
    """
    _check(runs, baseline, alpha, correction, decided_by)
    method = "holm" if correction is None else correction
    scores = {name: _evaluated(name, run, qrels, measures, rel) for name, run in runs.items()}
    shared = _shared_measures(scores)
    queries = _shared_queries(scores)
    pairs = list(combinations(runs, 2)) if baseline is None else [(r, baseline) for r in runs if r != baseline]
    differences: list[Difference] = []
    for measure in shared:
        values = {name: _values(name, one, measure) for name, one in scores.items()}
        tested = [_tested(measure, a, b, values[a], values[b], alpha, resamples, seed) for a, b in pairs]
        at_once = _at_once(values, decided_by, resamples, seed)
        differences += _corrected(tested, at_once, alpha, method, decided_by)
    return Comparison(
        means={name: {m: one[m] for m in shared} for name, one in scores.items()},
        differences=tuple(differences),
        baseline=baseline,
        queries=queries,
        alpha=alpha,
        correction=method,
        decided_by=decided_by,
    )


def _check(
    runs: Mapping[str, object], baseline: str | None, alpha: float, correction: str | None, decided_by: str
) -> None:  # fmt: skip
    if len(runs) < 2:
        raise BadInput(f"comparing takes two runs or more, not {len(runs)}")
    if baseline is not None and baseline not in runs:
        raise UnknownName.among("run", baseline, runs)
    if correction is not None and correction not in CORRECTIONS:
        raise UnknownName.among("correction", str(correction), CORRECTIONS)
    if decided_by not in TESTS:
        raise UnknownName.among("test", str(decided_by), TESTS)
    if correction is not None and decided_by in ITSELF:
        raise Misuse(f"correction {correction!r}: {decided_by} corrects for all pairs itself; leave it out")
    if not 0 < alpha < 1:
        raise BadInput(f"alpha is a probability between 0 and 1, e.g. 0.05, not {alpha!r}")


def _evaluated(name: str, run: Any, qrels: Any, measures: Any, rel: int) -> Evaluation:
    if isinstance(run, Evaluation):
        return run
    if qrels is None:
        raise BadInput(f"run {name!r} cannot be compared without judgments: compare(runs, qrels)")
    return evaluate(run, qrels, measures, rel=rel)


def _shared_measures(scores: Mapping[str, Evaluation]) -> list[str]:
    first = next(iter(scores.values()))
    shared = [m for m in first if all(m in other for other in scores.values())]
    if not shared:
        raise BadInput("the evaluations have no measure in common")
    return shared


def _shared_queries(scores: Mapping[str, Evaluation]) -> int:
    (name, first), *others = scores.items()
    for other, evaluation in others:
        if apart := {*first.queries} ^ {*evaluation.queries}:
            raise BadInput(f"{name!r} and {other!r} were evaluated on different queries, e.g. {min(apart)!r}")
    if len(first.queries) < 2:
        raise BadInput("a paired test takes two queries or more")
    return len(first.queries)


def _values(name: str, scores: Evaluation, measure: str) -> Values:
    values = np.array([scores.per_query[measure][q] for q in sorted(scores.queries)])
    if np.isnan(values).any():
        raise BadInput(f"{measure} is not defined for every query of {name!r}, so it cannot be compared by query")
    return values


def _tested(
    measure: str, system: str, against: str, ours: Values, theirs: Values, alpha: float, resamples: int, seed: int
) -> Difference:
    """One pair's figures; p values not corrected yet."""
    gaps = paired.gaps_of(ours, theirs)
    low, high = paired.interval(gaps, alpha, resamples, seed)
    t_test, wilcoxon = paired.t_test(gaps), paired.wilcoxon(gaps)
    randomisation = paired.randomisation(gaps, resamples, seed)
    return Difference(
        measure=measure,
        system=system,
        against=against,
        difference=float(gaps.mean()),
        low=low,
        high=high,
        deviation=float(gaps.std(ddof=1)) if np.ptp(gaps) else 0.0,
        effect_size=effects.standardised(gaps),
        glass_delta=effects.glass_delta(ours, theirs),
        cliffs_delta=effects.cliffs_delta(ours, theirs),
        wins=int((gaps > 0).sum()),
        ties=int((gaps == 0).sum()),
        losses=int((gaps < 0).sum()),
        t_test=t_test,
        t_test_corrected=t_test,
        wilcoxon=wilcoxon,
        wilcoxon_corrected=wilcoxon,
        randomisation=randomisation,
        randomisation_corrected=randomisation,
        tukey_hsd=None,
        significant=False,
    )


def _at_once(values: Mapping[str, Values], decided_by: Test, resamples: int, seed: int) -> Pairs | None:
    """p of all pairs by Tukey's HSD, where it decides."""
    if decided_by == "tukey-hsd":
        return tukey_hsd(values)
    return randomised_tukey_hsd(values, resamples, seed) if decided_by == "randomised-tukey-hsd" else None


def _corrected(
    tested: Sequence[Difference], at_once: Pairs | None, alpha: float, correction: str, decided_by: Test
) -> list[Difference]:
    """The differences on one measure with p values corrected for their number."""
    p = {
        test: corrected([d.p(test, corrected=False) for d in tested], correction)
        for test in ("t-test", "wilcoxon", "randomisation")
    }
    found = [
        replace(
            d,
            t_test_corrected=p["t-test"][place],
            wilcoxon_corrected=p["wilcoxon"][place],
            randomisation_corrected=p["randomisation"][place],
            tukey_hsd=at_once[d.system, d.against] if at_once else None,
        )
        for place, d in enumerate(tested)
    ]
    return [replace(d, significant=d.p(decided_by) <= alpha) for d in found]
