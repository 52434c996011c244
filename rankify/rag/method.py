"""What a method of answering is: a function from a model and options to a plan, made into a factory of readers."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from rankify.errors import Misuse
from rankify.llm.loading import load, passes_on
from rankify.llm.options import signature, taken_by
from rankify.llm.prices import Prices
from rankify.llm.protocol import LLM
from rankify.rag.context import Context
from rankify.rag.fitting import refuse_unfit
from rankify.rag.reader import LLMReader, Plan
from rankify.stages import Stage

Make = Callable[..., Plan]
WRITTEN = frozenset({"max_tokens", "summary_tokens", "look_ahead"})  # options that say how much a model writes


class Method:
    """A factory of readers: `basic("http:gpt-4o-mini", top=3)`.

    Its options are the function's, those of `Context`, those that every method has (`common`), and those of the model's
    backend, such as dtype or base_url.

    Args:
        make: from a backend and options to a plan. Its docstring is the method's.
        name: as registered.
        paper: where it was published.
        reads: how replies to another prompt may be read, besides the way of its own prompt.
        bare: whether another prompt may do without the values of its own one, e.g. `so_far`.
    """

    passes_on = staticmethod(passes_on)

    def __init__(self, make: Make, *, name: str, paper: str, reads: Collection[str] = (), bare: bool = False) -> None:
        self.make, self.name, self.paper, self.reads, self.bare = make, name, paper, reads, bare
        self.__doc__, self.__name__, self.__module__ = make.__doc__, name, make.__module__
        self.__signature__ = signature(make, Context, self.common)
        options = [p for p in self.__signature__.parameters.values() if p.kind is p.KEYWORD_ONLY]
        self._own = {p.name: p.default for p in options}

    def __call__(self, model: str | LLM, **given: Any) -> LLMReader:
        own = {name: value for name, value in given.items() if name in self._own}
        passed = {name: value for name, value in given.items() if name not in own}
        if isinstance(model, LLM) and passed:
            raise Misuse(f"option {min(passed)!r} of {self.name!r} belongs to the backend, which is built already")
        for name in sorted(WRITTEN & own.keys()):
            if not isinstance(own[name], int) or isinstance(own[name], bool) or own[name] < 1:
                raise Misuse(f"{name}={own[name]!r}: that is a number of tokens, a whole number above 0")
        refuse_unfit(self.name, self._own, own, reads=self.reads, bare=self.bare)
        llm = load(model, **passed)
        if "generate" not in llm.offers:
            raise Misuse(f"{self.name!r} needs a backend that can generate, which {llm!r} cannot")
        plan, context = self.make(llm, **taken_by(self.make, own)), Context(**taken_by(Context, own))
        thought, known, search = self.common(**taken_by(self.common, own))
        cost = partial(known.cost, llm.model) if known.priced(llm.model) else None
        differing = {name: value for name, value in own.items() if value != self._own[name] and name != "search"}
        return LLMReader(
            self.name, plan, llm, context, options=differing, reasoning_tokens=thought, cost=cost, search=search
        )

    @staticmethod
    def common(
        *, reasoning_tokens: int = 0, prices: str | None = None, search: Stage | None = None
    ) -> tuple[int, Prices, Stage | None]:
        """What every method takes besides.

        Args:
            reasoning_tokens: what a reply may think before it says something, in tokens beside its own.
            prices: a YAML file of dollars for a million tokens, `model: {input: ..., output: ...}`.
            search: what a method that searches on the way searches with; the pipeline before it if not given.
        """
        if not isinstance(reasoning_tokens, int) or isinstance(reasoning_tokens, bool) or reasoning_tokens < 0:
            raise Misuse(f"reasoning_tokens={reasoning_tokens!r}: that is a number of tokens, 0 for none")
        if search is not None and not isinstance(search, Stage):
            raise Misuse(f"search={search!r} should be a pipeline; in a text, the one before the reader is searched")
        return reasoning_tokens, Prices.load(prices), search

    def __repr__(self) -> str:
        return f"<method {self.name}>"


def method(paper: str, *, reads: Collection[str] = (), bare: bool = False) -> Callable[[Make], Method]:
    """Makes a method of a function; its name is the function's, with hyphens for underscores."""
    return lambda make: Method(make, name=make.__name__.replace("_", "-"), paper=paper, reads=reads, bare=bare)
