"""A test collection: documents, queries, and which documents are relevant to which query."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rankify.corpus import Corpus
from rankify.errors import BadInput, UnknownName
from rankify.types import Qrels, Run


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A collection. The corpus and the runs that come with it are opened when they are first looked at.

    Args:
        name: how results are labelled: a name of the catalogue, or that of the folder or file.
        open_corpus: gives the documents.
        all_queries: every query there is, judged or not, as a run of empty rankings.
        qrels: the judgments of the split.
        split: which judgments these are; empty where there are none.
        ask_all: whether queries without judgments are asked too, as every question of a file of questions is.
        judged_elsewhere: gives the ids of queries with judgments in other splits; then queries that no split judges
            are asked too where their gold answers are known. None: those without judgments are not asked.
        drop_identical_ids: whether a document whose id is the query's own is to be dropped from rankings, because in
            this collection (ArguAna, Quora) every query is also a document.
        rel: the least grade that binary measures count as relevant; 2 for TREC DL.
        about: what the catalogue says besides: citation, licence, expected figures.
        open_runs: rankings that come with the collection, by name.
    """

    name: str
    open_corpus: Callable[[], Corpus]
    all_queries: Run
    qrels: Qrels
    split: str = "test"
    ask_all: bool = False
    judged_elsewhere: Callable[[], Collection[str]] | None = field(default=None, repr=False, hash=False, compare=False)
    drop_identical_ids: bool = False
    rel: int = 1
    about: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False, compare=False)
    open_runs: Mapping[str, Callable[[], Run]] = field(default_factory=dict, repr=False, hash=False, compare=False)

    @cached_property
    def corpus(self) -> Corpus:
        """The documents."""
        return self.open_corpus()

    @cached_property
    def queries(self) -> Run:
        """The queries with judgments in this split, as a run of empty rankings.

        All of them when none is judged, and when all are to be asked. Where all splits are known, also those whose gold
        answers are known, or known to be none, and which no split judges: no document answers what has no answer.
        """
        if self.ask_all or not self.qrels:
            return self.all_queries
        answered = self._answered_alone()
        return Run(r for r in self.all_queries if r.query.id in self.qrels or r.query.id in answered)

    def _answered_alone(self) -> set[str]:
        """The queries with gold answers that no split judges; other splits are read only where there may be some."""
        if self.judged_elsewhere is None:
            return set()
        known = {query.id for query in self.all_queries.queries if query.metadata.get("answers") is not None}
        rest = known - self.qrels.keys()
        return rest - {*self.judged_elsewhere()} if rest else rest

    @cached_property
    def answers(self) -> dict[str, list[Any]]:
        """The gold answers of each of the `queries` of which they are known: texts, or lists of aliases (QAMPARI).

        None, an empty list, where a question cannot be answered; a question of which nothing is known is not there.
        """
        given = {query.id: query.metadata.get("answers") for query in self.queries.queries}
        known = {id: one if isinstance(one, list | tuple) else [one] for id, one in given.items() if one is not None}
        return {id: [one if isinstance(one, list) else str(one) for one in own] for id, own in known.items()}

    def run(self, name: str) -> Run:
        """A run that comes with the collection.

        Raises:
            UnknownName: there is none of that name; the message lists those there are.
        """
        if name not in self.open_runs:
            raise UnknownName.among(f"run with {self.name}", name, self.open_runs)
        return self.open_runs[name]()

    def __repr__(self) -> str:
        judgments, split = sum(map(len, self.qrels.values())), self.split or "no split"
        return f"<Dataset {self.name}, {split}: {len(self.queries):,} queries, {judgments:,} judgments>"


def refuse_unknown_queries(where: str, queries: Run, qrels: Qrels) -> None:
    """Raises BadInput when judgments and queries do not belong together: a judged query has no text."""
    missing: list[str] = [id for id in qrels if id not in queries]
    if missing:
        raise BadInput(
            f"{where}: {len(missing):,} of {len(qrels):,} judged queries are not among the queries, e.g. {missing[0]!r}"
            "; add them to the queries, or take their lines out of the judgments"
        )
