"""Measures of rankings, computed by ir-measures on one strict order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isnan, nan
from numbers import Integral
from subprocess import CalledProcessError
from typing import Any

from rankify.errors import BadInput
from rankify.evaluation.as_trec_eval import OWN
from rankify.evaluation.measures import listed, parsed
from rankify.evaluation.scores import Evaluation
from rankify.types import Qrels, Run

Plain = Mapping[str, Mapping[str, float]]
Grades = dict[str, dict[str, int]]

PARTIAL = {"Accuracy"}  # without a value for some queries; beside a measure of another provider ir-measures says 0
_TOGETHER = 64  # queries given to ir-measures at a time: its dictionaries stay small


def evaluate(
    run: Run | Plain,
    qrels: Qrels | Mapping[str, Mapping[str, int]],
    measures: str | Iterable[object] = "nDCG@10 RR@10 R@100 AP",
    *,
    rel: int = 1,
) -> Evaluation:
    """Measures of a run against judgments: means, and each query's values.

    The order of a ranking is what counts, for every measure alike; equal scores cannot change it. A plain mapping
    has no order, so trec_eval's is taken: score descending, document id descending. As with `trec_eval -c`, the mean
    is over the judged queries: one that the run misses counts 0, as does one without relevant documents; queries of
    the run without judgments do not count.

    Args:
        run: rankings, or scores by query id and document id.
        qrels: grades by query id and document id.
        measures: names separated by blanks or commas, or a list of them, as ir-measures writes them.
        rel: the least grade that counts as relevant, for binary measures that do not say it themselves, as AP(rel=2)
            does. TREC Deep Learning uses 2. nDCG is graded and takes no notice.

    Raises:
        UnknownName: a measure does not exist; the message has near ones.
        BadInput: a score is NaN, a grade is no whole number, `rel` is less than 1, no query of the run is judged, or a
            measure cannot be computed.

    >>> scores = evaluate({"q1": {"a": 2.0, "b": 1.0}}, {"q1": {"b": 1}, "q2": {"a": 1}}, "RR@10 R@1")
    >>> scores["RR@10"], scores.per_query["RR@10"]
    (0.25, {'q1': 0.5, 'q2': 0.0})
    >>> print(scores)
    measure    mean
    RR@10    0.2500
    R@1      0.0000
    2 queries; 1 of them without results, which count 0
    """
    if not isinstance(rel, int) or isinstance(rel, bool) or rel < 1:
        raise BadInput(f"rel={rel!r}: the least grade that counts as relevant is a whole number from 1 up")
    wanted = {name: parsed(name, rel) for name in listed(measures)}
    missing = tuple(q for q in qrels if q not in run)
    unjudged = tuple(q for q in _queries(run) if q not in qrels)
    if len(missing) == len(qrels):
        raise BadInput(
            f"none of the {len(run)} queries of the run is among the {len(qrels)} judged{_example(run, qrels)}"
        )
    found: dict[Any, dict[str, float]] = {measure: {} for measure in wanted.values()}
    for queries in _slices(qrels):
        for measure, query, value in _values(found, queries, run, qrels):
            found[measure][query] = value
    per_query = {name: {q: found[measure].get(q, nan) for q in qrels} for name, measure in wanted.items()}
    means = {name: _mean(measure, found[measure].values()) for name, measure in wanted.items()}
    return Evaluation(means=means, per_query=per_query, queries=tuple(qrels), missing=missing, unjudged=unjudged)


def _queries(run: Run | Plain) -> Iterator[str]:
    return (r.query.id for r in run) if isinstance(run, Run) else iter(run)


def _example(run: Run | Plain, qrels: Mapping[str, object]) -> str:
    ids = [next(_queries(run), None), next(iter(qrels), None)]
    return "" if None in ids else f": the run has e.g. {ids[0]!r}, the judgments {ids[1]!r}"


def _slices(queries: Iterable[str]) -> Iterator[list[str]]:
    left = iter(queries)
    while some := list(islice(left, _TOGETHER)):
        yield some


def _mean(measure: Any, values: Iterable[float]) -> float:
    """The measure's own way to one number: a mean, or a sum for counts."""
    aggregate = measure.aggregator()
    for value in values:
        aggregate.add(value)
    return float(aggregate.result())


def _values(
    measures: Iterable[Any], queries: Sequence[str], run: Run | Plain, qrels: Mapping[str, Mapping[str, int]]
) -> Iterator[tuple[Any, str, float]]:
    """Measure, query and value, for some queries.

    Every provider behind ir-measures gets the same strict order, whole numbers n, ..., 2, 1 as scores, under names it
    can neither misread nor sort its own way: queries and documents are called by their places.
    """
    own, others = [], set()
    for measure in measures:
        own.append(measure) if measure.NAME in OWN else others.add(measure)
    grades: Grades = {}
    hits: dict[str, dict[str, int]] = {}
    for number, query in enumerate(queries, 1):
        places = {id: str(place) for place, id in enumerate(ranked(run, query), 1)}
        grades[str(number)] = judged = _placed(query, qrels[query], places)
        if places:
            hits[str(number)] = dict(zip(places.values(), range(len(places), 0, -1), strict=True))
        for measure in own:
            found = [judged.get(place) for place in places.values()]
            yield measure, query, OWN[measure.NAME](measure, found, judged.values())
    partial = {measure for measure in others if measure.NAME in PARTIAL}
    for some in (others - partial, partial):
        for metric in _calculated(some, grades, hits):
            yield metric.measure, queries[int(metric.query_id) - 1], float(metric.value)


def _calculated(measures: set[Any], grades: Grades, hits: Mapping[str, Mapping[str, int]]) -> Iterator[Any]:
    import ir_measures

    if not measures:
        return
    try:
        yield from list(ir_measures.iter_calc(measures, grades, hits))
    except ZeroDivisionError:  # a ratio that some query has not, as Accuracy where all that was found is relevant
        for some, one in _halves(measures, grades):
            yield from _calculated(some, one, {query: hits[query] for query in one if query in hits})
    except ValueError as error:
        raise BadInput(f"ir-measures cannot compute this: {' '.join(str(error).split())}") from None
    except CalledProcessError as error:
        raise BadInput(f"{' or '.join(map(str, measures))} failed in the program that computes it: {error}") from None


def _halves(measures: set[Any], grades: Grades) -> Iterator[tuple[set[Any], Grades]]:
    """The same measures of each query alone, or each measure alone of one query; nothing where it is both already."""
    if len(grades) > 1:
        yield from ((measures, {query: row}) for query, row in grades.items())
    elif len(measures) > 1:
        yield from (({measure}, grades) for measure in measures)


def ranked(run: Run | Plain, query: str) -> list[str]:
    """The documents of a query, best first."""
    if query not in run:
        return []
    if isinstance(run, Run):
        return run[query].ids
    scores = run[query]
    for document, score in scores.items():
        if isnan(score):
            raise BadInput(f"query {query!r}: the score of document {document!r} is NaN")
    return sorted(sorted(scores, reverse=True), key=scores.__getitem__, reverse=True)


def _placed(query: str, grades: Mapping[str, Any], places: Mapping[str, str]) -> dict[str, int]:
    """Grades by the documents' places in the ranking; those that are not in it are called n1, n2, ..."""
    for document, grade in grades.items():
        if not isinstance(grade, Integral):
            raise BadInput(f"query {query!r}: the grade {grade!r} of document {document!r} is no whole number")
    return {places.get(d, f"n{number}"): int(grade) for number, (d, grade) in enumerate(grades.items(), 1)}
