"""`rankify submit beir`: a bundle made and checked, MTEB's results, the template, and what is refused."""

import zipfile

import pytest

from tests.experiment.submission.conftest import METADATA, data, lines, runs, said, small

__all__ = ["data", "runs", "said", "small"]  # fixtures


def words(runs, said, data):
    made = ["submit", "beir", runs, "-o", "mine.zip"]
    return [*made, "--metadata", said, "--sets", "beir-2", "--data", data]


def test_a_bundle_is_made_and_checked(rankify, as_json, runs, said, data, tmp_path):
    code, out, err = rankify(
        "submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data
    )
    assert code == 0, err
    assert "wrote mine.zip" in out
    assert "0.8155" in out
    assert zipfile.is_zipfile(tmp_path / "mine.zip")
    assert "is as it should be" in rankify("submit", "beir", "--check", "mine.zip", "--data", data)[1]
    found = as_json("submit", "beir", "--check", "mine.zip", "--data", data)
    assert found["collections"]["scifact"]["queries"] == 2


def test_what_is_wrong_is_said_in_lines_and_nothing_is_written(rankify, runs, said, data, tmp_path):
    (runs / "nfcorpus.trec").unlink()
    (runs / "scifact.trec").write_text("\n".join(lines("scifact", queries=("q1",))) + "\n")
    code, _, err = rankify(
        "submit", "beir", runs, "-o", "mine.zip", "--metadata", said, "--sets", "beir-2", "--data", data
    )
    assert code != 0
    assert "rankify: beir-2 needs a run of nfcorpus; add nfcorpus.trec\n" in err
    assert "scifact.trec: lacks 1 of 2 queries, e.g. 'q2'" in err
    assert not (tmp_path / "mine.zip").exists()


def test_mtebs_results_are_written(rankify, runs, said, data, tmp_path):
    words = ["submit", "beir", runs, "-o", "results", "--metadata", said, "--sets", "beir-2", "--format", "mteb"]
    code, out, _ = rankify(*words, "--data", data)
    assert (code, "wrote 3 files below results/" in out) == (0, True)
    assert (tmp_path / "results" / "some__model" / "abc123" / "SciFact.json").is_file()
    assert "--format mteb takes judgments" in rankify(*words)[2]


WRONG = {
    "scifact.trec: lacks 2 of 2 queries, e.g. 'q1'": "",
    "lacks 1 of 2 queries, e.g. 'q2'": "\n".join(lines("scifact", queries=("q1",))),
    "no ranking has more than 2 documents; 4 are due": "\n".join(lines("scifact", documents=(1, 2))),
    "document 'q1' is the query itself": "q1 Q0 q1 1 99 tag\n" + "\n".join(lines("scifact")),
    "scifact has no document 'none'": "q1 Q0 none 1 99 tag\n" + "\n".join(lines("scifact")),
    "has document 'scifact1' twice": "q1 Q0 scifact1 1 99 tag\n" + "\n".join(lines("scifact")),
    "the score 8 of 'scifact1' is not below 0": "q1 Q0 scifact2 1 0 tag\n" + "\n".join(lines("scifact")),
    "'nan' is no finite number": "q1 Q0 scifact2 1 nan tag\n" + "\n".join(lines("scifact")),
}


@pytest.mark.parametrize("message", WRONG)
def test_mtebs_results_are_not_written_of_a_run_that_is_wrong(rankify, runs, said, data, tmp_path, message):
    (runs / "scifact.trec").write_text(WRONG[message], "utf-8")
    code, _, err = rankify(*words(runs, said, data), "-o", "results", "--format", "mteb")
    assert code != 0
    assert message in err
    assert not (tmp_path / "results").exists()


def test_a_template_is_printed(rankify):
    out = rankify("submit", "beir", "--template")[1]
    assert "\nrevision:\n" in out
    assert "\n# licence: Apache-2.0" in out
    assert METADATA.count("\n") == len([line for line in out.splitlines() if not line.startswith("#")])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mteb"], "no leaderboard 'mteb'; there are: beir"),
        (["beir"], "RUNS is missing"),
        (["beir", "runs"], "-o is missing"),
        (["beir", "runs", "-o", "x.zip"], "--metadata is missing"),
        (["beir", "runs", "-o", "x.zip", "--metadata", "m.yaml", "--format", "zip"], "no format 'zip'"),
        (["beir", "runs", "-o", "x.zip", "--metadata", "nope.yaml"], "no file nope.yaml"),
        (["beir", "--check", "nope.zip"], "nope.zip is no zip file"),
    ],
)
def test_what_makes_no_submission_is_one_line(rankify, words, message):
    code, _, err = rankify("submit", *words)
    assert code != 0
    assert message in err
    assert err.count("\n") == 1


CHECKING = "--check takes no"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["runs"], f"{CHECKING} RUNS; leave out one or the other"),
        (["runs", "-o", "x.zip"], f"{CHECKING} RUNS and no -o; leave out one or the other"),
        (["--metadata", "m.yaml"], f"{CHECKING} --metadata; leave out"),
        (["--sets", "beir-14"], f"{CHECKING} --sets; leave out"),
        (["--system", "bm25"], f"{CHECKING} --system; leave out"),
        (["--format", "bundle"], f"{CHECKING} --format; leave out"),
        (["--allow-empty"], f"{CHECKING} --allow-empty; leave out"),
        (["--template"], "--template takes no --data and no --check; leave out"),
    ],
)
def test_what_would_be_ignored_beside_check_is_refused(rankify, runs, said, data, more, message):
    assert rankify(*words(runs, said, data))[0] == 0
    code, out, err = rankify("submit", "beir", "--check", "mine.zip", "--data", data, *more)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_system_that_is_not_there_is_refused(rankify, runs, said, data, tmp_path):
    code, _, err = rankify(*words(runs, said, data), "--system", "nosuch")
    assert (code, err) == (1, f"rankify: {runs} has one run of each collection and no systems; leave --system out\n")
    for name in ("scifact", "nfcorpus"):
        (tmp_path / "exp" / "runs" / name).mkdir(parents=True)
        (runs / f"{name}.trec").rename(tmp_path / "exp" / "runs" / name / "bm25.trec")
    made = words("exp", said, data)
    code, _, err = rankify(*made, "--system", "bm52")
    assert (code, err) == (2, "rankify: no system 'bm52'; did you mean 'bm25'?\n")
    assert not (tmp_path / "mine.zip").exists()
    assert rankify(*made, "--system", "bm25")[0] == 0


def test_a_file_of_another_kind_is_not_overwritten(rankify, runs, said, data, tmp_path):
    (tmp_path / "keep.txt").write_text("mine")
    code, _, err = rankify(*words(runs, said, data), "-o", "keep.txt")
    assert (code, err) == (2, "rankify: cannot write keep.txt: a bundle is a zip file; call it keep.zip\n")
    assert (tmp_path / "keep.txt").read_text() == "mine"
