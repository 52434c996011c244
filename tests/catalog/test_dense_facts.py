"""What the catalogue says of dense models, against what their authors' code, or the field's reference of it, does."""

import pytest

from rankify import catalog

PYSERINI = "https://github.com/castorini/pyserini/blob/master/pyserini/encode"
AGENTIC = "https://github.com/VectorSpaceLab/agentic-search/tree/main/ReasonEmbed/evaluation_bright/scripts"
FACTS = [
    (
        f"{PYSERINI}/_tct_colbert.py",
        ["castorini/tct_colbert-v2-hnp-msmarco", "castorini/tct_colbert-msmarco"],
        {
            "pooling": "mean", "max_length": 512, "query_length": 36, "fill": "[MASK]", "special": False,
            "query_prefix": "[CLS] [Q] ", "document_prefix": "[CLS] [D] ", "pool_prefix": False, "similarity": "dot",
        },
    ),
    (
        f"{PYSERINI}/_dpr.py",
        ["facebook/dpr-ctx_encoder-multiset-base", "castorini/ance-dpr-context-multi", "castorini/bpr-nq-ctx-encoder"],
        {"pooling": "cls", "max_length": 256, "title_separator": " [SEP] ", "similarity": "dot"},
    ),
    (f"{PYSERINI}/_ance.py", ["castorini/ance-msmarco-passage"], {"pooling": "cls", "query_length": 64}),
    (
        "https://sbert.net/docs/pretrained-models/msmarco-v3.html",
        ["sentence-transformers/msmarco-distilbert-base-v3"],
        {"pooling": "mean", "similarity": "cosine", "normalize": True},
    ),
    (
        "https://github.com/texttron/tevatron/blob/main/examples/example_repllama.md",
        ["castorini/repllama-v1-7b-lora-passage"],
        {
            "pooling": "last", "normalize": True, "max_length": 512, "query_prefix": "query: ",
            "document_prefix": "passage: ", "end": "</s>",
        },
    ),
    (
        "https://github.com/embeddings-benchmark/mteb/pull/5237",
        ["intfloat/e5-mistral-7b-instruct"],
        {"pooling": "last", "max_length": 4096, "end": "</s>"},
    ),
    (
        "https://github.com/ContextualAI/gritlm/blob/main/gritlm/gritlm.py",
        ["GritLM/GritLM-7B"],
        {
            "pooling": "mean", "normalize": True, "max_length": 512, "pool_prefix": False, "bidirectional": True,
            "query_prefix": "<|embed|>\n", "instructed_prefix": "<|user|>\n{instruction}\n<|embed|>\n",
        },
    ),
    (
        "https://github.com/embeddings-benchmark/mteb/blob/main/mteb/models/model_implementations/reasonir_model.py",
        ["reasonir/ReasonIR-8B"],
        {"document_prefix": "<|embed|>\n", "instructed_prefix": "<|user|>\n{instruction}\n<|embed|>\n"},
    ),
    (
        f"{PYSERINI}/_diver.py",
        ["AQ-MedAI/Diver-Retriever-0.6B", "AQ-MedAI/Diver-Retriever-4B-1020"],
        {"pooling": "last", "max_length": 8192, "instructed_prefix": "Instruct: {instruction}\nQuery:"},
    ),
    (
        f"{PYSERINI}/_qwen3.py",
        ["Qwen/Qwen3-Embedding-0.6B", "Qwen/Qwen3-Embedding-8B"],
        {"pooling": "last", "max_length": 8192, "instructed_prefix": "Instruct: {instruction}\nQuery:"},
    ),
    (
        AGENTIC,
        ["hanhainebula/reason-embed-qwen3-8b-0928", "hanhainebula/reason-embed-llama-3.1-8b-0928"],
        {"pooling": "last", "max_length": 8192, "instructed_prefix": "Instruct: {instruction}\nQuery: "},
    ),
    (
        "https://github.com/Debrup-61/RaDeR/blob/main/retrievers.py",
        [id for id in catalog.models() if id.startswith("Raderspace/")],
        {
            "pooling": "last", "normalize": True, "max_length": 3900, "query_prefix": "query: ",
            "document_prefix": "document: ", "end": "<|im_end|>",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "ids", "facts"), FACTS, ids=[source for source, _, _ in FACTS])
def test_an_entry_says_what_its_source_does(source, ids, facts):
    assert ids
    for id in ids:
        encoding = catalog.models()[id]["encoding"]
        assert {name: encoding.get(name) for name in facts} == facts
