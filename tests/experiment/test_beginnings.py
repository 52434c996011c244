"""What pipelines find on the way is kept exactly, or not at all."""

import numpy as np
import pytest

import rankify
from rankify.documents import Document
from rankify.experiment.beginnings import Beginnings, steps
from rankify.experiment.execute import execute
from rankify.experiment.opening import fingerprints
from rankify.experiment.parts import Parts
from rankify.stages import Reranker, Retriever
from rankify.types import Ranking, Run
from tests.experiment.conftest import said


class Odd(Retriever):
    """Scores that single precision cannot tell apart, equal ones, and a query without results."""

    name = "odd"

    def __init__(self, corpus):
        self.corpus = corpus

    def retrieve(self, queries, k):
        scores = [1.0 + 1e-12, 1.0, 1.0, -0.0][:k]
        documents = [self.corpus[n] for n in range(len(scores))]
        return Run(Ranking(q, documents if n else [], scores if n else []) for n, q in enumerate(queries))


class Elsewhere(Retriever):
    """Documents that are not the corpus's: another id, or the same id with another text."""

    name = "elsewhere"

    def __init__(self, corpus, *, id="web"):
        self.corpus, self.id, self.asked = corpus, id, []

    def retrieve(self, queries, k):
        return Run(Ranking(query, [Document(self.id, "from the web")], [1.0]) for query in queries)


class Backwards(Reranker):
    """The last first."""

    name = "backwards"

    def rerank(self, run):
        return Run(ranking.reordered(range(len(ranking))[::-1]) for ranking in run)

    def counts(self):
        return {"turned": 3.0}


@pytest.fixture
def beginnings(collection, tmp_path, monkeypatch):
    from rankify import registry

    for kind, one in (("retriever", Odd), ("retriever", Elsewhere), ("reranker", Backwards)):
        monkeypatch.setitem(registry.BUILTIN[kind], one.name, f"{__name__}:{one.__name__}")
    monkeypatch.setattr("rankify.registry.import_module", lambda name: __import__(name, fromlist=["x"]))
    find = registry.find
    own = {one.name: one for one in (Odd, Elsewhere, Backwards)}
    monkeypatch.setattr("rankify.registry.find", lambda kind, name: own.get(name) or find(kind, name))
    data = rankify.dataset(str(collection))
    return lambda: Beginnings(tmp_path / "stages", data, fingerprints(data), Parts(tmp_path / "indexes"))


def test_rankings_come_back_exactly(beginnings):
    first = beginnings().found("odd % 4 >> backwards % 3")
    again = beginnings().found("odd % 4 >> backwards % 3")
    assert (first.kept, again.kept) == ((False, False), (True, True))
    assert first.run == again.run
    assert [ranking.documents.ids for ranking in first.run] == [ranking.documents.ids for ranking in again.run]
    known = beginnings().known("odd % 4")
    assert np.array_equal(known[1].scores, [1.0 + 1e-12, 1.0, 1.0, -0.0])
    assert len(known[0]) == 0
    assert again.reports == first.reports
    assert again.reports[1].counts == {"turned": 3.0}


def test_a_cut_is_no_other_beginning(beginnings):
    beginnings().found("odd % 4 >> backwards % 3")
    assert beginnings().found("odd % 4 >> backwards % 1").kept == (True, True)
    assert [len(r) for r in beginnings().found("odd % 4 >> backwards % 1").run][:2] == [0, 1]
    assert beginnings().found("odd % 3 >> backwards").kept == (False, False)


def test_a_cut_within_is_another_beginning(beginnings):
    """What is reranked behind a cut is less."""
    beginnings().found("odd % 4 >> backwards % 2 >> backwards")
    found = beginnings().found("odd % 4 >> backwards % 3 >> backwards")
    assert (found.kept, len(found.run[1])) == ((True, True, False), 3)


@pytest.mark.parametrize("text", ["elsewhere", "elsewhere?id=d1"])
def test_documents_that_are_not_the_corpus_are_not_kept(beginnings, text):
    beginnings().found(f"{text} >> backwards")
    again = beginnings().found(f"{text} >> backwards")
    assert again.kept == (False, False)
    assert again.run[0].documents[0].text == "from the web"


@pytest.mark.parametrize("harm", [b"", b"PK\x03\x04 half", b"\x93NUMPY"])
def test_a_damaged_file_is_found_anew(beginnings, harm):
    first = beginnings().found("odd % 4")
    beginnings().file("odd % 4").write_bytes(harm)
    again = beginnings().found("odd % 4")
    assert (again.kept, again.run) == ((False,), first.run)
    assert beginnings().found("odd % 4").kept == (True,)


def test_other_queries_have_other_files(beginnings, collection):
    here = beginnings().file("odd")
    path = collection / "queries.jsonl"
    path.write_text(path.read_text().replace("sort", "sorted"))
    data = rankify.dataset(str(collection))
    other = Beginnings(here.parent, data, fingerprints(data), beginnings().parts)
    assert other.file("odd") != here
    assert other.file("odd") != other.file("odd % 3")


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("rrf(bm25 % 9 >> a % 3, dense:m) % 5", "rrf(bm25 % 9 >> a % 3, dense:m) % 5"),
        ("bm25 % 9>>a", "bm25 % 9 >> a"),
        ("bm25 >> a % 5 % 3 >> without-query", "bm25 >> a % 5 % 3 >> without-query"),
    ],
)
def test_parentheses_are_one_step(text, beginning):
    assert steps(text)[-1].beginning == beginning


def test_systems_that_begin_alike_search_once(experiment, searches, tmp_path):
    first = {f"s{k}": f"bm25 % 4 >> rm3(bm25, terms={k}) % 3" for k in (2, 3)} | {"q": "bm25 % 4 >> extractive?top=2"}
    results = execute(experiment(first, measures="RR@10"), tmp_path / "out")
    assert searches == [6]
    kept = {s: [stage["kept"] for stage in cell["stages"]] for s, cell in results.cells["songs"].items()}
    assert kept == {"s2": [False, False], "s3": [True, False], "q": [True]}
    searches.clear()
    more = execute(experiment(first | {"new": "bm25 % 4 >> extractive"}, measures="RR@10"), tmp_path / "out")
    assert searches == []
    assert more.cells["songs"]["new"]["stages"][0]["seconds"] == results.cells["songs"]["s2"]["stages"][0]["seconds"]


def test_a_beginning_that_is_kept_changes_no_result(experiment, tmp_path):
    alone = {"b": "bm25 % 6 >> rm3(bm25) % 5 >> extractive"}
    execute(experiment({"a": "bm25 % 6 >> rm3(bm25)", **alone}, measures="RR@10"), tmp_path / "shared")
    execute(experiment(alone, measures="RR@10"), tmp_path / "alone")
    for path in ("runs/songs/b.trec", "answers/songs/b.jsonl"):
        assert (tmp_path / "shared" / path).read_bytes() == (tmp_path / "alone" / path).read_bytes()


def test_a_reader_that_searches_on_the_way_searches_with_its_pipeline(experiment, served, searches, tmp_path):
    systems = {"again": f"bm25 % 3 >> iter-retgen:http:m?base_url={served.url}&rounds=2"}
    served.answer = lambda body, _: said("So the answer is: Ann Lee.")
    results = execute(experiment(systems), tmp_path / "out")
    assert results.readings["songs"]["again"]["counts"]["searches"] == 6
    assert searches == [6, 6]
