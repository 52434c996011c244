"""What every registered retriever promises holds of documents that are found by its passages."""

import numpy as np
import pytest

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.spec import Spec
from rankify.types import Query
from tests.contracts.collections import ODD_IDS, corpus, queries
from tests.contracts.test_retrievers import RETRIEVERS

DATABASES = ["dense?index=milvus", "dense?index=elastic"]
WAYS = [{"by": "max"}, {"by": "first"}, {"by": "sum", "best": 2}, {"by": "mean"}]


@pytest.fixture(params=[*RETRIEVERS, *DATABASES])
def search(request, build):
    """A function that builds a search over the passages of a corpus, for every retriever and every aggregation."""

    def made(documents, **options):
        def over(passages):
            return build("retriever", request.param, passages)

        return registry.load("aggregation", Spec("passages", options={"size": 3, **options}), documents, over)

    return made


def test_documents_come_best_first_and_fewer_are_the_head_of_more(search, request):
    served = any(server in request.node.name for server in ("elastic", "milvus"))  # which takes its time
    for way in WAYS[:2] if served else WAYS:
        made = search(corpus(5 if served else 17), **way)
        many, few = made.retrieve(queries(), 10), made.retrieve(queries(), 3)
        assert [r.query for r in many] == queries()
        for ranking, head in zip(many, few, strict=True):
            assert set(ranking.ids) <= set(ODD_IDS)
            assert np.isfinite(ranking.scores).all()
            assert head.ids == ranking.ids[:3]
            assert head.scores == pytest.approx(ranking.scores[:3], abs=1e-5)


def test_equal_documents_are_ordered_by_id(search):
    same = Corpus(Document(id, "cat dog dog cat") for id in ["b", "10", "9", "a", "é", "Z"])
    for way in WAYS:
        [ranking] = search(same, **way).retrieve([Query("q", "dog")], 4)
        assert ranking.ids == ["10", "9", "Z", "a"]


def test_a_tiny_collection(search):
    for n in (0, 1, 2):
        [ranking] = search(Corpus(Document(f"d{i}", "cat") for i in range(n))).retrieve([Query("q", "cat")], 10)
        assert ranking.ids == [f"d{i}" for i in range(n)]
