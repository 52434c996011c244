"""Systems of an experiment that stand for several: one for each combination of values, and for each seed."""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from rankify.errors import Misuse, UnknownName
from rankify.experiment import seeds

KEYS = ("pipeline", "tune", "seeds")
MOST = 100  # systems that one grid may stand for
LONGEST = 150  # characters of a label, which becomes the name of files
_PLACE = re.compile(r"\{(\w+)\}")
_UNFIT = re.compile(r"[^\w.+@=-]+")


def expanded(label: str, said: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The systems that one entry stands for, each with one value in each place.

    >>> said = {"pipeline": "bm25?k1={k1} % 9", "k1": ["0.9", "1.2"]}
    >>> {label: one["pipeline"] for label, one in expanded("bm25", said).items()}
    {'bm25-k1=0.9': 'bm25?k1=0.9 % 9', 'bm25-k1=1.2': 'bm25?k1=1.2 % 9'}

    Raises:
        Misuse, UnknownName: a place without values, values without a place, no values, or too many combinations.
    """
    text = said.get("pipeline")
    if not isinstance(text, str):
        if near := next((key for key in said if key not in KEYS and difflib.get_close_matches(key, KEYS)), ""):
            raise UnknownName.among("key", near, KEYS)
        raise Misuse("it has no pipeline; write e.g. {pipeline: 'bm25?k1={k1} % 100', k1: [0.9, 1.2]}")
    grid = {key: _values(key, values) for key, values in said.items() if key not in KEYS}
    _refuse_misplaced(text, grid)
    drawn: Sequence[int | None] = seeds.numbers(said["seeds"]) if "seeds" in said else [None]
    count = prod([len(drawn), *map(len, grid.values())])
    if count > MOST:
        raise Misuse(f"{count:,} combinations are more than {MOST}; try fewer values, or choose them with 'tune'")
    rest = {"tune": said["tune"]} if "tune" in said else {}
    found: dict[str, dict[str, Any]] = {}
    for chosen in product(*grid.values()):
        values = dict(zip(grid, chosen, strict=True))
        name, filled = _labelled(label, values), _filled(text, values)
        for seed in drawn:
            one = (name, filled) if seed is None else (seeds.label(name, seed), seeds.sown(filled, seed))
            found[one[0]] = {"pipeline": one[1], **rest}
    return found


def _filled(text: str, values: Mapping[str, str]) -> str:
    """The pipeline with a value in each place."""
    return _PLACE.sub(lambda place: values[place[1]], text)


def _values(key: str, said: Any) -> list[str]:
    """The values of a place, as they stand in a pipeline's text."""
    given = said if isinstance(said, Sequence) and not isinstance(said, str) else [said]
    if not given:
        raise Misuse(f"{key}: the grid is empty; write e.g. {key}: [0.9, 1.2]")
    if wrong := [one for one in given if not isinstance(one, str | int | float | bool) or one == ""]:
        raise Misuse(f"{key}: {wrong[0]!r} is not a value; write e.g. {key}: [0.9, 1.2]")
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in given]
    if twice := [one for one in texts if texts.count(one) > 1]:
        raise Misuse(f"{key}: {twice[0]} stands there twice; leave one out")
    return texts


def _refuse_misplaced(text: str, grid: Mapping[str, Sequence[str]]) -> None:
    """Raises where values have no place in the pipeline, or a place has no values."""
    places = list(dict.fromkeys(_PLACE.findall(text)))
    for key in grid:
        if key not in places:
            if difflib.get_close_matches(key, [*KEYS, *places]):
                raise UnknownName.among("key", key, [*KEYS, *places])
            raise Misuse(
                f"{key}: the pipeline has no place for it; write {{{key}}} where its values go, or leave it out"
            )
    if lacking := [place for place in places if place not in grid]:
        raise Misuse(f"{{{lacking[0]}}} in the pipeline has no values; write e.g. {lacking[0]}: [0.9, 1.2] beside it")


def _labelled(label: str, values: Mapping[str, str]) -> str:
    """The label of a combination, which can be a file's name; two combinations have two."""
    if not values:
        return label
    whole = f"{label}-{'-'.join(f'{key}={value}' for key, value in values.items())}"
    name = _UNFIT.sub("-", whole)
    if name == whole and len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"
