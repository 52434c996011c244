"""Runs that trec_eval reads otherwise than they are written: in single precision, with columns parted at blanks."""

import re

import pytest

from rankify.errors import RankifyError
from rankify.experiment.problems import Problems
from rankify.experiment.submission.checks import Needed, checked
from rankify.io.trec import read_run, write_run

SPREAD = "write 1001 - rank as the score, or rewrite the run: rankify.io.trec.write_run(read_run(FILE), FILE)"


def refused(rows):
    """What is said of a run of one query and three documents."""
    problems = Problems("")
    needed = Needed(collection="x", queries={"q", "q 1"}, count=2, documents=3, empty=None)
    checked([row.encode() + b"\n" for row in rows], needed, problems, "x.trec")
    try:
        problems.refuse()
    except RankifyError as error:
        return str(error)
    return ""


def scored(*scores):
    return [f"q Q0 d{i} {i} {score} t" for i, score in enumerate(scores, 1)]


MISREAD = {
    "near": (scored("1", f"{1 - 1e-11:.15g}", "0"),
             "x.trec:2: query 'q': the score 0.99999999999 of 'd2' is 1 in single precision, as trec_eval reads both; "
             + SPREAD),
    "tiny": (scored("1e-50", "1e-51", "-1"), "x.trec:2: query 'q': the score 1e-51 of 'd2' is 1e-50 in single"),
    "huge": (scored("1e39", "2", "1"),
             f"x.trec:1: the score 1e39 is infinite in single precision, as trec_eval reads it; {SPREAD}"),
    "equal": (scored("2", "1", "1"), f"x.trec:3: the score 1 of 'd3' is not below 1; {SPREAD}"),
    "equal as numbers": (scored("2", "1.0", "1"), f"x.trec:3: the score 1 of 'd3' is not below 1.0; {SPREAD}"),
    "rising": (scored("2", "1", "3"), "x.trec:3: the score 3 of 'd3' is not below 1; write them falling"),
    "Arabic digits": (scored("3", "\u0662", "1"),
                      "x.trec:2: the score '\u0662' is no finite number in digits from 0 to 9"),
    "a blank in an id": (["q\tQ0\td 1\t1\t3\tt", *scored("3")], "x.trec:1: a blank in 'd 1': trec_eval parts"),
    "a blank in a query": (["q 1\tQ0\td1\t1\t3\tt", *scored("3")], "x.trec:1: a blank in 'q 1': trec_eval parts"),
    "no tag": (["q\tQ0\td1\t1\t3\t"], "x.trec:1: an empty column in 'q\\tQ0\\td1\\t1\\t3\\t': trec_eval parts"),
    "NUL": (["q Q0 d1 1 3 t\0ag"], "x.trec:1: the character '\\x00' in 'q Q0 d1 1 3 t\\x00ag', which programs read"),
    "a separator": (["q\x1cQ0 d1 1 3 t"], "x.trec:1: the character '\\x1c' in"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISREAD)
def test_what_is_misread_is_named_with_line_and_way_out(name):
    rows, message = MISREAD[name]
    assert message in refused(rows)


def test_what_single_precision_sets_apart_is_as_it_should_be():
    assert refused(scored("1e38", "1", "0.9999999", "-1e38")) == ""
    assert refused([row.replace(" ", "\t") + " " for row in scored("3", "2", "1")]) == ""


def test_the_way_out_leads_out(tmp_path):
    path = tmp_path / "x.trec"
    path.write_text("\n".join(scored(*(f"{1 - i * 1e-11:.15g}" for i in range(4)))) + "\n")
    assert re.search("in single precision", refused(path.read_text().splitlines()))
    write_run(read_run(path), path)
    assert refused(path.read_text().splitlines()) == ""
    assert [line.split()[2] for line in path.read_text().splitlines()] == ["d1", "d2", "d3", "d4"]
