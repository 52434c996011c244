"""What the benchmarks on the research collections do with their rows."""

import json
import subprocess
import sys

import pytest

from benchmarks import command


@pytest.fixture
def _data(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "DATA", tmp_path)


def measured(collection, options):
    return [{"collection": collection, "value": number} for number in (1, 2)]


def report(*words):
    return command.reported(
        command.parser("", check="when a value is 2").parse_args(words), measured,
        shown=lambda rows: sys.stdout.write(f"{len(rows)}\n"),
        lines=lambda rows: [["collection", "value"], *([row["collection"], str(row["value"])] for row in rows)],
        missed=lambda rows: [f"{row['collection']}: 2" for row in rows if row["value"] == 2],
    )  # fmt: skip


@pytest.mark.usefixtures("_data")
@pytest.mark.parametrize(("words", "code"), [((), 0), (("--check",), 1)])
def test_what_is_missed_is_said_and_fails_a_check(words, code, capsys):
    assert report("--collections", "a", "b", *words) == code
    out, err = capsys.readouterr()
    assert (out, err) == ("4\n", "a: 2\nb: 2\n")


@pytest.mark.usefixtures("_data")
def test_rows_become_json_and_markdown(tmp_path, capsys):
    report("--collections", "a", "--json", "--markdown", str(tmp_path / "table.md"))
    assert json.loads(capsys.readouterr().out) == {"results": [*measured("a", None)]}
    assert (tmp_path / "table.md").read_text("utf-8") == "| collection | value |\n| a | 1 |\n| a | 2 |\n"


def test_without_the_data_nothing_is_measured(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "DATA", tmp_path / "none")
    assert report() == 1
    assert f"needs the research data in {tmp_path / 'none'}" in capsys.readouterr().err


def test_peak_memory_is_that_of_the_process_and_not_of_the_one_that_started_it():
    held = bytearray(300_000_000)
    held[::4096] = b"1" * len(held[::4096])
    small = "from benchmarks.command import peak_memory; print(peak_memory())"
    child = subprocess.run([sys.executable, "-c", small], capture_output=True, text=True, check=True)
    large = small.replace("; ", "; held = bytearray(b'1') * 300_000_000; ")
    other = subprocess.run([sys.executable, "-c", large], capture_output=True, text=True, check=True)
    assert command.peak_memory() > 300_000_000
    assert int(child.stdout) < 300_000_000 < int(other.stdout)
