"""Long documents, reranked by their passages."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np

from rankify.corpus import Corpus
from rankify.documents import Document, Documents, Positions, Store
from rankify.errors import Misuse
from rankify.spec import written_options
from rankify.stages import Reranker
from rankify.text.chunking import Chunker
from rankify.text.passage_scores import Aggregation
from rankify.text.passages import Passages
from rankify.types import Ranking, Run, Scores


class ByPassages(Reranker):
    """Documents in the order of what a reranker says of their passages.

    Dai and Callan, arXiv:1905.09217: the score of a document is that of its best passage (MaxP), of its first one
    (FirstP), or the sum of all (SumP). `bm25 % 100 >> by-passages(cross-encoder:MODEL)`; any reranker may stand inside.

    Every document of the run is cut once, and the passages of all queries are scored together: those of a query are
    one ranking for the reranker inside, in the order of their documents. Equal documents keep the order of the run. Of
    a reranker that says an order alone (`rankgpt`, `prp`) the scores are places, whose best one means something and
    whose sum does not.

    Args:
        reranker: scores the passages.
        unit: words, sentences or tokens.
        size: how many units a passage has (150 words, 10 sentences, 256 tokens if not given).
        overlap: how many of them the next passage has too; half if not given.
        tokenizer: the model whose tokens are the unit.
        by: max (the best passage), first (the others are not scored), sum or mean.
        best: how many of a document's best passages are in the sum or the mean; all if not given.
        title: whether each passage has its document's title in front.

    Raises:
        Misuse, UnknownName: options that make no passages or no scores.
    """

    name: ClassVar[str] = "by-passages"

    def __init__(
        self, reranker: Reranker, *, unit: str = "words", size: int | None = None, overlap: int | None = None,
        tokenizer: str | None = None, by: str = "max", best: int | None = None, title: bool = True,
    ) -> None:  # fmt: skip
        if not isinstance(reranker, Reranker):
            raise Misuse(f"by-passages takes a reranker, which {reranker!r} is not")
        self.reranker, self.unit, self.size, self.overlap, self.tokenizer = reranker, unit, size, overlap, tokenizer
        self.by, self.best, self.title = by, best, title
        self.aggregation = Aggregation(by, best)
        self._chunker = self._made()
        self._counted: Counter[str] = Counter()

    def _made(self) -> Chunker:
        """What cuts the documents."""
        from rankify.encoders.token_spans import token_spans

        if self.tokenizer is not None and self.unit != "tokens":
            raise Misuse(f"by-passages with tokenizer={self.tokenizer} cuts into {self.unit}: give unit=tokens")
        tokens = token_spans(self.tokenizer) if self.tokenizer else None
        return Chunker.of(self.unit, size=self.size, overlap=self.overlap, tokens=tokens)

    def rerank(self, run: Run) -> Run:
        """Every ranking sorted by what its documents' passages make of them."""
        found = Found(run)
        passages = Passages(found, self._chunker, title=self.title, first=self.by == "first")
        asked = Run(self._asked(ranking, own, passages) for ranking, own in zip(run, found.rankings, strict=True))
        scored = self.reranker.apply(asked)
        self._counted = Counter({"passages": sum(map(len, asked)), **self.reranker.counts()})
        each = zip(run, found.rankings, asked, scored, strict=True)
        return Run(before.rescored(self._scores(own, cut, after, passages)) for before, own, cut, after in each)

    def _asked(self, ranking: Ranking, documents: Positions, passages: Passages) -> Ranking:
        """The passages of a ranking's documents, each with its document's score.

        Args:
            documents: where the ranking's documents stand among those that were cut.
        """
        scores = np.repeat(ranking.scores, passages.sizes[documents])
        return Ranking(ranking.query, Documents(passages, passages.passages_of(documents)), scores)

    def _scores(self, documents: Positions, before: Ranking, after: Ranking, passages: Passages) -> Scores:
        """A score for each document of a ranking, from its passages before and after they were reranked."""
        sizes = passages.sizes[documents]
        owners = np.repeat(np.arange(len(documents)), sizes)
        if after.documents.store is passages:
            order = np.argsort(before.documents.positions)
            places = order[np.searchsorted(before.documents.positions, after.documents.positions, sorter=order)]
        else:
            known = {id: place for place, id in enumerate(before.ids)}
            places = np.array([known[id] for id in after.ids], dtype=np.int64)
        return self.aggregation(owners[places], after.scores, sizes).scores

    def counts(self) -> dict[str, float]:
        """Passages scored, and what the reranker inside counts."""
        return dict(self._counted)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join([repr(self.reranker), *written_options(self)])})"


class Found(Corpus):
    """The documents of a run, each once; where they stand, not what is in them. Two may have the same id.

    Attributes:
        rankings: for each ranking where its documents stand here.
    """

    def __init__(self, run: Run) -> None:
        places: dict[tuple[int, int], int] = {}
        self._where: list[tuple[Store, int]] = []
        names: list[str] = []
        self.rankings: list[Positions] = []
        for ranking in run:
            store, own = ranking.documents.store, []
            for position, name in zip(ranking.documents.positions.tolist(), ranking.ids, strict=True):
                place = places.setdefault((id(store), position), len(places))
                if place == len(self._where):
                    self._where.append((store, position))
                    names.append(name)
                own.append(place)
            self.rankings.append(np.array(own, dtype=np.int64))
        self._ids = np.array(names, dtype=object)

    def document(self, position: int) -> Document:
        store, there = self._where[position]
        return store.document(there)

    def __len__(self) -> int:
        return len(self._where)
