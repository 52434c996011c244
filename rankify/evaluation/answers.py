"""Measures of answers against gold answers, and of passages that should hold one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf, nan

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation import alce, contexts, generated, matching, strings
from rankify.evaluation.golds import Gold, Golds, gold_answers
from rankify.evaluation.known import NotKnown, Why, apart, mean_of_known, valued
from rankify.evaluation.measures import listed
from rankify.evaluation.names import unknown
from rankify.evaluation.scores import Evaluation
from rankify.text.normal import alike, normalized
from rankify.types import Answer, Ranking, Run

Holds = Callable[[Document, Sequence[str]], bool]

Of = Callable[[str, Sequence[str]], float]

# what is measured of an answer's text against gold answers
OF_ANSWERS: Mapping[str, Of] = {
    "EM": matching.exact_match,
    "F1": lambda text, golds: max(matching.overlap(text, g).f1 for g in golds),
    "precision": lambda text, golds: max(matching.overlap(text, g).precision for g in golds),
    "recall": lambda text, golds: max(matching.overlap(text, g).recall for g in golds),
    "contains": matching.contains,
    "contains_words": matching.contains_words,
    **{name: partial(generated.rouge, name) for name in generated.ROUGE},
    "BLEU": generated.sentence_bleu,
    "exact_match": strings.exact_text,
    "string_presence": strings.presence,
    "non_llm_string_similarity": strings.string_similarity,
}
NORMALISED = ("EM", "F1", "precision", "recall", "contains", "contains_words")
AS_IT_STANDS = ("exact_match", "string_presence", "non_llm_string_similarity")  # marks of citations, too
NORMAL: Mapping[str, Callable[[str], str]] = {"squad": str, "unicode": alike}
# measures of all answers together, which are not the mean of each answer's
OF_ALL: Mapping[str, Callable[[Sequence[str], Sequence[Sequence[str]]], float]] = {"BLEU": generated.corpus_bleu}
# what is measured of an answer by what came with it, or with its question; the judgments are there if they are given
Beside = Callable[[Answer, contexts.Judged | None], float]
BESIDE: Mapping[str, Beside] = {
    **{name: lambda answer, _, of=of: of(answer) for name, of in alce.OF_LONG.items()},  # type: ignore[misc]
    "id_based_context_precision": contexts.id_based_precision,
    "id_based_context_recall": contexts.id_based_recall,
    "non_llm_context_precision_with_reference": contexts.text_based_precision,
    "non_llm_context_recall": contexts.text_based_recall,
    "cites_unknown": contexts.cites_unknown,
}
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
    qrels: contexts.Judged | None = None,
    normal: str = "squad",
) -> Evaluation:
    """Measures of answers that need no model: means, and each question's values. The best gold answer counts.

    - `EM`: the normalised texts are the same (SQuAD's normalisation).
    - `F1`, `precision`, `recall`: normalised words in common, each with its own best gold answer; two empty texts
      are the same, as in SQuAD 2, and yes or no is right or wrong, as in HotpotQA. An empty answer is not the gold
      answer "A", of which normalising leaves nothing.
    - `contains`: the normalised gold answer stands in the answer; `contains_words`: in whole words. A gold answer of
      which nothing is left after normalising never does.
    - `ROUGE-1`, `ROUGE-2`, `ROUGE-L`, `ROUGE-Lsum`: F1, by rouge-score with its stemmer; it knows Latin letters alone.
    - `BLEU`: of all answers together, from 0 to 1, by sacrebleu; each question's is that of its sentence, smoothed.
    - `exact_match`, `string_presence`, `non_llm_string_similarity`: RAGAS's, of the texts as they stand.
    - `has_answer@k`, `answer_substring@k`: of the best k contexts, as `evaluate_passages` has them.
    - `id_based_context_precision`, `non_llm_context_recall`, ...: RAGAS's, of the contexts (`contexts`).
    - `str_em`, `qampari_f1`, `length`, ...: ALCE's, of long answers and lists (`alce`).
    - `cites_unknown`: whether an answer cites a passage that was not shown.

    Marks of citations, `[1]`, are taken out of an answer that cites (`contexts.without_marks`), but for RAGAS's three.

    A question whose list of gold answers is empty cannot be answered: there, as in SQuAD 2, each measure of an answer
    is 1 where nothing is left of it after normalising, else 0; BLEU is that of the other questions, and whether
    contexts hold an answer is not known.

    `answer_measures` lists all names, with those that need a model. Where a measure has no value for a question, it is
    NaN with a reason, and in no mean.

    Args:
        answers: one per question.
        gold: gold answers by query id; all of its questions count, those without an answer 0. Without it, they are
            each query's own, `query.metadata["answers"]`, and the questions that were answered count.
        measures: names separated by blanks or commas, or a list of them.
        patterns: gold answers are regular expressions, as in CuratedTREC: EM is a match of the whole normalised text.
        qrels: which documents should have been found, for measures by ids; what the query's metadata says wins.
        normal: `squad`, as published, or `unicode`: before that, `EM` to `contains_words` take texts for the same that
            Unicode does (`rankify.text.normal.alike`), so that composed accents or full-width digits do not matter.

    Raises:
        UnknownName: there is no such measure, or no such way to normalise.
        BadInput: no question has gold answers, two answers are to one question, or a measure knows no patterns.
    """
    names = listed(measures)
    if normal not in NORMAL:
        raise UnknownName.among("way to normalise answers", normal, NORMAL)
    given = _one_each(answers)
    wanted = {name: _of_answers(name, patterns) for name in names if name not in BESIDE and "@" not in name}
    depths = {name: _of_passages(name, patterns) for name in names if "@" in name}
    if alone := patterns and next((name for name in names if name in BESIDE), ""):
        raise BadInput(f"{alone} has no meaning for gold answers that are patterns; EM has")
    queries = [a.query for a in given.values()]
    every = wanted or depths or not given
    golds = gold_answers(queries, gold, unanswerable=True) if every else {query.id: [] for query in queries}
    rows = {
        **{name: _rows(golds, given, partial(_worth, name, of, NORMAL[normal])) for name, of in wanted.items()},
        **{name: _rows(golds, given, partial(_held, *how)) for name, how in depths.items()},
    }
    for name in set(names) & BESIDE.keys():
        rows[name] = _rows(golds, given, lambda a, _, of=BESIDE[name]: of(a, qrels), missing=(nan, "no answer"))  # type: ignore[misc]
    values, reasons = apart({name: rows[name] for name in names})
    known = {q: own for q, own in golds.items() if own}
    texts = [contexts.without_marks(given[q]) if q in given else "" for q in known]
    together = {name: OF_ALL[name](texts, list(known.values())) for name in wanted if name in OF_ALL and known}
    return _evaluation(values, golds, given, together, reasons)


def _one_each(answers: Iterable[Answer]) -> dict[str, Answer]:
    given: dict[str, Answer] = {}
    for answer in answers:
        if answer.query.id in given:
            raise BadInput(f"two answers to question {answer.query.id!r}; there is one per question")
        given[answer.query.id] = answer
    return given


def _rows(
    golds: Golds, given: Mapping[str, Answer], measure: Callable[[Answer, Sequence[str]], float],
    missing: tuple[float, str] = (0.0, ""),
) -> dict[str, tuple[float, str]]:  # fmt: skip
    """Each question's value, or why there is none."""
    return {q: valued(partial(measure, given[q], expected)) if q in given else missing for q, expected in golds.items()}


def _worth(name: str, measure: Of, form: Callable[[str], str], answer: Answer, golds: Sequence[str]) -> float:
    """A measure of an answer's text; where there is no gold answer, whether the text answers nothing."""
    text = answer.text if name in AS_IT_STANDS else contexts.without_marks(answer)
    if not golds:
        return float(not normalized(form(text)))
    if name in NORMALISED and not text.strip() and all(gold.strip() for gold in golds):
        return 0.0  # nothing is no article, though normalising leaves nothing of either
    if name not in NORMALISED or form is str or measure is matching.pattern_match:
        return measure(text, golds)
    return measure(form(text), list(map(form, golds)))


def _held(holds: Holds, k: int, answer: Answer, golds: Sequence[str]) -> float:
    """Whether a gold answer stands in the best k contexts, all of whose texts must be known.

    What is known of some may not count: a file may have the texts of cited ones alone, which hold one more often.
    """
    if not golds:
        raise NotKnown("the question cannot be answered")
    shown = answer.contexts[:k]
    if not shown:
        raise NotKnown("the answer has no contexts")
    if unread := [context.id for context in shown if not context.text and not context.title]:
        raise NotKnown(f"the text of context {unread[0]!r} is not known")
    return float(any(holds(context, golds) for context in shown))


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
    golds = gold_answers(run.queries, gold)
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
    holds, golds = _has_pattern if patterns else OF_PASSAGES["has_answer"], gold_answers(run.queries, gold)

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


def mark_contexts(answers: Iterable[Answer]) -> list[Answer]:
    """The answers with `has_answer` in the metadata of contexts that say nothing of it, where gold answers are known.

    Gold answers are each query's own, `query.metadata["answers"]`; those that are lists are alternatives all of them.
    """
    return [replace(answer, contexts=tuple(_marked(answer))) for answer in answers]


def _marked(answer: Answer) -> Iterator[Document]:
    written = answer.query.metadata.get("answers") or ()
    golds = [written] if isinstance(written, str) else [x for g in written for x in (g if isinstance(g, list) else [g])]
    for context in answer.contexts:
        known = not golds or "has_answer" in context.metadata or not (context.text or context.title)
        found = {} if known else {"has_answer": OF_PASSAGES["has_answer"](context, list(map(str, golds)))}
        yield replace(context, metadata={**context.metadata, **found}) if found else context


def _first(run: Run, query: str, depth: int, holds: Holds, golds: Sequence[str]) -> float:
    """The rank of the first passage that holds an answer; infinite when none among the best `depth` does."""
    if query not in run:
        return inf
    return next((rank for rank, one in enumerate(run[query].documents[:depth], 1) if holds(one, golds)), inf)


def _of_answers(name: str, patterns: bool) -> Of:
    if name not in OF_ANSWERS:
        raise unknown(name)
    if patterns and name != "EM":
        raise BadInput(f"{name} has no meaning for gold answers that are patterns; EM has")
    return matching.pattern_match if patterns else OF_ANSWERS[name]


def _of_passages(name: str, patterns: bool) -> tuple[Holds, int]:
    family, _, k = name.partition("@")
    if family not in OF_PASSAGES:
        raise UnknownName.among("measure of passages", family, OF_PASSAGES)
    if not k.isdecimal() or not int(k):
        raise Misuse(f"cannot read the measure {name!r}; write {family}@20, with a depth from 1 up")
    if patterns and family != "has_answer":
        raise BadInput(f"{family} has no meaning for gold answers that are patterns; has_answer has")
    return (_has_pattern if patterns else OF_PASSAGES[family]), int(k)


def _has_pattern(passage: Document, patterns: Sequence[str]) -> bool:
    return matching.has_pattern(passage.text, patterns)


def _evaluation(
    values: Mapping[str, Mapping[str, float]],
    golds: Golds,
    given: Mapping[str, object] | Run,
    together: Mapping[str, float] | None = None,
    reasons: Why | None = None,
) -> Evaluation:
    asked = [q.id for q in given.queries] if isinstance(given, Run) else list(given)
    return Evaluation(
        means={**{name: mean_of_known(row.values()) for name, row in values.items()}, **(together or {})},
        per_query=values,
        queries=tuple(golds),
        missing=tuple(q for q in golds if q not in given),
        unjudged=tuple(q for q in asked if q not in golds),
        reasons=reasons or {},
    )
