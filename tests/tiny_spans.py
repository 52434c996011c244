"""Tiny readers of spans, made on the spot."""

import torch
import transformers

from tests import tiny, tiny_llm
from tests.tiny_pairs import roberta_tokenizer


def bert(folder):
    """With segments, and random weights."""
    return tiny.saved(transformers.BertForQuestionAnswering, folder, 3, tiny.configuration())


def roberta(folder):
    """Without segments, and random weights."""
    config = transformers.RobertaConfig(
        vocab_size=len(roberta_tokenizer()), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=62, pad_token_id=0, initializer_range=0.5, type_vocab_size=1,
    )  # fmt: skip
    return str(tiny_llm.saved(transformers.RobertaForQuestionAnswering, config, roberta_tokenizer(), folder))


def first_word(folder):
    """To which all tokens are alike, so that the answer is the first word of every text that has one."""
    network = transformers.BertForQuestionAnswering.from_pretrained(bert(folder))
    with torch.no_grad():
        for weight in network.qa_outputs.parameters():
            weight.zero_()
    network.save_pretrained(folder)
    return str(folder)
