"""Long documents, found by their passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Documents, Positions, Store
from rankify.errors import Misuse, UnknownName
from rankify.expressions import pipeline
from rankify.spec import spec_of
from rankify.stages import Answering, Retriever, Stage, positive
from rankify.text.chunking import SIZES, Chunker
from rankify.text.passage_scores import Aggregation, Scored
from rankify.text.passages import Passages, Shown
from rankify.types import Query, Ranking, Run

Search = Callable[[Corpus], Stage | Answering]
UNITS = (*SIZES, "fields")
AGAIN = 4  # times as deep is searched where too few documents came out


class PassageSearch(Retriever):
    """Documents by the scores of their passages, which any retriever or pipeline searches.

    `passages(bm25)`, `passages(dense:MODEL, unit=tokens, tokenizer=MODEL)`, or with rerankers that see passages only,
    `passages(bm25 % 1000 >> cross-encoder:MODEL)`. Dai and Callan, arXiv:1905.09217.

    A retriever is searched as deep as it takes for k documents whose order no other passage could change, so the score
    of a document does not depend on k. Passages that it does not return at all, such as those without a term of the
    query, add nothing. A pipeline is asked once, and what it returns counts. Equal documents are ordered by id,
    ascending; of a document's equal passages the one found first is its best.

    Args:
        corpus: the documents.
        search: what searches the passages: a pipeline as text, or a function from the corpus of passages to a stage.
        unit: words, sentences or tokens; or fields, where a document's title and its text are its two passages, so that
            a dense retriever has a vector of each.
        size: how many units a passage has (150 words, 10 sentences, 256 tokens if not given).
        overlap: how many of them the next passage has too; half if not given.
        tokenizer: the model whose tokens are the unit.
        by: max (the best passage), first (only each document's first passage is searched), sum or mean.
        best: how many of a document's best passages are in the sum or the mean; all if not given.
        title: whether each passage has its document's title in front.
        title_weight: with unit=fields, what a title's score is multiplied by, from 0 to 1; a text's is by the rest.
        shown: document, or passage: the text of what is returned is that of its best passage.

    Raises:
        Misuse, UnknownName: options that make no passages or no scores.
    """

    name: ClassVar[str] = "passages"

    def __init__(
        self, corpus: Corpus, search: str | Search, *, unit: str = "words", size: int | None = None,
        overlap: int | None = None, tokenizer: str | None = None, by: str = "max", best: int | None = None,
        title: bool = True, title_weight: float | None = None, shown: str = "document",
    ) -> None:  # fmt: skip
        self.corpus, self.unit, self.size, self.overlap, self.tokenizer = corpus, unit, size, overlap, tokenizer
        self.by, self.best, self.title, self.title_weight, self.shown = by, best, title, title_weight, shown
        self.aggregation = Aggregation(by, best)
        if shown not in ("document", "passage"):
            raise UnknownName.among("way to show passages", shown, ("document", "passage"))
        self.passages = Passages(corpus, self._chunker(), title=title, first=by == "first")
        stage = pipeline(search, self.passages) if isinstance(search, str) else search(self.passages)
        if isinstance(stage, Answering):
            raise Misuse(f"{stage!r} ends in a reader, which passages cannot be taken from")
        self.stage = stage
        self._store: Store = Shown(self.passages) if shown == "passage" else corpus
        self._counted: Counter[str] = Counter()

    def _chunker(self) -> Chunker | None:
        """What cuts the documents; None for their fields."""
        if self.unit not in UNITS:
            raise UnknownName.among("unit of passages", self.unit, UNITS)
        if self.tokenizer is not None and self.unit != "tokens":
            raise Misuse(f"passages with tokenizer={self.tokenizer} are cut into {self.unit}: give unit=tokens")
        if self.title_weight is not None and not (self.unit == "fields" and 0 <= self.title_weight <= 1):
            raise Misuse(
                f"passages with title_weight={self.title_weight}: a number from 0 to 1, and only for unit=fields"
            )
        if self.unit != "fields":
            from rankify.encoders.token_spans import token_spans

            tokens = token_spans(self.tokenizer) if self.tokenizer else None
            return Chunker.of(self.unit, size=self.size, overlap=self.overlap, tokens=tokens)
        if self.size is not None or self.overlap is not None or not self.title or self.by == "first":
            raise Misuse("passages with unit=fields are titles and texts: leave size, overlap, title and by=first out")
        return None

    def retrieve(self, queries: Sequence[Query], k: int) -> Run:
        """The k best documents of each query, among those that a passage was found of."""
        self._counted = Counter({"passages": 0})
        if not isinstance(self.stage, Retriever):
            run = self.stage(Run.of(queries))
            for report in run.reports:
                self._counted.update(report.counts)
            return Run(self._ranking(ranking, positive(k), whole=True) for ranking in run)
        return self._searched(self.stage, queries, positive(k))

    def counts(self) -> dict[str, float]:
        """Passages found, and what the search counted."""
        return dict(self._counted)

    def _searched(self, retriever: Retriever, queries: Sequence[Query], k: int) -> Run:
        """The documents of each query, searched for deeper and deeper until they are certain."""
        found: dict[str, Ranking] = {}
        waiting, depth = list(queries), 2 * k
        while waiting:
            depth = min(depth, max(1, len(self.passages)))
            run = retriever.retrieve(waiting, depth)
            self._counted.update(retriever.counts())
            for ranking in run:
                whole = len(ranking) < depth or depth >= len(self.passages)
                if whole or self._enough(ranking, k):
                    found[ranking.query.id] = self._ranking(ranking, k, whole=whole)
            waiting = [query for query in waiting if query.id not in found]
            depth *= AGAIN
        return Run(found[query.id] for query in queries)

    def _enough(self, ranking: Ranking, k: int) -> bool:
        """Whether the k best documents are certain."""
        weights = (1.0,) if self.title_weight is None else (self.title_weight, 1 - self.title_weight)
        lowest = max(float(ranking.scores[-1]) * weight for weight in weights)
        return self._scored(ranking).enough(lowest, self.aggregation.unseen(lowest, self.passages.sizes), k)

    def _scored(self, ranking: Ranking) -> Scored:
        """The documents of some passages, with what these make of them."""
        positions, scores = self._positions(ranking), ranking.scores
        if self.title_weight is not None:
            titles = self.passages.titles(positions)
            scores = scores * np.where(titles, self.title_weight, 1 - self.title_weight)
        return self.aggregation(self.passages.owners(positions), scores, self.passages.sizes)

    def _ranking(self, ranking: Ranking, k: int, *, whole: bool) -> Ranking:
        """The documents of some passages, the k best."""
        self._counted["passages"] += len(ranking)
        scored = self._scored(ranking)
        places = scored.ranked(self.corpus.id_ranks, k, whole=whole)
        shown = self.shown == "passage"
        chosen = self._positions(ranking)[scored.best[places]] if shown else scored.documents[places]
        return Ranking(ranking.query, Documents(self._store, chosen), scored.scores[places])

    def _positions(self, ranking: Ranking) -> Positions:
        """Where a ranking's passages stand."""
        if ranking.documents.store is self.passages:
            return ranking.documents.positions
        return np.array([self.passages.position(id) for id in ranking.ids], dtype=np.int64)

    def __repr__(self) -> str:
        given = spec_of(self).options.items()
        options = [f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in given]
        return f"{self.name}({', '.join([repr(self.stage), *options])})"
