"""Files that one process makes while others wait."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from rankify.io.locks import turn

HOLDS = """
import sys
from pathlib import Path
from rankify.io.locks import turn

with turn(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """A process whose turn it is."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path / "made")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def waiting(path):
    """A thread that asks for its turn, and what says that it has had it."""
    had = threading.Event()

    def ask():
        with turn(path):
            had.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread, had


def test_others_wait_until_the_turn_is_over(holder, tmp_path):
    thread, had = waiting(tmp_path / "made")
    assert not had.wait(0.3)
    holder.stdin.close()
    assert had.wait(10)
    thread.join()


def test_a_killed_process_holds_nobody_up(holder, tmp_path):
    thread, had = waiting(tmp_path / "made")
    assert not had.wait(0.1)
    os.kill(holder.pid, signal.SIGKILL)
    assert had.wait(10)
    thread.join()


def test_what_a_killed_process_left_is_used_again_and_goes(tmp_path):
    (tmp_path / ".made.lock").touch()
    with turn(tmp_path / "made"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_turn_for_another_file_does_not_wait(holder, tmp_path):
    thread, had = waiting(tmp_path / "other")
    assert had.wait(10)
    thread.join()


def test_a_turn_that_fails_is_over(tmp_path):
    with pytest.raises(ZeroDivisionError), turn(tmp_path / "new" / "made"):
        raise ZeroDivisionError
    thread, had = waiting(tmp_path / "new" / "made")
    assert had.wait(10)
    thread.join()
    assert list((tmp_path / "new").iterdir()) == []


def test_turns_never_overlap(tmp_path):
    """Also where a lock goes just as another asks for it."""
    inside, most = [], []

    def ask():
        for _ in range(50):
            with turn(tmp_path / "made"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (200, 1)


def test_who_waited_for_a_lock_that_went_has_the_next_one(holder, tmp_path):
    """The lock that it waited for is gone from the folder; whoever asks now waits for its own."""
    inside, leave = threading.Event(), threading.Event()

    def stay():
        with turn(tmp_path / "made"):
            inside.set()
            leave.wait(10)

    staying = threading.Thread(target=stay, daemon=True)
    staying.start()
    assert not inside.wait(0.3)
    holder.stdin.close()
    assert inside.wait(10)
    thread, had = waiting(tmp_path / "made")
    assert not had.wait(0.3)
    leave.set()
    assert had.wait(10)
    thread.join()
    staying.join()
