"""Rerankers that are encoder-decoders trained to answer with one token."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rankify import catalog
from rankify.errors import Misuse
from rankify.llm.loading import bare
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rerank.llm.flow import MakeFlow
from rankify.rerank.llm.flows.pair_sums import Aggregate, Pairs, pair_sums
from rankify.rerank.llm.flows.pairwise_heapsort import Ties, pairwise_heapsort
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.judges.pair_probability import PairProbability
from rankify.rerank.llm.judges.relevance import Reading, Relevance
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import one_of
from rankify.rerank.llm.reranker import Plan
from rankify.rerank.llm.truncation import Cut, truncating


@recipe(paper="monoT5, arXiv:2003.06713")
def monot5(llm: LLM, *, cut: Cut = "cue", length: int | None = None) -> Plan:
    """The log-probability of true against false, by the labels that the checkpoint was trained with.

    Args:
        cut: cue, which cuts documents so that all of the prompt is read, also "Relevant:" behind them; or published,
            where only the first tokens of a long prompt are read and that cue is lost.
        length: the most tokens of a prompt; as trained, 512, if not given.
    """
    labels = catalog.models().get(bare(llm.model), {}).get("labels")
    choices = {labels[0]: 1.0, labels[1]: 0.0} if labels else None
    return _pointwise(llm, "monot5", "log-probability", cut, length, choices)


@recipe(paper="InRanker, arXiv:2401.06910")
def inranker(llm: LLM, *, cut: Cut = "cue", length: int | None = None) -> Plan:
    """The probability of true against false, in monoT5's words, by a small model that was distilled from monoT5-3B.

    Args:
        cut, length: as for `monot5`.
    """
    return _pointwise(llm, "monot5", "expected", cut, length)


@recipe(paper="TWOLAR, arXiv:2403.17759")
def twolar(llm: LLM, *, cut: Cut = "cue", length: int | None = None) -> Plan:
    """The logit of true less the logit of false, nearly in monoT5's words, by a FLAN-T5 distilled from ChatGPT.

    Args:
        cut: as for `monot5`.
        length: the most tokens of a prompt; as trained, 500, if not given.
    """
    return _pointwise(llm, "twolar", "difference", cut, length)


@recipe(paper="RankT5, arXiv:2210.10634, with the checkpoints of ListT5, arXiv:2402.15838")
def rankt5(llm: LLM, *, length: int | None = None) -> Plan:
    """The logit of the token `<extra_id_10>`; nothing stands behind a document, so that only its own end is cut off.

    Args:
        length: the most tokens that are read of a prompt; 512 if not given. The published figures on BEIR have 256,
            512 or 1024, by the collection's documents.
    """
    plan = _pointwise(llm, "rankt5", "logit", "published", length)
    [token] = plan.judge.template.choices or {}
    if llm.tokens([token]) != [1]:
        raise Misuse(f"{llm!r} has no token {token}, whose logit is the score: run a checkpoint of RankT5")
    return plan


@recipe(paper="duoT5, arXiv:2101.05667; heapsort in the code of arXiv:2310.09497")
def duot5(
    llm: LLM, *, method: str = "allpairs", pairs: Pairs = "all", aggregate: Aggregate = "sym-sum", k: int = 10,
    ties: Ties = "published", cut: Cut = "cue", length: int | None = None,
) -> Plan:  # fmt: skip
    """How likely one document is more relevant than another, over all ordered pairs: meant for the best 50 or so.

    Args:
        method: allpairs, whose probabilities are summed, or heapsort, by comparing them in both orders.
        pairs: of allpairs: all as published, or half, where the document ranked higher is shown first, as in RankLLM.
        aggregate: of allpairs: sym-sum as published, sum, sum-log or sym-sum-log.
        k: of heapsort: how many documents at the top are sorted; allpairs sorts all.
        ties: of heapsort: published, where a tie is "not greater", or first-stage, where it keeps that order.
        cut: cue, which cuts both documents alike so that the whole prompt is read; or published, where only the first
            tokens of a long prompt are read, and perhaps nothing of the second document.
        length: the most tokens of a prompt; as trained, 512, if not given.
    """
    if method == "heapsort" and (pairs != "all" or aggregate != "sym-sum"):
        raise Misuse(f"{pairs=}, {aggregate=} with method=heapsort, which compares and does not sum; leave them out")
    flows: dict[str, MakeFlow] = {
        "allpairs": partial(pair_sums, pairs=pairs, aggregate=aggregate),
        "heapsort": partial(pairwise_heapsort, k=k, ties=ties),
    }
    flow, prompt = one_of("method", method, flows), template("duot5")
    asking = truncating(llm, prompt, cut=cut, length=length, documents=2)
    return Plan(flow=flow, judge=PairProbability(llm, prompt, both=method == "heapsort", asking=asking))


def _pointwise(
    llm: LLM, prompt: str, reading: Reading, cut: Cut, length: int | None, choices: Mapping[str, float] | None = None
) -> Plan:
    asking = truncating(llm, template(prompt), cut=cut, length=length)
    judge = Relevance(llm, template(prompt), choices=choices, reading=reading, asking=asking)
    return Plan(flow=pointwise, judge=judge, scored=True)
