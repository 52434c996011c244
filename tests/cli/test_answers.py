"""`rankify answer` writes both forms, and `rankify evaluate` measures both."""

import json

import pytest

QUESTIONS = [
    {
        "question": "Who wrote Hamlet?", "answers": ["Shakespeare"], "id": "h",
        "ctxs": [
            {"id": "1", "score": 2, "title": "Hamlet", "text": "Hamlet is a play. Shakespeare wrote Hamlet."},
            {"id": "2", "score": 1, "title": "Macbeth", "text": "Macbeth is another play."},
        ],
    },
    {
        "question": "Where is Paris?", "answers": ["France"], "id": "p",
        "ctxs": [{"id": "3", "score": 2, "title": "Paris", "text": "Paris is a city in Texas."}],
    },
]  # fmt: skip


@pytest.fixture
def questions(tmp_path):
    (tmp_path / "questions.json").write_text(json.dumps(QUESTIONS))
    return tmp_path / "questions.json"


def test_answers_in_dprs_form_say_which_passages_hold_one(as_json, questions, tmp_path):
    as_json("answer", "bm25 % 2 >> extractive", questions, "-o", tmp_path / "answers.json")
    written = json.loads((tmp_path / "answers.json").read_text())
    assert [one["answers"] for one in written] == [["Shakespeare"], ["France"]]
    assert "Shakespeare" in written[0]["prediction"]["text"]
    held = {c["id"]: c["has_answer"] for one in written for c in one["ctxs"]}
    assert (held["1"], held["3"]) == (True, False)


@pytest.mark.parametrize("words", [["answers.json"], ["answers.jsonl"], ["answers.jsonl", "--form", "dpr"]])
def test_both_forms_are_measured(as_json, questions, tmp_path, words):
    name, *form = words
    as_json("answer", "bm25 % 2 >> extractive", questions, "-o", tmp_path / name, *form)
    found = as_json("evaluate", tmp_path / name, "-m", "contains length", "--per-query")
    assert found["measures"]["contains"] == 0.5
    assert found["per_query"]["contains"] == {"h": 1.0, "p": 0.0}
    assert found["queries"] == 2


def test_gold_answers_may_be_those_of_a_collection(as_json, questions, tmp_path):
    lines = [{"id": "h", "question": "", "answer": "Shakespeare", "contexts": ["1"], "citations": []}]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert as_json("evaluate", tmp_path / "mine.jsonl", questions)["measures"] == {
        "EM": 0.5,
        "F1": 0.5,
        "contains": 0.5,
    }


def test_a_question_of_a_collection_without_an_answer_is_right_where_nothing_is_said(as_json, tmp_path):
    golds = ([], [], ["Rome"], None)
    asked = [{"id": str(n), "question": "q", "answers": own, "ctxs": []} for n, own in enumerate(golds)]
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    said = [
        {"id": str(n), "answer": text, "contexts": [], "citations": []} for n, text in enumerate(("", "x", "Rome", "x"))
    ]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(line) + "\n" for line in said))
    found = as_json("evaluate", tmp_path / "mine.jsonl", tmp_path / "asked.json", "-m", "EM", "--per-query")
    assert found["per_query"] == {"EM": {"0": 1.0, "1": 0.0, "2": 1.0}}


def test_gold_answers_of_the_file_itself_count_where_the_collection_has_none(as_json, tmp_path):
    (tmp_path / "asked.json").write_text(json.dumps([{"id": "1", "question": "q", "answers": [], "ctxs": []}]))
    line = {"id": "1", "answer": "Rome", "gold": ["Rome"], "contexts": [], "citations": []}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line) + "\n")
    assert as_json("evaluate", tmp_path / "mine.jsonl", tmp_path / "asked.json", "-m", "EM")["measures"] == {"EM": 1.0}


def test_a_measure_without_a_value_says_why(as_json, rankify, questions, tmp_path):
    as_json("answer", "bm25 % 2 >> extractive", questions, "-o", tmp_path / "answers.jsonl")
    found = as_json("evaluate", tmp_path / "answers.jsonl", "-m", "str_em")
    assert found["measures"] == {"str_em": None}
    assert found["reasons"]["str_em"]["h"] == "the question has no qa_pairs in its metadata"
    said = rankify("evaluate", tmp_path / "answers.jsonl", "-m", "str_em")[1]
    assert "str_em is not known of 2 of them: the question has no qa_pairs" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["answer", "bm25", "{questions}", "-o", "answers.txt"], "answers.txt: in which form?"),
        (["answer", "bm25", "{questions}", "-o", "a.json", "--form", "dpt"], "did you mean 'dpr'?"),
        (["answer", "bm25", "{questions}", "--question", "?", "--form", "dpr"], "--form dpr is of a file of answers"),
        (["evaluate", "{questions}"], ".json:1: the first object is no answer of a system"),
        (["evaluate", "some.trec"], "some.trec is a run; give the judgments too"),
        (["evaluate", "{questions}", "--rel", "2"], "--rel 2: answers have no grades"),
        (["evaluate", "{questions}", "--condensed"], "--condensed: answers are no rankings; leave it out"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(rankify, questions, words, message):
    code, _, err = rankify(*(word.format(questions=questions) for word in words))
    assert code in (1, 2)
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_measures_of_answers_are_listed_beside_those_of_runs(as_json):
    rows = {row["measure"]: row for row in as_json("list", "measures")["measures"]}
    assert (rows["nDCG"]["of"], rows["EM"]["of"], rows["EM"]["needs"]) == ("runs", "answers", "")
    assert (rows["ROUGE-L"]["needs"], rows["faithfulness"]["needs"]) == ("", "a language model")
