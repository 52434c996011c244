"""LLM2Vec: a decoder that looks both ways, two adapters one after the other, the mean of the text alone."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from rankify import catalog, registry
from rankify.documents import Document
from rankify.encoders import adapter as adapters
from rankify.encoders.dense import DenseEncoder
from rankify.errors import BadInput
from rankify.types import Query, Ranking, Run
from tests import tiny_llm

peft = pytest.importorskip("peft")

TASK = "Given a web search query, retrieve relevant passages that answer the query"
TEXTS = [
    "what is neural retrieval", "cat", "", "  a dog ", "the quick brown fox jumps over the lazy dog " * 3,
    "rank,the query.\nA neural network", "cats and dogs, " * 12,
]  # fmt: skip
TARGETS = ["q_proj", "v_proj", "up_proj"]
MOST, OWN = 96, 40
CHAT = {"query_prefix": "[INST] ", "document_prefix": "[INST] ", "suffix": " [/INST]",
        "instructed_prefix": "[INST] {instruction}: "}  # fmt: skip
PLAIN = {"query_prefix": "", "document_prefix": "", "suffix": "", "instructed_prefix": "{instruction}: "}
TURN = {"query_prefix": "<|im_start|>user\n", "document_prefix": "<|im_start|>user\n", "suffix": "<|im_end|>",
        "instructed_prefix": "<|im_start|>user\n{instruction}: "}  # fmt: skip
FAMILIES = {
    "mistral": (tiny_llm.mistral, {"sliding_window": None}, CHAT), "llama": (tiny_llm.llama, {}, CHAT),
    "sheared": (tiny_llm.llama, {"seed": 3}, PLAIN), "llama3": (tiny_llm.qwen2, {}, TURN),
}  # fmt: skip


def lora(folder, base, seed):
    """An adapter with random weights, saved to a folder."""
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        made = peft.get_peft_model(base, peft.LoraConfig(r=4, lora_alpha=8, target_modules=TARGETS))
        for name, weight in made.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.3)
        made.save_pretrained(folder)
        return made.merge_and_unload()


@pytest.fixture(scope="module", params=FAMILIES)
def family(request, tmp_path_factory):
    """The spec of a model with both adapters, what the catalogue would say of it, and its formula."""
    make, changed, format = FAMILIES[request.param]
    at = tmp_path_factory.mktemp(request.param)
    folder = make(at / "plain", attention_dropout=0.0, **changed)
    network = transformers.AutoModel.from_pretrained(folder)
    named = []
    for seed, name in enumerate(("mntp", "supervised")):
        network = lora(at / name, network, seed)
        named.append(str(at / name))
    entry = {"encoding": {
        "pooling": "mean", "normalize": True, "max_length": MOST, "similarity": "cosine", "instruction": TASK,
        "bidirectional": True, "pool_text": True, "text_length": OWN, **format,
    }}  # fmt: skip
    return folder, named, entry, Published(network.eval(), folder, format)


class Published:
    """LLM2Vec's own encode, one text at a time."""

    def __init__(self, network, folder, format):
        self.network, self.format = network, format
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def own(self, text):
        return self.tokenizer(text, add_special_tokens=False, truncation=True, max_length=MOST)["input_ids"]

    def vector(self, text, instruction="", hidden=0.0):
        while len(self.own(text)) > OWN:
            text = " ".join(text.split()[: int(len(text.split()) * OWN / len(self.own(text)))])
        written = f"{instruction.strip()} !@#$%^&*(){text}" if instruction else f"!@#$%^&*(){text}"
        if self.format["suffix"]:
            written = self.format["query_prefix"] + written.strip() + self.format["suffix"]
        parts = written.split("!@#$%^&*()")
        ids = self.tokenizer("".join(parts), truncation=True, max_length=MOST)["input_ids"]
        pooled = len(self.own(parts[1]))
        n = len(ids)
        both_ways = torch.full((1, 1, n, n), hidden).triu(1)  # what stands behind a token is not hidden from it
        with torch.no_grad():
            states = self.network(torch.tensor([ids]), attention_mask=both_ways).last_hidden_state[0]
        mean = states[n - pooled :].mean(dim=0).numpy() if pooled else np.zeros(states.shape[1])
        return mean / max(np.linalg.norm(mean), 1e-12)


@pytest.fixture
def encoder(family, monkeypatch):
    folder, named, entry, _ = family
    known = catalog.models()
    monkeypatch.setattr(catalog, "models", lambda: {**known, named[-1]: entry})
    return DenseEncoder(folder, adapter=",".join(named), device="cpu", batch_tokens=200)


def test_vectors_are_the_means_of_texts_alone(family, encoder):
    right = np.array([family[3].vector(text, f"{TASK}:") for text in TEXTS])
    assert encoder.encode_queries(TEXTS) == pytest.approx(right, abs=1e-4)
    right = np.array([family[3].vector(text) for text in TEXTS])
    assert encoder.encode_passages(TEXTS) == pytest.approx(right, abs=1e-4)
    assert np.abs(right[0] - family[3].vector(TEXTS[0], hidden=-torch.inf)).max() > 1e-2


def test_a_word_that_is_too_long_by_itself_keeps_its_beginning(encoder):
    """As published, nothing would be left of a text without blanks, e.g. a Chinese one."""
    whole, begun, none = encoder.encode_passages(["catdog" * 60, "catdog" * 60 + "fox", ""])
    assert whole == pytest.approx(begun, abs=1e-6)
    assert np.abs(whole - none).max() > 1e-2


def test_batches_do_not_show(encoder):
    alone = np.concatenate([encoder.encode_passages([text]) for text in TEXTS])
    assert encoder.encode_passages(TEXTS) == pytest.approx(alone, abs=1e-5)


def test_it_reranks_by_cosines(family, encoder):
    folder, named, _, own = family
    documents = [Document(str(place), text) for place, text in enumerate(TEXTS)]
    ranking = Ranking(Query("q", "what is neural"), documents, range(len(documents), 0, -1))
    reranker = registry.load("reranker", f"embedding:{folder}?device=cpu&adapter={','.join(named)}")
    [ranked] = reranker(Run([ranking]))
    query = own.vector("what is neural", f"{TASK}:")
    right = {document.id: float(query @ own.vector(document.text)) for document in documents}
    assert ranked.scores.tolist() == pytest.approx([right[id] for id in ranked.ids], abs=1e-4)


def test_both_adapters_count_and_their_order(family, encoder):
    folder, named, _, _ = family
    whole = encoder.encode_passages(TEXTS[:1])
    assert len(encoder.identity()["adapter_revision"].split()) == 2
    for some in (named[1:], named[:1] + named[:1]):
        other = DenseEncoder(folder, adapter=",".join(some), pooling="mean", device="cpu").encode_passages(TEXTS[:1])
        assert np.abs(whole - other).max() > 1e-3


def test_an_adapter_of_several_that_is_not_there_is_named(family):
    folder, named, _, _ = family
    with pytest.raises(BadInput, match="no adapter '/no/such'"):
        DenseEncoder(folder, adapter=f"{named[0]},/no/such", pooling="mean")


def test_a_folder_with_a_comma_in_its_name_is_one_adapter(tmp_path):
    folder = tmp_path / "one,two"
    folder.mkdir()
    assert adapters.adapters(str(folder)) == [str(folder)]
    assert adapters.adapters("a/b, c/d") == ["a/b", "c/d"]


def test_the_published_ones_are_in_the_catalogue():
    known = {id: entry for id, entry in catalog.models().items() if id.startswith("McGill-NLP/LLM2Vec")}
    assert len(known) == 10
    for id, entry in known.items():
        base, _, options = entry["retriever"].partition("?")
        mntp = id.removesuffix("-supervised").removesuffix("-unsup-simcse")
        assert options == f"adapter={mntp},{id}"
        assert Path(base).name.split("-")[0].lower() in id.lower()
