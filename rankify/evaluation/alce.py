"""ALCE's measures of long answers and of lists, arXiv:2305.14627: what they say, not what they cite.

As published, an answer is its first line, without its citations. What should be said stands in the question's
metadata, under ALCE's names: `qa_pairs` (ASQA), `answers` as lists of aliases (QAMPARI), `claims` (ELI5).
Models are asked for `claims_nli` (inference) and for `qa_em`, `qa_f1`, `qa_hit` (spans that answer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import nan
from statistics import fmean
from typing import Any, NamedTuple

from rankify.errors import BadInput
from rankify.evaluation.citations import Entails
from rankify.evaluation.known import NotKnown, apart, mean_of_known
from rankify.evaluation.matching import contains, exact_match, overlap
from rankify.evaluation.scores import Evaluation
from rankify.text.citing import uncited
from rankify.text.normal import normalized
from rankify.types import Answer

Finds = Callable[[Sequence[tuple[str, str]]], Sequence[str]]  # answers to pairs of a question and a text; "" is none
QA = ("qa_em", "qa_f1", "qa_hit")
FIVE = 5  # as many answers of a list are enough for recall-5


def said(answer: Answer) -> str:
    """The first line of an answer, without its citations.

    >>> from rankify.types import Query
    >>> said(Answer(query=Query("q", "?"), text=" Cats [1, 2]. Dogs [3].\\nMore"))
    'Cats. Dogs.'
    """
    lines = answer.text.strip().splitlines()
    return uncited(lines[0]).strip() if lines else ""


def length(answer: Answer) -> float:
    """Its words."""
    return float(len(said(answer).split()))


def str_em(answer: Answer) -> float:
    """The share of the question's `qa_pairs` of which a short answer stands in the answer, normalised.

    Raises:
        NotKnown: the question has none.
    """
    text = said(answer)
    return fmean(contains(text, shorts) for _, shorts in _pairs(answer))


def str_hit(answer: Answer) -> float:
    """1 if all of the question's `qa_pairs` are answered, else 0."""
    return float(str_em(answer) == 1)


class Lists(NamedTuple):
    """How an answer that is a list agrees with what should be in it."""

    precision: float
    recall: float
    recall_5: float
    f1: float
    f1_5: float


def lists(answer: Answer) -> Lists:
    """QAMPARI's measures of what stands between the commas of an answer.

    Precision is the share of it that is some alias of some expected answer, recall the share of expected answers with
    an alias in it; recall-5 is out of five where more are expected.

    Raises:
        NotKnown: the question's `answers` are no lists of aliases.
    """
    expected = _listed(answer, "answers")
    if not all(isinstance(aliases, list) for aliases in expected):
        raise NotKnown("the question's answers are no lists of aliases, as QAMPARI's are")
    golds = [{normalized(str(alias)) for alias in aliases} for aliases in expected]
    given = [text for text in map(normalized, said(answer).rstrip(" .,").split(",")) if text]
    known = set().union(*golds)
    precision = sum(text in known for text in given) / len(given) if given else 0.0
    hits = sum(not aliases.isdisjoint(given) for aliases in golds)
    recall, recall_5 = hits / len(golds), min(FIVE, hits) / min(FIVE, len(golds))
    return Lists(precision, recall, recall_5, _harmonic(precision, recall), _harmonic(precision, recall_5))


def evaluate_claims(answers: Iterable[Answer], entails: Entails) -> Evaluation:
    """ALCE's `claims_nli`: the share of the question's `claims` that its answer entails.

    An answer to a question without claims has no value: NaN with the reason, which no mean counts.

    Args:
        answers: one per question.
        entails: a model of natural language inference, asked once about everything, e.g. of
            `rankify.evaluation.inference`.

    Raises:
        BadInput: there are no answers, or two to one question.
    """
    given = _one_each(answers)
    claims = [list(answer.query.metadata.get("claims") or ()) for answer in given]
    pairs = [(said(answer), str(claim)) for answer, own in zip(given, claims, strict=True) for claim in own]
    found = iter(_asked(lambda some: list(map(bool, entails(some))), pairs))
    rows = {}
    for answer, own in zip(given, claims, strict=True):
        known = [next(found) for _ in own]
        rows[answer.query.id] = (fmean(known), "") if own else (nan, "the question has no claims in its metadata")
    return _evaluation({"claims_nli": rows})


def evaluate_qa(answers: Iterable[Answer], finds: Finds) -> Evaluation:
    """ALCE's `qa_em`, `qa_f1` and `qa_hit`: whether a reader finds the short answers of `qa_pairs` in the answer.

    The reader is asked each pair's question of what the answer says. `qa_em` is the share of pairs of which it finds a
    short answer, normalised; `qa_f1` the mean token F1 with the best short answer of each; `qa_hit` is 1 where it finds
    all. Nothing found is 0, also where a short answer is an article, of which normalising leaves nothing. An answer to
    a question without pairs has no value: NaN with the reason, which no mean counts.

    Args:
        answers: one per question.
        finds: a reader of spans, asked once about everything, e.g. `rankify.encoders.spans.SpanReader`.

    Raises:
        BadInput: there are no answers, two to one question, or a pair lacks its question or its short answers.
    """
    given = _one_each(answers)
    pairs = {answer.query.id: _pairs_or_why(answer) for answer in given}
    asked = [(question, said(answer)) for answer in given for question, _ in pairs[answer.query.id][0]]
    found = iter(_asked(finds, asked))
    rows: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in QA}
    for id, (own, why) in pairs.items():
        told = [(next(found), shorts) for _, shorts in own]
        exact = [exact_match(text, shorts) if text.strip() else 0.0 for text, shorts in told]
        parts = [max(overlap(text, s).f1 for s in shorts) if text.strip() else 0.0 for text, shorts in told]
        values = (fmean(exact), fmean(parts), float(all(exact))) if own else (nan, nan, nan)
        for name, value in zip(QA, values, strict=True):
            rows[name][id] = (value, why)
    return _evaluation(rows)


def _one_each(answers: Iterable[Answer]) -> list[Answer]:
    given = list(answers)
    if not given or len({answer.query.id for answer in given}) < len(given):
        raise BadInput("no answers to look at" if not given else "two answers are to one question")
    return given


def _asked(model: Callable[[Sequence[tuple[str, str]]], Sequence[Any]], pairs: Sequence[tuple[str, str]]) -> list[Any]:
    """What a model says of each pair; it is not asked about none."""
    found = list(model(pairs)) if pairs else []
    if len(found) != len(pairs):
        raise ValueError(f"{len(pairs)} pairs were asked about and {len(found)} answered")
    return found


def _evaluation(rows: Mapping[str, Mapping[str, tuple[float, str]]]) -> Evaluation:
    values, reasons = apart(rows)
    means = {name: mean_of_known(row.values()) for name, row in values.items()}
    queries = tuple(next(iter(values.values())))
    return Evaluation(means=means, per_query=values, queries=queries, reasons=reasons)


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _pairs(answer: Answer) -> list[tuple[str, list[str]]]:
    """The questions of an answer's `qa_pairs`, "" where one has none, each with its short answers.

    Raises:
        NotKnown: the question has none.
        BadInput: a pair has no short answers.
    """
    found = []
    for pair in _listed(answer, "qa_pairs"):
        shorts = pair.get("short_answers") if isinstance(pair, dict) else None
        if not isinstance(shorts, list) or not shorts:
            raise BadInput(f"question {answer.query.id!r}: each of its qa_pairs has a list of short_answers")
        found.append((str(pair.get("question") or ""), list(map(str, shorts))))
    return found


def _pairs_or_why(answer: Answer) -> tuple[list[tuple[str, list[str]]], str]:
    """The pairs, each of which has a question; or none and the reason."""
    try:
        found = _pairs(answer)
    except NotKnown as why:
        return [], str(why)
    if not all(question.strip() for question, _ in found):
        raise BadInput(f"question {answer.query.id!r}: each of its qa_pairs has a 'question', which is asked")
    return found, ""


def _listed(answer: Answer, name: str) -> list[Any]:
    found = answer.query.metadata.get(name)
    if not isinstance(found, list) or not found:
        raise NotKnown(f"the question has no {name} in its metadata")
    return found


OF_LONG: dict[str, Callable[[Answer], float]] = {
    "length": length,
    "str_em": str_em,
    "str_hit": str_hit,
    "qampari_precision": lambda answer: lists(answer).precision,
    "qampari_recall": lambda answer: lists(answer).recall,
    "qampari_recall_5": lambda answer: lists(answer).recall_5,
    "qampari_f1": lambda answer: lists(answer).f1,
    "qampari_f1_5": lambda answer: lists(answer).f1_5,
}
