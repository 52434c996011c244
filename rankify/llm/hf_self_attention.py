"""What a decoder-only network looks at when it comes to answer: In-Context Re-ranking, arXiv:2410.02642, section 3."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from rankify.errors import BadInput
from rankify.llm.hf_causal import Beginning, Causal
from rankify.llm.hf_cross_attention import weights_shown
from rankify.llm.hf_rows import Row
from rankify.llm.protocol import Attention

if TYPE_CHECKING:
    from torch import Tensor


def looks_of(
    network: Causal, tokenizer: Any, rows: Sequence[Row], *, last: bool = False
) -> list[tuple[int, Attention]]:
    """How many tokens were read for each row, and how much the tokens behind its documents look at theirs.

    Rows with the same documents take two passes in all: one over these, whose keys and values are kept, and one over
    what stands behind them in each row. Only the second one has to know its attention weights.

    Args:
        last: whether only the last token of each row looks.

    Raises:
        BadInput: nothing stands behind the documents, or a layer has no attention.
    """
    starts = [_behind(tokenizer, row) for row in rows]
    found: list[Attention] = [()] * len(rows)

    def batch(beginning: Beginning, places: list[int]) -> None:
        tails = [len(rows[place].tokens) - beginning.length for place in places]
        looking = Looking(tails, beginning.length, network.device, last=last)
        with looking.at(network.body):
            network.passed([rows[place].tokens for place in places], beginning, remember=False)
        for place, seen in zip(places, looking.seen.tolist(), strict=True):
            found[place] = tuple(tuple(seen[start:end]) for start, end in rows[place].spans)

    with weights_shown(network.body) if _capped(network.body) else nullcontext():
        read = network.each_behind(rows, starts, batch)
    return list(zip(read, found, strict=True))


class Looking:
    """What rows look at in one pass, layer by layer, so that the weights of one layer are held at a time.

    Args:
        tails: how many tokens of each row are read in this pass.
        before: how many were read before.
        last: whether only the last of them looks.

    Attributes:
        seen: attention weights, averaged over the tokens that look, summed over heads and layers, shape (rows,
            positions).
    """

    def __init__(self, tails: Sequence[int], before: int, device: str, *, last: bool) -> None:
        import torch

        self.layers = 0
        self.seen = torch.zeros(len(tails), before + max(tails), device=device)
        self.share = torch.zeros(len(tails), max(tails), device=device)  # of each token in the average
        for share, tail in zip(self.share, tails, strict=True):
            share[tail - 1 if last else 0 : tail] = 1 if last else 1 / tail

    @contextmanager
    def at(self, body: Any) -> Iterator[None]:
        """Sees the weights of one pass of a network.

        Raises:
            BadInput: they were not those of all layers.
        """
        hooks = [module.register_forward_hook(self._see) for module in attentions(body)]
        try:
            with weights_shown(body):
                yield
        finally:
            for hook in hooks:
                hook.remove()
        if self.layers != layers_of(body):
            raise BadInput(
                f"{self.layers} of {layers_of(body)} layers tell their attention weights, and all are needed"
            )

    def _see(self, module: Any, given: Any, output: Any) -> None:  # noqa: ARG002  as torch calls it
        import torch

        if not isinstance(output, tuple) or output[1] is None:
            return
        heads: Tensor = output[1].sum(dim=1, dtype=torch.float32)  # shape (rows, tokens, keys)
        share = self.share.to(heads.device)
        # keys are the last positions: a layer with a window that slides has forgotten those before it
        self.seen[:, -heads.shape[2] :] += torch.einsum("rtk,rt->rk", heads, share).to(self.seen.device)
        self.layers += 1


def attentions(body: Any) -> list[Any]:
    """The modules of a network that transformers takes attention weights from."""
    kinds = tuple({kind for part in body.modules() for kind in _recorded(part)})
    return [module for module in body.modules() if isinstance(module, kinds)]


def _recorded(part: Any) -> Iterator[type]:
    """The classes whose weights a part of a network tells as its attention."""
    said = (getattr(part, "_can_record_outputs", None) or {}).get("attentions", [])
    for one in said if isinstance(said, list) else [said]:
        kind = getattr(one, "target_class", one)
        if isinstance(kind, type):
            yield kind


def _capped(body: Any) -> bool:
    """Whether attention is capped before its softmax (Gemma 2), which faster kinds leave out without a word."""
    return bool(getattr(body.config.get_text_config(), "attn_logit_softcapping", None))


def layers_of(body: Any) -> int:
    """How many layers a network has."""
    return int(body.config.get_text_config().num_hidden_layers)


def unable(network: Causal) -> str:
    """Why a network cannot tell what it looks at, "" if it can."""
    if not network.remembers:
        return "it keeps more of what it has read than keys and values"
    if len(attentions(network.body)) < layers_of(network.body):
        return "transformers does not tell the attention weights of all its layers"
    return ""


def _behind(tokenizer: Any, row: Row) -> int:
    """Where the text behind the documents begins; blank tokens before it only set it apart, and do not look."""
    start = max((end for _, end in row.spans), default=0)
    while start < len(row.tokens) and not tokenizer.decode([row.tokens[start]]).strip():
        start += 1
    if not 0 < start < len(row.tokens):
        raise BadInput("a prompt has no text behind its documents, so nothing looks at them")
    return start
