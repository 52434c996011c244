"""Any measures of answers at once: those that need no model, and those of judges, each named once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, NamedTuple

from rankify.encoders.spans import SpanReader
from rankify.errors import BadInput, Misuse
from rankify.evaluation import ragas
from rankify.evaluation.alce import Finds, evaluate_claims, evaluate_qa
from rankify.evaluation.answers import evaluate_answers
from rankify.evaluation.bertscore import TokenReader, evaluate_bertscore
from rankify.evaluation.citations import Entails, evaluate_citations
from rankify.evaluation.golds import Gold
from rankify.evaluation.inference import inference
from rankify.evaluation.measures import listed
from rankify.evaluation.names import HERE, answer_measures
from rankify.evaluation.ragas import evaluate_ragas, needs_llm, needs_vectors
from rankify.evaluation.scores import Evaluation
from rankify.llm.protocol import LLM
from rankify.types import Answer

RAGAS, CITATIONS, CLAIMS, QA, BERTSCORE = (
    "ragas.evaluate_ragas", "citations.evaluate_citations", "alce.evaluate_claims", "alce.evaluate_qa",
    "bertscore.evaluate_bertscore",
)  # fmt: skip


class Lacking(NamedTuple):
    """A judge that a measure needs and that is not named.

    Args:
        what: it is.
        judge: the field of `Judges` that names it.
        option: of the command line.
        example: of its spec.
    """

    what: str
    judge: str
    option: str
    example: str


LLM_NEEDED = Lacking("a language model", "llm", "judge", "http:gpt-4o-mini")
INFERENCE = Lacking("a model of inference", "entails", "nli", "cross-encoder:cross-encoder/nli-deberta-v3-base")
ENCODER = Lacking("an encoder", "encoder", "encoder", "dense:BAAI/bge-base-en-v1.5")
NEEDED: Mapping[str, Lacking] = {
    RAGAS: LLM_NEEDED, CITATIONS: INFERENCE, CLAIMS: INFERENCE,
    QA: Lacking("a reader of spans", "qa", "qa", "gaotianyu1350/roberta-large-squad"),
    BERTSCORE: Lacking("an encoder", "bertscore", "bertscore", "FacebookAI/roberta-large"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Judges:
    """The models that measures ask; each is needed by its measures alone.

    Args:
        llm: a language model, for RAGAS's measures: its spec, or the backend.
        entails: a model of inference, for `citation_recall`, `citation_precision` and `claims_nli`: its spec, or any
            function from pairs of premise and hypothesis to booleans.
        encoder: an encoder, for RAGAS's measures that compare vectors: its spec, or the encoder.
        bertscore: an encoder for BERTScore: a folder or a hub id, or what reads its tokens.
        qa: a reader of spans for `qa_em`, `qa_f1` and `qa_hit`: a folder or a hub id, or any function from pairs of
            question and text to answers, "" for none.
    """

    llm: str | LLM | None = None
    entails: str | Entails | None = None
    encoder: Any = None
    bertscore: str | TokenReader | None = None
    qa: str | Finds | None = None

    def refuse(self, names: Iterable[str]) -> None:
        """Raises Misuse for the first measure whose judge is not named, with the way to name it."""
        for name in names:
            if lacking := self.lacking(name):
                what, _, option, example = lacking
                raise Misuse(f"{name} needs {what}; name it, e.g. --{option} {example} (in Python: Judges)")

    def lacking(self, name: str) -> Lacking | None:
        """The judge that a measure needs and that is not named, if there is one."""
        return next((one for one in needed(name) if getattr(self, one.judge) is None), None)


def of_judges(name: str) -> bool:
    """Whether a measure of answers asks a model."""
    return by(name) != HERE


def needs_gold(name: str) -> bool:
    """Whether a measure that asks a model looks at gold answers.

    Raises:
        UnknownName, Misuse: its options cannot be read, or it has none to give.
    """
    if by(name) == RAGAS:
        return ragas.needs_gold(name)
    if "(" in name:
        raise Misuse(f"cannot read the measure {name!r}: {name.partition('(')[0]} has no options")
    return by(name) == BERTSCORE


def needed(name: str) -> list[Lacking]:
    """The judges that a measure needs, whether or not they are named."""
    if by(name) == RAGAS:
        return [*([LLM_NEEDED] if needs_llm(name) else []), *([ENCODER] if needs_vectors(name) else [])]
    found = NEEDED.get(by(name))
    return [] if found is None else [found]


def evaluate_judged(
    answers: Iterable[Answer],
    gold: Gold | None = None,
    measures: str | Iterable[str] = "EM F1 contains",
    *,
    judges: Judges | None = None,
    **options: Any,
) -> Evaluation:
    """Any measures of answers: means, and each question's values; `counts` is what a language model was asked.

    What needs no model is measured first, as `evaluate_answers` does it. A question that a judge's measure does not
    look at, because nobody answered it or it has no gold answer, is NaN there with the reason, and in no mean.
    Citations of answers to questions whose gold answers are lists of aliases are looked at item by item, as QAMPARI's.

    Args:
        answers, gold, measures: as `evaluate_answers` has them.
        judges: the models.
        options: of `evaluate_answers`: patterns, qrels, normal.

    Raises:
        Misuse: a measure needs a judge that is not named; nothing was asked then.
        UnknownName, BadInput: as the functions of each measure do.
    """
    given, names, judges = list(answers), listed(measures), judges or Judges()
    for name in filter(of_judges, names):
        needs_gold(name)  # says what cannot be read
    judges.refuse(names)
    groups = {one: [name for name in names if by(name) == one] for one in dict.fromkeys(map(by, names))}
    found = [evaluate_answers(given, gold, groups[HERE], **options)] if HERE in groups else []
    found += [_OF[one](given, gold, own, judges) for one, own in groups.items() if one != HERE]
    return _together(found, names, {answer.query.id for answer in given})


def by(name: str) -> str:
    """The function that computes a measure; what is unknown or of contexts is for `evaluate_answers` to say."""
    known = answer_measures().get(name.partition("(")[0])
    return HERE if known is None else known.by


def _ragas(answers: Sequence[Answer], gold: Gold | None, names: Sequence[str], judges: Judges) -> Evaluation:
    return evaluate_ragas(answers, judges.llm, names, gold=gold, encoder=judges.encoder)


def _citations(answers: Sequence[Answer], gold: Gold | None, _: Sequence[str], judges: Judges) -> Evaluation:
    written = [(gold or {}).get(a.query.id) or a.query.metadata.get("answers") for a in answers]
    lists = any(isinstance(one, list) and one and isinstance(one[0], list) for one in written)
    return evaluate_citations(answers, _model(judges), lists=lists)


def _claims(answers: Sequence[Answer], _: Gold | None, __: Sequence[str], judges: Judges) -> Evaluation:
    return evaluate_claims(answers, _model(judges))


def _qa(answers: Sequence[Answer], _: Gold | None, __: Sequence[str], judges: Judges) -> Evaluation:
    return evaluate_qa(answers, SpanReader(judges.qa or "") if isinstance(judges.qa, str | None) else judges.qa)


def _bertscore(answers: Sequence[Answer], gold: Gold | None, _: Sequence[str], judges: Judges) -> Evaluation:
    return evaluate_bertscore(answers, judges.bertscore or "", gold=gold)


_OF: Mapping[str, Callable[[Sequence[Answer], Gold | None, Sequence[str], Judges], Evaluation]] = {
    RAGAS: _ragas, CITATIONS: _citations, CLAIMS: _claims, QA: _qa, BERTSCORE: _bertscore
}  # fmt: skip


def _model(judges: Judges) -> Entails:
    return inference(judges.entails or "") if isinstance(judges.entails, str | None) else judges.entails


def _together(parts: Sequence[Evaluation], names: Sequence[str], answered: set[str]) -> Evaluation:
    """Several evaluations as one, over the questions of any of them."""
    if not parts:
        raise BadInput("no measure is named")
    whose = {name: next(part for part in parts if name in part) for name in names}
    queries = tuple(dict.fromkeys(query for part in parts for query in part.queries))
    values, reasons = {}, {}
    for name, part in whose.items():
        values[name] = {query: part.per_query[name].get(query, nan) for query in queries}
        holes = {
            query: "the question has no gold answer" if query in answered else "no answer"
            for query in queries
            if query not in part.per_query[name]
        }
        if why := {**part.reasons.get(name, {}), **holes}:
            reasons[name] = why
    return Evaluation(
        means={name: part[name] for name, part in whose.items()},
        per_query=values,
        queries=queries,
        missing=tuple(query for query in queries if query not in answered),
        unjudged=tuple(dict.fromkeys(q for part in parts for q in part.unjudged if q not in queries)),
        reasons=reasons,
        counts={name: value for part in parts for name, value in part.counts.items()},
    )
