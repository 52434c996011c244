"""What is measured of a dataset is kept, as long as nothing that it depends on has changed."""

import json
import math
import sys
from dataclasses import replace

import pytest

from rankify.experiment import Experiment, evaluations, publication
from rankify.experiment.execute import execute


@pytest.fixture
def measuring(monkeypatch):
    """The systems that are measured, one after the other."""
    found = []
    measured = evaluations.measured

    def counted(wanted, *given):
        found.append(wanted)
        return measured(wanted, *given)

    monkeypatch.setattr(evaluations, "measured", counted)
    return found


@pytest.fixture
def published(monkeypatch):
    """How often tables, report and manifest are written."""
    found = []
    write = publication.write
    monkeypatch.setattr(publication, "write", lambda *given: (found.append(1), write(*given)))
    return found


def stamps(folder):
    """When each file was written, and under which number it stands on the disk."""
    return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in folder.rglob("*") if p.is_file()}


def test_a_finished_experiment_measures_nothing_and_writes_nothing(experiment_file, tmp_path, measuring, published):
    first = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert (len(measuring), len(published)) == (3, 1)
    before = stamps(tmp_path / "out")
    again = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert (len(measuring), len(published)) == (3, 1)
    assert stamps(tmp_path / "out") == before
    assert (again.comparisons, again.answer_comparisons) == (first.comparisons, first.answer_comparisons)
    for system, scores in first.scores["small"].items():
        kept = again.scores["small"][system]
        assert (kept.means, kept.per_query, kept.queries) == (scores.means, scores.per_query, scores.queries)


def test_measures_that_a_system_has_not_are_kept_so(experiment, tmp_path, measuring):
    plan = experiment(measures="RR@10 EM")
    plan = replace(plan, systems={"bm25": "bm25 % 4", **plan.systems})
    first = execute(plan, tmp_path / "out").scores["songs"]
    done = len(measuring)
    kept = execute(plan, tmp_path / "out").scores["songs"]
    assert len(measuring) == done == 2
    assert "EM" not in kept["bm25"]
    assert kept["read"]["EM"] == first["read"]["EM"] > 0


def test_gold_answers_are_looked_at(experiment, questions, tmp_path, measuring):
    plan = experiment(measures="has_answer@1")
    plan = replace(plan, systems={"bm25": "bm25 % 4"}, baseline="bm25")
    before = execute(plan, tmp_path / "out").scores["songs"]["bm25"]["has_answer@1"]
    asked = questions / "queries.jsonl"
    asked.write_text(asked.read_text().replace("Ann Lee", "Nobody"))
    after = execute(plan, tmp_path / "out").scores["songs"]["bm25"]["has_answer@1"]
    assert len(measuring) == 2
    assert after == pytest.approx(before - 1 / 6)


def test_other_answers_to_the_same_rankings_are_measured(experiment, tmp_path, measuring):
    plan = experiment(measures="RR@10 EM")
    first = execute(plan, tmp_path / "out")
    other = replace(plan, systems={"read": "bm25 % 4 >> extractive"})
    again = execute(other, tmp_path / "out")
    assert first.cells["songs"]["read"]["sha256"] == again.cells["songs"]["read"]["sha256"]
    assert len(measuring) == 2
    assert first.scores["songs"]["read"]["EM"] != again.scores["songs"]["read"]["EM"]


def test_why_there_is_no_value_is_kept(experiment, tmp_path, monkeypatch):
    measured = evaluations.measured
    why = {"EM": {"q1": "no time"}}
    monkeypatch.setattr(evaluations, "measured", lambda *given: [replace(measured(*given)[0], reasons=why)])
    plan = experiment(measures="RR@10")
    found = [execute(plan, tmp_path / "out").scores["songs"]["read"] for _ in range(2)]
    assert [one.reasons for one in found] == [why, why]


def test_values_that_queries_have_not_are_kept_so(experiment_file, tmp_path):
    experiment_file.write_text(experiment_file.read_text().replace("R@20", "Accuracy").replace("% 20", "% 1"))
    first, kept = (execute(Experiment.read(experiment_file), tmp_path / "out").scores["small"] for _ in range(2))
    assert any(math.isnan(value) for value in first["bm25"].per_query["Accuracy"].values())
    for system in first:
        assert str(kept[system].per_query) == str(first[system].per_query)  # where NaN equals NaN
        assert str(kept[system].means) == str(first[system].means)


def more_measures(folder, file):
    file.write_text(file.read_text().replace("R@20", "R@20 AP"))


def another_baseline(folder, file):
    file.write_text(file.read_text() + "baseline: tuned\n")


def changed_judgments(folder, file):
    judged = file.parent / "small" / "qrels" / "test.tsv"
    judged.write_text(judged.read_text() + "001\td7\t1\n")


def changed_pipeline(folder, file):
    file.write_text(file.read_text().replace("k1=2.0", "k1=0.1"))


def damaged_values(folder, file):
    values = folder / "per-query" / "small.csv"
    values.write_bytes(values.read_bytes()[:-5])


def lost_values(folder, file):
    (folder / "per-query" / "small.csv").unlink()


def damaged_record(folder, file):
    (folder / "per-query" / "small.json").write_text("{")


@pytest.mark.parametrize(
    "change",
    [
        more_measures, another_baseline, changed_judgments, changed_pipeline, damaged_values, lost_values,
        damaged_record,
    ],
)  # fmt: skip
def test_what_measures_depend_on_is_looked_at(experiment_file, tmp_path, measuring, change):
    folder, fresh = tmp_path / "out", tmp_path / "fresh"
    execute(Experiment.read(experiment_file), folder)
    change(folder, experiment_file)
    measuring.clear()
    execute(Experiment.read(experiment_file), folder)
    assert len(measuring) == 3
    execute(Experiment.read(experiment_file), fresh)
    for name in ("small.csv", "small.json"):
        assert (folder / "per-query" / name).read_bytes() == (fresh / "per-query" / name).read_bytes()


@pytest.mark.parametrize("version", ["rankify", "scipy"])
def test_another_version_measures_again(experiment_file, tmp_path, measuring, monkeypatch, version):
    execute(Experiment.read(experiment_file), tmp_path / "out")
    known = evaluations.versions
    monkeypatch.setattr(evaluations, "versions", lambda *names: {**known(*names), version: "9.9"})
    execute(Experiment.read(experiment_file), tmp_path / "out")
    assert len(measuring) == 6


@pytest.mark.parametrize("name", ["results.md", "results.json", "report.html", "manifest.json"])
@pytest.mark.parametrize("harm", [lambda p: p.unlink(), lambda p: p.write_text("{")])
def test_a_published_file_that_is_lost_or_damaged_is_written_again(experiment_file, tmp_path, published, name, harm):
    execute(Experiment.read(experiment_file), tmp_path / "out")
    path = tmp_path / "out" / name
    before = path.read_bytes()
    harm(path)
    execute(Experiment.read(experiment_file), tmp_path / "out")
    assert len(published) == 2
    if name == "manifest.json":
        assert json.loads(path.read_text())["files"] == json.loads(before)["files"]
    else:
        assert path.read_bytes() == before


def test_parquet_is_written_when_it_is_asked_for_later(experiment_file, tmp_path, published):
    pytest.importorskip("pyarrow")
    execute(Experiment.read(experiment_file), tmp_path / "out")
    for _ in range(2):
        execute(Experiment.read(experiment_file), tmp_path / "out", parquet=True)
    assert len(published) == 2
    path = tmp_path / "out" / "per-query" / "small.parquet"
    assert "per-query/small.parquet" in json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    path.unlink()
    execute(Experiment.read(experiment_file), tmp_path / "out", parquet=True)
    assert path.is_file()


def test_a_system_that_failed_is_published_when_it_is_mended(experiment_file, tmp_path, published):
    execute(Experiment.read(experiment_file), tmp_path / "out")
    (tmp_path / "out" / "runs" / "small" / "tuned.json").unlink()
    (tmp_path / "out" / "runs" / "small" / "tuned.trec").unlink()
    execute(Experiment.read(experiment_file), tmp_path / "out")
    assert len(published) == 2  # its record says another time


@pytest.mark.parametrize(
    "what",
    [
        "datasets",
        "failed",
        "tuned",
        "cells",
        "readings",
        "evaluated",
        "unmeasured",
        "efficiency",
        "untimed",
        "libraries",
        "parquet",
    ],
)
def test_whatever_tables_or_report_show_is_looked_at(experiment_file, tmp_path, monkeypatch, what):
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert publication.kept(results, parquet=False)
    if what == "libraries":
        monkeypatch.setattr(publication, "libraries", dict)
    elif what != "parquet":
        setattr(results, what, {"small": {"tuned": "otherwise"}})
    assert not publication.kept(results, parquet=what == "parquet")


def test_a_report_without_plots_is_written_anew_once_matplotlib_is_there(experiment_file, tmp_path, monkeypatch):
    report, versions = tmp_path / "out" / "report.html", publication.versions
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "matplotlib", None)
        without.setattr(publication, "versions", lambda *names: versions(*(n for n in names if n != "matplotlib")))
        execute(Experiment.read(experiment_file), tmp_path / "out")
        assert "There are no plots" in report.read_text("utf-8")
    execute(Experiment.read(experiment_file), tmp_path / "out")
    assert "There are no plots" not in report.read_text("utf-8")


@pytest.mark.parametrize("parquet", [True, False])
def test_another_pyarrow_writes_parquet_anew_where_it_is_written(experiment_file, tmp_path, monkeypatch, parquet):
    results, versions = (
        execute(Experiment.read(experiment_file), tmp_path / "out", parquet=parquet),
        publication.versions,
    )
    assert publication.kept(results, parquet)
    monkeypatch.setattr(publication, "versions", lambda *names: versions(*(n for n in names if n != "pyarrow")))
    assert publication.kept(results, parquet) is not parquet
