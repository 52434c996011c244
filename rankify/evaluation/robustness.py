"""How much of a system's effectiveness is left when queries or documents change, and how often an attack succeeds.

Wu et al., Are Neural Ranking Models Robust?, arXiv:2108.05018: variance over queries, drop rates, attack
success. Liu et al., Robust Neural Information Retrieval, arXiv:2407.06992, for the terms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, isnan, nan

import numpy as np

from rankify.errors import BadInput
from rankify.evaluation.scores import Evaluation

Values = Mapping[str, float]
WORST = 0.1  # the share of queries that the worst are


@dataclass(frozen=True, slots=True)
class Drop:
    """What a measure loses between two conditions.

    Attributes:
        absolute: the mean after, less the mean before; negative for a loss.
        rate: the same as a share of the mean before; NaN where that is 0.
        reason: why there is no rate, or "".
    """

    absolute: float
    rate: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """A document that an attack wants to move up, and its ranks, from 1, before and after; None where it is cut off."""

    query: str
    document: str
    before: int | None
    after: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Success:
    """How an attack went.

    Attributes:
        rate: the share of the targets outside the best k before that are among them after; NaN where all were inside.
        attacked: how many targets there are; `outside` of them were not among the best k before.
        promoted: how many of those are among the best k after.
        ranked: how many of all targets have a rank before and after.
        rank_change: by how many ranks these moved on average; positive is up, NaN where there are none.
        reason: why there is no rate, or "".
    """

    rate: float
    attacked: int
    outside: int
    promoted: int
    ranked: int
    rank_change: float
    reason: str = ""


def drop(before: float, after: float) -> Drop:
    """The absolute and the relative change of a mean: after - before, and (after - before) / before.

    The drop rate of arXiv:2108.05018 between two conditions, such as queries and queries with typos, or the judgments
    of two collections.

    >>> drop(0.8, 0.6).rate, drop(0.0, 0.3)
    (-0.25000000000000006, Drop(absolute=0.3, rate=nan, reason='the measure is 0 before, of which nothing is a share'))
    """
    if before == 0:
        return Drop(after - before, nan, "the measure is 0 before, of which nothing is a share")
    return Drop(after - before, (after - before) / before)


def drops(before: Evaluation, after: Evaluation) -> dict[str, Drop]:
    """The drop of each measure that two evaluations share; their queries may be other ones.

    Raises:
        BadInput: they share none.
    """
    shared = [measure for measure in before if measure in after]
    if not shared:
        raise BadInput("the evaluations have no measure in common")
    return {measure: drop(before[measure], after[measure]) for measure in shared}


def averaged(variants: Sequence[Evaluation]) -> Evaluation:
    """Each query's mean over several variants, and the means of these; a measure keeps its own way to one number.

    Raises:
        BadInput: there is no variant, or they are of different queries or measures.
    """
    _refuse_others([one.queries for one in variants], [tuple(one) for one in variants])
    first = variants[0]
    return Evaluation(
        means={measure: _mean([one[measure] for one in variants]) for measure in first},
        per_query={
            measure: {query: _mean([one.per_query[measure][query] for one in variants]) for query in values}
            for measure, values in first.per_query.items()
        },
        queries=first.queries,
    )


def _refuse_others(queries: Sequence[tuple[str, ...]], measures: Sequence[tuple[str, ...]]) -> None:
    if not queries:
        raise BadInput("there is no variant to be averaged")
    if len(set(queries)) > 1:
        raise BadInput("the variants were evaluated on different queries")
    if len(set(measures)) > 1:
        raise BadInput("the variants were evaluated by different measures")


def variance_per_query(variants: Sequence[Values]) -> dict[str, float]:
    """Each query's variance over its variants: the mean squared distance from the mean of all of them.

    The variants are the whole population, so it is divided by their number. It says how much a user's wording matters;
    as in studies of query variations (Zuccon, Palotti and Hanbury, CIKM 2016), the original is one of the variants.

    Args:
        variants: values by query, of the original and of what it was changed into.

    Raises:
        BadInput: there is no variant, or a query has no value in one of them.

    >>> variance_per_query([{"q": 1.0, "p": 0.5}, {"q": 0.0, "p": 0.5}])
    {'q': 0.25, 'p': 0.0}
    """
    if not variants:
        raise BadInput("there is no variant to have a variance")
    for one in variants:
        if missing := sorted({*variants[0]} ^ {*one}):
            raise BadInput(f"query {missing[0]!r} has no value in one of the variants")
    return {query: _variance([_known(one, query) for one in variants]) for query in variants[0]}


def normalised_variance(values: Values) -> float:
    """The variance over queries of a measure that is divided by its mean; NaN where the mean is 0 or there is no query.

    The variance of arXiv:2108.05018's first task, there of average precision: how unequally a system serves queries.
    Divided by the mean, systems of different effectiveness can be compared: it is the squared coefficient of variation.

    >>> normalised_variance({"q": 1.0, "p": 3.0})
    0.25
    """
    found = np.array([_known(values, query) for query in values])
    if not len(found) or not found.mean():
        return nan
    return float(np.var(found / found.mean()))


def worst_mean(values: Values, share: float = WORST) -> float:
    """The mean of the queries with the lowest values; of a share that is no whole number, one query more.

    Of 25 queries the worst tenth are three. There is at least one; NaN where there is no query.

    Raises:
        BadInput: the share is not above 0 and at most 1.

    >>> worst_mean({"a": 0.1, "b": 0.3, "c": 0.9}, share=0.5)
    0.2
    """
    if not 0 < share <= 1:
        raise BadInput(f"share={share:g}: the worst queries are a share above 0 and at most 1, e.g. 0.1")
    found = np.sort([_known(values, query) for query in values])
    return float(found[: ceil(round(share * len(found), 9))].mean()) if len(found) else nan


def success(targets: Iterable[Target], k: int) -> Success:
    """How many targets an attack brought among the best k that were not there before, and how far they moved.

    A target without a rank is outside the best k, however few documents there are; how far it moved nobody knows.

    Raises:
        BadInput: k is less than 1.

    >>> success([Target("q", "a", 40, 3), Target("q", "b", 30, 31), Target("p", "c", 2, 1)], k=10).rate
    0.5
    """
    if k < 1:
        raise BadInput(f"k={k}: an attack aims at the best k documents, with k from 1 up")
    found = list(targets)
    outside = [target for target in found if not _inside(target.before, k)]
    promoted = sum(_inside(target.after, k) for target in outside)
    moved = [one.before - one.after for one in found if one.before is not None and one.after is not None]
    why = "" if outside else f"every target is among the best {k} before" if found else "there is no target"
    rate = promoted / len(outside) if outside else nan
    return Success(
        rate=rate, attacked=len(found), outside=len(outside), promoted=promoted, ranked=len(moved),
        rank_change=float(np.mean(moved)) if moved else nan, reason=why,
    )  # fmt: skip


def _inside(rank: int | None, k: int) -> bool:
    return rank is not None and rank <= k


def _mean(values: Sequence[float]) -> float:
    """The mean; of equal values it is that value, which adding and dividing may miss by a bit."""
    return float(np.mean(values)) if np.ptp(values) else values[0]


def _variance(values: Sequence[float]) -> float:
    """The variance; of equal values it is 0, likewise."""
    return float(np.var(values)) if np.ptp(values) else 0.0


def _known(values: Values, query: str) -> float:
    if isnan(values[query]):
        raise BadInput(f"the measure is not defined for query {query!r}")
    return values[query]
