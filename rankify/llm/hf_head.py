"""The output head of a language model, for chosen positions and chosen tokens only: the same numbers for less."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rankify.encoders.first_token import CLOSE

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger(__name__)

AT_ONCE = 256  # positions whose logits over the whole vocabulary are held at a time


@dataclass(frozen=True, kw_only=True)
class Head:
    """From the states of a network's last layer to logits.

    Args:
        weight: shape (vocabulary, dim); None where what is read are logits already.
        bias: shape (vocabulary,).
        scale: what logits are multiplied with.
        cap: logits come no nearer to this, on either side.
    """

    weight: Tensor | None = None
    bias: Tensor | None = None
    scale: float = 1.0
    cap: float | None = None

    @classmethod
    def of(cls, network: Any) -> Head:
        """The head that the network's modules and configuration describe; none where they describe none."""
        layer, config = network.get_output_embeddings(), network.config.get_text_config(decoder=True)
        weight = getattr(layer, "weight", None)
        if weight is None or weight.is_meta:
            return cls()
        scale = float(getattr(config, "logit_scale", None) or 1.0) / float(getattr(config, "logits_scaling", None) or 1)
        if getattr(config, "scale_decoder_outputs", False):  # T5 with tied embeddings
            scale *= float(config.d_model) ** -0.5
        cap = getattr(config, "final_logit_softcapping", None)
        return cls(weight=weight, bias=getattr(layer, "bias", None), scale=scale, cap=cap)

    def states(self, output: Any) -> Tensor:
        """What of a network's output this head reads, shape (rows, positions, dim)."""
        found: Tensor = output.logits if self.weight is None else output.last_hidden_state
        return found

    def every(self, states: Tensor) -> Tensor:
        """The logits of the whole vocabulary as float32, shape (states, vocabulary)."""
        from torch.nn.functional import linear

        if self.weight is None:
            return states.float()
        return self._finished(linear(states.to(self.weight.device), self.weight, self.bias).float())

    def some(self, states: Tensor, tokens: Tensor) -> Tensor:
        """The logits of some tokens as float32, shape (states, tokens); only their rows of the head are computed."""
        from torch.nn.functional import linear

        if self.weight is None:
            return states[:, tokens].float()
        bias = None if self.bias is None else self.bias[tokens].float()
        near = states.to(self.weight.device)
        return self._finished(linear(near.float(), self.weight[tokens].float(), bias))

    def parts(self, states: Tensor) -> Iterator[Tensor]:
        """`every`, for a few states at a time."""
        for start in range(0, len(states), AT_ONCE):
            yield self.every(states[start : start + AT_ONCE])

    def _finished(self, logits: Tensor) -> Tensor:
        scaled = logits if self.scale == 1 else logits * self.scale
        return scaled if self.cap is None else (scaled / self.cap).tanh() * self.cap


def checked(network: Any, body: Callable[[], Tensor], whole: Callable[[], Tensor]) -> Head:
    """The network's head, if on a small input it gives the network's own logits; else one that reads those.

    Args:
        body: states of the last layer for some input, shape (positions, dim).
        whole: the network's own logits for the same input, shape (positions, vocabulary).
    """
    import torch

    head = Head.of(network)
    if head.weight is None:
        return head
    with torch.inference_mode():
        try:
            states, own = body(), whole().float().cpu()
            tokens = torch.arange(0, own.shape[-1], max(1, own.shape[-1] // 64))
            pairs = [(head.every(states).cpu(), own), (head.some(states, tokens).cpu(), own[:, tokens])]
        except (RuntimeError, TypeError, AttributeError) as error:
            logger.info("%s is computed with its whole head: %s", type(network).__name__, str(error).splitlines()[:1])
            return Head()
    close = CLOSE[str(network.dtype)] * (1 + float(own.abs().max()))
    if all(torch.allclose(mine, right, rtol=0, atol=close) for mine, right in pairs):
        return head
    logger.info("%s is computed with its whole head: a part of it is not what this version expects", type(network))
    return Head()
