"""Tiny models with random weights, made on the spot: they load in milliseconds and read any text."""

import string
from pathlib import Path

import torch
import transformers

LENGTH = 64
WORDS = ["the", "of", "and", "cat", "dog", "rank", "query", "document", "retrieval", "neural", "network", "what", "is"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = string.ascii_lowercase + string.digits


def tokenizer():
    """WordPiece over whole words and single letters, as BERT's."""
    pieces = [*SPECIAL, *dict.fromkeys([*WORDS, *LETTERS]), *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    return transformers.BertTokenizer(vocab=vocabulary, model_max_length=LENGTH)


def configuration(**changed):
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    known = {"vocab_size": len(tokenizer()), "max_position_embeddings": LENGTH, "initializer_range": 0.5}
    return transformers.BertConfig(**{**known, **shape, "pad_token_id": 0, **changed})


def tiny_bert(folder, *, seed=0, **changed):
    """A BERT encoder of two layers and 16 dimensions, saved to a folder."""
    return saved(transformers.BertModel, folder, seed, configuration(**changed))


def tiny_cross_encoder(folder, *, seed=0, **changed):
    """A BERT with a head of one label, saved to a folder."""
    return saved(transformers.BertForSequenceClassification, folder, seed, configuration(num_labels=1, **changed))


def saved(kind, folder, seed, config):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind(config)
    bars = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    network.save_pretrained(folder)
    if bars:
        transformers.utils.logging.enable_progress_bar()
    tokenizer().save_pretrained(folder)
    return str(Path(folder))
