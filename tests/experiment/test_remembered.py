"""Rerankers whose replies were there already: they count as they did at first, and their seconds are marked."""

import json
import re

import numpy as np
import pytest

from benchmarks.experiment_files import timeless
from rankify.experiment.beginnings import REMEMBERED
from rankify.experiment.efficiencies import _counted
from rankify.experiment.execute import execute
from rankify.experiment.tables import costs
from tests.experiment.conftest import said


@pytest.fixture
def systems(served):
    """Two systems whose rerankers ask the same."""
    served.answer = lambda body, _: said("[2] > [1] > [3] > [4]")
    reranker = f"rankgpt:http:m?base_url={served.url}&parallel=1"
    return {"first": "bm25 % 4", "llm": f"bm25 % 4 >> {reranker}", "same": f"bm25?k1=0.9001 % 4 >> {reranker}"}


def stages(results, system):
    return results.cells["songs"][system]["stages"]


def test_systems_that_share_replies_count_the_same_and_only_who_asked_has_seconds(experiment, systems, tmp_path):
    found = execute(experiment(systems, "RR@10"), tmp_path / "out")
    [_, llm], [_, same] = (stages(found, system) for system in ("llm", "same"))
    assert llm["counts"] == same["counts"]
    assert (llm["counts"]["passes"], llm["remembered"], same["remembered"]) == (6, 0, 6)
    assert "remembered" not in llm["counts"]
    each = {system: _counted(cell, None, 6) for system, cell in found.cells["songs"].items()}
    assert [each[system]["queries_per_second"] is None for system in systems] == [False, False, True]
    grid = costs(found, "songs")
    starred = [name for name, [entry] in grid.rows if entry.text.endswith("*")]
    assert len(starred) == 1
    assert starred[0].startswith("same: rankgpt")
    assert "without the replies that were there already" in grid.note
    [caption] = re.findall(r"No system is both cheaper[^<]*", (tmp_path / "out/report.html").read_text("utf-8"))
    assert "Not drawn, since replies were there already and took no time: same." in caption


def test_a_run_that_is_taken_up_counts_as_one_that_was_not_and_says_what_was_there(experiment, systems, tmp_path):
    asked = experiment({"llm": systems["llm"]}, "RR@10")
    before = stages(execute(asked, tmp_path / "out"), "llm")[1]
    for file in [*(tmp_path / "out/runs/songs").iterdir(), *(tmp_path / "out/stages/songs").glob("*.npz")]:
        file.unlink()
    after = stages(execute(asked, tmp_path / "out"), "llm")[1]
    assert after["counts"] == before["counts"]
    assert (before["remembered"], after["remembered"]) == (0, 6)


def test_a_system_that_begins_like_one_with_remembered_replies_says_so_too(experiment, systems, tmp_path):
    more = {**systems, "longer": f"{systems['same']} >> rm3(bm25) % 3"}
    found = execute(experiment(more, "RR@10"), tmp_path / "out")
    assert [stage["remembered"] for stage in stages(found, "longer")] == [0, 6, 0]
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert [s["remembered"] for s in manifest["cells"][3]["stages"]] == [0, 6, 0]


def test_a_reader_that_asks_what_another_asked_in_the_same_start_says_so(experiment, served, tmp_path):
    reader = f"basic:http:m?base_url={served.url}"
    systems = dict.fromkeys(("read", "same"), f"bm25 % 4 >> {reader}")
    read, same = execute(experiment(systems), tmp_path / "out").readings["songs"].values()
    assert (read["remembered"], same["remembered"]) == (0, 6)
    assert read["counts"] == same["counts"]


def test_stages_are_alike_whatever_was_there_already(tmp_path):
    held = []
    for counts in ({"asked": 6.0}, {"asked": 6.0, REMEMBERED: 6}, {"asked": 5.0}):
        file = tmp_path / "stage.npz"
        np.savez(file, reports=np.frombuffer(json.dumps([["rankgpt", 1.0, counts]]).encode(), dtype=np.uint8))
        held.append(timeless(file, file.read_bytes()))
    assert held[0] == held[1] != held[2]
