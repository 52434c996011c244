"""Texts of a run encoded once, a round at a time."""

import weakref
from random import Random

import numpy as np
import pytest

from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.rerank.encoded import reranked, rounds
from rankify.types import Query, Ranking, Run

CORPORA = [Corpus(Document(f"{c}{i}", f"text {i}") for i in range(20)) for c in "ab"]


def run(seed, *, queries=6):
    """Rankings of any length over two stores, some over a list of their own."""
    random, found = Random(seed), []
    for number in range(queries):
        places = random.sample(range(20), random.randrange(21))
        store = random.choice(CORPORA)
        documents = Documents(store, places) if random.random() < 0.8 else [store.document(p) for p in places]
        found.append(Ranking(Query(str(number), f"query {number}"), documents, range(len(places), 0, -1)))
    return Run(found)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_every_place_is_asked_for_once_and_every_document_comes_once(seed, size):
    before, asked = run(seed), []
    seen = list(rounds(before, size))
    for documents, asking in seen:
        for owner, places, rows in asking:
            for place, row in zip(places.tolist(), rows.tolist(), strict=True):
                assert before[owner].documents[place] is documents[row]
                asked.append((owner, place))
    assert sorted(asked) == [(n, place) for n, ranking in enumerate(before) for place in range(len(ranking))]
    first = {}
    for ranking in before:
        for key, document in zip(keys(ranking), ranking.documents, strict=True):
            first.setdefault(key, document)
    assert [document.id for documents, _ in seen for document in documents] == [d.id for d in first.values()]
    assert all(len(documents) == size for documents, _ in seen[:-1])


def keys(ranking):
    return [(id(ranking.documents.store), position) for position in ranking.documents.positions.tolist()]


class Lengths:
    """Makes of each text the number in it."""

    counted = {"passes": 1}  # noqa: RUF012

    def encode_queries(self, texts):
        return [float(text.split()[-1]) for text in texts]

    def encode_documents(self, documents):
        return [float(document.text.split()[-1]) for document in documents]


def compare(query, documents):
    return [query * 100 + document for document in documents]


@pytest.mark.parametrize("size", [1, 4, 100])
def test_scores_stand_where_their_documents_do(size):
    before = run(3)
    after, counted = reranked(before, Lengths(), compare, size=size)
    for ranking, was in zip(after, before, strict=True):
        wanted = {d.id: int(ranking.query.id) * 100 + int(d.text.split()[-1]) for d in was.documents}
        assert dict(zip(ranking.ids, ranking.scores.tolist(), strict=True)) == wanted
        assert ranking.scores.tolist() == sorted(wanted.values(), reverse=True)
    distinct = {key for ranking in before for key in keys(ranking)}
    assert counted["texts"] == len(before) + len(distinct)
    assert counted["passes"] == 1 + -(-len(distinct) // size)


class Held:
    """A vector that can be watched."""


class Watched:
    """An encoder that knows how many of its vectors there were at most at once."""

    def __init__(self):
        self.counted, self.most = {}, 0
        self.alive = weakref.WeakSet()

    def encode_queries(self, texts):
        return [0.0] * len(texts)

    def encode_documents(self, documents):
        found = [Held() for _ in documents]
        self.alive.update(found)
        self.most = max(self.most, len(self.alive))
        return found


def test_what_was_made_of_a_round_is_gone_before_the_next():
    corpus, encoder = Corpus(Document(str(i), "") for i in range(100)), Watched()
    long = Run([Ranking(Query("q", ""), corpus[:], range(100, 0, -1))])
    reranked(long, encoder, lambda query, documents: np.zeros(len(documents)), size=10)
    assert encoder.most == 10


def test_an_empty_run_and_rankings_without_documents():
    assert len(reranked(Run([]), Lengths(), compare, size=3)[0]) == 0
    empty = Run([Ranking(Query("1", "query 1"), [], [])])
    assert [len(r) for r in reranked(empty, Lengths(), compare, size=3)[0]] == [0]
