"""How well sentences answer a question: by its words, by a reranker, or by an encoder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify import registry
from rankify.documents import Document
from rankify.errors import UnknownName
from rankify.indexes.multivector import maxsims
from rankify.spec import Spec
from rankify.stages import Reranker
from rankify.text import analysis
from rankify.text.analysis import Analyzer
from rankify.text.sentences import sentences
from rankify.types import Query, Ranking, Run

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that may answer.

    Attributes:
        text: the sentence.
        title: its document's.
        whole: whether it has a stop at its end.
        question: whether that is a question mark.
        rank: its document's rank, from 0.
        place: how many sentences of the document come before it.
    """

    text: str
    title: str
    whole: bool
    question: bool
    rank: int
    place: int


def candidates(texts: Sequence[str]) -> list[Candidate]:
    """Texts that may answer and stand in no document: none is better placed than another."""
    return [Candidate(text=text, title="", whole=True, question=False, rank=0, place=0) for text in texts]


# questions and, for each, the sentences -> a score for each sentence
Scorer = Callable[[Sequence[str], Sequence[Sequence[Candidate]]], list[Scores]]

WORDS = "bm25"
K1 = 0.9
LATER = 0.05  # what each sentence before it in its document takes from a sentence

_NUMBER = re.compile(
    r"\b(when|how (many|much|old|long|far|tall|high|big|often)|(what|which) (year|date|day|time|age))\b"
)
_NAME = re.compile(r"\b(who|whom|whose|where)\b")
_CAPITALISED = re.compile(r"(?<=[\w,;] )[A-Z]\w+")


def scorer(spec: str, analyzer: str = "english", **options: Any) -> Scorer:
    """The scorer that a spec names: "bm25", a reranker, e.g. `cross-encoder:MODEL`, or an encoder, `dense:MODEL`.

    Args:
        analyzer: how "bm25" tells and compares words.
        options: of the reranker or the encoder.
    """
    if spec == WORDS:
        return by_words(analysis.analyzer(analyzer))
    if kind_of(spec) == "reranker":
        return by_reranker(registry.load("reranker", spec, **options))
    return by_encoder(registry.load("encoder", spec, **options))


def passes_on(spec: str) -> tuple[Any, str]:
    """What `scorer` builds and the model it runs: where the options go that are not the asker's own."""
    if spec == WORDS:
        return by_words, ""
    found = registry.resolve(kind_of(spec), spec)
    return registry.find(kind_of(spec), found.name), found.model


def refuse_unknown(spec: str, **options: Any) -> None:
    """Builds nothing, and raises where `scorer` would.

    Raises:
        UnknownName: the spec is neither bm25 nor a reranker nor an encoder, or has no such option.
        Misuse: it lacks a model, or an option's value is of another kind.
    """
    if spec == WORDS and options:
        raise UnknownName.among(f"option of {WORDS}", min(options), ())
    if spec != WORDS:
        registry.prepared(kind_of(spec), spec, **options)


def kind_of(spec: str) -> str:
    """What a spec is of; a name that both have is a reranker's."""
    name, kinds = Spec.parse(spec).name, ("reranker", "encoder")
    for kind in kinds:
        if name in registry.names(kind) or registry.published(kind, spec):
            return kind
    known = [*registry.names("reranker"), *registry.names("encoder")]
    raise UnknownName.among("scorer of sentences", name, [WORDS, *known])


def sentences_of(documents: Sequence[Document]) -> list[Candidate]:
    """The sentences of documents, best first, in their order."""
    return [
        Candidate(
            text=sentence.text,
            title=document.title,
            whole=sentence.whole,
            question=sentence.question,
            rank=rank,
            place=place,
        )
        for rank, document in enumerate(documents)
        for place, sentence in enumerate(sentences(document.text))
    ]


def by_words(analyzer: Analyzer) -> Scorer:
    """BM25 of a question over the sentences, each with its document's title.

    A sentence's length does not count (b = 0): a long one says more. Rarity is counted among the sentences at hand. A
    question in English for a number or a name adds the best sentence's score to those that have a new one. Scores are
    discounted by the document's rank as in nDCG, and a little by the sentence's place, since documents begin with
    what matters. 0 means: no word in common.
    """

    def score(questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Scores]:
        return [np.array(_bm25(analyzer, *pair)) for pair in zip(questions, candidates, strict=True)]

    return score


def _bm25(analyzer: Analyzer, question: str, sentences: Sequence[Candidate]) -> list[float]:
    asked = set(analyzer(question))
    counts = [Counter(t for t in analyzer(f"{s.title} {s.text}") if t in asked) for s in sentences]
    total, found = len(sentences), Counter(term for count in counts for term in count)
    idf = {term: log(1 + (total - n + 0.5) / (n + 0.5)) for term, n in found.items()}
    sums = [sum(idf[term] * tf / (tf + K1) for term, tf in count.items()) for count in counts]
    expects, most = expected(question), max(sums, default=0.0)
    return [
        (x + most * expects(s.text)) / (log2(2 + s.rank) * (1 + LATER * s.place)) if x else 0.0
        for x, s in zip(sums, sentences, strict=True)
    ]


def expected(question: str) -> Callable[[str], bool]:
    """Whether a sentence has the kind of thing that an English question asks for.

    >>> when = expected("When did Apollo 11 land?")
    >>> when("Apollo 11 landed on July 20, 1969."), when("Apollo 11 landed on the Moon.")
    (True, False)
    """
    words = {word.strip("?.,!\"'").lower() for word in question.split()}
    lowered = question.lower()
    if _NUMBER.search(lowered):
        return lambda sentence: any(number not in words for number in re.findall(r"\d[\d.,:]*\b", sentence))
    if _NAME.search(lowered):
        return lambda sentence: any(name.lower() not in words for name in _CAPITALISED.findall(sentence))
    return lambda _: False


def by_reranker(reranker: Reranker) -> Scorer:
    """A reranker's scores of the sentences, each with its document's title, as documents."""

    def score(questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Scores]:
        asked = zip(map(str, range(len(questions))), questions, candidates, strict=True)
        rankings = [
            Ranking(
                Query(id, question),
                [Document(str(place), s.text, s.title) for place, s in enumerate(own)],
                np.arange(len(own), 0, -1),
            )
            for id, question, own in asked
        ]
        return [_in_place(ranking) for ranking in reranker.apply(Run(rankings))]

    return score


def _in_place(ranking: Ranking) -> Scores:
    """The scores of documents whose ids are their places."""
    scores = np.empty(len(ranking))
    scores[np.array(ranking.ids, dtype=np.int64)] = ranking.scores
    return scores


def by_encoder(encoder: Any) -> Scorer:
    """Inner products of a question's vector with the sentences', each with its document's title.

    Of an encoder of tokens, late interaction: for each of the question's the best of the sentence's, summed.
    """

    def score(questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Scores]:
        numbers: dict[tuple[str, str], int] = {}
        places = [[numbers.setdefault((s.title, s.text), len(numbers)) for s in sentences] for sentences in candidates]
        if not numbers:
            return [np.zeros(0)] * len(questions)
        vectors = encoder.encode_documents([Document("", text, title) for title, text in numbers])
        pairs = zip(places, encoder.encode_queries(list(questions)), strict=True)
        if isinstance(vectors, np.ndarray):
            return [(vectors[where] @ one).astype(np.float64) for where, one in pairs]
        matrices = list(vectors)
        return [maxsims(one, [matrices[n] for n in where]).astype(np.float64) for where, one in pairs]

    return score
