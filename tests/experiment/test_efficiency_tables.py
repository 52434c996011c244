"""Efficiency of the systems of an experiment, from its file to its tables."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from rankify import registry
from rankify.cli import main
from rankify.errors import Misuse, RankifyError
from rankify.experiment import Experiment, efficiencies
from rankify.experiment.efficiencies import _counted, _timed, grids, refuse, write_csv
from rankify.experiment.efficiency import Efficiency
from rankify.experiment.execute import execute
from rankify.experiment.results import Results
from rankify.experiment.timing import Task, peak_memory
from tests.experiment.conftest import said
from tests.experiment.test_jobs import alive, children

MS = {"p50": 1.5, "p90": 2, "p95": 2, "p99": 1234.5, "mean": 1.75}
ONE = {
    "latency_ms": MS, "asked": 6, "drawn": 3, "peak_rss": 3 << 20, "peak_gpu": None, "index_bytes": None,
    "calls": None, "prompt_tokens": None, "generated_tokens": None, "passes": None, "dollars": None,
    "joules_per_query": None, "dollars_per_1000": None, "queries_per_second": None,
}  # fmt: skip
CELL = {
    "stages": [
        {"seconds": 1.0, "counts": {}},
        {"seconds": 3.0, "counts": {"asked": 8, "prompt_tokens": 40, "cost": 0.25}},
    ]
}
READING = {"seconds": 4.0, "remembered": 0, "counts": {"asked": 2, "cost": 0.25}}


def results(tmp_path, **rows):
    experiment = Experiment(
        name="e", datasets={}, systems={}, measures="", baseline="", efficiency=Efficiency(queries=3, repetitions=2)
    )
    return Results(experiment=experiment, folder=tmp_path, efficiency={"small": rows})


@pytest.fixture
def timed(experiment_file):
    text = experiment_file.read_text() + "efficiency: {queries: 4, warm_up: 1, repetitions: 2}\n"
    experiment_file.write_text(
        text.replace("  tuned: bm25?k1=2.0&b=0.9 % 20\n  robertson: bm25?variant=robertson % 10\n", "")
    )
    return Experiment.read(experiment_file)


def test_a_system_is_timed_in_the_run_that_measures_its_quality(timed, tmp_path):
    found = execute(timed, tmp_path / "out").efficiency["small"]["bm25"]
    assert (found["asked"], found["drawn"]) == (8, 4)
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"]
    assert found["index_bytes"] == sum(f.stat().st_size for f in (tmp_path / "out/indexes").rglob("*/*") if f.is_file())
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["efficiency"]["small"]["bm25"] == found
    assert manifest["experiment"]["efficiency"] == {"queries": 4, "warm_up": 1, "repetitions": 2, "seed": 0}
    assert "efficiency.csv" in manifest["files"]
    assert json.loads((tmp_path / "out/results.json").read_text())["took"]["small"]["bm25"]["efficiency"] == found
    assert "4 queries drawn with seed 0, asked one at a time, 2 times each, after 1" in (
        tmp_path / "out/results.md"
    ).read_text("utf-8")  # fmt: skip


def test_what_was_timed_is_kept_and_another_plan_is_timed_anew(timed, tmp_path, monkeypatch):
    first = execute(timed, tmp_path / "out").efficiency
    with monkeypatch.context() as without:
        without.setattr(efficiencies, "_timed", lambda *_: pytest.fail("it was timed already"))
        lines = []
        assert execute(timed, tmp_path / "out", say=lines.append).efficiency == first
        assert any("bm25 was timed" in line and line.endswith("kept") for line in lines)
    other = replace(timed, efficiency=Efficiency(queries=2, warm_up=0, repetitions=1))
    assert execute(other, tmp_path / "out").efficiency["small"]["bm25"]["asked"] == 2


def test_nothing_is_timed_where_nobody_asks(timed, tmp_path, monkeypatch):
    monkeypatch.setattr(efficiencies, "_timed", lambda *_: pytest.fail("nobody asked"))
    found = execute(replace(timed, efficiency=None), tmp_path / "out")
    assert found.efficiency == {}
    assert not (tmp_path / "out/efficiency.csv").exists()
    assert "efficiency" not in found.as_dict()


def test_a_wrong_key_is_said_with_its_place(experiment_file):
    experiment_file.write_text(experiment_file.read_text() + "efficiency: {warmup: 3}\n")
    with pytest.raises(Misuse, match=r"first-stages.yaml: efficiency: no key 'warmup'; did you mean 'warm_up'\?"):
        Experiment.read(experiment_file)


def test_a_system_that_fails_while_it_is_timed_says_why(tmp_path):
    task = Task(folder=str(tmp_path), file=str(tmp_path / "a.json"), key="k", searches="bm25", reader="",
                source={"name": str(tmp_path / "none")}, plan={"queries": 1})  # fmt: skip
    assert re.match("no dataset .*none'", _timed(task).reason)
    assert not (tmp_path / "a.json").exists()


def test_counts_of_stages_and_reader_are_added():
    found = _counted(CELL, READING, 16)
    assert found == {
        "calls": 10, "prompt_tokens": 40, "generated_tokens": None, "passes": None, "dollars": 0.5,
        "queries_per_second": 2, "dollars_per_1000": 31.25,
    }  # fmt: skip


def test_dollars_of_some_parts_are_not_those_of_the_whole():
    free = {**READING, "counts": {"asked": 2}}
    assert [_counted(CELL, free, 16)[name] for name in ("calls", "dollars", "dollars_per_1000")] == [10, None, None]


@pytest.mark.parametrize("reading", [{**READING, "remembered": 1}, None])
def test_replies_that_were_there_and_times_of_0_have_no_throughput(reading):
    cell = CELL if reading else {"stages": [{"seconds": 0.0, "counts": {}}]}
    assert _counted(cell, reading, 16)["queries_per_second"] is None


def test_what_no_system_reports_is_named_below_and_is_no_column(tmp_path):
    _, used, models = grids(results(tmp_path, a=ONE, b={**ONE, "joules_per_query": 0.25, "calls": 8}))
    assert used.columns == ["system", "RSS MiB", "joules"]
    assert [[entry.text for entry in row] for _, row in used.rows] == [["3", "-"], ["3", "0.25"]]
    assert used.note.endswith("-: not reported. Nowhere reported: GPU MiB, index MiB.")
    assert models.columns == ["system", "calls"]
    assert [[entry.text for entry in row] for _, row in models.rows] == [["-"], ["8"]]


def test_counters_of_energy_that_could_not_be_read_are_named(tmp_path):
    part = {**ONE, "joules": {"intel-rapl:0": None, "intel-rapl:0:1": None, "gpu:0": 3.0}}
    _, used = grids(results(tmp_path, a=part, b={**ONE, "joules": {"gpu:0": 3.0}, "joules_per_query": 0.5}))
    assert [[entry.text for entry in row] for _, row in used.rows] == [["3", "-"], ["3", "0.5"]]
    assert " No joules where a counter could not be read: intel-rapl:0, intel-rapl:0:1. -: not" in used.note


def test_systems_without_models_have_no_table_of_them(tmp_path):
    assert [grid.title for grid in grids(results(tmp_path, a=ONE))] == [
        "small: latency in ms",
        "small: memory and energy",
    ]


def test_times_stand_with_two_digits_and_without_throughput_where_there_is_none(tmp_path):
    times, *_ = grids(results(tmp_path, a=ONE))
    assert [entry.text for entry in times.rows[0][1]] == ["1.50", "2.00", "2.00", "1,234.50", "1.75", "-"]


def test_a_figure_that_is_not_reported_is_empty_in_the_csv(tmp_path):
    write_csv(results(tmp_path, a={**ONE, "calls": 0}))
    [row] = csv.DictReader((tmp_path / "efficiency.csv").read_text().splitlines())
    assert (row["dataset"], row["system"], row["p99_ms"], row["calls"]) == ("small", "a", "1234.5", "0")
    assert row["joules_per_query"] == row["peak_gpu"] == row["dollars"] == ""


def test_peak_memory_is_the_high_water_mark_in_bytes_or_none(tmp_path):
    (tmp_path / "status").write_text("Name:\tx\nVmHWM:\t    2048 kB\n")
    assert peak_memory(tmp_path / "status") == 2 << 20
    assert peak_memory(tmp_path / "none") is None


@pytest.fixture
def refusing(timed, experiment_file, served, tmp_path):
    """The file of an experiment, one of whose systems asks a server that refuses once quality is measured."""
    served.answer = lambda body, _: said("[1] > [2]") if not (tmp_path / "refuses").exists() else (401, {}, {})
    model = f"rankgpt:http:m?base_url={served.url}"
    text = experiment_file.read_text().replace("measures:", f"  asks: bm25 % 4 >> {model}\nmeasures:")
    experiment_file.write_text(text)
    return experiment_file


def timing_fails(monkeypatch, tmp_path, *, fails):
    """Has the server refuse as soon as a system is timed, or no more."""

    def marked(task):
        if fails:
            (tmp_path / "refuses").touch()
        return _timed(task)

    (tmp_path / "refuses").unlink(missing_ok=True)
    monkeypatch.setattr(efficiencies, "_timed", marked)


def test_a_system_that_cannot_be_timed_stands_there_with_its_reason_and_the_rest_is_published(
    refusing, tmp_path, monkeypatch, capsys
):
    timing_fails(monkeypatch, tmp_path, fails=True)
    with pytest.raises(SystemExit) as left:
        main(["run", str(refusing), "-o", str(tmp_path / "out")])
    screen = capsys.readouterr()
    assert left.value.code == 1
    assert "1 system could not be timed, first asks on small: " in screen.err
    assert "401" in screen.err
    assert "not timed" in screen.out
    folder = tmp_path / "out"
    for ending in ("txt", "md", "tex"):
        assert "not timed" in (folder / f"results.{ending}").read_text("utf-8")
    assert "not timed" in (folder / "report.html").read_text("utf-8")
    manifest, summary = (json.loads((folder / f"{name}.json").read_text()) for name in ("manifest", "results"))
    assert "401" in manifest["untimed"]["small"]["asks"]
    assert list(manifest["efficiency"]["small"]) == ["bm25"]
    assert "401" in summary["took"]["small"]["asks"]["untimed"]
    assert [row["system"] for row in csv.DictReader((folder / "efficiency.csv").read_text().splitlines())] == ["bm25"]


def test_the_next_start_times_what_could_not_be_timed(refusing, tmp_path, monkeypatch):
    timing_fails(monkeypatch, tmp_path, fails=True)
    execute(Experiment.read(refusing), tmp_path / "out")
    timing_fails(monkeypatch, tmp_path, fails=False)
    lines = []
    again = execute(Experiment.read(refusing), tmp_path / "out", say=lines.append)
    assert again.untimed == {"small": {}}
    assert list(again.efficiency["small"]) == ["bm25", "asks"]
    assert [line for line in lines if "timed" in line and line.startswith("small: bm25")]
    assert "untimed" not in json.loads((tmp_path / "out/manifest.json").read_text())
    assert "not timed" not in (tmp_path / "out/results.txt").read_text("utf-8")


def test_how_many_could_not_be_timed_is_said_with_the_first():
    refuse({"a": {}})
    with pytest.raises(RankifyError, match=r"^2 systems could not be timed, first s on a: why$"):
        refuse({"a": {"s": "why"}, "b": {"s": "too"}})


def test_a_dataset_on_which_every_system_failed_has_tables_of_what_failed(timed, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    results = execute(replace(timed, systems={"bm25": "bm25 % 20 >> broken"}), tmp_path / "out")
    assert results.efficiency == {"small": {}}
    assert grids(results) == []
    assert "the model is broken" in (tmp_path / "out/results.txt").read_text("utf-8")


def test_what_is_timed_ends_with_the_process_that_has_it_timed(timed, experiment_file, served, tmp_path):
    asked = tmp_path / "asked"

    def answer(body, _):
        with asked.open("a") as file:
            file.write("x")
        if len(asked.read_text()) > QUESTIONS:
            time.sleep(60)
        return said("[1] > [2]")

    served.answer = answer
    text = experiment_file.read_text().replace("bm25 % 20", f"bm25 % 4 >> rankgpt:http:m?base_url={served.url}")
    experiment_file.write_text(text)
    command = [sys.executable, "-m", "rankify", "run", str(experiment_file), "-o", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as started:
        until(lambda: asked.exists() and len(asked.read_text()) > QUESTIONS)
        below = children(started.pid)
        assert any(map(alive, below))
        os.kill(started.pid, signal.SIGKILL)
    until(lambda: not any(map(alive, below)))


QUESTIONS = 11  # of the small collection: the quality run asks once for each


def until(true):
    """Waits for something that has to become so."""
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
