"""An encoder-decoder network: a text that several prompts have is encoded once a batch, under an explicit mask."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from rankify.llm.hf_head import checked
from rankify.llm.hf_rows import Budget, Row, Use, filled, greedy, scheduled, wanted_states

if TYPE_CHECKING:
    from torch import Tensor


class Seq2Seq:
    """A network that reads with its encoder and writes with its decoder.

    Args:
        network: a model of transformers for conditional generation.
        device: where token ids go.
        budget: the tokens of a batch, those of encoder and decoder together.
    """

    def __init__(self, network: Any, *, device: str, budget: Budget) -> None:
        self.passes = 0
        self.device, self.budget, self.network = device, budget, network
        ids, mask = filled([[0, 1, 2]], device, left=False)
        self.encoder, self.body = network.get_encoder(), network.get_decoder()
        self.head = checked(
            network,
            lambda: self.body(
                input_ids=ids, attention_mask=mask, encoder_attention_mask=mask,
                encoder_hidden_states=self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state,
            ).last_hidden_state[0],
            lambda: network(input_ids=ids, attention_mask=mask, decoder_input_ids=ids).logits[0],
        )  # fmt: skip

    def read(self, rows: Sequence[Row], use: Use) -> None:
        def batch(places: list[int]) -> None:
            encoded, seen = self._encoded([rows[p].encoder or [[]] for p in places])
            ids, mask = filled([rows[p].tokens for p in places], self.device, left=False)
            states = self.head.states(self.decode(ids, mask, encoded, seen, None, False))
            ends, wanted = ([f(rows[p]) for p in places] for f in (lambda r: len(r.tokens), lambda r: r.wanted))
            use(places, wanted_states(states, ends, wanted))

        scheduled(self.budget.read, range(len(rows)), [len(row) for row in rows], batch)

    def write(self, rows: Sequence[Row], limits: Sequence[int], ends: Collection[int]) -> list[list[int]]:
        written: list[list[int]] = [[] for _ in rows]

        def batch(places: list[int]) -> None:
            writing = _Writing(self, *self._encoded([rows[p].encoder or [[]] for p in places]))
            ids, _ = filled([rows[p].tokens for p in places], self.device, left=False)
            states = writing.after(ids)
            found = greedy(self.head, states, writing, [limits[p] for p in places], ends)
            for place, tokens in zip(places, found, strict=True):
                written[place] = tokens

        # a decoder counts its positions from its first token, so the texts that go on together begin equally long
        for begun in sorted({len(row.tokens) for row in rows}):
            same = [place for place, row in enumerate(rows) if len(row.tokens) == begun]
            lengths = [len(rows[p]) + limits[p] for p in same]
            scheduled(self.budget.write, same, lengths, batch)
        return written

    def decode(self, ids: Tensor, mask: Tensor, encoded: Tensor, seen: Tensor, cache: Any, remember: bool) -> Any:
        """One pass of the decoder, counted."""
        from transformers.modeling_outputs import BaseModelOutput

        kept: dict[str, Any] = {"past_key_values": cache, "use_cache": remember}
        if self.head.weight is None:
            output = self.network(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                attention_mask=seen, decoder_input_ids=ids, decoder_attention_mask=mask, **kept,
            )  # fmt: skip
        else:
            output = self.body(
                input_ids=ids, attention_mask=mask, encoder_hidden_states=encoded, encoder_attention_mask=seen, **kept
            )
        self.passes += 1
        return output

    def _encoded(self, rows: list[list[list[int]]]) -> tuple[Tensor, Tensor]:
        """States and mask of each row, those of its texts one behind the other; equal texts are computed once."""
        texts = {text: place for place, text in enumerate(dict.fromkeys(tuple(t) for row in rows for t in row))}
        ids, mask = filled([list(text) for text in texts], self.device, left=False)
        states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if len(texts) == len(rows) and all(len(row) == 1 for row in rows):
            return states, mask
        return joined(states, [[(texts[tuple(text)], len(text)) for text in row] for row in rows])


def joined(states: Tensor, rows: Sequence[Sequence[tuple[int, int]]]) -> tuple[Tensor, Tensor]:
    """Rows of states, each put together from several texts', and their mask: fusion in decoder, arXiv:2007.01282.

    A decoder that looks at them takes no notice of their order, and padding inside a row has no effect: it is left out.

    Args:
        states: shape (texts, positions, dim).
        rows: for each row its texts, each as a place among the states and how many positions of it are real.
    """
    import torch

    width = states.shape[1]
    places = [[place * width + at for place, length in row for at in range(length)] for row in rows]
    index, mask = filled(places, states.device, left=False)
    return torch.nn.functional.embedding(index, states.reshape(-1, states.shape[-1])), mask


class _Writing:
    """Rows that a decoder writes."""

    def __init__(self, network: Seq2Seq, encoded: Tensor, seen: Tensor) -> None:
        self.network, self.encoded, self.seen = network, encoded, seen
        self.cache: Any = None
        self.mask = seen.new_ones(len(seen), 0)

    def after(self, tokens: Tensor) -> Tensor:
        import torch

        self.mask = torch.cat([self.mask, self.mask.new_ones(tokens.shape)], dim=1)
        output = self.network.decode(
            tokens.to(self.mask.device), self.mask, self.encoded, self.seen, self.cache, remember=True
        )
        self.cache = output.past_key_values
        return self.network.head.states(output)[:, -1]

    def keep(self, places: Tensor) -> None:
        places = places.to(self.mask.device)
        self.cache.batch_select_indices(places)
        self.encoded, self.seen, self.mask = self.encoded[places], self.seen[places], self.mask[places]
