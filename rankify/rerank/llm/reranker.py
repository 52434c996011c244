"""The stage: rankings in, rankings out, in between a flow for each query, one judge and a driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

from rankify.llm.protocol import LLM
from rankify.rerank.llm.drive import Costs, Limits, dollars, drive
from rankify.rerank.llm.flow import Flow, Group, MakeFlow, Selection
from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.rerank.llm.judges.composed import models
from rankify.spec import Spec, Value
from rankify.stages import Reranker
from rankify.types import Ranking, Run

TOGETHER = 1024  # queries in one lock-step: bounds the documents in memory


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe at work: how to sort, and how to ask.

    Args:
        flow: from an order to a flow; and from what it is told of the query, where it is.
        scored: whether each document is judged alone, so that the judge's scores are the ranking's.
        about: what the flow is told of a query's ranking, as keyword arguments, e.g. how long its texts are. Flows
            know nothing but positions otherwise.
    """

    flow: Callable[..., Flow]
    judge: Judge
    scored: bool = False
    about: Callable[[Ranking], Mapping[str, Any]] | None = None

    def flow_of(self, ranking: Ranking) -> MakeFlow:
        """From the order of this ranking to its flow."""
        return partial(self.flow, **self.about(ranking)) if self.about else self.flow


class LLMReranker(Reranker):
    """Ranks with a language model; made by a recipe.

    Args:
        name: the recipe's.
        options: the recipe's options that differ from its defaults.
        limits: what each query may cost at most.
        costs: dollars of (prompt tokens, generated tokens), by model; of those whose price is known.
    """

    def __init__(self, name: str, plan: Plan, *, options: Mapping[str, Value], limits: Limits, costs: Costs) -> None:
        self.recipe, self.plan, self.options, self.limits, self.costs = name, plan, options, limits, costs
        self.models = models(plan.judge)
        self._counted: Counter[str] = Counter()

    @property
    def llm(self) -> LLM:
        """The backend that is asked, or the first of several."""
        return self.plan.judge.llm

    def rerank(self, run: Run) -> Run:
        self._counted = Counter()
        passes = sum(llm.passes for llm in self.models)
        reranked = [r for start in range(0, len(run), TOGETHER) for r in self._together(run[start : start + TOGETHER])]
        self._counted["passes"] = sum(llm.passes for llm in self.models) - passes
        return Run(reranked)

    def _together(self, run: Run) -> list[Ranking]:
        documents = [list(ranking.documents) for ranking in run]
        scores: list[dict[int, float]] = [{} for _ in run]

        def ask(asked: Sequence[tuple[int, Group]]) -> list[Judgment]:
            questions = [
                Question(run[i].query, [documents[i][place] for place in group], select=selected(group))
                for i, group in asked
            ]
            judgments = self.plan.judge(questions)
            for (i, group), judgment in zip(asked, judgments, strict=True):
                if len(group) == 1:
                    scores[i][group[0]] = judgment.scores[0]
            return judgments

        outcomes = drive(
            [len(ranking) for ranking in run], [self.plan.flow_of(ranking) for ranking in run], ask,
            calls=self.plan.judge.calls, limits=self.limits, cost=self.costs, parallel=self.parallel,
        )  # fmt: skip
        for outcome in outcomes:
            self._counted += outcome.counts
        orders = [outcome.order for outcome in outcomes]
        return [self._ranked(*one) for one in zip(run, orders, scores, strict=True)]

    def _ranked(self, before: Ranking, order: Sequence[int], scores: Mapping[int, float]) -> Ranking:
        """The new ranking: by the judge's scores where every document has one, else by the order alone."""
        if self.plan.scored and len(scores) == len(before) and all(map(isfinite, scores.values())):
            return before.rescored([scores[place] for place in range(len(before))])
        return before.reordered(order)

    @property
    def parallel(self) -> int | None:
        """How many queries advance at a time, each alone; None where a model gains by all going together."""
        if not all(llm.independent for llm in self.models):
            return None
        return min(int(getattr(llm, "parallel", 16)) for llm in self.models)

    def counts(self) -> dict[str, float]:
        """What the run took: prompts, unreadable and repaired replies, truncated texts, tokens, passes, dollars.

        Of several models, the tokens and the dollars of each stand beside those of all.
        """
        always = dict.fromkeys(
            ("asked", "unreadable", "repaired", "truncated", "prompt_tokens", "generated_tokens"), 0.0
        )
        cost = {f"cost{of}": cost for of, cost in dollars(self.costs, self._counted).items()}
        whole = {"cost": sum(cost.values())} if len(cost) == len({llm.model for llm in self.models}) else {}
        return {**always, **self._counted, **cost, **whole}

    def __repr__(self) -> str:
        model = Spec.parse(repr(self.llm))
        name = f"{model.name}:{model.model}" if model.model else model.name
        return str(Spec(self.recipe, name, {**self.options, **model.options}))


def selected(group: Group) -> int | None:
    """How many of a group are to be chosen, where the flow says so."""
    return group.select if isinstance(group, Selection) else None
