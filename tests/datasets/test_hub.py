"""The hub loader, on a folder of repositories in the hub's own layouts."""

import json
import time

import pytest

import rankify
from rankify import catalog
from rankify.documents import Document
from rankify.errors import BadInput, MissingExtra, RankifyError, UnknownName

datasets = pytest.importorskip("datasets")

DOCUMENTS = [
    {"_id": "007", "title": "T", "text": "é"},
    {"_id": "null", "title": "", "text": ""},
    {"_id": "2020-01-01", "title": "", "text": "a date for an id"},
]
QUERIES = [{"_id": "007", "title": "", "text": "one"}, {"_id": "NA", "title": "", "text": "two"}]
TEST = [("007", "null", 2), ("NA", "2020-01-01", 0)]
DEV = [("007", "007", 1)]
ENTRY = {
    "about": "a collection for tests",
    "hub": {"repository": "BeIR/tiny", "qrels": "BeIR/tiny-qrels"},
    "documents": 3,
    "split": "test",
    "splits": {"dev": {"queries": 1, "judgments": 1}, "test": {"queries": 2, "judgments": 2}},
    "drop_identical_ids": True,
    "aliases": ["tiny"],
}
CARD = """---
configs:
- config_name: corpus
  data_files:
  - split: {corpus}
    path: {corpus_path}
- config_name: queries
  data_files:
  - split: {queries}
    path: {queries_path}
{qrels}---
"""


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """An empty hub, an empty cache, and a catalogue with one entry."""
    monkeypatch.setenv("RANKIFY_HUB", str(tmp_path / "hub"))
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(catalog, "datasets", lambda: {"beir/tiny": ENTRY})
    return tmp_path / "hub"


def parquet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(rows).to_parquet(path)


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def tsv(rows):
    return "query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{g}\n" for q, d, g in rows)


def beir_layout(hub):
    """Parquet for documents and queries, a table for each split, as under huggingface.co/BeIR."""
    parquet(hub / "BeIR/tiny/corpus/corpus-00000-of-00001.parquet", DOCUMENTS)
    parquet(hub / "BeIR/tiny/queries/queries-00000-of-00001.parquet", QUERIES)
    paths = {"corpus": "corpus", "corpus_path": "corpus/corpus-*", "queries": "queries"}
    text(hub / "BeIR/tiny/README.md", CARD.format(**paths, queries_path="queries/queries-*", qrels=""))
    text(hub / "BeIR/tiny-qrels/test.tsv", tsv(TEST))
    text(hub / "BeIR/tiny-qrels/dev.tsv", tsv(DEV))


def mteb_layout(hub, config="default", split="corpus"):
    """JSON lines in one repository with the judgments in a configuration, as under huggingface.co/mteb."""
    home = hub / "BeIR/tiny"
    text(home / "corpus.jsonl", "".join(json.dumps(row) + "\n" for row in DOCUMENTS))
    text(home / "queries.jsonl", "".join(json.dumps(row) + "\n" for row in QUERIES))
    rows = [{"query-id": q, "corpus-id": d, "score": float(g)} for q, d, g in TEST]
    text(home / "qrels/test.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    qrels = f"- config_name: {config}\n  data_files:\n  - split: test\n    path: qrels/test.jsonl\n"
    paths = {"corpus": split, "corpus_path": "corpus.jsonl", "queries": "queries", "queries_path": "queries.jsonl"}
    text(home / "README.md", CARD.format(**paths, qrels=qrels))


def assert_tiny(data):
    assert list(data.corpus) == [Document(d["_id"], d["text"], d["title"]) for d in DOCUMENTS]
    assert [(q.id, q.text) for q in data.queries.queries] == [("007", "one"), ("NA", "two")]
    assert dict(data.qrels) == {"007": {"null": 2}, "NA": {"2020-01-01": 0}}


def test_beirs_layout(hub):
    beir_layout(hub)
    data = rankify.dataset("beir/tiny")
    assert_tiny(data)
    assert (data.name, data.split, data.drop_identical_ids, data.about) == ("beir/tiny", "test", True, ENTRY)


def test_the_split_dev_which_the_library_calls_validation(hub):
    beir_layout(hub)
    assert dict(rankify.dataset("tiny", split="dev").qrels) == {"007": {"007": 1}}


@pytest.mark.parametrize(("config", "split"), [("default", "corpus"), ("qrels", "test")])
def test_mtebs_layout(hub, monkeypatch, config, split):
    mteb_layout(hub, config, split)
    monkeypatch.setitem(ENTRY, "hub", {"repository": "BeIR/tiny"})
    assert_tiny(rankify.dataset("beir/tiny"))


def test_documents_are_read_when_they_are_looked_at(hub):
    beir_layout(hub)
    data = rankify.dataset("beir/tiny")
    (hub / "BeIR/tiny/corpus/corpus-00000-of-00001.parquet").unlink()
    with pytest.raises(
        RankifyError, match=r"cannot read BeIR/tiny from the hub: .*; check the network, or give a folder"
    ):
        data.corpus  # noqa: B018


def test_what_was_read_is_kept(hub):
    beir_layout(hub)
    rankify.dataset("beir/tiny").corpus  # noqa: B018
    for path in hub.rglob("*.*"):
        path.unlink()
    assert_tiny(rankify.dataset("beir/tiny"))


@pytest.mark.parametrize(
    ("where", "expected", "message"),
    [
        ("documents", 4, "beir/tiny: 3 documents, but the catalogue expects 4; the hub's copy differs"),
        ("splits", {"test": {"queries": 3}}, "beir/tiny, test: 2 queries, but the catalogue expects 3"),
        ("splits", {"test": {"judgments": 99}}, "beir/tiny, test: 2 judgments, but the catalogue expects 99"),
    ],
)
def test_other_counts_than_published_are_an_error(hub, monkeypatch, where, expected, message):
    beir_layout(hub)
    monkeypatch.setitem(ENTRY, where, expected)
    with pytest.raises(BadInput, match=message):
        rankify.dataset("beir/tiny").corpus  # noqa: B018


def test_an_unknown_split_is_told_before_anything_is_read():
    with pytest.raises(UnknownName, match="no split of beir/tiny 'train'; there are: dev, test"):
        rankify.dataset("beir/tiny", split="train")


def test_a_repository_that_is_not_there_is_named():
    with pytest.raises(RankifyError, match="cannot read BeIR/tiny from the hub"):
        rankify.dataset("beir/tiny")


def test_grades_are_whole_numbers(hub):
    beir_layout(hub)
    text(hub / "BeIR/tiny-qrels/test.tsv", tsv([("007", "null", 0.5)]))
    with pytest.raises(BadInput, match=r"BeIR/tiny-qrels, row 1: the grade '0\.5' is not a whole number"):
        rankify.dataset("beir/tiny")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r'datasets is not installed: pip install "rankify\[hub\]"'):
        rankify.dataset("beir/tiny")


def test_an_unreachable_hub_is_told_at_once_and_without_the_librarys_noise(monkeypatch, capfd, caplog):
    import huggingface_hub

    def unreachable(*_, **__):
        raise ConnectionError("no network")

    monkeypatch.delenv("RANKIFY_HUB")
    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", unreachable)
    start = time.perf_counter()
    with pytest.raises(RankifyError, match="cannot read BeIR/tiny from the hub: it does not answer, and the cache"):
        rankify.dataset("beir/tiny")
    assert time.perf_counter() - start < 4
    assert "Retry" not in capfd.readouterr().err + caplog.text
    assert not datasets.config.HF_HUB_OFFLINE
