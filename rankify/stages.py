"""What a pipeline is made of. A stage takes a Run and returns a Run; `>>` chains stages, `%` keeps the best k.

`bm25 % 100 >> reranker % 20` searches for 100, reranks them and keeps 20, because `%` binds tighter than `>>`.
`bm25 % 100 >> reranker.top(20)` reranks the best 20 and keeps the other 80 below them.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import ClassVar, TypeGuard, overload

import numpy as np

from rankify.documents import Documents
from rankify.errors import Misuse
from rankify.spec import Specified
from rankify.types import Answer, Query, Ranking, Report, Run

# what stages and readers count of language models
SPENT = ("asked", "cached", "estimated", "prompt_tokens", "generated_tokens", "reasoning_tokens", "passes")


class Stage(Specified, ABC):
    """Something that turns a Run into a Run. Equal specs make equal stages."""

    name: ClassVar[str]

    @abstractmethod
    def apply(self, run: Run) -> Run:
        """The work itself; callers use `stage(run)`, which also reports what it cost."""

    def counts(self) -> dict[str, float]:
        """What the last `apply` counted besides seconds, e.g. pairs scored."""
        return {}

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        """The stage's result for a run, or for queries; its seconds and counts join the run's reports."""
        before = run if isinstance(run, Run) else Run.of(run)
        start = time.perf_counter()
        after = self.apply(before)
        report = Report(repr(self), time.perf_counter() - start, self.counts())
        return after.reported((*before.reports, report))

    @overload
    def __rshift__(self, then: Stage) -> Pipeline: ...
    @overload
    def __rshift__(self, then: Reader) -> Answering: ...
    def __rshift__(self, then: Stage | Reader) -> Pipeline | Answering:
        return Answering(self, then) if isinstance(then, Reader) else Pipeline(self, then)

    def __mod__(self, k: int) -> Pipeline:
        return Pipeline(self, Cutoff(k))


class Retriever(Stage):
    """Finds documents for queries. `depth` is how many a pipeline asks for; `retriever % 100` asks for 100."""

    depth: int = 1000
    # the options that what a retriever keeps in its folder depends on: others may change and find it there; None: all
    indexed_by: ClassVar[frozenset[str] | None] = None
    needs_corpus: ClassVar[bool] = True  # whether it searches documents that it is given

    @abstractmethod
    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The best k documents of the collection for each query, in the order of the queries.

        Equal scores are ordered by document id, ascending.
        """

    def apply(self, run: Run) -> Run:
        return self.retrieve(run.queries, self.depth)

    def __mod__(self, k: int) -> Pipeline:
        return Pipeline(Search(self, k))


class Search(Stage):
    """A retriever asked for the best k only, which is what `retriever % k` means."""

    def __init__(self, retriever: Retriever, k: int) -> None:
        self.retriever, self.k = retriever, positive(k)

    def apply(self, run: Run) -> Run:
        return self.retriever.retrieve(run.queries, self.k)

    def counts(self) -> dict[str, float]:
        return self.retriever.counts()

    def __repr__(self) -> str:
        return f"{self.retriever!r} % {self.k}"


class Reranker(Stage):
    """Reorders the documents it is given; it never adds or drops one."""

    @abstractmethod
    def rerank(self, run: Run) -> Run:
        """Every ranking with its own documents in a new order."""

    def apply(self, run: Run) -> Run:
        reranked = self.rerank(run)
        for before, after in zip(run, reranked, strict=True):
            if before.query != after.query or not _same_documents(before.documents, after.documents):
                raise ValueError(f"{self!r} changed the documents of query {before.query.id!r}")
        return reranked

    def top(self, k: int) -> Top:
        """Reranks the best k and keeps the others below them."""
        return Top(k, self)


def _same_documents(before: Documents, after: Documents) -> bool:
    if before.store is after.store:
        return np.array_equal(np.sort(before.positions), np.sort(after.positions))
    return sorted(before.ids) == sorted(after.ids)


class Top(Stage):
    """`reranker.top(k)`: the best k reranked, the tail kept below in its present order."""

    def __init__(self, k: int, reranker: Reranker) -> None:
        self.k, self.reranker = positive(k), reranker

    def apply(self, run: Run) -> Run:
        heads = self.reranker.apply(Run(r.head(self.k) for r in run))
        return Run(self._joined(before, head) for before, head in zip(run, heads, strict=True))

    def _joined(self, before: Ranking, head: Ranking) -> Ranking:
        if len(before) <= self.k:
            return head
        places = {id: i for i, id in enumerate(before.ids)}
        order = [*(places[id] for id in head.ids), *range(self.k, len(before))]
        # the tail's old scores are on another scale: it goes one below the head, keeping its distances
        tail = before.scores[self.k :] - before.scores[self.k] + head.scores[-1] - 1
        return Ranking(before.query, before.documents.take(order), np.concatenate([head.scores, tail]))

    def counts(self) -> dict[str, float]:
        return self.reranker.counts()

    def __repr__(self) -> str:
        return f"top({self.k}, {self.reranker!r})"


class Cutoff(Stage):
    """Keeps the best k; written `stage % k`."""

    def __init__(self, k: int) -> None:
        self.k = positive(k)

    def apply(self, run: Run) -> Run:
        return Run(r.head(self.k) for r in run)

    def __repr__(self) -> str:
        return f"% {self.k}"


class WithoutQuery(Stage):
    """Drops the document whose id is the query's own: in ArguAna and Quora every query is also a document."""

    def apply(self, run: Run) -> Run:
        return Run(map(self._dropped, run))

    def _dropped(self, ranking: Ranking) -> Ranking:
        keep = [i for i, id in enumerate(ranking.ids) if id != ranking.query.id]
        if len(keep) == len(ranking):
            return ranking
        return Ranking(ranking.query, ranking.documents.take(keep), ranking.scores[keep])

    def __repr__(self) -> str:
        return "without-query"


class Pipeline(Stage):
    """Stages one after the other; each reports for itself."""

    def __init__(self, *stages: Stage) -> None:
        flat = chain.from_iterable(s.stages if isinstance(s, Pipeline) else (s,) for s in stages)
        self.stages: tuple[Stage, ...] = tuple(flat)

    def apply(self, run: Run) -> Run:
        for stage in self.stages:
            run = stage(run)
        return run

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        return self.apply(run if isinstance(run, Run) else Run.of(run))

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.stages)).replace(" >> % ", " % ")


class Reader(Specified, ABC):
    """Answers questions from the documents it is given, best first. Called with a run, it returns its answers."""

    name: ClassVar[str]

    @property
    def reads_first(self) -> bool:
        """Whether it reads documents about the question itself; else it begins without any, and searches."""
        return True

    @property
    def confident(self) -> bool:
        """Whether each answer that says something has a confidence."""
        return False

    @property
    def searches(self) -> bool:
        """Whether it searches on the way, and has not been told yet with what."""
        return False

    def searching_with(self, stage: Stage) -> Reader:  # noqa: ARG002 - most readers do not search
        """The reader that asks this stage for documents, where its method searches on the way."""
        return self

    def counts(self) -> dict[str, float]:
        """What the last answers took besides seconds, e.g. prompts and tokens."""
        return {}

    @abstractmethod
    def read(self, run: Run) -> list[Answer]:
        """One answer per ranking, in order. A ranking without documents gets an empty answer."""

    def __call__(self, run: Run) -> list[Answer]:
        return self.read(run)


class Answering:
    """A pipeline that ends in a reader: queries in, answers out.

    A reader that searches on the way searches with the same pipeline.
    """

    def __init__(self, stage: Stage, reader: Reader) -> None:
        self.stage, self.reader = stage, reader.searching_with(stage)
        self._reports: tuple[Report, ...] = ()

    def __call__(self, run: Run | Iterable[Query]) -> list[Answer]:
        asked = run if isinstance(run, Run) else Run.of(run)
        found = self.stage(asked) if self.reader.reads_first else asked
        self._reports = found.reports[len(asked.reports) :]
        return self.reader(found)

    def counts(self) -> dict[str, float]:
        """What the reader counted of the last answers, and what language models took in the stages before it, too."""
        own = self.reader.counts()
        rest = {name: value for name, value in own.items() if name != "cost"}
        return {**rest, **spent([own, *(report.counts for report in self._reports)])}

    def __repr__(self) -> str:
        return f"{self.stage!r} >> {self.reader!r}"


def spent(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """What several parts took of language models, together; dollars where every part that asked knows its own.

    >>> spent([{"asked": 2, "unreadable": 1}, {"asked": 1}, {"pairs": 30}])
    {'asked': 3}
    """
    each = list(parts)
    found = {name: sum(one.get(name, 0) for one in each) for name in SPENT if any(name in one for one in each)}
    prices = [one["cost"] for one in each if "cost" in one]
    known = all("cost" in one for one in each if one.get("asked"))
    return {**found, "cost": sum(prices)} if prices and known else found


def positive(k: int) -> int:
    """k, if it is a whole number of at least 1; anything else is a Misuse."""
    if not isinstance(k, int | np.integer) or isinstance(k, bool) or k < 1:
        raise Misuse(f"cannot keep the best {k!r}: a depth is a whole number from 1 up")
    return int(k)


def is_number(value: object) -> TypeGuard[float]:
    """Whether an option is a number: no text, and neither True nor False.

    >>> is_number(1), is_number(0.5), is_number("0.5"), is_number(True)
    (True, True, False, False)
    """
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
