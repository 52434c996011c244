"""Rerankers that compare two documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rerank.llm.flow import MakeFlow
from rankify.rerank.llm.flows.all_pairs import all_pairs
from rankify.rerank.llm.flows.pairwise_bubblesort import pairwise_bubblesort
from rankify.rerank.llm.flows.pairwise_heapsort import Ties, pairwise_heapsort
from rankify.rerank.llm.judge import Judge
from rankify.rerank.llm.judges.pair import Pair, PairLikelihood
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of
from rankify.rerank.llm.reranker import Plan


@recipe(paper="PRP, arXiv:2306.17563")
def prp(
    llm: LLM, *, method: str = "sliding", k: int = 10, scoring: str = "generation", ties: Ties = "published",
    reasoning_tokens: int = 0,
) -> Plan:  # fmt: skip
    """Which of two passages is better, asked in both orders; a contradiction is a tie.

    Args:
        method: sliding (k passes of comparing neighbours), heapsort, or allpairs.
        k: how many documents at the top are sorted; allpairs sorts all.
        scoring: generation, or likelihood of the two answers.
        ties: of heapsort: published, where a tie is "not greater", or first-stage, where it keeps that order.
        reasoning_tokens: of generation: the most tokens of a think block before the answer.
    """
    flows: dict[str, MakeFlow] = {
        "sliding": partial(pairwise_bubblesort, k=k),
        "heapsort": partial(pairwise_heapsort, k=k, ties=ties),
        "allpairs": all_pairs,
    }
    if scoring == "likelihood" and reasoning_tokens:
        raise Misuse(f"reasoning_tokens={reasoning_tokens} with scoring=likelihood: nothing is written; leave it out")
    prompt = template("prp").unbegun() if reasoning_tokens else template("prp")
    judges: dict[str, Callable[[], Judge]] = {
        "generation": partial(Pair, llm, prompt, reasoning_tokens=reasoning_tokens),
        "likelihood": partial(PairLikelihood, llm, prompt),
    }
    return Plan(flow=one_of("method", method, flows), judge=one_of("scoring", scoring, judges)())
