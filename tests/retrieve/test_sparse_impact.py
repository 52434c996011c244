"""Ready-made vectors: from files, from metadata, from texts."""

import json

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.retrieve import impact as module
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


def test_a_folder_is_opened_without_reading_the_file_again(written, tmp_path, monkeypatch):
    folder = str(tmp_path / "index")
    wanted = scores(Impact(CORPUS, written(VECTORS), folder=folder), Query("1", "dog cat"))
    monkeypatch.setattr(module, "VectorFile", lambda path: pytest.fail("read again"))
    spec = f"impact:{written(VECTORS)}?folder={folder}"
    assert scores(rankify.retriever(spec, CORPUS), Query("1", "dog cat")) == wanted


@pytest.mark.parametrize("index", ["exact", "quantised"])
def test_documents_and_vectors_that_have_changed_are_followed(written, tmp_path, index):
    folder, query = str(tmp_path / "index"), Query("1", "dog cat ##s")
    before = {**VECTORS, "e": {"rank": 1}}
    corpus = Corpus(Document(id, f"text of {id}") for id in before)
    Impact(corpus, written(before), folder=folder, shard_size=2, index=index)
    vectors = {**before, "c": {"cat": 9}, "d": {"dog": 1}}
    after = corpus.updated([Document("d", "text of d")], remove=["b"])
    found = Impact(after, written(vectors), folder=folder, shard_size=2, index=index)
    assert scores(found, query) == scores(Impact(after, written(vectors), index=index), query) == [
        {"c": 9.0, "a": 4.0, "d": 1.0}
    ]  # fmt: skip
    said = json.loads((tmp_path / "index" / "manifest.json").read_text())
    assert said["change"] == {"kept": 2, "added": 1, "changed": 1, "removed": 1}


def with_vectors(**vectors):
    return Corpus(Document(id, "x", metadata={"vector": vector}) for id, vector in vectors.items())


def test_metadata_that_have_changed_are_followed(tmp_path):
    folder = str(tmp_path / "index")
    Impact(with_vectors(a={"cat": 2}, b={"cat": 1}), folder=folder)
    found = Impact(with_vectors(a={"cat": 2}, b={"cat": 3}), folder=folder)
    assert scores(found, Query("1", "cat")) == [{"b": 3.0, "a": 2.0}]


def test_vectors_of_which_most_are_others_are_refused(tmp_path):
    folder = str(tmp_path / "index")
    Impact(with_vectors(a={"cat": 2}), folder=folder)
    with pytest.raises(BadInput, match=r"another corpus .* 0 of them in this one"):
        Impact(with_vectors(a={"cat": 3}), folder=folder)


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
        ('{"id": "a", "vector": {"x": Infinity}}', "1: the weight of 'x' is inf"),
        ('{"id": "a", "vector": {"x": 1e300}}', "1: the weight of 'x' is 1e\\+300"),
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


@pytest.mark.parametrize("folder", [None, "index"])
def test_a_missing_file_is_named(tmp_path, folder):
    with pytest.raises(BadInput, match=r"nowhere\.jsonl"):
        Impact(CORPUS, "nowhere.jsonl", folder=folder and str(tmp_path / folder))


@pytest.mark.parametrize("index", ["exact", "quantised"])
def test_great_and_tiny_weights_have_finite_scores_and_what_is_next_to_nothing_is_nothing(index):
    corpus = with_vectors(a={"cat": 1e12, "dog": 1e-12}, b={"cat": np.float32(2), "dog": 1e-50, "rank": 1e-50})
    retriever = Impact(corpus, index=index)
    asked = [Query(str(i), "", {"vector": {term: 1e12}}) for i, term in enumerate(["cat", "dog", "rank"])]
    found = scores(retriever, *asked)
    assert found == [{"a": pytest.approx(1e24), "b": pytest.approx(2e12)}, {"a": pytest.approx(1)}, {}]
