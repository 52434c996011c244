"""A small collection in BEIR's layout and an experiment over it."""

import json
import re

import pytest

from rankify.experiment import Experiment
from rankify.retrieve.bm25 import BM25
from tests.chromium import PROGRAM, Chromium

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


PEOPLE = ["Ann Lee", "Bob Ray", "Cid Moss", "Dan Fox", "Eve Hill", "Flo Byrd"]


@pytest.fixture
def questions(tmp_path):
    """A collection in BEIR's layout whose questions have gold answers; each is answered by one document."""
    return songs_in(tmp_path / "songs")


def songs_in(folder):
    """The folder, with that collection in it."""
    (folder / "qrels").mkdir(parents=True)
    songs = WORDS[: len(PEOPLE)]
    documents = [
        {"_id": f"d{i}", "title": song.title(), "text": f"The song {song} was sung by {who}. It was loud."}
        for i, (song, who) in enumerate(zip(songs, PEOPLE, strict=True))
    ]
    documents += [
        {"_id": f"n{i}", "title": "", "text": f"The song {song} is old, song of songs."} for i, song in enumerate(songs)
    ]
    asked = [
        {"_id": f"q{i}", "text": f"who sang the song {song}", "answers": [who]}
        for i, (song, who) in enumerate(zip(songs, PEOPLE, strict=True))
    ]
    for name, rows in (("corpus", documents), ("queries", asked)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(len(PEOPLE)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return folder


@pytest.fixture
def served(serving):
    """A server of a language model that knows who sang which song, if the prompt says so."""
    return serving(lambda body, _: said(singer(body)))


def said(text):
    """A chat's answer, as OpenAI gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return 200, {}, {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


def singer(body):
    """What a prompt says of the song that it asks about."""
    prompt = "\n".join(message["content"] for message in body["messages"])
    song = re.findall(r"who sang the song (\w+)", prompt)[-1]
    found = re.search(rf"The song {song} was sung by ([A-Z]\w+ [A-Z]\w+)", prompt)
    return f"{found[1]} [1]" if found else "unknown [9]"


MEASURES = "RR@10 R@1 has_answer@1 EM F1"


@pytest.fixture
def experiment(questions, served):
    def made(systems=None, measures=MEASURES, **more):
        given = systems or {"read": f"bm25 % 4 >> basic:http:m?base_url={served.url}"}
        whole = {"name": "songs", "datasets": [str(questions)], "systems": given, "measures": measures, **more}
        return Experiment.of(whole)

    return made


@pytest.fixture
def searches(monkeypatch):
    """How often BM25 searches, and for how many queries; not for one, as it is warmed up."""
    found = []
    retrieve = BM25.retrieve

    def counted(self, queries, k):
        found.extend([len(queries)] * (len(queries) > 1))
        return retrieve(self, queries, k)

    monkeypatch.setattr(BM25, "retrieve", counted)
    return found


@pytest.fixture(scope="module")
def browser():
    """A browser without a network, in which nothing complained in the end."""
    if PROGRAM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    found = Chromium()
    yield found
    assert found.complaints == []
    found.close()
