"""Every measure of answers by its name, in one place: what it is, what computes it, and what that needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rankify.errors import UnknownName
from rankify.packaged import packaged

HERE = "evaluate_answers"


@dataclass(frozen=True, slots=True)
class AnswerMeasure:
    """A measure of answers.

    Args:
        what: what its value is.
        by: the function of `rankify.evaluation` that computes it.
        needs: a model, or the extra that installs its library; "" for nothing.
    """

    what: str
    by: str
    needs: str = ""


@cache
def answer_measures() -> Mapping[str, AnswerMeasure]:
    """Every measure of answers, by name.

    >>> answer_measures()["faithfulness"].needs
    'a language model'
    """
    said = packaged(files(__package__) / "answer_measures.yaml")
    return {name: AnswerMeasure(**entry) for name, entry in said.items()}


def unknown(name: str) -> UnknownName:
    """The error for a name that `evaluate_answers` does not compute; it says what does, where something does."""
    family = name.partition("(")[0]
    found = answer_measures().get(family)
    if found is None:
        return UnknownName.among("measure of answers", family, answer_measures())
    if found.by == HERE:  # a family of measures, which lacks its depth
        return UnknownName(f"measure {name!r} is of the best k contexts; write {name}@5")
    return UnknownName(f"measure {name!r} needs {found.needs}: it is computed by rankify.evaluation.{found.by}")
