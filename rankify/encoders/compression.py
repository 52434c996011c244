"""Passages merged on the way through a decoder: from a layer on, neighbouring states become their mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rankify.errors import Misuse

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Compression:
    """How a passage is merged.

    Args:
        ratio: how many neighbouring states become one; 1 for no merging.
        layers: before which layers, counted from 0; one that is not computed merges nothing.
    """

    ratio: int = 1
    layers: frozenset[int] = frozenset()

    def check(self, model: str, depth: int, trained: bool) -> None:
        """Raises Misuse for a model that was not trained for it, or where it would happen nowhere."""
        if self == NONE:
            return
        if not trained:
            raise Misuse(f"compress_ratio={self.ratio}: model {model!r} was not trained to have its tokens merged")
        if self.ratio < 1 or (self.ratio > 1 and not self.layers):
            raise Misuse(f"compress_ratio={self.ratio}: it is 1, or 2, 4 or 8 with compress_layers=24,40 or others")
        if wrong := [layer for layer in self.layers if not 1 <= layer < depth]:
            raise Misuse(f"compress_layers={wrong[0]}: model {model!r} can merge before layer 1 to {depth - 1}")


NONE = Compression()


def compressed(states: Tensor, mask: Tensor, before: Tensor, behind: Tensor, ratio: int) -> tuple[Tensor, Tensor]:
    """The states with each `ratio` of the passage's as one, their mean; the last mean is of those that are left.

    bge-reranker-v2.5-gemma2-lightweight's token compression. What stands before the passage and behind it stays.

    Args:
        states: shape (rows, tokens, dim).
        mask: 1 where a token is real, padded on the right, shape (rows, tokens).
        before, behind: how many tokens of each row stand before its passage, and behind it, shape (rows,).

    Returns:
        The states, shape (rows, fewer tokens, dim), and their mask.
    """
    import torch

    lengths = mask.sum(dim=1)
    passage = lengths - before - behind
    merged = (passage + ratio - 1) // ratio
    place = torch.arange(mask.shape[1], device=mask.device)[None]
    inside = place - before[:, None]
    within = before[:, None] + inside // ratio
    after = place - (passage - merged)[:, None]
    into = torch.where(inside < 0, place, torch.where(inside < passage[:, None], within, after))
    shorter = lengths - passage + merged
    size = int(shorter.max())
    into = into.masked_fill(mask == 0, size)  # padding goes where it is cut off
    sums = states.new_zeros(len(states), size + 1, states.shape[2], dtype=torch.float32)
    sums.scatter_add_(1, into[..., None].expand_as(states), states.float())
    counts = sums.new_zeros(len(states), size + 1).scatter_add_(1, into, torch.ones_like(into, dtype=torch.float32))
    means = sums[:, :size] / counts[:, :size, None].clamp(min=1)
    return means.to(states.dtype), (torch.arange(size, device=mask.device)[None] < shorter[:, None]).to(mask.dtype)


def compressed_states(
    network: Any, inputs: dict[str, Tensor], before: Tensor, behind: Tensor, compression: Compression
) -> tuple[Tensor, Tensor]:
    """The normalised states of Gemma 2 behind its last layer, with the passage merged before some layers.

    Positions are counted anew behind each merge, as the model was trained.

    Args:
        network: a Gemma 2 of transformers.
        before, behind: how many tokens of each row stand before its passage, and behind it, shape (rows,).

    Returns:
        The states, shape (rows, tokens left, dim), and their mask.
    """
    states, mask = network.embed_tokens(inputs["input_ids"]), inputs["attention_mask"]
    where = _where(network, states, mask)
    for number, layer in enumerate(network.layers):
        if number in compression.layers:
            states, mask = compressed(states, mask, before, behind, compression.ratio)
            where = _where(network, states, mask)
        masks, positions = where
        states = layer(states, attention_mask=masks[network.config.layer_types[number]], position_embeddings=positions)
    return network.norm(states), mask


def _where(network: Any, states: Tensor, mask: Tensor) -> tuple[dict[str, Any], Any]:
    """What each kind of layer may look at, and the rotations of positions, for states of this shape."""
    import torch
    from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask

    places = torch.arange(states.shape[1], device=states.device)[None]
    given = {
        "config": network.config, "inputs_embeds": states, "attention_mask": mask, "past_key_values": None,
        "position_ids": places,
    }  # fmt: skip
    masks = {
        "full_attention": create_causal_mask(**given), "sliding_attention": create_sliding_window_causal_mask(**given),
    }  # fmt: skip
    return masks, network.rotary_emb(states, places)
