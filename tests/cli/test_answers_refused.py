"""Files of answers that cannot be measured as asked: one line, and nothing counted as wrong that was never asked."""

import json

import pytest


def write(path, *ids, **more):
    lines = [{"id": id, "question": "?", "answer": "Ann", "contexts": [], "citations": [], **more} for id in ids]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def asked(tmp_path):
    """A collection with two questions that have gold answers, and one that has none."""
    rows = [{"id": id, "question": "who?", "answers": own, "ctxs": []} for id, own in (("1", ["Ann"]), ("2", ["Bob"]))]
    (tmp_path / "asked.json").write_text(json.dumps([*rows, {"id": "3", "question": "why?", "ctxs": []}]))
    return tmp_path / "asked.json"


@pytest.mark.parametrize("command", ["evaluate", "confidence"])
def test_answers_to_other_questions_are_refused(rankify, asked, tmp_path, command):
    code, out, err = rankify(command, write(tmp_path / "mine.jsonl", "x", "y", confidence=1), asked)
    assert (code, out) == (1, "")
    assert err == (
        f"rankify: none of the 2 answers in {tmp_path}/mine.jsonl is to a question of {asked}: the first is to 'x'\n"
    )


def test_what_is_not_answered_and_what_does_not_count_is_said(rankify, as_json, asked, tmp_path):
    words = "evaluate", write(tmp_path / "mine.jsonl", "1", "3", "other"), asked, "-m", "EM"
    found = as_json(*words)
    assert (found["measures"], found["queries"], found["missing"], found["unjudged"]) == ({"EM": 0.5}, 2, 1, 2)
    out = " ".join(rankify(*words)[1].split())
    assert "1 of 2 questions have no answer and count 0" in out
    assert "2 answers are to questions without gold answers and do not count" in out
    assert "count 0" not in rankify(*words[:-1], "length")[1]  # which says itself that it is not known of them
    whole = as_json("evaluate", write(tmp_path / "mine.jsonl", "1", "2"), asked, "-m", "EM")
    assert (whole["missing"], whole["unjudged"]) == (0, 0)


@pytest.mark.parametrize("words", [("evaluate",), ("evaluate", "-m", "has_answer@1"), ("confidence",)])
def test_a_file_without_gold_answers_takes_a_collection(rankify, tmp_path, words):
    command, *rest = words
    file = write(tmp_path / "mine.jsonl", "1", confidence=1)
    code, _, err = rankify(command, file, *rest)
    assert code == 1
    assert (
        err == f"rankify: {file} has no gold answers; name a collection that has them: rankify {command} {file} DATA\n"
    )


def test_a_measure_that_looks_at_none_takes_no_collection(as_json, tmp_path):
    assert as_json("evaluate", write(tmp_path / "mine.jsonl", "1"), "-m", "length")["measures"] == {"length": 1}


@pytest.mark.parametrize("option", ["--judge", "--nli", "--encoder", "--bertscore", "--qa"])
def test_a_model_that_no_measure_asks_is_refused(rankify, asked, tmp_path, option):
    file = write(tmp_path / "mine.jsonl", "1")
    code, _, err = rankify("evaluate", file, asked, "-m", "EM", option, "http:x")
    assert (code, err) == (2, f"rankify: {option} http:x: no measure asks this model; leave it out\n")


@pytest.mark.parametrize("name", ["has_answer@0", "has_answer@x", "answer_substring@1.5", "has_answer@-1"])
def test_a_measure_that_cannot_be_read_leaves_with_2(rankify, asked, tmp_path, name):
    code, _, err = rankify("evaluate", write(tmp_path / "mine.jsonl", "1"), asked, "-m", name)
    assert code == 2
    assert f"cannot read the measure '{name}'; write" in err
