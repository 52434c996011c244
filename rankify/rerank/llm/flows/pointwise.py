"""Every document alone: relevance generation (HELM, arXiv:2211.09110), query likelihood (UPR, arXiv:2204.07496)."""

from __future__ import annotations

from math import isnan

from rankify.rerank.llm.flow import Flow, best_first


def pointwise(order: list[int]) -> Flow:
    """Sorts by each document's own score, in one round.

    A document without a score (NaN, a reply that could not be read) keeps its place. Documents that were not judged
    stay below, in their present order.
    """
    if not order:
        return
    scores = yield [[position] for position in order]
    judged = [(position, own[0]) for position, own in zip(order, scores, strict=True) if own is not None]
    others = [position for position, own in zip(order, scores, strict=True) if own is None]
    read = [(position, score) for position, score in judged if not isnan(score)]
    ranked = iter(best_first([position for position, _ in read], [score for _, score in read]))
    order[:] = [*(position if isnan(score) else next(ranked) for position, score in judged), *others]
