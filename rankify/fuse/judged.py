"""What a run found of the documents that are known to be relevant: what trained fusions learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rankify.types import Qrels, Run, Scores

Hits = NDArray[np.bool_]


class Judged(NamedTuple):
    """One run against judgments, for each judged query, found or not.

    Args:
        hits: whether each document of the ranking is relevant, best first; not judged is not relevant.
        relevant: how many relevant documents there are, retrieved or not.
    """

    hits: list[Hits]
    relevant: list[int]

    @classmethod
    def of(cls, run: Run, qrels: Qrels | Mapping[str, Mapping[str, int]], rel: int) -> Judged:
        """A run's hits; a grade counts as relevant from `rel` on."""
        found, counts = [], []
        for query, grades in qrels.items():
            relevant = {id for id, grade in grades.items() if grade >= rel}
            ids = run[query].ids if query in run else []
            found.append(np.array([id in relevant for id in ids], dtype=np.bool_))
            counts.append(len(relevant))
        return cls(found, counts)


def average_precision(judged: Judged) -> float:
    """The mean over queries of average precision; a query without relevant documents counts 0.

    >>> average_precision(Judged([np.array([True, False, True])], [2]))
    0.8333333333333333
    """
    values = [
        float((np.cumsum(hits)[hits] / (np.flatnonzero(hits) + 1)).sum()) / relevant if relevant else 0.0
        for hits, relevant in zip(*judged, strict=True)
    ]
    return sum(values) / len(values)


def by_position(judged: Judged) -> list[float]:
    """For each rank, how many of the queries that have a document there have a relevant one; 0 where none has.

    >>> by_position(Judged([np.array([True, False]), np.array([True]), np.array([], dtype=bool)], [1, 1, 1]))
    [1.0, 0.0]
    """
    depth = max(1, *map(len, judged.hits))
    found, there = np.zeros(depth), np.zeros(depth)
    for hits in judged.hits:
        found[: len(hits)] += hits
        there[: len(hits)] += 1
    return (found / np.maximum(there, 1)).tolist()  # type: ignore[no-any-return]


def by_segment(judged: Judged, ends: Callable[[int], Sequence[int]], *, full: bool = False) -> Scores:
    """For each segment of the ranking, the mean over all queries of the share of its documents that are relevant.

    Args:
        judged: the hits.
        ends: from the length of a ranking to where its segments end.
        full: divide by the segment's size even where the ranking ends within it; else by the documents that are there.
    """
    shares = []
    for hits in judged.hits:
        starts, stops = [0, *ends(len(hits))[:-1]], ends(len(hits))
        parts = [hits[start:stop] for start, stop in zip(starts, stops, strict=True)]
        sizes = np.subtract(stops, starts) if full else np.array([len(part) for part in parts])
        shares.append([part.sum() for part in parts] / np.maximum(sizes, 1))
    return np.asarray(np.mean(shares, axis=0))
