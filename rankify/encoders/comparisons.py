"""How much better one passage answers a query than another, as PairRM sees the three together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.encoders.batching import Scheduler
from rankify.encoders.checkpoint import Checkpoint
from rankify.encoders.heads import Layer, applied, linear_of
from rankify.encoders.texts import padded, token_rows
from rankify.errors import BadInput, Misuse

SOURCE, FIRST, SECOND = "<|source|>", "<|candidate1|>", "<|candidate2|>"
LENGTH = 2048  # tokens of a row, of which 1224 may be its query
LEAST = 16  # tokens with which each text still has some beside its marker and its ends


class Comparer:
    """Preferences of PairRM: above 0 where the first of two passages is the better one.

    Jiang, Ren and Lin, "LLM-Blender", arXiv:2306.02561. A row is the query, the one and the other passage, each
    behind a marker; the head reads the query's marker beside each passage's. The score depends on the order of the two.

    Args:
        model: a folder or a hub id in the layout of llm-blender/PairRM-hf.
        max_length: the most tokens of a row: a query has up to 1224 of 2048, and what it leaves is both passages'.
        batch_tokens: the tokens of one batch, padding included; what suits the device if not given.
        revision, dtype, device: as for `Checkpoint.load`.

    Raises:
        BadInput: there is no such model, or it has no head or no markers of a PairRM.
        Misuse: a row of fewer than 16 tokens.
    """

    def __init__(
        self, model: str, *, max_length: int = LENGTH, batch_tokens: int | None = None, revision: str | None = None,
        dtype: str = "float32", device: str | None = None,
    ) -> None:  # fmt: skip
        if max_length < LEAST:
            raise Misuse(f"max_length={max_length}: three texts and their markers take {LEAST} tokens or more")
        self.length, self.query_length = max_length, max_length * 1224 // LENGTH
        # the network is saved under a name of its own
        names = {"key_mapping": {r"^pretrained_model\.": ""}}
        self.checkpoint = Checkpoint.load(model, revision=revision, dtype=dtype, device=device, more=names)
        own = self.checkpoint
        self.head: list[Layer] = [linear_of(own, "head_layer.1", "Tanh"), linear_of(own, "head_layer.4")]
        known = own.tokenizer.get_vocab()
        if missing := [marker for marker in (SOURCE, FIRST, SECOND) if marker not in known]:
            raise BadInput(f"model {model!r} has no token {missing[0]!r}: it is no PairRM")
        self.second = int(known[SECOND])
        self.budget = own.budget(batch_tokens)
        self.counted = Scheduler(self.budget).counted

    def preferences(
        self, queries: Sequence[str], passages: Sequence[str], triples: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """By how much the first passage is preferred to the second, shape (triples,).

        Args:
            triples: the place of a query, of the first passage and of the second, shape (triples, 3).
        """
        tokenizer = self.checkpoint.tokenizer
        sources = token_rows(tokenizer, [SOURCE + query for query in queries], self.query_length)
        candidates = token_rows(tokenizer, [FIRST + passage for passage in passages], self.length // 2)
        distinct, places = np.unique(triples, axis=0, return_inverse=True)

        def parts(place: int) -> tuple[list[int], list[int], list[int]]:
            query, one, other = distinct[place].tolist()
            source = sources[query]
            first, second = (_cut(candidates[i], self._half(source)) for i in (one, other))
            return source, first, [second[0], self.second, *second[2:]]

        def batch(positions: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._forward([parts(place) for place in positions.tolist()])

        whole = [len(row) for row in candidates]
        lengths = [
            len(sources[q]) + sum(min(whole[i], self._half(sources[q])) for i in two) for q, *two in distinct.tolist()
        ]
        scheduler = Scheduler(self.budget)
        found = scheduler.run(lengths, batch)
        self.counted = scheduler.counted
        return found[places.reshape(-1)]

    def _half(self, source: list[int]) -> int:
        """The most tokens of a passage beside that query."""
        return (self.length - len(source)) // 2

    def _forward(self, rows: Sequence[tuple[list[int], ...]]) -> NDArray[np.float32]:
        """The difference of both passages' scores; each marker stands behind its text's first token."""
        import torch

        own = self.checkpoint
        inputs: dict[str, Any] = padded([[*a, *b, *c] for a, b, c in rows], own.pad, own.device)
        starts = [[0, len(a), len(a) + len(b)] for a, b, _ in rows]
        markers = torch.tensor(starts, device=own.device) + 1
        with torch.inference_mode():
            hidden = own.network(**inputs).last_hidden_state
            source, first, second = hidden[torch.arange(len(rows))[:, None], markers].float().unbind(dim=1)
            left, right = (applied(self.head, torch.cat([source, one], dim=1)) for one in (first, second))
            found: NDArray[np.float32] = (left - right).mean(dim=1).cpu().numpy()
        return found


def _cut(row: list[int], length: int) -> list[int]:
    """A row with the token that ends it, cut before that."""
    return row if len(row) <= length else [*row[: length - 1], row[-1]]


def wins(preferences: NDArray[np.float32]) -> NDArray[np.float32]:
    """The score of each passage: how much it is preferred to all others, in both orders, on the average.

    Args:
        preferences: of the passage of a row over that of a column, 0 in the diagonal, shape (passages, passages).

    >>> wins(np.array([[0, 2], [-1, 0]], dtype=np.float32)).tolist()
    [1.5, -1.5]
    """
    found: NDArray[np.float32] = (preferences - preferences.T).mean(axis=1)
    return found
