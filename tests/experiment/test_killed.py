"""An experiment that is killed over and over: once before each file that it writes, and in the middle of its steps."""

import json
import os
import random
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import experiment
from benchmarks.experiment_files import contents, differences, finished, rewritten
from benchmarks.experiment_starts import kind
from rankify.experiment import Experiment
from rankify.experiment.execute import execute

ROOT = Path(__file__).parents[2]
TEXT = """datasets: [songs, more]
systems:
  base: bm25 % 9
  fed: bm25 % 9 >> rm3(bm25) % 5
  read: bm25 % 9 >> rm3(bm25) % 5 >> extractive
measures: RR@10 EM
"""
# Each start is a fork of a process that has imported everything: it dies when the first file is about to appear that no
# start before it has been about to write. Files appear by taking the place of their name (rankify.io.files).
DYING = """
import json, os, signal, sys
from pathlib import Path
import ir_measures, jinja2, matplotlib.backends.backend_svg, matplotlib.figure, pandas, pyarrow.parquet, scipy.stats
import rankify.indexes.kernels, rankify.rag.extractive, rankify.retrieve.rm3
from benchmarks.experiment_files import finished
from rankify.experiment import Experiment
from rankify.experiment.execute import execute

file, folder, met, written = map(Path, sys.argv[1:])
asked, known, alone = Experiment.read(file), set(), False
replace = Path.replace

def first(part, path):
    name = path.name if path.parent.name.startswith("postings-") else str(path)  # once for both indexes
    with met.open("a") as names: names.write(f"{name}\\n")
    if name not in known: os.kill(os.getpid(), signal.SIGKILL)
    with written.open("a") as names: names.write(f"{path}\\n")
    return replace(part, path)

while True:
    own = os.fork()
    if not own:
        Path.replace = first
        execute(asked, folder, parquet=True)
        os._exit(0)
    _, status = os.waitpid(own, 0)
    print(json.dumps({"status": status, "left": finished(folder)}), flush=True)
    known = {*met.read_text().splitlines()}
    if alone and not os.WIFSIGNALED(status): break
    alone = not os.WIFSIGNALED(status)
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """An experiment of three systems on two small collections that differ."""
    from tests.experiment.conftest import songs_in

    folder = tmp_path_factory.mktemp("experiment")
    songs_in(folder / "songs")
    shutil.copytree(folder / "songs", folder / "more")
    with (folder / "more" / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": "m", "title": "", "text": "Of one song more nothing is known."}\n')
    (folder / "killed.yaml").write_text(TEXT)
    return folder / "killed.yaml"


@pytest.fixture(scope="module")
def starts(file):
    """What each start left, until two ended by themselves; the files as they appeared, of all starts."""
    folder, (met, written) = file.parent, (file.parent / name for name in ("met", "written"))
    (folder / "dying").mkdir()
    command = [sys.executable, "-c", DYING, str(file), "out", str(met), str(written)]
    done = subprocess.run(
        command, cwd=folder / "dying", env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    (folder / "whole").mkdir()
    return [json.loads(line) for line in done.stdout.splitlines()], written.read_text().splitlines()


def test_killed_before_each_of_its_files_it_leaves_the_bytes_of_one_that_was_not(starts, file, monkeypatch):
    ended, written = starts
    assert [one["status"] for one in ended[-3:]] == [9, 0, 0]
    assert len(ended) == len({*written}) + 2 - 6 > 40  # and the last two; both indexes have six files of postings
    monkeypatch.chdir(file.parent / "whole")
    execute(Experiment.read(file), Path("out"), parquet=True)
    assert differences(contents(Path("out")), contents(file.parent / "dying" / "out")) == []


def test_nothing_that_was_finished_at_a_kill_is_written_again(starts):
    ended, written = starts
    for one, later in pairwise(ended):
        assert rewritten(one["left"], later["left"]) == []
    finishing = [name for name in written if name.endswith((".npz", ".json")) and "results" not in name]
    assert len(finishing) == len({*finishing})


@pytest.mark.slow
def test_killed_in_the_middle_of_steps_by_several_processes_it_does_nothing_twice(file):
    row = experiment.row(file, 2, 3, random.Random(2))
    assert len(row["kills"]) == 3
    assert experiment.misses(row) == []
    assert row["there"] == {
        "index": 2, "tuning": 0, "stage": 4, "run": 6, "answers": 2, "measures": 2, "publication": 1
    }  # fmt: skip
    names = experiment.units(file, file.parent / "whole-2" / "out")
    left = finished(file.parent / "whole-2" / "out")
    assert {unit for unit in names.values() if unit.startswith("stage")} == {u for u in left if u.startswith("stage")}
    assert names["songs: fed: 1/2"] == names["songs: base: 1/1"] == names["songs: read: 1/3"]
    assert names["more: read: reading"] == "answers more/read" in left
    said = {text for kill in row["kills"] for text in kill["in"].partition(",")[0].split(" and ")}
    assert {text for text in said if kind(text) in ("searching", "later steps", "reading")} <= {*names}
