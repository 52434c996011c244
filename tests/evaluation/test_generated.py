"""ROUGE and BLEU equal their libraries, also of several gold answers and of none that was given."""

import pytest
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

from rankify.evaluation import evaluate_answers
from rankify.types import Answer, Query

TEXTS = {"a": "the cat the cat sat", "b": "A man was running\nthrough the woods.", "c": "", "d": "\u6771\u4eac"}
GOLDS = {
    "a": ["the cat sat on the mat", "a cat"],
    "b": ["A man runs\nin the woods."],
    "c": ["nothing", "none at all", "no"],
    "d": ["\u6771\u4eac"],
}
ROUGE = ["ROUGE-1", "ROUGE-2", "ROUGE-L", "ROUGE-Lsum"]


def evaluated(measures, texts=TEXTS, golds=GOLDS):
    return evaluate_answers([Answer(query=Query(id, "?"), text=text) for id, text in texts.items()], golds, measures)


@pytest.mark.parametrize("name", ROUGE)
def test_rouge_is_the_librarys_of_the_best_gold_answer(name):
    kind = name.replace("ROUGE-", "rouge")
    scorer = RougeScorer([kind], use_stemmer=True)
    for id, value in evaluated(name).per_query[name].items():
        assert value == max(scorer.score(gold, TEXTS[id])[kind].fmeasure for gold in GOLDS[id])


def test_rouge_of_a_published_pair():
    found = evaluated(ROUGE, {"a": "the cat the cat sat"}, {"a": ["the cat sat on the mat"]})
    assert [found[name] for name in ROUGE[:3]] == pytest.approx([8 / 11, 4 / 9, 6 / 11], abs=1e-4)


def test_bleu_is_the_librarys_of_all_answers_together():
    streams = [[golds[n] if n < len(golds) else None for golds in GOLDS.values()] for n in range(3)]
    found = evaluated("BLEU")
    assert found["BLEU"] == sacrebleu.corpus_bleu([*TEXTS.values()], streams).score / 100
    assert found["BLEU"] > 0
    for id, value in found.per_query["BLEU"].items():
        assert value == sacrebleu.sentence_bleu(TEXTS[id], GOLDS[id]).score / 100


def test_a_question_without_an_answer_counts_as_an_empty_one():
    missing = evaluated("BLEU ROUGE-1", {k: v for k, v in TEXTS.items() if k != "b"})
    empty = evaluated("BLEU ROUGE-1", {**TEXTS, "b": ""})
    assert dict(missing) == dict(empty)
    assert missing.missing == ("b",)
