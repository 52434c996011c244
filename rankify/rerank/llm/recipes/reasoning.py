"""Rerankers that think before they answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, template
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.reasoned import Reasoned
from rankify.rerank.llm.judges.thinking import Thinking, tokens
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of, windows
from rankify.rerank.llm.reranker import Plan


@recipe(paper="Rank-R1, arXiv:2503.06034")
def rank_r1(
    llm: LLM, *, k: int = 10, children: int = 19, prompt: str = "rank-r1", votes: int = 1,
    reasoning_tokens: int | None = None, query_tokens: int = 32, document_tokens: int = 512,
) -> Plan:  # fmt: skip
    """The best of twenty documents, named by a model that thinks first, as the comparison of a heapsort.

    The documents of every question are shuffled, as published, by a seed of their own.

    Args:
        k: how many documents at the top are sorted.
        children: the model sees one document more than that at once.
        prompt: rank-r1; rank-r1-v0.2 for models made from Qwen3, used with children=9; or rank-r1-sft, for models that
            were taught to answer at once.
        votes: how often each question is asked; the most votes win.
        reasoning_tokens: the most tokens of a think block; 2048, and none for rank-r1-sft, if not given.
        query_tokens, document_tokens: the most tokens of each text; 1024 of both with BRIGHT, as published.
    """
    known = {name: template(name) for name in ("rank-r1", "rank-r1-v0.2", "rank-r1-sft")}
    asked = _cut(one_of("prompt", prompt, known), query_tokens=query_tokens, document_tokens=document_tokens)
    usual = 0 if prompt == "rank-r1-sft" else 2048
    most = usual if reasoning_tokens is None else tokens("reasoning_tokens", reasoning_tokens)
    judge = Best(llm, asked, votes=votes, shuffled=True, reasoning_tokens=most)
    return Plan(flow=partial(heapsort, k=k, children=children), judge=judge)


@recipe(paper="Rank1, arXiv:2502.18418")
def rank1(llm: LLM, *, reasoning_tokens: int = 8192, instruction: str | None = None) -> Plan:
    """The probability of true against false, behind what the model thinks of the passage.

    Args:
        reasoning_tokens: the most tokens of a think block; one that has not ended then is ended behind its last whole
            sentence, as published.
        instruction: what else makes a passage relevant; it stands behind the query. Nothing, if not given.
    """
    judge = Thinking(llm, template("rank1").instructed(instruction), reasoning_tokens=reasoning_tokens)
    return Plan(flow=pointwise, judge=judge, scored=True)


@recipe(paper="ReasonRank, arXiv:2508.07050")
def reasonrank(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, prompt: str = "reasonrank",
    reasoning_tokens: int = 3072, document_tokens: int | None = None,
) -> Plan:  # fmt: skip
    """A list of identifiers between answer tags, written by a model that thinks first.

    Args:
        window, step, passes: as for `rankgpt`.
        prompt: reasonrank as its authors have it, or reasonrank-rankllm as RankLLM has it.
        reasoning_tokens: the most tokens of a think block.
        document_tokens: the most tokens of a document: 512 if not given, as published for BRIGHT and R2MED; 100 for
            TREC and BEIR. RankLLM's prompt cuts at 300 words instead.
    """
    known = {name: template(name) for name in ("reasonrank", "reasonrank-rankllm")}
    asked = one_of("prompt", prompt, known)
    if document_tokens is not None:
        asked = _cut(asked, document_tokens=document_tokens)
    judge = Reasoned(llm, asked, reasoning_tokens=tokens("reasoning_tokens", reasoning_tokens))
    return Plan(flow=windows(window, step, passes), judge=judge)


@recipe(paper="Rank-K, arXiv:2505.14432")
def rank_k(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, reasoning_tokens: int = 10_000) -> Plan:
    """A list of identifiers, written by a model that thinks by nature; it may say that some are equal.

    Args:
        window, step, passes: as for `rankgpt`.
        reasoning_tokens: the most tokens of a think block; 10,000 as RankLLM has it.
    """
    judge = Reasoned(llm, template("rank-k"), reasoning_tokens=tokens("reasoning_tokens", reasoning_tokens))
    return Plan(flow=windows(window, step, passes), judge=judge)


def _cut(prompt: Template, **most: int) -> Template:
    """The prompt with its texts cut to so many tokens."""
    checked: dict[str, Any] = {option: tokens(option, number) for option, number in most.items()}
    return replace(prompt, **checked)
