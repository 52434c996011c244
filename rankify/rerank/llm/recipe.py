"""What a recipe is: a function from a model and options to a flow and a judge, made into a factory of rerankers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, get_args

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.loading import load, passes_on
from rankify.llm.options import signature, taken_by
from rankify.llm.prices import Prices
from rankify.llm.protocol import LLM, Method
from rankify.llm.simulated import Simulated
from rankify.rerank.llm.backends import Several, all_opened, opened, spelled
from rankify.rerank.llm.drive import Costs, Limits
from rankify.rerank.llm.flow import Group
from rankify.rerank.llm.flows.transitive import inferring
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.composed import leaves, models
from rankify.rerank.llm.judges.ensemble import By, Ensemble
from rankify.rerank.llm.reranker import LLMReranker, Plan
from rankify.spec import Value
from rankify.types import Query, Ranking, Run

Make = Callable[..., Plan]


class Recipe:
    """A factory of LLM rerankers: `rankgpt("http:gpt-4o-mini", window=10)`.

    Its options are the function's, those that every recipe has (`limited` and `joined` say which), and those of the
    model's backend, such as dtype or base_url.

    Args:
        make: from a backend and options to a plan. Its docstring is the recipe's.
        name: as registered.
        paper: where it was published.
    """

    passes_on = staticmethod(passes_on)

    def __init__(self, make: Make, *, name: str, paper: str) -> None:
        self.make, self.name, self.paper = make, name, paper
        self.__doc__, self.__name__, self.__module__ = make.__doc__, name, make.__module__
        self.__signature__ = signature(make, self.limited, self.joined)
        options = [p for p in self.__signature__.parameters.values() if p.kind is p.KEYWORD_ONLY]
        self._own = {p.name: p.default for p in options}
        self._backends = {p.name for p in options if LLM in get_args(p.annotation)}  # opened once, not for each model

    def __call__(self, model: str | LLM, **given: Any) -> LLMReranker:
        own = {name: value for name, value in given.items() if name in self._own}
        passed = {name: value for name, value in given.items() if name not in own}
        if isinstance(model, LLM) and passed:
            raise Misuse(f"option {min(passed)!r} of {self.name!r} belongs to the backend, which is built already")
        making, limiting, joining = (taken_by(f, own) for f in (self.make, self.limited, self.joined))
        making = {name: opened(value) if name in self._backends and value else value for name, value in making.items()}
        plan = self.joined(partial(self.make, **making), load(model, **passed), **joining)
        for judge in leaves(plan.judge):
            if judge.needs not in judge.llm.offers:
                raise Misuse(f"{self.name!r} needs a backend that can {judge.needs}, which {judge.llm!r} cannot")
        begun(plan)
        differing = {name: plain(own[name]) for name in self._own if name in own and own[name] != self._own[name]}
        limits, costs = self.limited(models(plan.judge), **limiting)
        return LLMReranker(self.name, plan, options=differing, limits=limits, costs=costs)

    def calls(self, n: int = 100) -> int:
        """Prompts that n documents take at the defaults with a perfect judge, in a fixed random first-stage order."""
        places = random.Random(0).sample(range(n), n)  # noqa: S311
        documents = [Document(str(place), "") for place in places]
        run = Run([Ranking(Query("q", ""), documents, range(n, 0, -1))])
        reranker = self(Simulated({"q": {str(place): place for place in range(n)}}))
        reranker.rerank(run)
        return int(reranker.counts()["asked"])

    @property
    def needs(self) -> Method:
        """What a backend must offer, at the defaults."""
        return leaves(self.make(Simulated({})).judge)[0].needs

    @staticmethod
    def limited(
        llms: Sequence[LLM], *, max_calls: int | None = None, max_tokens: int | None = None,
        max_cost: float | None = None, prices: str | None = None,
    ) -> tuple[Limits, Costs]:  # fmt: skip
        """What a query may cost, and how the tokens of each model become dollars.

        Args:
            max_calls: the most prompts of a query; it stops there with the best order so far, as with the other limits.
            max_tokens: the most tokens of a query, of prompts and replies together, give or take eight prompts.
            max_cost: the most dollars of a query, give or take eight prompts.
            prices: a YAML file of dollars for a million tokens, `model: {input: ..., output: ...}`.
        """
        known, names = Prices.load(prices), {llm.model for llm in llms}
        unknown = sorted(name for name in names if not known.priced(name))
        if max_cost is not None and unknown:
            raise Misuse(f"max_cost={max_cost}: no price of {unknown[0]!r} is known; give prices=FILE.yaml")
        limits = Limits(max_calls=max_calls, max_tokens=max_tokens, max_cost=max_cost)
        suffix = {name: f" of {name}" if len(names) > 1 else "" for name in sorted(names - {*unknown})}
        return limits, {of: partial(known.cost, name) for name, of in suffix.items()}

    @staticmethod
    def joined(make: Make, llm: LLM, *, also: Several | None = None, by: By = "mean", transitive: bool = False) -> Plan:
        """The plan of one model or of several.

        Args:
            also: further backends, e.g. `http:gpt-4o,hf:google/flan-t5-xl`, in Python also a list of them: each
                question goes to every one, and their scores are combined.
            by: how: mean; rank, the mean of ranks; or vote, how many have a document best, equal votes by rank.
            transitive: leave out questions whose answer follows from earlier ones (arXiv:2602.05448): what is better
                than a better one is better. It changes nothing where the model's answers are consistent.
        """
        plan, others = make(llm), [make(other).judge for other in all_opened(also)]
        if plan.scored and (transitive or by != "mean"):
            raise Misuse(f"{transitive=}, {by=}: judged alone, documents have scores with a mean and no ranks")
        if others:
            plan = replace(plan, judge=Ensemble([plan.judge, *others], by=by))
        elif by != "mean":
            raise Misuse(f"by={by}: there is one model, and nothing to combine; name others with also=")
        if not transitive:
            return plan
        named = all(isinstance(judge, Best) for judge in leaves(plan.judge))
        return replace(plan, flow=partial(inferring, plan.flow, best=named))

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"


def begun(plan: Plan) -> None:
    """Lets the flow say what it asks first, so that options which cannot be are refused before any run.

    Raises:
        Misuse: the flow refuses an option, or shows more documents than the prompt has identifiers.
    """
    documents = [Document(str(place), "") for place in range(100)]
    flow = plan.flow_of(Ranking(Query("", ""), documents, range(100, 0, -1)))(list(range(100)))
    groups: list[Group] = next(flow, [])
    for judge in leaves(plan.judge):
        if judge.template.identifier:
            judge.template.identifiers(max(map(len, groups), default=0))


def plain(value: Any) -> Value:
    """An option's value as a spec has it: of backends, the text that names them."""
    return value if value is None or isinstance(value, str | int | float) else spelled(value)


def recipe(paper: str) -> Callable[[Make], Recipe]:
    """Makes a recipe of a function; its name is the function's, with hyphens for underscores."""
    return lambda make: Recipe(make, name=make.__name__.replace("_", "-"), paper=paper)
