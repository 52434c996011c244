"""The one scheduler of batches: by token budget, longest first, halved when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankify.errors import BadInput, RankifyError

logger = logging.getLogger(__name__)

Positions = NDArray[np.int64]


@dataclass
class Scheduler:
    """Runs a model over many inputs of different lengths and counts what that took.

    Args:
        budget: the most tokens of one batch, padding included: its longest input times its size. An input that is
            longer than the budget is a batch of its own.
    """

    budget: int
    counted: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("tokens", "padding", "passes", "halved"), 0)
    )

    def __post_init__(self) -> None:
        if not isinstance(self.budget, int) or isinstance(self.budget, bool) or self.budget < 1:
            raise BadInput(f"a batch cannot hold {self.budget!r} tokens: batch_tokens is a whole number from 1 up")

    def run(self, lengths: Sequence[int], batch: Callable[[Positions], ArrayLike]) -> NDArray[np.float32]:
        """What `batch` returns for each input, in the order of `lengths`, as float32.

        Args:
            lengths: the number of tokens of each input.
            batch: takes the places of some inputs, the longest first, and returns one row or number for each.

        Raises:
            RankifyError: memory runs out with a single input.
        """
        found: NDArray[np.float32] | None = None
        waiting = list(batches(lengths, self.budget))[::-1]
        while waiting:
            positions = waiting.pop()
            rows = self._attempt(positions, batch, lengths)
            if rows is None:
                half = len(positions) // 2
                budget = int(lengths[positions[0]]) * half
                # what comes later is no longer than this batch was, so it fits in the same smaller budget
                rest = np.concatenate([positions, *waiting[::-1]])
                waiting = [rest[part] for part in batches(np.asarray(lengths)[rest].tolist(), budget)][::-1]
                continue
            if found is None:
                found = np.empty((len(lengths), *rows.shape[1:]), dtype=np.float32)
            found[positions] = rows
        return np.empty(0, dtype=np.float32) if found is None else found

    def _attempt(
        self, positions: Positions, batch: Callable[[Positions], ArrayLike], lengths: Sequence[int]
    ) -> NDArray[np.float32] | None:
        """The rows of one batch, or None when memory ran out and the batch can be made smaller."""
        longest = int(lengths[positions[0]])
        try:
            rows = np.asarray(batch(positions), dtype=np.float32)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if len(positions) == 1:
                way_out = "lower max_length, or choose another device or dtype"
                raise RankifyError(f"out of memory with one text of {longest:,} tokens; {way_out}") from error
            logger.warning("out of memory with %d texts of up to %d tokens; halving the batch", len(positions), longest)
            self.counted["halved"] += 1
            return None  # outside this block the error, and what it holds in memory, is gone
        real = int(np.asarray(lengths)[positions].sum())
        self.counted["tokens"] += real
        self.counted["padding"] += longest * len(positions) - real
        self.counted["passes"] += 1
        return rows


def batches(lengths: Sequence[int], budget: int) -> Iterator[Positions]:
    """Places of inputs, the longest first, in batches whose longest times size stays within the budget.

    Equal lengths keep their order.

    >>> [b.tolist() for b in batches([3, 9, 4, 1], budget=9)]
    [[1], [2, 0], [3]]
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    start = 0
    while start < len(order):
        size = max(1, budget // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: the accelerator's (torch's own class), the processor's, or numpy's."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return any(words in said for words in ("out of memory", "not enough memory", "can't allocate memory"))
