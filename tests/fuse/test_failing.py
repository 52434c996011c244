"""A retriever that fails inside a fusion: its reason is what comes out, and never a list without its documents."""

import json

import pytest

from rankify import expressions, registry
from rankify.cli import main
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadReply
from rankify.stages import Retriever
from rankify.types import Query
from tests.fuse.test_methods import UNTRAINED

DOCUMENTS = [{"_id": "d1", "text": "Ann wrote it."}, {"_id": "d2", "text": "Bob wrote that."}]
CORPUS = Corpus(Document(one["_id"], one["text"]) for one in DOCUMENTS)
FAILING = [
    ("failing?how=reply", BadReply, "the server said 503: overloaded"),
    ("failing?how=bug", KeyError, "hits"),
    ("failing?how=time", TimeoutError, "timed out"),
]


class Failing(Retriever):
    """Is down, or is wrong itself."""

    name = "failing"

    def __init__(self, corpus, *, how="reply"):
        self.how = how

    def retrieve(self, queries, k):
        _, error, message = FAILING[["reply", "bug", "time"].index(self.how)]
        raise error(message)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["retriever"], "failing", f"{__name__}:Failing")


@pytest.mark.parametrize(("failing", "error", "message"), FAILING)
@pytest.mark.parametrize("name", UNTRAINED)
def test_every_fusion_ends_with_the_reason_wherever_the_part_stands(name, failing, error, message):
    for parts in (f"bm25, {failing}", f"{failing}, bm25", f"bm25, rrf(bm25?k1=2.0, {failing} % 3) % 5"):
        fusion = expressions.pipeline(f"{name}({parts})", CORPUS)
        with pytest.raises(error, match=message):
            fusion([Query("q", "who wrote it?")])


@pytest.mark.parametrize(("failing", "error", "message"), FAILING)
@pytest.mark.parametrize("out", [["--question", "who wrote it?"], ["-o", "answers.jsonl"]])
def test_answering_over_such_a_fusion_fails_with_the_reason(
    capsys, tmp_path, monkeypatch, failing, error, message, out
):
    monkeypatch.chdir(tmp_path)
    for name, rows in (("corpus", DOCUMENTS), ("queries", [{"_id": "q", "text": "who wrote it?"}])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(SystemExit) as left:
        main(["answer", f"rrf(bm25, {failing}) % 3 >> extractive", ".", "-q", *out])
    said = capsys.readouterr()
    assert left.value.code == 1
    assert said.out == ""
    assert message in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "answers.jsonl").exists()
