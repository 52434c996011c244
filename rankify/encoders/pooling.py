"""From a vector for each token to one vector for a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankify.errors import UnknownName

if TYPE_CHECKING:
    from torch import Tensor

POOLINGS = ("mean", "cls", "last", "max")


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """One vector for each text, in float32; padding never counts.

    Args:
        hidden: the last layer, shape (texts, tokens, dim).
        mask: 1 where a token is real, padded on the right, shape (texts, tokens).
        pooling: `mean` of the tokens, the first (`cls`), the `last`, or the `max` of each dimension.

    Returns:
        Shape (texts, dim).
    """
    import torch

    if pooling == "cls":
        return hidden[:, 0].float()
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1].float()
    if pooling == "max":
        return hidden.float().masked_fill(~mask[..., None].bool(), -torch.inf).amax(dim=1)
    if pooling == "mean":
        weights = mask.float() / mask.sum(dim=1, keepdim=True)
        return torch.bmm(weights[:, None], hidden.float())[:, 0]
    raise UnknownName.among("pooling", pooling, POOLINGS)
