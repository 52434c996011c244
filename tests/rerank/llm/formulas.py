"""What tests of formulas share: documents, prompts written by hand, what a reranker scores, what transformers says."""

import random

from rankify import registry
from rankify.documents import Document
from rankify.llm.protocol import Message, Prompt
from rankify.types import Query, Ranking, Run
from tests import tiny_llm

FAMILIES = {
    "llama": tiny_llm.llama, "mistral": tiny_llm.mistral, "qwen2": tiny_llm.qwen2, "qwen3": tiny_llm.qwen3,
    "gemma2": tiny_llm.gemma2, "t5": tiny_llm.t5,
}  # fmt: skip
QUERY = "what is neural retrieval"
TEXTS = ["neural networks rank documents", "the cat", "a dog jumps over the lazy fox and the query", "rank rank rank"]
WORDS = ["cat", "dog", "the", "rank", "query", "neural", "what", "is", "fox", "lazy", "retrieval?", "documents."]


def words(n, seed, known=WORDS):
    return " ".join(random.Random(seed).choices(known, k=n))


def ranking(texts=TEXTS, query=QUERY, id="q"):
    return Ranking(Query(id, query), [Document(str(i), t) for i, t in enumerate(texts)], range(len(texts), 0, -1))


def reranker(spec, folder):
    """One on a tiny model, by its name and options without the model: "setwise?k=2"."""
    name, _, options = spec.partition("?")
    return registry.load("reranker", f"{name}:hf:{folder}?device=cpu&{options}".rstrip("&"))


def scores(spec, folder, texts=TEXTS, query=QUERY):
    """What a reranker scores each of the texts."""
    [ranked] = reranker(spec, folder)(Run([ranking(texts, query)]))
    found = dict(zip(ranked.ids, ranked.scores.tolist(), strict=True))
    return [found[str(place)] for place in range(len(texts))]


def chat(text):
    """A user turn, as Plain reads prompts."""
    return Prompt(messages=(Message("user", text),))


def written(text):
    return Prompt(text=text)


def at_the_end(plain, prompt, labels):
    """The logits of these tokens as the next one."""
    return plain.logits(plain.ids(prompt))[-1, plain.tokenizer.convert_tokens_to_ids(labels)]


def blank(plain, label):
    """A word as it begins a reply: with a blank before it in a decoder of its own."""
    return f"▁{label}" if plain.network.config.is_encoder_decoder else label
