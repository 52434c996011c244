"""`rankify confidence`: the curve of risk and coverage of a file of answers, and the threshold of a wanted risk."""

import json

import pytest

FOUR = (("1", "Rome", 0.9, "Rome"), ("2", "Bonn", 0.8, "Bern"), ("3", "Oslo", 0.7, "Oslo"), ("4", "x", 0.6, "Paris"))


def rows(*answers):
    return [
        {"id": id, "question": "?", "answers": [gold], "ctxs": [], "prediction": {"text": text, "confidence": sure}}
        for id, text, sure, gold in answers
    ]


@pytest.fixture
def answers(tmp_path):
    (tmp_path / "answers.json").write_text(json.dumps(rows(*FOUR, ("5", "", None, "Riga"))))
    return tmp_path / "answers.json"


def test_the_curve_is_that_of_the_call(as_json, answers):
    found = as_json("confidence", answers)
    assert [[*point.values()] for point in found["curve"]] == [
        [0.9, 0.2, 0.0], [0.8, 0.4, 0.5], [0.7, 0.6, pytest.approx(1 / 3)], [0.6, 0.8, 0.5],
    ]  # fmt: skip
    assert (found["questions"], found["answered"], found["coverage"], found["risk"]) == (5, 4, 0.8, 0.5)
    assert found["AUROC"] == 0.75
    assert "wanted" not in found


def test_the_threshold_of_a_wanted_risk_is_told(as_json, rankify, answers):
    assert as_json("confidence", answers, "--risk", "0.4")["wanted"] == {"risk": 0.4, "delta": None, "threshold": 0.7}
    assert "threshold=0.7: coverage 0.6000, risk 0.3333" in rankify("confidence", answers, "--risk", "0.4")[1]


def test_a_threshold_that_is_sure_needs_more_answers(rankify, answers):
    code, _, err = rankify("confidence", answers, "--risk", "0.4", "--delta", "0.1")
    assert (code, err.strip()) == (
        1, "rankify: no threshold keeps the risk at 0.4 or below, except with probability 0.1, with 4 answers",
    )  # fmt: skip


def test_a_screen_has_ten_points_of_a_long_curve_to_its_end(rankify, tmp_path):
    many = [(str(n), "Rome" if n % 3 else "x", n / 100, "Rome") for n in range(1, 101)]
    (tmp_path / "many.json").write_text(json.dumps(rows(*many)))
    out = rankify("confidence", tmp_path / "many.json")[1]
    shown = [line.split()[1] for line in out.splitlines() if line.strip()[:2] in ("0.", "1 ")]
    assert shown == [f"{share / 10:.4f}" for share in range(1, 11)]
    assert "100 questions, 100 answered" in out


def test_a_measure_may_be_another_and_gold_answers_those_of_a_collection(as_json, answers, tmp_path):
    lines = [{"id": "1", "question": "", "answer": "in Oslo", "contexts": [], "citations": [], "confidence": 0.5}]
    (tmp_path / "mine.jsonl").write_text(json.dumps(lines[0]) + "\n")
    (tmp_path / "gold.json").write_text(json.dumps(rows(("1", "", None, "Oslo"), ("2", "", None, "Rome"))))
    found = as_json("confidence", tmp_path / "mine.jsonl", tmp_path / "gold.json", "-m", "contains")
    assert (found["measure"], found["risk"], found["AUROC"]) == ("contains", 0.0, None)
    assert (found["questions"], found["coverage"]) == (2, 0.5)


def test_a_point_is_shown_once_and_what_is_not_known_is_not(rankify, tmp_path):
    (tmp_path / "two.json").write_text(json.dumps(rows(FOUR[0], FOUR[2])))
    out = rankify("confidence", tmp_path / "two.json")[1]
    assert out.count("0.0000\n") + out.count("0.0000 \n") == 2
    assert "nan" not in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--delta", "0.1"], 2, "--delta 0.1 is of a wanted risk; give --risk too"),
        (["--risk", "2"], 2, "--risk 2.0: it is a share, from 0 to 1"),
        (["--risk", "nan"], 2, "--risk nan: it is a share, from 0 to 1"),
        (["-m", "em"], 2, "no measure of an answer's text 'em'; did you mean 'EM'?"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(rankify, answers, words, code, said):
    assert rankify("confidence", answers, *words)[::2] == (code, f"rankify: {said}\n")


def test_an_answer_without_a_confidence_is_named(rankify, tmp_path):
    (tmp_path / "unsure.json").write_text(json.dumps(rows(("7", "Rome", None, "Rome"))))
    code, _, err = rankify("confidence", tmp_path / "unsure.json")
    assert code == 1
    assert "the answer to question '7' has no confidence; use a reader that says how sure it is" in err
