"""Measures of an experiment that ask models: named once, computed with the others, kept, and lost with a reason."""

import json
from math import isnan

import pytest

import rankify
from rankify.cli import main
from rankify.evaluation.judged import Judges, evaluate_judged
from rankify.experiment.execute import execute
from rankify.io.answers import read_answers
from tests import tiny, tiny_pairs
from tests.experiment.conftest import said, singer
from tests.experiment.test_execute import same_every_time
from tests.tiny_spans import first_word


def judging(body):
    """One statement of every answer; it follows where the contexts have its first word."""
    asked = json.loads(body["messages"][-1]["content"].rpartition("input: ")[2].removesuffix("Output: "))
    if "statements" in asked:
        verdicts = [
            {"statement": one, "reason": "", "verdict": int(one.split()[0] in asked["context"])}
            for one in asked["statements"]
        ]
        return said(json.dumps({"statements": verdicts}))
    return said(json.dumps({"statements": [asked["answer"]]}))


@pytest.fixture
def answering(served):
    """A server of two models: one reads, one judges; what they were asked stands under their names."""
    asked = {"m": [], "judge": []}

    def answer(body, _):
        asked[body["model"]].append(json.dumps(body))
        return said(singer(body)) if body["model"] == "m" else judging(body)

    served.answer, served.asked = answer, asked
    return served


@pytest.fixture
def models(tmp_path):
    return {
        "nli": f"cross-encoder:{tiny_pairs.inference(tmp_path / 'nli').folder}?device=cpu",
        "bertscore": tiny.tiny_bert(tmp_path / "bert"),
        "qa": first_word(tmp_path / "spans"),
    }


MEASURES = "RR@10 EM faithfulness citation_recall BERTScore-F1 F1"


@pytest.fixture
def judged(experiment, answering, models):
    llm = f"http:judge?base_url={answering.url}"
    systems = {"ranked": "bm25 % 3", "read": f"bm25 % 4 >> basic:http:m?base_url={answering.url}"}
    named = {"llm": llm, "nli": models["nli"], "bertscore": models["bertscore"]}
    return lambda systems=systems, measures=MEASURES, judges=named: experiment(systems, measures, judges=judges)


def test_they_are_those_of_the_answers_beside_measures_that_ask_nobody(judged, answering, models, questions, tmp_path):
    results = execute(judged(), tmp_path / "out")
    data = rankify.dataset(str(questions))
    answers = results.answers["songs"]["read"]
    judges = Judges(
        llm=f"http:judge?base_url={answering.url}", entails=models["nli"], bertscore=models["bertscore"]
    )  # fmt: skip
    right = evaluate_judged(answers, data.answers, "EM faithfulness citation_recall BERTScore-F1 F1", judges=judges)
    found = results.scores["songs"]["read"]
    assert {name: found[name] for name in right} == dict(right)
    assert all(found.per_query[name] == dict(right.per_query[name]) for name in right)
    assert 0 < found["faithfulness"] <= 1
    assert "faithfulness" not in results.scores["songs"]["ranked"]
    assert found.counts["asked"] == 12
    assert [path.name for path in (tmp_path / "out" / "per-query").iterdir()].count("songs.csv") == 1
    header = (tmp_path / "out" / "per-query" / "songs.csv").read_text().splitlines()[0]
    assert {*header.split(",")} == {"system", "query", *MEASURES.split()}
    text = (tmp_path / "out" / "results.txt").read_text()
    assert "songs: what judging took" in text
    system = json.loads((tmp_path / "out" / "results.json").read_text())["datasets"]["songs"]["systems"]["read"]
    assert system["means"]["faithfulness"] == found["faithfulness"]
    assert (system["judging"]["asked"], "unmeasured" in system) == (12, False)


def test_a_second_start_asks_nobody_and_writes_the_same(judged, answering, tmp_path):
    first = execute(judged(), tmp_path / "out")
    before, asked = same_every_time(tmp_path / "out"), len(answering.bodies)
    again = execute(judged(), tmp_path / "out")
    assert (same_every_time(tmp_path / "out"), len(answering.bodies)) == (before, asked)
    assert dict(again.scores["songs"]["read"]) == dict(first.scores["songs"]["read"])
    assert again.scores["songs"]["read"].counts == first.scores["songs"]["read"].counts


def test_another_revision_of_a_judge_measures_again(judged, models, tmp_path):
    first = execute(judged(), tmp_path / "out")
    tiny.tiny_bert(models["bertscore"], seed=5)
    again = execute(judged(), tmp_path / "out")
    assert first.scores["songs"]["read"]["BERTScore-F1"] != again.scores["songs"]["read"]["BERTScore-F1"]


def test_a_judge_that_fails_loses_its_measures_alone_and_is_asked_for_the_rest_next_time(judged, answering, tmp_path):
    down, whole = [True], answering.answer

    def answer(body, number):
        if down and body["model"] == "judge" and len(answering.asked["judge"]) >= 5:
            return 400, {}, {"error": {"message": "no credit\nleft"}}
        return whole(body, number)

    answering.answer = answer
    results = execute(judged(), tmp_path / "out")
    found = results.scores["songs"]["read"]
    assert isnan(found["faithfulness"])
    assert all(map(isnan, found.per_query["faithfulness"].values()))
    assert not any(isnan(found[name]) for name in ("EM", "citation_recall", "BERTScore-F1"))
    [(measures, reason)] = results.unmeasured["songs"]["read"]
    assert found.reasons["faithfulness"] == dict.fromkeys((f"q{n}" for n in range(6)), reason)
    assert measures == "faithfulness"
    assert "no credit left" in reason
    for name in ("results.txt", "results.json", "manifest.json", "report.html", "results.md"):
        assert "no credit left" in (tmp_path / "out" / name).read_text("utf-8"), name
    assert "NaN" not in (tmp_path / "out" / "results.json").read_text("utf-8")
    down.clear()
    again = execute(judged(), tmp_path / "out")
    assert not isnan(again.scores["songs"]["read"]["faithfulness"])
    assert again.unmeasured == {"songs": {}}
    assert len(answering.asked["judge"]) == len({*answering.asked["judge"]}) == 12
    assert len(answering.asked["m"]) == 6
    assert "no credit left" not in (tmp_path / "out" / "results.txt").read_text()


def test_the_command_leaves_with_1_where_a_judge_fails(judged, answering, questions, tmp_path, capsys):
    answering.answer = lambda body, _: said(singer(body)) if body["model"] == "m" else (401, {}, {"error": "no key"})
    plan = judged().as_dict()
    (tmp_path / "plan.yaml").write_text(json.dumps({**plan, "datasets": [str(questions)]}))
    with pytest.raises(SystemExit) as left:
        main(["run", str(tmp_path / "plan.yaml"), "-o", str(tmp_path / "out"), "-q"])
    said_of_it = capsys.readouterr()
    assert left.value.code == 1
    assert "rankify: 1 systems are not measured by faithfulness, first read on songs: " in said_of_it.err
    assert len(said_of_it.err.splitlines()) == 1
    assert "not measured" in said_of_it.out


def test_a_model_that_cannot_be_loaded_is_such_a_failure(judged, tmp_path):
    (tmp_path / "empty").mkdir()
    plan = judged(measures="EM BERTScore-P", judges={"bertscore": str(tmp_path / "empty")})
    results = execute(plan, tmp_path / "out")
    assert isnan(results.scores["songs"]["read"]["BERTScore-P"])
    assert str(tmp_path / "empty") in results.unmeasured["songs"]["read"][0][1]
    assert not isnan(results.scores["songs"]["read"]["EM"])


def test_a_question_without_a_value_is_counted_with_its_reason(judged, answering, models, questions, tmp_path):
    rows = [json.loads(line) for line in (questions / "queries.jsonl").read_text().splitlines()]
    pairs = [{"question": "who?", "short_answers": ["Ann", "Bob", "Cid", "Dan", "Eve", "Flo", "unknown"]}]

    def write(own):
        lines = [{**row, **({"qa_pairs": own} if place else {})} for place, row in enumerate(rows)]
        (questions / "queries.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))

    write(pairs)
    plan = judged(measures="qa_em EM", judges={"qa": models["qa"]})
    results = execute(plan, tmp_path / "out")
    assert results.scores["songs"]["read"]["qa_em"] == 1
    assert list(results.scores["songs"]["read"].reasons["qa_em"]) == ["q0"]
    assert "the question has no qa_pairs in its metadata" in (tmp_path / "out" / "results.txt").read_text()
    summary = json.loads((tmp_path / "out" / "results.json").read_text())["datasets"]["songs"]["systems"]["read"]
    assert summary["without_value"]["qa_em"]["questions"] == 1
    write([{"question": "who?", "short_answers": ["nobody"]}])
    assert execute(plan, tmp_path / "out").scores["songs"]["read"]["qa_em"] == 0  # what they are compared with is new


def test_gold_answers_are_needed_by_measures_that_look_at_them_alone(judged, questions, tmp_path):
    rows = [json.loads(line) for line in (questions / "queries.jsonl").read_text().splitlines()]
    for row in rows:
        del row["answers"]
    (questions / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    llm = judged().judges.llm
    results = execute(judged(measures="faithfulness", judges={"llm": llm}), tmp_path / "out")
    assert results.scores["songs"]["read"]["faithfulness"] > 0
    assert "songs: answers to 6 questions" in (tmp_path / "out" / "results.txt").read_text()
    for measures in ("context_recall", "EM faithfulness"):
        with pytest.raises(
            rankify.errors.BadInput, match=r"none of its 6 questions has gold answers, so (EM|context_r)"
        ):
            execute(judged(measures=measures, judges={"llm": llm}), tmp_path / "other")


def test_answers_are_read_once_and_written_with_what_they_were_judged_by(judged, tmp_path):
    results = execute(judged(), tmp_path / "out")
    assert len(read_answers(tmp_path / "out" / "answers" / "songs" / "read.jsonl")) == 6
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["experiment"]["judges"] == results.experiment.judges.as_dict()
