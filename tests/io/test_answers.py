"""Answers in files: both forms read back what was written, and what is neither is refused in one line."""

import json
from dataclasses import replace

import pytest

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation import evaluate_answers
from rankify.io.answers import FORMS, as_record, form_of, read_answers, write_answers
from rankify.io.dpr import read_dpr
from rankify.types import Answer, Query

PASSAGES = (
    Document("007", "Il pleut \u00e0 Paris.", "Paris", {"has_answer": True, "lang": "fr"}),
    Document("\u0434\u043e\u043c", "", "\u6771\u4eac"),
)
ANSWERS = [
    Answer(
        query=Query("q1", "Where does it rain?", {"answers": ["Paris", "\u5df4\u9ece"], "query_id": "q1", "level": 3}),
        text="In \u5df4\u9ece [1].\nAlways.", citations=("007",), contexts=PASSAGES, reasoning="Il pleut.",
        confidence=0.25, usage={"asked": 2, "prompt_tokens": 90},
    ),
    Answer(query=Query("q2", "And why?", {"query_id": "q2"}), text=""),
]  # fmt: skip


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz"])
def test_dprs_form_loses_nothing_of_an_answer(tmp_path, name):
    write_answers(ANSWERS, tmp_path / name, form="dpr")
    assert read_answers(tmp_path / name) == ANSWERS
    write_answers(read_answers(tmp_path / name), tmp_path / f"again-{name}", form="dpr")
    assert (tmp_path / f"again-{name}").read_bytes() == (tmp_path / name).read_bytes()


def test_dprs_form_has_the_keys_that_others_read(tmp_path):
    write_answers(ANSWERS, tmp_path / "a.json")
    first, second = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert (first["question"], first["answers"]) == ("Where does it rain?", ["Paris", "\u5df4\u9ece"])
    assert first["ctxs"] == [
        {"id": "007", "score": 2.0, "title": "Paris", "text": PASSAGES[0].text, "has_answer": True, "lang": "fr"},
        {"id": "\u0434\u043e\u043c", "score": 1.0, "title": "\u6771\u4eac", "text": ""},
    ]  # fmt: skip
    assert first["prediction"] == {
        "text": "In \u5df4\u9ece [1].\nAlways.", "citations": ["007"], "reasoning": "Il pleut.", "confidence": 0.25,
        "usage": {"asked": 2, "prompt_tokens": 90},
    }  # fmt: skip
    assert "answers" not in second
    assert read_dpr(tmp_path / "a.json").queries[1].metadata["prediction"]["text"] == ""


def test_questions_of_a_file_that_is_spelled_otherwise_keep_all_they_say(tmp_path):
    given = {"question": "Who?", "id": 7, "answer": "Ann", "ctxs": [{"id": 1, "score": "3.5", "text": "Ann did."}]}
    (tmp_path / "in.json").write_text(json.dumps([given]))
    [ranking] = read_dpr(tmp_path / "in.json")
    answer = Answer(query=ranking.query, text="Ann", contexts=tuple(ranking.documents))
    write_answers([answer], tmp_path / "out.json")
    [found] = read_answers(tmp_path / "out.json")
    assert (found.text, found.query.id, found.query.metadata["answers"]) == ("Ann", "7", ["Ann"])
    assert (found.contexts[0].id, found.contexts[0].text, found.contexts[0].metadata["id"]) == ("1", "Ann did.", 1)


@pytest.mark.parametrize("cited", [(), ("a",), ("b", "a"), ("x",)])
def test_whether_contexts_hold_an_answer_is_the_same_in_both_forms(tmp_path, cited):
    """Also of contexts that no answer cites; those that are cited hold one more often than not."""
    shown = (Document("a", "It is Paris."), Document("b", "It is Rome."))
    asked = [Query(golds[0], "?", {"answers": golds}) for golds in (["Paris"], ["Rome"], ["Bern"])]
    answers = [Answer(query=query, text="Paris", contexts=shown, citations=cited) for query in asked]
    for name in ("a.json", "a.jsonl"):
        write_answers(answers, tmp_path / name)
        found = evaluate_answers(read_answers(tmp_path / name), measures="has_answer@1 has_answer@2")
        assert (found["has_answer@1"], found["has_answer@2"], found.reasons) == (1 / 3, 2 / 3, {})


def test_a_text_is_written_once_and_one_that_is_not_known_is_not(tmp_path):
    shown = (Document("a", "It is Paris."), Document("b", "It is Rome."), Document("c", ""))
    record = as_record(Answer(query=Query("q", "?"), text="Paris", contexts=shown, citations=("a",)))
    assert record["citations"] == [{"id": "a", "title": "", "text": "It is Paris."}]
    assert record["uncited"] == [{"id": "b", "title": "", "text": "It is Rome."}]
    assert record["contexts"] == ["a", "b", "c"]


def test_contexts_that_are_written_as_ids_alone_are_not_known(tmp_path):
    """As they were in earlier files; one that is cited tells nothing of the others."""
    lines = [{"id": "q", "answer": "Paris", "gold": ["Paris"], "contexts": ["a", "b"]}]
    lines[0]["citations"] = [{"id": "a", "text": "Paris"}]
    (tmp_path / "a.jsonl").write_text(json.dumps(lines[0]) + "\n")
    found = evaluate_answers(read_answers(tmp_path / "a.jsonl"), measures="has_answer@1 has_answer@2")
    assert found["has_answer@1"] == 1
    assert found.reasons == {"has_answer@2": {"q": "the text of context 'b' is not known"}}


def test_lines_of_answers_have_what_they_cite_and_the_gold_answers(tmp_path):
    write_answers(ANSWERS, tmp_path / "a.jsonl")
    first, second = read_answers(tmp_path / "a.jsonl")
    plain = Document("007", PASSAGES[0].text, "Paris"), Document("\u0434\u043e\u043c", "", "\u6771\u4eac")
    query = Query("q1", "Where does it rain?", {"answers": ["Paris", "\u5df4\u9ece"]})
    assert first == replace(ANSWERS[0], query=query, contexts=plain)
    assert second == replace(ANSWERS[1], query=Query("q2", "And why?"))


@pytest.mark.parametrize("key", ["prediction", "pred"])
def test_answers_of_others_may_be_plain_texts(tmp_path, key):
    record = {"question": "Who?", "golden_answers": ["Ann"], "id": "q", key: "Bob"}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    [found] = read_answers(tmp_path / "a.jsonl")
    assert (found.text, found.contexts) == ("Bob", ())
    assert found.query.metadata == {"answers": ["Ann"], "id": "q"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("confidence", [float("-inf"), float("inf"), float("nan")])
def test_a_confidence_that_is_no_number_is_refused_before_anything_is_written(tmp_path, form, confidence):
    (tmp_path / "a.json").write_text("kept")
    with pytest.raises(BadInput, match=r"the answer to question 'q2' has the confidence -?(inf|nan): it is a finite"):
        write_answers([ANSWERS[0], replace(ANSWERS[1], confidence=confidence)], tmp_path / "a.json", form=form)
    assert (tmp_path / "a.json").read_text() == "kept"


@pytest.mark.parametrize("form", FORMS)
def test_what_an_answer_cites_keeps_its_order_even_where_it_was_not_shown(tmp_path, form):
    answer = replace(ANSWERS[0], citations=("unseen", "\u0434\u043e\u043c", "007"))
    write_answers([answer], tmp_path / "a.jsonl", form=form)
    [found] = read_answers(tmp_path / "a.jsonl")
    assert found.citations == answer.citations
    assert [context.id for context in found.contexts] == ["007", "\u0434\u043e\u043c"]
    write_answers([found], tmp_path / "again.jsonl", form=form)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "a.jsonl").read_bytes()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("confidence", "0.5", "the confidence is '0.5': it is a finite number, on the reader's own scale"),
        ("confidence", True, "the confidence is True: it is a finite number"),
        ("confidence", float("nan"), "the confidence is nan: it is a finite number"),
        ("confidence", float("-inf"), "the confidence is -inf: it is a finite number"),
        ("confidence", 10**400, "the confidence is 1000.*: it is a finite number"),
        ("confidence", [1], r"the confidence is \[1\]: it is a finite number"),
        ("usage", [1], r"the usage is \[1\]: it is an object of finite numbers"),
        ("usage", {"asked": "2"}, "the usage 'asked' is '2': it is a finite number"),
        ("usage", {"asked": float("inf")}, "the usage 'asked' is inf: it is a finite number"),
        ("reasoning", 3, "the reasoning is 3: it is a text"),
    ],
)
def test_what_is_beside_an_answer_is_checked(tmp_path, form, key, value, message):
    if form == "dpr":
        record = {"question": "q?", "id": "1", "prediction": {"text": "a", key: value}}
    else:
        record = {"id": "1", "answer": "a", "contexts": [], "citations": [], key: value}
    (tmp_path / "a.jsonl").write_text(json.dumps(record) + "\n")
    with pytest.raises(BadInput, match=message) as error:
        read_answers(tmp_path / "a.jsonl")
    assert str(error.value).startswith(str(tmp_path / "a.jsonl"))


@pytest.mark.parametrize(
    ("path", "form", "error", "message"),
    [
        ("a.txt", None, Misuse, r"a.txt: in which form\? a name in .jsonl"),
        ("/dev/stdout", None, Misuse, "name the form: answers or dpr"),
        ("a.json", "dpt", UnknownName, "no form of answers 'dpt'; did you mean 'dpr'"),
    ],
)
def test_a_form_that_is_not_known_is_refused(path, form, error, message):
    with pytest.raises(error, match=message):
        form_of(path, form)


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "a.jsonl has no answers"),
        ([{"question": "q?", "answer": "gold"}], "is no answer of a system.*it has 'question', 'answer'"),
        ([{"question": "q?", "prediction": "a"}, {"question": "r?"}], "question '2' has no 'prediction'"),
        ([{"question": "q?", "prediction": 3}], "its 'prediction' is 3 instead of a text"),
        ([{"id": "1", "answer": 3, "contexts": [], "citations": []}], "a.jsonl:1: an answer has an 'id'"),
        ([{"id": "1", "answer": "", "contexts": [], "citations": ["x"]}], "a citation is 'x' instead of an object"),
        ([{"id": "1", "answer": "", "contexts": [], "citations": [], "uncited": ["x"]}], "not cited is 'x' instead"),
        ([{"id": "1", "answer": "", "contexts": [], "citations": [], "uncited": "x"}], "as 'contexts', 'citations'"),
        ([{"id": "", "answer": "", "contexts": [], "citations": []}], "the id '' is no id"),
        ([{"question": "q?", "prediction": {"text": "a", "citations": "d1"}}], "its citations are 'd1' instead of a"),
        ([{"question": "q?", "prediction": {"text": "a", "citations": [None]}}], "id"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_answers_is_refused(tmp_path, records, message):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    with pytest.raises(BadInput, match=message):
        read_answers(tmp_path / "a.jsonl")
