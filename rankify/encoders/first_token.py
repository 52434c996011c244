"""The last layer computed for the first token alone, where nothing else of it is read: the same numbers for less."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

FAMILIES = ("Bert", "Roberta", "XLMRoberta", "Electra", "Camembert")
KNOWN = {f"{family}{head}" for family in FAMILIES for head in ("Model", "ForSequenceClassification")}
CLOSE = {"torch.float32": 1e-4, "torch.float16": 1e-2, "torch.bfloat16": 5e-2}


def read_first_token_only(network: Any, probe: dict[str, Tensor]) -> bool:
    """Makes a network of the BERT family skip what only the first token's vector or score does not need.

    Keys and values of the last layer are computed for all tokens, the query, the attention and the feed-forward part
    for the first one: a seventh of the work of a model of six layers. The network is compared with itself on
    the probe, and left as it was where the two disagree.

    Returns:
        Whether it was done.
    """
    import torch

    layers = getattr(getattr(network.base_model, "encoder", None), "layer", None)
    if type(network).__name__ not in KNOWN or layers is None or network.config.is_decoder:
        return False
    layer = layers[-1]
    with torch.inference_mode():
        before = _read(network(**probe))
        layer.forward = partial(_first_token, layer)
        close = CLOSE[str(network.dtype)] * (1 + float(before.abs().max()))
        same = torch.allclose(before, _read(network(**probe)), rtol=0, atol=close)
    if not same:
        logger.info("%s is computed whole: its last layer is not what this version expects", type(network).__name__)
        del layer.forward
    return same


def _read(output: Any) -> Tensor:
    """What is read of an output: the logits, or the first token's vector."""
    found: Tensor = output.logits if "logits" in output else output.last_hidden_state[:, 0]
    return found.float()


def _first_token(layer: Any, hidden: Tensor, attention_mask: Tensor | None = None, *_: Any, **__: Any) -> Tensor:
    """A layer of the BERT family for the first token of each row, shape (rows, 1, dim)."""
    from torch.nn.functional import scaled_dot_product_attention

    attention, first = layer.attention.self, hidden[:, :1]
    query, key, value = (
        part(read).unflatten(-1, (attention.num_attention_heads, -1)).transpose(1, 2)
        for part, read in ((attention.query, first), (attention.key, hidden), (attention.value, hidden))
    )
    mask = None if attention_mask is None else attention_mask[:, :, :1]
    context = scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=attention.scaling)
    attended = layer.attention.output(context.transpose(1, 2).flatten(2), first)
    found: Tensor = layer.feed_forward_chunk(attended)
    return found
