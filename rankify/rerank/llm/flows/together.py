"""Generators that ask, advanced side by side: what makes one batch of the questions of many."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")


def together(
    asking: Iterable[Generator[list[Question], list[Answer], None]],
) -> Generator[list[Question], list[Answer], None]:
    """One generator of several: in each round it asks what all of them ask, until the last of them ends.

    It takes as many rounds as the longest of them. Flows over the same order may go together if they move different
    positions of it.
    """
    waiting = [(one, questions) for one in asking if (questions := next(one, None)) is not None]
    while waiting:
        answers = iter((yield [question for _, questions in waiting for question in questions]))
        told = [(one, [next(answers) for _ in questions]) for one, questions in waiting]
        waiting = [(one, questions) for one, given in told if (questions := advanced(one, given)) is not None]


def advanced(one: Generator[Question, Answer, None], answers: Answer) -> Question | None:
    """What a generator asks next, once it has its answers; None when it has ended."""
    try:
        return one.send(answers)
    except StopIteration:
        return None
