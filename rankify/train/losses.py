"""Losses over lists of scores, as FIRST (arXiv:2406.15657, section 3.2) trains a listwise model with them.

All take scores of shape (..., documents) and give the mean over all lists, or over all pairs where they compare pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 1e-10  # probabilities and gains below this are raised to it, as published


def ranknet(scores: Tensor, ranks: Tensor) -> Tensor:
    """RankNet: log(1 + exp(s_j - s_i)), mean over the pairs in which document i should stand above j.

    Burges and others, "Learning to rank using gradient descent", ICML 2005.

    Args:
        ranks: where each document should stand, 0 for the best, shape as scores.
    """
    return _pairs(scores, ranks).mean()


def weighted_ranknet(scores: Tensor, ranks: Tensor) -> Tensor:
    """FIRST's loss (equation 3): RankNet with each pair divided by the sum of its ranks, counted from 1.

    The mean is over pairs, as in the published code; the paper writes a sum.
    """
    return (_pairs(scores, ranks) / _chosen(_sums(ranks) + 2, ranks)).mean()


def listnet(scores: Tensor, targets: Tensor, *, padding: float | None = None) -> Tensor:
    """ListNet: cross-entropy between the softmax of the targets and that of the scores, summed over documents.

    Cao and others, "Learning to rank: from pairwise approach to listwise approach", ICML 2007.

    Args:
        targets: the scores that documents should have.
        padding: a target that marks places without a document. The published code takes -1 for that, also where it is a
            document's target; None lets every target count.
    """
    if padding is not None:
        nobody = targets == padding
        scores, targets = scores.masked_fill(nobody, -float("inf")), targets.masked_fill(nobody, -float("inf"))
    likely = scores.softmax(-1) + LEAST
    return -(targets.softmax(-1) * likely.log()).sum(-1).mean()


def lambda_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """LambdaLoss with the weights of NDCG-Loss2: -w * log2(sigmoid(s_i - s_j)), mean over the pairs with t_i > t_j.

    Wang and others, "The LambdaLoss framework for ranking metric optimization", CIKM 2018, equation 12.
    """
    import torch

    order = scores.argsort(dim=-1, descending=True, stable=True)
    scores, targets = scores.gather(-1, order), targets.gather(-1, order)
    places = torch.arange(1, scores.shape[-1] + 1, device=scores.device)
    discounts = torch.log2(places + 1.0)
    best = (_gains(targets.sort(dim=-1, descending=True).values) / discounts).sum(-1, keepdim=True)
    gains = _gains(targets) / best.clamp(min=LEAST)
    apart = (places[:, None] - places[None]).abs().double()
    drop = (1 / torch.log2(apart + 1) - 1 / torch.log2(apart + 2)).abs().nan_to_num(posinf=0.0).to(scores.dtype)
    weights = drop * (gains[..., :, None] - gains[..., None, :]).abs()
    losses = -weights * torch.sigmoid(scores[..., :, None] - scores[..., None, :]).clamp(min=LEAST).log2()
    return losses[targets[..., :, None] > targets[..., None, :]].mean()


def targets_of(scores: Tensor, ranks: Tensor) -> Tensor:
    """The scores that documents should have: the model's own, dealt out by rank; no gradient flows into them."""
    return scores.detach().sort(dim=-1, descending=True).values.gather(-1, ranks)


def _gains(targets: Tensor) -> Tensor:
    gains: Tensor = 2 ** targets.clamp(min=0) - 1
    return gains


def _pairs(scores: Tensor, ranks: Tensor) -> Tensor:
    """RankNet's loss of each pair whose first document should stand above its second, shape (pairs,)."""
    from torch.nn.functional import softplus

    return _chosen(softplus(scores[..., None, :] - scores[..., :, None]), ranks)


def _sums(ranks: Tensor) -> Tensor:
    return ranks[..., :, None] + ranks[..., None, :]


def _chosen(pairs: Tensor, ranks: Tensor) -> Tensor:
    return pairs[ranks[..., :, None] < ranks[..., None, :]]
