"""A small collection in BEIR's layout and an experiment over it."""

import json

import pytest

WORDS = [
    "date",
    "string",
    "list",
    "sort",
    "number",
    "parse",
    "time",
    "file",
    "path",
    "read",
    "write",
    "set",
    "map",
    "key",
    "value",
]


@pytest.fixture
def collection(tmp_path):
    folder = tmp_path / "small"
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{i}", "title": "", "text": " ".join(WORDS[i % 5 : i % 11 + 2])} for i in range(30)]
    queries = [{"_id": f"{i:03}", "text": f"{WORDS[i]} {WORDS[-i]}"} for i in range(1, 12)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    judged = "".join(f"{q['_id']}\td{3 * i % 30}\t1\n" for i, q in enumerate(queries))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return folder


@pytest.fixture
def experiment_file(tmp_path, collection):
    path = tmp_path / "first-stages.yaml"
    path.write_text(
        "datasets: [small]\n"
        "systems:\n"
        "  bm25: bm25 % 20\n"
        "  tuned: bm25?k1=2.0&b=0.9 % 20\n"
        "  robertson: bm25?variant=robertson % 10\n"
        "measures: nDCG@10 RR@10 R@20\n"
    )
    return path
