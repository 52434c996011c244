"""Figures that a fusion has learnt: written on one line, or kept in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from rankify.errors import BadInput, Misuse
from rankify.io.files import reading, writing
from rankify.types import Scores

ENDING = ".json"


def line(figures: Iterable[Iterable[float]]) -> str:
    """Figures on one line, six digits each: those of a list between "/", lists between ":".

    >>> line([[0.5, 0.25], [1 / 3]])
    '0.5/0.25:0.333333'
    """
    return ":".join("/".join(f"{figure:.6g}" for figure in own) for own in figures)


def save(fusion: str, figures: Sequence[Sequence[float]], path: str) -> None:
    """Writes the figures into a file, whole or not at all, with the digits of `line`.

    Raises:
        Misuse: the file's name does not end in .json.
    """
    if not path.endswith(ENDING):
        raise Misuse(f"what {fusion} has learnt is kept in a file whose name ends in {ENDING}, unlike {path!r}")
    rounded = [[float(f"{figure:.6g}") for figure in own] for own in figures]
    with writing(path) as file:
        json.dump({"fusion": fusion, "lists": rounded}, file)
        file.write("\n")


def read(fusion: str, learnt: str) -> list[Scores]:
    """The figures of each list, from a line or from a file.

    Raises:
        BadInput: the file is missing, or is of another fusion or of something else.
        Misuse: the line cannot be read.
    """
    if learnt.endswith(ENDING):
        return _read_file(fusion, learnt)
    try:
        found = [np.array([float(figure) for figure in own.split("/")]) for own in learnt.split(":")]
    except ValueError:
        found = []
    if not found or not all(np.isfinite(own).all() for own in found):
        raise Misuse(f"cannot read what {fusion} has learnt from {learnt[:60]!r}: write it as rankify tune does, or a "
                     f"file that ends in {ENDING}")  # fmt: skip
    return found


def _read_file(fusion: str, path: str) -> list[Scores]:
    with reading(path) as file:
        try:
            said: Any = json.load(file)
            kind, lists = said["fusion"], [np.array(own, dtype=np.float64) for own in said["lists"]]
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{path}: not what a fusion has learnt; write it with rankify tune") from None
    if kind != fusion:
        raise BadInput(f"{path}: what {kind} has learnt, which {fusion} cannot use")
    if not lists or not all(own.ndim == 1 and len(own) and np.isfinite(own).all() for own in lists):
        raise BadInput(f"{path}: not the figures of each list; write it with rankify tune")
    return lists
