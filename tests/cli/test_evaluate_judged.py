"""`rankify evaluate` with measures that ask models."""

import json

import pytest

from tests.experiment.conftest import said
from tests.tiny_spans import first_word


@pytest.fixture
def served(serving):
    return serving(judging)


@pytest.fixture
def answers(tmp_path):
    contexts = [{"id": "a", "title": "", "text": "Cats purr."}, {"id": "b", "title": "", "text": "Dogs bark."}]
    rows = [
        {"id": n, "question": f"What {n}?", "answers": ["Cats purr."], "ctxs": contexts,
         "prediction": {"text": text, "citations": ["a"]}}
        for n, text in (("1", "Cats purr [1]."), ("2", "Cows moo [1]."))
    ]  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(rows))
    return tmp_path / "answers.json"


def judging(body, _):
    """Everything follows that is about cats."""
    prompt = body["messages"][-1]["content"].rpartition("input: ")[2]
    if '"statements"' in prompt:
        return said(json.dumps({"statements": [{"statement": "x", "reason": "", "verdict": int("purr [" in prompt)}]}))
    return said(json.dumps({"statements": ["Cats purr [1]." if "Cats" in prompt else "Cows moo."]}))


def test_a_language_model_is_named_and_counted(served, answers, as_json, rankify):
    words = ["evaluate", answers, "-m", "faithfulness EM", "--judge", f"http:m?base_url={served.url}"]
    found = as_json(*words, "--per-query")
    assert found["per_query"] == {"faithfulness": {"1": 1.0, "2": 0.0}, "EM": {"1": 1.0, "2": 0.0}}
    assert found["took"]["asked"] == 4
    assert "4 asked" in rankify(*words)[1]


def test_replies_are_kept_until_all_measures_are_there(served, answers, rankify):
    broken = [True]

    def answer(body, number):
        about_cows = "Cows" in body["messages"][-1]["content"].rpartition("input: ")[2]
        if broken and about_cows:
            return (400, {}, {"error": {"message": "no more"}})
        asked.append(json.dumps(body))
        return judging(body, number)

    served.answer, asked = answer, []
    words = ["evaluate", str(answers), "-m", "faithfulness", "--judge", f"http:m?base_url={served.url}&parallel=1"]
    code, _, err = rankify(*words)
    assert (code, "Traceback" in err) == (1, False)
    assert "no more" in err
    broken.clear()
    assert rankify(*words)[0] == 0
    assert len(asked) == len({*asked}) == 4
    assert [path.name for path in answers.parent.iterdir()] == ["answers.json"]


def test_what_rankify_answer_left_for_its_next_start_stays(served, answers, as_json):
    left = answers.with_name(".answers.json.replies")
    left.mkdir()
    as_json("evaluate", answers, "-m", "faithfulness", "--judge", f"http:m?base_url={served.url}")
    as_json("evaluate", answers, "-m", "EM")
    assert left.is_dir()


def test_a_collection_has_what_a_file_of_answers_lacks(as_json, collection, tmp_path):
    line = {"id": "1", "question": "", "gold": ["rank"], "answer": "rank", "contexts": ["007", "a b"], "citations": []}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line) + "\n")
    wanted = "EM has_answer@1 answer_substring@2 id_based_context_recall"
    alone = as_json("evaluate", tmp_path / "mine.jsonl", "-m", wanted)["measures"]
    assert (alone["EM"], alone["has_answer@1"]) == (1, None)
    found = as_json("evaluate", tmp_path / "mine.jsonl", collection, "-m", wanted)["measures"]
    assert found == {"EM": 1, "has_answer@1": 1, "answer_substring@2": 1, "id_based_context_recall": 1}


def test_texts_may_be_compared_as_unicode_does(as_json, tmp_path):
    line = {"id": "1", "gold": ["1984"], "answer": "\uff11\uff19\uff18\uff14", "contexts": [], "citations": []}
    (tmp_path / "mine.jsonl").write_text(json.dumps(line) + "\n")
    found = [as_json("evaluate", tmp_path / "mine.jsonl", "-m", "EM", *how) for how in ([], ["--normal", "unicode"])]
    assert [one["measures"]["EM"] for one in found] == [0, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-m", "EM faithfulness"], "faithfulness needs a language model; name it, e.g. --judge http:gpt-4o-mini"),
        (["-m", "citation_recall"], "citation_recall needs a model of inference; name it, e.g. --nli cross-encoder:"),
        (["-m", "BERTScore-F1"], "BERTScore-F1 needs an encoder; name it, e.g. --bertscore"),
        (["-m", "semantic_similarity"], "semantic_similarity needs an encoder; name it, e.g. --encoder dense:"),
        (["-m", "semantic_similarity", "--encoder", "dense:x", "--judge", "http:m"], "no measure asks this model"),
        (["-m", "EM", "--normal", "unicod"], "did you mean 'unicode'?"),
        (["-m", "citation_recall", "--nli", "nothing"], "'nothing' is no model of inference"),
        (["-m", "faithfulness(x=1)", "--judge", "http:m"], "no option of faithfulness 'x'"),
    ],
)
def test_a_judge_that_is_missing_or_wrong_is_told_in_one_line(rankify, answers, words, message):
    code, _, err = rankify("evaluate", answers, *words)
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_a_run_has_no_judges(rankify):
    code, _, err = rankify("evaluate", "some.trec", "qrels.txt", "--judge", "http:m")
    assert (code, "--judge http:m: measures of rankings ask no model" in " ".join(err.split())) == (2, True)


def test_a_reader_of_spans_is_named(tmp_path, as_json, rankify):
    pairs = [{"question": "what is?", "short_answers": ["a cat"]}, {"question": "who?", "short_answers": ["dog"]}]
    row = {"id": "1", "question": "?", "qa_pairs": pairs, "ctxs": [], "prediction": "cat [1], the dog"}
    (tmp_path / "answers.json").write_text(json.dumps([row, {**row, "id": "2", "prediction": ""}]))
    words = ("evaluate", tmp_path / "answers.json", "-m", "qa_em qa_hit str_hit")
    found = as_json(*words, "--qa", first_word(tmp_path / "model"))["measures"]
    assert found == {"qa_em": 0.25, "qa_hit": 0, "str_hit": 0.5}
    code, _, err = rankify(*words)
    assert code == 2
    assert "qa_em needs a reader of spans; name it, e.g. --qa gaotianyu1350/roberta-large-squad" in err
