"""REPLUG: the documents apart, each in a prompt of its own, and one answer from the mean of what they make likely."""

from __future__ import annotations

from math import isfinite

import numpy as np

from rankify.errors import Misuse
from rankify.llm.protocol import LLM
from rankify.prompts.template import template
from rankify.rag.answers import first_line, unmarked
from rankify.rag.flow import Flow, Found, Mix, Write, written
from rankify.rag.method import method
from rankify.rag.reader import Plan
from rankify.stages import is_number
from rankify.types import Ranking, Scores


@method(paper="REPLUG, arXiv:2301.12652")
def replug(llm: LLM, *, temperature: float = 1.0, max_tokens: int = 32, prompt: str = "basic") -> Plan:
    """Each token by the mean of its probabilities behind each document, weighted by the documents' scores.

    The weights are the softmax of the ranking's scores: those of the retriever or reranker before it. The likeliest
    token is taken. Needs a backend that can mix: hf, with any model.

    Args:
        temperature: what scores are divided by before the softmax. BM25's and logits are far apart, so that one
            document counts nearly alone at 1; a large one makes all count alike.
        max_tokens: the most tokens of an answer, whose first line counts.
        prompt: another prompt file, which shows one document.
    """
    asks = template(prompt)
    if not is_number(temperature) or not (isfinite(temperature) and temperature > 0):
        raise Misuse(f"temperature={temperature!r}: it is a number above 0")
    if "mix" not in llm.offers:
        raise Misuse(f"replug needs the probabilities of all tokens, which {llm!r} does not give: use hf:")

    def flow(ranking: Ranking) -> Flow:
        write = Write(template=asks, documents=list(ranking.documents), max_tokens=max_tokens)
        if not len(ranking):
            reply = yield from written(write)
        else:
            reply = yield from written(Mix(write=write, weights=weights(ranking.scores, temperature).tolist()))
        text, counts = unmarked(first_line(reply.text))
        return Found(text=text, shown=reply.shown, cites="", counts=counts)

    return Plan(answering=flow)


def weights(scores: Scores, temperature: float) -> Scores:
    """The softmax of scores, each divided by a temperature; equation 1 of the paper.

    Documents whose score is the best and infinite share all of the weight, as they do in the limit.

    >>> weights(np.array([2.0, 2.0, -np.inf]), 1.0).tolist()
    [0.5, 0.5, 0.0]
    """
    if not isfinite(scores.max()):
        best = scores == scores.max()
        return np.asarray(best / best.sum())
    shifted = np.exp((scores - scores.max()) / temperature)
    return np.asarray(shifted / shifted.sum())
