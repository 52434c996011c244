"""FlashRank's networks as rerankers."""

import subprocess
import sys

import pytest

import rankify
from rankify import Document, Query, Ranking, Run, registry
from rankify.encoders.ready_made import published

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")
from tests import tiny_onnx


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_onnx.folder(tmp_path_factory.mktemp("flashrank") / "tiny")


def run(*texts):
    documents = [Document(str(place), text, "a title") for place, text in enumerate(texts)]
    return Run([Ranking(Query("1", "what is a cat"), documents, [0.0] * len(documents))])


def test_a_zip_and_its_folder_give_the_same_scores(folder, tmp_path):
    given = run("the cat", "network", "dog and document")
    path = tiny_onnx.packed(tmp_path / "tiny.zip", folder)
    [one], [two] = (rankify.reranker(f"flashrank:{model}")(given) for model in (folder, path))
    assert one.ids == two.ids
    assert list(one.scores) == list(two.scores)
    assert all(0 < score < 1 for score in one.scores)


def test_its_spec_loads_back_to_the_same(folder):
    reranker = rankify.reranker(f"flashrank:{folder}?max_length=32&activation=identity")
    assert repr(registry.load("reranker", repr(reranker))) == repr(reranker)


def test_what_it_read_is_counted(folder):
    reranker = rankify.reranker(f"flashrank:{folder}")
    reranker(run("the cat", "network"))
    assert reranker.counts()["pairs"] == 2
    assert reranker.counts()["tokens"] > 10


def test_torch_and_transformers_are_not_needed(folder):
    code = (
        "import sys, rankify; rerank = rankify.reranker(sys.argv[1]); "
        "run = rankify.Run([rankify.Ranking(rankify.Query('1', 'cat'), [rankify.Document('1', 'dog')], [0.0])]); "
        "print(rerank(run)[0].ids, {'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"flashrank:{folder}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['1'] set()"


def test_every_published_name_says_its_file():
    assert len(published()["models"]) == 6
    assert all(file.endswith(".onnx") for file in published()["models"].values())
