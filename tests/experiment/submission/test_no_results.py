"""Queries that were searched for in vain have no line in a run: declared, counted as 0, and held against the bundle."""

import json
import re
import zipfile

import pytest

from tests.cli.conftest import rankify
from tests.experiment.submission.conftest import lines
from tests.experiment.submission.test_bundle import changed, with_side_car

__all__ = ["rankify"]  # a fixture


@pytest.fixture
def words(runs, said, data):
    """A run of scifact lacks q2, as BM25's does where no document shares a word."""
    (runs / "scifact.trec").write_text("\n".join(lines("scifact", queries=("q1",))) + "\n", "utf-8")
    return ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]


def side_car(path):
    with zipfile.ZipFile(path) as packed:
        return json.loads(packed.read("submission.json"))


def test_a_query_without_a_line_is_declared_and_counts_0(rankify, words, data, tmp_path):
    code, out, err = rankify(*words, "--allow-empty")
    assert code == 0, err
    assert "scifact: 1 queries have no results and count 0\n" in out
    one = side_car(tmp_path / "mine.zip")["collections"]["scifact"]
    assert (one["no_results"], one["queries"], one["figures"]["nDCG@10"]) == (["q2"], 1, 0.5)
    code, out, err = rankify("submit", "beir", "--check", "mine.zip", "--data", data)
    assert code == 0, err
    assert "scifact: 1 queries have no results and count 0\n" in out


def test_a_query_that_nobody_declares_is_an_error_that_names_the_way_out(rankify, words):
    code, _, err = rankify(*words)
    assert code == 1
    assert "lacks 1 of 2 queries, e.g. 'q2'; search them, or --allow-empty where nothing was found for them\n" in err


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ([], "runs/scifact.trec: lacks 1 of 2 queries, e.g. 'q2'; the side-car names those without results under"),
        (["q1", "q2"], "runs/scifact.trec: has lines of query 'q1', which is said to have no results"),
        (["q2", "q3"], "runs/scifact.trec: scifact has no query 'q3', which is said to have no results"),
        (["q2", "q2"], "scifact: its no_results is not that of runs/scifact.trec"),
        ("q2", "runs/scifact.trec: lacks 1 of 2 queries"),
        ([2], "runs/scifact.trec: lacks 1 of 2 queries"),
    ],
)
def test_only_what_is_declared_may_be_missing(rankify, words, data, tmp_path, declared, message):
    assert rankify(*words, "--allow-empty")[0] == 0
    change = with_side_car(lambda said: said["collections"]["scifact"].update(no_results=declared))
    changed(tmp_path / "mine.zip", change)
    code, _, err = rankify("submit", "beir", "--check", "mine.zip", "--data", data)
    assert code == 1
    assert message in err
    assert err.count("\n") == 1


def test_what_is_declared_is_counted_where_the_collections_are_not_at_hand(rankify, words, tmp_path, monkeypatch):
    assert rankify(*words, "--allow-empty")[0] == 0
    known = {f"beir/{name}": {"splits": {"test": {"queries": 2}}, "documents": 4} for name in ("scifact", "nfcorpus")}
    monkeypatch.setattr("rankify.experiment.submission.collections.catalog.datasets", lambda: known)
    code, out, err = rankify("submit", "beir", "--check", "mine.zip")
    assert code == 0, err
    assert "not checked without --data FOLDER: the ids of queries and documents, and the figures\n" in out
    changed(tmp_path / "mine.zip", with_side_car(lambda said: said["collections"]["scifact"].update(no_results=[])))
    assert "has 1 queries; scifact has 2 that count in test" in rankify("submit", "beir", "--check", "mine.zip")[2]


def test_a_run_without_any_line_is_none_at_all(rankify, words, runs):
    (runs / "scifact.trec").write_text("")
    code, _, err = rankify(*words, "--allow-empty")
    assert (code, "no ranking has more than 0 documents; 4 are due: search deeper" in err) == (1, True)


def test_mtebs_results_count_it_as_0(rankify, words, tmp_path):
    made = [*words, "-o", "results", "--format", "mteb"]
    assert "lacks 1 of 2 queries" in rankify(*made)[2]
    code, out, err = rankify(*made, "--allow-empty")
    assert (code, "scifact: 1 queries have no results and count 0\n" in out) == (0, True), err
    [result] = (tmp_path / "results").rglob("SciFact.json")
    assert json.loads(result.read_text())["scores"]["test"][0]["ndcg_at_10"] == 0.5


def test_queries_are_declared_by_the_ids_of_the_collections(rankify, words):
    code, _, err = rankify(*words[: words.index("--data")], "--allow-empty")
    assert (code, err) == (
        2,
        "rankify: --allow-empty says which queries have no results: name --data FOLDER with the collections\n",
    )


def test_rankings_that_are_shorter_than_the_depth_are_counted(rankify, words, runs, data, tmp_path):
    short = [*lines("scifact", queries=("q1",)), *lines("scifact", queries=("q2",), documents=(2,))]
    (runs / "scifact.trec").write_text("\n".join(short) + "\n", "utf-8")
    said = "scifact: 1 of 2 rankings have fewer than 4 documents, the shortest 1\n"
    assert said in rankify(*words)[1]
    assert said in rankify("submit", "beir", "--check", "mine.zip", "--data", data)[1]
    one = side_car(tmp_path / "mine.zip")["collections"]["scifact"]
    assert (one["shorter"], one["shortest"], one["depth"]) == (1, 1, 4)
    whole = side_car(tmp_path / "mine.zip")["collections"]["nfcorpus"]
    assert whole["shorter"] == 0


def test_bm25s_run_on_nfcorpus_can_be_submitted(shared, tmp_path):
    import rankify as toolkit
    from rankify.experiment.submission import bundle, collections
    from rankify.io.trec import write_run

    data = toolkit.dataset(str(shared / "nfcorpus"))
    write_run((toolkit.retriever("bm25", data.corpus) % 1000)(data.queries), tmp_path / "nfcorpus.trec")
    run = {"nfcorpus": tmp_path / "nfcorpus.trec"}
    needed = {"nfcorpus": collections.needed("nfcorpus", None, data=shared)}
    counted = bundle.counted_in(run, needed, "beir-14")["nfcorpus"]
    assert (counted.queries, len(counted.no_results)) == (308, 15)
    assert counted.shorter > 0
    with pytest.raises(toolkit.errors.BadInput, match=re.escape("lacks 15 of 323 queries")):
        bundle.counted_in(run, {"nfcorpus": collections.needed("nfcorpus", data=shared)}, "beir-14")
