"""The families of dense encoders, each against its published formula, computed with transformers alone."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import rankify
from rankify import catalog
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.encoders.pickles import ALLOWED
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.retrieve.dense import Dense
from rankify.types import Query
from tests import tiny, tiny_dense, tiny_llm

TEXTS = ["a cat", "what is neural retrieval", "rank 007 query", "dog " * 200, "b", "the network of the document ?!"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """made(name) is the family of that name, saved once, and in the catalogue while the tests run."""
    families = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ALLOWED, "1")  # ANCE's weights are published as a pickle

        def make(name):
            if name in tiny_dense.EXTRAS:
                pytest.importorskip(tiny_dense.EXTRAS[name])
            if name not in families:
                families[name] = tiny_dense.FAMILIES[name](tmp_path_factory.mktemp("models") / name)
                patch.setitem(catalog.models(), tiny_dense.place_of(families[name]), encoding_of(families[name]))
            return families[name]

        yield make


def encoding_of(family):
    return {"encoding": family.encoding}


@pytest.fixture(params=tiny_dense.FAMILIES)
def family(request, made):
    return made(request.param)


def encoder_of(family, **more):
    return DenseEncoder(family.folder, **{**family.options, **more})


def test_queries_and_documents_are_what_the_formula_says(family):
    encoder = encoder_of(family)
    for found, query in ((encoder.encode_queries(TEXTS), True), (encoder.encode_passages(TEXTS), False)):
        wanted = np.stack([family.vector(text, query) for text in TEXTS])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert not np.allclose(wanted[0], wanted[1], atol=1e-2)  # the formula tells texts apart


def test_neither_batches_nor_padding_nor_company_matter(family):
    together, apart = encoder_of(family, batch_tokens=10_000), encoder_of(family, batch_tokens=1)
    for encode in ("encode_queries", "encode_passages"):
        found = getattr(together, encode)([*TEXTS, ""])
        np.testing.assert_allclose(found, getattr(apart, encode)([*TEXTS, ""]), atol=2e-5)
        np.testing.assert_allclose(found[2], getattr(together, encode)([TEXTS[2]])[0], atol=2e-5)


def test_what_is_cut_away_changes_nothing(family):
    encoder = encoder_of(family)
    for encode in (encoder.encode_queries, encoder.encode_passages):
        longer, longest = encode(["dog " * 100 + "cat", "dog " * 100 + "query"])
        np.testing.assert_allclose(longer, longest, atol=1e-6)


def test_its_spec_loads_an_equal_one(family):
    encoder = encoder_of(family)
    again = rankify.encoder(repr(encoder))
    assert again.recipe == encoder.recipe
    assert again.identity() == encoder.identity()


def test_a_title_and_a_text_are_a_pair_to_dpr(made):
    family = made("dpr")
    [found] = encoder_of(family).encode_documents([Document("1", "neural retrieval", "the cat")])
    np.testing.assert_allclose(found, family.vector("neural retrieval", False, title="the cat"), atol=1e-4)


def test_dprs_query_tower_may_be_named_by_hand(made):
    family = made("dpr")
    swapped = DenseEncoder(family.encoding["query_model"], pooling="cls", query_model=family.folder, normalize=False)
    [found] = swapped.encode_passages(["a cat"])
    np.testing.assert_allclose(found, family.vector("a cat", True), atol=1e-4)
    [found] = swapped.encode_queries(["a cat"])
    np.testing.assert_allclose(found, family.vector("a cat", False), atol=1e-4)


def test_the_towers_of_an_index_are_told_apart(made):
    family = made("dpr")
    first, second = (encoder_of(family, query_model=q).identity() for q in (None, family.folder))
    assert {name for name in first if first[name] != second[name]} == {"query_revision"}


def test_towers_of_different_dimensions_are_refused(made):
    narrow, wide = made("dpr_projected"), made("dpr")
    with pytest.raises(BadInput, match=r"gives 32 dimensions and query_model .* 8"):
        encoder_of(wide, query_model=narrow.encoding["query_model"])


def test_a_dense_retriever_reads_queries_with_their_own_tower(made):
    family = made("dpr")
    corpus = Corpus(Document(str(i), text) for i, text in enumerate(TEXTS))
    [ranking] = Dense(corpus, family.folder).retrieve([Query("q", "what is a cat")], 6)
    query = family.vector("what is a cat", True)
    scores = {str(i): float(query @ family.vector(text, False)) for i, text in enumerate(TEXTS)}
    assert ranking.ids == sorted(scores, key=scores.get, reverse=True)
    np.testing.assert_allclose(ranking.scores, [scores[id] for id in ranking.ids], atol=1e-4)


def test_sentence_transformers_computes_gtr_and_ance_the_same(made, tmp_path):
    library = pytest.importorskip("sentence_transformers")
    parts = library.sentence_transformer.modules
    norm = parts.LayerNorm(8)
    torch.nn.init.normal_(norm.norm.weight)
    roberta = library.base.modules.Transformer(tiny_dense.roberta(tmp_path / "roberta"), max_seq_length=12)
    layers = [parts.Pooling(16, pooling_mode="cls"), parts.Dense(16, 8, activation_function=torch.nn.Tanh()), norm]
    whole = library.SentenceTransformer(modules=[roberta, *layers], similarity_fn_name="dot", device="cpu")
    whole.save(str(tmp_path / "ance"), create_model_card=False)
    for folder in (str(tmp_path / "ance"), made("gtr").folder):
        there = library.SentenceTransformer(folder, device="cpu").encode(TEXTS)
        encoder = DenseEncoder(folder)
        np.testing.assert_allclose(encoder.encode_queries(TEXTS), there, atol=1e-4)
        assert encoder.recipe.pooling != "modules"  # computed here, not there


def test_sentence_transformers_leaves_a_prompt_out_the_same(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    folder, _ = tiny_dense.gtr_folder(tmp_path, include_prompt=False)
    whole = library.SentenceTransformer(folder, device="cpu")
    before = "the query of the cat: "
    encoder = DenseEncoder(folder, query_prefix=before)
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), whole.encode(TEXTS, prompt=before), atol=1e-4)


def test_a_head_in_older_files_is_read_too(made, tmp_path):
    pytest.importorskip("sentence_transformers")
    folder = tmp_path / "old"
    shutil.copytree(made("gtr").folder, folder)
    for path in folder.rglob("model.safetensors"):
        torch.save(load_file(path), path.with_name("pytorch_model.bin"))
        path.unlink()
    wanted = DenseEncoder(made("gtr").folder).encode_queries(TEXTS)
    np.testing.assert_allclose(DenseEncoder(str(folder)).encode_queries(TEXTS), wanted, atol=1e-6)


def test_a_head_without_its_weights_is_refused(made, tmp_path):
    pytest.importorskip("sentence_transformers")
    folder = tmp_path / "half"
    shutil.copytree(made("gtr").folder, folder)
    (folder / "2_Dense" / "model.safetensors").unlink()
    with pytest.raises(BadInput, match=r"no weights for 'linear\.weight'"):
        DenseEncoder(str(folder))


@pytest.fixture
def nomic(made, tmp_path):
    """Nomic's files as its repository has them: names of weights, and the code that it wants to be run."""
    folder = tmp_path / "published"
    shutil.copytree(made("nomic").folder, folder)
    assert {"encoder.layers.0.attn.Wqkv.weight", "emb_ln.weight"} <= load_file(folder / "model.safetensors").keys()
    config = json.loads((folder / "config.json").read_text())
    own = {"AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"}
    (folder / "config.json").write_text(json.dumps({**config, "auto_map": own}))
    return str(folder)


def test_nomics_published_files_run_without_the_code_they_name(made, nomic, monkeypatch):
    family = made("nomic")
    monkeypatch.setitem(catalog.models(), nomic, encoding_of(family))
    found = DenseEncoder(nomic, dimensions=12).encode_queries(TEXTS)
    np.testing.assert_allclose(found, [family.vector(text, True) for text in TEXTS], atol=1e-4)


def test_code_that_comes_with_a_model_nobody_knows_is_refused(nomic):
    with pytest.raises(BadInput, match=r"brings code of its own .*never run") as caught:
        DenseEncoder(nomic, pooling="mean")
    assert "\n" not in str(caught.value)


def test_a_network_that_transformers_does_not_have_is_refused(tiny_bert, tmp_path):
    folder = tmp_path / "m2"
    shutil.copytree(tiny_bert, folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "m2_bert", "auto_map": {"AutoModel": "m.M2"}}))
    with pytest.raises(BadInput, match=r"transformers does not have \('m2_bert'\)"):
        DenseEncoder(str(folder), pooling="mean")


def test_a_published_model_that_cannot_be_run_says_why_before_anything_is_fetched(monkeypatch):
    monkeypatch.setitem(catalog.models(), "owner/own-code", {"refused": "its network is code of its own"})
    with pytest.raises(BadInput, match=r"'owner/own-code' cannot be run here: its network is code of its own"):
        DenseEncoder("owner/own-code")


def test_an_instruction_is_a_task_or_words(made):
    family, task = made("e5_mistral"), "Given a scientific claim, retrieve documents that support or refute the claim"
    named, said = (encoder_of(family, instruction=asked) for asked in ("beir/scifact", task))
    assert named.recipe.before_query == f"Instruct: {task}\nQuery: "
    np.testing.assert_array_equal(named.encode_queries(["a cat"]), said.encode_queries(["a cat"]))
    assert not np.allclose(named.encode_queries(["a cat"]), encoder_of(family).encode_queries(["a cat"]))
    assert named.identity()["query_prefix"] == f"Instruct: {task}\nQuery: "


def test_a_task_is_looked_up_among_those_of_the_model_first(made, monkeypatch):
    family = made("qwen3")
    plain = encoder_of(family, instruction="bright/earth_science").recipe.instruction
    known = {"encoding": {**family.encoding, "tasks": "reason-embed"}}
    monkeypatch.setitem(catalog.models(), family.folder, known)
    assert plain == "Given a Earth Science post, retrieve relevant passages that help answer the post"
    assert encoder_of(family, instruction="bright/earth_science").recipe.instruction == (
        "Given an Earth Science post, retrieve relevant passages that help answer the post."
    )
    assert encoder_of(family, instruction="beir/fiqa").recipe.instruction.startswith("Given a financial question")


def test_without_an_instruction_a_query_has_the_models_plain_prefix(made):
    family = made("gritlm")
    assert encoder_of(family, instruction="").recipe.before_query == "<|embed|>\n"
    assert encoder_of(family, query_prefix="query: ").recipe.before_query == "query: "


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("contriever", {"instruction": "find cats"}, Misuse, "takes no instruction; query_prefix="),
        ("e5_mistral", {"instruction": "find cats", "query_prefix": "q"}, Misuse, "both stand before a query"),
        ("e5_mistral", {"instruction": "beir/scifakt"}, UnknownName, "did you mean 'beir/scifact'"),
        ("contriever", {"dimensions": 8}, Misuse, "was not trained to have its vectors cut"),
        ("nomic", {"dimensions": 7}, Misuse, "cut to 8 or more"),
        ("nomic", {"dimensions": 33}, Misuse, "dimensions=33: model .* gives vectors of 32"),
        ("contriever", {"query_length": 2}, BadInput, "max_length=2"),
        ("contriever", {"query_model": "/no/such"}, BadInput, "no such folder"),
        ("contriever", {"adapter": "/no/such"}, BadInput, "no adapter '/no/such'"),
        ("repllama", {"query_model": "/no/such"}, Misuse, "give one of them"),
    ],
)
def test_what_a_model_cannot_do_is_refused_in_one_line(made, name, options, error, message):
    with pytest.raises(error, match=message) as caught:
        encoder_of(made(name), **options)
    assert "\n" not in str(caught.value)


def test_a_vector_is_cut_to_as_few_dimensions_as_it_was_trained_for(made):
    family = made("nomic")
    assert DenseEncoder(family.folder, dimensions=family.encoding["matryoshka"]).dimension == 8


@pytest.mark.parametrize("dimensions", [0, -3])
def test_a_vector_of_no_dimensions_is_refused(tiny_bert, dimensions):
    with pytest.raises(Misuse, match=f"dimensions={dimensions}"):
        DenseEncoder(tiny_bert, pooling="mean", dimensions=dimensions)


def test_a_cut_vector_has_length_one_again(tiny_bert):
    whole, cut = (DenseEncoder(tiny_bert, pooling="mean", dimensions=n).encode_queries(TEXTS) for n in (None, 5))
    assert cut.shape == (len(TEXTS), 5)
    np.testing.assert_allclose(cut, whole[:, :5] / np.linalg.norm(whole[:, :5], axis=1, keepdims=True), atol=1e-5)


def test_an_end_that_the_tokenizer_does_not_know_is_refused(made, monkeypatch):
    family = made("e5_mistral")
    monkeypatch.setitem(catalog.models(), family.folder, {"encoding": {**family.encoding, "end": "<|end|>"}})
    with pytest.raises(BadInput, match=r"has no token '<\|end\|>'"):
        encoder_of(family)


def test_an_adapter_that_was_trained_on_another_network_is_refused_and_not_left_out(made, tmp_path):
    """As where it is of the language model, whose layers have longer names than those of the network alone."""
    family = made("repllama")
    folder = tmp_path / "adapter"
    shutil.copytree(family.options["adapter"], folder)
    weights = load_file(folder / "adapter_model.safetensors")
    renamed = {name.replace("base_model.model.", "base_model.model.model."): w for name, w in weights.items()}
    save_file(renamed, folder / "adapter_model.safetensors")
    with pytest.raises(BadInput, match=r"it has nothing for .*lora_A.*; its weights are of another network") as caught:
        DenseEncoder(family.folder, pooling="last", adapter=str(folder))
    assert "\n" not in str(caught.value)


def test_an_end_is_put_behind_a_text_whatever_the_tokenizers_configuration_says(tmp_path, monkeypatch):
    """E5-Mistral's says that it adds one, and its tokenizer.json adds only the beginning."""
    family = tiny_dense.e5_mistral(tmp_path / "plain")
    path = Path(family.folder) / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "add_eos_token": True}))
    monkeypatch.setitem(catalog.models(), family.folder, encoding_of(family))
    found = DenseEncoder(family.folder).encode_passages(TEXTS)
    np.testing.assert_allclose(found, [family.vector(text, False) for text in TEXTS], atol=1e-4)


def test_a_decoder_with_a_window_of_attention_looks_both_ways_too(tmp_path, monkeypatch):
    family = tiny_dense.gritlm(tmp_path / "plain")
    config = json.loads((Path(family.folder) / "config.json").read_text())
    (Path(family.folder) / "config.json").write_text(json.dumps({**config, "sliding_window": 400}))
    monkeypatch.setitem(catalog.models(), family.folder, encoding_of(family))
    found = DenseEncoder(family.folder).encode_passages(TEXTS)
    np.testing.assert_allclose(found, [family.vector(text, False) for text in TEXTS], atol=1e-4)


def test_a_decoder_left_as_it_is_looks_back_only(made):
    family = made("gritlm")
    said = {"pooling": "cls", "normalize": False, "bidirectional": False}
    place = family.folder
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalog.models(), place, {"encoding": {**family.encoding, **said}})
        found = DenseEncoder(place).encode_passages(["a cat", "a dog that ranks"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)  # nothing behind the first token reaches it


def test_xlm_roberta_is_read_at_its_first_token(tmp_path):
    """BGE-M3's and Arctic v2's shape, whose last layer is computed for that token alone."""
    tokenizer = tiny_llm.unigram()
    config = transformers.XLMRobertaConfig(
        **tiny_dense.CONFIG, vocab_size=len(tokenizer), max_position_embeddings=40, initializer_range=0.3
    )
    folder = tiny_llm.saved(transformers.XLMRobertaModel, config, tokenizer, tmp_path)
    network = transformers.XLMRobertaModel.from_pretrained(folder).eval()
    encoder = DenseEncoder(folder, pooling="cls")
    wanted = [tiny_dense.unit(tiny_dense.hidden(network, tiny_dense.cut(tokenizer, t, 38))[0].numpy()) for t in TEXTS]
    np.testing.assert_allclose(encoder.encode_queries(TEXTS), wanted, atol=1e-4)
    inputs = encoder.checkpoint.inputs([[2, 5, 6, 3]])
    assert encoder.checkpoint.network(**inputs).last_hidden_state.shape[1] == 1


def test_dprs_towers_keep_the_first_token_shortcut(made):
    encoder = encoder_of(made("dpr"))
    inputs = encoder.checkpoint.inputs([[2, 5, 6, 3]])
    assert encoder.checkpoint.network(**inputs).last_hidden_state.shape[1] == 1


def test_two_towers_share_nothing(made, monkeypatch):
    family = made("dpr")
    encoder = encoder_of(family)
    assert encoder._queries.backbone.checkpoint.network is not encoder._documents.backbone.checkpoint.network
    assert len({tiny.LENGTH, encoder._queries.rows.limit}) == 2
