"""What a server that reranks answered, read so that no score can stand for another document than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from rankify.errors import BadReply
from rankify.remote.patience import scrubbed
from rankify.types import Scores

SHOWN = 8  # indices that a message names


def scores(results: Sequence[Mapping[str, Any]], field: str, wanted: int, host: str) -> Scores:
    """The scores of results in the order of the documents that were sent, shape (wanted,).

    A result says by `index` which document it is of; what text it repeats does not matter.

    >>> scores([{"index": 1, "score": 2}, {"index": 0, "score": 0.5}], "score", 2, "host").tolist()
    [0.5, 2.0]

    Raises:
        BadReply: an index is missing, stands twice or is out of range, or a score is no finite number.
    """
    found: dict[int, float] = {}
    for result in results:
        index, score = result["index"], result[field]
        if type(index) is not int or not 0 <= index < wanted:
            raise BadReply(f"{host} scored a document of index {_shown(index)}, and was sent 0 to {wanted - 1}")
        if index in found:
            raise BadReply(f"{host} scored the document of index {index} twice: which score is right is not known")
        if not _finite(score):
            raise BadReply(f"{host} gave the document of index {index} the score {_shown(score)}, no finite number")
        found[index] = float(score)
    if missing := [index for index in range(wanted) if index not in found]:
        shown = ", ".join(map(str, missing[:SHOWN])) + ", ..." * (len(missing) > SHOWN)
        raise BadReply(f"{host} scored {len(found)} of {wanted} documents; there is no score of index {shown}")
    return np.array([found[index] for index in range(wanted)], dtype=np.float64)


def taken(answer: Any, places: Sequence[str]) -> float | None:
    """The number that stands in an answer at the first of some places where one does; None where none does.

    >>> taken({"meta": {"units": 2}}, ["usage.tokens", "meta.units"]), taken([], ["usage.tokens"])
    (2.0, None)
    """
    for place in places:
        here = answer
        for name in place.split("."):
            here = here.get(name) if isinstance(here, Mapping) else None
        if _finite(here):
            return float(here)
    return None


def _shown(value: Any) -> str:
    """What stands where a number should, short enough for a message and without any key."""
    return scrubbed(repr(value), 40)


def _finite(value: Any) -> bool:
    """Whether something is a number, and a finite one; true and false are none."""
    try:
        return type(value) in (int, float) and isfinite(value)
    except OverflowError:  # a whole number that no float holds
        return False
