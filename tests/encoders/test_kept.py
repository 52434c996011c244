"""What is made once and kept: whole or not at all, whoever is killed, whatever is damaged."""

import os
import signal
import subprocess
import sys

import pytest

from rankify.encoders.runtimes.kept import kept
from rankify.errors import RankifyError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path))
    return tmp_path


class Maker:
    """Writes a file, and counts how often it is asked to."""

    def __init__(self, text="made"):
        self.text, self.times = text, 0

    def __call__(self, folder):
        self.times += 1
        (folder / "file").write_text(self.text)


def test_it_is_made_once_for_a_key():
    make = Maker()
    first, second = (kept("things", {"a": 1, "b": [2]}, make) for _ in range(2))
    assert first == second
    assert (first / "file").read_text() == "made"
    assert make.times == 1


def test_another_key_is_another_thing():
    one, two = (kept("things", {"a": a}, Maker(str(a))) for a in (1, 2))
    assert ((one / "file").read_text(), (two / "file").read_text()) == ("1", "2")


DAMAGES = {
    "changed": ("file", "mode"),
    "cut": ("file", "m"),
    "manifest": ("manifest.json", "{"),
    "gone": ("file", None),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_again(damage, caplog):
    make = Maker()
    folder, (name, content) = kept("things", {"a": 1}, make), DAMAGES[damage]
    (folder / name).unlink() if content is None else (folder / name).write_text(content)
    assert (kept("things", {"a": 1}, make) / "file").read_text() == "made"
    assert make.times == 2
    assert "is damaged and is made again" in caplog.text


def test_a_failure_leaves_nothing(cache):
    def fail(folder):
        (folder / "file").write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept("things", {"a": 1}, fail)
    assert not [path for path in cache.rglob("*") if path.is_file()]


CHILD = """
import os, signal, sys, time
from rankify.encoders.runtimes.kept import kept

def make(folder):
    (folder / "file").write_text("half")
    print("making", flush=True)
    if sys.argv[1] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.readline()
    (folder / "file").write_text("by the first")

kept("things", {"a": 1}, make)
"""


def test_a_killed_process_costs_only_what_it_was_making():
    done = subprocess.run([sys.executable, "-c", CHILD, "kill"], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    make = Maker("by the second")
    folder = kept("things", {"a": 1}, make)
    assert (folder / "file").read_text() == "by the second"
    assert [path.name for path in folder.parent.iterdir()] == ["whole"]


def test_a_second_process_waits_for_the_first():
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", CHILD, "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ},
        )
        for _ in range(2)
    )  # fmt: skip
    for process in (first, second):
        process.stdin.write("go on\n")
        process.stdin.flush()
    said = first.communicate()[0] + second.communicate()[0]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said == "making\n"


def test_a_cache_that_cannot_be_written_says_the_way_out(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(RankifyError, match=r"cannot write .*; set RANKIFY_CACHE to a folder that can be written"):
        kept("things", {"a": 1}, Maker())
