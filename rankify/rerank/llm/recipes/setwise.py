"""Rerankers that pick the best of a few documents."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rerank.llm.flow import MakeFlow
from rankify.rerank.llm.flows.bubblesort import bubblesort
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.insertion import insertion
from rankify.rerank.llm.judge import Judge
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of
from rankify.rerank.llm.reranker import Plan


@recipe(paper="Setwise, arXiv:2310.09497; insertion, arXiv:2504.10509")
def setwise(
    llm: LLM, *, method: str = "heapsort", k: int = 10, children: int = 3, scoring: str = "generation", votes: int = 1,
    published: bool = False, reasoning_tokens: int = 0,
) -> Plan:  # fmt: skip
    """Which of a few passages is best, as the comparison of a sort.

    Args:
        method: heapsort, bubblesort or insertion.
        k: how many documents at the top are sorted.
        children: the model sees one document more than that at once.
        scoring: generation of a label, or likelihood of the labels.
        votes: of generation: how often each question is asked, with passages and labels shuffled; the most votes win.
        published: of bubblesort: skip the questions that the published implementation skips, which can cost a document.
        reasoning_tokens: of generation: the most tokens of a think block before the answer.
    """
    flows: dict[str, MakeFlow] = {
        "heapsort": partial(heapsort, k=k, children=children),
        "bubblesort": partial(bubblesort, k=k, children=children, published=published),
        "insertion": partial(insertion, k=k, children=children),
    }
    if scoring == "likelihood" and (votes != 1 or reasoning_tokens):
        raise Misuse(f"{votes=}, {reasoning_tokens=} with scoring=likelihood, which asks once and writes nothing")
    prompt = template("setwise" if llm.prefills and not reasoning_tokens else "setwise-chat")
    judges: dict[str, Callable[[], Judge]] = {
        "generation": partial(Best, llm, prompt, votes=votes, reasoning_tokens=reasoning_tokens),
        "likelihood": partial(Labels, llm, template("setwise"), label=" {letter}"),
    }
    return Plan(flow=one_of("method", method, flows), judge=one_of("scoring", scoring, judges)())
