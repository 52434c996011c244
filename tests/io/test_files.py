"""Files: written whole or not at all, read with the line in every complaint."""

import errno
import gzip
import os
import subprocess
import sys

import pytest

from rankify.errors import BadInput, RankifyError
from rankify.io.files import filled, lines, writing

TEXT = "one\nзwei\r\nthree\r\x0b\x85 still three\n"


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "new/folders/a.txt"])
def test_what_is_written_is_read(tmp_path, name):
    with writing(tmp_path / name) as file:
        file.write(TEXT)
    assert list(lines(tmp_path / name)) == [(1, "one"), (2, "зwei"), (3, "three\r\x0b\x85 still three")]


def test_a_name_in_gz_is_compressed_and_the_same_content_gives_the_same_bytes(tmp_path):
    for name in ("a.gz", "b.gz"):
        with writing(tmp_path / name) as file:
            file.write(TEXT)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).decode() == TEXT
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert (tmp_path / "a.gz").read_bytes()[4:8] == bytes(4)  # no time of writing


@pytest.mark.parametrize("name", ["a.bin", "a.bin.gz"])
def test_bytes_can_be_written(tmp_path, name):
    with writing(tmp_path / name, binary=True) as file:
        file.write(b"\xff\x00")
    opened = gzip.open if name.endswith("gz") else open
    with opened(tmp_path / name, "rb") as file:
        assert file.read() == b"\xff\x00"


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt()])
def test_a_failing_block_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(type(error)):  # noqa: SIM117, PT012
        with writing(tmp_path / "a.txt") as file:
            file.write("new")
            raise error
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "old"}


def test_a_killed_process_leaves_no_final_file(tmp_path):
    code = (
        "import os, sys; from rankify.io.files import writing\n"
        "with writing(sys.argv[1]) as file:\n    file.write('half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.txt")], check=False)
    assert done.returncode == -9
    assert not (tmp_path / "a.txt").exists()


def test_a_full_disk_is_one_line_with_the_file_and_the_way_out(tmp_path):
    with pytest.raises(RankifyError) as raised, writing(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert str(raised.value) == (
        f"cannot write {tmp_path / 'a.txt'}: No space left on device; free some space and run again"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_while_the_last_bytes_are_flushed_leaves_nothing(tmp_path):
    code = (
        "import resource, signal, sys; from rankify.io.files import writing\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with writing(sys.argv[1]) as file:\n    file.write('x' * 1500)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.txt")], capture_output=True, text=True, check=False
    )
    assert f"RankifyError: cannot write {tmp_path / 'a.txt'}: File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_made_for_a_file_that_fails_is_taken_away(tmp_path):
    with pytest.raises(KeyError), writing(tmp_path / "a" / "b" / "c.txt"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["target.txt", "not there.txt"])
def test_behind_a_symbolic_link_its_target_is_written(tmp_path, name):
    (tmp_path / "target.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / name)
    with writing(tmp_path / "link.txt") as file:
        file.write("new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / name).read_text() == "new"
    assert len(list(tmp_path.iterdir())) == (2 if name == "target.txt" else 3)


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_pipe_is_written_to_and_stays_one(tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True)
    with writing(tmp_path / name) as file:
        file.write("through")
    assert reader.communicate(timeout=20)[0] == "through"
    assert (tmp_path / "pipe").is_fifo()


def test_what_a_process_has_open_is_written_to(tmp_path):
    """As /dev/stdout is when a shell sends it into a file."""
    code = "import sys; from rankify.io.files import writing\nwith writing(sys.argv[1]) as f:\n    f.write('x')"
    with (tmp_path / "out").open("w") as out:
        (tmp_path / "link").symlink_to(f"/proc/self/fd/{out.fileno()}")
        command = [sys.executable, "-c", code, tmp_path / "link"]
        subprocess.run(command, pass_fds=[out.fileno()], check=True)
        assert os.fstat(out.fileno()).st_ino == (tmp_path / "out").stat().st_ino
    assert (tmp_path / "out").read_text() == "x"


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RankifyError, match=r"cannot write .*file/a\.txt: "), writing(tmp_path / "file" / "a.txt"):
        pass


def test_half_a_character_is_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(BadInput, match="half a character"), writing(tmp_path / "a.txt") as file:
        file.write("\ud83d")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"fine\nfine\nb\xe4d\n", "a.txt", r"a\.txt:3: not UTF-8"),
        (gzip.compress(b"b\xe4d", mtime=0), "a.txt.gz", r"a\.txt\.gz:1: not UTF-8"),
        (b"plain", "a.gz", "cannot read .*a.gz: Not a gzipped file"),
        (gzip.compress(b"text" * 99, mtime=0)[:-20], "a.gz", "cannot read .*a.gz: "),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path, content, name, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=message):
        list(lines(tmp_path / name))


def test_a_missing_file_is_named_with_its_neighbours(tmp_path):
    (tmp_path / "run.trec.gz").touch()
    with pytest.raises(BadInput, match=r"no file .*run\.trec; its folder has run\.trec\.gz"):
        list(lines(tmp_path / "run.trec"))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"there is no folder .*nowhere"):
        list(lines(tmp_path / "nowhere" / "a.txt"))


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(BadInput, match=r"cannot read .*: Is a directory"):
        list(lines(tmp_path))


def test_a_byte_order_mark_is_dropped(tmp_path):
    (tmp_path / "a.txt").write_bytes("\ufeffone".encode())
    assert list(lines(tmp_path / "a.txt")) == [(1, "one")]


def test_empty_lines_may_stand_at_the_end_only(tmp_path):
    (tmp_path / "end.txt").write_text("one\ntwo\n\n \n")
    (tmp_path / "middle.txt").write_text("one\n\ntwo\n")
    assert list(filled(tmp_path / "end.txt", "a word")) == [(1, "one"), (2, "two")]
    with pytest.raises(BadInput, match=r"middle\.txt:2: an empty line; a line is a word"):
        list(filled(tmp_path / "middle.txt", "a word"))
