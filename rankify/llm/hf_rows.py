"""What a network reads for a prompt, rows of it in padded batches, and the loop that writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rankify.encoders.batching import Scheduler
from rankify.llm.hf_drawing import Drawing
from rankify.llm.hf_head import Head
from rankify.llm.protocol import Span
from rankify.llm.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor

# takes the places of a batch's rows, and the states at their wanted positions one after another, shape (wanted, dim)
Use = Callable[[list[int], "Tensor"], None]


@dataclass(frozen=True, slots=True)
class Budget:
    """The most tokens of one batch, padding included.

    On a processor small batches read fastest, since what they work on stays in its caches; each step of writing reads
    all weights, whatever the size of its batch.

    Args:
        read: when prompts are only read.
        write: when replies are written too, which are counted at their longest.
    """

    read: int
    write: int

    @classmethod
    def of(cls, device: str, asked: int | None) -> Budget:
        """What is asked for, or else what suits the device."""
        if asked is not None:
            return cls(asked, asked)
        return cls(512, 8192) if device.startswith("cpu") else cls(65_536, 65_536)


@dataclass(frozen=True, slots=True)
class Row:
    """Token ids.

    Args:
        tokens: what the decoder reads.
        encoder: what the encoder reads, in a model that has one: texts, each by itself; nearly always one.
        wanted: of how many of the last positions the states are wanted.
        spans: where the documents stand: among the tokens, or each in an encoder's text of its own.
    """

    tokens: list[int]
    encoder: list[list[int]] | None = None
    wanted: int = 1
    spans: list[Span] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens) + sum(map(len, self.encoder or ()))

    @property
    def at_once(self) -> int:
        """How many tokens must fit into a context: the decoder's, and those of the longest text for the encoder."""
        return len(self.tokens) + max(map(len, self.encoder or ()), default=0)

    def followed(self, by: list[int]) -> Row:
        """The row that tells how likely these tokens come next: the last one is told, not read."""
        return Row([*self.tokens, *by[:-1]], self.encoder, len(by))


@dataclass(frozen=True, slots=True)
class Manner:
    """How a reply is written.

    Args:
        most: its most tokens.
        sampling: how they are drawn; None: the likeliest are taken.
        over: whether the tokens written so far are all of it, though the last one is no end.
        tells: whether the log-probability of each token is wanted; where one of a batch wants them, all have them.
    """

    most: int
    sampling: Sampling | None = None
    over: Callable[[Sequence[int]], bool] | None = None
    tells: bool = False

    def ends(self, tokens: Sequence[int], ends: Collection[int]) -> bool:
        """Whether nothing is written behind these tokens."""
        return tokens[-1] in ends or len(tokens) >= self.most or (self.over is not None and self.over(tokens))


@dataclass(slots=True)
class Text:
    """The tokens of a reply, and the log-probability of each, where those are wanted."""

    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class Network(Protocol):
    """A causal or an encoder-decoder network, in batches."""

    head: Head
    passes: int
    budget: Budget

    def read(self, rows: Sequence[Row], use: Use) -> None:
        """Hands `use` the states of all rows, batch by batch."""

    def write(self, rows: Sequence[Row], manners: Sequence[Manner], ends: Collection[int]) -> list[Text]:
        """The most likely or the drawn tokens of each row, one by one, up to its limit or an end, which is included."""

    def begun(self, rows: Sequence[Row]) -> tuple[Tensor, Writing]:
        """The states at the last position of each row, shape (rows, dim), and the rows, to be written on."""


class Writing(Protocol):
    """Rows being written, each with what the network remembers of it."""

    def after(self, tokens: Tensor) -> Tensor:
        """The states behind one more token a row, shape (rows, dim)."""

    def keep(self, places: Tensor) -> None:
        """Forgets all rows but these."""


def scheduled(budget: int, places: Sequence[int], lengths: Sequence[int], batch: Callable[[list[int]], None]) -> None:
    """Runs `batch` on some of these places at a time, whose lengths are given, in batches of the scheduler."""

    def run(positions: Any) -> Any:
        batch([places[position] for position in positions.tolist()])
        return np.zeros(len(positions))

    Scheduler(budget).run(lengths, run)


def filled(rows: Sequence[Sequence[int]], device: Any, *, left: bool) -> tuple[Tensor, Tensor]:
    """Rows as ids and mask, shape (rows, longest), filled up on one side with token 0, which the mask hides."""
    import torch

    longest = max(map(len, rows))
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        real = slice(longest - len(row), None) if left else slice(len(row))
        ids[number, real], mask[number, real] = row, 1
    return torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device)


def wanted_states(states: Tensor, ends: Sequence[int], wanted: Sequence[int]) -> Tensor:
    """The states of each row's last real positions, one after another.

    Args:
        states: shape (rows, positions, dim).
        ends: the position behind each row's last token.
    """
    import torch

    return torch.cat([row[end - n : end] for row, end, n in zip(states, ends, wanted, strict=True)])


def written_tokens(
    head: Head, states: Tensor, writing: Writing, manners: Sequence[Manner], ends: Collection[int]
) -> list[Text]:
    """The most likely tokens of each row, or drawn ones, one by one; a row that has ended takes no further part.

    Args:
        states: those at each row's last position, shape (rows, dim).
    """
    import torch

    drawing = Drawing([manner.sampling for manner in manners])
    tells = any(manner.tells for manner in manners)
    written = [Text() for _ in manners]
    going = list(range(len(manners)))
    while True:
        rows, found = iter(going), []
        for logits in head.parts(states):
            some = list(islice(rows, len(logits)))
            found.append(drawing.tokens(logits, some))
            if tells:
                _tell(logits, found[-1], [written[row] for row in some])
        tokens = torch.cat(found)
        for row, token in zip(going, tokens.tolist(), strict=True):
            written[row].tokens.append(token)
        still = [i for i, row in enumerate(going) if not manners[row].ends(written[row].tokens, ends)]
        if not still:
            return written
        if len(still) < len(going):
            places = torch.tensor(still, device=tokens.device)
            tokens, going = tokens[places], [going[i] for i in still]
            writing.keep(places)
        states = writing.after(tokens[:, None])


def _tell(logits: Tensor, tokens: Tensor, texts: Sequence[Text]) -> None:
    """Adds the log-probability of each row's next token to its text.

    Args:
        logits: shape (rows, vocabulary).
        tokens: shape (rows,).
    """
    told = logits.gather(1, tokens[:, None])[:, 0] - logits.logsumexp(1)
    for text, logprob in zip(texts, told.tolist(), strict=True):
        text.logprobs.append(logprob)
