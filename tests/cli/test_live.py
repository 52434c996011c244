"""What a terminal shows of an experiment that runs."""

import io
import json

import pytest
from rich.console import Console

from rankify.cli.live import Board, watched
from rankify.cli.screen import Screen
from rankify.experiment import Experiment
from rankify.experiment.progress import Stand

FIRST = [
    Stand("d1", "a", "kept"), Stand("d2", "a", "failed", "no such model"), Stand("d1", "b", "running"),
    Stand("d1", "b", "running", "2/3"), Stand("d2", "b", "done"), Stand("d2", "b", "done", "0.1234"),
]  # fmt: skip


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def board(systems=("a", "b"), datasets=("d1", "d2", "d3"), stands=FIRST):
    clock = Clock()
    made = Board(systems, datasets, "RR@10", clock)
    for stand in stands:
        made.watch(stand)
    clock.now += 75
    return made


def shown(made, width=80, height=24):
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(made)
    return [line.split() for line in console.file.getvalue().splitlines() if line.strip()]


def test_a_cell_says_where_its_system_stands():
    lines = shown(board())
    assert lines[0] == ["system", "d1", "d2", "d3"]
    assert lines[2:4] == [["a", "kept", "failed", "waiting"], ["b", "2/3", "1:15", "0.1234", "waiting"]]


def test_the_last_line_counts_and_names_the_measure():
    made = board()
    with made.step("Evaluating d2"):
        assert " ".join(shown(made)[-1]) == "2 of 6 done · 1 failed · RR@10 · 1:15 · Evaluating d2"
    assert " ".join(shown(made)[-1]) == "2 of 6 done · 1 failed · RR@10 · 1:15"
    assert " ".join(shown(board(stands=FIRST[:1]))[-1]) == "1 of 6 done · 1:15"


def test_seconds_are_those_since_the_system_began_there():
    made = board(stands=[Stand("d1", "a", "running")])
    made.watch(Stand("d1", "a", "running", "1/2"))
    made.clock.now += 5
    made.watch(Stand("d1", "a", "running", "2/2"))
    assert shown(made)[2] == ["a", "2/2", "1:20", "waiting", "waiting"]


@pytest.mark.parametrize("width", [30, 45, 80, 200])
def test_it_is_no_wider_than_the_terminal(width):
    console = Console(file=io.StringIO(), width=width, height=24)
    made = board(("a" * 60, "b"), [f"dataset-{n}" for n in range(12)], [Stand("dataset-3", "b", "running", "1/2")])
    console.print(made)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 7  # none is folded


def test_where_the_datasets_have_no_room_a_system_counts_them():
    lines = shown(board(stands=[*FIRST, Stand("d3", "b", "running", "tuning")]), width=50)
    assert lines[0] == ["system", "done", "now"]
    assert " ".join(lines[2]) == "a 1/3 d2 failed"
    assert " ".join(lines[3]) == "b 1/3 d1 2/3 1:15, d3 tuning 1:15"


def test_where_the_systems_have_no_room_those_that_run_are_shown():
    systems = [f"s{n}" for n in range(9)]
    stands = [Stand("d", f"s{n}", "done", "0.5") for n in range(5)] + [Stand("d", "s5", "running")]
    lines = shown(board(systems, ["d"], stands), height=9)
    assert [line[0] for line in lines[2:5]] == ["s5", "s6", "s7"]
    assert lines[5] == ["and", "6", "more"]
    assert len(lines) <= 9


def test_names_are_texts_whatever_they_look_like():
    assert shown(board(["[bold]x[/bold]"], ["[d]"], []))[2][0] == "[bold]x[/bold]"


@pytest.fixture
def experiment(collection):
    return Experiment.of({"datasets": [str(collection)], "systems": {"bm25": "bm25"}, "measures": "RR"})


def test_nobody_at_a_terminal_gets_lines(experiment, capsys):
    screen = Screen()
    with watched(screen, experiment) as told:
        told["say"]("a line")
        told["watch"](Stand("d", "bm25", "done"))
    assert capsys.readouterr().err == "a line\n"


def test_a_terminal_gets_a_table_that_goes(experiment, collection, monkeypatch):
    screen, written = Screen(), io.StringIO()
    screen.err = Console(file=written, force_terminal=True, width=80, height=24, stderr=True)
    with watched(screen, experiment) as told:
        told["say"]("a line")
        told["watch"](Stand(collection.name, "bm25", "done", "0.5"))
    assert "a line" not in written.getvalue()
    assert "0.5" in written.getvalue()
    assert "\x1b[2K" in written.getvalue()[-60:]  # it was wiped out in the end


@pytest.mark.parametrize("jobs", [1, 2])
def test_run_takes_jobs(rankify, collection, tmp_path, jobs):
    file = tmp_path / "small.yaml"
    file.write_text(f"datasets: [{collection}]\nsystems: {{a: bm25, b: 'bm25?k1=2'}}\nmeasures: RR\n")
    code, out, err = rankify("run", file, "-o", tmp_path / "out", "--jobs", jobs, "--json")
    assert (code, json.loads(out)["scores"].keys()) == (0, {collection.name})
    assert ("2 processes" in err) == (jobs == 2)


def test_no_jobs_are_misuse(rankify, tmp_path):
    (tmp_path / "small.yaml").write_text("")
    assert rankify("run", tmp_path / "small.yaml", "--jobs", "0")[0] == 2
