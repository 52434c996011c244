"""What a recipe is: a function from a model and options to a flow and a judge, made into a factory of rerankers."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from functools import partial
from typing import Any

from rankify.documents import Document
from rankify.errors import Misuse
from rankify.llm.loading import load, passes_on
from rankify.llm.prices import Prices
from rankify.llm.protocol import LLM, Method
from rankify.llm.simulated import Simulated
from rankify.rerank.llm.drive import Limits
from rankify.rerank.llm.flow import Group
from rankify.rerank.llm.reranker import LLMReranker, Plan
from rankify.spec import Value
from rankify.types import Query, Ranking, Run

Make = Callable[..., Plan]


class Recipe:
    """A factory of LLM rerankers: `rankgpt("http:gpt-4o-mini", window=10)`.

    Its options are the function's, the limits of every recipe (max_calls, max_tokens, max_cost: what a query may cost
    at most, in prompts, tokens and dollars; prices: a YAML file of prices in place of the toolkit's own), and those of
    the model's backend, such as dtype or base_url.

    Args:
        make: from a backend and options to a plan. Its docstring is the recipe's.
        name: as registered.
        paper: where it was published.
    """

    passes_on = staticmethod(passes_on)

    def __init__(self, make: Make, *, name: str, paper: str) -> None:
        self.make, self.name, self.paper = make, name, paper
        self.__doc__, self.__name__, self.__module__ = make.__doc__, name, make.__module__
        self.__signature__ = _signature(make, Recipe.limited)
        self._own = {p.name: p.default for p in self.__signature__.parameters.values() if p.kind is p.KEYWORD_ONLY}

    def __call__(self, model: str | LLM, **given: Any) -> LLMReranker:
        own = {name: value for name, value in given.items() if name in self._own}
        passed = {name: value for name, value in given.items() if name not in own}
        if isinstance(model, LLM) and passed:
            raise Misuse(f"option {min(passed)!r} of {self.name!r} belongs to the backend, which is built already")
        limiting = {name: own[name] for name in inspect.signature(self.limited).parameters if name in own}
        llm = load(model, **passed)
        plan = self.make(llm, **{name: value for name, value in own.items() if name not in limiting})
        if plan.judge.needs not in llm.offers:
            raise Misuse(f"{self.name!r} needs a backend that can {plan.judge.needs}, which {llm!r} cannot")
        begun(plan)
        differing: dict[str, Value] = {n: own[n] for n in self._own if n in own and own[n] != self._own[n]}
        limits, cost = self.limited(llm, **limiting)
        return LLMReranker(self.name, plan, options=differing, limits=limits, cost=cost)

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
        return self.make(Simulated({})).judge.needs

    @staticmethod
    def limited(
        llm: LLM, *, max_calls: int | None = None, max_tokens: int | None = None, max_cost: float | None = None,
        prices: str | None = None,
    ) -> tuple[Limits, Callable[[int, int], float] | None]:  # fmt: skip
        """What a query may cost, and how tokens become dollars.

        Args:
            max_calls: the most prompts of a query; it stops there with the best order so far, as with the other limits.
            max_tokens: the most tokens of a query, of prompts and replies together, give or take eight prompts.
            max_cost: the most dollars of a query, give or take eight prompts.
            prices: a YAML file of dollars for a million tokens, `model: {input: ..., output: ...}`.
        """
        known = Prices.load(prices)
        priced = known.priced(llm.model)
        if max_cost is not None and not priced:
            raise Misuse(f"max_cost={max_cost}: no price of {llm.model!r} is known; give prices=FILE.yaml")
        limits = Limits(max_calls=max_calls, max_tokens=max_tokens, max_cost=max_cost)
        return limits, partial(known.cost, llm.model) if priced else None

    def __repr__(self) -> str:
        return f"<recipe {self.name}>"


def begun(plan: Plan) -> None:
    """Lets the flow say what it asks first, so that options which cannot be are refused before any run.

    Raises:
        Misuse: the flow refuses an option, or shows more documents than the prompt has identifiers.
    """
    groups: list[Group] = next(plan.flow(list(range(100))), [])
    if plan.judge.template.identifier:
        plan.judge.template.identifiers(max(map(len, groups), default=0))


def recipe(paper: str) -> Callable[[Make], Recipe]:
    """Makes a recipe of a function; its name is the function's, with hyphens for underscores."""
    return lambda make: Recipe(make, name=make.__name__.replace("_", "-"), paper=paper)


def _signature(make: Make, limited: Callable[..., Any]) -> inspect.Signature:
    """(model, own options, limits, what is passed on)."""
    own, limits = (inspect.signature(f, eval_str=True).parameters.values() for f in (make, limited))
    options = [p for p in (*own, *limits) if p.kind is p.KEYWORD_ONLY]
    model = inspect.Parameter("model", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=str | LLM)
    return inspect.Signature([model, *options, inspect.Parameter("passed", inspect.Parameter.VAR_KEYWORD)])
