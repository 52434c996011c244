"""Rerank by what an encoder makes of each text by itself: every text of a run is encoded once, a round at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankify.documents import Document, Positions
from rankify.types import Run

Each_co = TypeVar("Each_co", covariant=True)
Text = TypeVar("Text")


class Made(Protocol[Each_co]):
    """What an encoder makes of some texts, a vector, a matrix or a row of weights of each."""

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Each_co]: ...


class Encoder(Protocol[Each_co]):
    """What queries and documents are compared by."""

    @property
    def counted(self) -> Mapping[str, float]: ...
    def encode_queries(self, texts: Sequence[str]) -> Made[Each_co]: ...
    def encode_documents(self, documents: Sequence[Document]) -> Made[Each_co]: ...


# a query and some documents, as the encoder made them -> each document's score
Compare = Callable[[Text, list[Text]], Iterable[float]]


class Round(NamedTuple):
    """Some documents, and who asks for them.

    Args:
        documents: distinct ones.
        asked: for rankings that hold some of them: the ranking's number, the documents' places there, and their places
            among `documents`.
    """

    documents: list[Document]
    asked: list[tuple[int, Positions, Positions]]


def reranked(run: Run, encoder: Encoder[Text], compare: Compare[Text], *, size: int) -> tuple[Run, Counter[str]]:
    """Every ranking sorted by the scores of its documents, and what that took. Equal scores keep the order of the run.

    Every query and every distinct document is encoded once, in batches that no query owns. Of the documents no more
    than `size` are in memory at once, with what is made of them.
    """
    counted: Counter[str] = Counter()

    def counting(found: Made[Text]) -> list[Text]:
        counted.update({"texts": len(found), **encoder.counted})
        return list(found)

    queries = counting(encoder.encode_queries([query.text for query in run.queries]))
    scores = [np.empty(len(ranking), dtype=np.float32) for ranking in run]
    for documents, asked in rounds(run, size):
        made = counting(encoder.encode_documents(documents))
        for number, places, rows in asked:
            scores[number][places] = [*compare(queries[number], [made[row] for row in rows.tolist()])]
        del made  # before the next round is made
    return Run(ranking.rescored(found) for ranking, found in zip(run, scores, strict=True)), counted


def rounds(run: Run, size: int) -> Iterator[Round]:
    """The distinct documents of a run, `size` at a time, in the order in which they first stand in it.

    Documents are told apart by their store and their position there.
    """
    owners, places, numbers = _places(run)
    order = np.argsort(numbers, kind="stable")  # of equal numbers the first place in the run stands first
    distinct = int(numbers.max(initial=-1)) + 1
    cuts = np.searchsorted(numbers[order], [*range(0, distinct, size), distinct])
    for first, (begin, end) in enumerate(pairwise(cuts.tolist())):
        here = order[begin:end]
        rows = numbers[here] - first * size
        firsts = here[np.unique(rows, return_index=True)[1]]
        where = zip(owners[firsts].tolist(), places[firsts].tolist(), strict=True)
        documents = [run[owner].documents[place] for owner, place in where]
        by_owner = np.argsort(owners[here], kind="stable")
        asking, starts = np.unique(owners[here][by_owner], return_index=True)
        parts = np.split(by_owner, starts[1:])
        asked = zip(asking.tolist(), parts, strict=True)
        yield Round(documents, [(owner, places[here[part]], rows[part]) for owner, part in asked])


def _places(run: Run) -> tuple[NDArray[np.int64], Positions, NDArray[np.int64]]:
    """For every place of a run: its ranking, its place there, and the number of the document that stands there.

    Equal documents have equal numbers, in the order in which they first stand in the run.
    """
    sizes = [len(ranking) for ranking in run]
    owners = np.repeat(np.arange(len(run)), sizes)
    places = np.concatenate([np.zeros(0, np.int64), *map(np.arange, sizes)])
    stores: dict[int, int] = {}
    known = [stores.setdefault(id(ranking.documents.store), len(stores)) for ranking in run]
    positions = np.concatenate([np.zeros(0, np.int64), *(ranking.documents.positions for ranking in run)])
    keys = positions * max(1, len(stores)) + np.repeat(np.array(known, np.int64), sizes)
    _, firsts, which = np.unique(keys, return_index=True, return_inverse=True)
    ranks = np.empty(len(firsts), np.int64)
    ranks[np.argsort(firsts)] = np.arange(len(firsts))
    return owners, places, ranks[which]
