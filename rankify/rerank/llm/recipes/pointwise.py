"""Rerankers that judge each document alone."""

from __future__ import annotations

from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, template
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.judges.query import QueryLikelihood
from rankify.rerank.llm.judges.relevance import Reading, Relevance
from rankify.rerank.llm.judges.thinking import Thinking
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.reranker import Plan


@recipe(paper="HELM, arXiv:2211.09110, in the words of arXiv:2310.09497")
def yes_no(llm: LLM, *, reasoning_tokens: int = 0) -> Plan:
    """The probability of Yes against No to whether the passage answers the query.

    Args:
        reasoning_tokens: the most tokens of a think block before the answer.
    """
    return _thinking(llm, template("yes-no"), reasoning_tokens)


@recipe(paper="Beyond Yes and No, arXiv:2310.14122")
def graded(llm: LLM, *, reasoning_tokens: int = 0) -> Plan:
    """The expected grade on a scale of 0 to 4, over the likelihoods of the five numbers.

    Args:
        reasoning_tokens: the most tokens of a think block before the answer.
    """
    return _thinking(llm, template("graded"), reasoning_tokens)


@recipe(paper="Qwen3 Embedding, arXiv:2506.05176")
def qwen3_reranker(llm: LLM, *, instruction: str | None = None) -> Plan:
    """The probability of yes against no, in Qwen3-Reranker's own format.

    Args:
        instruction: the task in a sentence; that of web search, as published, if not given.
    """
    return _pointwise(llm, template("qwen3-reranker").instructed(instruction))


@recipe(paper="mxbai-rerank-v2, https://www.mixedbread.com/blog/mxbai-rerank-v2")
def mxbai_rerank_v2(llm: LLM, *, instruction: str | None = None) -> Plan:
    """The logit of 1 less the logit of 0, in mxbai-rerank-v2's own format.

    Args:
        instruction: the task in a sentence; none, as published, if not given.
    """
    return _pointwise(llm, template("mxbai-rerank-v2").instructed(instruction), "difference")


@recipe(paper="BGE M3-Embedding, arXiv:2402.03216")
def bge_reranker_v2_gemma(llm: LLM) -> Plan:
    """The logit of Yes, in bge-reranker-v2-gemma's own format."""
    return _pointwise(llm, template("bge-reranker-v2-gemma"), "logit")


@recipe(paper="Query likelihood, in the words of arXiv:2310.09497")
def qlm(llm: LLM) -> Plan:
    """How likely the query is as a question about the passage."""
    return Plan(flow=pointwise, judge=QueryLikelihood(llm, template("qlm")), scored=True)


@recipe(paper="UPR, arXiv:2204.07496")
def upr(llm: LLM) -> Plan:
    """How likely the query and its end are as a question about the passage."""
    return Plan(flow=pointwise, judge=QueryLikelihood(llm, template("upr"), end=True), scored=True)


def _pointwise(llm: LLM, prompt: Template, reading: Reading = "expected") -> Plan:
    return Plan(flow=pointwise, judge=Relevance(llm, prompt, reading=reading), scored=True)


def _thinking(llm: LLM, prompt: Template, reasoning_tokens: int) -> Plan:
    judge = Thinking(llm, prompt, reasoning_tokens=reasoning_tokens) if reasoning_tokens else Relevance(llm, prompt)
    return Plan(flow=pointwise, judge=judge, scored=True)
