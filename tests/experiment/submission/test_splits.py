"""MS MARCO's queries of dev, and no others, in a submission; its task of MTEB, and collections without a task."""

import json
import shutil

import pytest

from rankify.evaluation import averages
from tests.cli.conftest import rankify
from tests.experiment.submission.conftest import lines

__all__ = ["rankify"]  # a fixture


@pytest.fixture
def words(runs, said, data, monkeypatch):
    """A submission of scifact and of MS MARCO, whose folder judges other queries in test, as BEIR's does."""
    known = {**averages.averages(), "beir-m": averages.Average("beir-m", "two", ("scifact", "msmarco"))}
    monkeypatch.setattr("rankify.experiment.submission.bundle.averages", lambda: known)
    judged = shutil.copytree(data / "nfcorpus", data / "msmarco") / "qrels"
    (judged / "test.tsv").rename(judged / "dev.tsv")
    (judged / "test.tsv").write_text("query-id\tcorpus-id\tscore\nnfcorpus0\tnfcorpus1\t1\n", "utf-8")
    (runs / "nfcorpus.trec").rename(runs / "msmarco.trec")
    return ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-m"]


def test_ms_marcos_figures_are_of_dev(rankify, words, data):
    code, out, err = rankify(*words, "--data", data, "--json")
    assert code == 0, err
    one = json.loads(out)["collections"]["msmarco"]
    assert (one["queries"], round(one["figures"]["nDCG@10"], 4)) == (2, 0.8155)
    assert rankify("submit", "beir", "--check", "mine.zip", "--data", data)[0] == 0


def test_a_run_on_another_split_is_refused_with_the_one_that_counts(rankify, words, runs, data):
    (runs / "msmarco.trec").write_text("nfcorpus0 Q0 nfcorpus1 1 9 tag\n", "utf-8")
    code, _, err = rankify(*words, "--data", data)
    assert code != 0
    assert "msmarco.trec:1: msmarco has no query 'nfcorpus0' that counts in dev; leave it out\n" in err


def test_without_the_collections_the_queries_of_dev_are_counted(rankify, words):
    code, _, err = rankify(*words)
    assert code != 0
    assert "msmarco.trec: has 2 queries; msmarco has 6,980 that count in dev\n" in err


def test_judgments_of_test_alone_are_refused(rankify, words, data):
    (data / "msmarco" / "qrels" / "dev.tsv").unlink()
    said = f"{data / 'msmarco'} has judgments of test alone, and published figures are of dev; add qrels/dev.tsv"
    assert rankify(*words, "--data", data)[2] == f"rankify: {said}\n"


def test_ms_marcos_task_of_mteb_is_of_dev(rankify, words, data, tmp_path):
    code, _, err = rankify(*words, "-o", "results", "--data", data, "--format", "mteb")
    assert code == 0, err
    place = tmp_path / "results" / "some__model" / "abc123"
    found = json.loads((place / "MSMARCO.json").read_text())
    assert ([*found["scores"]], found["task_name"]) == (["dev"], "MSMARCO")
    assert [*json.loads((place / "SciFact.json").read_text())["scores"]] == ["test"]


def test_collections_without_a_task_of_mteb_are_named(rankify, words, runs, data, tmp_path):
    for name in ("robust04", "signal1m"):
        shutil.copytree(data / "scifact", data / name)
        (runs / f"{name}.trec").write_text("\n".join(lines("scifact")) + "\n", "utf-8")
    made = [*words[:-1], "beir-18", "-o", "results", "--data", data, "--format", "mteb"]
    said = "MTEB has no task for robust04, signal1m; name a set of others, e.g. --sets beir-15"
    assert rankify(*made)[1:] == ("", f"rankify: {said}\n")
    assert not (tmp_path / "results").exists()
