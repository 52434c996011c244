"""Pairs as a cross-encoder reads them, against the tokenizer's own pairs and sentence-transformers' scores."""

import json
from pathlib import Path

import numpy as np
import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from rankify.encoders.pairs import PairScorer, Template, shares
from rankify.errors import BadInput, UnknownName
from tests import tiny

QUERIES = ["what is neural retrieval", "", "cat", "dog " * 90]
PASSAGES = ["the cat and the dog", "", "network " * 200, "a", "Ünïcödé 猫", "rank 007 null"]
ONE_EACH = np.array([(0, 0), (0, 1)])
ALL = np.array([(q, p) for q in range(len(QUERIES)) for p in range(len(PASSAGES))])


@given(st.text("ab ", max_size=90), st.text("ab ", max_size=90), st.integers(4, 64))
def test_a_joined_pair_is_what_the_tokenizer_makes_of_it(left, right, limit):
    own = tiny.tokenizer()
    template = Template.of(own)
    rows = [own(text, add_special_tokens=False)["input_ids"] for text in (left, right)]
    n, m = shares(len(rows[0]), len(rows[1]), limit - len(template))
    wanted = own([left], [right], truncation=True, max_length=limit)
    assert [template.joined(rows[0][:n], rows[1][:m])] == wanted["input_ids"]
    assert [template.segmented(n, m)] == wanted["token_type_ids"]


def roberta():
    """A byte-level tokenizer that puts <s> a </s></s> b </s>."""
    vocabulary = {piece: i for i, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "Ġ", "Ġa"])}
    return transformers.RobertaTokenizer(vocab=vocabulary, merges=[("Ġ", "a")], model_max_length=20)


def test_another_template_is_read_off_the_tokenizer():
    own = roberta()
    template = Template.of(own)
    assert len(template) == 4
    assert template.joined([5, 5], [6]) == own("aa", "b")["input_ids"]


@pytest.fixture(scope="module")
def predicted(tiny_cross_encoder):
    """What sentence-transformers gives for all pairs."""
    library = pytest.importorskip("sentence_transformers")
    peer = library.CrossEncoder(tiny_cross_encoder, device="cpu")
    return peer.predict([(QUERIES[q], PASSAGES[p]) for q, p in ALL.tolist()], show_progress_bar=False)


@pytest.mark.parametrize("budget", [1, 100, 10_000])
def test_scores_are_those_of_sentence_transformers_whatever_the_batches(tiny_cross_encoder, predicted, budget):
    scores = PairScorer(tiny_cross_encoder, batch_tokens=budget).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(scores, predicted, atol=1e-5)


def test_half_precision_gives_nearly_the_same_scores(tiny_cross_encoder, predicted):
    scores = PairScorer(tiny_cross_encoder, dtype="bfloat16").scores(QUERIES, PASSAGES, ALL)
    assert np.abs(scores - predicted).max() < 0.1


def test_the_first_token_alone_is_computed_in_the_last_layer(tiny_cross_encoder):
    network = PairScorer(tiny_cross_encoder).checkpoint.network
    assert network.bert(input_ids=tiny.torch.tensor([[2, 5, 3, 6, 3]])).last_hidden_state.shape == (1, 1, 16)


def test_a_shorter_length_cuts_the_longer_text(tiny_cross_encoder):
    scorer = PairScorer(tiny_cross_encoder, max_length=13)
    [cut, same] = scorer.scores(["cat"], ["dog " * 50, "dog " * 9], np.array([(0, 0), (0, 1)]))
    assert cut == pytest.approx(same)


def test_the_end_is_kept_where_the_tokenizer_cuts_the_beginning(tmp_path):
    folder = tiny.tiny_cross_encoder(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, "truncation_side": "left"}))
    found = PairScorer(folder, max_length=8).scores(["cat"], ["the " * 9 + "dog is of cat", "dog is of cat"], ONE_EACH)
    assert found[0] == pytest.approx(found[1])


def test_no_pairs_are_no_scores(tiny_cross_encoder):
    assert PairScorer(tiny_cross_encoder).scores([], [], np.empty((0, 2), dtype=np.int64)).shape == (0,)


def logits_and_scores(folder, **options):
    whole, plain = (PairScorer(folder, activation=a, **options) for a in (None, "identity"))
    return tuple(s.scores(QUERIES, PASSAGES, ALL) for s in (plain, whole))


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({}, "sigmoid"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}, "identity"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, "sigmoid"),
        ({"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}, "identity"),
    ],
)
def test_the_models_own_configuration_names_the_activation(tmp_path, said, wanted):
    folder = tiny.tiny_cross_encoder(tmp_path)
    edit(folder, **said)
    logits, scores = logits_and_scores(folder)
    np.testing.assert_allclose(scores, logits if wanted == "identity" else 1 / (1 + np.exp(-logits)), atol=1e-6)


def edit(folder, **fields):
    path = Path(folder) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "options", "error", "message"),
    [
        ({"sentence_transformers": {"activation_fn": "evil.module.Function"}}, {}, BadInput, "evil.module.Function"),
        ({}, {"activation": "sigmod"}, UnknownName, "did you mean 'sigmoid'"),
        ({}, {"max_length": 3}, BadInput, "max_length=3"),
        ({}, {"max_length": 100}, BadInput, "4 to 64|3 to 64"),
    ],
)
def test_a_wrong_option_says_what_would_do(tmp_path, fields, options, error, message):
    folder = tiny.tiny_cross_encoder(tmp_path)
    edit(folder, **fields)
    with pytest.raises(error, match=message):
        PairScorer(folder, **options)


def test_a_classifier_of_several_labels_is_refused(tmp_path):
    config = tiny.configuration(num_labels=3)
    folder = tiny.saved(transformers.BertForSequenceClassification, tmp_path, 0, config)
    with pytest.raises(BadInput, match="has 3 labels: a classifier such as NLI"):
        PairScorer(folder)


def test_an_encoder_without_a_trained_head_is_refused(tiny_bert):
    with pytest.raises(BadInput, match="no trained weights for 'classifier"):
        PairScorer(tiny_bert)
