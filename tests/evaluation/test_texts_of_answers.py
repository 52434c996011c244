"""What of an answer's text is measured: marks of citations, scripts, gold answers as they are written."""

import unicodedata

import pytest

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import evaluate_answers, evaluate_passages, matching
from rankify.types import Answer, Query, Ranking, Run

TWO = (Document("a", "Paris"), Document("b", "Lyon"))
TEXTS = "EM F1 precision recall ROUGE-L contains_words"


def answer(text, golds, **given):
    return Answer(query=Query("1", "?", {"answers": golds}), text=text, **given)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("Paris [1].", {"citations": ("a",)}),
        ("[2, 1] Paris", {"citations": ("a", "b")}),
        ("Paris [1][7]", {"citations": ("a",), "usage": {"cited_unknown": 1}}),
        ("Paris [7]", {"usage": {"cited_unknown": 1}}),
    ],
)
def test_marks_of_citations_are_no_words_of_an_answer(text, given):
    pytest.importorskip("rouge_score")
    scores = evaluate_answers([answer(text, ["Paris"], contexts=TWO, **given)], measures=TEXTS)
    assert dict(scores) == dict.fromkeys(TEXTS.split(), 1)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("[1] and array[1]", {}),
        ("array[1]", {"citations": ("b",)}),
        ("array[7]", {"citations": ("a",)}),
        ("array[7]", {"usage": {"asked": 1}}),
    ],
)
def test_what_stands_in_brackets_in_an_answer_that_does_not_cite_it_stays(text, given):
    scores = evaluate_answers([answer(text, [text], contexts=TWO, **given)], measures="EM F1 exact_match")
    assert dict(scores) == {"EM": 1, "F1": 1, "exact_match": 1}
    assert evaluate_answers([answer(text, ["array"], contexts=TWO, **given)], measures="EM")["EM"] == 0


def test_bleu_of_all_answers_and_of_each_is_without_marks():
    pytest.importorskip("sacrebleu")
    cited = answer("a cat sat on the mat [1]", ["a cat sat on the mat"], contexts=TWO, citations=("a",))
    scores = evaluate_answers([cited], measures="BLEU")
    assert scores["BLEU"] == scores.per_query["BLEU"]["1"] == pytest.approx(1)


def test_measures_of_the_text_as_it_stands_see_the_marks():
    cited = answer("Paris [1]", ["Paris [1]"], contexts=TWO, citations=("a",))
    assert evaluate_answers([cited], measures="exact_match string_presence")["exact_match"] == 1


SCRIPTS = [
    "القاهرة", "กรุงเทพมหานคร", "北京", "हिन्दी", "İstanbul", "Größe",
    "１２３", "👩‍👩‍👧", "Αθήνα", "서울", "Київ", "தமிழ்",  # noqa: RUF001
]  # fmt: skip


@pytest.mark.parametrize("text", SCRIPTS)
def test_every_script_is_equal_to_itself_and_to_nothing_else(text):
    measures = "EM F1 contains contains_words non_llm_string_similarity has_answer@1 answer_substring@1"
    same = evaluate_answers([answer(text, ["?!", text], contexts=(Document("d", f"x {text}, y"),))], measures=measures)
    assert dict(same) == dict.fromkeys(measures.split(), 1)
    other = evaluate_answers([answer("other", [text], contexts=(Document("d", "other"),))], measures=measures)
    assert max(value for name, value in other.items() if name != "non_llm_string_similarity") == 0


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        (unicodedata.normalize("NFD", "Beyoncé"), "Beyoncé"), ("“Hamlet”", "Hamlet"), ("don’t", "don't"),  # noqa: RUF001
        ("１９８４", "1984"), ("GRÖSSE", "Größe"), ("北京。", "北京"),  # noqa: RUF001
        ("\u200fالقاهرة", "القاهرة"), ("İstanbul", "i̇stanbul"),  # noqa: RUF001
    ],
)  # fmt: skip
def test_texts_that_unicode_takes_for_the_same_are_so_where_it_is_asked(text, gold):
    measures = "EM F1 precision recall contains contains_words"
    scores = evaluate_answers([answer(text, [gold])], measures=measures, normal="unicode")
    assert dict(scores) == dict.fromkeys(measures.split(), 1)
    assert evaluate_answers([answer(text, ["else"])], measures=measures, normal="unicode")["F1"] == 0


def test_the_published_normalisation_is_the_default():
    assert evaluate_answers([answer("１９８４", ["1984"])], measures="EM")["EM"] == 0  # noqa: RUF001
    with pytest.raises(UnknownName, match="did you mean 'unicode'"):
        evaluate_answers([answer("x", ["x"])], measures="EM", normal="unicod")


def test_patterns_are_matched_as_they_are():
    scores = evaluate_answers([answer("Ab", [r"A\w"])], measures="EM", normal="unicode", patterns=True)
    assert scores["EM"] == 1


@pytest.mark.parametrize("golds", [1984, 19.5, True])
def test_a_number_is_one_gold_answer(golds):
    assert evaluate_answers([answer(f"{golds}", golds)], measures="EM")["EM"] == 1


@pytest.mark.parametrize("golds", [{"text": "Paris"}, [None], [["Paris"]], [float("nan")], [{"a": 1}]])
def test_a_gold_answer_that_is_no_text_is_refused(golds):
    run = Run([Ranking(Query("1", "?", {"answers": golds}), [Document("d", "Paris")], [1.0])])
    with pytest.raises(BadInput, match=r"question '1': the gold answer .* is no text"):
        evaluate_answers([answer("Paris", golds)])
    with pytest.raises(BadInput, match="is no text"):
        evaluate_passages(run, measures="has_answer@1")


@pytest.mark.parametrize("measure", ["EM", "has_answer@1"])
def test_a_pattern_that_never_ends_is_refused(monkeypatch, measure):
    monkeypatch.setattr(matching, "LONGEST", 0.05)
    endless = answer("a" * 60 + " b", [r"(a|aa|a\w)+!"], contexts=(Document("d", "a" * 60 + " b"),))
    with pytest.raises(BadInput, match=r"takes more than 0.05 s on one text of 62 characters"):
        evaluate_answers([endless], measures=measure, patterns=True)


@pytest.mark.parametrize("gold", ["", " ", "\u200b"])
def test_an_empty_gold_answer_stands_in_no_passage_not_even_in_an_empty_one(gold):
    assert not matching.has_answer("", [gold])
