"""One reply to several prompts: each token by the weighted mean of what they make likely (REPLUG, arXiv:2301.12652)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf
from typing import TYPE_CHECKING

from rankify.errors import BadInput
from rankify.llm.hf_drawing import Drawing
from rankify.llm.hf_rows import Manner, Network, Row, scheduled

if TYPE_CHECKING:
    from torch import Tensor

Groups = Sequence[Sequence[Row]]  # the prompts of each reply
Weights = Sequence[Sequence[float]]


def mixed_tokens(
    network: Network, groups: Groups, weights: Weights, manners: Sequence[Manner], ends: Collection[int]
) -> list[list[int]]:
    """The tokens of each reply. Prompts of many replies share batches; those of one are never apart.

    Args:
        weights: of each prompt of a reply; they sum to 1.
    """
    written: list[list[int]] = [[] for _ in groups]

    def batch(places: list[int]) -> None:
        some = [manners[place] for place in places]
        found = _mixed(network, [groups[p] for p in places], [weights[p] for p in places], some, ends)
        for place, tokens in zip(places, found, strict=True):
            written[place] = tokens

    # a decoder of its own counts positions from its first token, so that replies that go together begin equally long
    begun = [len(group[0].tokens) if group[0].encoder is not None else 0 for group in groups]
    for length in sorted(set(begun)):
        same = [place for place, own in enumerate(begun) if own == length]
        sizes = [len(groups[p]) * (max(map(len, groups[p])) + manners[p].most) for p in same]
        scheduled(network.budget.write, same, sizes, batch)
    return written


def _mixed(
    network: Network, groups: Groups, weights: Weights, manners: Sequence[Manner], ends: Collection[int]
) -> list[list[int]]:
    import torch

    drawing = Drawing([manner.sampling for manner in manners])
    written: list[list[int]] = [[] for _ in groups]
    going = list(range(len(groups)))
    states, writing = network.begun([row for group in groups for row in group])
    owners = torch.tensor([number for number, group in enumerate(groups) for _ in group])
    shares = torch.tensor([share for own in weights for share in own], dtype=torch.float64)
    while True:
        mixture = _mixture(network, states, owners, shares, len(going))
        tokens = drawing.tokens(mixture.log(), going)
        for number, token in zip(going, tokens.tolist(), strict=True):
            written[number].append(token)
        still = [i for i, number in enumerate(going) if not manners[number].ends(written[number], ends)]
        if not still:
            return written
        if len(still) < len(going):
            kept = torch.isin(owners, torch.tensor(still))
            writing.keep(kept.nonzero()[:, 0])
            numbers = {old: new for new, old in enumerate(still)}
            owners = torch.tensor([numbers[owner] for owner in owners[kept].tolist()])
            shares, tokens, going = shares[kept], tokens[torch.tensor(still)], [going[i] for i in still]
        states = writing.after(tokens.cpu()[owners][:, None])


def _mixture(network: Network, states: Tensor, owners: Tensor, shares: Tensor, groups: int) -> Tensor:
    """The probabilities of the next token of each group, shape (groups, vocabulary), in float64."""
    found: Tensor | None = None
    start = 0
    for logits in network.head.parts(states):
        own = slice(start, start + len(logits))
        likely = logits.double().softmax(-1).cpu() * shares[own, None]
        found = likely.new_zeros(groups, likely.shape[1]) if found is None else found
        found.index_add_(0, owners[own], likely)
        start += len(logits)
    assert found is not None  # noqa: S101 - for mypy: there are rows
    return found


def shares_of(weights: Sequence[float], prompts: int) -> list[float]:
    """The weights of a reply's prompts, divided by their sum.

    >>> shares_of([2, 1, 1], 3)
    [0.5, 0.25, 0.25]

    Raises:
        BadInput: there are no prompts, or a weight is below 0, or none is above it.
        ValueError: not as many weights as prompts.
    """
    if len(weights) != prompts:
        raise ValueError(f"{len(weights)} weights of {prompts} prompts")
    total = sum(weights)
    if not prompts or not 0 < total < inf or min(weights) < 0:
        raise BadInput(f"weights={list(weights)}: those of a reply's prompts are numbers from 0 up, not all of them 0")
    return [weight / total for weight in weights]
