"""Scores of chosen tokens from a network's states: logits of the next token, log-probabilities of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rankify.llm.hf_head import AT_ONCE, Head
from rankify.llm.hf_rows import Network, Row

if TYPE_CHECKING:
    from torch import Tensor

Values = tuple[float, ...]


def logits_of(network: Network, rows: Sequence[Row], tokens: Sequence[list[int]], top: int | None) -> list[Values]:
    """The logits of some tokens as the next one of each row; -inf for those not among the `top` largest."""
    import torch

    found: list[Values] = [()] * len(rows)

    def use(places: list[int], states: Tensor) -> None:
        labels = sorted({token for place in places for token in tokens[place]})
        column = {label: number for number, label in enumerate(labels)}
        wanted = torch.tensor(labels, device=states.device)
        logits = network.head.some(states, wanted) if top is None else _seen(network.head, states, wanted, top)
        for place, values in zip(places, logits.tolist(), strict=True):
            found[place] = tuple(values[column[token]] for token in tokens[place])

    network.read(rows, use)
    return found


def sums_of(network: Network, rows: Sequence[Row], targets: Sequence[list[int]]) -> list[float]:
    """The log-probability of each row's targets, one after the other, summed."""
    return [sum(told) for told in each_of(network, rows, targets)]


def each_of(network: Network, rows: Sequence[Row], targets: Sequence[list[int]]) -> list[list[float]]:
    """The log-probability of each of a row's targets, one after the other."""
    import torch

    found: list[list[float]] = [[]] * len(rows)

    def use(places: list[int], states: Tensor) -> None:
        wanted = torch.tensor([token for place in places for token in targets[place]])
        told = [
            logits.gather(1, some[:, None].to(logits.device))[:, 0] - logits.logsumexp(1)
            for logits, some in zip(network.head.parts(states), torch.split(wanted, AT_ONCE), strict=True)
        ]
        each = iter(torch.cat(told).tolist())
        for place in places:
            found[place] = [next(each) for _ in targets[place]]

    network.read(rows, use)
    return found


def _seen(head: Head, states: Tensor, tokens: Tensor, top: int) -> Tensor:
    """The logits of some tokens where they are among the `top` largest, else -inf; shape (states, tokens)."""
    import torch

    parts = []
    for logits in head.parts(states):
        least = logits.topk(min(top, logits.shape[-1])).values[:, -1:]
        picked = logits[:, tokens.to(logits.device)]
        parts.append(picked.masked_fill(picked < least, -torch.inf))
    return torch.cat(parts)
