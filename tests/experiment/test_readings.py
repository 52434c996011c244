"""Systems that end in a reader: what is measured, kept, and never asked twice."""

import csv
import json
import os
import signal
import subprocess
import sys
from math import isnan

import pytest

import rankify
from rankify.errors import BadInput
from rankify.evaluation import Evaluation, compare, evaluate_answers, evaluate_passages
from rankify.experiment import Experiment
from rankify.experiment.cells import Cell
from rankify.experiment.execute import execute
from rankify.experiment.measured import compared
from rankify.experiment.readings import Reading
from rankify.io.answers import read_answers
from rankify.io.trec import read_run
from tests.experiment.conftest import MEASURES, said, singer
from tests.experiment.test_execute import same_every_time


@pytest.fixture
def done(experiment, tmp_path):
    lines = []
    return execute(experiment(), tmp_path / "out", say=lines.append), lines


@pytest.fixture
def three(experiment, served, tmp_path):
    """One that ranks, one that quotes, and one that reads with a language model."""
    return experiment(
        {
            "ranked": "bm25 % 4",
            "quoted": "bm25 % 4 >> extractive",
            "read": f"bm25 % 4 >> basic:http:m?base_url={served.url}",
        }
    )


def test_rankings_passages_and_answers_are_measured(done, questions):
    results, _ = done
    data = rankify.dataset(str(questions))
    run = read_run(results.folder / "runs" / "songs" / "read.trec", corpus=data.corpus)
    answers = read_answers(results.folder / "answers" / "songs" / "read.jsonl")
    assert dict(results.scores["songs"]["read"]) == {
        **rankify.evaluate(run, data.qrels, "RR@10 R@1"),
        **evaluate_passages(run, data.answers, "has_answer@1"),
        **evaluate_answers(answers, data.answers, "EM F1"),
    }


def test_answers_are_told_from_rankings_and_compared_among_those_that_answer(three, tmp_path):
    results = execute(three, tmp_path / "out")
    assert list(results.scores["songs"]["ranked"]) == ["RR@10", "R@1", "has_answer@1"]
    assert results.readings["songs"].keys() == {"quoted", "read"}
    assert results.scores["songs"]["read"]["F1"] > results.scores["songs"]["quoted"]["F1"] > 0
    with (results.folder / "per-query" / "songs.csv").open() as file:
        rows = {row["system"]: row for row in csv.DictReader(file) if row["query"] == "q0"}
    assert rows["ranked"]["F1"] == ""
    assert rows["read"]["F1"] == repr(results.scores["songs"]["read"].per_query["F1"]["q0"])
    both, answers = results.comparisons["songs"], results.answer_comparisons["songs"]
    assert (both.baseline, answers.baseline) == ("ranked", "quoted")
    assert {d.measure for d in both.differences} == {"RR@10", "R@1", "has_answer@1"}
    gold = rankify.dataset(str(tmp_path / "songs")).answers
    parts = {s: evaluate_answers(results.answers["songs"][s], gold, "EM F1") for s in ("quoted", "read")}
    assert answers.differences == compare(parts, baseline="quoted").differences
    for ending in ("txt", "md", "tex"):
        written = (results.folder / f"results.{ending}").read_text()
        assert "songs: answers to 6 questions" in written
        assert "above" in written
        assert "below quoted" in written
        assert "songs: what the answers took" in written
        assert "read: basic:http:m" in written.replace("\\", "")
        assert f"{results.scores['songs']['read']['F1']:.4f}" in written


def test_where_the_baseline_answers_answers_are_compared_with_it():
    one = {"a": [evaluation("F1", 0)], "b": [evaluation("F1", 1)], "c": []}
    assert [compared(one, baseline, ["F1"]).baseline for baseline in ("a", "b", "c")] == ["a", "b", "a"]
    assert compared({"a": one["a"], "c": []}, "a", ["F1"]) is None
    assert compared(one, "a", ["EM"]) is None


def evaluation(measure, value):
    values = {"q1": value, "q2": 0.5 * value}
    return Evaluation(means={measure: 0.75 * value}, per_query={measure: values}, queries=("q1", "q2"))


def test_what_the_answers_took_is_recorded(done, served):
    record = done[0].readings["songs"]["read"]
    counts = record["counts"]
    assert (record["answers"], record["remembered"]) == (6, 0)
    assert (counts["asked"], counts["prompt_tokens"], counts["generated_tokens"]) == (6, 42, 12)
    assert len(served.bodies) == 6
    line = next(
        line for line in (done[0].folder / "results.md").read_text().splitlines() if line.startswith("| read | 6")
    )
    assert line.split(" | ")[1:5] == ["6", "6", "42", "12"]


def test_answers_that_cite_passages_that_were_not_shown_are_counted(experiment, served, tmp_path):
    served.answer = lambda body, number: said("Ann Lee [1]" if number % 2 else "Ann Lee [1][7]")
    results = execute(experiment(), tmp_path / "out")
    assert results.readings["songs"]["read"]["counts"]["unseen"] == 3
    assert "unseen" in (tmp_path / "out" / "results.txt").read_text()


def test_a_second_start_asks_nothing_and_writes_the_same(done, experiment, served):
    results, lines = done
    assert [line.split(" ")[1] for line in lines if "questions in" in line] == ["read"]
    before, asked = same_every_time(results.folder), len(served.bodies)
    again = []
    execute(experiment(), results.folder, say=again.append)
    assert all(line.endswith("kept") for line in again)
    assert (same_every_time(results.folder), len(served.bodies)) == (before, asked)


def changed_reader(folder, made, url):
    return made({"read": f"bm25 % 4 >> basic:http:m?base_url={url}&top=2"})


def damaged_answers(folder, made, url):
    path = folder / "answers" / "songs" / "read.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    return made()


def lost_record(folder, made, url):
    (folder / "answers" / "songs" / "read.json").unlink()
    return made()


def changed_search(folder, made, url):
    return made({"read": f"bm25 % 3 >> basic:http:m?base_url={url}"})


@pytest.mark.parametrize(
    ("change", "asked"), [(changed_reader, 6), (damaged_answers, 0), (lost_record, 0), (changed_search, 6)]
)
def test_only_what_is_new_is_asked(done, experiment, served, change, asked):
    """Answers are read again where something about them changed, from replies that are kept where nothing did."""
    folder, before = done[0].folder, len(served.bodies)
    lines = []
    execute(change(folder, experiment, served.url), folder, say=lines.append)
    assert [line.split(" ")[1] for line in lines if "questions in" in line] == ["read"]
    assert len(served.bodies) - before == asked
    assert any("6 replies were there already" in line for line in lines) == (asked == 0)


KILLED = """
import json, sys
from pathlib import Path
from rankify.experiment import Experiment
from rankify.experiment.cells import Cell
from rankify.experiment.execute import execute
execute(Experiment.of(json.loads(sys.argv[1])), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("moment", [0, 3, 5])
def test_after_a_kill_in_the_middle_of_a_batch_no_call_is_repeated(questions, served, tmp_path, moment):
    """The server kills its client on a call, which it never answers; all calls that it answered are asked once."""
    model = f"http:m?base_url={served.url}&parallel=1"
    systems = {"read": f"bm25 % 4 >> basic:{model}"}
    whole = {"name": "songs", "datasets": [str(questions)], "systems": systems, "measures": MEASURES}
    answered, killed = [], []

    def answer(body, number):
        if number == moment and not killed:
            killed.append(body)
            process.send_signal(signal.SIGKILL)
            process.wait()
            return said("too late")
        answered.append(json.dumps(body, sort_keys=True))
        return said(singer(body))

    served.answer = answer
    command = [sys.executable, "-c", KILLED, json.dumps(whole), str(tmp_path / "killed")]
    process = subprocess.Popen(command, env={**os.environ})
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed" / "answers").exists()
    results = execute(Experiment.of(whole), tmp_path / "killed")
    assert len(answered) == len({*answered}) == 6
    assert results.readings["songs"]["read"]["remembered"] == moment
    execute(Experiment.of(whole), tmp_path / "undisturbed")
    assert same_every_time(tmp_path / "killed") == same_every_time(tmp_path / "undisturbed")


def test_a_reader_without_documents_is_measured_beside_its_search(experiment, served, tmp_path):
    results = execute(experiment({"knows": f"bm25 % 3 >> zero-shot:http:m?base_url={served.url}"}), tmp_path / "out")
    assert results.answers["songs"]["knows"][0].contexts == ()
    assert results.scores["songs"]["knows"]["RR@10"] > 0


def test_one_model_serves_all_readers_that_name_it(experiment, served, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr("rankify.llm.http.HTTP._check", lambda self: (made.append(self), setattr(self, "_extra", {})))
    model = f"http:m?base_url={served.url}"
    systems = {"a": f"bm25 % 2 >> basic:{model}", "b": f"bm25 % 2 >> cite:{model}"}
    execute(experiment(systems, measures="RR@10"), tmp_path / "out")
    assert len(made) == 1


def no_gold(folder):
    path = folder / "queries.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({k: v for k, v in row.items() if k != "answers"}) + "\n" for row in rows))


def no_judgments(folder):
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")


@pytest.mark.parametrize(
    ("harm", "measures", "message"),
    [
        (
            no_gold,
            MEASURES,
            r"^experiment: dataset songs: none of its 6 questions has gold answers, so EM cannot be measured",
        ),
        (
            no_gold,
            "has_answer@5",
            r"^experiment: dataset songs: none of its 6 questions has gold answers, so has_answer@5",
        ),
        (
            no_judgments,
            MEASURES,
            r"^experiment: dataset songs: it has no relevance judgments, so RR@10 cannot be measured",
        ),
    ],
)
def test_what_a_dataset_lacks_is_said_before_anything_runs(
    experiment, questions, served, tmp_path, harm, measures, message
):
    harm(questions)
    with pytest.raises(BadInput, match=message):
        execute(experiment(measures=measures), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.trec"))
    assert served.bodies == []


@pytest.mark.parametrize(("harm", "measures"), [(no_judgments, "F1 has_answer@1"), (no_gold, "RR@10")])
def test_what_is_not_measured_may_lack(experiment, questions, tmp_path, harm, measures):
    harm(questions)
    results = execute(experiment(measures=measures), tmp_path / "out")
    assert len(results.answers["songs"]["read"]) == 6


def test_questions_without_gold_answers_are_answered_and_do_not_count(experiment, questions, tmp_path):
    rows = [json.loads(line) for line in (questions / "queries.jsonl").read_text().splitlines()]
    del rows[0]["answers"]
    (questions / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    results = execute(experiment(), tmp_path / "out")
    read = results.scores["songs"]["read"]
    assert (len(results.answers["songs"]["read"]), results.datasets["songs"]["gold"]) == (6, 5)
    assert read["F1"] == pytest.approx(sum(read.per_query["F1"][f"q{i}"] for i in range(1, 6)) / 5)
    assert "6 queries (5 with gold answers)" in (tmp_path / "out" / "results.txt").read_text()


def test_a_question_that_cannot_be_answered_is_right_where_nothing_is_answered(experiment, questions, served, tmp_path):
    rows = [json.loads(line) for line in (questions / "queries.jsonl").read_text().splitlines()]
    rows[0]["answers"], rows[1]["answers"] = [], "Bob Ray"
    (questions / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    served.answer = lambda body, _: said("" if "the song date" in str(body["messages"][-1]) else "Bob Ray")
    results = execute(experiment(measures="EM has_answer@1 cites_unknown"), tmp_path / "out")
    read = results.scores["songs"]["read"]
    assert [read.per_query["EM"][q] for q in ("q0", "q1", "q2")] == [1.0, 1.0, 0.0]
    assert isnan(read.per_query["has_answer@1"]["q0"])
    assert read["cites_unknown"] == 0.0


def test_answers_to_other_rankings_are_other_answers(tmp_path):
    """Also where a search of the same key has found something else, as models that draw at random do."""
    cell = Cell(folder=tmp_path, dataset="d", system="s", pipeline="bm25", behind={})
    reading = Reading(cell=cell, reader="extractive", behind={})
    assert reading.key({"key": "k", "sha256": "1"}) != reading.key({"key": "k", "sha256": "2"})


def test_a_measure_that_no_question_has_is_empty_in_files(experiment, tmp_path):
    """Nothing here says which contexts there should be."""
    results = execute(experiment(measures="non_llm_context_recall F1"), tmp_path / "out")
    assert isnan(results.scores["songs"]["read"]["non_llm_context_recall"])
    manifest = (tmp_path / "out" / "manifest.json").read_text()
    assert "NaN" not in manifest
    assert json.loads(manifest)["scores"]["songs"]["read"]["non_llm_context_recall"] is None
    table = (tmp_path / "out" / "results.md").read_text()
    assert "| read | nan | " in table
