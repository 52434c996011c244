"""One place has the names of all measures of answers, and each is computed where it says."""

from importlib import import_module
from importlib.util import find_spec

import pytest

from rankify.errors import UnknownName
from rankify.evaluation import answer_measures, answers, evaluate_answers
from rankify.evaluation.names import better
from rankify.evaluation.ragas_measures import OF_JUDGES, WITH_VECTORS
from rankify.types import Answer, Query

BY_MODELS = {
    "citations.evaluate_citations": {"citation_recall", "citation_precision"},
    "alce.evaluate_claims": {"claims_nli"},
    "alce.evaluate_qa": {"qa_em", "qa_f1", "qa_hit"},
    "bertscore.evaluate_bertscore": {"BERTScore-P", "BERTScore-R", "BERTScore-F1"},
    "ragas.evaluate_ragas": {*OF_JUDGES},
}


def test_every_measure_is_listed_with_what_computes_it():
    without = {*answers.OF_ANSWERS, *answers.BESIDE, *answers.OF_PASSAGES}
    for by, names in {"evaluate_answers": without, **BY_MODELS}.items():
        assert {name for name, measure in answer_measures().items() if measure.by == by} == names
    assert {measure.by for measure in answer_measures().values()} == {"evaluate_answers", *BY_MODELS}


@pytest.mark.parametrize("by", BY_MODELS)
def test_what_computes_a_measure_is_there(by):
    module, _, function = by.partition(".")
    assert find_spec(f"rankify.evaluation.{module}")
    assert callable(getattr(import_module(f"rankify.evaluation.{module}"), function))


def test_a_measure_says_what_it_needs():
    needs = {name: measure.needs for name, measure in answer_measures().items()}
    assert (needs["EM"], needs["BLEU"], needs["claims_nli"]) == ("", "answers", "a model of inference")
    assert {name for name in OF_JUDGES if "encoder" in needs[name]} == {*WITH_VECTORS}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("faithfulness", "needs a language model: it is computed by rankify.evaluation.ragas.evaluate_ragas"),
        ("noise_sensitivity(mode=irrelevant)", "needs a language model"),
        ("faithfullness", "no measure of answers 'faithfullness'; did you mean 'faithfulness'"),
        ("has_answer", "measure 'has_answer' is of the best k contexts; write has_answer@5"),
    ],
)  # fmt: skip
def test_a_measure_that_needs_a_model_says_where_it_is(name, message):
    with pytest.raises(UnknownName, match=message):
        evaluate_answers([Answer(query=Query("q", "?", {"answers": ["x"]}), text="x")], measures=name)


@pytest.mark.parametrize(
    ("names", "end"),
    [
        ("cites_unknown noise_sensitivity noise_sensitivity(mode=irrelevant)", "less"),
        ("length NumQ NumRel NumRel(rel=2) NumRet Judged@10", "neither"),
        ("NumRelRet NumRet(rel=1) nDCG@10 AP EM has_answer@5 faithfulness R(rel=2)@100", "more"),
    ],
)
def test_a_measure_says_which_end_is_good(names, end):
    assert {name: better(name) for name in names.split()} == dict.fromkeys(names.split(), end)
