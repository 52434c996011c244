"""Rerankers that fuse in the decoder: an encoder reads each passage by itself, a decoder all of them together."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import Template, template
from rankify.rerank.llm.flows.listt5 import tournament
from rankify.rerank.llm.judges.attention import Attention
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.recipe import recipe
from rankify.rerank.llm.recipes.options import windows
from rankify.rerank.llm.reranker import Plan


@recipe(paper="LiT5, arXiv:2312.16098")
def lit5_distill(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1, reply_tokens: int = 139) -> Plan:
    """A list of identifiers, written by LiT5-Distill.

    Args:
        window: how many documents the model sees at once: 20, or 100 for the checkpoints called v2.
        step: how far the window moves. passes: how often the whole ranking is gone through.
        reply_tokens: the most tokens of a list. The published 139 hold about 35 identifiers; what a list of 100 leaves
            out follows in its present order.
    """
    judge = Permutation(llm, fused(llm, "lit5-distill"), most=tokens("reply_tokens", reply_tokens))
    return Plan(flow=windows(window, step, passes), judge=judge)


@recipe(paper="LiT5, arXiv:2312.16098, as RankLLM, arXiv:2505.19284, runs it")
def rankfid(llm: LLM, *, window: int = 20, step: int = 10, passes: int = 1) -> Plan:
    """A list of identifiers, written by LiT5-Distill: RankLLM's passages and its limit of a reply.

    Args:
        window, step, passes: as for `lit5-distill`.
    """
    flow, prompt = windows(window, step, passes), fused(llm, "rankfid")
    # as many tokens as a whole list has characters, the one that a decoder begins with among them
    most = len(" > ".join(prompt.identifiers(max(window, 2)))) - 1
    return Plan(flow=flow, judge=Permutation(llm, prompt, most=most))


@recipe(paper="LiT5, arXiv:2312.16098")
def lit5_score(llm: LLM, *, window: int = 100, step: int = 50) -> Plan:
    """What LiT5-Score looks at in each passage while it writes an answer to the query.

    Args:
        window: how many documents the model sees at once. step: how far the window moves where there are more.
    """
    return Plan(flow=windows(window, step, 1), judge=Attention(llm, fused(llm, "lit5-score"), most=19))


@recipe(paper="ListT5, arXiv:2402.15838")
def listt5(llm: LLM, *, r: int = 2, k: int = 10, length: int = 256) -> Plan:
    """A tournament of fives, each sorted by ListT5.

    Args:
        r: how many of a five go on, 1 or 2: with 1 it asks about half as much.
        k: how many documents at the top are sorted.
        length: the most tokens of a passage and its query. As published: 256 for MS MARCO, TREC DL and BEIR's nq,
            hotpotqa, fever, climate-fever, dbpedia-entity, signal1m and quora; 512 for trec-covid, nfcorpus, bioasq,
            fiqa, cqadupstack, scidocs and scifact; 1024 for trec-news, robust04, arguana and webis-touche2020.
    """
    prompt = replace(fused(llm, "listt5"), most=tokens("length", length))
    return Plan(flow=partial(tournament, k=k, r=r), judge=Permutation(llm, prompt, most=6))


def fused(llm: LLM, name: str) -> Template:
    """The prompt in parts of that name.

    Raises:
        Misuse: the backend has no encoder that could read them.
    """
    if not llm.fuses:
        raise Misuse(f"{llm!r} reads no texts apart, as {name!r} asks of an encoder-decoder: use hf: with a T5")
    return template(name)


def tokens(option: str, most: int) -> int:
    """A number of tokens that an option names.

    Raises:
        Misuse: it is no whole number above 0.
    """
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise Misuse(f"{option}={most!r}: a text has 1 token or more")
    return most
