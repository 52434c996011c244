"""Every document alone: relevance generation (HELM, arXiv:2211.09110), query likelihood (UPR, arXiv:2204.07496)."""

from __future__ import annotations

from rankify.rerank.llm.flow import Flow, best_first


def pointwise(order: list[int]) -> Flow:
    """Sorts by each document's own score, in one round. Documents not judged stay below, in their present order."""
    if not order:
        return
    scores = yield [[position] for position in order]
    judged = [(position, own[0]) for position, own in zip(order, scores, strict=True) if own is not None]
    others = [position for position, own in zip(order, scores, strict=True) if own is None]
    order[:] = [*best_first([position for position, _ in judged], [score for _, score in judged]), *others]
