"""How well sentences answer a question: by its words, or by an encoder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document
from rankify.text.analysis import Analyzer

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


# questions and, for each, the sentences -> a score for each sentence
Scorer = Callable[[Sequence[str], Sequence[Sequence[Candidate]]], list[Scores]]

K1 = 0.9
LATER = 0.05  # what each sentence before it in its document takes from a sentence

_NUMBER = re.compile(
    r"\b(when|how (many|much|old|long|far|tall|high|big|often)|(what|which) (year|date|day|time|age))\b"
)
_NAME = re.compile(r"\b(who|whom|whose|where)\b")
_CAPITALISED = re.compile(r"(?<=[\w,;] )[A-Z]\w+")


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


def by_encoder(encoder: Any) -> Scorer:
    """Inner products of a question's vector with the sentences', each with its document's title."""

    def score(questions: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Scores]:
        numbers: dict[tuple[str, str], int] = {}
        places = [[numbers.setdefault((s.title, s.text), len(numbers)) for s in sentences] for sentences in candidates]
        if not numbers:
            return [np.zeros(0)] * len(questions)
        vectors = encoder.encode_documents([Document("", text, title) for title, text in numbers])
        asked = encoder.encode_queries(list(questions))
        return [(vectors[where] @ one).astype(np.float64) for where, one in zip(places, asked, strict=True)]

    return score
