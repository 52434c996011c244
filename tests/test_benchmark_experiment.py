"""What the benchmark of killed experiments takes for a time, for finished, for done twice and for a moment of work."""

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks import experiment
from benchmarks.experiment_files import contents, differences, finished, indexing, rewritten, timeless
from benchmarks.experiment_starts import WORK, Start, fell, kind, moments, steps

RECORD = {"key": "k", "sha256": "h", "seconds": 1.0, "finished": "now", "remembered": 3, "built": {"bm25": 1.0},
          "stages": [{"stage": "rm3", "seconds": 2.0, "kept": True, "counts": {"kept": 4}}]}  # fmt: skip
PAGE = """<h2 id="table-1">a: 3 queries</h2><div><table><td>0.5</td></table></div>
<h2 id="table-2">a: where the time went</h2><div class="wide"><table><td>1.5</td>
</table></div><figure>
<h2 id="plot-1">a: effectiveness against cost</h2><svg>7.5</svg></figure><figure>
<h2>a: recall by depth</h2><svg>0.25</svg></figure>"""


def undated(name, said):
    return json.loads(timeless(Path(name), json.dumps(said).encode()))


@pytest.mark.parametrize("name", ["runs/a/base.json", "answers/a/base.json"])
def test_records_are_compared_without_when_how_long_and_by_which_start(name):
    assert undated(name, RECORD) == {
        "key": "k", "sha256": "h", "stages": [{"stage": "rm3", "counts": {"kept": 4}}]
    }  # fmt: skip


def test_other_records_are_compared_as_they_are():
    assert undated("tuned/a/base.json", RECORD) == undated("per-query/a.json", RECORD) == RECORD
    assert timeless(Path("runs/a/base.trec"), b"q 0 d 1 2.5 base") == b"q 0 d 1 2.5 base"


def test_the_manifest_is_compared_without_times_and_hashes_of_what_has_times():
    files = {
        "report.html": "1",
        "results.md": "2",
        "results.json": "3",
        "runs/a/base.trec": "4",
        "per-query/a.csv": "5",
    }
    said = {"key": "k", "started": "1", "finished": "2", "libraries": {}, "cells": [RECORD], "readings": [RECORD]}
    found = undated("manifest.json", {**said, "files": files})
    assert found["files"] == {**files, "report.html": "", "results.md": "", "results.json": ""}
    assert found["libraries"] == {}
    assert found["cells"] == found["readings"] == [undated("runs/a/base.json", RECORD)]
    assert not {"key", "started", "finished"} & {*found}


def test_the_summary_is_compared_without_what_it_took():
    assert undated("results.json", {"datasets": {"a": 1}, "took": {"a": 2}}) == {"datasets": {"a": 1}}


def test_tables_and_report_are_compared_without_seconds():
    text = timeless(Path("report.html"), PAGE.encode())
    assert [number in text for number in (b"0.5", b"1.5", b"7.5", b"0.25")] == [True, False, False, True]
    assert timeless(Path("results.md"), b"| 0.5 |\n### a: where the time went\n| 1.5 |") == b"| 0.5 |\n### a: "


def step(folder, *, seconds=1.0, score=0.5, counts=()):
    report = json.dumps([["bm25", seconds, dict(counts)]]).encode()
    np.savez(folder / "step.npz", scores=np.array([score]), reports=np.frombuffer(report, dtype=np.uint8))
    return timeless(Path("stages/a/step.npz"), (folder / "step.npz").read_bytes())


def test_steps_are_compared_without_seconds(tmp_path):
    assert step(tmp_path) == step(tmp_path, seconds=2.0)
    assert step(tmp_path) != step(tmp_path, score=0.25)
    assert step(tmp_path) != step(tmp_path, counts=[("kept", 1)])


def test_a_file_that_differs_or_lacks_is_named_with_its_place(tmp_path):
    for name, more in (("one", {}), ("two", {".bm25.lock": ""})):
        (tmp_path / name).mkdir()
        for file, text in {"a.csv": f"value of {name}", "b.csv": "same", **more}.items():
            (tmp_path / name / file).write_text(text)
    found = differences(contents(tmp_path / "one"), contents(tmp_path / "two"))
    assert [line.split(":")[0] for line in found] == [".bm25.lock", "a.csv"]
    assert "byte 9" in found[1]


@pytest.fixture
def folder(tmp_path):
    files = ["indexes/bm25/manifest.json", "indexes/bm25/postings/terms.txt", "tuned/a/base.json", "stages/a/1f.npz",
             "runs/a/base.trec", "runs/a/base.json", "answers/a/base.jsonl", "answers/a/base.json", "per-query/a.csv",
             "per-query/a.json", "results.md", "report.html", "manifest.json"]  # fmt: skip
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(file)
    return tmp_path


LAST = {
    "index bm25": "indexes/bm25/manifest.json", "tuning a/base": "tuned/a/base.json", "stage a/1f": "stages/a/1f.npz",
    "run a/base": "runs/a/base.json", "answers a/base": "answers/a/base.json", "measures a": "per-query/a.json",
    "publication": "manifest.json",
}  # fmt: skip


def test_what_is_finished_is_known_by_the_file_that_is_written_last(folder):
    assert finished(folder).keys() == LAST.keys()
    assert experiment.counted(finished(folder)) == dict.fromkeys(experiment.KINDS, 1)
    for file in LAST.values():
        (folder / file).unlink()
    assert finished(folder) == {}


@pytest.mark.parametrize(("unit", "file"), [
    *LAST.items(), ("index bm25", "indexes/bm25/postings/terms.txt"), ("run a/base", "runs/a/base.trec"),
    ("answers a/base", "answers/a/base.jsonl"), ("measures a", "per-query/a.csv"), ("publication", "report.html"),
])  # fmt: skip
def test_the_same_bytes_written_again_are_noticed(folder, unit, file):
    before = finished(folder)
    assert rewritten(before, finished(folder)) == []
    (folder / "again").write_bytes((folder / file).read_bytes())
    os.utime(folder / "again", ns=(0, (folder / file).stat().st_mtime_ns))
    (folder / "again").replace(folder / file)
    assert rewritten(before, finished(folder)) == [unit]
    again = finished(folder)
    os.utime(folder / file, ns=(0, 0))
    assert rewritten(again, finished(folder)) == [unit]
    (folder / file).unlink()
    assert rewritten(again, finished(folder)) == [unit]


def test_an_index_without_a_manifest_is_under_way(folder):
    assert not indexing(folder)
    (folder / "indexes" / ".bm25.lock").write_text("")
    assert not indexing(folder)
    (folder / "indexes" / "bm25" / "manifest.json").unlink()
    assert indexing(folder)


SAID = ["Opening a", "a: base: 1/1", "a: base", "a: read: 2/3", "a: tuned: tuning", "a: read: reading", "Opening a",
        "Evaluating a", "Writing tables and report"]  # fmt: skip


def test_every_kind_of_work_is_known_by_what_is_said():
    assert [kind(text) for text in SAID] == [
        "opening", "searching", None, "later steps", "tuning", "reading", "opening", "evaluating", "writing"
    ]  # fmt: skip
    assert {*map(kind, SAID)} == {*WORK, None}


def test_a_step_lasts_until_the_next_one_that_is_new():
    alone = Start(said=[(float(at), text) for at, text in enumerate(SAID)], seconds=10.0)
    assert [seconds for _, seconds in steps(alone)] == [1, 2, 1, 1, 2, 1, 2]


@pytest.mark.parametrize("kills", [3, 10])
def test_moments_are_in_order_in_each_kind_of_work_and_within_their_steps(kills):
    known = [(text, 2.0) for text in SAID if kind(text)]
    found = moments(known, kills, random.Random(1))
    assert found == sorted(found) == moments(known, kills, random.Random(1))
    assert len({kind(known[place][0]) for place, _ in found}) == min(kills, len(WORK))
    assert len(found) == kills
    many = moments(known, 500, random.Random(1))
    assert max(wait for place, wait in many if place < len(known) - 1) < 1.8
    assert 0.8 < max(wait for place, wait in many if place == len(known) - 1) < 1.0


def test_longer_steps_are_likelier():
    known = [("a: base: 1/1", 0.001), ("a: base: 2/2", 5.0), ("Writing tables", 0.001)]
    places = [place for place, _ in moments(known, 50, random.Random(1))]
    assert places.count(1) > 40


def test_where_a_kill_fell_is_what_each_process_began_last():
    said = [(0.0, text) for text in SAID[:5]]
    assert fell(Start(said=said), 1)["in"] == "a: tuned: tuning"
    assert fell(Start(said=said, indexing=True), 2)["in"] == "a: read: 2/3 and a: tuned: tuning, indexing"
    assert fell(Start(said=said, early=4), 1)["in"] == "a: read: 2/3, the end of it"
    assert fell(Start(said=[(0.0, "Opening /data/a/b")]), 1)["in"] == "Opening b"
    assert fell(Start(said=[(0.0, text) for text in SAID]), 2)["in"] == "Writing tables and report"


ROW = {"jobs": 1, "files": 9, "different": [], "undisturbed s": 1.0, "starts s": 2.0, "finished s": 1.0,
       "kills": [{"in": "a: base: 1/1", "s": 1.0, "finished": 0}], "wanted": 1, "there": {"run": 2}, "made": {"run": 2},
       "again": []}  # fmt: skip


@pytest.mark.parametrize(("change", "line"), [
    ({}, None),
    ({"different": ["a.csv: differs"]}, "a.csv: differs"),
    ({"again": ["run a/base was begun again"]}, "run a/base was begun again"),
    ({"kills": []}, "0 of 1 kills found it at work"),
    ({"made": {"run": 1}}, "run: 2 there, 1 after the kills"),
    ({"finished s": 3.0}, None),
    ({"finished s": 3.014}, "the finished experiment took 3.01 s to start, more than 3"),
])  # fmt: skip
def test_what_is_not_as_it_should_be_is_a_line(change, line):
    assert experiment.misses({**ROW, **change}) == ([f"1 jobs: {line}"] if line else [])


def test_what_is_begun_or_written_again_is_counted_by_its_kind(monkeypatch):
    monkeypatch.setattr(experiment, "units", lambda *_: {"a: base: 1/1": "stage a/1f"})
    first = Start(left={"stage a/1f": (("f", 1, 1),), "run a/base": (("g", 1, 1),)})
    same = Start(left=first.left, said=[(0.0, "a: other: 1/1")])
    assert experiment.again([first, same, first], Path(), Path()) == []
    other = Start(left={**first.left, "run a/base": (("g", 2, 1),)}, said=[(0.0, "a: base: 1/1")])
    found = experiment.again([first, other], Path(), Path())
    assert found == ["run a/base was written again", "stage a/1f was begun again"]
    there = dict.fromkeys(experiment.KINDS, 1)
    table = experiment.tables([{**ROW, "there": there, "made": there, "again": found}]).splitlines()
    assert table[0] == "|  | 1 process | again or different |"
    assert table[2] == "| indexes | 1 | 0 |"
    assert table[4:6] == ["| steps of pipelines | 1 | 1 |", "| runs | 1 | 1 |"]
    assert table[9:11] == ["| files | 9 | 0 |", "| seconds of a start with nothing to do | 1.0 |  |"]
    assert table[-1] == "| 1 | a: base: 1/1 | 0 |"
