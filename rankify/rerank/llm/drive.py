"""Drives the flows of many queries: all together, one call a round, or each alone where a server batches by itself."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

from rankify.errors import Misuse
from rankify.llm.rounds import advanced, independent, lockstep
from rankify.rerank.llm.flow import Flow, Group, MakeFlow, Scores
from rankify.rerank.llm.judge import Judgment

log = logging.getLogger(__name__)

Asked = tuple[int, Group]  # which query, and the places of the documents to show
Ask = Callable[[list[Asked]], Sequence[Judgment]]
Cost = Callable[[int, int], float]  # dollars of (prompt tokens, generated tokens)
Costs = Mapping[str, Cost]  # of each model, by what stands behind the names of the counts of its tokens
Sort = Generator[list[Asked], list[Judgment], None]

SLICE = 8  # groups of a query asked at a time where only the answers tell what they took


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one query may take at most: prompts, tokens (of prompts and replies), dollars. None is no limit.

    Prompts never exceed their limit. What tokens and dollars come to is known afterwards, so those limits end the
    asking once they are reached, which is at most `SLICE` groups too late.

    Raises:
        Misuse: a limit is not above 0, or a limit of prompts or tokens is no whole number.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_calls", "max_tokens", "max_cost"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and (name == "max_cost" or value == int(value))):
                kind = "a number" if name == "max_cost" else "a whole number"
                raise Misuse(f"{name}={value!r}: a limit is {kind} above 0, or none")

    def __str__(self) -> str:
        limits = ((name, getattr(self, name)) for name in self.__slots__)
        return ", ".join(f"{name}={value}" for name, value in limits if value is not None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One query's order, best first, and what it took; the count `stopped` is 1 where a limit ended it early."""

    order: list[int]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def stopped(self) -> bool:
        """Whether a limit ended it early; the order is then the best that was known."""
        return self.counts["stopped"] > 0


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits, and how to tell what a question takes.

    Args:
        calls: prompts a question.
        costs: dollars of tokens; needed where dollars are limited.
    """

    limits: Limits
    calls: int = 1
    costs: Costs = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.limits.max_cost is not None and not self.costs:
            raise Misuse(f"max_cost={self.limits.max_cost} needs the model's prices")

    def affords(self, questions: int, spent: Counter[str]) -> int:
        """How many of some questions may be asked now."""
        limits, tokens = self.limits, spent["prompt_tokens"] + spent["generated_tokens"]
        if limits.max_tokens is not None and tokens >= limits.max_tokens:
            return 0
        if limits.max_cost is not None and sum(dollars(self.costs, spent).values()) >= limits.max_cost:
            return 0
        if limits.max_tokens is not None or limits.max_cost is not None:
            questions = min(questions, SLICE)
        if limits.max_calls is not None:
            questions = min(questions, max(limits.max_calls - spent["asked"], 0) // self.calls)
        return questions


def dollars(costs: Costs, counts: Mapping[str, float]) -> dict[str, float]:
    """What the tokens that were counted cost, by model."""
    tokens = ("prompt_tokens", "generated_tokens")
    return {of: cost(*(int(counts.get(f"{kind}{of}", 0)) for kind in tokens)) for of, cost in costs.items()}


def drive(
    sizes: Sequence[int],
    make: MakeFlow | Sequence[MakeFlow],
    ask: Ask,
    *,
    calls: int = 1,
    limits: Limits | None = None,
    cost: Cost | Costs | None = None,
    parallel: int | None = None,
) -> list[Outcome]:
    """Sorts the documents of each query with a flow of its own.

    Args:
        sizes: how many documents each query has.
        make: the flow over a query's order, which begins as 0, 1, ...; one for all queries, or one for each.
        ask: the judgments of (query, group) pairs, in their order. With `parallel` it is called by several threads.
        calls: how many prompts a question takes.
        limits: what each query may take.
        cost: dollars of (prompt tokens, generated tokens); of several models, by model.
        parallel: None for lock-step, else how many queries advance at a time, each on its own.

    Raises:
        Misuse: dollars are limited and `cost` is missing.
        ValueError: `ask` gave too few or too many judgments or scores, or one of several scores is NaN.
    """
    budget = Budget(limits or Limits(), calls, {"": cost} if callable(cost) else cost or {})
    outcomes = [Outcome(list(range(n))) for n in sizes]
    makes = [make] * len(sizes) if callable(make) else make
    flows = [own(outcome.order) for own, outcome in zip(makes, outcomes, strict=True)]
    sorts = [_sort(query, flow, outcomes[query], budget) for query, flow in enumerate(flows)]
    if parallel is None:
        lockstep(sorts, ask)
    else:
        independent(sorts, ask, parallel=parallel)
    if stopped := sum(outcome.stopped for outcome in outcomes):
        log.warning("%d of %d queries stopped at %s, with the best order so far", stopped, len(sizes), budget.limits)
    return outcomes


def _sort(query: int, flow: Flow, outcome: Outcome, budget: Budget) -> Sort:
    """What a flow asks, as far as the budget goes; its round is over when all of it is answered or nothing is left."""
    groups = next(flow, None)
    while groups is not None:
        scores: list[Scores | None] = []
        while some := groups[len(scores) :][: budget.affords(len(groups) - len(scores), outcome.counts)]:
            judgments = yield [(query, group) for group in some]
            scores += [_scores(group, judgment) for group, judgment in zip(some, judgments, strict=True)]
            outcome.counts.update(sum((judgment.counts for judgment in judgments), Counter()))
        unasked = len(groups) - len(scores)
        if scores or not unasked:
            groups = advanced(flow, [*scores, *[None] * unasked])
        if unasked:
            outcome.counts["stopped"] = 1
            break
    flow.close()


def _scores(group: Group, judgment: Judgment) -> Scores:
    if len(judgment.scores) != len(group) or (len(group) > 1 and any(map(isnan, judgment.scores))):
        raise ValueError(f"{len(group)} documents were shown and scored {judgment.scores}")
    return judgment.scores
