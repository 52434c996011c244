"""RAGAS's measures of answers by a language model: all questions and all measures ask together, round by round."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from itertools import islice
from math import nan
from typing import Any, Literal, get_args, get_origin

import numpy as np

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.contexts import text_of
from rankify.evaluation.golds import Gold, written_answers
from rankify.evaluation.known import NotKnown, apart, mean_of_known
from rankify.evaluation.measures import listed
from rankify.evaluation.ragas_flow import Ask, Case, Embed, Flow, Request, Vectors
from rankify.evaluation.ragas_measures import OF_JUDGES, WITH_VECTORS, WITHOUT_LLM
from rankify.evaluation.scores import Evaluation
from rankify.llm.loading import load
from rankify.llm.prices import cost
from rankify.llm.protocol import LLM, Prompt, Reply, Shown
from rankify.llm.rounds import lockstep
from rankify.llm.sampling import Sampling
from rankify.llm.thoughts import said
from rankify.prompts.template import template
from rankify.prompts.texts import harmless
from rankify.types import Answer

TOGETHER = 1024  # answers that go together: bounds the prompts in memory
Key = tuple[Prompt, Sampling | None]


def evaluate_ragas(
    answers: Iterable[Answer], llm: str | LLM | None, measures: str | Iterable[str] = "faithfulness context_recall",
    *, gold: Gold | None = None, encoder: Any = None, max_tokens: int = 2048, reasoning_tokens: int = 0, seed: int = 0,
) -> Evaluation:  # fmt: skip
    """Measures of answers by a language model, with RAGAS's formulas and prompts: means, and each answer's values.

    The measures are those of `ragas_measures`, each with its options: `faithfulness`, `answer_relevancy(strictness=5)`,
    `context_precision_with_reference`, `context_precision_without_reference`, `context_recall`,
    `context_entity_recall`, `factual_correctness(mode=recall, atomicity=high)`, `answer_correctness`,
    `semantic_similarity`, `noise_sensitivity(mode=irrelevant)`, `answer_accuracy`, `context_relevance`,
    `response_groundedness`.

    A measure that has no value for an answer is NaN with a reason, and in no mean: nothing to judge, no statement,
    no contexts, a reply that cannot be read or a prompt that is too long. What is asked several times is asked once.
    A model or server that fails raises.

    Args:
        answers: one per question, with their contexts.
        llm: a language model's spec, or the backend; behind `cached:` what was asked is not asked again. None for
            `semantic_similarity` alone, which asks none.
        measures: names separated by blanks or commas, or a list of them.
        gold: gold answers by query id, of which the first is the reference, or the first alias of each where they are
            lists of aliases; without it, each query's own,
            `query.metadata["answers"]`.
        encoder: an encoder's spec, or the encoder, for measures that compare vectors.
        max_tokens: the most tokens of a reply.
        reasoning_tokens: what a reply may think besides.
        seed: of what is drawn at random.

    Raises:
        UnknownName: there is no such measure or option.
        Misuse: an option's value is of another kind, or a measure needs a language model or an encoder, and there is
            none.
        BadInput: there are no answers, or two to one question.
    """
    wanted = {name: _measure(name) for name in listed(measures)}
    if encoder is None and (lacking := list(filter(needs_vectors, wanted))):
        raise Misuse(f"{lacking[0]} compares vectors: give an encoder, e.g. encoder='dense:BAAI/bge-base-en-v1.5'")
    if llm is None and (lacking := list(filter(needs_llm, wanted))):
        raise Misuse(f"{lacking[0]} asks a language model: give one, e.g. 'http:gpt-4o-mini'")
    judge = Judge(None if llm is None else load(llm), encoder, max_tokens=max_tokens, reasoning_tokens=reasoning_tokens)
    rows: dict[str, dict[str, tuple[float, str]]] = {name: {} for name in wanted}
    given = iter(answers)
    while some := list(islice(given, TOGETHER)):
        cases = {answer.query.id: _case(answer, gold, seed) for answer in some}
        if len(cases) < len(some) or cases.keys() & next(iter(rows.values())).keys():
            raise BadInput("two answers are to one question")
        asking = (_valued(rows[name], id, of(case)) for name, of in wanted.items() for id, case in cases.items())
        lockstep(asking, judge)
    values, reasons = apart(rows)
    queries = tuple(next(iter(rows.values())))
    if not queries:
        raise BadInput("no answers to look at")
    means = {name: mean_of_known(row.values()) for name, row in values.items()}
    return Evaluation(means=means, per_query=values, queries=queries, reasons=reasons, counts=judge.counts())


def _valued(row: dict[str, tuple[float, str]], id: str, flow: Flow[float]) -> Generator[list[Request], list[Any], None]:
    """The flow; what it returns, or why it cannot, is put in the row."""
    row[id] = (nan, "")  # in the order of the answers
    try:
        row[id] = (float((yield from flow)), "")
    except NotKnown as reason:
        row[id] = (nan, str(reason))


def _case(answer: Answer, gold: Gold | None, seed: int) -> Case:
    written = answer.query.metadata.get("answers") if gold is None else gold.get(answer.query.id)
    if isinstance(written, list) and written and all(isinstance(one, list) and one for one in written):
        written = ", ".join(str(aliases[0]) for aliases in written)  # a list is the answer, as QAMPARI's are
    golds = written_answers(answer.query.id, written)
    contexts = tuple(map(text_of, answer.contexts))
    reference = golds[0] if golds else ""
    return Case(question=answer.query.text, answer=answer.text, contexts=contexts, reference=reference, seed=seed)


class Judge:
    """Answers what flows ask: all replies of a round are one batch for the model, all texts one for the encoder."""

    def __init__(self, llm: LLM | None, encoder: Any, *, max_tokens: int, reasoning_tokens: int) -> None:
        if llm is not None and "generate" not in llm.offers:
            raise Misuse(f"{llm!r} writes no text, which a judge does; choose another backend")
        self._llm, self.max_tokens, self.reasoning_tokens = llm, max_tokens, reasoning_tokens
        self.encoder = registry.load("encoder", encoder) if isinstance(encoder, str) else encoder
        self.counted, self._before = Counter[str](), 0 if llm is None else llm.passes

    @property
    def llm(self) -> LLM:
        """The model, which measures ask that need one."""
        if self._llm is None:
            raise ValueError("a measure asks a language model, and there is none")
        return self._llm

    def __call__(self, requests: list[Request]) -> list[Any]:
        """What comes of each request, in order: a reply or why there is none, or vectors."""
        prompts = [(self._prompt(one), one.sampling) for one in requests if isinstance(one, Ask)]
        replies = self._replies(list(dict.fromkeys(prompts))) if prompts else {}
        texts = {side: self._vectors(requests, questions=side) for side in (True, False)}
        asked = iter(prompts)
        return [
            replies[next(asked)] if isinstance(one, Ask) else np.stack([texts[one.questions][t] for t in one.texts])
            for one in requests
        ]

    def counts(self) -> dict[str, float]:
        """What the judging took: replies asked, those that were remembered, tokens, passes, dollars."""
        if self._llm is None:
            return {}
        names = ("asked", "unfinished", "too_long", "prompt_tokens", "generated_tokens")
        took = cost(self.llm.model, int(self.counted[names[3]]), int(self.counted[names[4]]))
        priced = {} if took is None else {"cost": took}
        return {**dict.fromkeys(names, 0.0), **self.counted, "passes": self.llm.passes - self._before, **priced}

    def _prompt(self, ask: Ask) -> Prompt:
        """The prompt; texts in it are harmless, as JSON and to the model's own format."""
        shape = template(ask.prompt)
        clean = json.dumps(_harmless(ask.input, self.llm.special), indent=4, ensure_ascii=False)
        return shape.told(input=clean, **ask.options).render("", (), Shown("", (), (), shape.reads))

    def _replies(self, keys: Sequence[Key]) -> dict[Key, str | NotKnown]:
        """What the model says, thoughts left out, or why it was not asked or did not end."""
        long = self._too_long([prompt for prompt, _ in keys])
        wanted = [key for key, excess in zip(keys, long, strict=True) if not excess]
        most = self.max_tokens + self.reasoning_tokens
        drawn: dict[str, Any] = {"sampling": [how for _, how in wanted]} if any(how for _, how in wanted) else {}
        found = self.llm.generate([prompt for prompt, _ in wanted], max_tokens=most, **drawn) if wanted else []
        for reply in found:
            self._count(reply)
        texts = {key: self._said(reply) for key, reply in zip(wanted, found, strict=True)}
        self.counted.update(too_long=len(keys) - len(wanted))
        return {**texts, **{key: NotKnown(why) for key, why in zip(keys, long, strict=True) if why}}

    def _said(self, reply: Reply[str]) -> str | NotKnown:
        text = said(reply, thinks=self.reasoning_tokens > 0, tagged=False).answer
        return text if reply.finished or "}" in text else NotKnown(f"a reply was cut at {self.max_tokens} tokens")

    def _too_long(self, prompts: Sequence[Prompt]) -> list[str]:
        """For each prompt why it cannot be asked, or ""; at most half of what a model reads is kept for a reply."""
        if self.llm.context is None or not prompts:
            return [""] * len(prompts)
        room = self.llm.context - min(self.max_tokens + self.reasoning_tokens, self.llm.context // 2)
        lengths = self.llm.prompt_tokens(prompts)
        return [
            f"a prompt takes {n:,} tokens, and the model reads {room:,} beside its reply" if n > room else ""
            for n in lengths
        ]

    def _vectors(self, requests: Sequence[Request], *, questions: bool) -> Mapping[str, Vectors]:
        wanted = [one for one in requests if isinstance(one, Embed) and one.questions is questions]
        texts = list(dict.fromkeys(text for one in wanted for text in one.texts))
        if not texts:
            return {}
        if questions:
            found = self.encoder.encode_queries(texts)
        else:
            found = self.encoder.encode_documents([Document("", text) for text in texts])
        return dict(zip(texts, np.asarray(found, dtype=np.float64), strict=True))

    def _count(self, reply: Reply[str]) -> None:
        self.counted.update(asked=1, unfinished=int(not reply.finished), cached=int(reply.cached))
        if not reply.cached:
            self.counted.update(prompt_tokens=reply.prompt_tokens, generated_tokens=reply.generated_tokens)


def _harmless(value: Any, special: Sequence[str]) -> Any:
    """The value with nothing in its texts that the model could take for markup."""
    if isinstance(value, str):
        return harmless(value, (), special)
    if isinstance(value, Mapping):
        return {name: _harmless(one, special) for name, one in value.items()}
    return [_harmless(one, special) for one in value]


def _family(name: str) -> str:
    return name.partition("(")[0]


def needs_llm(name: str) -> bool:
    """Whether a measure asks a language model; one that compares vectors alone does not."""
    return _family(name) not in WITHOUT_LLM


def needs_vectors(name: str) -> bool:
    """Whether a measure compares vectors, as some do unless they are told not to."""
    told_not_to = _family(name) == "answer_correctness" and _options(name).get("similarity") == 0
    return _family(name) in WITH_VECTORS and not told_not_to


def needs_gold(name: str) -> bool:
    """Whether a measure looks at a gold answer. Nobody is asked.

    Raises:
        UnknownName, Misuse: there is no such measure or option, or an option is out of range.
    """
    flow = _measure(name)
    next(flow(Case(question="?", answer="a", contexts=("c",), reference="r")))  # says what is out of range
    try:
        next(flow(Case(question="?", answer="a", contexts=("c",))))
    except NotKnown:
        return True
    return False


def _measure(name: str) -> Callable[[Case], Flow[float]]:
    """A measure with its options."""
    if _family(name) not in OF_JUDGES:
        raise UnknownName.among("measure by a language model", _family(name), OF_JUDGES)
    return partial(OF_JUDGES[_family(name)], **_options(name))


def _options(name: str) -> dict[str, Any]:
    """The options in a measure's name, `name(option=value, ...)`."""
    family, _, inside = name.partition("(")
    if inside and not inside.endswith(")"):
        raise Misuse(f"cannot read the measure {name!r}: a bracket is not closed")
    known = {
        n: p for n, p in signature(OF_JUDGES[family], eval_str=True).parameters.items() if p.kind is p.KEYWORD_ONLY
    }
    found = {}
    for part in filter(str.strip, inside.removesuffix(")").split(",")):
        option, _, value = map(str.strip, part.partition("="))
        if option not in known:
            raise UnknownName.among(f"option of {family}", option, known)
        found[option] = _read(name, known[option], value)
    return found


def _read(name: str, option: Parameter, value: str) -> Any:
    if get_origin(option.annotation) is Literal:
        if value not in (words := get_args(option.annotation)):
            raise UnknownName.among(f"{option.name} of {_family(name)}", value, words)
        return value
    try:
        return option.annotation(value)
    except ValueError:
        raise Misuse(f"cannot read the measure {name!r}: {option.name}={value!r} is no number") from None
