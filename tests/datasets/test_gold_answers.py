"""The gold answers of a dataset: which questions have some, none, or none that is known."""

import json

import pytest

import rankify
from rankify.datasets.collection import Dataset
from rankify.types import Qrels, Query, Run


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
    (tmp_path / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\na\td\t1\n")
    assert rankify.dataset(tmp_path).answers == {"b": expected}


def folder(tmp_path, queries, **judged):
    """A collection of one document, with queries of these metadata and splits of these judged queries."""
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "d", "text": "x"}))
    lines = [json.dumps({"_id": id, "text": "x", "metadata": own}) for id, own in queries.items()]
    (tmp_path / "queries.jsonl").write_text("\n".join(lines))
    for split, ids in judged.items():
        rows = "".join(f"{id}\td\t1\n" for id in ids)
        (tmp_path / "qrels" / f"{split}.tsv").write_text(f"query-id\tcorpus-id\tscore\n{rows}")
    return tmp_path


QUESTIONS = {
    "unjudged": {}, "none": {"answers": []}, "b": {"answers": ["x"]}, "other": {"answers": ["x"]},
    "unknown": {"answers": None}, "also": {"answers": ["y"]}, "train": {"answers": []},
}  # fmt: skip


@pytest.mark.parametrize(
    ("split", "asked", "answers"),
    [
        ("test", ["none", "b", "also"], {"none": [], "b": ["x"], "also": ["y"]}),
        ("train", ["none", "other", "also", "train"], {"none": [], "other": ["x"], "also": ["y"], "train": []}),
    ],
)
def test_a_question_with_gold_answers_or_none_is_asked_where_no_split_judges_it(tmp_path, split, asked, answers):
    found = rankify.dataset(folder(tmp_path, QUESTIONS, test=["b"], train=["other", "train"]), split=split)
    assert [query.id for query in found.queries.queries] == asked
    assert found.answers == answers
    assert len(found.qrels) == (1 if split == "test" else 2)


def test_rankings_are_measured_over_judged_questions_alone(tmp_path):
    found = rankify.dataset(folder(tmp_path, {"none": {"answers": []}, "b": {"answers": ["x"]}}, test=["b"]))
    run = rankify.retriever("bm25", found.corpus)(found.queries)
    assert [ranking.query.id for ranking in run] == ["none", "b"]
    scores = rankify.evaluate(run, found.qrels, "RR@10")
    assert (dict(scores.means), len(scores.queries)) == ({"RR@10": 1.0}, 1)


def test_where_no_question_has_gold_answers_those_judged_are_asked(tmp_path):
    found = rankify.dataset(folder(tmp_path, {"a": {}, "b": {}, "c": {"answers": None}}, test=["b"], train=["a"]))
    assert [query.id for query in found.queries.queries] == ["b"]


def test_where_other_splits_are_not_known_those_judged_are_asked():
    queries = Run.of([Query("a", "x", {"answers": []}), Query("b", "x", {"answers": ["y"]})])
    found = Dataset(name="n", open_corpus=list, all_queries=queries, qrels=Qrels([("b", "d", 1)]))
    assert [query.id for query in found.queries.queries] == ["b"]
