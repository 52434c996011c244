"""Every measure of answers by its name, in one place: what it is, what computes it, and what that needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from rankify.errors import Misuse, UnknownName
from rankify.packaged import packaged

HERE = "evaluate_answers"
_COUNTS = ("NumQ", "NumRel", "NumRet", "Judged")  # of ir-measures: they count, and say of no system how good it is

Better = Literal["more", "less", "neither"]


@dataclass(frozen=True, slots=True)
class AnswerMeasure:
    """A measure of answers.

    Args:
        what: what its value is.
        by: the function of `rankify.evaluation` that computes it.
        needs: a model, or the extra that installs its library; "" for nothing.
        better: more, less, or neither where no end is good.
    """

    what: str
    by: str
    needs: str = ""
    better: Better = "more"


@cache
def answer_measures() -> Mapping[str, AnswerMeasure]:
    """Every measure of answers, by name.

    >>> answer_measures()["faithfulness"].needs
    'a language model'
    """
    said = packaged(files(__package__) / "answer_measures.yaml")
    return {name: AnswerMeasure(**entry) for name, entry in said.items()}


def better(name: str) -> Better:
    """Which end of a measure of rankings or of answers is good.

    `NumRet(rel=1)` counts relevant documents, of which more is better; `NumRet` counts all.

    >>> better("noise_sensitivity(mode=irrelevant)"), better("NumRet"), better("NumRet(rel=1)"), better("nDCG@10")
    ('less', 'neither', 'more', 'more')
    """
    family = name.partition("@")[0].partition("(")[0]
    if found := answer_measures().get(family):
        return found.better
    found_relevant = family == "NumRet" and "rel=" in name.replace(" ", "")
    return "neither" if family in _COUNTS and not found_relevant else "more"


def refuse_less(name: str, what: str) -> None:
    """Raises Misuse for a measure of which more is not better.

    Args:
        what: what needs that, with its verb, e.g. "an average over collections orders".
    """
    if (end := better(name)) != "more":
        why = "less is better" if end == "less" else "neither more nor less is better"
        raise Misuse(f"{name}: {what} by a measure of which more is better, and of this {why}; name another one")


def unknown(name: str) -> UnknownName:
    """The error for a name that `evaluate_answers` does not compute; it says what does, where something does."""
    family = name.partition("(")[0]
    found = answer_measures().get(family)
    if found is None:
        return UnknownName.among("measure of answers", family, answer_measures())
    if found.by == HERE:  # a family of measures, which lacks its depth
        return UnknownName(f"measure {name!r} is of the best k contexts; write {name}@5")
    return UnknownName(f"measure {name!r} needs {found.needs}: it is computed by rankify.evaluation.{found.by}")
