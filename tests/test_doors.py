"""The doors as a person comes to them from Python, with what lies at hand."""

import pytest

import rankify
from rankify import Corpus, Document, Query
from rankify.datasets import Dataset
from rankify.errors import BadInput
from rankify.types import Qrels, Run

FEW = [Document("1", "a cat"), Document("2", "a dog")]


@pytest.mark.parametrize(
    "documents", [FEW, tuple(FEW), iter(FEW), Corpus(FEW)], ids=["list", "tuple", "iter", "corpus"]
)
def test_a_retriever_takes_any_documents(documents):
    assert rankify.retriever("bm25", documents)([Query("q", "dog")])["q"].ids == ["2"]


def test_a_pipeline_takes_any_documents():
    assert rankify.pipeline("bm25 % 1", FEW)([Query("q", "dog")])["q"].ids == ["2"]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ("corpus.jsonl", "'corpus.jsonl' is a str, not documents; give a Corpus"),
        (7, "7 is a int, not documents; give a Corpus"),
        (Dataset(name="x", open_corpus=list, all_queries=Run(()), qrels=Qrels()), "not documents; give its .corpus"),
        (["a cat"], "document 1 is a str; a corpus is made of Document"),
        ([Document("1", None)], "document '1' has the text None; it is a string"),
        ([Document("1", "", None)], "document '1' has the title None; it is a string"),
        ([Document(1, "x")], "document 1 has the id 1; an id is a text"),
    ],
)
def test_what_is_no_document_is_refused_before_any_work(documents, message):
    with pytest.raises(BadInput, match=message):
        rankify.retriever("bm25", documents)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ("dog", "'d' is a str, not a query; write Query"),
        ([Query("1", None)], "query '1' has the text None"),
        ([Query(1, "x")], "a query has the id 1; an id is a text"),
        ([Query("", "x")], "a query has the id ''; an id is a text"),
    ],
)
def test_what_is_no_query_is_refused(queries, message):
    with pytest.raises(BadInput, match=message):
        rankify.retriever("bm25", FEW)(queries)


@pytest.mark.parametrize("rel", [0, -1, True, 1.5, "2", None])
def test_a_grade_below_one_cannot_be_the_least_relevant(rel):
    with pytest.raises(BadInput, match=r"rel=.*: the least grade"):
        rankify.evaluate({"q": {"1": 1.0}}, {"q": {"1": 1}}, "AP", rel=rel)
