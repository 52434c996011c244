"""The models that the reranking benchmark makes: Llama's and T5's shape, 100 million parameters, random weights."""

from __future__ import annotations

import json
from pathlib import Path

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25"
VOCABULARY, PIECES = 128_256, 16_000  # rows of the output head, as Llama 3 has them; pieces the tokenizer really has
CHAT = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
SPECIAL = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<extra_id_10>"]


def made(folder: str) -> str:
    """Makes the model in a folder; returns the folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    transformers.utils.logging.disable_progress_bar()
    config = transformers.LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=512, intermediate_size=1376, num_hidden_layers=12, num_attention_heads=8,
        num_key_value_heads=8, max_position_embeddings=8192, tie_word_embeddings=True, eos_token_id=0, pad_token_id=0,
        bos_token_id=None,
    )  # fmt: skip
    network = transformers.LlamaForCausalLM(config)
    network.generation_config.eos_token_id = 0
    network.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def made_encoder_decoder(folder: str) -> str:
    """Makes a model of T5's shape in a folder; returns the folder."""
    import torch
    import transformers

    torch.manual_seed(0)
    config = transformers.T5Config(
        vocab_size=32_128, d_model=512, d_ff=2048, num_layers=12, num_heads=8, d_kv=64, eos_token_id=1, pad_token_id=0,
        decoder_start_token_id=0,
    )  # fmt: skip
    network = transformers.T5ForConditionalGeneration(config)
    # random weights say again what they began with, which must not be the end
    network.generation_config.eos_token_id = 1
    network.save_pretrained(folder)
    tokenizer(end=SPECIAL[1]).save_pretrained(folder)
    return folder


def tokenizer(end: str = SPECIAL[0]):
    """A byte-level BPE over the passages that are reranked."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    lines = (SHARED / "corpus.jsonl").open(encoding="utf-8")
    bpe.train_from_iterator((json.loads(line)["text"] for line in lines), trainer)
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=end, pad_token=SPECIAL[0], additional_special_tokens=SPECIAL[1:],
        chat_template=CHAT,
    )  # fmt: skip
    made.add_tokens(["Yes", "No"])  # one token each, as in published models
    return made
