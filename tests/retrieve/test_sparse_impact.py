"""Ready-made vectors: from files, from metadata, from texts."""

import json

import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.retrieve.impact import Impact
from rankify.types import Query

VECTORS = {"a": {"cat": 3, "##s": 1}, "b": {"cat": 3, "dog": 2.5, "gone": 0}, "c": {}}
CORPUS = Corpus(Document(id, f"text of {id}") for id in VECTORS)


@pytest.fixture
def written(tmp_path):
    def write(vectors, name="vectors.jsonl", key="id"):
        path = tmp_path / name
        path.write_text("".join(json.dumps({key: i, "vector": v, "contents": ""}) + "\n" for i, v in vectors.items()))
        return str(path)

    return write


def scores(retriever, *queries):
    return [dict(zip(r.ids, r.scores.tolist(), strict=True)) for r in retriever.retrieve(queries, 10)]


@pytest.mark.parametrize("key", ["id", "_id"])
def test_scores_are_inner_products_of_files(written, key):
    queries = written({"1": {"dog": 2, "cat": 0.5}, "2": {"##s": 4, "new": 1}}, "queries.jsonl")
    retriever = Impact(CORPUS, written(VECTORS, key=key), queries=queries)
    assert scores(retriever, Query("1", ""), Query("2", "")) == [{"b": 6.5, "a": 1.5}, {"a": 4.0}]


def test_queries_without_a_file_are_terms_between_white_space(written):
    retriever = Impact(CORPUS, written(VECTORS))
    found = scores(retriever, Query("1", "cat cat dog"), Query("2", "", {"vector": {"dog": 0.5}}))
    assert found == [{"b": 8.5, "a": 6.0}, {"b": 1.25}]
    assert retriever.retrieve([Query("1", "cat")], 2)[0].ids == ["a", "b"]  # equal scores by id


def test_documents_may_carry_their_vectors():
    corpus = Corpus([Document("a", "x", metadata={"vector": {"cat": 2}}), Document("b", "cat cat cat x")])
    assert scores(Impact(corpus), Query("1", "cat")) == [{"b": 3.0, "a": 2.0}]


def test_a_folder_is_opened_and_other_vectors_are_refused(written, tmp_path):
    folder = str(tmp_path / "index")
    wanted = scores(Impact(CORPUS, written(VECTORS), folder=folder), Query("1", "dog cat"))
    spec = f"impact:{written(VECTORS)}?folder={folder}"
    assert scores(rankify.retriever(spec, CORPUS), Query("1", "dog cat")) == wanted
    with pytest.raises(BadInput, match="built with vectors"):
        Impact(CORPUS, written({**VECTORS, "c": {"cat": 9}}), folder=folder)


def test_changed_metadata_is_refused(tmp_path):
    folder = str(tmp_path / "index")
    Impact(Corpus([Document("a", "x", metadata={"vector": {"cat": 2}})]), folder=folder)
    with pytest.raises(BadInput, match="built with vectors"):
        Impact(Corpus([Document("a", "x", metadata={"vector": {"cat": 3}})]), folder=folder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"vector": {"a": 1}}', "1: the id is None"),
        ('{"id": 7, "vector": {"a": 1}}', "1: the id is 7"),
        ('{"id": "a"}', "1: the vector is None"),
        ('{"id": "a", "vector": [1]}', r"1: the vector is \[1\]"),
        ('{"id": "a", "vector": {"x": -1}}', "1: the weight of 'x' is -1"),
        ('{"id": "a", "vector": {"x": "1"}}', "1: the weight of 'x' is '1'"),
        ('{"id": "a", "vector": {"x": true}}', "1: the weight of 'x' is True"),
        ('{"id": "a", "vector": {"x": NaN}}', "1: the weight of 'x' is nan"),
        ('{"id": "a", "vector": {}}\n{"id": "a", "vector": {}}', "2: the id 'a' stands twice"),
        ('{"id": "b", "vector": {}}', "has no vector for document 'a'"),
    ],
)
def test_lines_that_are_no_vectors_are_named(tmp_path, line, message):
    path = tmp_path / "v.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(BadInput, match=message):
        Impact(CORPUS, str(path))


def test_a_query_without_a_vector_is_named(written):
    retriever = Impact(CORPUS, written(VECTORS), queries=written({"1": {}}, "queries.jsonl"))
    with pytest.raises(BadInput, match="no vector for query '2'"):
        retriever.retrieve([Query("2", "cat")], 1)


def test_a_missing_file_is_named():
    with pytest.raises(BadInput, match=r"nowhere\.jsonl"):
        Impact(CORPUS, "nowhere.jsonl")
