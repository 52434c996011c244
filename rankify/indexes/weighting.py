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


def weighted(postings: Postings, formula: Formula, *, by_term: bool = True) -> NDArray[np.float32]:
    """The formula's value for every posting, shape (postings,).

    Args:
        by_term: whether the formula looks at term numbers; it is given none otherwise.
    """
    weights = np.empty(len(postings.documents), np.float32)

    def work(start: int) -> None:
        part = slice(start, min(start + PART, len(weights)))
        terms = _terms(postings, part) if by_term else np.empty(0, np.int64)
        counts = postings.frequencies[part].astype(np.float32)
        weights[part] = formula(terms, counts, np.asarray(postings.documents[part]))

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(work, range(0, len(weights), PART)))
    return weights


def _terms(postings: Postings, part: slice) -> NDArray[np.int64]:
    """The term of each of some postings."""
    first = int(np.searchsorted(postings.offsets, part.start, side="right")) - 1
    last = int(np.searchsorted(postings.offsets, part.stop, side="left"))
    edges = np.clip(postings.offsets[first : last + 1], part.start, part.stop)
    return np.repeat(np.arange(first, last), np.diff(edges))
