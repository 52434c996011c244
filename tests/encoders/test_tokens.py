"""Token encoders against the formula, computed here with nothing but the network, its tokenizer and its weights."""

import json
import string

import numpy as np
import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

import rankify
from rankify import catalog
from rankify.documents import Document
from rankify.encoders.pickles import ALLOWED
from rankify.encoders.token_recipe import TokenRecipe
from rankify.encoders.tokens import TokenEncoder
from rankify.errors import BadInput, RankifyError
from tests import tiny, tiny_colbert

QUERIES = ["what is a cat", "", "dog, rank!", "neural " * 30, "a"]
TEXTS = ["the cat. and, the dog!", "", "rank " * 60, "?!,.", "Ünïcödé 猫 of", "a"]


@pytest.fixture(scope="module")
def stanford(tmp_path_factory):
    said = {"query_maxlen": 10, "doc_maxlen": 18, "mask_punctuation": True, "attend_to_mask_tokens": False, "dim": 8}
    return tiny_colbert.stanford(tmp_path_factory.mktemp("models") / "colbert", metadata=said)


@pytest.fixture(scope="module")
def pylate(tmp_path_factory):
    return tiny_colbert.pylate(tmp_path_factory.mktemp("models") / "modern")


def reference(folder, text, *, side, length, markers, expand=True, attend=False, skip=string.punctuation):
    """The unit vectors of one text alone, by ColBERT's definition."""
    words = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    inside = load_file(f"{folder}/model.safetensors").get("linear.weight")
    linear = load_file(f"{folder}/1_Dense/model.safetensors")["linear.weight"] if inside is None else inside
    pieces = words.tokenize(text)[: length - 3]
    ids = words.convert_tokens_to_ids(["[CLS]", markers[side], *pieces, "[SEP]"])
    more = length - len(ids) if side == "query" and expand else 0
    row = torch.tensor([ids + [words.mask_token_id] * more])
    mask = torch.tensor([[1] * len(ids) + [int(attend)] * more])
    with torch.inference_mode():
        vectors = network(input_ids=row, attention_mask=mask).last_hidden_state[0] @ linear.T
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    dropped = [side == "document" and piece in skip for piece in words.convert_ids_to_tokens(row[0])]
    return vectors[~torch.tensor(dropped)].numpy()


def same(found, wanted):
    assert found.lengths.tolist() == [len(matrix) for matrix in wanted]
    np.testing.assert_allclose(found.vectors, np.concatenate(wanted), atol=2e-5)
    assert found.vectors.dtype == np.float32


UNUSED = {"query": "[unused0]", "document": "[unused1]"}
LETTERED = {"query": "[Q] ", "document": "[D] "}


def test_a_checkpoint_of_colbert_gives_the_vectors_of_its_definition(stanford):
    encoder = TokenEncoder(stanford)
    wanted = [reference(stanford, text, side="query", length=10, markers=UNUSED) for text in QUERIES]
    same(encoder.encode_queries(QUERIES), wanted)
    assert {len(matrix) for matrix in wanted} == {10}
    same(
        encoder.encode_passages(TEXTS),
        [reference(stanford, text, side="document", length=18, markers=UNUSED) for text in TEXTS],
    )


def test_a_folder_of_pylate_gives_the_vectors_of_its_definition(pylate):
    encoder = TokenEncoder(pylate)
    same(
        encoder.encode_queries(QUERIES),
        [reference(pylate, text, side="query", length=12, markers=LETTERED) for text in QUERIES],
    )
    same(
        encoder.encode_passages(TEXTS),
        [reference(pylate, text, side="document", length=20, markers=LETTERED) for text in TEXTS],
    )


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ({"attend_to_expansion_tokens": True}, {"attend": True}),
        ({"do_query_expansion": False}, {"expand": False}),
        ({"skiplist_words": []}, {"skip": ""}),
        ({"skiplist_words": ["the", "cat"]}, {"skip": ["the", "cat"]}),
    ],
)
def test_what_a_folder_of_pylate_says_is_done(tmp_path, said, options):
    folder = tiny_colbert.pylate(tmp_path, make=tiny_colbert.bert, **said)
    encoder = TokenEncoder(folder)
    for found, side, length in [
        (encoder.encode_queries(QUERIES), "query", 12),
        (encoder.encode_passages(QUERIES), "document", 20),
    ]:
        same(found, [reference(folder, t, side=side, length=length, markers=LETTERED, **options) for t in QUERIES])


def of_sentence_transformers(folder):
    library = pytest.importorskip("sentence_transformers")
    if not hasattr(library, "MultiVectorEncoder"):
        pytest.skip("this sentence-transformers has no multi-vector encoders")
    return library.MultiVectorEncoder(folder, device="cpu", local_files_only=True)


@pytest.mark.parametrize("layout", ["stanford", "pylate"])
def test_sentence_transformers_gives_the_same_vectors(layout, request):
    folder = request.getfixturevalue(layout)
    theirs, ours = of_sentence_transformers(folder), TokenEncoder(folder)
    same(ours.encode_queries(QUERIES), [np.asarray(m) for m in theirs.encode_query(QUERIES)])
    same(ours.encode_passages(TEXTS), [np.asarray(m) for m in theirs.encode_document(TEXTS)])


def test_the_limit_that_a_tokenizer_was_last_saved_with_does_not_cut(tmp_path):
    """PyLate's tokenizers carry the length of a query, or one less than that of a document."""
    folder = tiny_colbert.pylate(tmp_path, make=tiny_colbert.bert)
    said = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**said, "model_max_length": 11}))
    wanted = [reference(folder, text, side="document", length=20, markers=LETTERED) for text in TEXTS]
    same(TokenEncoder(folder).encode_passages(TEXTS), wanted)
    assert TokenEncoder(folder, document_length=64).encode_passages(["dog " * 99]).lengths.tolist() == [64]


@pytest.mark.parametrize("layout", ["stanford", "pylate"])
def test_a_folder_that_sentence_transformers_saves_gives_the_same_vectors(layout, request, tmp_path):
    folder = request.getfixturevalue(layout)
    of_sentence_transformers(folder).save(str(tmp_path), create_model_card=False)
    before, after = TokenEncoder(folder), TokenEncoder(str(tmp_path))
    for encode, texts in (("encode_queries", QUERIES), ("encode_passages", TEXTS)):
        same(getattr(after, encode)(texts), getattr(before, encode)(texts).split())


def test_queries_filled_up_in_another_way_are_refused(tmp_path):
    tiny_colbert.pylate(tmp_path, model_type="MultiVectorEncoder")
    reads = {"query_expansion": {"strategy": "min", "length": 4}}
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps(reads))
    with pytest.raises(BadInput, match=r"fills queries up by .*min"):
        TokenEncoder(str(tmp_path))


@pytest.mark.parametrize(
    "dense",
    [
        [{"out_features": 24, "bias": True, "activation_function": "torch.nn.modules.activation.Tanh"}],
        [{"out_features": 24}, {"out_features": 8, "activation_function": "torch.nn.modules.activation.GELU"}],
        [{"out_features": 16, "use_residual": True}, {"out_features": 8, "use_residual": True}],
    ],
)
def test_layers_with_biases_activations_and_residuals_are_those_of_sentence_transformers(tmp_path, dense):
    folder = tiny_colbert.pylate(tmp_path, dense=dense)
    theirs, ours = of_sentence_transformers(folder), TokenEncoder(folder)
    same(ours.encode_queries(QUERIES), [np.asarray(m) for m in theirs.encode_query(QUERIES)])
    assert ours.dimension == dense[-1]["out_features"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("layout", ["stanford", "pylate"])
def test_weights_of_older_models_are_read_too(tmp_path, layout, zipped, monkeypatch):
    monkeypatch.setenv(ALLOWED, "1")
    safe = getattr(tiny_colbert, layout)(tmp_path)
    wanted = TokenEncoder(safe).encode_queries(QUERIES).vectors
    for path in list(tmp_path.rglob("model.safetensors")):
        where = path.with_name("pytorch_model.bin")
        torch.save(load_file(path), where, _use_new_zipfile_serialization=zipped)
        path.unlink()
    np.testing.assert_array_equal(TokenEncoder(safe).encode_queries(QUERIES).vectors, wanted)


def test_a_network_in_a_folder_inside_is_found(tmp_path, pylate):
    folder = tiny_colbert.pylate(tmp_path, inside="0_Transformer")
    found = TokenEncoder(folder)
    np.testing.assert_array_equal(
        found.encode_passages(TEXTS).vectors, TokenEncoder(pylate).encode_passages(TEXTS).vectors
    )
    assert found.recipe.network == "0_Transformer"


def test_an_encoder_that_nobody_trained_for_it_gives_its_last_layer(tiny_bert):
    network = transformers.BertModel.from_pretrained(tiny_bert).eval()
    wanted = []
    for text in TEXTS:
        inputs = tiny.tokenizer()(text, truncation=True, max_length=tiny.LENGTH, return_tensors="pt")
        with torch.inference_mode():
            hidden = network(**inputs).last_hidden_state[0]
        wanted.append((hidden / hidden.norm(dim=1, keepdim=True)).numpy())
    encoder = TokenEncoder(tiny_bert)
    same(encoder.encode_passages(TEXTS), wanted)
    same(encoder.encode_queries(TEXTS), wanted)


def test_an_embedding_model_keeps_its_lengths_and_prompts(tmp_path, tiny_bert):
    library = pytest.importorskip("sentence_transformers")
    parts = library.sentence_transformer.modules
    whole = library.SentenceTransformer(
        modules=[library.base.modules.Transformer(tiny_bert, max_seq_length=20), parts.Pooling(16), parts.Normalize()],
        prompts={"query": "what is ", "document": "the "}, device="cpu",
    )  # fmt: skip
    whole.save(str(tmp_path), create_model_card=False)
    encoder, plain = TokenEncoder(str(tmp_path)), TokenEncoder(tiny_bert, query_length=20)
    found = encoder.encode_queries(["a cat", "dog " * 40])
    np.testing.assert_allclose(
        found.vectors, plain.encode_queries(["what is a cat", "what is " + "dog " * 40]).vectors, atol=1e-6
    )
    assert found.lengths.tolist() == [6, 20]
    assert encoder.recipe.document_prefix == "the "
    assert encoder.recipe.projections == ()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text("abc 1.\u00e9", max_size=60), min_size=1, max_size=10), budget=st.integers(1, 300))
@pytest.mark.parametrize("layout", ["stanford", "pylate"])
def test_neither_batches_nor_padding_nor_order_matter(layout, request, texts, budget):
    encoder = made(request.getfixturevalue(layout), budget)
    one = made(request.getfixturevalue(layout), 1)
    for encode in ("encode_queries", "encode_passages"):
        found, wanted = getattr(encoder, encode)(texts), getattr(one, encode)(texts)
        assert found.lengths.tolist() == wanted.lengths.tolist()
        np.testing.assert_allclose(found.vectors, wanted.vectors, atol=2e-5)
        backwards = getattr(encoder, encode)(texts[::-1]).split()[::-1]
        np.testing.assert_allclose(found.vectors, np.concatenate(backwards), atol=2e-5)


def made(folder, budget, kept={}):  # noqa: B006 (loaded once)
    if folder not in kept:
        kept[folder] = TokenEncoder(folder)
    kept[folder]._budget = budget
    return kept[folder]


def test_equal_texts_have_equal_matrices_and_are_read_once(stanford):
    encoder = TokenEncoder(stanford)
    found = encoder.encode_passages(["cat", "cat dog", "cat"]).split()
    assert encoder.counted["tokens"] == 4 + 5
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("n", [0, 1])
def test_few_texts_give_few_matrices(stanford, n):
    encoder = TokenEncoder(stanford)
    assert encoder.encode_queries(["a"] * n).vectors.shape == (10 * n, 8)
    assert encoder.encode_documents([Document("1", "")] * n).vectors.shape == (3 * n, 8)
    assert len(encoder.encode_queries(["a"] * n).split()) == n


def test_titles_are_read_before_texts(stanford):
    encoder = TokenEncoder(stanford)
    found = encoder.encode_documents([Document("1", "dog", "the cat")])
    np.testing.assert_array_equal(found.vectors, encoder.encode_passages(["the cat dog"]).vectors)


def test_what_is_asked_for_wins_over_the_model(stanford):
    encoder = TokenEncoder(stanford, query_length=6, document_length=7, expand=False, punctuation=True)
    assert encoder.encode_queries(["a", "dog " * 20]).lengths.tolist() == [4, 6]
    assert encoder.encode_passages(["?!", "dog " * 20]).lengths.tolist() == [5, 7]


def test_without_its_metadata_a_colbert_has_the_published_defaults(tmp_path):
    encoder = TokenEncoder(tiny_colbert.stanford(tmp_path))
    said = {"query_length": 32, "document_length": 220, "query_marker": "[unused0]", "document_marker": "[unused1]"}
    assert {name: getattr(encoder.recipe, name) for name in said} == said
    assert (encoder.recipe.expand, encoder.recipe.attend) == (True, False)
    assert encoder.identity()["document_length"] == tiny.LENGTH  # all that this network can read


def test_the_catalogue_wins_over_the_files_and_the_caller_over_both(tmp_path, monkeypatch):
    folder = tiny_colbert.stanford(tmp_path, metadata={"query_maxlen": 10, "doc_maxlen": 18})
    monkeypatch.setitem(catalog.models(), "m", {"tokens": {"query_length": 11}})
    assert TokenRecipe.of("m", tmp_path, {}).query_length == 11
    assert TokenRecipe.of("m", tmp_path, {"query_length": 12}).query_length == 12
    assert TokenRecipe.of(folder, tmp_path, {"query_length": None}).query_length == 10


def test_a_document_of_skipped_tokens_alone_is_scored_by_its_first():
    """As for tokenizers that put nothing around a text."""
    encoder = object.__new__(TokenEncoder)
    encoder._skipped = np.array([7, 8])
    encoder._marked = lambda texts, side: [[7, 8, 7], [7, 9]]
    assert [row.scored.tolist() for row in encoder._document([])] == [[True, False, False], [False, True]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"query_length": 65}, "query_length=65 with model .*: it reads 4 to 64 tokens"),
        ({"document_length": 3}, "document_length=3"),
        ({"batch_tokens": 0}, "batch_tokens"),
    ],
)
def test_a_wrong_number_says_what_would_do(stanford, options, message):
    with pytest.raises(BadInput, match=message) as caught:
        TokenEncoder(stanford, **options)
    assert "\n" not in str(caught.value)


def test_an_encoder_that_is_to_fill_up_needs_a_length(tiny_bert):
    with pytest.raises(BadInput, match="needs query_length="):
        TokenEncoder(tiny_bert, expand=True)
    assert TokenEncoder(tiny_bert, expand=True, query_length=9).encode_queries(["a"]).lengths.tolist() == [9]


def test_a_colbert_without_its_projection_is_refused(tmp_path):
    tiny_colbert.stanford(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["linear.weight"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(BadInput, match=r"is a ColBERT without linear\.weight"):
        TokenEncoder(str(tmp_path))


def test_a_network_that_is_code_of_its_own_is_refused(tmp_path):
    """The layout of jina-colbert-v2: XLM-RoBERTa's name, a network from another repository, ColBERT's linear layer."""
    words = tiny_colbert.tokenizer(added=["[QueryMarker]", "[DocumentMarker]"])
    config = transformers.XLMRobertaConfig(vocab_size=len(words), max_position_embeddings=70, **tiny_colbert.SHAPE)
    tiny_colbert.saved(transformers.XLMRobertaModel(config), words, tmp_path)
    path, code = tmp_path / "config.json", "jinaai/xlm-roberta-flash-implementation"
    said = {
        "architectures": ["HF_ColBERT"], "position_embedding_type": "rotary", "use_flash_attn": True,
        "auto_map": {
            "AutoConfig": f"{code}--configuration_xlm_roberta.XLMRobertaFlashConfig",
            "AutoModel": f"{code}--modeling_xlm_roberta.XLMRobertaModel",
        },
    }  # fmt: skip
    path.write_text(json.dumps({**json.loads(path.read_text()), **said}))
    weights = {
        "roberta.embeddings.word_embeddings.weight": torch.randn(len(words), 16),
        "roberta.encoder.layers.0.mixer.Wqkv.weight": torch.randn(48, 16), "linear.weight": torch.randn(8, 16),
    }  # fmt: skip
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    metadata = {"query_token_id": "[QueryMarker]", "doc_token_id": "[DocumentMarker]", "query_maxlen": 32, "dim": 8}
    (tmp_path / "artifact.metadata").write_text(json.dumps(metadata))
    with pytest.raises(BadInput, match=r"is code of its own \(.*XLMRobertaModel\), which is not run") as caught:
        TokenEncoder(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_a_marker_that_is_no_token_is_refused(tmp_path):
    folder = tiny_colbert.stanford(tmp_path, metadata={"query_token_id": "[unused7]"})
    with pytest.raises(BadInput, match=r"marks its texts with '\[unused7\]'"):
        TokenEncoder(folder)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"query_maxlen": "8"}, "query_length='8' of model .* is no whole number"),
        ({"doc_maxlen": 18.5}, r"document_length=18\.5 of model .* is no whole number"),
        ({"query_token_id": 3}, "query_marker=3 of model .* is no text"),
        ({"attend_to_mask_tokens": "no"}, "attend='no' of model .* is no true or false"),
        ({"query_maxlen": 3}, "query_length=3 with model .*: it reads 4 to 64 tokens"),
        ([1], r"artifact\.metadata holds \[1\] where an object should be"),
    ],
)
def test_settings_that_are_none_are_named(tmp_path, said, message):
    with pytest.raises(BadInput, match=message) as caught:
        TokenEncoder(tiny_colbert.stanford(tmp_path, metadata=said))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("modules", [["a"], [{"path": ""}], {"a": 1}])
def test_modules_that_are_none_are_named(tmp_path, modules):
    folder = tiny_colbert.pylate(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInput, match=r"modules\.json lists .* is no module"):
        TokenEncoder(folder)


def test_a_length_of_zero_is_none_in_a_file_and_wrong_when_asked_for(tmp_path):
    folder = tiny_colbert.stanford(tmp_path, metadata={"doc_maxlen": 0})
    assert TokenEncoder(folder).encode_passages(["cat " * 99]).lengths.tolist() == [64]
    with pytest.raises(BadInput, match="document_length=0"):
        TokenEncoder(folder, document_length=0)


def test_a_missing_layer_and_a_foreign_activation_are_refused(tmp_path):
    folder = tiny_colbert.pylate(tmp_path, dense=[{"out_features": 8, "activation_function": "os.system"}])
    with pytest.raises(BadInput, match=r"activation 'os\.system' of a projection is none of torch\.nn's"):
        TokenEncoder(folder)
    (tmp_path / "1_Dense" / "config.json").write_text("{}")
    (tmp_path / "1_Dense" / "model.safetensors").unlink()
    with pytest.raises(BadInput, match=r"hold no linear\.weight"):
        TokenEncoder(folder)


def test_damaged_weights_of_a_layer_are_refused(tmp_path):
    folder = tiny_colbert.pylate(tmp_path)
    (tmp_path / "1_Dense" / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(BadInput, match=r"cannot read .*1_Dense") as caught:
        TokenEncoder(folder)
    assert "\n" not in str(caught.value)


def test_vectors_that_are_not_finite_are_an_error(tmp_path):
    folder = tiny_colbert.stanford(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["linear.weight"][0, 0] = float("inf")
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(RankifyError, match="gave no finite vectors for 'a cat'"):
        TokenEncoder(folder).encode_queries(["a cat"])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_gives_nearly_the_same_vectors_in_float32(stanford, dtype):
    full, half = (TokenEncoder(stanford, dtype=d).encode_queries(QUERIES).vectors for d in ("float32", dtype))
    assert half.dtype == np.float32
    assert (full * half).sum(axis=1).min() > 0.98


def test_identity_tells_encoders_apart(stanford, tmp_path):
    other = tiny_colbert.stanford(tmp_path / "colbert", metadata={"query_maxlen": 10, "doc_maxlen": 18}, seed=3)
    first, second = TokenEncoder(stanford).identity(), TokenEncoder(other).identity()
    assert {name for name in first if first[name] != second[name]} == {"revision"}
    assert TokenEncoder(stanford, expand=False).identity()["expand"] is False
    json.dumps(first)


def test_the_settings_of_a_colbert_count_among_its_files(stanford, tmp_path):
    one = TokenEncoder(tiny_colbert.stanford(tmp_path / "a" / "m", metadata={"query_maxlen": 10}))
    other = TokenEncoder(tiny_colbert.stanford(tmp_path / "b" / "m", metadata={"query_maxlen": 11}))
    assert one.identity()["revision"] != other.identity()["revision"]


def test_the_door_opens_an_encoder_by_its_spec(stanford):
    encoder = rankify.encoder(f"tokens:{stanford}?query_length=8&punctuation=true")
    assert repr(encoder) == f"tokens:{stanford}?query_length=8&punctuation=true"
    assert rankify.encoder(repr(encoder)).recipe == encoder.recipe
