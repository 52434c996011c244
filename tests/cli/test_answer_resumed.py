"""`rankify answer` that is killed: the next start asks what was not answered yet, and leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.experiment.conftest import said, singer, songs_in


@pytest.fixture
def served(serving):
    return serving(lambda body, _: said(singer(body)))


@pytest.mark.parametrize(("reader", "calls"), [("basic", 6), ("self-consistency", 12)])
def test_after_a_kill_in_the_middle_of_a_batch_no_call_is_repeated(served, tmp_path, rankify, reader, calls):
    songs, answered, killed = songs_in(tmp_path / "songs"), [], []

    def answer(body, number):
        if number == calls // 2 and not killed:
            killed.append(body)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return said("too late")
        answered.append(json.dumps(body, sort_keys=True))
        return said(f"So the answer is: {singer(body)}")

    served.answer = answer
    samples = "&samples=2" * (reader == "self-consistency")
    pipeline = f"bm25 % 3 >> {reader}:http:m?base_url={served.url}&parallel=1{samples}"
    words = ["answer", pipeline, str(songs), "-o", str(tmp_path / "out" / "answers.jsonl")]
    process = subprocess.Popen([sys.executable, "-m", "rankify", *words], env={**os.environ}, stderr=subprocess.DEVNULL)
    assert process.wait() == -signal.SIGKILL
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".answers.jsonl.replies"]
    code, out, _ = rankify(*words, "--json")
    assert (code, json.loads(out)["took"]["asked"]) == (0, calls)
    assert len(answered) == len({*answered}) == calls
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["answers.jsonl"]
    assert rankify(*words[:-1], str(tmp_path / "again.jsonl"))[0] == 0
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "out" / "answers.jsonl").read_bytes()


def test_a_reranker_on_a_server_is_not_asked_again_either(served, tmp_path, rankify):
    """The reranker's model answers, the reader's fails for good: the second start asks the rest."""
    songs, fails = songs_in(tmp_path / "songs"), [True]

    def answer(body, _):
        if body["model"] == "reader":
            return (400, {}, {"error": {"message": "no such model"}}) if fails else said("Ann Lee")
        return said("[1] > [2] > [3]")

    served.answer = answer
    there = f"base_url={served.url}"
    pipeline = f"bm25 % 3 >> rankgpt:http:ranker?{there} >> basic:http:reader?{there}"
    words = ["answer", pipeline, str(songs), "-o", str(tmp_path / "answers.jsonl")]
    assert rankify(*words)[0] == 1
    ranked = [body["model"] for body in served.bodies].count("ranker")
    assert ranked == 6
    fails.clear()
    assert rankify(*words)[0] == 0
    assert [body["model"] for body in served.bodies].count("ranker") == ranked


def test_a_model_that_is_cached_by_its_own_spec_stays_so(served, tmp_path, rankify):
    songs = songs_in(tmp_path / "songs")
    pipeline = f"bm25 % 3 >> basic:cached:http:m?base_url={served.url}&folder={tmp_path / 'cache'}"
    for start in range(2):
        code, out, _ = rankify("answer", pipeline, songs, "-o", tmp_path / f"{start}.jsonl", "--json")
        assert code == 0
    assert json.loads(out)["took"]["cached"] == 6
    assert len(served.bodies) == 6
