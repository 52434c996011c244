"""The stage: rankings in, rankings out, in between a flow for each query, one judge and a driver."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from rankify.llm.protocol import LLM
from rankify.rerank.llm.drive import Limits, drive
from rankify.rerank.llm.flow import Group, MakeFlow
from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.spec import Spec, Value
from rankify.stages import Reranker
from rankify.types import Ranking, Run

TOGETHER = 1024  # queries in one lock-step: bounds the documents in memory


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A recipe at work: how to sort, and how to ask.

    Args:
        scored: whether each document is judged alone, so that the judge's scores are the ranking's.
    """

    flow: MakeFlow
    judge: Judge
    scored: bool = False


class LLMReranker(Reranker):
    """Ranks with a language model; made by a recipe.

    Args:
        name: the recipe's.
        options: the recipe's options that differ from its defaults.
        limits: what each query may cost at most.
        cost: dollars of (prompt tokens, generated tokens); None where no price is known.
    """

    def __init__(
        self, name: str, plan: Plan, *, options: Mapping[str, Value], limits: Limits,
        cost: Callable[[int, int], float] | None,
    ) -> None:  # fmt: skip
        self.recipe, self.plan, self.options, self.limits, self.cost = name, plan, options, limits, cost
        self._counted: Counter[str] = Counter()
        self._dollars = 0.0

    @property
    def llm(self) -> LLM:
        """The backend that is asked."""
        return self.plan.judge.llm

    def rerank(self, run: Run) -> Run:
        self._counted, self._dollars = Counter(), 0.0
        passes = self.llm.passes
        reranked = [r for start in range(0, len(run), TOGETHER) for r in self._together(run[start : start + TOGETHER])]
        self._counted["passes"] = self.llm.passes - passes
        return Run(reranked)

    def _together(self, run: Run) -> list[Ranking]:
        documents = [list(ranking.documents) for ranking in run]
        scores: list[dict[int, float]] = [{} for _ in run]

        def ask(asked: Sequence[tuple[int, Group]]) -> list[Judgment]:
            questions = [Question(run[i].query, [documents[i][place] for place in group]) for i, group in asked]
            judgments = self.plan.judge(questions)
            for (i, group), judgment in zip(asked, judgments, strict=True):
                if len(group) == 1:
                    scores[i][group[0]] = judgment.scores[0]
            return judgments

        outcomes = drive(
            [len(ranking) for ranking in run], self.plan.flow, ask, calls=self.plan.judge.calls, limits=self.limits,
            cost=self.cost, parallel=getattr(self.llm, "parallel", 16) if self.llm.independent else None,
        )  # fmt: skip
        for outcome in outcomes:
            self._counted += outcome.counts
        if self.cost:
            counts = self._counted
            self._dollars = self.cost(counts["prompt_tokens"], counts["generated_tokens"])
        orders = [outcome.order for outcome in outcomes]
        return [self._ranked(*one) for one in zip(run, orders, scores, strict=True)]

    def _ranked(self, before: Ranking, order: Sequence[int], scores: Mapping[int, float]) -> Ranking:
        """The new ranking: by the judge's scores where every document has one, else by the order alone."""
        if self.plan.scored and len(scores) == len(before) and all(map(isfinite, scores.values())):
            return before.rescored([scores[place] for place in range(len(before))])
        return before.reordered(order)

    def counts(self) -> dict[str, float]:
        """What the run took: prompts, unreadable and repaired replies, truncated texts, tokens, passes, dollars."""
        always = dict.fromkeys(
            ("asked", "unreadable", "repaired", "truncated", "prompt_tokens", "generated_tokens"), 0.0
        )
        return {**always, **self._counted, **({"cost": self._dollars} if self.cost else {})}

    def __repr__(self) -> str:
        model = Spec.parse(repr(self.llm))
        name = f"{model.name}:{model.model}" if model.model else model.name
        return str(Spec(self.recipe, name, {**self.options, **model.options}))
