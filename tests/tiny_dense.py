"""Tiny bi-encoders in the layouts of published ones, each with its formula computed with transformers alone.

A family is a function `make(folder)` that saves a model and returns a `Family`: what the catalogue would say of it, and
`vector(text, query)`, one text at a time, without padding, batches, or anything of the toolkit.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests import tiny, tiny_llm

LIMIT = 24
LONG = 64  # of texts with an instruction before them
TASK = "Find the cat that answers"
CONFIG = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


@dataclass
class Family:
    folder: str
    encoding: dict
    vector: Callable
    options: dict = field(default_factory=dict)


def hidden(network, ids, **more):
    """The last layer of one row of ids, shape (tokens, dim)."""
    with torch.no_grad():
        return network(input_ids=torch.tensor([ids]), **more).last_hidden_state[0]


def unit(vector):
    return vector / np.linalg.norm(vector)


def cut(tokenizer, text, limit=LIMIT, **more):
    return tokenizer(text, truncation=True, max_length=limit, **more)["input_ids"]


def encoding(pooling, **more):
    return {"pooling": pooling, "normalize": False, "max_length": LIMIT, "similarity": "dot", **more}


def bert_like(kind, folder, **changed):
    """Any encoder that BERT's tokenizer serves."""
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tiny.tokenizer()), initializer_range=0.3, **changed)
    return tiny_llm.saved(getattr(transformers, f"{kind}Model"), config, tiny.tokenizer(), folder)


def dpr(folder, projection=0):
    """DPR: two towers, the passage's title and text as a pair, segments all 0."""
    config = transformers.DPRConfig(
        **CONFIG, vocab_size=len(tiny.tokenizer()), max_position_embeddings=tiny.LENGTH, projection_dim=projection,
        initializer_range=0.3,
    )  # fmt: skip
    towers = {"ctx": transformers.DPRContextEncoder, "question": transformers.DPRQuestionEncoder}
    places = {n: tiny_llm.saved(t, config, tiny.tokenizer(), folder / n, seed=len(n)) for n, t in towers.items()}
    networks = {name: towers[name].from_pretrained(place).eval() for name, place in places.items()}

    def vector(text, query, title=None):
        pair = [text] if title is None else [title, text]
        ids = tiny.tokenizer()(*pair, truncation=True, max_length=LIMIT)["input_ids"]
        with torch.no_grad():
            return networks["question" if query else "ctx"](torch.tensor([ids])).pooler_output[0].numpy()

    return Family(places["ctx"], encoding("cls", query_model=places["question"], title_separator=" [SEP] "), vector)


def dpr_projected(folder):
    return dpr(folder, projection=8)


def roberta(folder, kind=transformers.RobertaModel):
    from tests.encoders.test_dense_encoder import roberta as made

    return made(folder)


def ance_network(folder, pickled):
    """ANCE as Castorini publishes it: a linear layer and a norm beside RoBERTa's own weights, of one more class."""
    place = roberta(folder)
    torch.manual_seed(3)
    linear, norm = torch.nn.Linear(16, 8), torch.nn.LayerNorm(8)
    torch.nn.init.normal_(norm.weight), torch.nn.init.normal_(norm.bias)
    weights = {f"roberta.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    for name, part in (("embeddingHead", linear), ("norm", norm), ("classifier.dense", torch.nn.Linear(16, 16))):
        weights |= {f"{name}.{key}": tensor.detach() for key, tensor in part.state_dict().items()}
    if pickled:
        (folder / "model.safetensors").unlink()
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return place, linear, norm


def ance(folder, pickled=True):
    place, linear, norm = ance_network(folder, pickled)
    network = transformers.RobertaModel(transformers.RobertaConfig.from_pretrained(place), add_pooling_layer=False)
    path = folder / "pytorch_model.bin"
    weights = torch.load(path) if pickled else load_file(folder / "model.safetensors")
    own = {n.removeprefix("roberta."): w for n, w in weights.items() if n.startswith("roberta.") and "pooler" not in n}
    network.load_state_dict(own, strict=False)
    network.eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)

    def vector(text, query):
        with torch.no_grad():
            return norm(linear(hidden(network, cut(tokenizer, text, 12 if query else LIMIT))[0])).numpy()

    return Family(place, encoding("cls", query_length=12), vector)


def ance_safetensors(folder):
    return ance(folder, pickled=False)


def tas_b(folder):
    config = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": tiny.LENGTH}
    place = bert_like("DistilBert", folder, **config)
    network = transformers.DistilBertModel.from_pretrained(place).eval()
    return Family(place, encoding("cls"), lambda text, query: hidden(network, cut(tiny.tokenizer(), text))[0].numpy())


def tct_colbert(folder):
    """TCT-ColBERT: marks instead of special tokens, masks behind a query, and the mean behind the marks."""
    place = bert_like("Bert", folder, **CONFIG, max_position_embeddings=tiny.LENGTH)
    network = transformers.BertModel.from_pretrained(place).eval()

    def vector(text, query):
        marked = f"[CLS] [Q] {text}" + "[MASK]" * 16 if query else f"[CLS] [D] {text}"
        ids = cut(tiny.tokenizer(), marked, 16 if query else LIMIT, add_special_tokens=False)
        kept = hidden(network, ids)[4:]
        return (kept.sum(dim=0) / max(len(kept), 1e-9)).numpy()

    said = {"query_prefix": "[CLS] [Q] ", "document_prefix": "[CLS] [D] ", "query_length": 16, "fill": "[MASK]"}
    return Family(place, encoding("mean", special=False, pool_prefix=False, **said), vector)


def contriever(folder):
    place = bert_like("Bert", folder, **CONFIG, max_position_embeddings=tiny.LENGTH)
    network = transformers.BertModel.from_pretrained(place).eval()
    return Family(
        place, encoding("mean"), lambda text, query: hidden(network, cut(tiny.tokenizer(), text)).mean(dim=0).numpy()
    )


def mpnet(folder):
    """all-mpnet-base-v2: MPNet, whose positions begin behind a padding id of its own, and the mean."""
    place = bert_like("MPNet", folder, **CONFIG, max_position_embeddings=LIMIT + 2)
    network = transformers.MPNetModel.from_pretrained(place).eval()

    def vector(text, query):
        return unit(hidden(network, cut(tiny.tokenizer(), text)).mean(dim=0).numpy())

    return Family(place, encoding("mean", normalize=True), vector)


def xlm_roberta(folder):
    """XLM-RoBERTa, as Multilingual E5 (marks before texts) and BGE-M3 (the first token)."""
    pad = tiny.tokenizer().pad_token_id
    place = bert_like("XLMRoberta", folder, **CONFIG, max_position_embeddings=LIMIT + pad + 1, pad_token_id=pad)
    network = transformers.XLMRobertaModel.from_pretrained(place).eval()

    def vector(text, query):
        return unit(hidden(network, cut(tiny.tokenizer(), ("query " if query else "a ") + text))[0].numpy())

    said = {"query_prefix": "query ", "document_prefix": "a "}
    return Family(place, encoding("cls", normalize=True, **said), vector)


def t5_encoder(folder):
    tokenizer = tiny_llm.unigram()
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "vocab_size": len(tokenizer)}
    config = transformers.T5Config(**shape, pad_token_id=0, eos_token_id=1, initializer_factor=2.0)
    place = tiny_llm.saved(transformers.T5EncoderModel, config, tokenizer, folder)
    return place, transformers.T5EncoderModel.from_pretrained(place).eval(), tokenizer


def gtr_folder(folder, include_prompt=True):
    """GTR's and Instructor's files: T5's encoder, the mean, a linear layer without bias, length 1."""
    import sentence_transformers

    parts = sentence_transformers.sentence_transformer.modules
    t5_encoder(folder / "t5")
    torch.manual_seed(5)
    modules = [
        sentence_transformers.base.modules.Transformer(str(folder / "t5"), max_seq_length=LIMIT),
        parts.Pooling(32, pooling_mode="mean", include_prompt=include_prompt),
        parts.Dense(32, 8, bias=False, activation_function=torch.nn.Identity()),
        parts.Normalize(),
    ]
    whole = sentence_transformers.SentenceTransformer(modules=modules, device="cpu")
    whole.save(str(folder / "whole"), create_model_card=False)
    return str(folder / "whole"), modules[2].linear.weight.detach().numpy()


def gtr(folder):
    place, weight = gtr_folder(folder)
    network, tokenizer = transformers.T5EncoderModel.from_pretrained(place).eval(), tiny_llm.unigram()

    def vector(text, query):
        return unit(weight @ hidden(network, cut(tokenizer, text)).mean(dim=0).numpy())

    return Family(place, encoding("mean", normalize=True), vector)


def instructor(folder):
    """Instructor: GTR with words before each text that the mean leaves out."""
    place, weight = gtr_folder(folder)
    network, tokenizer = transformers.T5EncoderModel.from_pretrained(place).eval(), tiny_llm.unigram()
    before = {True: "the query of the cat: ", False: "a document: "}

    def vector(text, query):
        words = cut(tokenizer, before[query])[:-1]  # without the end of sequence
        return unit(weight @ hidden(network, cut(tokenizer, before[query] + text))[len(words) :].mean(dim=0).numpy())

    said = {"query_prefix": before[True], "document_prefix": before[False], "pool_prefix": False}
    return Family(place, encoding("mean", normalize=True, **said), vector)


def modernbert(folder):
    config = {**CONFIG, "max_position_embeddings": 64, "pad_token_id": 0, "local_attention": 8}
    place = bert_like("ModernBert", folder, **config, global_attn_every_n_layers=2)
    network = transformers.ModernBertModel.from_pretrained(place).eval()

    def vector(text, query):
        return unit(hidden(network, cut(tiny.tokenizer(), text))[0].numpy())

    return Family(place, encoding("cls", normalize=True), vector)


def decoder(family, folder, **changed):
    """A decoder, saved with the head that its embedder does not use, and its bare network."""
    place = getattr(tiny_llm, family)(folder, **changed)
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    return place, transformers.AutoModel.from_pretrained(place).eval(), tokenizer


def e5_mistral(folder):
    """E5-Mistral: the last token, which is an end of sequence that the tokenizer does not put there."""
    place, network, tokenizer = decoder("mistral", folder)

    def vector(text, query):
        before = f"Instruct: {TASK}\nQuery: " if query else ""
        ids = [*cut(tokenizer, before + text, LONG - 1), tokenizer.eos_token_id]
        return unit(hidden(network, ids)[-1].numpy())

    said = {"end": "</s>", "instructed_prefix": "Instruct: {instruction}\nQuery: ", "instruction": TASK}
    return Family(place, {**encoding("last", normalize=True, **said), "max_length": LONG}, vector)


def qwen3(folder):
    """Qwen3-Embedding: its tokenizer ends a text in what is not its end of sequence."""
    from tokenizers import processors

    tokenizer = tiny_llm.byte_level()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
    )
    place = tiny_llm.made("Qwen3", folder, tokenizer, tie_word_embeddings=True, eos_token_id=2, bos_token_id=None)
    network = transformers.AutoModel.from_pretrained(place).eval()

    def vector(text, query):
        ids = cut(tokenizer, (f"Instruct: {TASK}\nQuery:" if query else "") + text, LONG)
        assert ids[-1] == 0
        return unit(hidden(network, ids)[-1].numpy())

    said = {"end": "<|endoftext|>", "instructed_prefix": "Instruct: {instruction}\nQuery:", "instruction": TASK}
    return Family(place, {**encoding("last", normalize=True, **said), "max_length": LONG}, vector)


def rader(folder):
    """RaDeR: marks before texts, an end of sequence written behind them."""
    place, network, tokenizer = decoder("qwen2", folder)

    def vector(text, query):
        ids = [*cut(tokenizer, ("query: " if query else "document: ") + text, LIMIT - 1), tokenizer.eos_token_id]
        return unit(hidden(network, ids)[-1].numpy())

    said = {"end": "<|im_end|>", "query_prefix": "query: ", "document_prefix": "document: "}
    return Family(place, encoding("last", normalize=True, **said), vector)


def gritlm(folder, family="mistral"):
    """GritLM: every token attends to all, and the mean is over the text behind the instruction."""
    place, network, tokenizer = decoder(family, folder, **({"sliding_window": None} if family == "mistral" else {}))
    network.set_attn_implementation("eager")

    def vector(text, query):
        before = f"<|user|>\n{TASK}\n<|embed|>\n" if query else "<|embed|>\n"
        ids = cut(tokenizer, before + text, LONG)
        everywhere = torch.zeros(1, 1, len(ids), len(ids))  # added to the scores: nothing is hidden
        kept = hidden(network, ids, attention_mask=everywhere)[len(cut(tokenizer, before, LONG)) :]
        return unit(kept.mean(dim=0).numpy()) if len(kept) else np.zeros(32, np.float32)

    said = {
        "query_prefix": "<|embed|>\n", "document_prefix": "<|embed|>\n", "instruction": TASK, "max_length": LONG,
        "instructed_prefix": "<|user|>\n{instruction}\n<|embed|>\n", "pool_prefix": False, "bidirectional": True,
    }  # fmt: skip
    return Family(place, {**encoding("mean", normalize=True), **said}, vector)


def reasonir(folder):
    return gritlm(folder, "llama")


def repllama(folder):
    """RepLLaMA: LoRA weights for a Llama, the last token."""
    import peft

    place, network, tokenizer = decoder("llama", folder / "base")
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], task_type="FEATURE_EXTRACTION")
    with warnings.catch_warnings():  # of names that peft uses and transformers will drop
        warnings.simplefilter("ignore", FutureWarning)
        adapted = peft.get_peft_model(network, config)
    torch.manual_seed(7)
    for name, weight in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(weight, std=0.3)
    adapted.save_pretrained(folder / "adapter")
    adapted.eval()

    def vector(text, query):
        ids = [*cut(tokenizer, ("query: " if query else "passage: ") + text, LIMIT - 1), tokenizer.eos_token_id]
        return unit(hidden(adapted, ids)[-1].detach().numpy())

    said = {"end": "</s>", "query_prefix": "query: ", "document_prefix": "passage: "}
    adapter = str(folder / "adapter")
    return Family(place, encoding("last", normalize=True, **said), vector, {"adapter": adapter})


def nomic(folder):
    """Nomic: standardised, cut and brought to length 1; saved under the names of its own repository's code."""
    config = {**CONFIG, "max_position_embeddings": 64, "num_attention_heads": 4}
    place = bert_like("NomicBert", folder, **config)
    network = transformers.NomicBertModel.from_pretrained(place).eval()

    def vector(text, query):
        ids = cut(tiny.tokenizer(), ("search_query: " if query else "search_document: ") + text)
        mean = hidden(network, ids).mean(dim=0).numpy()
        return unit(((mean - mean.mean()) / np.sqrt(mean.var() + 1e-5))[:12])

    said = {"query_prefix": "search_query: ", "document_prefix": "search_document: ", "matryoshka": 8}
    return Family(place, encoding("mean", normalize=True, standardize=True, **said), vector, {"dimensions": 12})


FAMILIES = {
    make.__name__: make
    for make in (
        dpr, dpr_projected, ance, ance_safetensors, tas_b, tct_colbert, contriever, gtr, instructor, modernbert, nomic,
        mpnet, xlm_roberta, e5_mistral, qwen3, rader, gritlm, reasonir, repllama,
    )
}  # fmt: skip
EXTRAS = {"repllama": "peft", "gtr": "sentence_transformers", "instructor": "sentence_transformers"}


def place_of(family: Family) -> str:
    """What the catalogue would know the model by."""
    return family.options.get("adapter", str(Path(family.folder)))
