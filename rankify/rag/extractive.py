"""A reader without a language model: the best sentences of the top documents."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from rankify.rag.scoring import WORDS, Candidate, Scorer, Scores, refuse_unknown, scorer, sentences_of
from rankify.stages import Reader, positive
from rankify.text import analysis
from rankify.types import Answer, Ranking, Run

_TOGETHER = 1000  # questions scored at a time


class Extractive(Reader):
    """Answers with sentences of the best documents, unchanged, and cites the documents they are from.

    A heading, a list item or a piece of code is chosen only where no whole sentence has anything to do with the
    question, and a sentence that adds no word to the question, or is a question itself, only where nothing else is
    left. Equal scores go to the better document, then to the earlier sentence. A ranking without documents, or
    documents without text, give an empty answer without citations.

    Args:
        sentences: how many sentences make the answer; several stand in the order of the documents.
        top: how many documents are read.
        scorer: "bm25", or the spec of a reranker or an encoder, e.g. `dense:sentence-transformers/all-MiniLM-L6-v2`.
        analyzer: how words are told and compared.

    The answer's confidence is its best sentence's score: BM25's among the sentences read, the reranker's, or the
    inner product of the encoder's vectors.
    """

    name = "extractive"

    def __init__(self, *, sentences: int = 1, top: int = 5, scorer: str = WORDS, analyzer: str = "english") -> None:
        self.sentences, self.top, self.scorer, self.analyzer = positive(sentences), positive(top), scorer, analyzer
        self._terms = analysis.analyzer(analyzer)
        refuse_unknown(scorer)

    @property
    def confident(self) -> bool:
        return True

    @cached_property
    def _score(self) -> Scorer:
        """Loaded when the first question is read."""
        return scorer(self.scorer, self.analyzer)

    def read(self, run: Run) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(run), _TOGETHER):
            answers += self._read(run[start : start + _TOGETHER])
        return answers

    def _read(self, run: Run) -> list[Answer]:
        heads = [ranking.head(self.top) for ranking in run]
        candidates = [sentences_of(head.documents) for head in heads]
        scores = self._score([head.query.text for head in heads], candidates)
        return [self._answer(*one) for one in zip(heads, candidates, scores, strict=True)]

    def _answer(self, head: Ranking, candidates: Sequence[Candidate], scores: Scores) -> Answer:
        contexts = tuple(head.documents)
        asked = set(self._terms(head.query.text))
        keys = [
            (not self._says_something(c, asked), bool(score <= 0), not c.whole, -float(score), c.rank, c.place)
            for c, score in zip(candidates, scores, strict=True)
        ]
        best = sorted(range(len(keys)), key=keys.__getitem__)[: self.sentences]
        chosen = sorted((candidates[i] for i in best), key=lambda c: (c.rank, c.place))
        return Answer(
            query=head.query,
            text=" ".join(c.text for c in chosen),
            citations=tuple(dict.fromkeys(contexts[c.rank].id for c in chosen)),
            contexts=contexts,
            confidence=float(scores[best[0]]) if best else None,
            usage={"sentences": len(candidates)},
        )

    def _says_something(self, candidate: Candidate, asked: set[str]) -> bool:
        """Whether a sentence has a word that is neither in the question nor in the title, and is no question."""
        if candidate.question:
            return False
        return not asked.union(self._terms(candidate.title)).issuperset(self._terms(candidate.text))
