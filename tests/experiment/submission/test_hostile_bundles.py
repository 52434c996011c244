"""`rankify submit beir --check` on bundles that somebody broke: one line with the file, the key and the way out."""

import stat
import struct
import zipfile

import pytest

from rankify.experiment.problems import Problems
from rankify.experiment.submission import packed
from tests.cli.conftest import rankify
from tests.experiment.submission.conftest import lines
from tests.experiment.submission.test_bundle import changed, with_side_car

__all__ = ["rankify"]  # a fixture
RUN = "runs/scifact.trec"
AGAIN = "make the bundle again"


@pytest.fixture
def check(rankify, runs, said, data, tmp_path):
    """Makes a bundle, breaks it and checks it: what is said, and nothing else happens."""
    words = ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]
    assert rankify(*words)[0] == 0

    def made(change, *, known=True):
        change(tmp_path / "mine.zip")
        before = sorted(tmp_path.rglob("*"))
        code, out, err = rankify("submit", "beir", "--check", "mine.zip", *(["--data", data] if known else []))
        assert sorted(tmp_path.rglob("*")) == before
        assert (code != 0, out) == (True, "")
        return err

    return made


def raw(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


def run(change):
    return lambda path: changed(path, lambda content: content.update({RUN: change(content[RUN])}))


def entry(name, body):
    return lambda path: changed(path, lambda content: content.update({name: body}))


def told(**values):
    """The side-car says something else of a run."""
    return lambda path: changed(path, with_side_car(lambda said: said["collections"]["scifact"].update(values)))


def stated(**values):
    return lambda path: changed(path, with_side_car(lambda said: said.update(values)))


def link(path):
    with zipfile.ZipFile(path) as old:
        content = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, body in content.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777 if name == RUN else 0o644) << 16
            new.writestr(info, b"/etc/passwd" if name == RUN else body)


def damaged(path):
    """A bit of the run is another one."""
    with zipfile.ZipFile(path) as old:
        place = old.getinfo(RUN).header_offset + 30 + len(RUN) + 6
    written = bytearray(path.read_bytes())
    written[place] ^= 0xFF
    path.write_bytes(bytes(written))


def headers(offset, value):
    """Every entry says something else of itself, at an offset from its method of packing."""

    def change(path):
        written = bytearray(path.read_bytes())
        for sign, method in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
            start = written.find(sign)
            while start >= 0:
                place = start + method + offset
                written[place : place + 2] = struct.pack("<H", value)
                start = written.find(sign, start + 4)
        path.write_bytes(bytes(written))

    return change


BROKEN = {
    "half a file": (raw(lambda b: b[: len(b) // 2]), "mine.zip is no zip file"),
    "without its end": (raw(lambda b: b[:-30]), "mine.zip is no zip file"),
    "empty": (raw(lambda b: b""), "mine.zip is no zip file"),
    "a bit": (damaged, f"mine.zip: {RUN}: is damaged (Bad CRC-32"),
    "a password": (headers(-2, 1), "mine.zip: submission.json: needs a password; make the bundle with rankify submit"),
    "packed otherwise": (headers(0, 99), "mine.zip: submission.json: is packed in a way that is unknown; make"),
    "a link": (link, f"mine.zip: {RUN}: is a link; put the file itself there"),
    "an absolute name": (entry("/etc/x", b""), "mine.zip: /etc/x: does not belong there; a bundle has submission.json"),
    "a name of Windows": (entry("runs\\scifact.trec", b""), "mine.zip: runs\\scifact.trec: does not belong there"),
    "a folder": (entry("runs/", b""), "mine.zip: runs/: does not belong there"),
    "a side-car of a gigabyte": (entry("submission.json", b" " * (packed.SMALL + 1)),
                                 "submission.json: would be 1,048,577 bytes unpacked; a side-car has 1,048,576 at"),
    "brackets": (entry("submission.json", b"[" * 200_000), "submission.json: is no JSON (maximum recursion"),
    "a list": (entry("submission.json", b"[]"), "submission.json: its format is not rankify-beir-submission-2"),
    "Latin-1": (entry("submission.json", b'{"a":"\xe4"}'), "submission.json: is no JSON ('utf-8' codec"),
    "digits": (entry("submission.json", b'{"a":' + b"9" * 5000 + b"}"), "submission.json: is no JSON (Exceeds the"),
    "no set": (stated(set=None), f"submission.json: set: None is no name of a set of collections; {AGAIN}"),
    "a long name": (stated(set="x" * 900_000), "is no name of a set of collections"),
    "a list of sets": (stated(set=["beir-2"]), "submission.json: set: ['beir-2'] is no name of a set"),
    "metadata as a list": (stated(metadata=[1]), "submission.json: metadata: it is a mapping of fields; see"),
    "infinite": (run(lambda b: b.replace(b" 8 tag", b" 1e999 tag", 1)), f"{RUN}:1: the score '1e999' is no finite"),
    "a mark": (run(lambda b: b"\xef\xbb\xbf" + b), f"{RUN}:1: starts with UTF-8's byte-order mark; write the file as"),
    "a mark in between": (run(lambda b: b.replace(b"q2", b"\xef\xbb\xbfq2")), f"{RUN}:5: starts with UTF-8's"),
    "UTF-16": (run(lambda b: b.decode().encode("utf-16")), f"{RUN}:1: starts with UTF-16's byte-order mark; write the"),
    "CR": (run(lambda b: b.replace(b"\n", b"\r")), f"{RUN}:1: 48 columns in "),
    "an empty line": (run(lambda b: b + b"\n"), f"{RUN}:9: 0 columns in ''; a line is query Q0 document rank"),
    "no end": (run(lambda b: b"x" * 3_000_000), f"{RUN}:1: is longer than 10,000 bytes; a line is query Q0 document"),
    "no lines": (run(lambda b: b""), f"{RUN}: lacks 2 of 2 queries, e.g. 'q1'; the side-car names those"),
    "other ends": (run(lambda b: b.replace(b"\n", b"\r\n")), f"scifact: its sha256 is not that of {RUN}; {AGAIN}"),
    "a number of queries": (told(queries=7), f"collections: scifact: its queries is not that of {RUN}; {AGAIN}"),
    "a text for a number": (told(hits="x"), f"collections: scifact: its hits is not that of {RUN}; {AGAIN}"),
    "another file": (told(file="/etc/passwd"), f"collections: scifact: its file is not that of {RUN}; {AGAIN}"),
    "figures as a text": (told(figures="x"), "scifact: figures: they are no numbers from 0 to 1 by measure"),
    "NaN": (told(figures={"nDCG@10": float("nan")}), "scifact: figures: they are no numbers from 0 to 1 by measure"),
    "better figures": (told(figures={"nDCG@10": 0.99, "R@100": 1, "R@1000": 1}),
                       "scifact: figures: nDCG@10: 0.99 is not what the run has, 0.8155; make it again"),
    "other figures": (told(figures={"P@1": 0.5}), "figures: P@1: is not measured; a bundle has nDCG@10, R@100, R@1000"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_bundle_that_somebody_broke_is_one_line(check, name):
    change, message = BROKEN[name]
    said = check(change)
    assert said.startswith("rankify: mine.zip")
    assert message in said
    assert said.count("\n") == 1
    assert len(said) < 300


def test_a_collection_that_is_not_in_the_set_is_refused(check):
    said = check(lambda path: changed(path, with_side_car(lambda said: said["collections"].update(fever={}))))
    assert said == "rankify: mine.zip: submission.json: collections: fever: is not in the set; leave it out\n"


def test_entries_without_number_are_said_once(check):
    said = check(lambda path: changed(path, lambda content: content.update({f"x{i}": b"" for i in range(3000)})))
    assert said.count("does not belong there") == 5
    assert "2,995 more entries do not belong there\n" in said


def test_a_size_that_is_a_lie_is_noticed(check):
    """The headers say fewer bytes than there are: what is beyond is never unpacked."""

    def change(path):
        with zipfile.ZipFile(path) as old:
            size = struct.pack("<L", old.getinfo(RUN).file_size)
        path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 30)))

    assert f"{RUN}: is damaged" in check(change)


def test_figures_that_are_none_are_refused_where_the_collections_are_not_at_hand(check, monkeypatch):
    monkeypatch.setattr("rankify.experiment.submission.collections.needed", _needed)
    said = check(told(figures={"nDCG@10": 7}), known=False)
    assert "scifact: figures: they are no numbers" in said


def _needed(collection, empty, data):
    from rankify.experiment.submission.checks import Needed

    return Needed(collection=collection, queries=None, count=2, documents=4)


def test_a_ranking_of_another_type_of_ids_is_said_with_what_it_lacks(check):
    said = check(run(lambda b: b.replace(b"q1 ", b"1 ")))
    assert [line.partition(RUN)[2] for line in said.splitlines()] == [
        ":1: scifact has no query '1' that counts in test; leave it out",
        f": lacks 1 of 2 queries, e.g. 'q1'; the side-car names those without results under no_results; {AGAIN}",
    ]  # fmt: skip


def test_columns_may_be_parted_by_tabs(rankify, runs, said, data):
    for name in ("scifact", "nfcorpus"):
        (runs / f"{name}.trec").write_text("\n".join(lines(name)).replace(" ", "\t") + "\r\n", "utf-8", newline="")
    words = ["submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data]
    assert rankify(*words)[0] == 0
    assert rankify("submit", "beir", "--check", "mine.zip", "--data", data)[0] == 0


def test_what_reading_an_entry_raises_is_not_taken_for_a_password(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("a.json", "{}")
    with zipfile.ZipFile(tmp_path / "x.zip") as opened:
        bundle = packed._Bundle(opened, Problems("x.zip"))
        with pytest.raises(RuntimeError, match="of the reader"), bundle.opened("a.json"):
            raise RuntimeError("of the reader")
