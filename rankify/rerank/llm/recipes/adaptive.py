"""Rerankers that mix ways of asking, or choose what to ask by what they have learnt: tournaments, pivots, budgets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, template
from rankify.prompts.texts import passage
from rankify.rerank.llm.backends import opened
from rankify.rerank.llm.flows.ecorank import ecorank as budgeted
from rankify.rerank.llm.flows.top_down import top_down
from rankify.rerank.llm.flows.tournament import tournaments as played
from rankify.rerank.llm.judge import Judge
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.by_size import BySize
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.judges.select import Select
from rankify.rerank.llm.judges.shuffled import shuffled
from rankify.rerank.llm.judges.yes_no import YesNo
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of, prompt_that
from rankify.rerank.llm.reranker import Plan
from rankify.types import Ranking


@recipe(paper="TourRank, arXiv:2406.11678")
def tourrank(llm: LLM, *, tournaments: int = 10, draw: int = 0) -> Plan:
    """Points from tournaments, in whose stages the model chooses the best of each group.

    Args:
        tournaments: how many are played, side by side: TourRank-r.
        draw: another number draws other orders of the documents in each group.
    """

    def about(ranking: Ranking) -> Mapping[str, Any]:
        return {"seed": f"{draw} {ranking.query.id}"}

    return Plan(flow=partial(played, times=tournaments), judge=Select(llm, template("tourrank")), about=about)


@recipe(paper="Top-down partitioning, arXiv:2405.14589")
def tdpart(
    llm: LLM, *, window: int = 20, k: int = 10, budget: int | None = None, scoring: str = "generation",
    prompt: str | None = None, shuffles: int = 1,
) -> Plan:  # fmt: skip
    """A window from the top, whose document at rank k all others have to beat, in windows that go together.

    Args:
        window: how many documents the model sees at once.
        k: how many documents at the top are sorted.
        budget: how many candidates are enough, 20 in the published experiments; windows then go one after another, and
            a better document further down may be missed. All windows are asked if not given.
        scoring: generation of a list, or likelihood of the labels as FIRST reads them.
        prompt: rankzephyr, or first for likelihoods, if not given; or any other prompt whose reply is a permutation.
        shuffles: how often each window is asked, in shuffled orders, as for `rankgpt`.
    """
    judges = {"generation": (Permutation, "rankzephyr"), "likelihood": (Labels, "first")}
    make, usual = one_of("scoring", scoring, judges)
    asked = prompt_that(prompt or usual, "permutation")
    if make is Labels and not asked.prefill:
        raise Misuse(f"prompt={prompt} with scoring=likelihood: labels are read behind a bracket; prompt=first has one")
    return Plan(flow=partial(top_down, window=window, k=k, budget=budget), judge=shuffled(make(llm, asked), shuffles))


@recipe(paper="EcoRank, arXiv:2402.10866")
def ecorank(
    llm: LLM, *, cheap: str | LLM | None = None, budget: int = 4000, split: float = 0.5, passages: int = 50
) -> Plan:
    """Yes or no by an expensive model, then pairs of neighbours by a cheap one, within a budget of words.

    Args:
        cheap: the backend of the cheap model, e.g. `hf:google/flan-t5-large`; the same model if not given.
        budget: how many words of the expensive model a query may take; three of the cheap one are one of those.
        split: the share of the budget for yes or no.
        passages: how many documents, from the top, take part.
    """
    pair = template("ecorank-pair")
    judges: dict[int, Judge] = {
        1: YesNo(llm, template("ecorank-relevance")),
        2: Best(llm if cheap is None else opened(cheap), pair),
    }
    flow = partial(budgeted, budget=budget, split=split, passages=passages)
    return Plan(flow=flow, judge=BySize(judges), about=partial(words, pair))


def words(prompt: Template, ranking: Ranking) -> Mapping[str, Any]:
    """How many words a query and its documents have in a prompt."""
    documents = [len(passage(document, prompt.document).split()) for document in ranking.documents]
    return {"query": len(ranking.query.text.split()), "documents": documents}
