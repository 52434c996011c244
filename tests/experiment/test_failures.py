"""A system that fails does not stop the others: it is shown with its reason everywhere, and tried again next time."""

import json

import pytest

from rankify import registry
from rankify.errors import BadInput, RankifyError
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.failures import Failure, caught, reason, refuse
from rankify.experiment.tables import grids, tables


@pytest.fixture
def failing(monkeypatch, experiment_file):
    """An experiment with one system that fails."""
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    text = experiment_file.read_text().replace("measures:", "  bad: bm25 % 20 >> broken\nmeasures:")
    experiment_file.write_text(text)
    return experiment_file


def test_the_others_are_run_measured_and_compared(failing, tmp_path):
    said = []
    results = execute(Experiment.read(failing), tmp_path / "out", say=said.append)
    assert results.failed == {"small": {"bad": "ValueError: the model is broken"}}
    assert list(results.cells["small"]) == list(results.scores["small"]) == ["bm25", "tuned", "robertson"]
    assert {d.system for d in results.comparisons["small"].differences} == {"tuned", "robertson"}
    assert "small: bad failed: ValueError: the model is broken" in said


def test_it_is_shown_as_failed_in_every_table_and_file(failing, tmp_path):
    results = execute(Experiment.read(failing), tmp_path / "out")
    for ending in ("txt", "md", "tex"):
        text = (tmp_path / "out" / f"results.{ending}").read_text()
        assert "ValueError: the model is broken" in text
        assert "a next start tries these again" in text
    [row] = [line for line in tables(results)[1].text().splitlines() if line.startswith("bad")]
    assert row.split() == ["bad", "failed", "failed", "failed"]
    for file in ("results.json", "manifest.json"):
        assert "the model is broken" in json.dumps(json.loads((tmp_path / "out" / file).read_text()))
    assert '<td class="words">ValueError: the model is broken</td>' in (tmp_path / "out" / "report.html").read_text()
    assert (tmp_path / "out" / "results.tex").read_text().startswith("% needs \\usepackage{booktabs}\n")
    assert not (tmp_path / "out" / "runs" / "small" / "bad.trec").exists()


def test_a_next_start_tries_it_again_and_keeps_the_rest(failing, tmp_path, monkeypatch):
    execute(Experiment.read(failing), tmp_path / "out")
    monkeypatch.setattr("tests.experiment.broken.Broken.rerank", lambda self, run: run)
    said = []
    results = execute(Experiment.read(failing), tmp_path / "out", say=said.append)
    assert results.failed == {"small": {}}
    assert "bad" in results.scores["small"]
    assert len([line for line in said if line.endswith("kept")]) == 3


def test_with_several_datasets_it_has_no_mean(failing, tmp_path, collection):
    text = failing.read_text().replace("[small]", "[small, {name: small, label: again}]")
    failing.write_text(text)
    results = execute(Experiment.read(failing), tmp_path / "out")
    assert set(results.failed) == {"small", "again"}
    works = (tmp_path / "out" / "results.txt").read_text()
    assert "nDCG@10" in works
    with pytest.raises(RankifyError, match="2 of 8 systems failed, first bad on small: ValueError"):
        refuse(results.failed, 8)


def fail_from_the_second_time_on(monkeypatch):
    asked = []

    def rerank(self, run):
        asked.append(1)
        if len(asked) > 1:
            raise BadInput("no more")
        return run

    monkeypatch.setattr("tests.experiment.broken.Broken.rerank", rerank)


def test_one_that_fails_on_one_of_two_datasets_has_its_figure_of_the_other(experiment_file, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    fail_from_the_second_time_on(monkeypatch)
    text = experiment_file.read_text().replace("measures:", "  bad: bm25 % 20 >> broken\nmeasures:")
    experiment_file.write_text(text.replace("[small]", "[small, {name: small, label: again}]"))
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert results.failed == {"small": {}, "again": {"bad": "no more"}}
    overview = next(grid for grid in tables(results) if grid.title == "nDCG@10")
    [row] = [[one.text for one in row] for name, row in overview.rows if name == "bad"]
    assert row == [f"{results.scores['small']['bad']['nDCG@10']:.4f}", "failed", "failed"]


def test_where_all_fail_there_is_the_table_of_failures(tmp_path, monkeypatch, collection):
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    said = {"datasets": [{"name": str(collection)}], "systems": {"bad": "bm25 >> broken"}, "measures": "RR"}
    results = execute(Experiment.of(said), tmp_path / "out")
    assert results.scores == {"small": {}}
    assert "ValueError: the model is broken" in (tmp_path / "out" / "results.txt").read_text()


@pytest.mark.parametrize(("how", "error"), [("memory", MemoryError), ("disk", RuntimeError)])
def test_what_would_fail_all_of_them_ends_the_experiment(failing, tmp_path, how, error):
    failing.write_text(failing.read_text().replace("broken", f"broken?how={how}"))
    with pytest.raises(error):
        execute(Experiment.read(failing), tmp_path / "out")


def test_an_interruption_is_no_failure():
    def interrupted():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        caught(interrupted, "x")
    assert caught(lambda: 3, "x") == 3
    assert isinstance(caught(lambda: 1 / 0, "x"), Failure)


def test_a_reason_is_one_line_and_names_foreign_errors():
    assert reason(BadInput("no\n such thing")) == "no such thing"
    assert reason(KeyError("x")) == "KeyError: 'x'"
    assert reason(RuntimeError()) == "RuntimeError"


def test_without_failures_nothing_is_refused():
    refuse({"small": {}}, 3)


def test_what_failed_everywhere_stands_in_the_table_of_all_datasets(failing, tmp_path):
    failing.write_text(failing.read_text().replace("[small]", "[small, {name: small, label: again}]"))
    made = tables(execute(Experiment.read(failing), tmp_path / "out"))
    [overview] = [grid for grid in made if grid.title == "nDCG@10"]
    assert [(name, [entry.text for entry in row]) for name, row in overview.rows][-1] == ("bad", ["failed"] * 3)


@pytest.fixture
def without_baseline(failing, monkeypatch):
    """An experiment whose baseline fails on the second of two datasets, and whose measures differ significantly."""
    fail_from_the_second_time_on(monkeypatch)
    text = failing.read_text().replace("[small]", "[small, {name: small, label: again}]")
    text = text.replace("  bm25: bm25 % 20", "  bm25: bm25 % 20\n  cut: bm25 % 1")
    failing.write_text(text + "baseline: bad\n")
    return failing


def test_where_the_baseline_failed_the_overview_has_no_marks_and_says_so(without_baseline, tmp_path):
    text = without_baseline.read_text().replace("nDCG@10 RR@10 R@20", "R@20")
    without_baseline.write_text(text)
    results = execute(Experiment.read(without_baseline), tmp_path / "out")
    [*_, overview] = grids(results)
    assert (overview.title, overview.columns[1:]) == ("R@20", ["small", "again", "mean"])
    assert results.comparisons["again"].baseline == "bm25"
    assert results.comparisons["again"].marks("cut", "R@20") == "‡"
    assert [row[0].mark for name, row in overview.rows if name == "cut"] == ["‡"]
    assert [row[1].mark for _, row in overview.rows] == [""] * 5
    assert "below bad (" in overview.note
    assert overview.note.endswith("p <= 0.05). No marks on again, where bad failed.")
    [again] = [grid for grid in grids(results) if grid.title.startswith("again:")]
    assert "below bm25 (" in again.note
    assert "No marks" not in again.note


def test_where_every_two_are_compared_none_of_them_has_to_be_there_for_marks(without_baseline, tmp_path):
    without_baseline.write_text(without_baseline.read_text().replace("nDCG@10 RR@10 R@20", "R@20\ncompare: all-pairs"))
    results = execute(Experiment.read(without_baseline), tmp_path / "out")
    [*_, overview] = grids(results)
    assert "No marks" not in overview.note
    assert [row[1].mark != "" for name, row in overview.rows if name.endswith("bm25")] == [True]
