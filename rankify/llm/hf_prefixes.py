"""Which prompts begin alike, so that what they share is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LEAST = 0.1  # of a group's tokens that must be saved: reading behind a cache is slower a token than reading in one go


@dataclass(frozen=True, slots=True)
class Group:
    """Places of rows whose first `length` tokens are the same ones; with length 0 they are read whole."""

    length: int
    places: list[int]


def groups_of(rows: Sequence[list[int]], most: Sequence[int], *, worth: int) -> list[Group]:
    """Every row in one group, so that few tokens are read in all.

    Sorted rows are the leaves of a tree whose inner nodes are common beginnings. Going up from the leaves, rows are
    grouped at the longest beginning where that saves more than leaving them to the next shorter one.

    Args:
        rows: token ids.
        most: for each row how much of it may be shared; what is left is read with it.
        worth: the least number of tokens a group must save.

    >>> groups_of([[1, 2, 3, 4], [5, 6], [1, 2, 3, 5], [1, 2, 3, 6]], most=[3, 1, 3, 3], worth=5)
    [Group(length=3, places=[0, 2, 3]), Group(length=0, places=[1])]
    """
    order = sorted(range(len(rows)), key=lambda place: rows[place])
    depths = [*_common(rows, most, order), 0]
    found: list[Group] = []
    path = [Group(0, [])]  # the open nodes, each deeper than the one before
    for place, after in zip(order, depths[: len(order)], strict=True):
        if after > path[-1].length:
            path.append(Group(after, []))
        path[-1].places.append(place)
        while path[-1].length > after:
            node = path.pop()
            if path[-1].length < after:
                path.append(Group(after, []))
            whole = sum(len(rows[row]) for row in node.places)
            if _saved(node) - worth > len(node.places) * path[-1].length and _saved(node) >= LEAST * whole:
                found.append(node)
            else:
                path[-1].places.extend(node.places)
    return [*found, *([path[0]] if path[0].places else [])]


def _saved(group: Group) -> int:
    return (len(group.places) - 1) * group.length


def _common(rows: Sequence[list[int]], most: Sequence[int], order: Sequence[int]) -> list[int]:
    """How many first tokens each row may share with the next one in that order."""
    arrays = [np.asarray(rows[place], dtype=np.int64) for place in order]
    found = []
    for number, (left, right) in enumerate(pairwise(arrays)):
        length = min(len(left), len(right))
        differ = np.flatnonzero(left[:length] != right[:length])
        same = int(differ[0]) if len(differ) else length
        found.append(min(same, most[order[number]], most[order[number + 1]]))
    return found
