"""Corpora and queries from JSON lines and tables: tolerant of names, strict about ids and texts."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.io.jsonl import records, write_records
from rankify.io.tables import read_documents, read_queries, write_documents, write_queries
from rankify.types import Query


def wrote(tmp_path, text, name):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


@pytest.mark.parametrize(
    ("line", "document"),
    [
        ('{"_id": "007", "title": "T", "text": "x"}', Document("007", "x", "T")),
        ('{"id": 7, "contents": "x"}', Document("7", "x")),
        ('{"docid": "null", "body": ""}', Document("null", "")),
        ('{"doc_id": "a b", "text": null, "title": null}', Document("a b", "")),
        ('{"_id": "d", "text": "x", "metadata": {"u": 1}}', Document("d", "x", "", {"u": 1})),
        ('{"_id": "d", "text": "x", "metadata": {"u": 1}, "v": [2]}', Document("d", "x", "", {"u": 1, "v": [2]})),
        ('{"_id": "d", "text": "x", "metadata": 3}', Document("d", "x", "", {"metadata": 3})),
        (
            '{"_id": "d", "text": "x", "metadata": {"u": 1}, "u": 2}',
            Document("d", "x", "", {"metadata": {"u": 1}, "u": 2}),
        ),
    ],
)
def test_documents_in_json(tmp_path, line, document):
    assert list(read_documents(wrote(tmp_path, line + "\n", "c.jsonl"))) == [document]


@pytest.mark.parametrize(
    ("name", "text", "document"),
    [
        ("c.tsv", '1\t"quoted" text\n', Document("1", '"quoted" text')),
        ("c.txt", "1\t\n", Document("1", "")),
        ("c.tsv", 'id\ttext\ttitle\n1\t"a ""b"" c"\tT\n', Document("1", 'a "b" c', "T")),
        ("c.tsv", 'id\ttext\ttitle\n1\t"Hi" he said, "no"\tT\n', Document("1", '"Hi" he said, "no"', "T")),
        ("c.tsv", "docid\turl\tbody\n1\tu\tx\n", Document("1", "x", "", {"url": "u"})),
    ],
)
def test_documents_in_tables(tmp_path, name, text, document):
    assert list(read_documents(wrote(tmp_path, text, name))) == [document]


def test_one_json_array_is_read_like_lines(tmp_path):
    text = '[\n {"_id": "a", "text": "x"},\n\n {"_id": "b",\n  "text": "y"}\n]\n'
    path = wrote(tmp_path, text, "c.json")
    assert [d.id for d in read_documents(path)] == ["a", "b"]
    assert [number for number, _ in records(path)] == [2, 4]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.jsonl", '{"_id": "a", "text": ""}\n\n{"_id": "b", "text": ""}\n', r"c\.jsonl:2: an empty line"),
        ("c.jsonl", '{"_id": "a", "text": ""}\n{"_id": "b"', r"c\.jsonl:2: malformed JSON: Expecting ',' delimiter"),
        ("c.jsonl", "[1]\n", r"c\.jsonl:1: a JSON int instead of an object"),
        ("c.jsonl", '"a"\n', r"c\.jsonl:1: a JSON str instead of an object"),
        ("c.jsonl", '{"_id": "a", "text": ""}\n{"_id": "a", "text": ""}\n', r"2: document 'a' was already in line 1"),
        ("c.jsonl", '{"text": "x"}\n', r"c\.jsonl:1: no id; it stands under _id or id or docid or doc_id"),
        ("c.jsonl", '{"_id": "", "text": "x"}\n', r"c\.jsonl:1: the id '' is no id"),
        ("c.jsonl", '{"_id": true, "text": "x"}\n', r"c\.jsonl:1: the id True is no id"),
        ("c.jsonl", '{"_id": 1.5, "text": "x"}\n', r"c\.jsonl:1: the id 1\.5 is no id"),
        ("c.jsonl", '{"_id": null, "text": "x"}\n', r"c\.jsonl:1: the id None is no id"),
        ("c.jsonl", '{"_id": "a"}\n', r"c\.jsonl:1: document 'a' has no text; it stands under text or contents"),
        ("c.jsonl", '{"_id": "a", "text": 3}\n', r"c\.jsonl:1: 'text' is a int instead of a text"),
        ("c.jsonl", '{"_id": "a", "text": ' + "[" * 100_000, r"c\.jsonl:1: JSON that cannot be read"),
        ("c.jsonl", '{"_id": ' + "1" * 5000 + "}", r"c\.jsonl:1: JSON that cannot be read"),
        ("c.json", '[{"_id": "a", "text": ""}\n{"_id": "b"}]', r"c\.json:2: malformed JSON: a comma"),
        ("c.json", '[{"_id": "a", "text": ""},\n{"_id": ]', r"c\.json:2: malformed JSON"),
        ("c.json", '[{"_id": "a", "text": ""}] x', "behind the array's end"),
        ("c.tsv", "1\tone\n2\n", r"c\.tsv:2: 1 columns; a line is id TAB text"),
        ("c.tsv", "1\tone\tmore\n", r"c\.tsv:1: 3 columns; .*; name the columns in a first line"),
        ("c.tsv", "\tone\n", r"c\.tsv:1: the id '' is no id"),
        ("c.csv", "1,one\n", r"c\.csv: cannot tell what this is; name it \.jsonl"),
    ],
)
def test_malformed_corpora_are_refused_with_the_line(tmp_path, name, text, message):
    with pytest.raises(BadInput, match=message):
        list(read_documents(wrote(tmp_path, text, name)))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.jsonl", '{"_id": "007", "text": "what?"}\n'),
        ("q.jsonl", '{"qid": "007", "query": "what?"}\n'),
        ("q.jsonl", '{"query_id": "007", "question": "what?"}\n'),
        ("q.tsv", "007\twhat?\n"),
        ("q.tsv", "qid\tquery\n007\twhat?\n"),
    ],
)
def test_queries(tmp_path, name, text):
    assert read_queries(wrote(tmp_path, text, name)).queries == [Query("007", "what?")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"_id": "1"}\n', r"q\.jsonl:1: query '1' has no text"),
        ('{"_id": "1", "text": " "}\n', r"q\.jsonl:1: query '1' has no text"),
        ('{"_id": "1", "text": "x"}\n{"_id": 1, "text": "y"}\n', r"q\.jsonl:2: query '1' was already in line 1"),
    ],
)
def test_malformed_queries_are_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        read_queries(wrote(tmp_path, text, "q.jsonl"))


def test_a_query_of_ten_thousand_words_is_a_query(tmp_path):
    text = "word " * 10_000
    write_queries([Query("q", text)], tmp_path / "q.jsonl")
    assert read_queries(tmp_path / "q.jsonl")["q"].query.text == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)
DOCUMENTS = st.lists(
    st.builds(Document, st.text(min_size=1), st.text(), st.text(), st.dictionaries(st.text(), JSON, max_size=2)),
    unique_by=lambda d: d.id,
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(DOCUMENTS, st.sampled_from(["c.jsonl", "c.json", "c.jsonl.gz", "c.json.gz"]))
def test_written_documents_read_back_with_everything(tmp_path, documents, name):
    write_documents(documents, tmp_path / name)
    assert list(read_documents(tmp_path / name)) == documents


def test_half_a_surrogate_pair_survives_as_an_escape(tmp_path):
    write_documents([Document("d", "half \ud83d of it")], tmp_path / "c.jsonl")
    assert next(read_documents(tmp_path / "c.jsonl")).text == "half \ud83d of it"


def test_records_are_one_a_line_and_in_utf_8(tmp_path):
    write_records([{"a": "é"}, {"b": 1}], tmp_path / "r.jsonl.gz")
    assert gzip.decompress((tmp_path / "r.jsonl.gz").read_bytes()).decode() == '{"a": "é"}\n{"b": 1}\n'
    write_records([], tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == []


@pytest.mark.parametrize(
    ("name", "text"), [("q.jsonl", ""), ("q.tsv", "\n"), ("q.json", "[]"), ("q.tsv", "id\ttext\n")]
)
def test_a_file_without_queries_is_refused(tmp_path, name, text):
    with pytest.raises(BadInput, match=rf"{name} has no queries"):
        read_queries(wrote(tmp_path, text, name))
