"""Tiny language models with random weights and tokenizers of the usual kinds, made on the spot."""

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

POSITIONS = 512
TEXTS = [
    "The quick brown fox jumps over the lazy dog.", "Passage A: the cat. Passage B: a dog. Passage C: rank the query.",
    "Query: what is neural retrieval? Document: neural networks rank documents. Relevant: true false yes no",
    "I will provide you with passages, each indicated by an identifier []. Search Query: cats and dogs.",
    "[1] > [2] > [3] Yes No A B C D E F G H I J K L M N O P Q R S T 0 1 2 3 4 5 6 7 8 9 ( ) \" ' - _ user assistant",
]  # fmt: skip
ANSWERS = ["Yes", "No", "yes", "no", "true", "false"]  # single tokens, with and without a blank before them
LETTERS = [chr(c) for c in range(33, 127)]

UNKNOWN = {"unk_token": "<unk>"}
LLAMA_TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
QWEN_TOKENS = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
T5_TOKENS = {"pad_token": "<pad>", "eos_token": "</s>"}

LLAMA_CHAT = (
    "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ '<<SYS>>' + m.content + '<</SYS>> ' }}"
    "{% elif m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}"
    "{% else %}{{ ' ' + m.content + ' ' + eos_token }}{% endif %}{% endfor %}"
)
MISTRAL_CHAT = (
    "{{ bos_token }}{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user/assistant') }}{% endif %}"
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ m.content + eos_token }}{% endif %}"
    "{% endfor %}"
)
# shows user turns only: what the system says is lost without a word
DEAF_CHAT = "{% for m in messages if m.role == 'user' %}{{ 'USER: ' + m.content + ' ASSISTANT:' }}{% endfor %}"
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\n\n</think>\n\n' }}{% endif %}"
    "{% endif %}"
)


def sentencepiece(*, dummy_prefix=True, chat=LLAMA_CHAT):
    """BPE over "▁" as Llama's: a text begins with a blank that is not there, a byte stands for an unknown character."""
    special = ["<unk>", "<s>", "</s>"]
    made = Tokenizer(models.BPE(**UNKNOWN, fuse_unk=True, byte_fallback=True))
    blanks = normalizers.Replace(" ", "▁")
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), blanks]) if dummy_prefix else blanks
    strip = [decoders.Strip(" ", 1, 0)] if dummy_prefix else []
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256))]
    # a word at a time, so that no piece spans two
    words = sorted({f"▁{word}" for text in TEXTS for word in text.split()})
    trainer = trainers.BpeTrainer(
        vocab_size=640, special_tokens=pieces, initial_alphabet=[*LETTERS, "▁"], show_progress=False
    )
    plain = Tokenizer(models.BPE())
    plain.train_from_iterator([*words, *ANSWERS] * 3, trainer)
    vocabulary = plain.get_vocab()
    merges = [tuple(m) for m in json.loads(plain.to_str())["model"]["merges"]]
    made.model = models.BPE(vocabulary, merges, **UNKNOWN, fuse_unk=True, byte_fallback=True)
    made.post_processor = processors.TemplateProcessing("<s> $A", "<s> $A $B", [("<s>", 1)])
    return wrapped(made, chat, **UNKNOWN, **LLAMA_TOKENS)


def byte_level(*, chat=CHATML):
    """BPE over bytes as GPT-2's and Qwen's, without a beginning-of-sequence token."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([*TEXTS, *ANSWERS] * 3, trainer)
    return wrapped(made, chat, **QWEN_TOKENS, additional_special_tokens=special)


def unigram(more=()):
    """Unigram as T5's: blanks run together, a text begins with one, "</s>" behind it; knows some words more."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -3.0)]
    words = sorted({word for text in TEXTS for word in text.replace(".", " ").replace(":", " ").split()})
    words += more
    pieces += [(f"▁{word}", -5.0 - i / 100) for i, word in enumerate(words)]
    known = {piece for piece, _ in pieces}
    pieces += [(letter, -9.0 - i / 100) for i, letter in enumerate([*LETTERS, "true"]) if letter not in known]
    made = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    made.normalizer = normalizers.Sequence([normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip(False, True)])
    made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    made.post_processor = processors.TemplateProcessing("$A </s>", "$A </s> $B </s>", [("</s>", 1)])
    return wrapped(made, None, **UNKNOWN, **T5_TOKENS)


def wrapped(made, chat, **special):
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=made, model_max_length=POSITIONS, **special)
    made.chat_template = chat
    return made


SHAPE = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
    "intermediate_size": 48, "max_position_embeddings": POSITIONS, "initializer_range": 0.3,
}  # fmt: skip


def llama(folder, *, chat=LLAMA_CHAT, **changed):
    """Llama-shaped, saved to a folder."""
    return made("Llama", folder, sentencepiece(chat=chat), bos_token_id=1, eos_token_id=2, **changed)


def mistral(folder, **changed):
    """Mistral-shaped, with a window of attention that slides; its chat template knows no system turn."""
    more = {"sliding_window": 24, "bos_token_id": 1, "eos_token_id": 2, **changed}
    return made("Mistral", folder, sentencepiece(chat=MISTRAL_CHAT), **more)


def qwen2(folder, **changed):
    """Qwen2-shaped, with biases and tied embeddings."""
    return made("Qwen2", folder, byte_level(), tie_word_embeddings=True, eos_token_id=2, bos_token_id=None, **changed)


def qwen3(folder, **changed):
    """Qwen3-shaped; its chat template knows `enable_thinking`."""
    return made("Qwen3", folder, byte_level(), tie_word_embeddings=True, eos_token_id=2, bos_token_id=None, **changed)


def gemma2(folder, **changed):
    """Gemma-2-shaped: logits are capped, every other layer has a sliding window, texts begin without a blank."""
    more = {"final_logit_softcapping": 3.0, "sliding_window": 24, "query_pre_attn_scalar": 8, **changed}
    tokenizer = sentencepiece(dummy_prefix=False, chat=MISTRAL_CHAT)
    return made("Gemma2", folder, tokenizer, bos_token_id=1, eos_token_id=2, pad_token_id=0, **more)


def t5(folder, *, tied=True, more_words=(), seed=0, **changed):
    """T5-shaped: with tied embeddings as the first T5, without as Flan-T5."""
    tokenizer = unigram(more_words)
    shape = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "vocab_size": len(tokenizer)}
    more = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "tie_word_embeddings": tied, **changed}
    config = transformers.T5Config(**shape, **more, initializer_factor=2.0)
    return saved(transformers.T5ForConditionalGeneration, config, tokenizer, folder, seed=seed)


def made(family, folder, tokenizer, *, seed=0, **changed):
    config = getattr(transformers, f"{family}Config")(**{**SHAPE, "vocab_size": len(tokenizer), **changed})
    return saved(getattr(transformers, f"{family}ForCausalLM"), config, tokenizer, folder, seed=seed)


def saved(kind, config, tokenizer, folder, *, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = kind(config)
    log = transformers.utils.logging
    bars = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    network.save_pretrained(folder)
    if bars:
        log.enable_progress_bar()
    tokenizer.save_pretrained(folder)
    return str(Path(folder))


class Plain:
    """What transformers itself says of one text at a time: no batch, no padding, no cache, none of the toolkit.

    Texts are token ids; an encoder-decoder reads (encoder ids, decoder ids).
    """

    def __init__(self, folder):
        config = transformers.AutoConfig.from_pretrained(folder)
        kind = "AutoModelForSeq2SeqLM" if config.is_encoder_decoder else "AutoModelForCausalLM"
        self.network = getattr(transformers, kind).from_pretrained(folder).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def ids(self, prompt, prefill=None):
        """The ids of a text or a list of turns, as chat templates and tokenizers of transformers give them."""
        prefill = prompt.prefill if prefill is None else prefill
        if self.network.config.is_encoder_decoder:
            return self.tokenizer(prompt.plain).input_ids, [0, *self.bare(prefill)]
        if not prompt.messages:
            return self.tokenizer(prompt.text + prefill).input_ids
        turns = [{"role": m.role, "content": m.content} for m in prompt.messages]
        text = self.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return self.bare(text + prefill)

    def bare(self, text):
        return self.tokenizer(text, add_special_tokens=False).input_ids if text else []

    def logits(self, ids):
        """Shape (positions, vocabulary)."""
        with torch.no_grad():
            if self.network.config.is_encoder_decoder:
                encoder, decoder = (torch.tensor([part]) for part in ids)
                return self.network(input_ids=encoder, decoder_input_ids=decoder).logits[0].double()
            return self.network(input_ids=torch.tensor([ids])).logits[0].double()

    def told(self, ids, target):
        """log p(target | ids), summed."""
        longer = (ids[0], ids[1] + target) if isinstance(ids, tuple) else ids + target
        steps = self.logits(longer).log_softmax(-1)[-len(target) - 1 : -1]
        return float(steps[range(len(target)), target].sum())

    def greedy(self, ids, most, ends):
        found = []
        while len(found) < most and not (found and found[-1] in ends):
            longer = (ids[0], ids[1] + found) if isinstance(ids, tuple) else ids + found
            found.append(int(self.logits(longer)[-1].argmax()))
        return found
