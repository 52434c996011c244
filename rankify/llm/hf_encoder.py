"""Texts that an encoder reads each by itself: in batches of their own, and those that come again once."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rankify.llm.hf_rows import filled

if TYPE_CHECKING:
    from torch import Tensor

Text = tuple[int, ...]  # token ids

REMEMBERED = 1 << 29  # bytes of states that are kept: of 170,000 tokens of a base model's in float32


class Encoder:
    """An encoder, which batches texts by their own lengths, whatever rows they stand in.

    Args:
        network: a model of transformers that reads ids under a mask.
        device: where token ids go.
        budget: the most tokens of a batch, padding included, which is no more than an eighth of it.
    """

    def __init__(self, network: Any, *, device: str, budget: int) -> None:
        self.network, self.device, self.budget = network, device, budget
        self._known: dict[Text, Tensor] = {}
        self._random = random.Random(0)  # noqa: S311

    def states(self, texts: Iterable[Text], *, remember: bool) -> dict[Text, Tensor]:
        """The states of each text, shape (tokens, dim).

        Args:
            remember: whether they are kept for the next time, as the texts of a tournament are worth, which asks about
                the same passages again in the same places.
        """
        wanted = dict.fromkeys(texts)
        found = {text: self._known[text] for text in wanted if text in self._known}
        new = [text for text in wanted if text not in found]
        read: dict[Text, Tensor] = {}
        for places in alike(list(map(len, new)), self.budget):
            read |= self._read([new[place] for place in places])
        if remember:
            self._remember(read)
        return found | read

    def _read(self, texts: Sequence[Text]) -> dict[Text, Tensor]:
        ids, mask = filled(texts, self.device, left=False)
        states = self.network(input_ids=ids, attention_mask=mask).last_hidden_state
        return {text: row[: len(text)] for text, row in zip(texts, states, strict=True)}

    def _remember(self, read: Mapping[Text, Tensor]) -> None:
        """Keeps states; when they are too many, some at random go.

        Queries in lock-step ask in turns, so that the ones used least recently are the ones needed next.
        """
        self._known |= {text: states.clone() for text, states in read.items()}  # not the batch that they are part of
        excess = sum(states.nbytes for states in self._known.values()) - REMEMBERED
        for text in self._random.sample(list(self._known), len(self._known) if excess > 0 else 0):
            if excess <= 0:
                break
            excess -= self._known.pop(text).nbytes


def alike(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Places of texts, the longest first, in batches of at most a budget of tokens, an eighth of which may be padding.

    >>> list(alike([9, 3, 8, 10, 3], budget=24))
    [[3, 0], [2], [1, 4]]
    """
    batch: list[int] = []
    padding = 0
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        longest = lengths[batch[0]] if batch else lengths[place]
        padding += longest - lengths[place]
        if batch and (longest * (len(batch) + 1) > budget or 8 * padding > budget):
            yield batch
            batch, padding = [], 0
        batch.append(place)
    if batch:
        yield batch
