"""Replies that are drawn at random, each from random numbers of its own, instead of being the likeliest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from rankify.errors import Misuse


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a reply is drawn, token after token.

    Args:
        temperature: what logits are divided by, above 0. 1 draws tokens as often as the model expects them.
        top_p: only the likeliest tokens are drawn, as many as have this probability together (nucleus sampling,
            arXiv:1904.09751).
        seed: of the reply's random numbers. With the same one a model in this process draws the same reply, whatever
            else is asked in its company, but for the rounding of other batches in half precision; servers do so as far
            as they honour seeds.

    Raises:
        Misuse: a number that is out of range.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not (isfinite(self.temperature) and self.temperature > 0):
            raise Misuse(f"temperature={self.temperature!r}: it is a number above 0; greedy decoding draws nothing")
        if not 0 < self.top_p <= 1:
            raise Misuse(f"top_p={self.top_p!r}: it is a probability above 0")
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or self.seed < 0:
            raise Misuse(f"seed={self.seed!r}: it is a whole number from 0 up")


Samplings = Sampling | Sequence[Sampling | None] | None  # of every reply, or of each; None is greedy decoding


def sampling_of(sampling: Samplings, replies: int) -> list[Sampling | None]:
    """How each reply is drawn.

    Raises:
        ValueError: not as many as replies.
    """
    each = [sampling] * replies if sampling is None or isinstance(sampling, Sampling) else list(sampling)
    if len(each) != replies:
        raise ValueError(f"sampling names {len(each)} replies of {replies}")
    return each


def seed_of(seed: int, text: str, number: int) -> int:
    """The seed of one reply about a text, whatever else is asked: from 0 to 2 ** 31 - 1, which every server takes."""
    data = f"{seed}\0{number}\0{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=4).digest(), "big") >> 1
