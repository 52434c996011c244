"""Scores of (query, passage) pairs by a decoder that can stop at a layer, in batches that no query owns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.compression import Compression, compressed_states
from rankify.encoders.layerwise_networks import Head, Layered, layered
from rankify.encoders.texts import padded, passage, token_rows
from rankify.errors import Misuse


@dataclass(frozen=True, slots=True)
class PairRow:
    """The tokens of one pair: query, passage and cue.

    Args:
        before: how many stand before the passage.
        behind: how many stand behind it.
    """

    tokens: list[int]
    before: int
    behind: int


class Pairs:
    """How pairs become rows: `A: query`, `B: passage` and the cue, a line each, joined as tokens.

    A query keeps three quarters of `max_length` at most, and a passage what the query leaves of `max_length` and the
    cue's length: only texts are cut, and of a pair that is too long the passage.
    """

    def __init__(self, network: Layered, prompt: str | None, max_length: int) -> None:
        self.tokenizer, self.max_length = network.checkpoint.tokenizer, max_length
        first = self.tokenizer.bos_token_id
        self.first = [] if first is None else [int(first)]
        self.line, cue = token_rows(self.tokenizer, ["\n", prompt or network.prompt], 1 << 20, special=False)
        self.cue = [*self.line, *cue]
        self.most = max_length + 2 * len(self.cue)
        if max_length < 8 or self.most > network.checkpoint.limit:
            raise Misuse(
                f"max_length={max_length}: a pair has up to {self.most:,} tokens with its cue, and model "
                f"{network.checkpoint.model!r} reads {network.checkpoint.limit:,}; 8 is the least for a passage"
            )

    def queries(self, texts: Sequence[str]) -> list[list[int]]:
        """What stands before a passage, for each query."""
        rows = token_rows(self.tokenizer, [f"A: {text}" for text in texts], self.max_length * 3 // 4, special=False)
        return [[*self.first, *row] for row in rows]

    def passages(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each passage."""
        return token_rows(self.tokenizer, [f"B: {text}" for text in texts], self.max_length, special=False)

    def row(self, query: list[int], passage: list[int]) -> PairRow:
        """One pair."""
        room = self.max_length + len(self.cue) - len(query) - len(self.line)
        before = [*query, *self.line]
        return PairRow([*before, *passage[:room], *self.cue], len(before), len(self.cue))


class LayerwiseScorer:
    """Scores of pairs by the state of the last token behind a layer.

    Args:
        model: a folder or a hub id.
        cutoff_layers: how many layers are computed; all if not given.
        head: as for `layered`.
        compress_ratio: how many of a passage's neighbouring states become one; 1 for none.
        compress_layers: before which layers, counted from 0.
        prompt: the cue; the model's own if not given.
        max_length: the most tokens of a passage.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision, dtype, device: as for `Checkpoint.load`.

    Raises:
        Misuse: the model does not compress, or cannot do so there.
    """

    def __init__(
        self, model: str, *, cutoff_layers: int | None = None, head: Head | None = None, compress_ratio: int = 1,
        compress_layers: Sequence[int] = (), prompt: str | None = None, max_length: int = 512,
        batch_tokens: int | None = None, revision: str | None = None, dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        self.network = layered(
            model, cutoff_layers=cutoff_layers, head=head, revision=revision, dtype=dtype, device=device,
            compression=Compression(compress_ratio, frozenset(compress_layers)),
        )  # fmt: skip
        self.checkpoint = self.network.checkpoint
        self.pairs = Pairs(self.network, prompt, max_length)
        self.budget = self.checkpoint.budget(batch_tokens)
        self.counted = Scheduler(self.budget).counted

    passage = staticmethod(passage)

    def scores(self, queries: Sequence[str], passages: Sequence[str], pairs: NDArray[np.int64]) -> NDArray[np.float32]:
        """The score of each pair. A text is tokenised once and a pair scored once, however often they stand there.

        Args:
            pairs: the place of a query and of a passage, shape (pairs, 2).
        """
        lefts, rights = self.pairs.queries(queries), self.pairs.passages(passages)
        distinct, places = np.unique(pairs, axis=0, return_inverse=True)
        rows = [self.pairs.row(lefts[q], rights[p]) for q, p in distinct.tolist()]
        scheduler = Scheduler(self.budget)
        found = scheduler.run([len(row.tokens) for row in rows], lambda some: self._forward([rows[i] for i in some]))
        self.counted = scheduler.counted
        return found[places.reshape(-1)]

    def _forward(self, rows: Sequence[PairRow]) -> NDArray[np.float32]:
        import torch

        inputs = padded([row.tokens for row in rows], self.checkpoint.pad, self.checkpoint.device)
        with torch.inference_mode():
            if self.network.compression.ratio > 1:
                before, behind = (
                    torch.tensor(lengths, device=self.checkpoint.device)
                    for lengths in ([row.before for row in rows], [row.behind for row in rows])
                )
                states, mask = compressed_states(
                    self.checkpoint.network, inputs, before, behind, self.network.compression
                )
            else:
                states = self.checkpoint.network(**inputs, use_cache=False).last_hidden_state
                mask = inputs["attention_mask"]
            last = states[torch.arange(len(states), device=states.device), mask.sum(dim=1) - 1]
            scores = self.network.head(last.float())[:, 0]
            if self.network.cap is not None:
                scores = (scores / self.network.cap).tanh() * self.network.cap
        found: NDArray[np.float32] = scores.cpu().numpy()
        return found
