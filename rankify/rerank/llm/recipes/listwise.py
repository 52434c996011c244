"""Rerankers that see a window of documents at once and sort it."""

from __future__ import annotations

from rankify.errors import UnknownName
from rankify.llm.protocol import LLM
from rankify.prompts.template import names, template
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.judges.shuffled import shuffled
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import prompt_that, windows
from rankify.rerank.llm.reranker import Plan
from rankify.stages import positive


@recipe(paper="RankGPT, arXiv:2304.09542")
def rankgpt(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, reasoning_tokens: int = 0, shuffles: int = 1
) -> Plan:
    """A list of identifiers, written by a chat model that received one passage a turn; encoder-decoders complete it.

    Args:
        window: how many documents the model sees at once. step: how far the window moves.
        passes: how often the whole ranking is gone through.
        reasoning_tokens: the most tokens of a think block before the answer.
        shuffles: how often each window is asked, in shuffled orders, whose central ranking counts: permutation
            self-consistency (arXiv:2310.07712). Once is in the present order.
    """
    prompt = template("rankgpt-complete" if llm.encoder_decoder else "rankgpt")
    judge = Permutation(llm, prompt, reasoning_tokens=reasoning_tokens)
    return Plan(flow=windows(window, step, passes), judge=shuffled(judge, shuffles))


@recipe(paper="RankZephyr, arXiv:2312.02724")
def rankzephyr(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, prompt: str = "rankzephyr",
    reasoning_tokens: int = 0, shuffles: int = 1,
) -> Plan:  # fmt: skip
    """A list of identifiers, written in one turn by RankZephyr or a model trained as it was.

    Args:
        window, step, passes, reasoning_tokens, shuffles: as for `rankgpt`.
        prompt: rankzephyr as published, or rankzephyr-current as RankLLM has had it since 2025-06.
    """
    judge = Permutation(llm, prompt_that(prompt, "permutation"), reasoning_tokens=reasoning_tokens)
    return Plan(flow=windows(window, step, passes), judge=shuffled(judge, shuffles))


@recipe(paper="RankVicuna, arXiv:2309.15088")
def rankvicuna(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, shuffles: int = 1) -> Plan:
    """A list of identifiers, written in one turn by RankVicuna.

    Args:
        window, step, passes, shuffles: as for `rankgpt`.
    """
    judge = Permutation(llm, template("rankvicuna"))
    return Plan(flow=windows(window, step, passes), judge=shuffled(judge, shuffles))


@recipe(paper="LRL, arXiv:2305.02156; APEER, arXiv:2406.14449; RankLLM, arXiv:2505.19284")
def listwise(
    llm: LLM,
    *,
    prompt: str = "rankzephyr-current",
    window: int = 20,
    step: int = 10,
    passes: int = 1,
    reasoning_tokens: int = 0,
    shuffles: int = 1,
) -> Plan:
    """A list of identifiers, written in one turn by any chat model.

    Args:
        prompt: rankzephyr-current, apeer, lrl, or any other prompt whose reply is a permutation.
        window, step, passes, reasoning_tokens, shuffles: as for `rankgpt`.
    """
    judge = Permutation(llm, prompt_that(prompt, "permutation"), reasoning_tokens=reasoning_tokens)
    return Plan(flow=windows(window, step, passes), judge=shuffled(judge, shuffles))


@recipe(paper="FIRST, arXiv:2406.15657; reproduced in arXiv:2411.05508")
def first(
    llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, prompt: str = "first", top: int | None = None,
    shuffles: int = 1,
) -> Plan:  # fmt: skip
    """A window sorted by the logits of its labels A, B, ... as the token behind "[": one forward pass, no writing.

    Args:
        window, step, passes, shuffles: as for `rankgpt`.
        prompt: first as published, or first-current as RankLLM has had it since 2025-06.
        top: read only that many of the most likely tokens, as figures made over a server did (20 or 30); labels
            that are not among them follow in their present order. All labels are read if not given.
    """
    if not template(prompt).prefill:
        known = [name for name in names() if template(name).prefill and template(name).reads == "permutation"]
        raise UnknownName.among("prompt that puts a bracket before the label", prompt, known)
    judge = Labels(llm, template(prompt), top=None if top is None else positive(top))
    return Plan(flow=windows(window, step, passes), judge=shuffled(judge, shuffles))
