"""`rankify submit beir` on runs and metadata that somebody broke: one line, exit code not 0, and nothing is written."""

import gzip
import os

import pytest

from tests.cli.conftest import rankify
from tests.experiment.submission.conftest import METADATA

__all__ = ["rankify"]  # a fixture


@pytest.fixture
def submit(rankify, runs, said, data, tmp_path):
    def made(change):
        change(runs, said)
        words = ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]
        code, out, err = rankify(*words)
        assert (code in (1, 2), out) == (True, "")
        assert not (tmp_path / "mine.zip").exists()
        return err

    return made


def zipped(change):
    """The run compressed, and then changed."""

    def made(runs, said):
        plain = runs / "scifact.trec"
        plain.with_name("scifact.trec.gz").write_bytes(change(gzip.compress(plain.read_bytes())))
        plain.unlink()

    return made


def instead(make):
    """Something else in the place of the run."""

    def made(runs, said):
        (runs / "scifact.trec").unlink()
        make(runs / "scifact.trec")

    return made


def metadata(old, new):
    return lambda runs, said: said.write_text(METADATA.replace(old, new), "utf-8")


LAUGHS = "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in ("ab", "bc", "cd", "de"))
BROKEN = {
    "cut off": (zipped(lambda b: b[:-12]), "scifact.trec.gz: is no whole gzip file (Compressed file ended"),
    "not compressed": (zipped(lambda b: b"plain"), "scifact.trec.gz: is no whole gzip file (Not a gzipped file"),
    "a bit": (zipped(lambda b: b[:14] + bytes([b[14] ^ 255]) + b[15:]), "scifact.trec.gz: is no whole gzip file"),
    "twice": (lambda runs, said: (runs / "scifact.txt").write_text("x"), "both of scifact; keep one, or name one with"),
    "a link to nothing": (instead(lambda path: path.symlink_to("nowhere")), "scifact.trec is no file but a folder"),
    "a folder": (instead(lambda path: path.mkdir()), "scifact.trec is no file but a folder"),
    "a pipe": (instead(os.mkfifo), "scifact.trec is no file but a folder"),
    "a mark": (lambda runs, said: (runs / "scifact.trec").write_bytes(b"\xef\xbb\xbfx"), "scifact.trec:1: starts with"),
    "deep": (metadata("some/model", "[" * 20_000), "meta.yaml: not YAML: brackets without end; see"),
    "a date": (metadata("abc123", "2024-01-01"), "meta.yaml: revision: 2024-01-01 is not a text, e.g. "),
    "twice a key": (metadata("contact", "model: a\ncontact"), "meta.yaml:7: two entries are called 'model'"),
    "a list as a key": (metadata("contact", "? [a]\n: x\ncontact"), "meta.yaml:7: not YAML: found unhashable key"),
    "NaN": (metadata("1.5", ".nan"), "meta.yaml: latency: .nan is not a number above 0, e.g. 12.5"),
    "two files": (metadata("contact", "---\ncontact"), "meta.yaml:7: not YAML: but found another document"),
    "a command": (metadata("some/model", "!!python/object/apply:os.system [ls]"), "meta.yaml:1: not YAML: could not"),
    "nothing": (metadata(METADATA, ""), "meta.yaml: metadata: it is a mapping of fields; see"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_somebody_broke_is_one_line(submit, name):
    change, message = BROKEN[name]
    said = submit(change)
    assert message in said
    assert said.count("\n") == 1


def test_a_value_that_unfolds_without_end_is_cut_off(submit):
    said = submit(metadata("model: some/model\n", f"a: &a [x]\n{LAUGHS}model: *e\n"))
    [line] = [line for line in said.splitlines() if "meta.yaml: model: " in line]
    assert line.endswith("is not a text, e.g. 'sentence-transformers/all-MiniLM-L6-v2'")
    assert len(line) < 500
