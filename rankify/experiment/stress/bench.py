"""The pipeline at work on changed queries and changed candidates; indexes are built once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankify.documents import Document
from rankify.evaluation.robustness import Target
from rankify.experiment.parts import Parts
from rankify.experiment.stress.plan import Plan
from rankify.expressions import pipeline
from rankify.io.trec import read_run
from rankify.stages import Cutoff, Pipeline, Stage, WithoutQuery
from rankify.text.perturbations import DocumentPerturbation, QueryPerturbation, generator
from rankify.text.perturbations.pieces import core, pieces
from rankify.types import Query, Ranking, Run

if TYPE_CHECKING:
    from rankify.datasets import Dataset

SAMPLED = 200  # documents whose words noise puts into others


class Bench:
    """A pipeline over a collection, and what it finds for changed texts.

    Args:
        plan: the pipeline, and how documents are attacked.
        data: the collection; only its judged queries are searched for.
        parts: the components, each loaded once.
        original: the file of what the pipeline finds for the texts as they are.
    """

    def __init__(self, plan: Plan, data: Dataset, parts: Parts, original: Path) -> None:
        self.plan, self.data, self.parts, self.original = plan, data, parts, original
        self.queries = Run(ranking for ranking in data.queries if ranking.query.id in data.qrels)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The pipeline's stages, built when they are first needed."""
        built = pipeline(self.plan.pipeline, self.data.corpus, self.parts.load)
        assert isinstance(built, Stage)  # noqa: S101 - for mypy: the plan refuses readers
        return built.stages if isinstance(built, Pipeline) else (built,)

    @property
    def _searching(self) -> int:
        """How many stages find candidates: the search and its cuts."""
        behind = (place for place, stage in enumerate(self.stages) if place and not isinstance(stage, Cutoff))
        return next(behind, len(self.stages))

    @property
    def first(self) -> Stage:
        """What finds candidates."""
        return Pipeline(*self.stages[: self._searching])

    @property
    def rest(self) -> Stage:
        """What is done with candidates."""
        return Pipeline(*self.stages[self._searching :])

    @cached_property
    def candidates(self) -> Run:
        """What the first stage finds for the queries as they are."""
        return self.first(self.queries)

    def found(self) -> Run:
        """What the pipeline finds for the texts as they are."""
        return self._measured(self.rest(self.candidates))

    def asked(self, perturbation: QueryPerturbation, seed: int) -> tuple[Run, list[Query]]:
        """What the pipeline finds for changed queries, and these."""
        asked = [self._changed_query(perturbation, seed, query) for query in self.queries.queries]
        return self._measured(self.rest(self.first(Run.of(asked)))), asked

    def attacked(self, perturbation: DocumentPerturbation, seed: int) -> tuple[Run, int, list[Target]]:
        """What the pipeline finds for candidates of which some or all are changed.

        Returns:
            The run, how many documents are other ones than before, and the targets with their ranks; none where all
            documents are changed.
        """
        rankings, changed, aims = [], 0, []
        for ranking in self.candidates:
            places = self.targets(ranking, seed) if perturbation.targeted else list(range(len(ranking)))
            documents = list(ranking.documents)
            for place in places:
                before = documents[place]
                documents[place] = self._changed_document(perturbation, seed, ranking.query, before)
                changed += documents[place].text != before.text
            rankings.append(Ranking(ranking.query, documents, ranking.scores))
            if perturbation.targeted:
                aims += [(ranking.query.id, documents[place].id) for place in places]
        run = self._measured(self.rest(Run(rankings)))
        before_it = read_run(self.original) if aims else run
        return run, changed, [Target(q, d, _rank(before_it, q, d), _rank(run, q, d)) for q, d in aims]

    def targets(self, ranking: Ranking, seed: int) -> list[int]:
        """The places of a query's targets: candidates drawn from those that are not judged relevant.

        They depend on the candidates, the query's id and the seed, and not on what reranks: every reranker behind the
        same search is attacked with the same documents.
        """
        grades = self.data.qrels[ranking.query.id]
        able = [place for place, id in enumerate(ranking.ids) if self._may_be_target(ranking.query, id, grades.get(id))]
        drawn = generator(seed, "targets", ranking.query.id).permutation(len(able))[: self.plan.targets]
        return sorted(able[place] for place in drawn.tolist())

    def _may_be_target(self, query: Query, id: str, grade: int | None) -> bool:
        dropped = self.data.drop_identical_ids and id == query.id
        return not dropped and (grade is None or grade < self.plan.rel)

    def _changed_query(self, perturbation: QueryPerturbation, seed: int, query: Query) -> Query:
        return replace(query, text=perturbation.changed(query.text, perturbation.generator(seed, query.id)))

    def _changed_document(
        self, perturbation: DocumentPerturbation, seed: int, query: Query, document: Document
    ) -> Document:
        chance = perturbation.generator(seed, query.id, document.id)
        text = perturbation.changed(document.text, chance, query=query.text, words=self.words)
        return replace(document, text=text)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of some documents of the collection, as often as they stand there."""
        drawn = np.unique(generator(0, "words").integers(len(self.data.corpus), size=SAMPLED)).tolist()
        return tuple(self._words_of(drawn))

    def _words_of(self, places: Sequence[int]) -> Iterator[str]:
        read: Callable[[int], Document] = self.data.corpus.document
        return (word for place in places for _, word, _ in map(core, pieces(read(place).text).words) if word)

    def _measured(self, run: Run) -> Run:
        return WithoutQuery().apply(run) if self.data.drop_identical_ids else run


def _rank(run: Run, query: str, document: str) -> int | None:
    """The rank of a document, from 1; None for one that was cut off, wherever it would stand."""
    ids = run[query].ids if query in run else []
    return ids.index(document) + 1 if document in ids else None
