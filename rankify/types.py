"""The nouns of the toolkit. Everything that flows through a pipeline is a Run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankify.documents import Document, Documents, Shelf, Store
from rankify.errors import BadInput, UnknownName
from rankify.hits import Hits

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """A question or a topic. `metadata` holds what its file said besides, e.g. gold answers."""

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)


class Candidate(NamedTuple):
    """A document in a ranking, with its score."""

    document: Document
    score: float


class Ranking:
    """One query and its documents, best first.

    Never changed in place: `head`, `rescored` and `reordered` return new rankings, and no document
    can be lost, repeated or left with a stale score on the way. The order is the truth; equal scores
    are allowed and mean that the order was decided by something else.

    Args:
        query: what was asked.
        documents: distinct ids, best first.
        scores: one number per document, never increasing, never NaN.

    Raises:
        ValueError: lengths differ, scores increase or are NaN, or a document stands twice.
    """

    __slots__ = ("documents", "query", "scores")

    query: Query
    documents: Documents
    scores: Scores

    def __init__(self, query: Query, documents: Iterable[Document] = (), scores: ArrayLike = ()) -> None:
        found = Documents.of(documents)
        values = np.array(scores, dtype=np.float64)
        values.flags.writeable = False
        for name, value in (("query", query), ("documents", found), ("scores", values)):
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        where = f"query {self.query.id!r}"
        if self.scores.shape != (len(self.documents),):
            raise ValueError(f"{where}: {len(self.documents)} documents but scores of shape {self.scores.shape}")
        if np.isnan(self.scores).any():
            raise ValueError(f"{where}: a score is NaN")
        if (self.scores[1:] > self.scores[:-1]).any():
            raise ValueError(f"{where}: scores may not increase down a ranking")
        if not self.documents.distinct():
            raise ValueError(f"{where}: a document may appear only once in a ranking")

    @classmethod
    def _trusted(cls, query: Query, documents: Documents, scores: Scores) -> Ranking:
        """A ranking of what was checked already; the scores must not be writeable."""
        made = object.__new__(cls)
        for name, value in (("query", query), ("documents", documents), ("scores", scores)):
            object.__setattr__(made, name, value)
        return made

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a ranking never changes; make a new one instead of setting {name!r}")

    def __reduce__(self) -> tuple[type[Ranking], tuple[Query, Documents, Scores]]:
        return Ranking, (self.query, self.documents, self.scores)

    @property
    def ids(self) -> list[str]:
        """The ids, best first, without building a document."""
        return self.documents.ids

    def head(self, k: int) -> Ranking:
        """The best k."""
        return self if k >= len(self) else Ranking(self.query, self.documents[: max(k, 0)], self.scores[: max(k, 0)])

    def rescored(self, scores: ArrayLike) -> Ranking:
        """Sorted by new scores, one per document in the present order; equal scores keep that order."""
        values = np.asarray(scores, dtype=np.float64)
        if values.shape != (len(self),):
            raise ValueError(f"query {self.query.id!r}: {len(self)} documents but scores of shape {values.shape}")
        order = np.argsort(-values, kind="stable")
        return Ranking(self.query, self.documents.take(order), values[order])

    def reordered(self, order: Sequence[int]) -> Ranking:
        """The documents at these positions first; the rest follow in their present order.

        The new scores say no more than the order does: n, n-1, ..., 1.
        """
        n, named = len(self), set(order)
        if len(named) != len(order) or not named <= set(range(n)):
            raise ValueError(f"not distinct positions in a ranking of {n}: {list(order)}")
        full = [*order, *(i for i in range(n) if i not in named)]
        return Ranking(self.query, self.documents.take(full), np.arange(n, 0, -1))

    def __len__(self) -> int:
        return len(self.documents)

    def __iter__(self) -> Iterator[Candidate]:
        return map(Candidate, self.documents, self.scores.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ranking):
            return NotImplemented
        same = self.query == other.query and np.array_equal(self.scores, other.scores)
        return same and self.documents == other.documents

    def __hash__(self) -> int:
        return hash((self.query, self.documents))

    def __repr__(self) -> str:
        return f"Ranking({self.query!r}, {self.documents!r})"


@dataclass(frozen=True, slots=True)
class Report:
    """What one stage cost: its spec, seconds, and what it counted (asked, unreadable, tokens, ...)."""

    stage: str
    seconds: float
    counts: Mapping[str, float] = field(default_factory=dict, hash=False)


class Run(Sequence[Ranking]):
    """Rankings of several queries, with a report of each stage that made them.

    A list of queries is a Run whose rankings are empty, so there is one kind of arrow: Run -> Run.

    Raises:
        BadInput: two rankings answer the same query.
    """

    __slots__ = ("_places", "_rankings", "reports")

    def __init__(self, rankings: Iterable[Ranking], reports: Iterable[Report] = ()) -> None:
        self._rankings = tuple(rankings)
        self.reports = tuple(reports)
        self._places = {r.query.id: i for i, r in enumerate(self._rankings)}
        if len(self._places) != len(self._rankings):
            twice = next(r.query.id for i, r in enumerate(self._rankings) if self._places[r.query.id] != i)
            raise BadInput(f"query {twice!r} appears twice in a run; query ids must be distinct")

    @classmethod
    def of(cls, queries: Iterable[Query]) -> Run:
        """Queries nobody has searched for yet.

        Raises:
            BadInput: something is no query, its id or text is no string, or its id is empty or stands twice.
        """
        return cls(Ranking(_sound(query)) for query in queries)

    @classmethod
    def found(cls, queries: Sequence[Query], store: Store, parts: Iterable[Hits]) -> Run:
        """What a search found for queries, in order: each part is what it found for the next few of them.

        The checks are those of `Ranking`, made on all hits of a part at once. The parts' arrays are not copied.

        Args:
            store: where the documents are, usually a corpus.
        """
        rankings: list[Ranking] = []
        for part in parts:
            some = queries[len(rankings) : len(rankings) + len(part.counts)]
            rankings += _rankings(some, store, part)
        if len(rankings) != len(queries):
            raise ValueError(f"{len(queries)} queries but results of {len(rankings)}")
        return cls(rankings)

    @property
    def queries(self) -> list[Query]:
        """The queries, in order."""
        return [r.query for r in self._rankings]

    def reported(self, reports: Iterable[Report]) -> Run:
        """The same rankings with other reports."""
        return Run(self._rankings, reports)

    def __len__(self) -> int:
        return len(self._rankings)

    def __iter__(self) -> Iterator[Ranking]:
        return iter(self._rankings)

    def __contains__(self, item: object) -> bool:
        return item in self._places if isinstance(item, str) else item in self._rankings

    @overload
    def __getitem__(self, index: int | str) -> Ranking: ...
    @overload
    def __getitem__(self, index: slice) -> Run: ...
    def __getitem__(self, index: int | str | slice) -> Ranking | Run:
        if isinstance(index, slice):
            return Run(self._rankings[index], self.reports)
        if isinstance(index, int):
            return self._rankings[index]
        if index not in self._places:
            raise UnknownName.among("query", index, self._places)
        return self._rankings[self._places[index]]

    def __eq__(self, other: object) -> bool:
        """The same rankings in the same order; what they cost does not count."""
        return self._rankings == other._rankings if isinstance(other, Run) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._rankings)

    def __repr__(self) -> str:
        return f"<Run of {len(self)} queries, {sum(map(len, self._rankings))} documents>"


def _sound(query: Query) -> Query:
    """The query, if it is one that a search can be made for."""
    if not isinstance(query, Query):
        raise BadInput(f"{query!r} is a {type(query).__name__}, not a query; write Query(id, text)")
    if not isinstance(query.id, str) or not query.id:
        raise BadInput(f"a query has the id {query.id!r}; an id is a text that is not empty")
    if not isinstance(query.text, str):
        raise BadInput(f"query {query.id!r} has the text {query.text!r}; a text is a string")
    return query


def _rankings(queries: Sequence[Query], store: Store, hits: Hits) -> Iterator[Ranking]:
    scores = hits.scores.view()
    scores.flags.writeable = False
    sound = not isinstance(store, Shelf) and hits.falling() and hits.distinct(len(store))
    make = Ranking._trusted if sound else Ranking
    places = zip(queries, hits.spans(), strict=True)
    return (make(query, Documents(store, hits.documents[span]), scores[span]) for query, span in places)


class Qrels(Mapping[str, Mapping[str, int]]):
    """Relevance judgments: query id -> document id -> grade. Grade 0 means judged and not relevant."""

    __slots__ = ("_grades",)

    def __init__(self, grades: Mapping[str, Mapping[str, int]] | Iterable[tuple[str, str, int]] = ()) -> None:
        if isinstance(grades, Mapping):
            grades = chain.from_iterable(((q, d, g) for d, g in row.items()) for q, row in grades.items())
        self._grades: dict[str, dict[str, int]] = {}
        for query, document, grade in grades:
            self._grades.setdefault(query, {})[document] = grade

    def __getitem__(self, query: str) -> Mapping[str, int]:
        return self._grades[query]

    def __iter__(self) -> Iterator[str]:
        return iter(self._grades)

    def __len__(self) -> int:
        return len(self._grades)

    def __repr__(self) -> str:
        return f"<Qrels of {len(self)} queries, {sum(map(len, self._grades.values()))} judgments>"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A reader's answer, with the documents it stands on.

    `citations` are ids of documents; one that is not among `contexts` was not shown. `confidence` is a finite number on
    the reader's own scale, the larger the surer.
    """

    query: Query
    text: str
    citations: tuple[str, ...] = ()
    contexts: tuple[Document, ...] = ()
    reasoning: str = ""
    confidence: float | None = None
    usage: Mapping[str, float] = field(default_factory=dict, hash=False)
