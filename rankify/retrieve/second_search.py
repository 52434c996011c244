"""Searching again: what a first search found decides what its queries, or others, are searched for once more."""

from __future__ import annotations

from collections import Counter
from copy import copy
from math import isfinite
from typing import Any, ClassVar

from rankify.errors import Misuse
from rankify.spec import written_options
from rankify.stages import Pipeline, Retriever, Stage, positive


class SecondSearch(Stage):
    """A stage that learns from the documents of a run, and asks its retriever once more.

    A query without a document to learn from is searched for as it is, and is counted under `kept`, all others under
    `refined`. `% k` asks the second search for k documents; 1,000 if nothing is said.

    Args:
        retriever: what searches again.

    Raises:
        Misuse: the retriever is of another kind than the stage can ask.
    """

    over: ClassVar[type[Retriever]]
    depth: int | None

    def __init__(self, retriever: Any) -> None:
        if not isinstance(retriever, self.over):
            raise Misuse(f"{self.name} searches with {self.over.name}, which {retriever!r} is not")
        self.retriever: Any = retriever
        self.depth = None
        self._counted: Counter[str] = Counter()

    def __mod__(self, k: int) -> Pipeline:
        asked = copy(self)
        asked.depth, asked._counted = positive(k), Counter()
        return Pipeline(asked)

    def counts(self) -> dict[str, float]:
        """Queries refined and kept as they were, and what the retriever counts."""
        return dict(self._counted)

    def _whole(self, **options: int) -> None:
        """Raises Misuse for an option that is no whole number from 1 up."""
        for option, value in options.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise Misuse(f"{self.name} with {option}={value!r}: it is a whole number from 1 up")

    def _weights(self, **options: float) -> None:
        """Raises Misuse for an option that is no number from 0 up."""
        for option, value in options.items():
            if not (isfinite(value) and value >= 0):
                raise Misuse(f"{self.name} with {option}={value!r}: it is a number from 0 up")

    def __repr__(self) -> str:
        written = f"{self.name}({', '.join([repr(self.retriever), *written_options(self)])})"
        return f"{written} % {self.depth}" if self.depth else written
