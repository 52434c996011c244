"""What the parts of a pipeline need is looked for before anything starts."""

import sys

import pytest

from rankify import registry
from rankify.errors import BadInput, MissingExtra, Misuse, RankifyError, UnknownName
from rankify.experiment.available import installed, refuse_absent

SERVER = "http:m?base_url=http://x"
NONE_SET = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COHERE_API_KEY", "BRAVE_API_KEY", "VOYAGE_API_KEY", "MINE")


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in NONE_SET:
        monkeypatch.delenv(name, raising=False)


def without(monkeypatch, *modules):
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)


LIBRARIES = [
    ("dense:m", "torch", "neural"),
    ("sparse:m", "transformers", "neural"),
    ("late-interaction:m", "torch", "neural"),
    ("dense:m?index=hnsw", "faiss", "neural"),
    ("dense:m?index=milvus&uri=x", "pymilvus", "milvus"),
    ("dense:m?backend=onnx", "onnxruntime", "onnx"),
    ("dense:m?backend=openvino", "openvino", "openvino"),
    ("dense:m?adapter=x", "peft", "peft"),
    ("lucene", "pyserini", "lucene"),
    ("web:searxng?url=http://x", "trafilatura", "web"),
    ("rrf(bm25, bm25 >> cross-encoder:m)", "torch", "neural"),
    ("bm25 >> top(9, flashrank:m)", "onnxruntime", "flashrank"),
    ("bm25 >> by-passages(embedding:m)", "torch", "neural"),
    ("bm25 >> feedback(dense:m)", "torch", "neural"),
    ("query2doc(bm25, llm=some/model)", "torch", "neural"),
    ("bm25 >> prp:some/model", "transformers", "neural"),
    ("bm25 >> prp:cached:litellm:x", "litellm", "litellm"),
    ("bm25 >> prp:hf:m?adapter=x", "peft", "peft"),
    (f"bm25 >> prp:{SERVER}&also=vllm:x", "vllm", "vllm"),
    ("bm25 >> selective:basic:vllm:x", "vllm", "vllm"),
    ("bm25 >> extractive?scorer=cross-encoder:m", "torch", "neural"),
    ("bm25 >> compress:cross-encoder:m?backend=onnx", "onnxruntime", "onnx"),
    ("bm25 >> compress:dense:m", "torch", "neural"),
]


@pytest.mark.parametrize(("pipeline", "module", "extra"), LIBRARIES)
def test_a_library_that_a_part_needs_is_missed_before_it_is_imported(pipeline, module, extra, monkeypatch):
    without(monkeypatch, module)
    with pytest.raises(
        RankifyError, match=rf'needs {module}, which is not installed: pip install "rankify\[{extra}\]"'
    ):
        refuse_absent(pipeline)


@pytest.mark.parametrize(
    ("pipeline", "module"),
    [
        ("dense:http:m?base_url=http://x", "torch"),
        ("web:searxng?url=http://x&fetch=false", "trafilatura"),
        (f"bm25 >> prp:{SERVER}", "torch"),
        ("dense:m", "faiss"),
        ("bm25 >> cross-encoder:m", "onnxruntime"),
        ("bm25 >> compress:bm25", "torch"),
        ("bm25 >> compress:openai:m?base_url=http://x", "torch"),
        ("bm25 >> extractive?scorer=bm25", "torch"),
    ],
)
def test_a_library_that_nothing_here_needs_is_not_missed(pipeline, module, monkeypatch):
    without(monkeypatch, module)
    refuse_absent(pipeline)


def test_a_missing_library_alone_is_a_missing_extra(monkeypatch):
    without(monkeypatch, "pymilvus")
    with pytest.raises(MissingExtra):
        refuse_absent("dense:m?index=milvus&uri=x")


def test_a_library_is_looked_for_and_not_imported():
    assert installed("this_library_is_not_there") is False
    assert installed("antigravity") is True
    assert "antigravity" not in sys.modules


KEYS = [
    ("bm25 >> api:cohere:m", "COHERE_API_KEY"),
    ("dense:openai:m", "OPENAI_API_KEY"),
    ("bm25 >> embedding:voyage:m", "VOYAGE_API_KEY"),
    ("web:brave?fetch=false", "BRAVE_API_KEY"),
    ("bm25 >> prp:http:gpt-4o", "OPENAI_API_KEY"),
    ("bm25 >> basic:http:gpt-4o", "OPENAI_API_KEY"),
    ("query2doc(bm25, llm=http:gpt-4o)", "OPENAI_API_KEY"),
    (f"bm25 >> prp:{SERVER}&key=MINE", "MINE"),
    ("bm25 >> prp:cached:http:gpt-4o", "OPENAI_API_KEY"),
]


@pytest.mark.parametrize(("pipeline", "name"), KEYS)
def test_a_key_that_is_not_set_is_named(pipeline, name):
    with pytest.raises(BadInput, match=f"the key is not set: export {name}=..., or name another with key=NAME"):
        refuse_absent(pipeline)


@pytest.mark.parametrize(("pipeline", "name"), KEYS)
def test_with_its_key_set_a_part_is_there(pipeline, name, monkeypatch):
    monkeypatch.setenv(name, "secret")
    refuse_absent(pipeline)


@pytest.mark.parametrize(
    "pipeline",
    [f"bm25 >> prp:{SERVER}", "bm25 >> api:cohere:m?base_url=http://x", "dense:http:m?base_url=http://x", "elastic"],
)
def test_a_server_of_ones_own_needs_no_key(pipeline):
    refuse_absent(pipeline)


def test_the_variable_of_an_address_stands_for_a_servers_own(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://x")
    refuse_absent("bm25 >> prp:http:m")


PLACES = [
    ("dense:/no/model", "model: no file or folder '/no/model'"),
    ("bm25 >> prp:hf:./no", "model: no file or folder './no'"),
    ("bm25 >> prp:simulated:no.tsv", "judgments: no file or folder 'no.tsv'"),
    (f"bm25 >> prp:{SERVER}&prices=no.yaml", "prices: no file or folder 'no.yaml'"),
    ("dense:m?adapter=./no", "adapter: no file or folder './no'"),
    ("dense:m?adapter=a/b,./no", "adapter: no file or folder './no'"),
    ("dense:m?query_model=./no", "query_model: no file or folder './no'"),
    ("impact:no.jsonl", "vectors: no file or folder 'no.jsonl'"),
    ("impact?queries=no.jsonl", "queries: no file or folder 'no.jsonl'"),
    (f"query2doc(bm25, llm={SERVER}, examples=no.jsonl)", "examples: no file or folder 'no.jsonl'"),
    ("bm25 >> extractive?scorer=embedding:./no", "embedding: model: no file or folder './no'"),
    (f"bm25 >> best-of-n:{SERVER}&scorer=cross-encoder:./no", "cross-encoder: model: no file or folder './no'"),
    ("bm25 >> compress:dense:./no", "dense: model: no file or folder './no'"),
    ("bm25 >> by-passages(embedding:./no)", "embedding: model: no file or folder './no'"),
    ("posfuse(bm25, learnt=no.json)", "no.json"),
]


@pytest.mark.parametrize(("pipeline", "message"), PLACES)
def test_a_file_that_is_not_there_is_named(pipeline, message):
    with pytest.raises(RankifyError, match=message):
        refuse_absent(pipeline)


@pytest.mark.parametrize("pipeline", ["bm25 >> prp:http:/models/m?base_url=http://x", "dense:some/model"])
def test_a_name_on_a_server_or_a_hub_is_no_place_here(pipeline):
    refuse_absent(pipeline)


RANGES = [
    ("bm25?k1=-1", Misuse, "k1 and delta are from 0 up"),
    ("bm25?variant=robertsn", UnknownName, "did you mean 'robertson'"),
    ("bm25 >> rm3(bm25?b=2)", Misuse, "b is from 0 to 1"),
    (f"bm25 >> rankgpt:{SERVER}&window=0", Misuse, "window=0 and step=10"),
    (f"bm25 >> self-consistency:{SERVER}&samples=0", Misuse, "samples=0"),
    (f"bm25 >> prp:{SERVER}&api=chats", UnknownName, "no value of api of llm 'http' 'chats'; did you mean 'chat'"),
]


@pytest.mark.parametrize(("pipeline", "kind", "message"), RANGES)
def test_an_option_that_is_out_of_range_is_refused(pipeline, kind, message):
    with pytest.raises(kind, match=message):
        refuse_absent(pipeline)


ON_MODELS = [(kind, name) for kind in ("reranker", "reader") for name in registry.names(kind)]


@pytest.mark.parametrize(("kind", "name"), ON_MODELS)
def test_every_reranker_and_reader_passes_as_it_stands(kind, name):
    inner = getattr(registry.find(kind, name), "passes_on", None)
    models = {"selective": "basic:", "extractive": ""}
    model = (
        SERVER if inner and name not in ("embedding", "api") else "tei:m?base_url=http://x" if name == "api" else "m"
    )
    text = name if name == "extractive" else f"{name}:{models.get(name, '')}{model}"
    refuse_absent(f"bm25 % 5 >> {text}")


def test_a_key_that_stands_in_the_place_of_its_name_is_never_printed():
    with pytest.raises(BadInput, match="NAMES of variables") as raised:
        refuse_absent(f"bm25 >> prp:{SERVER}&key=sk-secret123")
    assert "secret" not in str(raised.value)
