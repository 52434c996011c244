"""What a judge's reply says: the JSON object in it, and in that lists of texts, verdicts and ratings.

A reply that does not say what it was asked for has no meaning that could be guessed: it raises `NotKnown`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from rankify.evaluation.known import NotKnown
from rankify.io.jsonl import Record

_decode = json.JSONDecoder().raw_decode
SHOWN = 60  # characters of a reply in a reason


def record_of(reply: str, *keys: str) -> Record:
    """The first JSON object of a reply that has these keys, whatever stands around it.

    >>> record_of('Sure: ```json\\n{"verdict": 1}\\n```', "verdict")
    {'verdict': 1}

    Raises:
        NotKnown: there is none.
    """
    for found in _objects(reply):
        if set(keys) <= found.keys():
            return found
    raise NotKnown(f"a reply has no JSON with {' and '.join(map(repr, keys))}: {reply.strip()[:SHOWN]!r}")


def _objects(reply: str) -> Iterator[Record]:
    place = reply.find("{")
    while place >= 0:
        try:
            found, _ = _decode(reply, place)
        except (ValueError, RecursionError):
            pass
        else:
            if isinstance(found, dict):
                yield found
        place = reply.find("{", place + 1)


def texts_of(found: Record, key: str) -> list[str]:
    """The texts under a key, without empty ones.

    Raises:
        NotKnown: it holds no list of texts.
    """
    given = found[key]
    if not isinstance(given, list) or not all(isinstance(text, str) for text in given):
        raise NotKnown(f"{key!r} of a reply is {given!r:.{SHOWN}} instead of a list of texts")
    return [text.strip() for text in given if text.strip()]


def verdict_of(found: Any, key: str) -> int:
    """A verdict: 1 or 0, also as a text or as true and false.

    >>> verdict_of({"verdict": "1"}, "verdict"), verdict_of({"verdict": False}, "verdict")
    (1, 0)

    Raises:
        NotKnown: it is none.
    """
    return rating_of(found, key, (0, 1))


def rating_of(found: Any, key: str, scale: Collection[int]) -> int:
    """A rating on a scale of whole numbers, also as a text.

    Raises:
        NotKnown: it is none of the scale.
    """
    given = found.get(key) if isinstance(found, dict) else None
    for rating in scale:
        if (given == rating and isinstance(given, int | float)) or (
            isinstance(given, str) and given.strip() == str(rating)
        ):
            return rating
    raise NotKnown(f"{key!r} of a reply is {given!r:.{SHOWN}} instead of {' or '.join(map(str, sorted(scale)))}")


def verdicts_of(found: Record, key: str, verdict: str, expected: int | None = None) -> list[int]:
    """The verdicts of a list of objects.

    Args:
        expected: how many there have to be, where that is known.

    Raises:
        NotKnown: it is no such list, or another number of them.
    """
    given = found[key]
    if not isinstance(given, list):
        raise NotKnown(f"{key!r} of a reply is {given!r:.{SHOWN}} instead of a list")
    if expected is not None and len(given) != expected:
        raise NotKnown(f"a reply has {len(given)} verdicts of {expected} statements")
    return [verdict_of(one, verdict) for one in given]
