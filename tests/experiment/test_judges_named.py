"""What an experiment's file says of the models that its measures ask, checked before anything starts."""

import sys

import pytest

from rankify.errors import BadInput, MissingExtra, Misuse, RankifyError, Several, UnknownName
from rankify.experiment import Experiment

READS = {"name": "x", "datasets": ["pydoc"], "systems": {"read": "bm25 % 3 >> extractive"}}
NLI, LLM = "cross-encoder:cross-encoder/nli-deberta-v3-base", "http:m?base_url=http://127.0.0.1:9"


def plan(measures, **judges):
    return Experiment.of({**READS, "measures": measures, **({"judges": judges} if judges else {})})


def test_a_file_says_it_once_and_reads_back():
    measures = "EM faithfulness answer_relevancy(strictness=2) citation_recall claims_nli BERTScore-F1 qa_em"
    named = {"llm": LLM, "nli": NLI, "encoder": "dense:a/b", "bertscore": "c/d", "qa": "e/f"}
    found = plan(measures, **named)
    assert found.as_dict()["judges"] == named
    assert plan(measures, **found.as_dict()["judges"]) == found
    assert found.wanted.answers == tuple(measures.split())
    assert "judges" not in plan("EM").as_dict()


def test_measures_of_one_judge_are_computed_together():
    wanted = plan("qa_hit faithfulness EM context_recall qa_em", llm=LLM, qa="e/f").wanted
    assert wanted.by_judge() == [("qa_hit", "qa_em"), ("faithfulness", "context_recall")]


@pytest.mark.parametrize(
    ("measures", "judges", "message"),
    [
        ("faithfulness", {}, "judges: faithfulness needs a language model; name it, e.g. judges: {llm: 'http:gpt-4o"),
        ("claims_nli", {"llm": LLM}, "judges: claims_nli needs a model of inference; name it, e.g. judges: {nli: '"),
        ("answer_relevancy", {"llm": LLM}, "answer_relevancy needs an encoder; name it, e.g. judges: {encoder: '"),
        ("BERTScore-P", {}, "BERTScore-P needs an encoder; name it, e.g. judges: {bertscore: 'FacebookAI/rob"),
        ("qa_f1", {}, "qa_f1 needs a reader of spans; name it, e.g. judges: {qa: '"),
        ("EM", {"nli": NLI}, "judges: nli: no measure asks this model; leave it out"),
        ("nDCG@10", {"llm": LLM}, "judges: llm: no measure asks this model"),
        ("EM", {"judge": LLM}, "judges: no key 'judge'; there are: bertscore, encoder, llm, nli, qa"),
        ("faithfulness", {"llm": ""}, "judges: llm: '' names no model"),
        ("faithfulness", {"llm": ["a"]}, "judges: llm: ['a'] names no model"),
        ("claims_nli", {"nli": "bert"}, "'bert' is no model of inference; write hf:MODEL or cross-encoder:MODEL"),
        ("answer_relevancy(strictness=0)", {"llm": LLM}, "measures: strictness=0: at least one question is written"),
        ("citation_recall(most=1)", {"nli": NLI}, "measures: cannot read the measure 'citation_recall(most=1)'"),
    ],
)
def test_what_makes_no_whole_is_told(measures, judges, message):
    with pytest.raises(Misuse) as error:
        plan(measures, **judges)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("said", ["http:gpt-4o-mini", ["a"], None, 3])
def test_judges_are_a_mapping(said):
    with pytest.raises(Misuse, match=r"judges: .* is no mapping; write e\.g\. \{llm: http:gpt-4o-mini\}"):
        Experiment.of({**READS, "measures": "faithfulness", "judges": said})


@pytest.mark.parametrize(
    ("measures", "judges", "error", "message"),
    [
        ("Faithfulness", {"llm": LLM}, UnknownName, "did you mean 'faithfulness'"),
        ("FAITHFULNESS(x=1)", {"llm": LLM}, UnknownName, "did you mean 'faithfulness'"),
        ("bertscore-f1", {"bertscore": "a/b"}, UnknownName, "did you mean 'BERTScore-F1'"),
        ("faithfulness(x=1)", {"llm": LLM}, UnknownName, "no option of faithfulness 'x'"),
        ("faithfulness", {"llm": "http:m?base=3"}, UnknownName, "no option of llm 'http' 'base'"),
        ("answer_relevancy", {"llm": LLM, "encoder": "dens:a"}, UnknownName, "no encoder 'dens'; did you mean 'dense'"),
        ("faithfulness", {"llm": "hf:./nowhere"}, BadInput, "no file or folder './nowhere'"),
        ("claims_nli", {"nli": "cross-encoder:./nowhere"}, BadInput, "no file or folder './nowhere'"),
        ("claims_nli", {"nli": "hf:./nowhere"}, BadInput, "no file or folder './nowhere'"),
        ("BERTScore-R", {"bertscore": "./nowhere"}, BadInput, "bertscore: model: no file or folder './nowhere'"),
        ("qa_em", {"qa": "~/nowhere"}, BadInput, "qa: model: no file or folder '~/nowhere'"),
        ("answer_relevancy", {"llm": LLM, "encoder": "cohere:x"}, BadInput, "the key is not set: export C"),
        ("faithfulness", {"llm": "http:gpt-4o-mini"}, BadInput, "the key is not set: export OPENAI_API_KEY"),
    ],
)
def test_what_a_model_lacks_is_told(measures, judges, error, message, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COHERE_API_KEY", "CO_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(error) as found:
        plan(measures, **judges)
    assert message in str(found.value)


@pytest.mark.parametrize("key", ["nli", "bertscore", "qa", "encoder", "llm"])
def test_a_library_that_is_not_installed_is_told(key, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    named = {"nli": NLI, "bertscore": "a/b", "qa": "a/b", "encoder": "dense:a/b", "llm": "hf:a/b"}
    measures = {"nli": "claims_nli", "bertscore": "BERTScore-P", "qa": "qa_em", "encoder": "answer_relevancy"}
    asks = {key: named[key], **({"llm": LLM} if key == "encoder" else {})}
    with pytest.raises(MissingExtra, match="needs torch, which is not installed"):
        plan(measures.get(key, "faithfulness"), **asks)


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(RankifyError) as error:
        Experiment.of({**READS, "measures": "emm", "judges": {"llm": ""}, "baseline": "x"})
    lines = str(error.value).splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == ["measures", "judges", "baseline"]


def test_a_system_has_to_answer():
    with pytest.raises(Misuse, match="faithfulness measures answers, and no system ends in a reader"):
        Experiment.of({**READS, "systems": {"a": "bm25"}, "measures": "faithfulness", "judges": {"llm": LLM}})


def test_all_that_is_wrong_with_judges_is_said_at_once():
    with pytest.raises(Several) as error:
        plan("faithfulness", llm=["a"], judge="x", other="y", nli="bert")
    found = [line for line in str(error.value).splitlines() if "judges: " in line]
    for part in ("no key 'judge'", "no key 'other'", "llm: ['a'] names no model", "'bert' is no model of inference"):
        assert sum(part in line for line in found) == 1
