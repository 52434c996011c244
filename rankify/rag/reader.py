"""The reader: rankings in, answers out, in between a flow for each question, one model, and one batch a round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from rankify.errors import Misuse
from rankify.llm.pieces import spelling
from rankify.llm.protocol import LLM, Logprobs, Reply
from rankify.llm.rounds import lockstep
from rankify.llm.thoughts import said
from rankify.rag.context import Context, distinct
from rankify.rag.flow import Answering, Flow, Found, Mix, Request, Score, Search, Show, Write, Written
from rankify.rag.prompting import Prompting, Ready, unrepeated
from rankify.rag.scoring import candidates
from rankify.spec import Spec, Value
from rankify.stages import Reader, Stage, spent
from rankify.text.citing import citations
from rankify.types import Answer, Query, Ranking, Run

TOGETHER = 1024  # questions that go together: bounds the documents in memory
Asked = tuple[int, Request]  # which question, and what it asks for


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A method at work.

    Args:
        answering: from a question with the documents about it to a flow.
        searches: whether it asks for documents on the way.
        reads_first: whether it reads documents about the question itself; else it begins with none.
        confident: whether it says of each answer how sure it is.
    """

    answering: Answering
    searches: bool = False
    reads_first: bool = True
    confident: bool = False


class LLMReader(Reader):
    """Answers with a language model; made by a method.

    All questions go together: what their flows ask for in a round is one batch for the model and one for the search.

    Args:
        name: the method's.
        plan: how it goes on.
        llm: the model.
        context: what prompts show of the documents.
        options: the method's options that differ from its defaults.
        reasoning_tokens: what a reply may think, beside what it may say.
        cost: from (prompt tokens, generated tokens) to dollars, if the model's price is known.
        search: what documents are asked of on the way.
    """

    def __init__(
        self, name: str, plan: Plan, llm: LLM, context: Context, *, options: Mapping[str, Value],
        reasoning_tokens: int = 0, cost: Any = None, search: Stage | None = None,
    ) -> None:  # fmt: skip
        self.method, self.plan, self.llm, self.context, self.options = name, plan, llm, context, options
        self.reasoning_tokens, self.cost, self.search = reasoning_tokens, cost, search
        self.prompting = Prompting(llm, context, reasoning_tokens=reasoning_tokens)
        self._counted: Counter[str] = Counter()
        self._searched: list[Mapping[str, float]] = []

    @property
    def reads_first(self) -> bool:
        return self.plan.reads_first

    @property
    def confident(self) -> bool:
        return self.plan.confident

    @property
    def searches(self) -> bool:
        return self.plan.searches and self.search is None

    def searching_with(self, stage: Stage) -> LLMReader:
        if not self.searches:
            return self
        found = copy(self)
        found.search = stage
        return found

    def read(self, run: Run) -> list[Answer]:
        """One answer a ranking, in order.

        Raises:
            Misuse: the method searches on the way, and nothing to search with is there.
        """
        if self.searches:
            raise Misuse(
                f"{self.method!r} searches on the way: put it behind a pipeline, as in `bm25 % 5 >> {self.method}:...`,"
                " or give it search=, a pipeline"
            )
        self._counted, self._searched, passes = Counter(), [], self.llm.passes
        answers = [a for start in range(0, len(run), TOGETHER) for a in self._together(run[start : start + TOGETHER])]
        self._counted["passes"] += self.llm.passes - passes
        return answers

    def _together(self, run: Run) -> list[Answer]:
        found: list[Found] = [Found(text="")] * len(run)
        counts: list[Counter[str]] = []
        flows = []
        for ranking in run:
            kept, twice = distinct(list(ranking.documents))
            places = {id: place for place, id in enumerate(ranking.ids)}
            own = [places[document.id] for document in kept[: self.context.top]]
            head = Ranking(ranking.query, [ranking.documents[p] for p in own], ranking.scores[own])
            counts.append(twice)
            flows.append(self.plan.answering(head))

        def ask(asked: list[Asked]) -> list[Any]:
            results: dict[int, Any] = {}
            for kind, work in self._works:
                places = [place for place, (_, request) in enumerate(asked) if isinstance(request, kind)]
                some = [(asked[place][0], asked[place][1]) for place in places]
                results |= dict(zip(places, work(run, some, counts) if some else [], strict=True))
            return [results[place] for place in range(len(asked))]

        showing = [partial(self._show, counts=own) for own in counts]
        lockstep(
            (_labelled(n, flow, found, show) for n, (flow, show) in enumerate(zip(flows, showing, strict=True))), ask
        )
        return [self._answer(r.query, one, own) for r, one, own in zip(run, found, counts, strict=True)]

    @property
    def _works(self) -> list[tuple[type, Any]]:
        """Who does what is asked for; in this order, within a round."""
        return [(Write, self._write), (Mix, self._mix), (Search, self._search), (Score, self._score)]

    def _write(self, run: Run, asked: Sequence[tuple[int, Any]], counts: list[Counter[str]]) -> list[Written]:
        """What the model writes for each request; all replies of a round are one batch."""
        ready = self.prompting.prompts([(run[number].query, write) for number, write in asked])
        each = [(one, write, how) for one, (_, write) in zip(ready, asked, strict=True) for how in write.samplings]
        drawn = [how for _, _, how in each]
        how: dict[str, Any] = {"sampling": drawn} if any(drawn) else {}
        how |= {"logprobs": True} if any(write.logprobs for _, write, _ in each) else {}
        replies = iter(
            self.llm.generate(
                [one.prompt for one, _, _ in each],
                max_tokens=[write.max_tokens + self.reasoning_tokens for _, write, _ in each],
                **how,
            )
        )
        found = []
        for (number, write), one in zip(asked, ready, strict=True):
            own = [next(replies) for _ in write.samplings]
            counts[number].update(one.counts)
            counts[number].update(sum((_took(reply) for reply in own), Counter()))
            found.append(self._written(one, own))
            counts[number].update(_silent(found[-1]))
        return found

    def _mix(self, run: Run, asked: Sequence[tuple[int, Any]], counts: list[Counter[str]]) -> list[Written]:
        """What the model writes to all prompts of each request at once."""
        singles = [
            (run[number].query, replace(mix.write, documents=[document]))
            for number, mix in asked
            for document in mix.write.documents
        ]
        prompts = iter(self.prompting.prompts(singles))
        ready = [[next(prompts) for _ in mix.write.documents] for _, mix in asked]
        drawn = [mix.write.samplings[0] for _, mix in asked]
        replies = self.llm.mix(
            [[one.prompt for one in own] for own in ready], [mix.weights for _, mix in asked],
            max_tokens=[mix.write.max_tokens + self.reasoning_tokens for _, mix in asked],
            **({"sampling": drawn} if any(drawn) else {}),
        )  # fmt: skip
        found = []
        for (number, _), own, reply in zip(asked, ready, replies, strict=True):
            counts[number].update(sum((one.counts for one in own), _took(reply)))
            whole = Ready(own[0].prompt, tuple(document for one in own for document in one.shown))
            found.append(self._written(whole, [reply]))
            counts[number].update(_silent(found[-1]))
        return found

    def _written(self, ready: Ready, replies: Sequence[Reply[str]]) -> Written:
        taken = [said(reply, thinks=self.reasoning_tokens > 0, tagged=False) for reply in replies]
        answers = tuple(unrepeated(one.answer, ready.begun) for one in taken)
        return Written(
            replies=answers, thoughts=tuple(one.thought for one in taken),
            whole=tuple(unrepeated(reply.value, ready.begun) for reply in replies), shown=ready.shown,
            finished=tuple(reply.finished for reply in replies),
            logprobs=tuple(_told(reply, one) for one, reply in zip(answers, replies, strict=True)),
        )  # fmt: skip

    def _search(self, run: Run, asked: Sequence[tuple[int, Any]], counts: list[Counter[str]]) -> list[Ranking]:
        """The best documents about each text, from one run of the pipeline; a question may ask for several."""
        assert self.search is not None  # noqa: S101 - for mypy: reading begins with this
        often = Counter[int]()
        queries = []
        for number, request in asked:
            own = run[number].query
            often[number] += 1
            id = own.id if often[number] == 1 else f"{own.id} ({often[number]})"
            queries.append(Query(id, request.text, own.metadata))
            counts[number]["searches"] += 1
        passes, found = self.llm.passes, self.search(Run.of(queries))
        self._counted["passes"] -= self.llm.passes - passes  # a model that searches, too, counts them there
        self._searched += [report.counts for report in found.reports]
        return [ranking.head(self.context.top) for ranking in found]

    def _show(self, request: Show, *, counts: Counter[str]) -> list[tuple[int, str]]:
        """What a transcript may show of texts, as a prompt does of its documents."""
        texts, cut = self.context.within(self.llm, request.texts)
        counts.update(+Counter(truncated=cut, dropped=len(request.texts) - len(texts)))
        return [(rank, texts[rank]) for rank in self.context.arranged(range(len(texts)))]

    def _score(self, _: Run, asked: Sequence[tuple[int, Any]], __: list[Counter[str]]) -> list[list[float]]:
        """What scorers say of each text: each is called once, about the texts of all questions."""
        results: dict[int, list[float]] = {}
        for scorer in dict.fromkeys(request.scorer for _, request in asked):
            own = [place for place, (_, request) in enumerate(asked) if request.scorer is scorer]
            texts = [candidates(asked[place][1].texts) for place in own]
            scores = scorer([asked[place][1].asks for place in own], texts)
            results |= {place: row.tolist() for place, row in zip(own, scores, strict=True)}
        return [results[place] for place in range(len(asked))]

    def _answer(self, query: Query, found: Found, counts: Counter[str]) -> Answer:
        cited = citations(found.text if found.cites is None else found.cites, found.shown)
        counts.update(found.counts)
        counts.update(+Counter(cited_unknown=cited.unknown))
        self._counted.update(counts)
        return Answer(
            query=query, text=found.text, citations=cited.documents, contexts=tuple(found.shown),
            reasoning=found.reasoning, confidence=found.confidence, usage=dict(counts),
        )  # fmt: skip

    def counts(self) -> dict[str, float]:
        """What the last answers took: prompts, tokens, searches, passes, dollars; and what went wrong on the way.

        Prompts, tokens, passes and dollars are also those of what is searched with on the way, e.g. of a reranker.
        `silent` are replies that say nothing, `unreadable` those without an answer where one was looked for,
        `truncated` texts that were shown in part, `dropped` documents without room, `forgotten` turns without room, in
        each prompt that lacks them, `duplicates` documents that were shown once, `cited_unknown` citations of passages
        that were not shown.
        """
        always = dict.fromkeys(("asked", "unreadable", "truncated", "prompt_tokens", "generated_tokens"), 0.0)
        tokens = [int(self._counted[name]) for name in ("prompt_tokens", "generated_tokens")]
        own = {**always, **self._counted}
        return {**own, **spent([{**own, **({"cost": self.cost(*tokens)} if self.cost else {})}, *self._searched])}

    def __repr__(self) -> str:
        model = Spec.parse(repr(self.llm))
        name = f"{model.name}:{model.model}" if model.model else model.name
        return str(Spec(self.method, name, {**self.options, **model.options}))


def _labelled(
    number: int, flow: Flow, found: list[Found], show: Callable[[Show], Any]
) -> Generator[list[Asked], list[Any], None]:
    """The flow, with the number of its question beside each request; what it ends with is put there."""
    try:
        requests = next(flow)
        while True:
            shown = [show(request) for request in requests if isinstance(request, Show)]
            results = shown or (yield [(number, request) for request in requests])
            requests = flow.send(results)
    except StopIteration as end:
        found[number] = end.value


def _told(reply: Reply[str], answer: str) -> Logprobs:
    """The tokens of what a reply says, without its thoughts."""
    found = spelling(reply.logprobs, answer)
    return reply.logprobs if found is None else found


def _silent(reply: Written) -> Counter[str]:
    """How many replies say nothing, thoughts aside."""
    return +Counter(silent=sum(not text.strip() for text in reply.replies))


def _took(reply: Reply[Any]) -> Counter[str]:
    """What one reply took; one that was remembered took nothing now."""
    if reply.cached:
        return Counter(asked=1, cached=1)
    took = Counter(asked=1, prompt_tokens=reply.prompt_tokens, generated_tokens=reply.generated_tokens)
    return took + Counter(
        reasoning_tokens=reply.reasoning_tokens, estimated=int(reply.estimated), unfinished=int(not reply.finished)
    )
