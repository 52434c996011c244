"""The gold answers of a dataset: which questions have some, none, or none that is known."""

import json

import pytest

import rankify


def test_an_empty_list_says_that_there_is_no_answer_and_nothing_written_says_nothing(tmp_path):
    written = [[], None, "Paris", [7, "seven"], [["a", "b"]]]
    lines = [json.dumps({"question": "q", "ctxs": [], "answers": each}) for each in written]
    lines.append(json.dumps({"question": "q", "ctxs": []}))
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    found = rankify.dataset(tmp_path / "f.jsonl").answers
    assert found == {"1": [], "3": ["Paris"], "4": ["7", "seven"], "5": [["a", "b"]]}


@pytest.mark.parametrize(("answers", "expected"), [(["b"], ["b"]), ("b c", ["b c"])])
def test_they_are_those_of_the_questions_that_are_asked(tmp_path, answers, expected):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "x"}))
    queries = [{"_id": id, "text": "x", "metadata": {"answers": answers}} for id in "ab"]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nb\td\t1\n")
    assert rankify.dataset(tmp_path).answers == {"b": expected}
