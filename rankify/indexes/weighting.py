"""A number for every posting, computed from its term, its count and its document, a part of the postings at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from rankify.indexes.impact import cores
from rankify.indexes.postings import Postings

PART = 1 << 21  # postings at a time: the temporary arrays stay small however large the index is

# (term numbers, counts, document numbers) -> weights, all of shape (part,)
Formula = Callable[[NDArray[np.int64], NDArray[np.float32], NDArray[np.int32]], NDArray[np.floating]]


def weighted(postings: Postings, formula: Formula) -> NDArray[np.float32]:
    """The formula's value for every posting, shape (postings,)."""
    weights = np.empty(len(postings.documents), np.float32)

    def work(start: int) -> None:
        part = slice(start, min(start + PART, len(weights)))
        first = int(np.searchsorted(postings.offsets, part.start, side="right")) - 1
        last = int(np.searchsorted(postings.offsets, part.stop, side="left"))
        edges = np.clip(postings.offsets[first : last + 1], part.start, part.stop)
        terms = np.repeat(np.arange(first, last), np.diff(edges))
        counts = postings.frequencies[part].astype(np.float32)
        weights[part] = formula(terms, counts, np.asarray(postings.documents[part]))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, range(0, len(weights), PART)))
    return weights
