"""Rerankers that read what a model looks at in a prompt with all documents."""

from __future__ import annotations

from rankify.errors import Misuse, UnknownName
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rerank.llm.flow import Flow
from rankify.rerank.llm.flows.sliding_window import sliding_window
from rankify.rerank.llm.judges.in_context import SCORINGS, InContext
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of, windows
from rankify.rerank.llm.reranker import Plan

PROMPTS = ("icr", "icr-llama")
TASKS = ("search", "qa")
ORDERS = {"reversed": True, "given": False}


@recipe(paper="In-Context Re-ranking, arXiv:2410.02642; attention sorting, arXiv:2310.01427")
def icr(
    llm: LLM, *, scoring: str = "masked", order: str = "reversed", task: str = "search", prompt: str = "icr",
    words: int | None = 300, window: int | None = None, step: int | None = None,
) -> Plan:  # fmt: skip
    """How much more the model looks at each document for the query than for "N/A"; all are shown at once and read once.

    Args:
        scoring: masked: what tokens get for the query less what they get for N/A, summed over a document's tokens
            without those far below the others. The published ablations: calibrated-last, where only the prompt's last
            token looks and no token is left out; uncalibrated, without N/A; attention-sorting, without N/A and only the
            last token looks; bias, of N/A alone.
        order: reversed, so that the best document is nearest the query, or given.
        task: search, or qa as published for trec-covid, fiqa, webis-touche2020, dbpedia-entity, nq and multi-hop sets.
        prompt: icr, or icr-llama, whose line breaks are tokens of their own in Llama 3's tokenizer and Qwen's.
        words: the most words of a document; none for all.
        window: how many documents the model sees at once, where all are too many; ranks are then those of windows.
        step: how far the window moves; half of it if not given.
    """
    if prompt not in PROMPTS:
        raise UnknownName.among("prompt of icr", prompt, PROMPTS)
    if task not in TASKS:
        raise UnknownName.among("task", task, TASKS)
    if words is not None and words < 1:
        raise Misuse(f"words={words}: a document shows 1 word or more, or all with none")
    if window is None and step is not None:
        raise Misuse(f"step={step} without a window: all documents are shown at once; give a window")
    judge = InContext(
        llm, template(prompt).instructed(task), scoring=one_of("scoring", scoring, SCORINGS),
        best_last=one_of("order", order, ORDERS), words=words,
    )  # fmt: skip
    if window is None:
        return Plan(flow=at_once, judge=judge)
    return Plan(flow=windows(window, window // 2 if step is None else step, 1), judge=judge)


def at_once(order: list[int]) -> Flow:
    """All documents in one window."""
    return sliding_window(order, window=max(len(order), 2), step=1)
