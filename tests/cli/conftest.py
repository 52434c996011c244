"""A small collection in BEIR's layout, and the command line called as a shell would."""

import json

import pytest

from rankify.cli import main

DOCUMENTS = [
    {"_id": "007", "title": "Licence", "text": "A licence to rank documents."},
    {"_id": "null", "title": "", "text": ""},
    {"_id": "a b", "title": "", "text": "Parsing a date from a string."},
    {"_id": "дом", "title": "Date", "text": "Formatting a date as a string."},
    {
        "_id": "s1",
        "title": "",
        "text": "Sorting a list of numbers. It is stable. Sorting keeps equal numbers in order.",
    },
]
QUERIES = [
    {"_id": "1", "text": "licence to rank"},
    {"_id": "2", "text": "parse a date"},
    {"_id": "3", "text": "sort numbers"},
    {"_id": "4", "text": "zebra"},
]
QRELS = [("1", "007", 1), ("2", "a b", 2), ("2", "дом", 1), ("3", "s1", 1), ("4", "null", 1)]


@pytest.fixture
def collection(tmp_path):
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    for name, rows in (("corpus", DOCUMENTS), ("queries", QUERIES)):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(text, "utf-8")
    judged = "".join(f"{q}\t{d}\t{g}\n" for q, d, g in QRELS)
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return folder


@pytest.fixture
def rankify(capsys, tmp_path, monkeypatch):
    """Calls the command line in an empty folder; returns exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(w) for w in words])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


@pytest.fixture
def as_json(rankify):
    """Calls a command with --json; the object it printed."""

    def call(*words):
        code, out, err = rankify(*words, "--json")
        assert code == 0, err
        return json.loads(out)

    return call


@pytest.fixture
def run_file(rankify, collection, tmp_path):
    path = tmp_path / "bm25.trec"
    assert rankify("search", "bm25", collection, "-o", path)[0] == 0
    return path
