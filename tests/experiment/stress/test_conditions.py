"""What a stress run needs before it begins: a plan that can be done, judged queries, a folder of its own."""

import sys
from dataclasses import replace

import pytest

from rankify import evaluate, pipeline
from rankify.errors import BadInput, MissingExtra, Misuse, UnknownName
from rankify.experiment.stress import stress
from rankify.experiment.stress.tables import grids
from rankify.io.locks import locked
from rankify.types import Qrels


@pytest.mark.parametrize(
    ("pipeline_text", "written", "options", "said"),
    [
        ("bm25", "noise", {}, "noise:substitute changes the documents that a reranker is given, and 'bm25' has none"),
        ("bm25 >> rm3(bm25)", "inject", {}, r"'rm3\(bm25\)' searches the unchanged collection again"),
        ("bm25 % 5 >> extractive", "typos", {}, "ends in a reader"),
        ("bm25", "typos", {"seeds": 0}, "seeds=0"),
        ("bm25", "typos", {"top": 0}, "top=0"),
        ("bm25", "typos", {"targets": 0}, "targets=0"),
    ],
)  # fmt: skip
def test_a_plan_that_makes_no_whole_is_refused_before_anything_is_written(
    stressed, tmp_path, pipeline_text, written, options, said
):
    with pytest.raises(Misuse, match=said):
        stressed(pipeline_text, written, **options)
    assert not (tmp_path / "out").exists()


def test_unknown_names_are_told_near_ones(stressed):
    with pytest.raises(UnknownName, match="did you mean 'bm25'"):
        stressed("bm2", "typos")
    with pytest.raises(UnknownName, match="no measure 'nDGC'; did you mean 'nDCG'"):
        stressed("bm25", "typos", measures="nDGC@10")


def test_a_measure_without_a_value_for_a_query_is_refused(stressed, data, tmp_path):
    with pytest.raises(BadInput, match=r"Accuracy\(rel=3\)@10 has no value for query '\w+', so it cannot be compared"):
        stressed("bm25", "typos", measures="Accuracy(rel=3)@10")


def test_a_collection_without_judged_queries_is_refused(data, tmp_path):
    unjudged = replace(data, qrels=Qrels({}))
    with pytest.raises(BadInput, match="small has no judged queries"):
        stress("bm25", unjudged, "typos", folder=tmp_path / "out")


def test_the_least_grade_that_is_relevant_is_the_collections_own_where_none_is_said(data, tmp_path):
    strict = replace(data, rel=2)
    outcome = stress("bm25", strict, "typos", folder=tmp_path / "out", measures="R@5", seeds=1)
    run = pipeline("bm25", data.corpus)(data.queries)
    assert outcome.rows("R@5")[0].mean == evaluate(run, data.qrels, "R@5", rel=2)["R@5"]
    assert outcome.rows("R@5")[0].mean != evaluate(run, data.qrels, "R@5", rel=1)["R@5"]
    loose = stress("bm25", strict, "typos", folder=tmp_path / "out", measures="R@5", seeds=1, rel=1)
    assert loose.rows("R@5")[0].mean == evaluate(run, data.qrels, "R@5", rel=1)["R@5"]


def test_queries_that_stay_as_they_are_do_not_count_as_changed(stressed, tmp_path):
    table = tmp_path / "t.tsv"
    table.write_text("harbour\tport\n", "utf-8")
    outcome = stressed("bm25", f"typos?rate=0 paraphrase?table={table}", measures="R@5", seeds=1)
    some = sum("harbour" in text for text in outcome.original.texts.values())
    assert [outcome.changed(label) for label in outcome.found] == [0, some]
    assert 0 < some < 10


def test_a_folder_that_another_process_writes_into_is_refused(stressed, tmp_path):
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"), pytest.raises(BadInput, match="another process is writing into"):
        stressed("bm25", "typos", measures="R@5")


def test_without_the_library_that_tests_nothing_is_searched_for(stressed, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtra, match=r"rankify\[stats\]"):
        stressed("bm25", "typos", measures="R@5")
    assert not (tmp_path / "out").exists()


def test_of_a_single_query_nothing_is_tested(data, tmp_path):
    single = replace(data, qrels=Qrels({"q3": data.qrels["q3"]}))
    outcome = stress("bm25", single, "typos?rate=1", folder=tmp_path / "out", measures="nDCG@10", seeds=2)
    assert outcome.comparison is None
    assert [row.p for row in outcome.rows("nDCG@10")] == [None, None]
    assert "correction" not in grids(outcome)[0].note
