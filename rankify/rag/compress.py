"""Compression: of the documents only the sentences that have most to do with the question, before a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from rankify.documents import Document
from rankify.rag.scoring import WORDS, Candidate, Scorer, Scores, passes_on, refuse_unknown, scorer, sentences_of
from rankify.stages import Stage, positive
from rankify.types import Ranking, Run

TOGETHER = 1000  # questions scored at a time


class Compress(Stage):
    """Keeps the best sentences of all documents of a ranking, in their order; documents of which none is kept go.

    RECOMP's extractive compressor, arXiv:2310.04408, with any scorer. A document keeps its id, title, score and place;
    its text is what is kept of it, one blank between sentences, and a mark that the whole of it has an answer goes.
    Equal scores go to the better document, then to the earlier sentence. A sentence that stands in several documents
    is kept in the best of them. A ranking with no more sentences than wanted keeps them all.

    Args:
        model: the scorer: "bm25" over the sentences at hand, as in `extractive`, or a reranker or an encoder, e.g.
            cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2; each sentence stands behind its document's title.
        sentences: how many sentences of all documents together are kept at most.
        analyzer: how "bm25" tells and compares words.
        options: the scorer's own.
    """

    name = "compress"
    passes_on = staticmethod(passes_on)

    def __init__(self, model: str = WORDS, *, sentences: int = 5, analyzer: str = "english", **options: Any) -> None:
        self.model, self.sentences, self.analyzer, self.options = model, positive(sentences), analyzer, options
        refuse_unknown(model, **options)
        self._counted: Counter[str] = Counter()

    @cached_property
    def _score(self) -> Scorer:
        """Loaded when the first question is there."""
        return scorer(self.model, self.analyzer, **self.options)

    def apply(self, run: Run) -> Run:
        self._counted = Counter()
        found: list[Ranking] = []
        for start in range(0, len(run), TOGETHER):
            some = run[start : start + TOGETHER]
            candidates = [_distinct(sentences_of(ranking.documents)) for ranking in some]
            scores = self._score([query.text for query in some.queries], candidates)
            found += [self._shortened(*one) for one in zip(some, candidates, scores, strict=True)]
        return Run(found)

    def _shortened(self, ranking: Ranking, candidates: Sequence[Candidate], scores: Scores) -> Ranking:
        best = np.argsort(-scores, kind="stable")[: self.sentences]
        kept: dict[int, list[str]] = {}
        for place in sorted(best.tolist()):
            kept.setdefault(candidates[place].rank, []).append(candidates[place].text)
        self._counted.update(sentences=len(candidates), kept=len(best), dropped=len(ranking) - len(kept))
        documents = [_with(ranking.documents[rank], " ".join(texts)) for rank, texts in kept.items()]
        return Ranking(ranking.query, documents, ranking.scores[list(kept)])

    def counts(self) -> dict[str, float]:
        """Sentences that were scored and that were kept, and documents of which none was."""
        return dict(self._counted)


def _with(document: Document, text: str) -> Document:
    """The document with another text, of which nobody has said yet whether it holds an answer."""
    known = {name: value for name, value in document.metadata.items() if name != "has_answer"}
    return replace(document, text=text, metadata=known)


def _distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The sentences without those that were there before, whatever the case of their letters."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.text.casefold(), candidate)
    return list(found.values())
