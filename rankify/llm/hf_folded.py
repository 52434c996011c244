"""Cross-attention for short replies: a decoder that looks at encoded states and never makes keys and values of them.

Keys and values of all encoded tokens cost a decoder as much as many steps of writing. A reply of a few tokens is sooner
written when their weights are folded into the queries and into what is made of the states: with W of a head as
(head dim, dim), q · (W_k h) = (W_kᵀ q) · h and Σ p W_v h = W_v Σ p h.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class Folded:
    """The cross-attention of a decoder of T5's kind, which can be folded for a while.

    Args:
        decoder: a decoder of transformers.
        device: where it is.
    """

    def __init__(self, decoder: Any, *, device: str) -> None:
        # of this name and form in T5, mT5 and what is made of them
        named = [layer for name, layer in decoder.named_modules() if name.endswith("EncDecAttention")]
        self.layers = [layer for layer in named if "key_value_states" in signature(layer.forward).parameters]
        self.pays_below = self.layers[0].key_value_proj_dim if self.layers and self._equal(device) else 0

    def pays(self, tokens: int) -> bool:
        """Whether replies of so many tokens are cheaper folded.

        In each step a head looks at whole states instead of its own keys and values, which costs `dim / head dim` times
        as much: over `head dim` steps that comes to what it costs to make all keys and values.
        """
        return 0 < tokens < self.pays_below

    @contextmanager
    def used(self) -> Iterator[None]:
        """While a short reply is written."""
        for layer in self.layers:
            layer.forward = _looks.__get__(layer)
        try:
            yield
        finally:
            for layer in self.layers:
                del layer.forward

    def _equal(self, device: str) -> bool:
        """Whether both ways give the same here; not where numbers are rounded to half precision on the way."""
        import torch

        layer = self.layers[0]
        if layer.q.weight.dtype != torch.float32:
            return False
        dim = layer.q.in_features
        states = torch.linspace(-1, 1, 3 * dim, device=device).view(1, 3, dim)
        hidden = states[:, :1].flip(-1)
        mask = torch.tensor([[[[0.0, 0.0, float("-inf")]]]], device=device)
        with torch.inference_mode():
            usual = layer(hidden, mask=mask, key_value_states=states)[0]
            with self.used():
                return torch.allclose(usual, layer(hidden, mask=mask, key_value_states=states)[0], atol=1e-4)


def _looks(
    self: Any, hidden_states: Tensor, mask: Tensor | None = None, key_value_states: Any = None,
    position_bias: Tensor | None = None, **_: Any,
) -> tuple[Tensor, Tensor | None, None]:  # fmt: skip
    """In place of the `forward` of an attention layer.

    Args:
        hidden_states: shape (rows, positions, dim).
        mask: what may be seen, or what is added to scores; shape (rows, 1, positions, tokens).
        key_value_states: encoded tokens, shape (rows, tokens, dim).
    """
    import torch

    (rows, positions, _dim), heads = hidden_states.shape, self.n_heads
    queries = self.q(hidden_states).view(rows, positions, heads, -1)
    queries = torch.einsum("rphk,hkd->rhpd", queries, self.k.weight.view(heads, -1, key_value_states.shape[-1]))
    scores = queries.flatten(1, 2) @ key_value_states.transpose(1, 2)  # which T5 does not scale
    scores = scores.view(rows, heads, positions, -1)
    if mask is not None:
        scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
    weights = scores.softmax(dim=-1)
    seen = (weights.flatten(1, 2) @ key_value_states).view(rows, heads, positions, -1)
    values = torch.einsum("rhpd,hkd->rphk", seen, self.v.weight.view(heads, -1, seen.shape[-1]))
    return self.o(values.flatten(2)), position_bias, None
