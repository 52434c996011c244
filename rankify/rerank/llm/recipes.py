"""Published LLM rerankers: which flow, which judge, which prompt, under the names and defaults of their papers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from rankify import catalog
from rankify.errors import Misuse, UnknownName
from rankify.llm.loading import bare
from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, names, template
from rankify.rerank.llm.flow import MakeFlow
from rankify.rerank.llm.flows.all_pairs import all_pairs
from rankify.rerank.llm.flows.bubblesort import bubblesort
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.insertion import insertion
from rankify.rerank.llm.flows.pairwise_bubblesort import pairwise_bubblesort
from rankify.rerank.llm.flows.pairwise_heapsort import Ties, pairwise_heapsort
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.flows.sliding_window import sliding_window
from rankify.rerank.llm.judge import Judge
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.judges.pair import Pair, PairLikelihood
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.judges.query import QueryLikelihood
from rankify.rerank.llm.judges.relevance import Reading, Relevance
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.reranker import Plan
from rankify.stages import positive

Kind = TypeVar("Kind")


@recipe(paper="RankGPT, arXiv:2304.09542")
def rankgpt(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, reasoning_tokens: int = 0) -> Plan:
    """A list of identifiers, written by a chat model that received one passage a turn; encoder-decoders complete it.

    Args:
        window: how many documents the model sees at once. step: how far the window moves.
        passes: how often the whole ranking is gone through.
        reasoning_tokens: the most tokens of a think block before the answer.
    """
    prompt = template("rankgpt-complete" if llm.encoder_decoder else "rankgpt")
    return Plan(flow=_windows(window, step, passes), judge=Permutation(llm, prompt, reasoning_tokens=reasoning_tokens))


@recipe(paper="RankZephyr, arXiv:2312.02724")
def rankzephyr(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, prompt: str = "rankzephyr",
    reasoning_tokens: int = 0,
) -> Plan:  # fmt: skip
    """A list of identifiers, written in one turn by RankZephyr or a model trained as it was.

    Args:
        window, step, passes, reasoning_tokens: as for `rankgpt`.
        prompt: rankzephyr as published, or rankzephyr-current as RankLLM has had it since 2025-06.
    """
    judge = Permutation(llm, _prompt(prompt, "permutation"), reasoning_tokens=reasoning_tokens)
    return Plan(flow=_windows(window, step, passes), judge=judge)


@recipe(paper="RankVicuna, arXiv:2309.15088")
def rankvicuna(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1) -> Plan:
    """A list of identifiers, written in one turn by RankVicuna.

    Args:
        window, step, passes: as for `rankgpt`.
    """
    return Plan(flow=_windows(window, step, passes), judge=Permutation(llm, template("rankvicuna")))


@recipe(paper="LRL, arXiv:2305.02156; APEER, arXiv:2406.14449; RankLLM, arXiv:2505.19284")
def listwise(
    llm: LLM,
    *,
    prompt: str = "rankzephyr-current",
    window: int = 20,
    step: int = 10,
    passes: int = 1,
    reasoning_tokens: int = 0,
) -> Plan:
    """A list of identifiers, written in one turn by any chat model.

    Args:
        prompt: rankzephyr-current, apeer, lrl, or any other prompt whose reply is a permutation.
        window, step, passes, reasoning_tokens: as for `rankgpt`.
    """
    judge = Permutation(llm, _prompt(prompt, "permutation"), reasoning_tokens=reasoning_tokens)
    return Plan(flow=_windows(window, step, passes), judge=judge)


@recipe(paper="FIRST, arXiv:2406.15657; reproduced in arXiv:2411.05508")
def first(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, prompt: str = "first", top: int | None = None
) -> Plan:
    """A window sorted by the logits of its labels A, B, ... as the token behind "[": one forward pass, no writing.

    Args:
        window, step, passes: as for `rankgpt`.
        prompt: first as published, or first-current as RankLLM has had it since 2025-06.
        top: read only that many of the most likely tokens, as figures made over a server did (20 or 30); labels
            that are not among them follow in their present order. All labels are read if not given.
    """
    if not template(prompt).prefill:
        known = [name for name in names() if template(name).prefill and template(name).reads == "permutation"]
        raise UnknownName.among("prompt that puts a bracket before the label", prompt, known)
    judge = Labels(llm, template(prompt), top=None if top is None else positive(top))
    return Plan(flow=_windows(window, step, passes), judge=judge)


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
    return Plan(flow=_one_of("method", method, flows), judge=_one_of("scoring", scoring, judges)())


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
    return Plan(flow=_one_of("method", method, flows), judge=_one_of("scoring", scoring, judges)())


@recipe(paper="HELM, arXiv:2211.09110, in the words of arXiv:2310.09497")
def yes_no(llm: LLM) -> Plan:
    """The probability of Yes against No to whether the passage answers the query."""
    return _pointwise(llm, template("yes-no"))


@recipe(paper="Beyond Yes and No, arXiv:2310.14122")
def graded(llm: LLM) -> Plan:
    """The expected grade on a scale of 0 to 4, over the likelihoods of the five numbers."""
    return _pointwise(llm, template("graded"))


@recipe(paper="monoT5, arXiv:2003.06713")
def monot5(llm: LLM) -> Plan:
    """The log-probability of true against false, by the labels that the checkpoint was trained with."""
    labels = catalog.models().get(bare(llm.model), {}).get("labels")
    choices = {labels[0]: 1.0, labels[1]: 0.0} if labels else None
    return _pointwise(llm, template("monot5"), "log-probability", choices)


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


def _windows(window: int, step: int, passes: int) -> MakeFlow:
    return partial(sliding_window, window=window, step=step, passes=passes)


def _pointwise(
    llm: LLM, prompt: Template, reading: Reading = "expected", choices: Mapping[str, float] | None = None
) -> Plan:
    judge = Relevance(llm, prompt, choices=choices, reading=reading)
    return Plan(flow=pointwise, judge=judge, scored=True)


def _prompt(name: str, reads: str) -> Template:
    """The prompt of that name, if its reply is read in this way."""
    fitting = [n for n in names() if template(n).reads == reads]
    if name not in fitting:
        raise UnknownName.among(f"prompt whose reply is a {reads}", name, fitting)
    return template(name)


def _one_of(option: str, name: str, known: Mapping[str, Kind]) -> Kind:
    if name not in known:
        raise UnknownName.among(option, name, known)
    return known[name]
