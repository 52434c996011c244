"""Dense encoders against the formula, computed here with nothing but the network and the tokenizer."""

import json
import shutil

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rankify
from rankify import catalog
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.encoders.first_token import read_first_token_only
from rankify.encoders.recipe import Recipe
from rankify.encoders.texts import padded
from rankify.errors import BadInput, RankifyError, UnknownName
from tests import tiny

TEXTS = ["a cat", "what is neural retrieval", "", "   ", "dog " * 200, "Ünïcödé 猫 ?!", "a", "rank 007"]


@pytest.fixture(scope="module")
def network(tiny_bert):
    return transformers.BertModel.from_pretrained(tiny_bert).eval()


def hidden(network, text, limit=tiny.LENGTH):
    """The last layer for one text alone, shape (tokens, dim)."""
    inputs = tiny.tokenizer()(text, truncation=True, max_length=limit, return_tensors="pt")
    with torch.inference_mode():
        return network(**inputs).last_hidden_state[0].numpy()


FORMULAS = {
    "mean": lambda h: h.mean(axis=0),
    "cls": lambda h: h[0],
    "last": lambda h: h[-1],
    "max": lambda h: h.max(axis=0),
}


@pytest.mark.parametrize("pooling", FORMULAS)
@pytest.mark.parametrize("normalize", [True, False])
def test_a_vector_is_what_the_formula_says(tiny_bert, network, pooling, normalize):
    found = DenseEncoder(tiny_bert, pooling=pooling, normalize=normalize).encode_passages(TEXTS)
    wanted = np.stack([FORMULAS[pooling](hidden(network, text)) for text in TEXTS])
    if normalize:
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    assert found.dtype == np.float32


def test_prefixes_stand_before_queries_and_documents(tiny_bert, network):
    encoder = DenseEncoder(tiny_bert, pooling="cls", normalize=False, query_prefix="a ", document_prefix="the ")
    np.testing.assert_allclose(encoder.encode_queries(["cat"])[0], hidden(network, "a cat")[0], atol=1e-5)
    [vector] = encoder.encode_documents([Document("1", "is", "dog")])
    np.testing.assert_allclose(vector, hidden(network, "the dog is")[0], atol=1e-5)


def test_a_long_text_is_cut_at_the_length_asked_for(tiny_bert, network):
    encoder = DenseEncoder(tiny_bert, pooling="mean", normalize=False, max_length=7)
    [vector] = encoder.encode_queries(["dog cat " * 5000])
    np.testing.assert_allclose(vector, hidden(network, "dog cat dog cat dog").mean(axis=0), atol=1e-5)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text("abc 1\u00e9", max_size=90), min_size=1, max_size=12), budget=st.integers(1, 400))
def test_neither_batches_nor_padding_nor_order_matter(tiny_bert, texts, budget):
    encoder, one = (DenseEncoder(tiny_bert, pooling="mean", batch_tokens=b) for b in (budget, 1))
    found = encoder.encode_queries(texts)
    np.testing.assert_allclose(found, one.encode_queries(texts), atol=2e-5)
    np.testing.assert_allclose(found[::-1], encoder.encode_queries(texts[::-1]), atol=2e-5)


def test_a_model_of_sentence_transformers_gives_the_vectors_it_gives_there(tmp_path, tiny_bert):
    library = pytest.importorskip("sentence_transformers")
    parts = library.sentence_transformer.modules
    for number, behind in enumerate(
        [
            [parts.Pooling(16, pooling_mode="mean"), parts.Normalize()],
            [parts.Pooling(16, pooling_mode="cls")],
            [parts.Pooling(16, pooling_mode=["mean", "max"])],
            [parts.Pooling(16, pooling_mode="lasttoken"), parts.Dense(16, 8, bias=False), parts.Normalize()],
        ]
    ):
        folder = tmp_path / str(number)
        whole = library.SentenceTransformer(
            modules=[library.base.modules.Transformer(tiny_bert, max_seq_length=20), *behind],
            prompts={"query": "what is ", "document": "the "},
            device="cpu",
        )
        whole.save(str(folder), create_model_card=False)
        encoder = DenseEncoder(str(folder))
        for found, wanted in [
            (encoder.encode_queries(TEXTS), whole.encode_query(TEXTS, normalize_embeddings=True)),
            (encoder.encode_passages(TEXTS), whole.encode_document(TEXTS, normalize_embeddings=True)),
        ]:
            np.testing.assert_allclose(found, wanted, atol=2e-5)
        assert encoder.identity()["max_length"] == 20


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_gives_nearly_the_same_vectors_in_float32(tiny_bert, dtype):
    full, half = (DenseEncoder(tiny_bert, pooling="mean", dtype=d).encode_queries(TEXTS) for d in ("float32", dtype))
    assert half.dtype == np.float32
    assert (full * half).sum(axis=1).min() > 0.99


def test_equal_texts_have_equal_vectors_and_are_read_once(tiny_bert):
    encoder = DenseEncoder(tiny_bert, pooling="mean", batch_tokens=8)
    found = encoder.encode_queries(["cat", "cat dog", "cat", "a", "cat"])
    assert encoder.counted["tokens"] == 3 + 4 + 3
    assert (found[0] == found[2]).all()
    assert (found[0] == found[4]).all()


@pytest.mark.parametrize("n", [0, 1])
def test_few_texts_give_few_vectors(tiny_bert, n):
    encoder = DenseEncoder(tiny_bert, pooling="mean")
    assert encoder.encode_queries(["a"] * n).shape == (n, 16)
    assert encoder.encode_documents([Document("1", "")] * n).shape == (n, 16)


def test_tokens_and_passes_are_counted(tiny_bert):
    encoder = DenseEncoder(tiny_bert, pooling="mean", batch_tokens=8)
    encoder.encode_queries(["cat", "cat dog", "cat dog cat"])
    assert encoder.counted == {"tokens": 12, "padding": 1, "passes": 2, "halved": 0}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, BadInput, "does not say how it pools.*pooling=mean, cls, last, max"),
        ({"pooling": "men"}, UnknownName, "did you mean 'mean'"),
        ({"pooling": "mean", "dtype": "float3"}, UnknownName, "did you mean 'float32'"),
        ({"pooling": "mean", "device": "gpu"}, UnknownName, "no device 'gpu'"),
        ({"pooling": "mean", "device": "cuda:99"}, BadInput, "device 'cuda:99' cannot be used here"),
        ({"pooling": "mean", "max_length": 65}, BadInput, "max_length=65.*3 to 64 tokens"),
        ({"pooling": "mean", "max_length": 2}, BadInput, "max_length=2"),
        ({"pooling": "mean", "batch_tokens": 0}, BadInput, "batch_tokens"),
    ],
)
def test_a_wrong_option_says_what_would_do(tiny_bert, options, error, message):
    with pytest.raises(error, match=message) as caught:
        DenseEncoder(tiny_bert, **options)
    assert "\n" not in str(caught.value)


def test_a_vector_that_is_not_finite_is_an_error(tmp_path):
    folder = tiny.tiny_bert(tmp_path, initializer_range=1e30)
    with pytest.raises(RankifyError, match="gave no finite vector for 'a'"):
        DenseEncoder(folder, pooling="mean")


def test_a_model_with_untrained_parts_is_refused(tmp_path, tiny_bert):
    folder = tiny.tiny_bert(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(BadInput, match=r"no trained weights for 'encoder\.layer\.2"):
        DenseEncoder(folder, pooling="mean")


def test_the_first_token_alone_is_computed_in_the_last_layer_where_it_alone_is_read(tiny_bert):
    encoder = DenseEncoder(tiny_bert, pooling="cls")
    inputs = encoder.checkpoint.inputs([[2, 5, 6, 3]])
    assert encoder.checkpoint.network(**inputs).last_hidden_state.shape == (1, 1, 16)


def test_identity_tells_encoders_apart(tmp_path, tiny_bert):
    other = tiny.tiny_bert(tmp_path / "tiny-bert", seed=1)
    same = tiny.tiny_bert(tmp_path / "again" / "tiny-bert")
    first, second, third = (DenseEncoder(f, pooling="mean").identity() for f in (tiny_bert, other, same))
    assert first == third
    assert {name for name in first if first[name] != second[name]} == {"revision"}
    assert DenseEncoder(tiny_bert, pooling="max").identity() != first


def test_the_door_opens_an_encoder_by_its_spec(tiny_bert):
    encoder = rankify.encoder(f"dense:{tiny_bert}?pooling=mean&normalize=false")
    assert repr(encoder) == f"dense:{tiny_bert}?pooling=mean&normalize=false"
    assert rankify.encoder(repr(encoder)).recipe == encoder.recipe


def roberta(folder, **changed):
    """A tiny RoBERTa, whose positions begin behind the padding id, and whose tokenizer knows no limit."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "Ġ", "Ġa"]
    own = transformers.RobertaTokenizer(vocab={p: i for i, p in enumerate(pieces)}, merges=[("Ġ", "a")], **changed)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.RobertaConfig(vocab_size=9, max_position_embeddings=34, initializer_range=0.5, **shape)
    tiny.saved(transformers.RobertaModel, folder, 0, config)
    for path in folder.glob("*token*"):
        path.unlink()
    own.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("pooling", FORMULAS)
def test_a_text_longer_than_the_positions_is_cut_to_them(tmp_path, pooling):
    encoder = DenseEncoder(roberta(tmp_path), pooling=pooling, normalize=False)
    long, cut = encoder.encode_queries(["ab" * 400, "ab" * 15])
    assert encoder.identity()["max_length"] == 32
    np.testing.assert_allclose(long, cut, atol=1e-5)


def test_the_end_is_kept_where_the_tokenizer_cuts_the_beginning(tmp_path):
    encoder = DenseEncoder(roberta(tmp_path, truncation_side="left"), pooling="mean", max_length=4)
    found = encoder.encode_queries(["aaaaabb", "bb"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)


def test_what_is_asked_for_wins_over_the_catalogue_and_that_over_the_models_files(tmp_path, monkeypatch):
    said = {"modules.json": [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1"}]}
    said["sentence_bert_config.json"] = {"max_seq_length": 30}
    (tmp_path / "1").mkdir()
    said["1/config.json"] = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    for name, content in said.items():
        (tmp_path / name).write_text(json.dumps(content))
    own = Recipe.of("m", tmp_path, {"max_length": None})
    assert (own.pooling, own.max_length, own.query_prefix) == ("cls", 30, "")
    monkeypatch.setitem(catalog.models(), "m", {"encoding": {"pooling": "mean", "query_prefix": "q: "}})
    published = Recipe.of("m", tmp_path, {"max_length": None})
    assert (published.pooling, published.max_length, published.query_prefix) == ("mean", 30, "q: ")
    asked = Recipe.of("m", tmp_path, {"max_length": 20, "query_prefix": ""})
    assert (asked.pooling, asked.max_length, asked.query_prefix) == ("mean", 20, "")


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode": "mean"}, "mean"),
        ({"pooling_mode": "lasttoken"}, "last"),
        ({"pooling_mode": ["cls"]}, "cls"),
        ({"pooling_mode": ["cls", "mean"]}, "modules"),
        ({"pooling_mode": "weightedmean"}, "modules"),
        ({"pooling_mode": "mean", "include_prompt": False}, "mean"),
        ({"pooling_mode": ["mean", "cls"], "include_prompt": False}, "modules"),
        ({"pooling_mode_cls_token": False, "pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_cls_token": True, "pooling_mode_max_tokens": True}, "modules"),
    ],
)
def test_poolings_that_are_not_computed_here_are_left_to_sentence_transformers(tmp_path, config, pooling):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "config.json").write_text(json.dumps(config))
    modules = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "p"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert Recipe.of("m", tmp_path, {}).pooling == pooling


@pytest.mark.parametrize("network", ["bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"])
def test_a_length_is_read_whatever_older_versions_named_its_file(tmp_path, network):
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}]))
    said = {"max_seq_length": 17, "do_lower_case": True}
    (tmp_path / f"sentence_{network}_config.json").write_text(json.dumps(said))
    recipe = Recipe.of("m", tmp_path, {"pooling": "mean"})
    assert (recipe.max_length, recipe.lowercase) == (17, True)


@pytest.mark.parametrize(
    ("said", "query", "document"),
    [
        ({"prompts": {"query": "q: ", "passage": "p: "}}, "q: ", "p: "),
        ({"prompts": {"query": "q: ", "passage": "p: ", "document": "d: "}}, "q: ", "d: "),
        ({"prompts": {"any": "a: ", "query": "q: "}, "default_prompt_name": "any"}, "q: ", "a: "),
        ({"prompts": {"any": "a: ", "document": ""}, "default_prompt_name": "any"}, "a: ", "a: "),
        ({"prompts": {"any": "a: "}}, "", ""),
        ({"prompts": None}, "", ""),
        ({}, "", ""),
    ],
)
def test_prompts_are_those_of_queries_and_documents_or_the_usual_one(tmp_path, said, query, document):
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}]))
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps(said))
    recipe = Recipe.of("m", tmp_path, {"pooling": "mean"})
    assert (recipe.query_prefix, recipe.document_prefix) == (query, document)


@pytest.mark.parametrize(
    ("dense", "pooling"),
    [
        ({"activation_function": "torch.nn.modules.linear.Identity"}, "mean"),
        ({"activation_function": "torch.nn.modules.activation.SELU"}, "modules"),
        ({"activation_function": "x.Identity", "module_input_name": "token_embeddings"}, "modules"),
        ({"activation_function": "x.Identity", "module_output_name": "token_embeddings"}, "modules"),
        ({"activation_function": "x.Identity", "module_output_name": "sentence_embedding"}, "mean"),
        ({}, "modules"),
    ],
)
def test_a_layer_behind_the_pooling_is_computed_here_where_it_is_known(tmp_path, dense, pooling):
    for name, content in (("p", {"pooling_mode": "mean"}), ("d", dense)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(content))
    modules = [
        {"type": "x.Transformer", "path": ""},
        {"type": "x.Pooling", "path": "p"},
        {"type": "x.Dense", "path": "d"},
    ]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    assert Recipe.of("m", tmp_path, {}).pooling == pooling


@pytest.mark.parametrize(
    ("similarity", "last", "normalize"),
    [(None, "Pooling", True), ("cosine", "Pooling", True), ("dot", "Pooling", False), ("dot", "Normalize", True)],
)
def test_vectors_have_length_one_where_they_are_compared_so_or_a_module_says_so(tmp_path, similarity, last, normalize):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "config.json").write_text(json.dumps({"pooling_mode": "mean"}))
    kinds = ["Transformer", "Pooling", *([last] if last != "Pooling" else [])]
    modules = [{"type": f"x.{kind}", "path": "p" if kind == "Pooling" else ""} for kind in kinds]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"similarity_fn_name": similarity}))
    recipe = Recipe.of("m", tmp_path, {})
    assert (recipe.normalize, recipe.similarity) == (normalize, similarity or "cosine")


def test_modules_of_sentence_transformers_leave_a_prompt_out_where_their_pooling_does(tmp_path, tiny_bert):
    library = pytest.importorskip("sentence_transformers")
    parts = library.sentence_transformer.modules
    read = library.base.modules.Transformer(tiny_bert, max_seq_length=20)
    pooling = parts.Pooling(16, pooling_mode=["mean", "max"], include_prompt=False)
    prompts = {"query": "what is ", "document": "the dog "}
    whole = library.SentenceTransformer(modules=[read, pooling], prompts=prompts, device="cpu")
    whole.save(str(tmp_path), create_model_card=False)
    encoder, texts = DenseEncoder(str(tmp_path)), [text for text in TEXTS if text.strip()]
    assert encoder.recipe.pooling == "modules"
    for found, wanted in [
        (encoder.encode_queries(texts), whole.encode_query(texts, normalize_embeddings=True)),
        (encoder.encode_passages(texts), whole.encode_document(texts, normalize_embeddings=True)),
    ]:
        np.testing.assert_allclose(found, wanted, atol=2e-5)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", "{}"), ("modules.json", "[1]"), ("modules.json", '[{"type": "x.Transformer"}]'),
        ("modules.json", '[{"type": 3, "path": ""}]'), ("modules.json", "[]"), ("modules.json", "{"),
        ("modules.json", "[" * 100_000), ("sentence_bert_config.json", "[]"), ("sentence_bert_config.json", "7"),
        ("config_sentence_transformers.json", '"x"'), ("p/config.json", "[]"), ("p/config.json", "\x00"),
    ],
)  # fmt: skip
def test_a_folder_whose_files_are_strange_is_refused_in_one_line(tmp_path, file, content):
    (tmp_path / "p").mkdir()
    modules = [{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "p"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / file).write_text(content)
    with pytest.raises(BadInput, match=r"cannot read|does not begin with a Transformer") as caught:
        Recipe.of("m", tmp_path, {})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("similarity", ["euclidean", "manhattan"])
def test_a_model_that_is_compared_by_distance_is_refused(tmp_path, similarity):
    (tmp_path / "modules.json").write_text(json.dumps([{"type": "x.Transformer", "path": ""}]))
    (tmp_path / "config_sentence_transformers.json").write_text(json.dumps({"similarity_fn_name": similarity}))
    with pytest.raises(BadInput, match=f"compares by {similarity}, and here it is cosine or dot"):
        Recipe.of("m", tmp_path, {"pooling": "mean"})


def test_a_row_without_tokens_attends_to_one_padding_token():
    batch = padded([[], [5, 6]], 9, "cpu")
    assert batch["input_ids"].tolist() == [[9, 9], [5, 6]]
    assert batch["attention_mask"].tolist() == [[1, 0], [1, 1]]


def test_a_network_whose_last_layer_is_another_is_computed_whole(tiny_bert, network):
    other = transformers.BertModel.from_pretrained(tiny_bert).eval()
    layer = other.encoder.layer[-1]
    plain = layer.feed_forward_chunk
    layer.forward = lambda hidden, *rest, **options: plain(hidden.flip(1))
    probe = {"input_ids": torch.tensor([[2, 7, 8, 3]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    assert not read_first_token_only(other, probe)
    assert other(**probe).last_hidden_state.shape[1] == 4


@pytest.mark.parametrize("lacking", [["tokenizer.json"], ["tokenizer.json", "tokenizer_config.json"]])
def test_a_model_without_its_tokenizer_is_refused(tiny_bert, tmp_path, lacking):
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder, ignore=lambda *_: lacking)
    with pytest.raises(BadInput, match=r"has no tokenizer in .*: copy tokenizer\.json or vocab\.txt"):
        DenseEncoder(str(folder), pooling="mean")


def test_cut_off_weights_are_an_error_that_names_the_model(tiny_bert, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_bert, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BadInput, match=rf"cannot load model '{folder}'"):
        DenseEncoder(str(folder), pooling="mean")
