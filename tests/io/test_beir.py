"""BEIR folders: what is where, which splits there are, and that a folder written reads back."""

import pytest

from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.io import beir
from rankify.io.tables import read_documents, read_queries
from rankify.types import Qrels, Query


def test_a_written_folder_reads_back(tmp_path):
    documents = [Document("007", "text", "title", {"url": "u"}), Document("null", "")]
    queries = [Query("a b", "what?", {"answers": ["x"]})]
    qrels = {"test": Qrels({"a b": {"007": 2}}), "dev": Qrels({"a b": {"null": 0}})}
    beir.write_beir(tmp_path / "set", documents, queries, qrels)
    assert list(read_documents(beir.corpus_file(tmp_path / "set"))) == documents
    assert read_queries(beir.queries_file(tmp_path / "set")).queries == queries
    assert {split: dict(beir.read_split(tmp_path / "set", split)) for split in beir.splits(tmp_path / "set")} == {
        "dev": {"a b": {"null": 0}},
        "test": {"a b": {"007": 2}},
    }


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("qrels/test.tsv", "test"),
        ("qrels/dev.tsv.gz", "dev"),
        ("qrels.dl19-passage.txt", "dl19-passage"),
        ("qrels.txt", "test"),
        ("qrels-2020.trec", "2020"),
    ],
)
def test_splits_are_found_by_the_names_of_their_files(tmp_path, name, split):
    (tmp_path / "qrels").mkdir()
    (tmp_path / name).touch()
    assert beir.splits(tmp_path) == {split: tmp_path / name}


def test_an_unknown_split_names_those_there_are(shared):
    with pytest.raises(UnknownName, match=r"no split of .*nfcorpus 'valid'; there are: dev, test, train"):
        beir.read_split(shared / "nfcorpus", "valid")


def test_a_folder_without_a_corpus_is_no_collection(tmp_path):
    with pytest.raises(BadInput, match=r"is no collection: it has none of corpus\.jsonl"):
        beir.corpus_file(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"no folder .*nowhere"):
        beir.queries_file(tmp_path / "nowhere")
