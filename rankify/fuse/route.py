"""Routing: each query goes to one of several pipelines."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import chain
from typing import Any, Literal, Protocol, get_args

import numpy as np

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.packaged import packaged
from rankify.stages import Stage
from rankify.types import Query, Report, Run

Rule = Literal["words", "question", "regex"]


class Choice(Protocol):
    """A function from a query to the number of its part."""

    def __call__(self, query: Query, /) -> int: ...


class Route(Stage):
    """Sends each query to one of several pipelines, by a rule: `route(dense:MODEL, bm25, by=question)`.

    The rankings stand in the order of the queries. A part works on its own queries alone, and not at all where it has
    none; its reports stand before the route's, which counts how many queries each part had.

    Args:
        parts: the pipelines.
        by: words: the first part takes queries of fewer words than the first number of `at`, the second those of fewer
            than the second, and so on, the last the others. question: the first of two parts takes questions (that end
            in a question mark, or begin with a word that English questions begin with). regex: the first of two parts
            takes queries in which `pattern` is found. In Python also a function from a query to the number of its
            part, from 0, such as a classifier; such a route has no text that loads again.
        at: one number of words less than there are parts, rising, e.g. `5`, or `4:9` for three parts.
        pattern: a regular expression. In a pipeline's text its parentheses match, and a comma stands inside some.

    Raises:
        Misuse: the options do not fit the rule or the number of parts.
        BadInput: a function names a part that is not there.
    """

    name = "route"

    def __init__(
        self, *parts: Stage, by: Rule | Choice = "words", at: str | None = None, pattern: str | None = None
    ) -> None:
        if len(parts) < 2 or not all(isinstance(part, Stage) for part in parts):
            raise Misuse("route takes two pipelines or more; write route(bm25, dense:<model>, at=5)")
        self.parts, self.by = parts, by
        self.at = None if at is None else str(at)
        self.pattern = None if pattern is None else whole(str(pattern))
        self.choice = self._rule()

    def _rule(self) -> Choice:
        """The function that chooses a part."""
        if callable(self.by):
            given: dict[str, Any] = {"at": self.at, "pattern": self.pattern}
            rule: Choice = self.by
        elif self.by == "words":
            given, rule = {"pattern": self.pattern}, by_words(self.at, len(self.parts))
        elif self.by == "question":
            given, rule = {"at": self.at, "pattern": self.pattern}, by_question
        elif self.by == "regex":
            given, rule = {"at": self.at}, by_pattern(self.pattern)
        else:
            raise UnknownName.among("rule of a route", str(self.by), get_args(Rule))
        if unused := [f"{name}={value}" for name, value in given.items() if value is not None]:
            raise Misuse(f"{unused[0]} means nothing to a route by {self.by}; leave it out")
        if self.by in ("question", "regex") and len(self.parts) != 2:
            raise Misuse(f"a route by {self.by} has two parts, not {len(self.parts)}")
        return rule

    def chosen(self, query: Query) -> int:
        """The number of the query's part, from 0."""
        part: object = self.choice(query)
        if not isinstance(part, int | np.integer) or not 0 <= part < len(self.parts):  # NumPy's numbers are welcome
            raise BadInput(f"query {query.id!r} is sent to part {part!r}; there are 0 to {len(self.parts) - 1}")
        return int(part)

    def apply(self, run: Run) -> Run:
        return self(run).reported(())

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        before = run if isinstance(run, Run) else Run.of(run)
        start = time.perf_counter()
        chosen = [self.chosen(query) for query in before.queries]
        seconds = time.perf_counter() - start
        places = range(len(self.parts))
        asked = [Run(r for r, part in zip(before, chosen, strict=True) if part == place) for place in places]
        found = [part(own) if len(own) else own for part, own in zip(self.parts, asked, strict=True)]
        rankings = (found[part][query.id] for query, part in zip(before.queries, chosen, strict=True))
        counts = {f"to {part!r}": float(len(own)) for part, own in zip(self.parts, asked, strict=True)}
        reports = chain.from_iterable(own.reports for own in found)
        return Run(rankings, (*before.reports, *reports, Report(repr(self), seconds, counts)))

    def __repr__(self) -> str:
        by = getattr(self.by, "__qualname__", type(self.by).__name__) if callable(self.by) else self.by
        given = {"by": None if by == "words" else by, "at": self.at, "pattern": self.pattern}
        options = [f"{name}={value}" for name, value in given.items() if value is not None]
        return f"{self.name}({', '.join([*map(repr, self.parts), *options])})"


def by_words(at: str | None, parts: int) -> Choice:
    """The rule that counts words, which stand between blanks."""
    try:
        bounds = [int(bound) for bound in at.split(":")] if at else []
    except ValueError:
        bounds = []
    if len(bounds) != parts - 1 or any(high <= low for low, high in zip([0, *bounds], bounds, strict=False)):
        example = ":".join(str(5 * (place + 1)) for place in range(parts - 1))
        raise Misuse(
            f"a route of {parts} parts by words needs {parts - 1} rising numbers, e.g. at={example}, not {at!r}"
        )
    return lambda query: sum(len(query.text.split()) >= bound for bound in bounds)


def by_question(query: Query) -> int:
    """0 for a question, 1 for anything else.

    >>> [by_question(Query("", text)) for text in ("Who wrote Emma", "emma author", "Emma, by whom?", "whose")]
    [0, 1, 0, 0]
    """
    first = re.match(r"\w+", query.text.strip().lower())
    return int(not (query.text.rstrip().endswith("?") or (first and first[0] in beginnings())))


def by_pattern(pattern: str | None) -> Choice:
    """The rule that looks for a regular expression: 0 where it is found, else 1."""
    if not pattern:
        raise Misuse("a route by regex needs a pattern, e.g. pattern=[A-Z]{2}-[0-9]+")
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise Misuse(f"{pattern!r} is no regular expression: {error}") from None
    return lambda query: int(found.search(query.text) is None)


def whole(pattern: str) -> str:
    """A pattern that stays in one piece in a pipeline's text, where commas outside parentheses divide.

    >>> whole("[0-9]{2,4}"), whole("(a,b)|c")
    ('(?:[0-9]{2,4})', '(a,b)|c')
    """
    outside = pattern
    while (less := re.sub(r"\([^()]*\)", "", outside)) != outside:
        outside = less
    return f"(?:{pattern})" if "," in outside else pattern


@cache
def beginnings() -> frozenset[str]:
    """The words that English questions begin with."""
    return frozenset(packaged(files("rankify.fuse") / "questions.yaml")["beginnings"])
