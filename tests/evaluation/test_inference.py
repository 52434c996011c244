"""Models of natural language inference as judges: one that writes "1", and classifiers, against transformers alone."""

import json
from pathlib import Path

import pytest
import torch
import transformers

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.alce import evaluate_claims
from rankify.evaluation.citations import evaluate_citations
from rankify.evaluation.inference import Classifier, Inference, Writer, inference
from rankify.types import Answer, Query
from tests import tiny_llm, tiny_pairs
from tests.scripted_llm import Scripted

PAIRS = [("the cat and a dog", "a cat"), ("neural networks rank", "the dog"), ("what is rank", "rank"), ("", "cat")]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return tiny_pairs.inference(tmp_path_factory.mktemp("nli"))


def renamed(family, folder, *names):
    """The same model with other names for its classes."""
    place = Path(folder) / "model"
    place.mkdir()
    for file in Path(family.folder).iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    config = json.loads((place / "config.json").read_text())
    config |= {"id2label": dict(enumerate(names)), "label2id": {name: n for n, name in enumerate(names)}}
    (place / "config.json").write_text(json.dumps(config))
    return str(place)


def probabilities(family):
    return [family.score(premise, Document("", hypothesis)) for premise, hypothesis in PAIRS]


def test_a_classifier_says_what_its_class_of_entailment_says(classifier):
    scores = probabilities(classifier)
    for threshold in (0.5, 0.0, sorted(scores)[1] + 1e-4, sorted(scores)[2] + 1e-4):
        judge = inference(f"cross-encoder:{classifier.folder}", max_length=tiny_pairs.LIMIT, threshold=threshold)
        assert judge(PAIRS) == [score > threshold for score in scores]


@pytest.mark.parametrize("name", ["ENTAILMENT", "entail", "Entailment (1)"])
def test_the_class_is_found_by_its_name_and_never_by_its_opposite(classifier, tmp_path, name):
    place = renamed(classifier, tmp_path, "not_entailment", name, "neutral")
    scores = sorted(probabilities(classifier))
    middle = (scores[1] + scores[2]) / 2
    judge = inference(f"cross-encoder:{place}", max_length=tiny_pairs.LIMIT, threshold=middle)
    assert judge(PAIRS) == [score > middle for score in probabilities(classifier)]


def test_a_class_of_another_name_is_named(classifier, tmp_path):
    place = renamed(classifier, tmp_path, "LABEL_0", "LABEL_1", "LABEL_2")
    with pytest.raises(BadInput, match="has the classes LABEL_0, LABEL_1, LABEL_2, of which none begins with 'entail'"):
        Classifier(place)
    assert len(Classifier(place, label="LABEL_1")(PAIRS)) == 4
    with pytest.raises(UnknownName, match="did you mean"):
        Classifier(place, label="LABEL_3")


def test_a_language_model_is_asked_as_true_asks_it():
    llm = Scripted(lambda prompt, number: "1" if "cat" in prompt.partition("hypothesis:")[0] else " 10")
    assert Inference(Writer(llm))(PAIRS) == [True, False, False, False]
    assert llm.asked[0] == "premise: the cat and a dog hypothesis: a cat"
    assert llm.most == [10] * 4


def test_equal_pairs_are_asked_about_once():
    llm = Scripted(lambda prompt, number: "1")
    assert Inference(Writer(llm))([PAIRS[0], PAIRS[1], PAIRS[0]]) == [True] * 3
    assert len(llm.asked) == 2
    assert Inference(Writer(llm))([]) == []


def test_a_t5_writes_what_transformers_writes(tmp_path):
    folder = tiny_llm.t5(tmp_path, more_words=["premise", "hypothesis"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.T5ForConditionalGeneration.from_pretrained(folder).eval()
    found = []
    for premise, hypothesis in PAIRS:
        ids = tokenizer(f"premise: {premise} hypothesis: {hypothesis}", return_tensors="pt").input_ids
        with torch.no_grad():
            text = network.generate(ids, max_new_tokens=10, do_sample=False)
        found.append(tokenizer.decode(text[0], skip_special_tokens=True).strip())
    judge = inference(f"hf:{folder}")
    assert [reply.value.strip() for reply in judge.judge.llm.generate(
        [judge_prompt(*pair) for pair in PAIRS], max_tokens=10
    )] == found  # fmt: skip
    assert judge(PAIRS) == [text == "1" for text in found]


def judge_prompt(premise, hypothesis):
    from rankify.llm.protocol import Prompt

    return Prompt(text=f"premise: {premise} hypothesis: {hypothesis}")


def test_it_judges_citations_and_claims(classifier):
    judge = inference(f"cross-encoder:{classifier.folder}", max_length=tiny_pairs.LIMIT, threshold=0.0)
    answer = Answer(
        query=Query("q", "?", {"claims": ["cats", "dogs"]}), text="Cats rank [1][2]. Dogs [3].",
        contexts=(Document("a", "the cat"), Document("b", "a dog")),
    )  # fmt: skip
    assert dict(evaluate_citations([answer], judge)) == {"citation_recall": 0.5, "citation_precision": 1.0}
    assert dict(evaluate_claims([answer], judge)) == {"claims_nli": 1.0}


@pytest.mark.parametrize("spec", ["cross-encoder", "dense:a/b", "google/t5_xxl_true_nli_mixture"])
def test_what_is_no_model_of_inference_is_refused(spec):
    with pytest.raises(Misuse, match="is no model of inference; write hf:MODEL or cross-encoder:MODEL"):
        inference(spec)


def test_a_model_of_conversations_is_refused():
    llm = Scripted()
    llm.chats = True
    with pytest.raises(Misuse, match="goes on with no text as it stands"):
        Writer(llm)


def test_a_threshold_is_a_probability(classifier):
    with pytest.raises(Misuse, match="threshold=1: it is a probability below 1"):
        Classifier(classifier.folder, threshold=1)
