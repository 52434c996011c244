"""From a vector for each token to one vector for a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankify.errors import UnknownName

if TYPE_CHECKING:
    from torch import Tensor

POOLINGS = ("mean", "cls", "last", "max")


def pool(hidden: Tensor, mask: Tensor, pooling: str, skipped: int | Tensor = 0) -> Tensor:
    """One vector for each text, in float32; padding never counts.

    Args:
        hidden: the last layer, shape (texts, tokens, dim).
        mask: 1 where a token is real, padded on the right, shape (texts, tokens).
        pooling: `mean` of the tokens, the first (`cls`), the `last`, or the `max` of each dimension.
        skipped: how many tokens at the beginning the mean and the maximum leave out, of all texts or of each, shape
            (texts,); a text that is cut before them has the mean 0.

    Returns:
        Shape (texts, dim).
    """
    import torch

    if pooling == "cls":
        return hidden[:, 0].float()
    if pooling == "last":
        return hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1].float()
    place, first = torch.arange(mask.shape[1], device=mask.device), torch.as_tensor(skipped, device=mask.device)
    counted = mask * (place >= first.reshape(-1, 1))
    if pooling == "max":
        return hidden.float().masked_fill(~counted[..., None].bool(), -torch.inf).amax(dim=1)
    if pooling == "mean":
        weights = counted.float() / counted.sum(dim=1, keepdim=True).clamp(min=1)
        return torch.bmm(weights[:, None], hidden.float())[:, 0]
    raise UnknownName.among("pooling", pooling, POOLINGS)
