"""BERTScore equals its formula, computed with transformers alone on a tiny BERT."""

from math import isnan, log

import numpy as np
import pytest
import torch
import transformers

from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.evaluation import bertscore
from rankify.evaluation.bertscore import TokenReader, evaluate_bertscore
from rankify.types import Answer, Query
from tests import tiny

ANSWERS = {"a": "the cat and the dog", "b": "neural retrieval", "c": "", "d": "what is rank"}
GOLDS = {
    "a": ["a dog and a cat", "the cat"],
    "b": ["retrieval of documents by a neural network"],
    "c": ["nothing", "no"],
    "d": ["what is rank"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.tiny_bert(tmp_path_factory.mktemp("bert"))


def answers():
    return [Answer(query=Query(id, "?"), text=text) for id, text in ANSWERS.items()]


def formula(folder, text, gold, layer, weights):
    """P, R and F1 of one pair, a text at a time, without padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()

    def read(words):
        ids = tokenizer(words)["input_ids"]
        with torch.no_grad():
            states = network(torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0].double()
        return ids, states / states.norm(dim=1, keepdim=True)

    (ours, x), (theirs, y) = read(text), read(gold)
    cosines = (x @ y.T).numpy()
    w, v = (np.array([weights(tokenizer, id) for id in ids]) for ids in (ours, theirs))
    p, r = (w * cosines.max(1)).sum() / w.sum(), (v * cosines.max(0)).sum() / v.sum()
    return p, r, 2 * p * r / (p + r)


def plain(tokenizer, id):
    return float(id not in (tokenizer.cls_token_id, tokenizer.sep_token_id))


def rare(tokenizer, id):
    texts = [{*tokenizer(gold)["input_ids"]} for golds in GOLDS.values() for gold in golds]
    return plain(tokenizer, id) * log((len(texts) + 1) / (sum(id in text for text in texts) + 1))


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize(("idf", "weights"), [(False, plain), (True, rare)])
def test_it_is_the_formula_and_the_best_gold_answer_counts(folder, layer, idf, weights):
    found = evaluate_bertscore(answers(), folder, GOLDS, layer=layer, idf=idf, device="cpu")
    for id in "abd":
        each = [formula(folder, ANSWERS[id], gold, layer, weights) for gold in GOLDS[id]]
        for name, column in zip(("P", "R", "F1"), zip(*each, strict=True), strict=True):
            assert found.per_query[f"BERTScore-{name}"][id] == pytest.approx(max(column), abs=1e-4)
    assert found.per_query["BERTScore-F1"]["d"] == pytest.approx(1, abs=1e-5)
    mean = sum(found.per_query["BERTScore-P"].values()) / 4
    assert found["BERTScore-P"] == pytest.approx(mean)


def test_an_answer_without_a_word_is_0(folder):
    found = evaluate_bertscore(answers(), folder, GOLDS)
    assert [found.per_query[name]["c"] for name in found] == [0, 0, 0]


def test_a_score_does_not_depend_on_the_company(folder):
    together = evaluate_bertscore(answers(), folder, GOLDS, batch_tokens=64)
    for one in answers():
        alone = evaluate_bertscore([one], folder, GOLDS)
        for name in alone:
            assert alone.per_query[name][one.query.id] == pytest.approx(
                together.per_query[name][one.query.id], abs=1e-5
            )


def test_where_no_token_has_a_weight_there_is_no_value(folder):
    same = [Answer(query=Query(id, "?"), text="cat") for id in "ab"]
    found = evaluate_bertscore(same, folder, {"a": ["cat"], "b": ["cat"]}, idf=True)
    assert isnan(found["BERTScore-F1"])
    assert found.reasons["BERTScore-F1"]["a"] == "no token of the answer or of a gold answer has a weight"
    empty = evaluate_bertscore(same[:1], folder, {"a": [""]})
    assert isnan(empty["BERTScore-R"])


def test_marks_of_citations_are_no_words(folder):
    plain, cited = (
        Answer(query=Query("a", "?"), text="the cat"),
        {"citations": ("d",), "contexts": (Document("d", ""),)},
    )
    marked = Answer(query=Query("a", "?"), text="the cat [1]", **cited)
    both = [evaluate_bertscore([one], folder, {"a": ["a cat sat"]}) for one in (plain, marked)]
    assert dict(both[0]) == dict(both[1])


def test_questions_without_gold_answers_do_not_count(folder):
    found = evaluate_bertscore(answers(), TokenReader(folder), {"a": "the cat"})
    assert (found.queries, found.unjudged) == (("a",), ("b", "c", "d"))


def test_the_layer_is_that_of_the_published_table_as_far_as_there_are_layers(folder, monkeypatch):
    assert TokenReader(folder).layer == 2
    monkeypatch.setattr(bertscore, "_layers", lambda: {folder: 1})
    assert TokenReader(folder).layer == 1
    assert bertscore._bare("FacebookAI/roberta-large") == "roberta-large"


def test_the_table_of_layers_is_read():
    assert bertscore._layers()["roberta-large"] == 17
    assert all(isinstance(layer, int) and layer > 0 for layer in bertscore._layers().values())


def test_what_cannot_be_scored_is_refused(folder):
    with pytest.raises(Misuse, match=r"layer=3: model .* has the layers 0 \(embeddings\) to 2"):
        TokenReader(folder, layer=3)
    with pytest.raises(BadInput, match="two answers are to one question"):
        evaluate_bertscore(answers() * 2, folder, GOLDS)
    with pytest.raises(BadInput, match="no question has gold answers"):
        evaluate_bertscore(answers(), folder)


def test_an_encoder_decoder_is_refused(tmp_path):
    from tests import tiny_llm

    with pytest.raises(BadInput, match="is an encoder-decoder"):
        TokenReader(tiny_llm.t5(tmp_path))
