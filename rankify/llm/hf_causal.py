"""A decoder-only network: padded batches, and beginnings that many prompts share read once."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rankify.llm.hf_head import checked
from rankify.llm.hf_prefixes import Group, groups_of
from rankify.llm.hf_rows import (
    Budget,
    Manner,
    Row,
    Text,
    Use,
    Writing,
    filled,
    scheduled,
    wanted_states,
    written_tokens,
)

if TYPE_CHECKING:
    from torch import Tensor

WORTH = {"cpu": 64}  # tokens that a shared beginning must save to pay for a pass of its own
WORTH_ELSEWHERE = 2048
REMEMBERED = {"cpu": 8}  # how many tokens that are remembered count as one that is read, in a batch's budget


@dataclass(frozen=True)
class Beginning:
    """Tokens that a network has read once for many rows."""

    length: int = 0
    cache: Any = None

    def for_rows(self, rows: int) -> Any:
        """What the network remembers of them, a copy for each row."""
        import torch

        found = copy.deepcopy(self.cache)
        found.batch_select_indices(torch.zeros(rows, dtype=torch.long, device=found.layers[0].keys.device))
        return found


NOTHING = Beginning()


@dataclass(frozen=True)
class Passed:
    """What a pass over a batch gave: states of shape (rows, positions, dim), and the position behind each last one."""

    states: Tensor
    ends: list[int]
    mask: Tensor
    cache: Any


# takes what some rows begin with, and their places
Batch = Callable[[Beginning, list[int]], None]


class Causal:
    """A network that goes on from what it has read.

    Args:
        network: a causal language model of transformers.
        device: where token ids go.
        budget: the tokens of a batch.
        share: whether beginnings that several rows share are read once.

    Attributes:
        remembers: whether the network can go on from a beginning that was read before, several times over.
    """

    def __init__(self, network: Any, *, device: str, budget: Budget, share: bool) -> None:
        self.passes = 0
        self.device, self.budget = device, budget
        kind = device.partition(":")[0]
        self._worth, self._remembered = WORTH.get(kind, WORTH_ELSEWHERE), REMEMBERED.get(kind, 1)
        probe = filled([[0, 1, 2]], device, left=True)
        inputs = {"input_ids": probe[0], "attention_mask": probe[1], "use_cache": False}
        self.head = checked(
            network, lambda: network.base_model(**inputs).last_hidden_state[0], lambda: network(**inputs).logits[0]
        )
        self.body = network if self.head.weight is None else network.base_model
        self._positions = "position_ids" in inspect.signature(self.body.forward).parameters
        self.remembers = self._can_share()
        self._share = share and self.remembers
        # padding between a beginning and what follows would count as distance in a window that slides
        self._share_writing = self._share and not getattr(network.config.get_text_config(), "sliding_window", None)

    def read(self, rows: Sequence[Row], use: Use) -> None:
        def batch(beginning: Beginning, places: list[int]) -> None:
            passed = self.passed([rows[p].tokens for p in places], beginning, remember=False)
            use(places, wanted_states(passed.states, passed.ends, [rows[p].wanted for p in places]))

        self._each(rows, [0] * len(rows), self.budget.read, self._share, batch)

    def write(self, rows: Sequence[Row], manners: Sequence[Manner], ends: Collection[int]) -> list[Text]:
        written = [Text()] * len(rows)

        def batch(beginning: Beginning, places: list[int]) -> None:
            states, writing = self.begun([rows[p] for p in places], beginning)
            found = written_tokens(self.head, states, writing, [manners[p] for p in places], ends)
            for place, text in zip(places, found, strict=True):
                written[place] = text

        self._each(rows, [manner.most for manner in manners], self.budget.write, self._share_writing, batch)
        return written

    def begun(self, rows: Sequence[Row], beginning: Beginning = NOTHING) -> tuple[Tensor, Writing]:
        passed = self.passed([row.tokens for row in rows], beginning, remember=True)
        writing = _Writing(self, passed, [len(row.tokens) for row in rows])
        return wanted_states(passed.states, passed.ends, [1] * len(rows)), writing

    def _each(self, rows: Sequence[Row], more: Sequence[int], budget: int, share: bool, batch: Batch) -> None:
        """Runs `batch` on the places of rows with the same beginning, as many at a time as the budget allows.

        Args:
            more: how many tokens may be written behind each row.
        """
        lengths = [len(row.tokens) + own for row, own in zip(rows, more, strict=True)]
        for group in self._groups(rows, 1 + max(more, default=0)) if share else [Group(0, list(range(len(rows))))]:
            self._grouped(group, rows, lengths, budget, batch)

    def each_behind(self, rows: Sequence[Row], starts: Sequence[int], batch: Batch) -> list[int]:
        """Runs `batch` on the places of rows that are the same before their starts, which is read first, and once.

        Two such rows go together at the least, however long what they share is.

        Returns:
            How many tokens were read for each row; what several share counts for the first of them.
        """
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, (row, start) in enumerate(zip(rows, starts, strict=True)):
            alone = () if self._share else (-1 - place,)
            groups.setdefault((*alone, *row.tokens[:start]), []).append(place)
        lengths = [len(row.tokens) for row in rows]
        for places in groups.values():
            self._grouped(Group(starts[places[0]], places), rows, lengths, self.budget.read, batch, least=2)
        first = {places[0] for places in groups.values()}
        return [lengths[p] if p in first else lengths[p] - start for p, start in enumerate(starts)]

    def _grouped(
        self, group: Group, rows: Sequence[Row], lengths: Sequence[int], budget: int, batch: Batch, *, least: int = 1
    ) -> None:
        """Reads what a group begins with, and runs `batch` on so many of its places at a time, `least` at the least."""
        beginning = self._begun(rows[group.places[0]].tokens[: group.length]) if group.length else Beginning()
        beside = group.length - group.length // self._remembered
        own = [lengths[place] - beside for place in group.places]
        scheduled(max(budget, least * max(own, default=0)), group.places, own, partial(batch, beginning))

    def _groups(self, rows: Sequence[Row], passes: int) -> list[Group]:
        """The rows that begin alike, where that saves more than it costs to take these passes apart from the rest."""
        most = [len(row.tokens) - row.wanted for row in rows]
        return groups_of([row.tokens for row in rows], most, worth=self._worth * passes)

    def _begun(self, tokens: list[int]) -> Beginning:
        found: list[Any] = []
        scheduled(
            self.budget.read, [0], [len(tokens)],
            lambda _: found.append(self.passed([tokens], Beginning(), remember=True).cache),
        )  # fmt: skip
        return Beginning(len(tokens), found[0])

    def passed(self, rows: list[list[int]], beginning: Beginning, *, remember: bool) -> Passed:
        """One pass over whole rows, filled up on the left, or over what follows a beginning, filled up on the right."""
        import torch

        if not beginning.length:
            ids, mask = filled(rows, self.device, left=True)
            positions = (mask.cumsum(1) - 1).clamp(min=0)
            output = self.forward(ids, mask, positions, None, remember)
            return Passed(self.head.states(output), [ids.shape[1]] * len(rows), mask, output.get("past_key_values"))
        rest = [row[beginning.length :] for row in rows]
        ids, mask = filled(rest, self.device, left=False)
        mask = torch.cat([mask.new_ones(len(rows), beginning.length), mask], dim=1)
        positions = torch.arange(beginning.length, mask.shape[1], device=mask.device).expand_as(ids)
        output = self.forward(ids, mask, positions, beginning.for_rows(len(rows)), True)
        return Passed(self.head.states(output), [len(row) for row in rest], mask, output.get("past_key_values"))

    def forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any, remember: bool) -> Any:
        """One pass of the network, counted."""
        where = {"position_ids": positions} if self._positions else {}
        output = self.body(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=remember, **where)
        self.passes += 1
        return output

    def _can_share(self) -> bool:
        """Whether what the network remembers are keys and values only, which can be copied for many rows."""
        import torch
        from transformers import cache_utils

        with torch.inference_mode():
            cache = self.passed([[0, 1]], Beginning(), remember=True).cache
        self.passes = 0
        layers = getattr(cache, "layers", [])
        # recurrent layers of hybrid networks; early versions of transformers 5 have no such class
        recurrent = getattr(cache_utils, "LinearAttentionCacheLayerMixin", ())
        kept = [isinstance(x, cache_utils.DynamicLayer) and not isinstance(x, recurrent) for x in layers]
        return bool(kept) and all(kept)


class _Writing:
    """Rows that a causal network writes, with the next position of each."""

    def __init__(self, network: Causal, passed: Passed, lengths: Sequence[int]) -> None:
        import torch

        self.network, self.cache, self.mask = network, passed.cache, passed.mask
        self.positions = torch.tensor(lengths, device=passed.mask.device)[:, None]

    def after(self, tokens: Tensor) -> Tensor:
        import torch

        self.mask = torch.cat([self.mask, self.mask.new_ones(len(self.mask), 1)], dim=1)
        output = self.network.forward(tokens.to(self.mask.device), self.mask, self.positions, self.cache, True)
        self.cache, self.positions = output.past_key_values, self.positions + 1
        return self.network.head.states(output)[:, -1]

    def keep(self, places: Tensor) -> None:
        places = places.to(self.mask.device)
        self.cache.batch_select_indices(places)
        self.mask, self.positions = self.mask[places], self.positions[places]
