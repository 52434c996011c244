"""Generators that ask, advanced side by side: what makes one batch of the questions of many."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST = 16_384  # questions in one call: bounds the prompts in memory when every pair of many queries is asked


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


def lockstep(
    asking: Iterable[Generator[list[Question], list[Answer], None]],
    ask: Callable[[list[Question]], Sequence[Answer]],
) -> None:
    """Advances all of them together: one call a round, as many rounds as the longest has."""
    _answer(together(asking), ask, Event())


def independent(
    asking: Iterable[Generator[list[Question], list[Answer], None]],
    ask: Callable[[list[Question]], Sequence[Answer]],
    *,
    parallel: int,
) -> None:
    """Advances each alone, so that none waits for another, so many at a time.

    The first failure is raised at once. Those under way then are left to their last call, and ask nothing more.
    """
    over = Event()

    def alone(one: Generator[list[Question], list[Answer], None]) -> None:
        try:
            _answer(one, ask, over)
        except BaseException:
            over.set()  # here, lest this thread begin the next one before the caller hears of it
            raise

    pool = ThreadPoolExecutor(parallel)
    try:
        futures = [pool.submit(alone, one) for one in asking]
        for future in wait(futures, return_when=FIRST_EXCEPTION).done:
            future.result()
    finally:
        over.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _answer(
    one: Generator[list[Question], list[Answer], None],
    ask: Callable[[list[Question]], Sequence[Answer]],
    over: Event,
) -> None:
    asked = next(one, None)
    while asked is not None and not over.is_set():
        answers: list[Answer] = []
        for start in range(0, len(asked), MOST):
            some = asked[start : start + MOST]
            found = ask(some)
            if len(found) != len(some):
                raise ValueError(f"{len(some)} questions were asked and {len(found)} answered")
            answers += found
        asked = advanced(one, answers)
