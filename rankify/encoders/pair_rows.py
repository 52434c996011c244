"""Rows of token ids of a query and a passage: the special tokens around them, and where a long pair is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rankify.errors import BadInput

CUTS = ("longest_first", "longest_first_slow", "only_second")
QUERY_SHARE = 3, 4  # of a pair's tokens: what FlagEmbedding leaves a query where only the passage gives way


@dataclass(frozen=True)
class Template:
    """The special tokens that a model puts before, between and behind two texts, and the segment of each part.

    Args:
        special: token ids before, between and behind.
        segments: one number for each of the five parts.
    """

    special: tuple[list[int], list[int], list[int]]
    segments: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    @classmethod
    def of(cls, tokenizer: Any) -> Template:
        """What the tokenizer does, read off the pair ("a", "a").

        Raises:
            BadInput: the tokenizer does not say which tokens are special.
        """
        encoded = tokenizer("a", "a", return_token_type_ids=True)
        if not encoded.is_fast:
            raise BadInput(f"{type(tokenizer).__name__} cannot tell texts from special tokens; use a fast tokenizer")
        ids, types, owners = encoded["input_ids"], encoded["token_type_ids"], encoded.sequence_ids(0)
        first, second = ([i for i, owner in enumerate(owners) if owner == text] for text in (0, 1))
        cuts = (0, first[0], first[-1] + 1, second[0], second[-1] + 1, len(ids))
        parts = list(pairwise(cuts))
        before, _, between, _, behind = (ids[start:end] for start, end in parts)
        segments = [types[start] if start < end else 0 for start, end in parts]
        return cls((before, between, behind), tuple(segments))  # type: ignore[arg-type]

    @classmethod
    def naming(cls, tokenizer: Any, tokens: Sequence[str], size: int) -> Template:
        """The template of a model that puts other tokens than its tokenizer does; "" is none.

        A token that the tokenizer lacks is added behind its vocabulary, where transformers adds one too.

        Args:
            size: how many tokens the network has vectors for.

        Raises:
            BadInput: it has none for a token.
        """
        tokenizer.add_tokens([token for token in tokens if token], special_tokens=True)  # those it has stay as they are
        before, between, behind = ([tokenizer.convert_tokens_to_ids(token)] if token else [] for token in tokens)
        if max([*before, *between, *behind], default=0) >= size:
            raise BadInput(f"a model of {size} tokens has no vector for one of the special tokens {', '.join(tokens)}")
        return cls((before, between, behind))

    def __len__(self) -> int:
        return sum(map(len, self.special))

    def joined(self, left: list[int], right: list[int]) -> list[int]:
        """One row of token ids."""
        before, between, behind = self.special
        return [*before, *left, *between, *right, *behind]

    def segmented(self, left: int, right: int) -> list[int]:
        """The segment of each token of a row with so many tokens of either text."""
        lengths = (len(self.special[0]), left, len(self.special[1]), right, len(self.special[2]))
        return [segment for segment, n in zip(self.segments, lengths, strict=True) for _ in range(n)]


def shares(left: int, right: int, room: int) -> tuple[int, int]:
    """How many tokens of two texts are kept: the longer gives way until both fit or both have half.

    It is what the strategy `longest_first` of Hugging Face's tokenizers keeps.

    >>> shares(10, 500, 100), shares(200, 300, 101), shares(3, 4, 100)
    ((10, 90), (50, 51), (3, 4))
    """
    if left + right <= room:
        return left, right
    if left > right:
        kept, given = shares(right, left, room)
        return given, kept
    half = room // 2
    return (left, room - left) if left <= half else (half, room - half)


def slow_shares(left: int, right: int, room: int) -> tuple[int, int]:
    """The same as the tokenizers that are written in Python keep it: an odd token goes to the first text.

    >>> slow_shares(10, 500, 100), slow_shares(200, 300, 101), slow_shares(300, 9, 100)
    ((10, 90), (51, 50), (91, 9))
    """
    if left + right <= room:
        return left, right
    half = (room + 1) // 2
    if left <= half:
        return left, room - left
    return (half, room - half) if right >= room - half else (room - right, right)


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a pair of rows is cut so that it fits.

    Args:
        room: the most tokens of both texts together.
        query: the most tokens of a query, whatever the passage has; None for no limit of its own.
        document: the most tokens of a passage, likewise.
        rule: one of `CUTS`.
        tails: the ids behind either text, e.g. the cue for an answer, which are never cut.
    """

    room: int
    query: int | None
    document: int | None
    rule: str
    tails: tuple[list[int], list[int]]

    def kept(self, left: int, right: int) -> tuple[int, int]:
        """How many tokens are kept of a query's row and of a passage's, their tails included."""
        behind = tuple(len(tail) for tail in self.tails)
        left, right = (
            max(0, min(n, n if most is None else most) - own)
            for n, most, own in zip((left, right), (self.query, self.document), behind, strict=True)
        )
        room = self.room - sum(behind)
        if self.rule == "only_second":
            kept = min(left, room), min(right, room - min(left, room))
        else:
            kept = (shares if self.rule == "longest_first" else slow_shares)(left, right, room)
        return kept[0] + behind[0], kept[1] + behind[1]

    def cut(self, row: list[int], length: int, side: int, *, beginning: bool) -> list[int]:
        """A row of a text with so many tokens and its tail.

        Args:
            side: 0 of a query, 1 of a passage.
            beginning: whether what is cut is the beginning.
        """
        if len(row) <= length:
            return row
        tail = self.tails[side]
        if tail:
            return [*row[: length - len(tail)], *tail]
        return row[len(row) - length :] if beginning else row[:length]
