"""What a server of embeddings answered, read so that no vector can stand for another text than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.errors import BadReply


def numbered(entries: Sequence[Mapping[str, Any]], wanted: int, host: str) -> list[Any]:
    """The vectors of entries that say by `index` which text they belong to, in the order of the texts.

    >>> numbered([{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}], 2, "host")
    [[1.0], [2.0]]

    Raises:
        BadReply: there are not as many as texts, or indices are missing or stand twice.
    """
    counted(len(entries), wanted, host)
    by_place = {entry.get("index"): entry["embedding"] for entry in entries}
    if by_place.keys() != set(range(wanted)):
        shown = ", ".join(str(entry.get("index")) for entry in entries[:8]) + ", ..." * (wanted > 8)
        raise BadReply(f"{host} numbered its {wanted} vectors {shown}: which text each belongs to is not known")
    return [by_place[place] for place in range(wanted)]


def counted(vectors: int, wanted: int, host: str) -> None:
    """Raises BadReply where a server answered more or fewer vectors than there were texts."""
    if vectors != wanted:
        raise BadReply(f"{host} answered {vectors} vectors for {wanted} texts")


def finite(rows: Sequence[Any], wanted: int, host: str) -> NDArray[np.float64]:
    """The rows as an array, shape (wanted, dimension).

    Raises:
        BadReply: there are more or fewer, their lengths differ, or something in them is no finite number in float32.
    """
    counted(len(rows), wanted, host)
    try:
        vectors = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        raise BadReply(f"{host} answered vectors of several lengths, or of something other than numbers") from None
    if vectors.ndim != 2 or not vectors.shape[1]:
        raise BadReply(f"{host} answered an array of shape {vectors.shape} in place of vectors")
    with np.errstate(over="ignore"):
        kept = vectors.astype(np.float32)
    if not np.isfinite(kept).all():
        raise BadReply(f"{host} answered a vector with a number that is not finite")
    return vectors


def of_length_1(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The vectors divided by their lengths; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float64] = vectors / np.where(lengths > 0, lengths, 1)
    return unit
