"""RAGAS's measures by a language model, as formulas over what it says (https://github.com/explodinggradients/ragas).

Es et al., arXiv:2309.15217, and the documentation; `answer_accuracy`, `context_relevance` and
`response_groundedness` are NVIDIA's. Each measure is a flow; its keyword arguments are options of its name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from rankify.errors import Misuse
from rankify.evaluation.contexts import average_precision
from rankify.evaluation.known import NotKnown
from rankify.evaluation.ragas_flow import Ask, Case, Flow, likeness, read, readable, records, replies
from rankify.evaluation.ragas_replies import rating_of, texts_of, verdict_of, verdicts_of
from rankify.llm.sampling import Sampling, seed_of

Judged = tuple[Sequence[str], str]  # statements, and what they should follow from
Level = Literal["low", "high"]


def faithfulness(case: Case) -> Flow[float]:
    """The share of the answer's statements that follow from the contexts."""
    case.having("answer", "contexts")
    [statements] = yield from _statements(case, case.answer)
    [verdicts] = yield from _verdicts([(statements, "\n".join(case.contexts))])
    return fmean(verdicts)


def answer_relevancy(case: Case, *, strictness: int = 3, temperature: float = 0.3) -> Flow[float]:
    """How similar questions that the answer answers are to the question: the mean cosine of so many of them.

    0 where all of them say that the answer commits to nothing. Several questions are drawn at random.
    """
    if strictness < 1:
        raise Misuse(f"strictness={strictness}: at least one question is written")
    case.having("question", "answer")
    drawn = [
        None if strictness == 1 else Sampling(temperature, seed=seed_of(case.seed, case.answer, number))
        for number in range(strictness)
    ]
    asks = [Ask(prompt="ragas-question", input={"response": case.answer}, sampling=how) for how in drawn]
    written = readable((yield from replies(asks)), _question)
    if all(noncommittal for _, noncommittal in written):
        return 0.0
    questions = [question for question, _ in written]
    return fmean((yield from likeness([case.question, *questions], questions=True)))


def _question(reply: str | NotKnown) -> tuple[str, int]:
    """The question that a reply writes, and whether the answer commits to nothing."""
    found = read(reply, "question", "noncommittal")
    if not isinstance(found["question"], str) or not found["question"].strip():
        raise NotKnown("a reply has no question")
    return found["question"].strip(), verdict_of(found, "noncommittal")


def context_precision_with_reference(case: Case) -> Flow[float]:
    """Average precision of the contexts; one counts that was useful in arriving at the gold answer."""
    return (yield from _useful(case.having("question", "contexts", "reference"), case.reference))


def context_precision_without_reference(case: Case) -> Flow[float]:
    """Average precision of the contexts; one counts that was useful in arriving at the answer."""
    return (yield from _useful(case.having("question", "contexts", "answer"), case.answer))


def context_recall(case: Case) -> Flow[float]:
    """The share of the gold answer's sentences that can be attributed to the contexts."""
    case.having("contexts", "reference")
    about = {"question": case.question, "context": "\n".join(case.contexts), "answer": case.reference}
    [found] = yield from records([Ask(prompt="ragas-attributed", input=about)], "classifications")
    verdicts = verdicts_of(found, "classifications", "attributed")
    if not verdicts:
        raise NotKnown("no sentence of the gold answer was looked at")
    return fmean(verdicts)


def context_entity_recall(case: Case) -> Flow[float]:
    """The share of the gold answer's entities that are among the contexts', word for word."""
    case.having("contexts", "reference")
    texts = case.reference, "\n".join(case.contexts)
    found = yield from records([Ask(prompt="ragas-entities", input={"text": text}) for text in texts], "entities")
    wanted, there = (set(texts_of(one, "entities")) for one in found)
    if not wanted:
        raise NotKnown("the gold answer has no entities")
    return len(wanted & there) / (len(wanted) + 1e-8)


def factual_correctness(
    case: Case, *, mode: Literal["f1", "precision", "recall"] = "f1", beta: float = 1.0, atomicity: Level = "low",
    coverage: Level = "low",
) -> Flow[float]:  # fmt: skip
    """How many claims of the answer follow from the gold answer, and the other way round, to two decimals.

    Recall is out of the answer's claims that follow and the gold answer's that do not.
    """
    case.having("answer", "reference")
    pairs = [(case.answer, case.reference), (case.reference, case.answer)][: 1 if mode == "precision" else 2]
    how = {"atomicity": atomicity, "coverage": coverage}
    asks = [Ask(prompt="ragas-claims", input={"response": text}, options=how) for text, _ in pairs]
    claims = [texts_of(found, "claims") for found in (yield from records(asks, "claims"))]
    if not all(claims):
        raise NotKnown(f"no claim was found in the {'gold ' * bool(claims[0])}answer")
    ours, *theirs = yield from _verdicts([(own, other) for own, (_, other) in zip(claims, pairs, strict=True)])
    tp, fp, fn = sum(ours), len(ours) - sum(ours), sum(1 - one for row in theirs for one in row)
    if mode == "precision":
        return round(tp / (tp + fp + 1e-8), 2)
    return round(tp / (tp + fn + 1e-8) if mode == "recall" else f_measure(tp, fp, fn, beta), 2)


def answer_correctness(
    case: Case, *, factuality: float = 0.75, similarity: float = 0.25, beta: float = 1.0
) -> Flow[float]:
    """The F measure of the answer's statements against the gold answer's, and the cosine of both, weighted."""
    if min(factuality, similarity) < 0 or not factuality + similarity:
        raise Misuse(f"factuality={factuality}, similarity={similarity}: weights are not negative, nor both 0")
    case.having("question", "answer", "reference")
    ours, theirs = yield from _statements(case, case.answer, case.reference)
    about = {"question": case.question, "answer": ours, "ground_truth": theirs}
    [found] = yield from records([Ask(prompt="ragas-agreement", input=about)], "TP", "FP", "FN")
    if not all(isinstance(found[kind], list) for kind in ("TP", "FP", "FN")):
        raise NotKnown("a reply has no lists as TP, FP and FN")
    tp, fp, fn = (len(found[kind]) for kind in ("TP", "FP", "FN"))
    if not tp + fp + fn:
        raise NotKnown("no statement was sorted")
    [cosine] = (yield from likeness([case.answer, case.reference])) if similarity else [0.0]
    return (factuality * f_measure(tp, fp, fn, beta) + similarity * cosine) / (factuality + similarity)


def semantic_similarity(case: Case) -> Flow[float]:
    """The cosine of the answer's vector and the gold answer's."""
    case.having("answer", "reference")
    [cosine] = yield from likeness([case.answer, case.reference])
    return cosine


def noise_sensitivity(case: Case, *, mode: Literal["relevant", "irrelevant"] = "relevant") -> Flow[float]:
    """The share of the answer's statements that are wrong and follow from a context; less is better.

    Wrong are those that do not follow from the gold answer. A context is relevant from which a statement of the gold
    answer follows; a statement that follows from both kinds counts with the relevant ones.
    """
    case.having("question", "answer", "reference", "contexts")
    theirs, ours = yield from _statements(case, case.reference, case.answer)
    n = len(case.contexts)
    pairs = [*((theirs, one) for one in case.contexts), *((ours, one) for one in case.contexts), (ours, case.reference)]
    found = yield from _verdicts(pairs)
    relevant = [any(row) for row in found[:n]]
    wrong = [not one for one in found[-1]]

    def follows(kind: bool) -> list[bool]:
        rows = [row for row, one in zip(found[n : 2 * n], relevant, strict=True) if one is kind]
        return [any(row[place] for row in rows) for place in range(len(ours))]

    if mode == "relevant":
        return fmean(a and b for a, b in zip(wrong, follows(True), strict=True))
    return fmean(a and b and not c for a, b, c in zip(wrong, follows(False), follows(True), strict=True))


def answer_accuracy(case: Case) -> Flow[float]:
    """How far the answer is the gold answer, 0 to 1: the mean of two judges, before whom the two change places."""
    case.having("question", "answer", "reference")

    def pair(one: str, other: str) -> dict[str, str]:
        return {"query": case.question, "user_answer": one, "reference_answer": other}

    inputs = pair(case.answer, case.reference), pair(case.reference, case.answer)
    return (yield from _rated("ragas-accuracy", inputs, (0, 2, 4)))


def context_relevance(case: Case) -> Flow[float]:
    """How far the contexts have what answers the question, 0 to 1: the mean of two judges."""
    case.having("question", "contexts")
    about = {"user_input": case.question, "context": "\n".join(case.contexts)}
    return (yield from _rated("ragas-relevance", (about, about), (0, 1, 2)))


def response_groundedness(case: Case) -> Flow[float]:
    """How far the answer is supported by the contexts, 0 to 1: the mean of two judges."""
    case.having("answer", "contexts")
    about = {"response": case.answer, "context": "\n".join(case.contexts)}
    return (yield from _rated("ragas-groundedness", (about, about), (0, 1, 2)))


def f_measure(tp: int, fp: int, fn: int, beta: float = 1.0) -> float:
    """The weighted harmonic mean of precision and recall; 0 where nothing is right.

    >>> f_measure(2, 1, 3), f_measure(0, 0, 2)
    (0.5, 0.0)
    """
    if not tp:
        return 0.0
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _statements(case: Case, *texts: str) -> Flow[list[list[str]]]:
    """The statements of each text, of which each has one at least."""
    asks = [Ask(prompt="ragas-statements", input={"question": case.question, "answer": text}) for text in texts]
    found = [texts_of(one, "statements") for one in (yield from records(asks, "statements"))]
    if not all(found):
        raise NotKnown("no statement was found in the answer or the gold answer")
    return found


def _verdicts(pairs: Sequence[Judged]) -> Flow[list[list[int]]]:
    """Which of the statements follow, for each pair."""
    asks = [Ask(prompt="ragas-verdicts", input={"context": text, "statements": list(own)}) for own, text in pairs]
    found = yield from records(asks, "statements")
    return [verdicts_of(one, "statements", "verdict", len(own)) for one, (own, _) in zip(found, pairs, strict=True)]


def _useful(case: Case, answer: str) -> Flow[float]:
    inputs = [{"question": case.question, "context": context, "answer": answer} for context in case.contexts]
    found = yield from records([Ask(prompt="ragas-useful", input=about) for about in inputs], "verdict")
    return average_precision([verdict_of(one, "verdict") for one in found])


def _rated(prompt: str, inputs: Sequence[Mapping[str, str]], scale: tuple[int, ...]) -> Flow[float]:
    """The mean of the ratings that can be read, over the best one; as published, one of two is enough."""
    asks = [Ask(prompt=f"{prompt}-{number}", input=about) for number, about in enumerate(inputs, 1)]
    ratings = readable((yield from replies(asks)), lambda reply: rating_of(read(reply, "rating"), "rating", scale))
    return fmean(ratings) / max(scale)


OF_JUDGES: Mapping[str, Callable[..., Flow[float]]] = {
    measure.__name__: measure
    for measure in (
        faithfulness, answer_relevancy, context_precision_with_reference, context_precision_without_reference,
        context_recall, context_entity_recall, factual_correctness, answer_correctness, semantic_similarity,
        noise_sensitivity, answer_accuracy, context_relevance, response_groundedness,
    )
}  # fmt: skip
WITHOUT_LLM = ("semantic_similarity",)
WITH_VECTORS = ("answer_relevancy", "answer_correctness", "semantic_similarity")
