"""How providers of reranking are asked and answer, written down apart from the toolkit's own data, and a stand-in."""

import json
from zlib import crc32

from tests.served import Served

# where it is asked, what it calls the documents and how many it is to give back, where it answers, and its scores
SHAPES = {
    "cohere": ("/v1/rerank", "documents", "top_n", "results", "relevance_score"),
    "http": ("/v1/rerank", "documents", "top_n", "results", "relevance_score"),
    "jina": ("/v1/rerank", "documents", "top_n", "results", "relevance_score"),
    "voyage": ("/v1/rerank", "documents", "top_k", "data", "relevance_score"),
    "mixedbread": ("/v1/reranking", "input", "top_k", "data", "score"),
    "pinecone": ("/v1/rerank", "documents", "top_n", "data", "score"),
    "isaacus": ("/v1/rerankings", "texts", "top_n", "results", "score"),
    "tei": ("/v1/rerank", "texts", None, None, "score"),
}
TOOK = {
    "cohere": {"meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}},
    "http": {"usage": {"total_tokens": 9}},
    "jina": {"usage": {"total_tokens": 9}},
    "voyage": {"usage": {"total_tokens": 9}},
    "mixedbread": {"usage": {"total_tokens": 9, "prompt_tokens": 9}},
    "pinecone": {"usage": {"rerank_units": 1}},
    "isaacus": {"usage": {"input_tokens": 9}},
    "tei": {},
}


def relevance(query, text):
    """A score from 0 to 1 that depends on the two texts and on nothing else."""
    return crc32(json.dumps([query, text]).encode()) / 2**32


def texts_of(body):
    """The documents of a request, whichever provider's."""
    documents = next(body[name] for name in ("documents", "texts", "input") if name in body)
    return [document if isinstance(document, str) else document["text"] for document in documents]


def results(provider, scores):
    """What a provider answers to documents of these scores: best first, as all of them do."""
    field = SHAPES[provider][4]
    entries = [{"index": i, field: score} for i, score in enumerate(scores)]
    entries.sort(key=lambda entry: -entry[field])
    return wrapped(provider, entries)


def wrapped(provider, entries):
    """An answer with these results."""
    where = SHAPES[provider][3]
    return 200, {}, {where: entries, **TOOK[provider]} if where else entries


def judged(provider):
    """An answer to every request, by relevance."""
    return lambda body, number: results(provider, [relevance(body["query"], text) for text in texts_of(body)])


def stand_in(provider="http"):
    """A server that answers as a provider does."""
    return Served(judged(provider))
