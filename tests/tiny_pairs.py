"""Tiny cross-encoders in the layouts of published ones, each with its formula computed with transformers alone.

A family is a function `make(folder)` that saves a model and returns a `Family`: whose entry of the catalogue it is read
by, and `score(query, document)`, one pair at a time, without padding, batches, or anything of the toolkit.
"""

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import processors

from tests import tiny, tiny_llm

LIMIT = 48  # tokens of a pair
SHAPE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


@dataclass
class Family:
    folder: str
    score: Callable
    id: str = ""  # of the catalogue; "" for a model that needs no entry
    options: dict = field(default_factory=dict)

    @property
    def place(self):
        """What the catalogue's entry is looked up by."""
        return self.options.get("adapter", self.folder)


def title_and_text(document):
    return " ".join(filter(None, (document.title, document.text)))


def sigmoid(logits):
    return float(logits[0].sigmoid())


def identity(logits):
    return float(logits[0])


def logits_of(network, ids, **more):
    with torch.no_grad():
        return network(input_ids=torch.tensor([ids]), **more).logits[0].double()


def classifier(kind, config, tokenizer, folder, read=sigmoid, limit=LIMIT, **family):
    """A sequence classifier of transformers, read as its cards do: the tokenizer's own pair, cut by itself."""
    place = tiny_llm.saved(getattr(transformers, kind), config, tokenizer, folder)
    network = getattr(transformers, kind).from_pretrained(place).eval()
    own = transformers.AutoTokenizer.from_pretrained(place)

    def score(query, document):
        pair = own([query], [title_and_text(document)], truncation=True, max_length=limit, return_tensors="pt")
        if not pair["input_ids"].numel():
            return None  # a pair without a token has no score of its own
        with torch.no_grad():
            return read(network(**pair).logits[0].double())

    return Family(place, score, **{"options": {"max_length": limit}, **family})


def bert_like(family, folder, read=sigmoid, labels=1, more=None, **changed):
    """Any encoder that BERT's tokenizer serves."""
    config = getattr(transformers, f"{family}Config")(
        **{**SHAPE, "vocab_size": len(tiny.tokenizer()), "initializer_range": 0.3, "num_labels": labels, **changed}
    )
    return classifier(f"{family}ForSequenceClassification", config, tiny.tokenizer(), folder, read, **(more or {}))


def bert(folder):
    return bert_like("Bert", folder, max_position_embeddings=tiny.LENGTH)


def electra(folder):
    return bert_like("Electra", folder, embedding_size=16, max_position_embeddings=tiny.LENGTH)


def deberta(folder):
    return bert_like("Deberta", folder, relative_attention=True, pos_att_type=["c2p", "p2c"], type_vocab_size=0)


def deberta_v2(folder):
    """As mxbai-rerank v1 and DeBERTa v3: relative positions in buckets that queries and keys share."""
    more = {"position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm", "position_biased_input": False}
    return bert_like(
        "DebertaV2", folder, relative_attention=True, pos_att_type=["c2p", "p2c"], type_vocab_size=0, **more
    )


def modernbert(folder):
    """As gte-reranker-modernbert: the mean of the tokens, local attention between global layers."""
    return bert_like(
        "ModernBert", folder, classifier_pooling="mean", local_attention=8, pad_token_id=0,
        initializer_cutoff_factor=2.0, global_attn_every_n_layers=2, max_position_embeddings=tiny.LENGTH,
    )  # fmt: skip


def gte(folder):
    return bert_like("Gte", folder, max_position_embeddings=tiny.LENGTH, pad_token_id=0, type_vocab_size=2)


def distilbert(folder):
    shape = {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "max_position_embeddings": tiny.LENGTH}
    more = {"vocab_size": len(tiny.tokenizer()), "initializer_range": 0.3, "num_labels": 1}
    config = transformers.DistilBertConfig(**shape, **more)
    return classifier("DistilBertForSequenceClassification", config, tiny.tokenizer(), folder)


def monobert(folder):
    """log_softmax(logits)[-1], as pygaggle computes it."""
    more = {"id": "castorini/monobert-large-msmarco", "options": {"max_length": LIMIT, "tokenizer": str(folder)}}
    read = lambda logits: float(logits.log_softmax(0)[-1])  # noqa: E731
    return bert_like("Bert", folder, read, labels=2, more=more, max_position_embeddings=tiny.LENGTH)


def monoelectra(folder):
    """logits[:, 1] alone."""
    more = {"id": "castorini/monoelectra-base"}
    return bert_like("Electra", folder, lambda logits: float(logits[1]), labels=2, more=more, embedding_size=32)


def inference(folder):
    """A classifier of natural language inference, of which one class is taken on purpose."""
    more = {"options": {"label": "entailment", "max_length": LIMIT}}
    names = {0: "contradiction", 1: "entailment", 2: "neutral"}
    read = lambda logits: float(logits.softmax(0)[1])  # noqa: E731
    return bert_like(
        "Bert", folder, read, labels=3, more=more, id2label=names, label2id={v: k for k, v in names.items()},
        max_position_embeddings=tiny.LENGTH,
    )  # fmt: skip


def framed(tokenizer, single, pair, tokens):
    """A tokenizer that puts these special tokens around a text and around a pair."""
    known = [(token, tokenizer.convert_tokens_to_ids(token)) for token in tokens]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single, pair, known)
    return tokenizer


def roberta_tokenizer():
    """As RoBERTa's and XLM-R's: <s> a </s></s> b </s>, no segments."""
    made = tiny_llm.unigram()
    made.add_special_tokens({"bos_token": "<s>", "cls_token": "<s>", "sep_token": "</s>"})
    made.model_input_names = ["input_ids", "attention_mask"]
    made.model_max_length = 60
    return framed(made, "<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "</s>"])


def roberta_like(family, folder, **more):
    tokenizer = roberta_tokenizer()
    config = getattr(transformers, f"{family}Config")(
        **SHAPE, vocab_size=len(tokenizer), max_position_embeddings=62, pad_token_id=0, num_labels=1,
        initializer_range=0.3, type_vocab_size=1,
    )  # fmt: skip
    return classifier(f"{family}ForSequenceClassification", config, tokenizer, folder, **more)


def roberta(folder):
    return roberta_like("Roberta", folder)


def bge(folder):
    """A query is cut to three quarters of the length, then only the passage gives way, as FlagEmbedding does."""
    made = roberta_like("XLMRoberta", folder, read=identity)
    network = transformers.XLMRobertaForSequenceClassification.from_pretrained(made.folder).eval()
    own = transformers.AutoTokenizer.from_pretrained(made.folder)
    begin, end = own.convert_tokens_to_ids(["<s>", "</s>"])

    def score(query, document):
        left = own(query, add_special_tokens=False, truncation=True, max_length=LIMIT * 3 // 4)["input_ids"]
        right = own(title_and_text(document), add_special_tokens=False)["input_ids"][: LIMIT - 4 - len(left)]
        return identity(logits_of(network, [begin, *left, end, end, *right, end]))

    return Family(made.folder, score, "BAAI/bge-reranker-base", {"max_length": LIMIT})


DECODER = {
    "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "intermediate_size": 48, "max_position_embeddings": tiny_llm.POSITIONS, "initializer_range": 0.3,
}  # fmt: skip


def decoder(family, folder, tokenizer, **changed):
    """A decoder with a linear layer on its last token; one pair at a time needs no padding id."""
    config = getattr(transformers, f"{family}Config")(
        **{**DECODER, "vocab_size": len(tokenizer), "num_labels": 1, "pad_token_id": None, **changed}
    )
    return classifier(f"{family}ForSequenceClassification", config, tokenizer, folder)


def llama(folder):
    return decoder("Llama", folder, tiny_llm.sentencepiece(), bos_token_id=1, eos_token_id=2)


def gemma(folder):
    return decoder("Gemma", folder, tiny_llm.sentencepiece(dummy_prefix=False), bos_token_id=1, eos_token_id=2)


def gemma2(folder):
    more = {"sliding_window": 24, "query_pre_attn_scalar": 8, "bos_token_id": 1, "eos_token_id": 2}
    return decoder("Gemma2", folder, tiny_llm.sentencepiece(dummy_prefix=False), **more)


def qwen2(folder):
    return decoder("Qwen2", folder, tiny_llm.byte_level(), bos_token_id=None, eos_token_id=2)


def minicpm(folder):
    more = {"q_lora_rank": 16, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 8, "v_head_dim": 8}
    more |= {"num_key_value_heads": 4, "bos_token_id": 1, "eos_token_id": 2}
    return decoder("MiniCPM3", folder, tiny_llm.sentencepiece(), **more)


INSTRUCTION = "Given a web search query, retrieve relevant passages that answer the query"
PREFIX = (
    "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct"
    ' provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
QWEN_LIMIT = 360


def qwen3(folder):
    """A conversion of Qwen3-Reranker: two texts of a template, of which the document alone is cut, never the cue."""
    made = decoder("Qwen3", folder, tiny_llm.byte_level(), bos_token_id=None, eos_token_id=2)
    network = transformers.Qwen3ForSequenceClassification.from_pretrained(made.folder).eval()
    own = transformers.AutoTokenizer.from_pretrained(made.folder)

    def score(query, document):
        left = own(f"{PREFIX}<Instruct>: {INSTRUCTION}\n<Query>: {query}\n")["input_ids"]
        right, tail = (own(text)["input_ids"] for text in (f"<Document>: {title_and_text(document)}", SUFFIX))
        most = QWEN_LIMIT * 3 // 4
        if len(left) > most:
            left = [*left[: most - len(own("\n")["input_ids"])], *own("\n")["input_ids"]]
        right = [*right[: QWEN_LIMIT - len(left) - len(tail)], *tail]
        return sigmoid(logits_of(network, left + right))

    return Family(made.folder, score, "tomaarsen/Qwen3-Reranker-0.6B-seq-cls", {"max_length": QWEN_LIMIT})


def with_adapter(folder, tokenizer, **changed):
    """A language model, and a LoRA adapter of it as a sequence classifier, with its head; the two merged by peft."""
    import peft

    shape = {**DECODER, "vocab_size": len(tokenizer), "bos_token_id": 1, "eos_token_id": 2, **changed}
    base = tiny_llm.saved(transformers.LlamaForCausalLM, transformers.LlamaConfig(**shape), tokenizer, folder / "base")
    network = transformers.LlamaForSequenceClassification.from_pretrained(base, num_labels=1, pad_token_id=0)
    modules = ["q_proj", "v_proj", "o_proj", "down_proj", "up_proj", "gate_proj"]
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=modules, task_type="SEQ_CLS")
    with warnings.catch_warnings():  # of names that peft uses and transformers will drop
        warnings.simplefilter("ignore", FutureWarning)
        wrapped = peft.get_peft_model(network, config)
    torch.manual_seed(5)
    for name, weight in wrapped.named_parameters():
        if "lora_" in name or "modules_to_save" in name:
            torch.nn.init.normal_(weight, std=0.3)
    wrapped.save_pretrained(folder / "adapter")
    return base, str(folder / "adapter"), wrapped.merge_and_unload().eval()


def rankllama(folder):
    """Tevatron's row: 32 tokens of the query, 161 of the passage, a beginning of sequence before each, no end."""
    base, adapter, network = with_adapter(folder, tiny_llm.sentencepiece())
    own = transformers.AutoTokenizer.from_pretrained(base)

    def score(query, document):
        left = own(f"query: {query}", add_special_tokens=False)["input_ids"][:32]
        right = own(f"document: {document.title} {document.text}", add_special_tokens=False)["input_ids"][:161]
        return identity(logits_of(network, [1, *left, 1, *right]))

    return Family(base, score, "castorini/rankllama-v1-7b-lora-passage", {"adapter": adapter})


def dear(folder):
    """The tokenizer's own pair, which begins a sequence twice, cut to 228 tokens, the longer text first."""
    tokenizer = framed(tiny_llm.sentencepiece(), "<s> $A", "<s> $A <s> $B", ["<s>"])
    base, adapter, network = with_adapter(folder, tokenizer)
    own = transformers.AutoTokenizer.from_pretrained(base)

    def score(query, document):
        texts = [f"query: {query}"], [f"document: {document.title} {document.text}"]
        [ids] = own(*texts, truncation=True, max_length=228)["input_ids"]
        return identity(logits_of(network, ids))

    return Family(base, score, "abdoelsayed/dear-8b-reranker-ce-lora-v1", {"adapter": adapter})


T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "initializer_factor": 2.0}


def t5(folder):
    """T5 with a classification head, which reads the decoder at the end of the sequence."""
    tokenizer = tiny_llm.unigram()
    tokenizer.model_max_length = 60
    config = transformers.T5Config(**T5, vocab_size=len(tokenizer), num_labels=1, pad_token_id=0, eos_token_id=1,
                                   decoder_start_token_id=0)  # fmt: skip
    return classifier("T5ForSequenceClassification", config, tokenizer, folder)


def tart(folder, instruction="", limit=LIMIT):
    """T5's encoder with a linear layer on its first token, <s> a </s> b </s>; the probability of the second class."""
    tokenizer = tiny_llm.unigram()
    tokenizer.model_max_length = 128
    config = transformers.T5Config(**T5, vocab_size=len(tokenizer) + 8, num_labels=2, pad_token_id=0, eos_token_id=1)
    place = tiny_llm.saved(transformers.T5EncoderModel, config, tokenizer, folder)
    torch.manual_seed(4)
    head = torch.nn.Linear(32, 2)
    weights = load_file(folder / "model.safetensors")
    weights |= {f"classifier.{name}": tensor.detach() for name, tensor in head.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    edit(folder / "config.json", architectures=["EncT5ForSequenceClassification"])
    encoder = transformers.T5EncoderModel.from_pretrained(place).eval()
    begin = len(tokenizer)  # where transformers adds a token that the vocabulary lacks

    def score(query, document):
        asked = f"{instruction} [SEP] {query}" if instruction else query
        texts = asked, title_and_text(document)
        left, right = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts)
        while len(left) + len(right) > limit - 3:
            (left if len(left) > len(right) else right).pop()
        ids = torch.tensor([[begin, *left, 1, *right, 1]])
        with torch.no_grad():
            return float(head(encoder(ids).last_hidden_state[0, 0]).double().softmax(0)[1])

    options = {"max_length": limit} | ({"instruction": instruction} if instruction else {})
    return Family(place, score, "facebook/tart-full-flan-t5-xl", options)


def tart_instructed(folder):
    return tart(folder, "retrieve a passage that answers this question", limit=120)


def edit(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def lightning(folder):
    """Lightning IR's layout, as Webis' monoELECTRA: lengths of either text in its configuration."""
    shape = {**SHAPE, "embedding_size": 16, "max_position_embeddings": tiny.LENGTH, "initializer_range": 0.3}
    config = transformers.ElectraConfig(vocab_size=len(tiny.tokenizer()), **shape)
    place = tiny_llm.saved(transformers.ElectraModel, config, tiny.tokenizer(), folder)
    encoder = transformers.ElectraModel.from_pretrained(place).eval()
    torch.manual_seed(6)
    head = torch.nn.Linear(32, 1)
    weights = load_file(folder / "model.safetensors")
    weights |= {f"linear.{name}": tensor.detach() for name, tensor in head.state_dict().items()}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    said = {"model_type": "cross-encoder", "backbone_model_type": "electra", "pooling_strategy": "first"}
    edit(folder / "config.json", architectures=["CrossEncoderElectraModel"], query_length=8, doc_length=20, **said)
    own = tiny.tokenizer()

    def score(query, document):
        left = own(query, add_special_tokens=False)["input_ids"][:8]
        right = own(title_and_text(document), add_special_tokens=False)["input_ids"][:20]
        ids, segments = [2, *left, 3, *right, 3], [0] * (len(left) + 2) + [1] * (len(right) + 1)
        with torch.no_grad():
            hidden = encoder(torch.tensor([ids]), token_type_ids=torch.tensor([segments])).last_hidden_state
            return float(head(hidden[0, 0]).double()[0])

    return Family(place, score, "webis/monoelectra-base")


def ettin(folder):
    """Modules of sentence-transformers behind ModernBERT's first token, scored by sentence-transformers itself."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Dense, Transformer
    from sentence_transformers.sentence_transformer.modules import LayerNorm, Pooling

    config = transformers.ModernBertConfig(
        **SHAPE, vocab_size=len(tiny.tokenizer()), pad_token_id=0, max_position_embeddings=tiny.LENGTH
    )
    inner = tiny_llm.saved(transformers.ModernBertModel, config, tiny.tokenizer(), folder / "inner")
    torch.manual_seed(7)
    layers = [
        Transformer(inner), Pooling(32, pooling_mode="cls"),
        Dense(32, 32, bias=False, activation_function=torch.nn.GELU()), LayerNorm(32),
        Dense(32, 1, activation_function=torch.nn.Identity(), module_output_name="scores"),
    ]  # fmt: skip
    made = CrossEncoder(modules=layers, device="cpu", activation_fn=torch.nn.Identity())
    made.save_pretrained(str(folder / "whole"))
    peer = CrossEncoder(str(folder / "whole"), device="cpu", max_length=LIMIT)

    def score(query, document):
        return float(peer.predict([(query, title_and_text(document))], show_progress_bar=False)[0])

    return Family(str(folder / "whole"), score, options={"max_length": LIMIT})


FAMILIES = {
    make.__name__: make
    for make in (
        bert, electra, deberta, deberta_v2, modernbert, gte, distilbert, roberta, bge, monobert, monoelectra, inference,
        llama, gemma, gemma2, qwen2, qwen3, minicpm, rankllama, dear, t5, tart, tart_instructed, lightning, ettin,
    )
}  # fmt: skip
EXTRAS = {"rankllama": "peft", "dear": "peft", "ettin": "sentence_transformers"}


def pairrm(folder, length=2048):
    """PairRM in the layout of llm-blender/PairRM-hf; `preference(query, first, second)` by its card."""
    tokenizer = tiny.tokenizer()
    tokenizer.add_tokens(["<|source|>", "<|candidate1|>", "<|candidate2|>", "<|candidate|>"])
    tokenizer.model_max_length = 100_000
    config = transformers.DebertaV2Config(
        **SHAPE, vocab_size=len(tokenizer), relative_attention=True, pos_att_type=["c2p", "p2c"], type_vocab_size=0,
        position_buckets=8, share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False,
        max_position_embeddings=64, initializer_range=0.3, pad_token_id=0,
    )  # fmt: skip
    place = tiny_llm.saved(transformers.DebertaV2Model, config, tokenizer, folder)
    encoder = transformers.DebertaV2Model.from_pretrained(place).eval()
    torch.manual_seed(8)
    head = torch.nn.Sequential(
        torch.nn.Dropout(0.05), torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Dropout(0.05), torch.nn.Linear(32, 1)
    ).eval()
    weights = {f"pretrained_model.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    weights |= {f"head_layer.{name}": tensor.detach() for name, tensor in head.state_dict().items()}
    save_file(weights, Path(folder) / "model.safetensors", {"format": "pt"})
    edit(Path(folder) / "config.json", architectures=["DebertaV2PairRM"])
    marks = [tokenizer.convert_tokens_to_ids(f"<|{name}|>") for name in ("source", "candidate1", "candidate2")]

    def preference(query, first, second):
        source = tokenizer.encode("<|source|>" + query, max_length=length * 1224 // 2048, truncation=True)
        most = (length - len(source)) // 2
        ones = [
            tokenizer.encode(f"<|candidate{i}|>{text}", max_length=most, truncation=True)
            for i, text in ((1, first), (2, second))
        ]
        ids = torch.tensor([[*source, *ones[0], *ones[1]]])
        with torch.no_grad():
            hidden = encoder(ids, output_hidden_states=True).hidden_states[-1][0]
            read, one, other = (hidden[(ids[0] == mark).nonzero()[0, 0]] for mark in marks)
            return float((head(torch.cat([read, one])) - head(torch.cat([read, other]))).mean())

    return place, preference
