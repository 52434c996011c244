"""Measures of answers against gold answers, and of passages that should hold one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from statistics import fmean

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import generated, matching
from rankify.evaluation.measures import listed
from rankify.evaluation.scores import Evaluation
from rankify.types import Answer, Query, Ranking, Run

Gold = Mapping[str, Sequence[str] | str]
Golds = dict[str, list[str]]
Holds = Callable[[Document, Sequence[str]], bool]

# what is measured of an answer's text, and whether gold answers may be regular expressions
OF_ANSWERS: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "EM": matching.exact_match,
    "F1": lambda text, golds: max(matching.overlap(text, g).f1 for g in golds),
    "precision": lambda text, golds: max(matching.overlap(text, g).precision for g in golds),
    "recall": lambda text, golds: max(matching.overlap(text, g).recall for g in golds),
    "contains": matching.contains,
    "contains_words": matching.contains_words,
    **{name: partial(generated.rouge, name) for name in generated.ROUGE},
    "BLEU": generated.sentence_bleu,
}
# measures of all answers together, which are not the mean of each answer's
OF_ALL: Mapping[str, Callable[[Sequence[str], Sequence[Sequence[str]]], float]] = {"BLEU": generated.corpus_bleu}
# whether a passage holds a gold answer; a measure is one of these @k
OF_PASSAGES: Mapping[str, Holds] = {
    "has_answer": lambda passage, golds: matching.has_answer(passage.text, golds),
    "answer_substring": lambda passage, golds: bool(matching.contains(f"{passage.title}\n{passage.text}", golds)),
}


def evaluate_answers(
    answers: Iterable[Answer],
    gold: Gold | None = None,
    measures: str | Iterable[str] = "EM F1 contains",
    *,
    patterns: bool = False,
) -> Evaluation:
    """Measures of answers against gold answers: means, and each question's values. The best gold answer counts.

    - `EM`: the normalised texts are the same (SQuAD's normalisation).
    - `F1`, `precision`, `recall`: normalised words in common, each with its own best gold answer; two empty texts
      are the same, as in SQuAD 2, and yes or no is right or wrong, as in HotpotQA.
    - `contains`: the normalised gold answer stands in the answer; `contains_words`: in whole words. A gold answer of
      which nothing is left after normalising never does.
    - `ROUGE-1`, `ROUGE-2`, `ROUGE-L`, `ROUGE-Lsum`: F1, by rouge-score with its stemmer; it knows Latin letters alone.
    - `BLEU`: of all answers together, from 0 to 1, by sacrebleu; each question's is that of its sentence, smoothed.

    Args:
        answers: one per question.
        gold: gold answers by query id; all of its questions count, those without an answer 0. Without it, they are
            each query's own, `query.metadata["answers"]`, and the questions that were answered count.
        measures: names separated by blanks or commas, or a list of them.
        patterns: gold answers are regular expressions, as in CuratedTREC: EM is a match of the whole normalised text.

    Raises:
        UnknownName: there is no such measure.
        BadInput: no question has gold answers, two answers are to one question, or a measure knows no patterns.
    """
    wanted = {name: _of_answers(name, patterns) for name in listed(measures)}
    given: dict[str, Answer] = {}
    for answer in answers:
        if answer.query.id in given:
            raise BadInput(f"two answers to question {answer.query.id!r}; there is one per question")
        given[answer.query.id] = answer
    golds = _golds([a.query for a in given.values()], gold)
    values = {
        name: {q: float(measure(given[q].text, expected)) if q in given else 0.0 for q, expected in golds.items()}
        for name, measure in wanted.items()
    }
    texts = [given[q].text if q in given else "" for q in golds]
    together = {name: OF_ALL[name](texts, list(golds.values())) for name in wanted if name in OF_ALL}
    return _evaluation(values, golds, given, together)


def evaluate_passages(
    run: Run,
    gold: Gold | None = None,
    measures: str | Iterable[str] = "has_answer@1 has_answer@5 has_answer@20 has_answer@100",
    *,
    patterns: bool = False,
) -> Evaluation:
    """How many questions have a gold answer in their best k passages: means, and each question's values.

    - `has_answer@k`: as DPR has it, the answer's tokens in a row in the text of a passage (top-k accuracy).
    - `answer_substring@k`: the normalised answer anywhere in title or text of a passage, within words too.

    Args:
        run: rankings of passages.
        gold: as in `evaluate_answers`.
        measures: names separated by blanks or commas, or a list of them.
        patterns: gold answers are regular expressions; only has_answer knows them.

    Raises:
        UnknownName: there is no such measure.
        BadInput: no question has gold answers, k is missing, or a measure knows no patterns.
    """
    wanted = {name: _of_passages(name, patterns) for name in listed(measures)}
    golds = _golds(run.queries, gold)
    depths = {holds: max(k for other, k in wanted.values() if other is holds) for holds, _ in wanted.values()}
    values: dict[str, dict[str, float]] = {name: {} for name in wanted}
    for query, expected in golds.items():
        ranks = {holds: _first(run, query, depth, holds, expected) for holds, depth in depths.items()}
        for name, (holds, k) in wanted.items():
            values[name][query] = float(ranks[holds] <= k)
    return _evaluation(values, golds, run)


def mark_answers(run: Run, gold: Gold | None = None, *, patterns: bool = False) -> Run:
    """The run with `has_answer` in every passage's metadata, found anew in its text as `has_answer@k` finds it.

    Passages of questions without gold answers stay as they are.

    Args:
        run, gold, patterns: as in `evaluate_passages`.

    Raises:
        BadInput: no question has gold answers.
    """
    holds, golds = _has_pattern if patterns else OF_PASSAGES["has_answer"], _golds(run.queries, gold)

    def marked(passage: Document, expected: Sequence[str]) -> Document:
        return replace(passage, metadata={**passage.metadata, "has_answer": holds(passage, expected)})

    return Run(
        (
            Ranking(r.query, [marked(passage, golds[r.query.id]) for passage in r.documents], r.scores)
            if r.query.id in golds
            else r
            for r in run
        ),
        run.reports,
    )


def _first(run: Run, query: str, depth: int, holds: Holds, golds: Sequence[str]) -> float:
    """The rank of the first passage that holds an answer; infinite when none among the best `depth` does."""
    if query not in run:
        return inf
    return next((rank for rank, one in enumerate(run[query].documents[:depth], 1) if holds(one, golds)), inf)


def _of_answers(name: str, patterns: bool) -> Callable[[str, Sequence[str]], float]:
    if name not in OF_ANSWERS:
        raise UnknownName.among("measure of answers", name, OF_ANSWERS)
    if patterns and name != "EM":
        raise BadInput(f"{name} has no meaning for gold answers that are patterns; EM has")
    return matching.pattern_match if patterns else OF_ANSWERS[name]


def _of_passages(name: str, patterns: bool) -> tuple[Holds, int]:
    family, _, k = name.partition("@")
    if family not in OF_PASSAGES:
        raise UnknownName.among("measure of passages", family, OF_PASSAGES)
    if not k.isdecimal() or not int(k):
        raise BadInput(f"cannot read the measure {name!r}; write {family}@20, with a depth from 1 up")
    if patterns and family != "has_answer":
        raise BadInput(f"{family} has no meaning for gold answers that are patterns; has_answer has")
    return (_has_pattern if patterns else OF_PASSAGES[family]), int(k)


def _has_pattern(passage: Document, patterns: Sequence[str]) -> bool:
    return matching.has_pattern(passage.text, patterns)


def _golds(queries: Iterable[Query], gold: Gold | None) -> Golds:
    """The gold answers of each question that has some."""
    given = {q.id: q.metadata.get("answers") for q in queries} if gold is None else gold
    golds: Golds = {}
    for query, written in given.items():
        answers = [written] if isinstance(written, str) else list(written or ())
        if wrong := [a for a in answers if not isinstance(a, str | int | float)]:
            raise BadInput(f"question {query!r}: the gold answer {wrong[0]!r} is no text")
        if answers:
            golds[query] = list(map(str, answers))
    if not golds:
        raise BadInput('no question has gold answers; they are in query.metadata["answers"], or given by query id')
    return golds


def _evaluation(
    values: Mapping[str, Mapping[str, float]],
    golds: Golds,
    given: Mapping[str, object] | Run,
    together: Mapping[str, float] | None = None,
) -> Evaluation:
    asked = [q.id for q in given.queries] if isinstance(given, Run) else list(given)
    return Evaluation(
        means={**{name: fmean(row.values()) for name, row in values.items()}, **(together or {})},
        per_query=values,
        queries=tuple(golds),
        missing=tuple(q for q in golds if q not in given),
        unjudged=tuple(q for q in asked if q not in golds),
    )
