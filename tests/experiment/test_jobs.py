"""Systems in several processes: the same results, nothing done twice, and no process that outlives its work."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rankify.errors import BadInput, Misuse
from rankify.experiment import Experiment, jobs
from rankify.experiment.execute import execute
from rankify.experiment.opening import opened
from rankify.experiment.progress import Stand, Told
from rankify.experiment.systems import Work
from tests.experiment.test_execute import same_every_time

SYSTEMS = {
    "base": "bm25 % 20",
    "again": "bm25 % 20 >> rm3(bm25) % 10",
    "read": "bm25 % 20 >> rm3(bm25) % 10 >> extractive",
    "tuned": "bm25?k1=2.0&b=0.9 % 20",
}


@pytest.fixture(scope="module")
def spread(tmp_path_factory):
    """An experiment by two processes and by one, and what the two told."""
    from tests.experiment.conftest import songs_in

    folder = tmp_path_factory.mktemp("spread")
    songs_in(folder / "songs")
    shutil.copytree(folder / "songs", folder / "more")
    said = {"datasets": [str(folder / "songs"), str(folder / "more")], "systems": SYSTEMS, "measures": "RR@10 EM"}
    experiment = Experiment.of({**said, "name": "spread"})
    lines, stands = [], []
    two = execute(experiment, folder / "two", say=lines.append, watch=stands.append, jobs=2)
    return experiment, two, execute(experiment, folder / "one"), lines, stands


def test_several_processes_leave_the_bytes_that_one_leaves(spread):
    _, two, one, *_ = spread
    assert same_every_time(two.folder) == same_every_time(one.folder)
    assert two.means() == one.means()
    assert two.answers == one.answers


def test_a_beginning_is_done_once_whatever_process_needs_it(spread):
    """Kept stages say how often each was done: three systems begin alike, and two of them go on alike."""
    _, two, *_ = spread
    for row in two.cells.values():
        done = [stage["stage"] for cell in row.values() for stage in cell["stages"] if not stage["kept"]]
        assert len(done) == len({*done}) == 3


def test_processes_tell_what_they_do(spread):
    experiment, _, _, lines, stands = spread
    assert lines[0].startswith("2 processes, each with ")
    assert sum(" took " in line for line in lines) == 8
    for dataset in experiment.datasets:
        of = [stand for stand in stands if (stand.dataset, stand.system) == (dataset, "read")]
        assert of[0] == Stand(dataset, "read", "running")
        assert {stand.said for stand in of if stand.state == "running"} >= {"reading"}
        assert [stand.state for stand in of if stand.state != "running"] == ["done", "done"]
        assert of[-1].said == "1.0000"


def test_the_steps_of_a_system_are_told(experiment_file, tmp_path):
    text = experiment_file.read_text().replace("bm25?k1=2.0&b=0.9 % 20", "bm25?k1=2.0 % 20 >> rm3(bm25) >> extractive")
    experiment_file.write_text(text)
    told = []
    execute(Experiment.read(experiment_file), tmp_path / "out", watch=told.append)
    assert [(s.state, s.said) for s in told if s.system == "tuned"][:-1] == [
        ("running", ""), ("running", "1/3"), ("running", "2/3"), ("running", "reading"), ("done", ""),
    ]  # fmt: skip
    told.clear()
    execute(Experiment.read(experiment_file), tmp_path / "out", watch=told.append)
    assert [s.state for s in told if s.system == "tuned"] == ["kept", "done"]


def test_what_is_finished_needs_no_process(spread, monkeypatch):
    experiment, two, *_ = spread
    monkeypatch.setattr(jobs, "get_context", None)
    lines = []
    execute(experiment, two.folder, say=lines.append, jobs=2)
    assert all(line.endswith("kept") for line in lines)


def test_only_what_is_left_goes_to_processes(spread):
    experiment, two, *_ = spread
    (two.folder / "runs" / "more" / "tuned.json").unlink()
    lines = []
    execute(experiment, two.folder, say=lines.append, jobs=2)
    assert [line.partition(",")[0] for line in lines if "process" in line] == ["1 processes"]
    assert [line.split(" took")[0] for line in lines if " took " in line] == ["more: tuned"]


def test_no_jobs_are_refused(experiment_file, tmp_path):
    with pytest.raises(Misuse, match="jobs=0"):
        execute(Experiment.read(experiment_file), tmp_path / "out", jobs=0)
    assert not (tmp_path / "out").exists()


def works(experiment, folder):
    found = opened(experiment, Told().step)
    return {label: Work(experiment, folder, label, *one, {}) for label, one in found.items()}


def test_systems_that_begin_otherwise_come_first(spread, tmp_path):
    experiment, *_ = spread
    order = jobs._order(works(experiment, tmp_path))
    assert order[:4] == [("songs", s) for s in ("base", "tuned", "again", "read")]
    assert [label for label, _ in order] == ["songs"] * 4 + ["more"] * 4


def test_a_dataset_that_changed_meanwhile_is_refused(experiment_file, collection, tmp_path):
    experiment = Experiment.read(experiment_file)
    abouts = {label: work.about for label, work in works(experiment, tmp_path).items()}
    assert jobs.Task(experiment, tmp_path, abouts).work("small").label == "small"
    with (collection / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": "more", "text": "date"}\n')
    with pytest.raises(BadInput, match="dataset small: it has changed since"):
        jobs.Task(experiment, tmp_path, abouts).work("small")


def test_threads_are_shared_out_where_the_environment_does_not_say(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with jobs._limited(3):
        assert (os.environ["OMP_NUM_THREADS"], os.environ["NUMBA_NUM_THREADS"]) == ("7", "3")
    assert "NUMBA_NUM_THREADS" not in os.environ


SPREAD = """
import sys
from pathlib import Path
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
if __name__ == "__main__":
    file, folder = map(Path, sys.argv[1:])
    execute(Experiment.read(file), folder, watch=lambda one: print(one.state, flush=True), jobs=2)
"""


@pytest.fixture
def slow(experiment_file, served, collection):
    """Two systems that ask a server which never answers."""
    served.answer = lambda body, _: time.sleep(60)
    system = f"bm25 % 4 >> rankgpt:http:m?base_url={served.url}"
    experiment_file.write_text(
        f"datasets: [small]\nsystems: {{a: '{system}', b: '{system}&window=4&step=2'}}\nmeasures: RR@10\n"
    )
    return experiment_file


def children(pid):
    """The processes that a process started, and those that these started."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    above = dict(zip(map(int, listed[::2]), map(int, listed[1::2]), strict=True))
    found = {own for own, parent in above.items() if parent == pid}
    return found | {one for own in found for one in children(own)}


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT, "a process"])
def test_no_process_outlives_its_experiment(slow, tmp_path, ending):
    (tmp_path / "spread.py").write_text(SPREAD)
    command = [sys.executable, str(tmp_path / "spread.py"), str(slow), str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        for _ in range(2):
            assert started.stdout.readline() == "running\n"
        below = children(started.pid)
        assert len(below) >= 2
        if ending == "a process":
            workers = [p for p in below if "spawn_main" in Path(f"/proc/{p}/cmdline").read_text()]
            os.kill(max(workers), signal.SIGKILL)
        else:
            os.kill(started.pid, ending)
        _, errors = started.communicate(timeout=30)
    deadline = time.monotonic() + 20
    while any(map(alive, below)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, below))
    if ending == "a process":
        assert "RankifyError: a process of the experiment ended before" in errors
