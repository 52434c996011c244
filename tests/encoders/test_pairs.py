"""Pairs as a cross-encoder reads them, against the tokenizer's own pairs and sentence-transformers' scores."""

import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import transformers
from huggingface_hub import constants
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from rankify import catalog
from rankify.documents import Document
from rankify.encoders.pair_recipe import PairRecipe
from rankify.encoders.pair_rows import CUTS, Cut, Template, shares, slow_shares
from rankify.encoders.pair_scores import Reading
from rankify.encoders.pairs import PairScorer
from rankify.errors import BadInput, Misuse, UnknownName
from tests import tiny, tiny_llm, tiny_pairs

QUERIES = ["what is neural retrieval", "", "cat", "dog " * 90]
PASSAGES = ["the cat and the dog", "", "network " * 200, "a", "Ünïcödé 猫", "rank 007 null"]
ONE_EACH = np.array([(0, 0), (0, 1)])
ALL = np.array([(q, p) for q in range(len(QUERIES)) for p in range(len(PASSAGES))])


@settings(deadline=None)  # the first tokenizer is made here
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


def test_a_folder_that_sentence_transformers_saved_keeps_its_prompt_and_its_length(tiny_cross_encoder, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    given = {"prompts": {"ask": "rank the {query} "}, "default_prompt_name": "ask", "max_length": 30}
    library.CrossEncoder(tiny_cross_encoder, device="cpu", **given).save_pretrained(str(tmp_path))
    edit_file(tmp_path / "sentence_bert_config.json", max_seq_length=24)
    peer = library.CrossEncoder(str(tmp_path), device="cpu")
    assert peer.max_seq_length == 24
    wanted = peer.predict([(QUERIES[q], PASSAGES[p]) for q, p in ALL.tolist()], show_progress_bar=False)
    np.testing.assert_allclose(PairScorer(str(tmp_path)).scores(QUERIES, PASSAGES, ALL), wanted, atol=1e-5)


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


def test_the_first_token_alone_is_computed_where_layers_of_its_own_read_it(tmp_path):
    network = PairScorer(tiny_pairs.lightning(tmp_path).folder).checkpoint.network
    assert network.encoder(input_ids=tiny.torch.tensor([[2, 5, 3, 6, 3]])).last_hidden_state.shape == (1, 1, 32)


def test_a_special_token_that_the_network_has_no_vector_for_is_an_error(tiny_cross_encoder):
    with pytest.raises(BadInput, match="no vector for one of the special tokens <s>, , "):
        PairScorer(tiny_cross_encoder, special=("<s>", "", ""))


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
    edit_file(Path(folder) / "config.json", **fields)


def edit_file(path, **fields):
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


@pytest.fixture(scope="module")
def inference(tmp_path_factory):
    """A classifier of natural language inference."""
    names = {0: "contradiction", 1: "entailment", 2: "neutral"}
    config = tiny.configuration(num_labels=3, id2label=names, label2id={v: k for k, v in names.items()})
    return tiny.saved(transformers.BertForSequenceClassification, tmp_path_factory.mktemp("models"), 0, config)


def test_a_classifier_of_several_labels_is_refused_by_their_names(inference):
    with pytest.raises(BadInput, match=r"has 3 labels \(contradiction, entailment, neutral\).*label=neutral takes"):
        PairScorer(inference)


def test_a_label_is_taken_by_name_or_number_as_a_probability(inference):
    every = [PairScorer(inference, label=label).scores(QUERIES, PASSAGES, ALL) for label in (0, "entailment", 2)]
    np.testing.assert_allclose(sum(every), 1, atol=1e-6)
    logs = PairScorer(inference, label=1, activation="log_softmax").scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(np.exp(logs), every[1], atol=1e-6)


@pytest.mark.parametrize("label", ["entailmend", 3, -1, True])
def test_a_label_that_there_is_not_is_refused(inference, label):
    with pytest.raises(UnknownName, match="no label"):
        PairScorer(inference, label=label)


def test_one_label_has_no_others_to_be_compared_with(tiny_cross_encoder):
    with pytest.raises(Misuse, match="has one label; sigmoid or identity"):
        PairScorer(tiny_cross_encoder, activation="softmax")
    assert PairScorer(tiny_cross_encoder, label=0).reading.place == 0


def test_scores_far_below_0_stay_apart():
    reading = Reading(0, "sigmoid")
    found = reading.scores(np.array([[-80.0], [-60.0], [-20.0], [0.0], [90.0]], dtype=np.float32))
    np.testing.assert_allclose(found, [np.exp(-80), np.exp(-60), 2.0611537e-9, 0.5, 1], rtol=1e-4)


@pytest.mark.parametrize("rule", CUTS)
@settings(deadline=None)
@given(left=st.integers(0, 60), right=st.integers(0, 60), room=st.integers(12, 50))
def test_a_cut_pair_fits_and_keeps_its_tails(rule, left, right, room):
    cut = Cut(room=room, query=room * 3 // 4, document=None, rule=rule, tails=([7], [8, 9]))
    rows = [[1] * left + [7], [2] * right + [8, 9]]
    n, m = cut.kept(*map(len, rows))
    kept = [cut.cut(row, k, side, beginning=False) for side, (row, k) in enumerate(zip(rows, (n, m), strict=True))]
    assert sum(map(len, kept)) <= room
    assert (kept[0][-1:], kept[1][-2:]) == ([7], [8, 9])
    if sum(map(len, rows)) <= room and left < room * 3 // 4:
        assert kept == rows


@settings(deadline=None)
@given(left=st.integers(0, 40), right=st.integers(0, 40), room=st.integers(0, 60))
def test_tokenizers_in_python_take_a_token_at_a_time_off_the_longer_text(left, right, room):
    n, m = left, right
    while n + m > room:
        n, m = (n - 1, m) if n > m else (n, m - 1)
    assert slow_shares(left, right, room) == (n, m)


def test_the_title_stands_where_the_template_says_even_where_there_is_none():
    recipe = PairRecipe(document_template="document: {title} {text}", query_template="query: {query}")
    assert recipe.document(Document("1", "b {title}", "a {text}")) == "document: a {text} b {title}"
    assert recipe.document(Document("1", "b")) == "document:  b"
    assert recipe.query("{query} {instruction}") == "query: {query} {instruction}"
    assert recipe.tails == ("", "")
    assert PairRecipe(document_template="<{document}>").document(Document("1", "b", "a")) == "<a b>"


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"cut": "second"}, UnknownName, "only_second"),
        ({"query_template": "query:"}, Misuse, "write {query} in it"),
        ({"document_template": "{title}"}, Misuse, "write {document} in it"),
        ({"instruction": "find cats"}, Misuse, "takes no instruction"),
        ({"instructions": "find cats"}, UnknownName, "did you mean 'instruction'"),
        ({"max_length": 12, "document_template": "one two three four five cat dog {document}"}, BadInput, "no room"),
    ],
)
def test_a_recipe_that_cannot_be_read_says_what_would_do(tiny_cross_encoder, asked, error, message):
    with pytest.raises(error, match=message):
        PairScorer(tiny_cross_encoder, **asked)


def test_a_template_keeps_what_stands_around_a_long_text(tiny_cross_encoder):
    asked = {"query_template": "query {query} is", "document_template": "rank {document} of", "max_length": 20}
    scorer = PairScorer(tiny_cross_encoder, **asked)
    passages = [scorer.passage(Document("1", text)) for text in ("dog " * 400, "dog " * 12)]
    cut, same = scorer.scores(["cat"], passages, ONE_EACH)
    assert cut == pytest.approx(same)
    other = scorer.scores(["cat"], [passages[1].removesuffix(" of") + " dog"], np.array([(0, 0)]))
    assert abs(other[0] - same) > 1e-4


def test_only_the_passage_gives_way_where_that_is_asked_for(tiny_cross_encoder):
    scorer = PairScorer(tiny_cross_encoder, cut="only_second", max_length=23)
    assert scorer.cut.kept(100, 100) == (17, 3)
    assert scorer.cut.kept(10, 100) == (10, 10)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_type": "new"}, "a network that transformers does not have \\('new'\\).*never run"),
        ({"auto_map": {"AutoModelForSequenceClassification": "modeling.Own"}}, "code of its own \\(modeling.Own\\)"),
        ({"model_type": "mono", "backbone_model_type": "t5x"}, "Lightning IR's 'mono' over 't5x'"),
        ({"model_type": "cross-encoder", "backbone_model_type": "bert", "pooling_strategy": "mean"}, "first token"),
    ],
)
def test_a_network_that_is_not_run_here_is_refused_in_one_line(tmp_path, fields, message):
    folder = tiny.tiny_cross_encoder(tmp_path)
    edit(folder, **fields)
    with pytest.raises(BadInput, match=message):
        PairScorer(folder)


@pytest.mark.parametrize("kinds", [["LogitScore"], ["Pooling"], ["Pooling", "Dense", "Normalize"], ["Dense"]])
def test_modules_that_end_in_no_score_are_refused_by_their_names(tmp_path, kinds):
    folder = tiny.tiny_bert(tmp_path)
    listed = [{"type": "x.Transformer", "path": ""}, *({"type": f"x.{kind}", "path": kind} for kind in kinds)]
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    (tmp_path / "Pooling").mkdir()
    (tmp_path / "Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    with pytest.raises(BadInput, match=f"has the modules Transformer, {', '.join(kinds)}: only a pooling with Dense"):
        PairScorer(folder)


def test_a_layer_that_adds_its_input_is_refused(tmp_path):
    pytest.importorskip("sentence_transformers")
    folder = Path(tiny_pairs.ettin(tmp_path).folder)
    edit_file(folder / "2_Dense" / "config.json", use_residual=True)
    with pytest.raises(BadInput, match="2_Dense adds its input"):
        PairScorer(str(folder))


def test_a_head_without_its_pooler_is_refused(tmp_path):
    folder = tiny.tiny_cross_encoder(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    save_file({n: w for n, w in weights.items() if "pooler" not in n}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match=r"no trained weights for 'bert\.pooler\.dense\.bias'"):
        PairScorer(folder)


def test_a_model_without_a_tokenizer_may_borrow_one(tmp_path, tiny_cross_encoder):
    folder = tiny.tiny_cross_encoder(tmp_path)
    for path in tmp_path.glob("*token*"):
        path.unlink()
    with pytest.raises(BadInput, match="has no tokenizer"):
        PairScorer(folder)
    found = PairScorer(folder, tokenizer=tiny_cross_encoder).scores(QUERIES, PASSAGES, ALL)
    np.testing.assert_allclose(found, PairScorer(tiny_cross_encoder).scores(QUERIES, PASSAGES, ALL), atol=1e-6)


def test_a_tokenizer_that_there_is_not_is_an_error(tiny_cross_encoder, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match="no tokenizer 'no/such'"):
        PairScorer(tiny_cross_encoder, tokenizer="no/such")


def test_a_published_model_that_cannot_be_run_says_why_before_anything_is_fetched():
    refused = [id for id, entry in catalog.models().items() if "refused" in entry and "reranker" in entry]
    assert "jinaai/jina-reranker-v2-base-multilingual" in refused
    for id in refused:
        with pytest.raises(BadInput, match=re.escape(f"{id}' cannot be run here: {catalog.models()[id]['refused']}")):
            PairScorer(id)


@pytest.mark.parametrize("task", ["CAUSAL_LM", "FEATURE_EXTRACTION"])
def test_an_adapter_without_a_head_is_refused(tmp_path, task):
    peft = pytest.importorskip("peft")
    folder = tiny_llm.llama(tmp_path / "base")
    network = transformers.LlamaForCausalLM.from_pretrained(folder)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], task_type=task)
    with warnings.catch_warnings():  # of names that peft uses and transformers will drop
        warnings.simplefilter("ignore", FutureWarning)
        adapter = peft.get_peft_model(network, config)
    adapter.save_pretrained(tmp_path / "adapter")
    with pytest.raises(BadInput, match="brings no trained 'score'"):
        PairScorer(folder, adapter=str(tmp_path / "adapter"))


def test_an_adapter_alone_is_told_how_it_is_named(tmp_path):
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(BadInput, match="is an adapter: name the model that it adapts, with adapter="):
        PairScorer(str(tmp_path))


def test_a_head_of_its_own_takes_no_adapter(tmp_path):
    family = tiny_pairs.lightning(tmp_path)
    with pytest.raises(Misuse, match="to which no adapter is added"):
        PairScorer(family.folder, adapter="any/adapter")


def test_an_encoder_without_a_trained_head_is_refused(tiny_bert):
    with pytest.raises(BadInput, match="no trained weights for 'classifier"):
        PairScorer(tiny_bert)


def test_two_labels_without_a_choice_are_refused_too(tmp_path):
    kind, two = transformers.BertForSequenceClassification, tiny.configuration(num_labels=2)
    model = tiny.saved(kind, tmp_path, 0, two)
    with pytest.raises(BadInput, match=r"has 2 labels \(LABEL_0, LABEL_1\).*label=LABEL_1 takes that one on purpose"):
        PairScorer(model)
