"""What every registered retriever promises."""

import numpy as np
import pytest

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.types import Query
from tests.contracts.collections import ODD_IDS, corpus, queries

# web, which searches no corpus, promises the same in tests/retrieve/test_web.py
RETRIEVERS = [name for name in registry.names("retriever") if registry.find("retriever", name).needs_corpus]
INDEXED = [f"dense?index={index}" for index in ("hnsw", "milvus", "elastic")]


@pytest.fixture(params=[*RETRIEVERS, *INDEXED])
def retriever(request, build):
    """A retriever of each name over the odd collection, and a function that builds one over another."""
    return build("retriever", request.param, corpus()), lambda *a, **o: build("retriever", request.param, *a, **o)


@pytest.mark.parametrize("k", [1, 2, len(ODD_IDS) - 1, len(ODD_IDS), len(ODD_IDS) + 1, 5000])
def test_at_most_k_documents_best_first_none_twice(retriever, k):
    run = retriever[0].retrieve(queries(), k)
    assert [r.query for r in run] == queries()
    for ranking in run:
        assert len(ranking) <= min(k, len(ODD_IDS))
        assert set(ranking.ids) <= set(ODD_IDS)
        assert [d.id for d in ranking.documents] == ranking.ids
        assert np.isfinite(ranking.scores).all()


def test_fewer_is_the_head_of_more(retriever):
    many, few = retriever[0].retrieve(queries(), 10), retriever[0].retrieve(queries(), 3)
    assert [r.ids[:3] for r in many] == [r.ids for r in few]


def test_all_queries_at_once_as_one_by_one(retriever):
    together = retriever[0].retrieve(queries(), 10)
    alone = [retriever[0].retrieve([q], 10)[0] for q in queries()]
    assert [r.ids for r in together] == [r.ids for r in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_twice_the_same(retriever):
    assert retriever[0].retrieve(queries(), 10) == retriever[0].retrieve(queries(), 10)


def test_no_queries(retriever):
    assert len(retriever[0].retrieve([], 10)) == 0


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_tiny_collection(retriever, n):
    small = Corpus(Document(f"d{i}", "cat") for i in range(n))
    [ranking] = retriever[1](small).retrieve([Query("q", "cat")], 10)
    assert ranking.ids == [f"d{i}" for i in range(n)]


def test_a_collection_of_nothing_but_empty_documents(retriever):
    empty = Corpus(Document(f"d{i}", "") for i in range(3))
    [ranking] = retriever[1](empty).retrieve([Query("q", "cat")], 10)
    assert set(ranking.ids) <= {"d0", "d1", "d2"}


def test_equal_documents_are_ordered_by_id(retriever):
    same = Corpus(Document(id, "cat dog") for id in ["b", "10", "9", "a", "é", "Z"])
    [ranking] = retriever[1](same).retrieve([Query("q", "dog")], 4)
    assert ranking.ids == ["10", "9", "Z", "a"]


def test_its_spec_builds_an_equal_one(retriever):
    again = registry.load("retriever", repr(retriever[0]), corpus())
    assert again == retriever[0]
    assert again.retrieve(queries(), 5) == retriever[0].retrieve(queries(), 5)


def test_an_index_in_a_folder_answers_as_one_in_memory(retriever, tmp_path):
    folder = str(tmp_path / "index")
    built = retriever[1](corpus(), folder=folder).retrieve(queries(), 5)
    opened = retriever[1](corpus(), folder=folder).retrieve(queries(), 5)
    assert built == opened == retriever[0].retrieve(queries(), 5)


def test_an_index_of_another_corpus_is_refused(retriever, tmp_path):
    retriever[1](corpus(), folder=str(tmp_path / "index"))
    with pytest.raises(ValueError, match=r"another folder|delete"):
        retriever[1](Corpus([Document("x", "other")]), folder=str(tmp_path / "index"))
