"""Two collections of BEIR's names in a folder, runs on them, and metadata."""

import json

import pytest

from rankify.evaluation import averages

SETS = ("scifact", "nfcorpus")
METADATA = """\
model: some/model
revision: abc123
parameters: 1000
training_data: [none]
hardware: one machine
latency: 1.5
contact: name@example.org
"""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A named set of these two collections."""
    known = averages.averages()
    made = averages.Average("beir-2", "two", SETS)
    monkeypatch.setattr("rankify.experiment.submission.bundle.averages", lambda: {**known, "beir-2": made})


@pytest.fixture
def data(tmp_path):
    for name in SETS:
        folder = tmp_path / "data" / name
        (folder / "qrels").mkdir(parents=True)
        documents = [{"_id": f"{name}{i}", "title": "", "text": "words"} for i in range(4)]
        queries = [{"_id": q, "text": "words"} for q in ("q1", "q2", f"{name}0")]
        for file, rows in (("corpus", documents), ("queries", queries)):
            (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        judged = "".join(f"{q}\t{name}{i}\t1\n" for i, q in ((1, "q1"), (2, "q2")))
        (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return tmp_path / "data"


def lines(name, queries=("q1", "q2"), documents=(1, 2, 3, 0)):
    return [f"{q} Q0 {name}{d} {rank} {9 - rank} tag" for q in queries for rank, d in enumerate(documents, 1)]


@pytest.fixture
def runs(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in SETS:
        (folder / f"{name}.trec").write_text("\n".join(lines(name)) + "\n", "utf-8")
    return folder


@pytest.fixture
def said(tmp_path):
    path = tmp_path / "meta.yaml"
    path.write_text(METADATA, "utf-8")
    return path
