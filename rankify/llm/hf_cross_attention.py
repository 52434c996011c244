"""What an encoder-decoder looks at while it writes: LiT5-Score, arXiv:2312.16098, section 3.2."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from rankify.llm.hf_rows import Manner, Row
from rankify.llm.hf_seq2seq import Seq2Seq, Writing
from rankify.llm.protocol import Attention

if TYPE_CHECKING:
    from torch import Tensor

SCALE = 256  # whatever the length of a passage


def looked_at(
    network: Seq2Seq, rows: Sequence[Row], manners: Sequence[Manner], ends: Collection[int]
) -> list[tuple[list[int], Attention]]:
    """What is written behind each row, and what that took from each token of its documents.

    A written token, an end included, takes from a token its attention weight times the norm of its value vector,
    averaged over heads and layers and divided by 256, as LiT5-Score has it.
    """
    found: list[tuple[list[int], Attention]] = [([], ())] * len(rows)

    def batch(places: list[int]) -> None:
        some = [rows[place] for place in places]
        looking = Looking(network, some)
        written = network.goes_on(looking, some, [manners[place] for place in places], ends)
        looking.taken /= SCALE * len(looking.norms)
        for place, tokens, taken in zip(places, written, looking.taken.tolist(), strict=True):
            found[place] = (tokens, tuple(_of_documents(rows[place], taken)))

    with weights_shown(network.body):
        network.in_batches(rows, manners, batch)
    return found


class Looking(Writing):
    """Rows being written, and what all that was written so far took from each encoded token.

    Attributes:
        taken: summed over layers; shape (rows, positions), also of rows that have ended.
    """

    def __init__(self, network: Seq2Seq, rows: Sequence[Row]) -> None:
        import torch

        super().__init__(network, rows)
        self.taken = torch.zeros(self.seen.shape, device=self.seen.device)
        self.going = torch.arange(len(rows), device=self.seen.device)
        self.norms: list[Tensor] = []

    def after(self, tokens: Tensor) -> Tensor:
        output = self.step(tokens, output_attentions=True)
        layers = self.cache.cross_attention_cache.layers
        # values of what was encoded stay the same at every step; shape (rows, heads, positions)
        self.norms = self.norms or [layer.values.float().norm(dim=-1) for layer in layers]
        for weights, norms in zip(output.cross_attentions, self.norms, strict=True):
            # what is written next comes of the last position; shape (rows, heads, positions)
            took = weights[:, :, -1].float().to(norms.device) * norms
            self.taken.index_add_(0, self.going, took.mean(dim=1).to(self.taken.device))
        return self.network.head.states(output)[:, -1]

    def keep(self, places: Tensor) -> None:
        super().keep(places)
        self.going = self.going[places.to(self.going.device)]
        self.norms = [norms[places.to(norms.device)] for norms in self.norms]


@contextmanager
def weights_shown(network: Any) -> Iterator[None]:
    """Attention as written out, which knows its weights: faster kinds never hold them."""
    usual = network.config._attn_implementation
    network.set_attn_implementation("eager")
    try:
        yield
    finally:
        network.set_attn_implementation(usual)


def _of_documents(row: Row, taken: Sequence[float]) -> Iterator[tuple[float, ...]]:
    """What the tokens of each document gave, of those of a row's texts one behind the other."""
    texts = row.encoder or [row.tokens]
    begins = [0, *accumulate(map(len, texts))] if len(texts) > 1 else [0] * len(row.spans)
    for begin, (start, end) in zip(begins, row.spans, strict=False):
        yield tuple(taken[begin + start : begin + end])
