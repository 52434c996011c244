"""`rankify reproduce`: what it prints and writes, and how it leaves."""

import csv
import json
import re
from dataclasses import replace

import pytest

from rankify import registry
from rankify.catalog.published import system


@pytest.fixture
def words(collection, tmp_path):
    (tmp_path / "data").mkdir()
    collection.rename(tmp_path / "data" / "scifact")
    return ["reproduce", "beir", "--systems", "bm25", "--datasets", "scifact", "--data", tmp_path / "data"]


def reference(tmp_path, value):
    (tmp_path / "mine.csv").write_text(f"dataset,system,metric,value\nscifact,bm25,RR@10,{value:.4f}\n")
    return ["--reference", tmp_path / "mine.csv", "-o", tmp_path / "out"]


def test_a_figure_that_is_reached_leaves_with_0(rankify, words, tmp_path):
    code, out, _ = rankify(*words, *reference(tmp_path, 0.75))
    assert code == 0
    assert "bm25-flat   scifact      RR@10     0.7500      0.7500      +0.0000   0.0001   equal" in out
    with (tmp_path / "out" / "figures.csv").open() as file:
        [row] = csv.DictReader(file)
    assert (row["ours"], row["published"], row["verdict"]) == ("0.75", "0.75", "equal")
    assert (tmp_path / "out" / "runs" / "scifact" / "bm25-flat.trec").is_file()


def test_a_figure_that_is_not_reached_is_shown_and_leaves_with_1(rankify, words, tmp_path):
    code, out, said = rankify(*words, *reference(tmp_path, 0.8))
    assert code == 1
    assert "apart" in out
    assert "1 of 1 figures are not reached, first RR@10 of bm25-flat on scifact: apart" in said


def test_a_collection_of_another_size_is_said_where_its_figures_are_shown(rankify, words, tmp_path):
    made = [*words, *reference(tmp_path, 0.75)]
    notes = [
        "scifact has 5 documents here and 5,183 where its figures are published",
        "scifact has 4 judged queries here and 300 where its figures are published",
    ]
    said = rankify(*made)[2].splitlines()
    assert [line for line in said if " here and " in line] == notes
    assert json.loads(rankify(*made, "--json")[1].splitlines()[0])["notes"] == notes


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "text"])
def test_the_source_is_a_column_where_there_are_several(rankify, words, tmp_path, form):
    rows = "scifact,a:bm25,RR@10,0.7500\nscifact,b:bm25,RR@10,0.8000\n"
    (tmp_path / "mine.csv").write_text("dataset,system,metric,value\n" + rows)
    made = [*words, "--reference", tmp_path / "mine.csv", "-o", tmp_path / "out"]
    code, out, said = rankify(*made, "--format", form)
    assert code == 1
    assert [line.rstrip(" |\\").split()[-1].split(",")[-1] for line in out.splitlines() if "bm25-flat" in line] == [
        "a:bm25", "b:bm25",
    ]  # fmt: skip
    assert "first RR@10 of bm25-flat on scifact (b:bm25): apart" in said


def test_collections_of_a_reference_that_nobody_knows_are_named(rankify, words, tmp_path):
    (tmp_path / "mine.csv").write_text("dataset,system,metric,value\nscifct,bm25,AP,0.5\nscifact,bm25,RR@10,0.7500\n")
    code, _, said = rankify(*words, "--reference", tmp_path / "mine.csv", "-o", tmp_path / "out")
    assert code == 0
    assert "mine.csv: left out, since no collection of beir is called so: 'scifct'\n" in said.replace("\n'", " '")


def test_a_system_that_is_named_twice_is_shown_once(rankify, words, tmp_path):
    words[words.index("bm25")] = "bm25,bm25-flat,bm25"
    out = rankify(*words, *reference(tmp_path, 0.75), "--format", "csv")[1]
    assert len(out.splitlines()) == 2


def test_it_is_one_object_as_json(rankify, words, tmp_path):
    _, out, _ = rankify(*words, *reference(tmp_path, 0.8), "--json")
    [figure] = json.loads(out.splitlines()[0])["figures"]
    assert figure == {
        "system": "bm25-flat", "collection": "scifact", "measure": "RR@10", "ours": 0.75, "published": 0.8,
        "difference": pytest.approx(-0.05), "tolerance": 0.0001, "verdict": "apart",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("markdown", "| bm25-flat | scifact | RR@10 | 0.7500 | 0.8000 | -0.0500 | 0.0001 | apart |"),
        ("latex", r"bm25-flat & scifact & RR@10 & 0.7500 & 0.8000 & -0.0500 & 0.0001 & apart \\"),
        ("csv", "bm25-flat,scifact,RR@10,0.75,0.8,-0.05,0.0001,apart,"),
        ("text", "bm25-flat  scifact     RR@10    0.7500     0.8000     -0.0500     0.0001   apart"),
    ],
)
def test_the_table_is_written_in_the_form_that_is_named(rankify, words, tmp_path, form, expected):
    code, out, said = rankify(*words, *reference(tmp_path, 0.8), "--format", form)
    assert code == 1
    assert expected in out.splitlines()
    assert "figures.csv in" not in out  # the table alone, for a file
    assert "figures.csv in" in said
    if form == "csv":
        assert out == (tmp_path / "out" / "figures.csv").read_text()


@pytest.fixture
def failing(monkeypatch, words):
    """A published system that fails on every collection."""
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    known = replace(system("beir", "bm25"), pipeline="bm25 % 20 >> broken")
    monkeypatch.setattr("rankify.catalog.published.system", lambda benchmark, name: known)
    return words


WHY = "ValueError: the model is broken"


def test_a_system_that_failed_is_shown_with_its_reason_everywhere(rankify, failing, tmp_path):
    code, out, said = rankify(*failing, *reference(tmp_path, 0.8))
    assert code == 1
    assert re.search(r"RR@10 +- +0.8000 +- +0.0001 +failed *\n", out)
    assert f"\nbm25-flat failed on scifact: {WHY}\n" in out
    assert said.endswith(f"1 of 1 figures are not reached, first RR@10 of bm25-flat on scifact: failed: {WHY}\n")
    with (tmp_path / "out" / "figures.csv").open() as file:
        [row] = csv.DictReader(file)
    assert (row["ours"], row["verdict"], row["reason"]) == ("", "failed", WHY)


def test_a_system_that_failed_says_why_once_however_many_its_figures_are(rankify, failing, tmp_path):
    (tmp_path / "mine.csv").write_text("dataset,system,metric,value\nscifact,bm25,RR@10,0.8\nscifact,bm25,R@10,1\n")
    out = rankify(*failing, "--reference", tmp_path / "mine.csv", "-o", tmp_path / "out")[1]
    assert (out.count("failed  "), out.count(WHY)) == (2, 1)


@pytest.mark.parametrize("form", ["markdown", "latex", "csv", "text"])
def test_the_reason_of_a_failure_is_in_every_form(rankify, failing, tmp_path, form):
    assert rankify(*failing, *reference(tmp_path, 0.8), "--format", form)[1].count(WHY) == 1


def test_the_reason_of_a_failure_is_a_key_of_json(rankify, failing, tmp_path):
    [figure] = json.loads(rankify(*failing, *reference(tmp_path, 0.8), "--json")[1].splitlines()[0])["figures"]
    assert (figure["ours"], figure["verdict"], figure["reason"]) == (None, "failed", WHY)


def test_a_format_that_there_is_not_runs_nothing(rankify, words, tmp_path):
    code, _, said = rankify(*words, *reference(tmp_path, 0.8), "--format", "markdwon")
    assert (code, said) == (2, "rankify: no format 'markdwon'; did you mean 'markdown'?\n")
    assert not (tmp_path / "out").exists()


def test_the_systems_are_listed(rankify, as_json):
    assert "bm25-multifield % 1000" in rankify("reproduce", "beir", "--list")[1]
    found = as_json("reproduce", "beir", "--list")
    assert found["bge-base"]["instead"]["arguana"] == "dense:BAAI/bge-base-en-v1.5?query_prefix= % 1000"
    assert "trec-dl-2019" in as_json("reproduce", "msmarco", "--list")["bm25"]["collections"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["reproduce", "bier"], "no benchmark 'bier'; did you mean 'beir'?"),
        (["reproduce", "bier", "--systems", "bm25"], "no benchmark 'bier'; did you mean 'beir'?"),
        (
            ["reproduce", "beir", "--list", "--format", "csv"],
            "--format: the list has none; leave it out, or take --json",
        ),
        (
            ["reproduce", "beir", "--systems", "bm25", "--datasets", ","],
            "--datasets: ',' names none; leave it out for all",
        ),
        (["reproduce", "beir"], "--systems: name at least one; see: rankify reproduce beir --list"),
        (["reproduce", "beir", "--systems", "bm52"], "no published system 'bm52'; did you mean 'bm25'"),
        (["reproduce", "beir", "--systems", "bm25", "-m", "nDGC@10"], "did you mean 'nDCG'"),
    ],
)
def test_what_cannot_be_reproduced_is_one_line(rankify, words, message):
    code, _, said = rankify(*words)
    assert code == 2
    assert message in said
    assert said.count("\n") == 1
