"""The gold answers of questions: where they stand, and what a question without any is.

One rule holds everywhere: an empty list says that the question cannot be answered, as in SQuAD 2; where nothing is
written, or null, nobody knows its answers, and it does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

from rankify.errors import BadInput
from rankify.types import Query

Gold = Mapping[str, Sequence[str] | str]
Golds = dict[str, list[str]]


def gold_answers(queries: Iterable[Query], gold: Gold | None, *, unanswerable: bool = False) -> Golds:
    """The gold answers of each question that has some; of those that are known to have none, too, where wanted.

    Args:
        gold: by query id; without it, they are each query's own, `query.metadata["answers"]`.
        unanswerable: questions whose list is empty are there too.

    Raises:
        BadInput: no question has any, or one is no text.
    """
    given = {q.id: q.metadata.get("answers") for q in queries} if gold is None else gold
    golds: Golds = {}
    for query, written in given.items():
        answers = written_answers(query, written)
        if answers or (unanswerable and answers is not None):
            golds[query] = list(map(str, answers))
    if not golds or (gold is None and not any(golds.values())):
        raise BadInput('no question has gold answers; they are in query.metadata["answers"], or given by query id')
    return golds


def written_answers(query: str, written: Any) -> list[str] | None:
    """The gold answers of one question as they are written: a text or number, or a list of them; None for none at all.

    >>> [written_answers("q1", written) for written in ("Paris", [1984], [], None)]
    [['Paris'], ['1984'], [], None]

    Raises:
        BadInput: one is neither.
    """
    if written is None:
        return None
    answers = list(written) if isinstance(written, Sequence) and not isinstance(written, str) else [written]
    if wrong := [a for a in answers if not isinstance(a, str | int | float) or (isinstance(a, float) and isnan(a))]:
        raise BadInput(f"question {query!r}: the gold answer {wrong[0]!r:.60} is no text")
    return list(map(str, answers))
