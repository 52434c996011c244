"""Sparse encoders against each family's formula, computed with transformers alone, a text at a time."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import rankify
from rankify.documents import Document
from rankify.encoders.pickles import ALLOWED
from rankify.encoders.sparse import SparseEncoder, names_of
from rankify.encoders.sparse_vectors import SparseVectors, pooled, scaled
from rankify.encoders.sparse_weighting import Weighting, families
from rankify.errors import BadInput, Misuse, RankifyError, UnknownName
from tests import tiny, tiny_sparse

FAMILIES = ["Bert", "DistilBert", "Roberta", "ModernBert"]
TEXTS = ["the cat", "", "what is neural retrieval", "cat cat dog cat", "rank " * 500, "猫 ñ", "network [MASK] the", "a"]
DOCUMENTS = [Document(str(i), text) for i, text in enumerate(TEXTS)]


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return tiny_sparse.mlm(tmp_path_factory.mktemp("mlm") / request.param, request.param)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return tiny_sparse.mlm(tmp_path_factory.mktemp("mlm") / "bert")


@pytest.fixture(scope="module")
def unicoil(tmp_path_factory):
    return tiny_sparse.with_layers(tmp_path_factory.mktemp("unicoil") / "m", "tok_proj", (16, 1))


@pytest.fixture(scope="module")
def deepimpact(tmp_path_factory):
    return tiny_sparse.with_layers(tmp_path_factory.mktemp("impact") / "m", "impact_score_encoder", (16, 16), (16, 1))


def dense(vectors, width):
    """The vectors as a matrix of all terms."""
    found = np.zeros((len(vectors), width), np.float32)
    for line, (terms, weights) in zip(found, vectors, strict=True):
        line[terms] = weights
    return found


def logits(folder, text, length=tiny.LENGTH):
    """What a masked language model gives for one text, which is cut."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    with torch.no_grad():
        return network(**tokenizer(text, truncation=True, max_length=length, return_tensors="pt")).logits[0]


def numbers(folder, name, ids):
    """relu(linear(x)) of a BERT's last layer, a number for each token."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    layers = {k: v for k, v in load_file(f"{folder}/model.safetensors").items() if k.startswith(name)}
    with torch.no_grad():
        found = network(torch.tensor([ids])).last_hidden_state[0]
        for key in sorted(k for k in layers if k.endswith("weight")):
            found = torch.relu(found @ layers[key].T + layers[key.replace("weight", "bias")])
    return found[:, 0].numpy()


FORMULAS = {
    "splade": lambda x: torch.log(1 + torch.relu(x)).max(dim=0).values,
    "splade-v1": lambda x: torch.log(1 + torch.relu(x)).sum(dim=0),
    "opensearch-doc-v3": lambda x: torch.log(1 + torch.log(1 + torch.relu(x.max(dim=0).values))),
}


@pytest.mark.parametrize("weighting", ["splade", "splade-v1"])
def test_weights_are_the_formulas(folder, weighting):
    encoder = SparseEncoder(folder, weighting=weighting)
    got = dense(encoder.encode_documents(DOCUMENTS), len(encoder.terms))
    for line, text in zip(got, TEXTS, strict=True):
        assert line == pytest.approx(FORMULAS[weighting](logits(folder, text)).numpy(), abs=1e-4)
    assert dense(encoder.encode_queries(TEXTS), len(encoder.terms)) == pytest.approx(got, abs=1e-5)


def test_texts_together_as_one_by_one_and_padding_never_matters(folder):
    wide = SparseEncoder(folder, weighting="splade-v1", batch_tokens=10_000)
    narrow = SparseEncoder(folder, weighting="splade-v1", batch_tokens=1)
    assert wide.encode_documents(DOCUMENTS).terms.tolist() == narrow.encode_documents(DOCUMENTS).terms.tolist()
    assert narrow.counted["passes"] == len(TEXTS)
    assert narrow.counted["padding"] == 0
    for text, together in zip(TEXTS, wide.encode_documents(DOCUMENTS), strict=True):
        [alone] = wide.encode_queries([text])
        assert together[1] == pytest.approx(alone[1], abs=1e-4)


def test_an_opensearch_model_has_no_special_terms_and_its_queries_come_from_its_table(tmp_path):
    model = tiny_sparse.mlm(tmp_path / "m", "DistilBert")
    tiny_sparse.table(model, {"the": 0.25, "cat": 5.5, "[SEP]": 9.0})
    encoder = SparseEncoder(model, weighting="opensearch-doc-v3")
    got = dense(encoder.encode_documents(DOCUMENTS), len(encoder.terms))
    special = transformers.AutoTokenizer.from_pretrained(model).all_special_ids
    for line, text in zip(got, TEXTS, strict=True):
        wanted = FORMULAS["opensearch-doc-v3"](logits(model, text))
        wanted[special] = 0
        assert line == pytest.approx(wanted.numpy(), abs=1e-4)
    named = encoder.encode_queries(["the cat cat", "dog", ""]).named(encoder.terms)
    assert named == [{"the": 0.25, "cat": 5.5}, {}, {}]
    assert encoder.counted["passes"] == 0


def test_a_table_of_lines_wins_over_one_of_json(tmp_path):
    model = tiny_sparse.mlm(tmp_path / "m")
    tiny_sparse.table(model, {"the": 1.0})
    tiny_sparse.table(model, {"the": 2.5}, "query_token_weights.txt")
    encoder = SparseEncoder(model)
    assert encoder.recipe.queries == "table"
    assert encoder.encode_queries(["the"]).named(encoder.terms) == [{"the": 2.5}]


def test_a_table_that_is_none_is_named(tmp_path):
    model = tiny_sparse.mlm(tmp_path / "m")
    with pytest.raises(BadInput, match=r"query_token_weights\.txt, idf\.json"):
        SparseEncoder(model, weighting="opensearch-doc")
    for weight in ('"much"', "NaN", "Infinity"):
        (tmp_path / "m" / "idf.json").write_text(f'{{"the": {weight}}}')
        with pytest.raises(BadInput, match=r"cannot read .*idf\.json as tokens"):
            SparseEncoder(model, weighting="opensearch-doc")


def test_queries_without_the_network_count_or_do_not(bert):
    ones, counts = (SparseEncoder(bert, weighting="splade", queries=q) for q in ("ones", "counts"))
    assert ones.encode_queries(["cat the cat", ""]).named(ones.terms) == [{"the": 1, "cat": 1}, {}]
    assert counts.encode_queries(["cat the cat"]).named(counts.terms) == [{"the": 1, "cat": 2}]


def test_unicoil_takes_the_greatest_weight_in_documents_and_the_sum_in_queries(unicoil):
    encoder = SparseEncoder(unicoil, weighting="unicoil", max_length=tiny.LENGTH, query_length=12)
    tokenizer = encoder.checkpoint.tokenizer
    for text in TEXTS:
        for length, merge, got in (
            (tiny.LENGTH, max, encoder.encode_documents([Document("1", text)])),
            (12, lambda a, b: a + b, encoder.encode_queries([text])),
        ):
            ids = tokenizer(text, truncation=True, max_length=length)["input_ids"]
            wanted = {}
            for id, weight in zip(ids[1:], numbers(unicoil, "tok_proj", ids)[1:].tolist(), strict=True):
                wanted[id] = merge(wanted[id], weight) if id in wanted else weight
            terms = {encoder.terms[id]: weight for id, weight in wanted.items() if weight > 0}
            assert got.named(encoder.terms)[0] == pytest.approx(terms, abs=1e-4)


def test_unicoil_reads_new_tokens_of_an_expansion_behind_the_text(unicoil):
    encoder = SparseEncoder(unicoil, weighting="unicoil", max_length=tiny.LENGTH, expansion="predicted")
    document = Document("1", "the cat", metadata={"predicted": ["dog the", "dog rank"]})
    ids = [encoder.terms.index(t) for t in ("[CLS]", "the", "cat", "[SEP]", "dog", "rank", "[SEP]")]
    weights = numbers(unicoil, "tok_proj", ids)
    got = encoder.encode_documents([document]).named(encoder.terms)[0]
    wanted = {encoder.terms[i]: w for i, w in zip(ids[1:-1], weights[1:].tolist(), strict=False) if w > 0}
    wanted["[SEP]"] = max(weights[3], weights[6])
    assert got == pytest.approx(wanted, abs=1e-4)
    plain = SparseEncoder(unicoil, weighting="unicoil")
    assert encoder.encode_queries(["the cat"]).weights.tolist() == plain.encode_queries(["the cat"]).weights.tolist()
    long = Document("2", "cat " * 500, metadata={"predicted": "dog"})
    assert "dog" not in encoder.encode_documents([long]).named(encoder.terms)[0]
    without = encoder.encode_documents([Document("3", "the cat")]).named(encoder.terms)[0]
    assert set(without) <= {"the", "cat", "[SEP]"}


def test_other_models_read_an_expansion_behind_the_text(bert):
    encoder = SparseEncoder(bert, expansion="more")
    got = encoder.encode_documents([Document("1", "the cat", metadata={"more": "dog"})])
    assert got.weights.tolist() == encoder.encode_queries(["the cat dog"]).weights.tolist()


def test_deepimpact_weighs_words_by_their_first_pieces(deepimpact):
    encoder = SparseEncoder(deepimpact, weighting="deepimpact")
    text = "The cats, the DOG rankdog!"
    ids = encoder.checkpoint.tokenizer(text)["input_ids"]
    tokens = encoder.checkpoint.tokenizer.convert_ids_to_tokens(ids)
    weights = numbers(deepimpact, "impact_score_encoder", ids)
    firsts = {"the": "the", "cats": "cat", "dog": "dog", "rankdog": "rank"}
    assert tokens[-6:-1] != ["!"] * 5
    wanted = {}
    for word, piece in firsts.items():
        place = tokens.index(piece) if piece in tokens else tokens.index(piece[0])
        wanted[word] = weights[place]
    got = encoder.encode_documents([Document("1", text)]).named(encoder.terms)[0]
    assert got == pytest.approx({w: x for w, x in wanted.items() if x > 0}, abs=1e-4)
    assert encoder.encode_queries(["The cats?", "", "cats new"]).named(encoder.terms) == [
        {"the": 1, "cats": 1}, {}, {"cats": 1, "new": 1},
    ]  # fmt: skip


def test_bge_m3_leaves_special_tokens_out_and_reads_its_layer_from_beside_the_weights(tmp_path, monkeypatch):
    monkeypatch.setenv(ALLOWED, "1")
    model = tiny.tiny_bert(tmp_path / "m")
    torch.manual_seed(3)
    layer = torch.nn.Linear(16, 1)
    torch.save(layer.state_dict(), tmp_path / "m" / "sparse_linear.pt")
    save_file({f"sparse_linear.{k}": v for k, v in layer.state_dict().items()}, tmp_path / "layer.safetensors")
    encoder = SparseEncoder(model, weighting="bge-m3")
    ids = encoder.checkpoint.tokenizer("the cat the")["input_ids"]
    with torch.no_grad():
        hidden = transformers.AutoModel.from_pretrained(model).eval()(torch.tensor([ids])).last_hidden_state[0]
        weights = torch.relu(layer(hidden))[:, 0].tolist()
    wanted = {"the": max(weights[1], weights[3]), "cat": weights[2]}
    got = encoder.encode_documents([Document("1", "the cat the")]).named(encoder.terms)[0]
    assert got == pytest.approx({t: w for t, w in wanted.items() if w > 0}, abs=1e-4)
    assert encoder.encode_queries(["the cat the"]).named(encoder.terms)[0] == pytest.approx(got, abs=1e-6)


def test_layers_are_read_from_a_pickle_of_tensors_and_from_no_other(tmp_path, unicoil, monkeypatch):
    monkeypatch.setenv(ALLOWED, "1")
    wanted = SparseEncoder(unicoil, weighting="unicoil").encode_queries(["the cat"])
    old = tmp_path / "old"
    old.mkdir()
    for path in Path(unicoil).iterdir():
        if path.suffix != ".safetensors":
            (old / path.name).write_bytes(path.read_bytes())
    torch.save(load_file(f"{unicoil}/model.safetensors"), old / "pytorch_model.bin")
    got = SparseEncoder(str(old), weighting="unicoil").encode_queries(["the cat"])
    assert got.weights == pytest.approx(wanted.weights, abs=1e-6)
    torch.save(Path(), old / "sparse_linear.pt")
    with pytest.raises(BadInput, match=r"cannot read .*sparse_linear\.pt"):
        SparseEncoder(str(old), weighting="bge-m3")


def test_a_layer_beside_the_weights_is_no_exception_to_the_rule_on_pickles(tmp_path):
    model = tiny.tiny_bert(tmp_path / "m")
    torch.save(torch.nn.Linear(16, 1).state_dict(), tmp_path / "m" / "sparse_linear.pt")
    with pytest.raises(BadInput, match=r"only as a pickle \(.*sparse_linear\.pt\)"):
        SparseEncoder(model, weighting="bge-m3")


def test_missing_layers_are_named(tmp_path):
    with pytest.raises(BadInput, match="no layers 'tok_proj'"):
        SparseEncoder(tiny.tiny_bert(tmp_path / "m"), weighting="unicoil", max_length=20, query_length=20)


def test_scaled_weights_are_whole_numbers(bert):
    plain, whole = SparseEncoder(bert), SparseEncoder(bert, scale=100)
    wanted = np.rint(dense(plain.encode_documents(DOCUMENTS), 90).astype(np.float64) * 100)
    assert dense(whole.encode_documents(DOCUMENTS), 90).tolist() == wanted.tolist()
    assert whole.encode_documents(DOCUMENTS).weights.min() >= 1


def test_a_model_of_sentence_transformers_says_how_it_pools(tmp_path):
    model = tiny_sparse.mlm(tmp_path / "m")
    (tmp_path / "m" / "1_SpladePooling").mkdir()
    (tmp_path / "m" / "1_SpladePooling" / "config.json").write_text(
        '{"pooling_strategy": "sum", "activation_function": "log1p_relu"}'
    )
    recipe = SparseEncoder(model).recipe
    assert (recipe.pooling, recipe.activation, recipe.queries) == ("sum", "log1p-log1p", "encoded")


def test_weights_are_those_of_sentence_transformers(tmp_path):
    library = pytest.importorskip("sentence_transformers")
    model = tiny_sparse.mlm(tmp_path / "m")
    modules = pytest.importorskip("sentence_transformers.sparse_encoder.modules")
    reference = library.SparseEncoder(modules=[modules.MLMTransformer(model), modules.SpladePooling("max")])
    wanted = reference.encode(TEXTS[:4], convert_to_sparse_tensor=False).cpu().numpy()
    encoder = SparseEncoder(model)
    assert dense(encoder.encode_queries(TEXTS[:4]), len(encoder.terms)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"weighting": "spalde"}, UnknownName, "did you mean 'splade'"),
        ({"pooling": "mean"}, UnknownName, "no pooling of sparse weights 'mean'"),
        ({"queries": "one"}, UnknownName, "did you mean 'ones'"),
        ({"scale": -1.0}, Misuse, "scale=-1.0"),
        ({"scale": 1e40}, Misuse, "scale=1e\\+40"),
        ({"max_length": 65}, BadInput, "max_length=65"),
        ({"query_length": 2}, BadInput, "max_length=2"),
    ],
)
def test_wrong_options_are_refused(bert, options, error, message):
    with pytest.raises(error, match=message):
        SparseEncoder(bert, **options)


def test_queries_of_words_are_not_encoded(deepimpact):
    with pytest.raises(Misuse, match="queries=encoded"):
        SparseEncoder(deepimpact, weighting="deepimpact", queries="encoded")


def test_a_model_that_says_nothing_needs_a_weighting(tmp_path):
    with pytest.raises(BadInput, match="give weighting=splade, splade-v1"):
        SparseEncoder(tiny.tiny_bert(tmp_path / "m"))


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    for family, name in (("mlm", "cls.predictions.bias"), ("token", "sparse_linear.bias")):
        made = tmp_path / family
        model = tiny_sparse.mlm(made) if family == "mlm" else tiny_sparse.with_layers(made, "sparse_linear", (16, 1))
        tensors = load_file(made / "model.safetensors")
        save_file(
            {**tensors, name: torch.full_like(tensors[name], torch.nan)}, made / "model.safetensors", {"format": "pt"}
        )
        encoder = SparseEncoder(model, weighting="splade" if family == "mlm" else "bge-m3")
        with pytest.raises(RankifyError, match="no finite weight for 'the cat'"):
            encoder.encode_queries(["the cat"])


def test_every_family_is_whole_and_names_its_paper():
    from importlib.resources import files

    import yaml

    read = yaml.safe_load((files("rankify.encoders") / "sparse.yaml").read_text("utf-8"))
    for name, entry in read.items():
        assert "arXiv:" in entry["source"]
        made = Weighting(**families()[name])
        assert {field: getattr(made, field) for field in families()[name]} == families()[name]
        assert set(entry) == {*families()[name], "source"}
        assert bool(made.layers) == (made.head != "mlm")


def test_its_spec_builds_an_equal_one(bert):
    encoder = rankify.encoder(f"sparse:{bert}?scale=100&queries=ones")
    assert repr(rankify.encoder(repr(encoder))) == repr(encoder)
    assert encoder.identity() == rankify.encoder(repr(encoder)).identity()
    assert encoder.identity() != SparseEncoder(bert).identity()


def test_rows_of_no_texts():
    assert len(SparseVectors.of([])) == 0
    assert list(SparseVectors.of([])) == []


def test_halves_round_to_even_and_zeros_go():
    terms, weights = scaled((np.array([1, 2, 3, 4], np.int32), np.array([0.5, 1.5, 2.5, 0.4], np.float32)), 1)
    assert (terms.tolist(), weights.tolist()) == ([2, 3], [2, 2])


def test_numbers_below_zero_are_no_weights():
    assert [part.tolist() for part in pooled(np.array([1, 1, 2]), np.array([-1.0, 0.0, -2.0]), "max")] == [[], []]


def test_numbers_of_one_name_are_two_terms(bert):
    """As a tokenizer that knows no word for a number may name several by the same."""
    encoder = SparseEncoder(bert)
    known = {"convert_ids_to_tokens": lambda self, ids: ["[UNK]", "a", "[UNK]", None], "__len__": lambda self: 4}
    same = type("Same", (), known)()
    network = SimpleNamespace(config=SimpleNamespace(vocab_size=5))
    assert names_of(replace(encoder.checkpoint, tokenizer=same, network=network)) == [
        "[UNK]", "a", "\x002", "\x003", "\x004"
    ]  # fmt: skip
