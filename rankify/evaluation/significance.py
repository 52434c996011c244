"""Whether systems differ: paired tests over queries, corrected for how many were made, with effect sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadInput, UnknownName, needs
from rankify.evaluation.comparison import Comparison, Difference
from rankify.evaluation.ranking import Plain, evaluate
from rankify.evaluation.scores import Evaluation
from rankify.types import Qrels, Run

Values = NDArray[np.float64]
Test = Literal["t-test", "randomisation"]

_CORRECTIONS = ("holm", "bonferroni", "sidak", "holm-sidak", "hommel", "fdr_bh", "fdr_by", "none")
_CELLS = 2_000_000  # numbers in memory at a time while resampling


def compare(
    runs: Mapping[str, Run | Plain | Evaluation],
    qrels: Qrels | Mapping[str, Mapping[str, int]] | None = None,
    measures: str | Iterable[object] = "nDCG@10 RR@10 R@100 AP",
    *,
    baseline: str | None = None,
    rel: int = 1,
    alpha: float = 0.05,
    correction: str = "holm",
    decided_by: Test = "t-test",
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Systems side by side, with the significance of their differences over the same queries.

    Two tests, both two-sided and paired: Student's t-test, and Fisher's randomisation test (every assignment of signs
    when there are no more of them than `resamples`, otherwise a seeded sample). The p values are corrected over the
    family of all comparisons on one measure: systems against the baseline, or all pairs. The interval is the BCa
    bootstrap's for the mean difference, at level 1 - alpha, not corrected. A pair's figures do not depend on which
    other systems are compared, except for the correction.

    Smucker, Allan and Carterette, CIKM 2007, for the tests; Urbano, Lima and Hanjalic, SIGIR 2019, for the t-test as
    the one that decides by default; Sakai, SIGIR Forum 48(1), 2014, for effect sizes and intervals beside p.

    Args:
        runs: runs by name, two or more; or what `evaluate` or `evaluate_answers` returned for each.
        qrels: the judgments; not needed when all are evaluations.
        measures: as in `evaluate`; evaluations are compared on those they all have.
        baseline: the name of the run that the others are compared with; without it all pairs are.
        rel: as in `evaluate`.
        alpha: level of significance.
        correction: a method of statsmodels' `multipletests`, or "none".
        decided_by: the test whose corrected p decides, "t-test" or "randomisation".
        resamples: at most this many assignments of signs, and this many bootstrap samples.
        seed: of the resampling.

    Raises:
        BadInput: fewer than two runs or two queries, evaluations over different queries, or a measure that is not
            defined for every query.
        UnknownName: no run has the baseline's name, or the correction is unknown.
        MissingExtra: scipy or statsmodels is not installed.
    """
    _check(runs, baseline, alpha, correction, decided_by)
    scores = {name: _evaluated(name, run, qrels, measures, rel) for name, run in runs.items()}
    shared = _shared_measures(scores)
    queries = _shared_queries(scores)
    pairs = list(combinations(runs, 2)) if baseline is None else [(r, baseline) for r in runs if r != baseline]
    differences: list[Difference] = []
    for measure in shared:
        values = {name: _values(name, one, measure) for name, one in scores.items()}
        tested = [_tested(measure, a, b, values[a], values[b], alpha, resamples, seed) for a, b in pairs]
        differences += _corrected(tested, alpha, correction, decided_by)
    return Comparison(
        means={name: {m: one[m] for m in shared} for name, one in scores.items()},
        differences=tuple(differences),
        baseline=baseline,
        queries=queries,
        alpha=alpha,
        correction=correction,
        decided_by=decided_by,
    )


def _check(runs: Mapping[str, object], baseline: str | None, alpha: float, correction: str, decided_by: str) -> None:
    if len(runs) < 2:
        raise BadInput(f"comparing takes two runs or more, not {len(runs)}")
    if baseline is not None and baseline not in runs:
        raise UnknownName.among("run", baseline, runs)
    if correction not in _CORRECTIONS:
        raise UnknownName.among("correction", correction, _CORRECTIONS)
    if decided_by not in ("t-test", "randomisation"):
        raise UnknownName.among("test", decided_by, ("t-test", "randomisation"))
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
    gaps = np.round(ours - theirs, 12)  # 0.1 + 0.2 - 0.3 is a tie
    low, high = _interval(gaps, alpha, resamples, seed)
    t_test, randomisation = _t_test(gaps), _randomisation(gaps, resamples, seed)
    return Difference(
        measure=measure,
        system=system,
        against=against,
        difference=float(gaps.mean()),
        low=low,
        high=high,
        effect_size=_effect_size(gaps),
        wins=int((gaps > 0).sum()),
        ties=int((gaps == 0).sum()),
        losses=int((gaps < 0).sum()),
        t_test=t_test,
        t_test_corrected=t_test,
        randomisation=randomisation,
        randomisation_corrected=randomisation,
        significant=False,
    )


def _t_test(gaps: Values) -> float:
    """p of the paired t-test; without variance there is no doubt: 1 for no difference, 0 for the same everywhere."""
    if not np.ptp(gaps):
        return float(gaps[0] == 0)
    return float(needs("scipy.stats", "stats").ttest_1samp(gaps, 0).pvalue)


def _randomisation(gaps: Values, resamples: int, seed: int) -> float:
    """p of Fisher's randomisation test of the mean; queries without a difference change nothing and are left out."""
    gaps = gaps[gaps != 0]
    if len(gaps) < 2:
        return 1.0  # either sign is as far from 0
    result = needs("scipy.stats", "stats").permutation_test(
        (gaps,),
        np.mean,
        permutation_type="samples",
        n_resamples=resamples,
        batch=max(1, _CELLS // len(gaps)),
        vectorized=True,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def _interval(gaps: Values, alpha: float, resamples: int, seed: int) -> tuple[float, float]:
    """The bootstrap interval of the mean (BCa)."""
    if not np.ptp(gaps):
        return float(gaps[0]), float(gaps[0])
    found = needs("scipy.stats", "stats").bootstrap(
        (gaps,),
        np.mean,
        confidence_level=1 - alpha,
        n_resamples=resamples,
        batch=max(1, _CELLS // len(gaps)),
        vectorized=True,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _effect_size(gaps: Values) -> float:
    if not np.ptp(gaps):
        return float(np.sign(gaps[0]) * np.inf) if gaps[0] else 0.0
    return float(gaps.mean() / gaps.std(ddof=1))


def _corrected(tested: Sequence[Difference], alpha: float, correction: str, decided_by: Test) -> list[Difference]:
    """The differences on one measure with p values corrected for their number."""
    t_tests = _adjust([d.t_test for d in tested], correction)
    randomisations = _adjust([d.randomisation for d in tested], correction)
    return [
        replace(
            d, t_test_corrected=t, randomisation_corrected=r, significant=(t if decided_by == "t-test" else r) <= alpha
        )
        for d, t, r in zip(tested, t_tests, randomisations, strict=True)
    ]


def _adjust(p_values: list[float], correction: str) -> list[float]:
    # of one alone every correction is itself, and statsmodels collects garbage whenever it is asked
    if correction == "none" or len(p_values) == 1:
        return p_values
    multitest = needs("statsmodels.stats.multitest", "stats")
    adjusted: list[float] = multitest.multipletests(p_values, method=correction)[1].tolist()
    return adjusted
