"""An encoder-decoder network: each text is encoded by itself, under an explicit mask, and a decoder reads several."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from rankify.llm.hf_encoder import Encoder
from rankify.llm.hf_folded import Folded
from rankify.llm.hf_head import checked
from rankify.llm.hf_rows import Budget, Manner, Row, Text, Use, filled, scheduled, wanted_states, written_tokens

if TYPE_CHECKING:
    from torch import Tensor


class Seq2Seq:
    """A network that reads with its encoder and writes with its decoder.

    While it writes, the decoder keeps keys and values of all tokens that were encoded, many megabytes for each row of
    passages, and every row that is written beside others makes a step cheaper. So a written batch is as large as a part
    of the memory allows. Texts are encoded in smaller batches, whose lengths are alike.

    Args:
        network: a model of transformers for conditional generation.
        device: where token ids go.
        budget: the tokens of a batch, those of encoder and decoder together.
        fit: whether a written batch is as large as its part of the memory allows, whatever the budget says of it.
    """

    def __init__(self, network: Any, *, device: str, budget: Budget, fit: bool = False) -> None:
        self.passes = 0
        self.device, self.budget, self.network = device, budget, network
        ids, mask = filled([[0, 1, 2]], device, left=False)
        self.body = network.get_decoder()
        self.encoder = Encoder(network.get_encoder(), device=device, budget=budget.read)
        self.head = checked(
            network,
            lambda: self.body(
                input_ids=ids, attention_mask=mask, encoder_attention_mask=mask,
                encoder_hidden_states=self.encoder.network(input_ids=ids, attention_mask=mask).last_hidden_state,
            ).last_hidden_state[0],
            lambda: network(input_ids=ids, attention_mask=mask, decoder_input_ids=ids).logits[0],
        )  # fmt: skip
        self.folded = Folded(self.body, device=device)
        if fit:
            self.budget = Budget(budget.read, max(1, room(device) // self._kept()))

    def _kept(self) -> int:
        """The bytes of the keys and values that the decoder keeps of one encoded token."""
        import torch

        with torch.inference_mode():
            writing = Writing(self, [Row([0], [[0]])])
            writing.step(torch.zeros((1, 1), dtype=torch.long))
        self.passes = 0
        layers = writing.cache.cross_attention_cache.layers
        return sum(int(kept.nbytes) for layer in layers for kept in (layer.keys, layer.values))

    def read(self, rows: Sequence[Row], use: Use) -> None:
        def batch(places: list[int]) -> None:
            some = [rows[place] for place in places]
            ids, mask = filled([row.tokens for row in some], self.device, left=False)
            states = self.head.states(self.decode(ids, mask, *self.encoded(some)))
            use(places, wanted_states(states, [len(row.tokens) for row in some], [row.wanted for row in some]))

        scheduled(self.budget.read, range(len(rows)), [len(row) for row in rows], batch)

    def write(self, rows: Sequence[Row], manners: Sequence[Manner], ends: Collection[int]) -> list[Text]:
        written = [Text()] * len(rows)

        def batch(places: list[int]) -> None:
            some = [rows[place] for place in places]
            found = written_tokens(self.head, *self.begun(some), [manners[place] for place in places], ends)
            for place, text in zip(places, found, strict=True):
                written[place] = text

        short = self.folded.pays(max((manner.most for manner in manners), default=0))
        with self.folded.used() if short else nullcontext():
            self.in_batches(rows, manners, batch)
        return written

    def begun(self, rows: Sequence[Row]) -> tuple[Tensor, Writing]:
        writing = Writing(self, rows)
        return writing.after(filled([row.tokens for row in rows], self.device, left=False)[0]), writing

    def in_batches(self, rows: Sequence[Row], manners: Sequence[Manner], batch: Callable[[list[int]], None]) -> None:
        """Runs `batch` on the places of some rows at a time that may be written together."""
        # a decoder counts its positions from its first token, so the texts that go on together begin equally long
        for begun in sorted({len(row.tokens) for row in rows}):
            same = [place for place, row in enumerate(rows) if len(row.tokens) == begun]
            scheduled(self.budget.write, same, [len(rows[p]) + manners[p].most for p in same], batch)

    def goes_on(
        self, writing: Writing, rows: Sequence[Row], manners: Sequence[Manner], ends: Collection[int]
    ) -> list[list[int]]:
        """What is written behind each of some rows, the same ones that `writing` is of."""
        ids, _ = filled([row.tokens for row in rows], self.device, left=False)
        found = written_tokens(self.head, writing.after(ids), writing, manners, ends)
        return [text.tokens for text in found]

    def decode(self, ids: Tensor, mask: Tensor, encoded: Tensor, seen: Tensor, **more: Any) -> Any:
        """One pass of the decoder, counted."""
        from transformers.modeling_outputs import BaseModelOutput

        self.passes += 1
        if self.head.weight is None:
            return self.network(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                attention_mask=seen, decoder_input_ids=ids, decoder_attention_mask=mask, **{"use_cache": False, **more},
            )  # fmt: skip
        return self.body(
            input_ids=ids, attention_mask=mask, encoder_hidden_states=encoded, encoder_attention_mask=seen,
            **{"use_cache": False, **more},
        )  # fmt: skip

    def encoded(self, rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        """States and mask of each row, shape (rows, positions, dim): those of its texts, one behind the other.

        Fusion in decoder, arXiv:2007.01282. A decoder that looks at them takes no notice of their order, and padding
        inside a row would have no effect: it is left out.
        """
        import torch
        from torch.nn.utils.rnn import pad_sequence

        texts = [[tuple(text) for text in row.encoder or [[]]] for row in rows]
        fused = any(len(own) > 1 for own in texts)
        states = self.encoder.states((text for own in texts for text in own), remember=fused)
        whole = [torch.cat([states[text] for text in own]) for own in texts]
        lengths = torch.tensor([len(row) for row in whole])
        mask = (torch.arange(int(lengths.max())) < lengths[:, None]).long()
        return pad_sequence(whole, batch_first=True), mask.to(whole[0].device)


def room(device: str) -> int:
    """The bytes that keys and values may take: a quarter of a GPU's memory, a gigabyte elsewhere."""
    import torch

    if not device.startswith("cuda"):
        return 1 << 30
    return int(torch.cuda.get_device_properties(device).total_memory) // 4


class Writing:
    """Rows that a decoder writes."""

    def __init__(self, network: Seq2Seq, rows: Sequence[Row]) -> None:
        self.network = network
        self.encoded, self.seen = network.encoded(rows)
        self.cache: Any = None
        self.mask = self.seen.new_ones(len(rows), 0)

    def after(self, tokens: Tensor) -> Tensor:
        return self.network.head.states(self.step(tokens))[:, -1]

    def step(self, tokens: Tensor, **more: Any) -> Any:
        """What the network gives for one more token a row, or for those that a row begins with."""
        import torch

        self.mask = torch.cat([self.mask, self.mask.new_ones(tokens.shape)], dim=1)
        output = self.network.decode(
            tokens.to(self.mask.device), self.mask, self.encoded, self.seen,
            past_key_values=self.cache, use_cache=True, **more,
        )  # fmt: skip
        self.cache = output.past_key_values
        return output

    def keep(self, places: Tensor) -> None:
        places = places.to(self.mask.device)
        self.cache.batch_select_indices(places)
        self.encoded, self.seen, self.mask = self.encoded[places], self.seen[places], self.mask[places]
