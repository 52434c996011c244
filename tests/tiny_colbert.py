"""Tiny late-interaction models with random weights, in the layouts in which such models are published."""

import json
import string

import torch
import transformers
from safetensors.torch import load_file, save_file

from tests import tiny

DIM = 8
SHAPE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


def tokenizer(*, added=()):
    """tiny's WordPiece with punctuation and BERT's unused tokens; `added` ones are matched in texts as they are."""
    pieces = [*tiny.SPECIAL, "[unused0]", "[unused1]", *string.punctuation, *tiny.WORDS, *tiny.LETTERS]
    pieces += [f"##{letter}" for letter in tiny.LETTERS]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    found = transformers.BertTokenizer(vocab=vocabulary, model_max_length=tiny.LENGTH)
    found.add_tokens(list(added))
    return found


def bert(vocabulary):
    config = transformers.BertConfig(vocab_size=vocabulary, max_position_embeddings=64, initializer_range=0.5, **SHAPE)
    return transformers.BertModel(config)


def modernbert(vocabulary):
    config = transformers.ModernBertConfig(
        vocab_size=vocabulary, max_position_embeddings=64, initializer_range=0.5, pad_token_id=0, local_attention=8,
        global_attn_every_n_layers=2, **SHAPE,
    )  # fmt: skip
    return transformers.ModernBertModel(config)


def seeded(make, *arguments, seed=0, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make(*arguments, **options)


def saved(network, words, folder):
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(folder)
    if bars:
        transformers.utils.logging.enable_progress_bar()
    words.save_pretrained(folder)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def stanford(folder, *, metadata=None, seed=0, **changed):
    """A checkpoint of ColBERT: the linear layer among the weights, the settings in artifact.metadata."""
    words = tokenizer()
    network = seeded(bert, len(words), seed=seed)
    saved(network, words, folder)
    weights = {f"bert.{name}": tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    weights["linear.weight"] = seeded(torch.randn, DIM, 16, seed=seed + 1)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    write(folder / "config.json", {**config, "architectures": ["HF_ColBERT"], **changed})
    if metadata is not None:
        write(folder / "artifact.metadata", metadata)
    return str(folder)


def pylate(folder, *, dense=({"out_features": DIM},), make=modernbert, seed=0, inside="", **said):
    """A folder of PyLate: modules.json with Dense modules, markers among the added tokens."""
    words = tokenizer(added=["[Q] ", "[D] "])
    network = seeded(make, len(words), seed=seed)
    saved(network, words, folder / inside)
    if inside:
        saved(network, words, folder)
    modules = [{"idx": 0, "name": "0", "path": inside, "type": "sentence_transformers.models.Transformer"}]
    width = 16
    for number, layer in enumerate(dense, 1):
        part = folder / f"{number}_Dense"
        config = {
            "in_features": width, "bias": False, "activation_function": "torch.nn.modules.linear.Identity", **layer
        }  # fmt: skip
        write(part / "config.json", config)
        out = config["out_features"]
        weights = {"linear.weight": seeded(torch.randn, out, width, seed=seed + number)}
        if config["bias"]:
            weights["linear.bias"] = seeded(torch.randn, out, seed=seed + number + 50)
        if config.get("use_residual") and out != width:
            weights["residual.weight"] = seeded(torch.randn, out, width, seed=seed + number + 90)
        save_file(weights, part / "model.safetensors", {"format": "pt"})
        modules.append({"idx": number, "name": str(number), "path": part.name, "type": "pylate.models.Dense.Dense"})
        width = out
    write(folder / "modules.json", modules)
    write(folder / inside / "sentence_bert_config.json", {"max_seq_length": 20, "do_lower_case": False})
    known = {
        "model_type": "ColBERT", "prompts": {}, "default_prompt_name": None, "similarity_fn_name": "MaxSim",
        "query_prefix": "[Q] ", "document_prefix": "[D] ", "query_length": 12, "document_length": 20,
        "attend_to_expansion_tokens": False, "skiplist_words": list(string.punctuation), "do_query_expansion": True,
    }  # fmt: skip
    write(folder / "config_sentence_transformers.json", {**known, **said})
    return str(folder)
