"""The next tokens of several rows: the likeliest, or drawn by their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rankify.llm.sampling import Sampling

if TYPE_CHECKING:
    from torch import Tensor


class Drawing:
    """The tokens of some rows, one step after the other; each row has random numbers of its own.

    Args:
        samplings: of each row; None where the likeliest token is taken.
    """

    def __init__(self, samplings: Sequence[Sampling | None]) -> None:
        self.samplings = samplings
        self.random = [None if how is None else np.random.default_rng(how.seed) for how in samplings]

    def tokens(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """A token for each of some rows, shape (rows,).

        Args:
            logits: float32, shape (rows, vocabulary).
        """
        found = logits.argmax(-1)
        drawn = [place for place, row in enumerate(rows) if self.samplings[row] is not None]
        if drawn:
            found[drawn] = self._drawn(logits[drawn].double(), [rows[place] for place in drawn])
        return found

    def _drawn(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """Tokens by inverting the distribution: the first whose cumulative probability exceeds a random number."""
        import torch

        how = [sampling for row in rows if (sampling := self.samplings[row])]
        numbers = [random.random() for row in rows if (random := self.random[row])]
        temperatures, tops, thresholds = (
            logits.new_tensor(each) for each in ([s.temperature for s in how], [s.top_p for s in how], numbers)
        )
        probabilities = nucleus((logits / temperatures[:, None]).softmax(-1), tops)
        cumulated = probabilities.cumsum(-1)
        found = torch.searchsorted(cumulated, (thresholds * cumulated[:, -1])[:, None], right=True)[:, 0]
        return found.clamp(max=logits.shape[1] - 1)


def nucleus(probabilities: Tensor, tops: Tensor) -> Tensor:
    """The probabilities of each row's likeliest tokens, as many as come to `tops` together, the others 0.

    Args:
        probabilities: shape (rows, vocabulary).
        tops: shape (rows,); rows of 1 keep all.
    """
    import torch

    if bool((tops >= 1).all()):
        return probabilities
    ordered, places = probabilities.sort(stable=True, dim=-1, descending=True)
    before = ordered.cumsum(-1).roll(1, -1)  # what the likelier ones have together
    before[:, 0] = 0
    kept = torch.where((before < tops[:, None]) | (tops >= 1)[:, None], ordered, 0)
    return torch.zeros_like(probabilities).scatter(-1, places, kept)
