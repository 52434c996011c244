"""Composition: what `>>`, `%` and `top` mean, what a stage reports, and that specs read back."""

import pytest

from rankify import expressions, registry
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.spec import Spec
from rankify.stages import Pipeline, Reader, Reranker, Retriever, WithoutQuery
from rankify.types import Answer, Query, Ranking, Run

CORPUS = Corpus(Document(f"d{i}", "x " * i) for i in range(50))
QUERIES = [Query("1", "one"), Query("d3", "three")]


class Newest(Retriever):
    """The documents of a corpus, last first."""

    name = "newest"

    def __init__(self, corpus, *, offset: int = 0):
        self.corpus, self.offset = corpus, offset

    def retrieve(self, queries, k):
        places = range(len(self.corpus) - 1 - self.offset, -1, -1)[:k]
        return Run(Ranking(q, Documents(self.corpus, list(places)), list(places)) for q in queries)


class Shortest(Reranker):
    name = "shortest"

    def rerank(self, run):
        return Run(r.rescored([-len(d.text) for d in r.documents]) for r in run)


class Drops(Reranker):
    name = "drops"

    def rerank(self, run):
        return Run(r.head(len(r) - 1) for r in run)


class First(Reader):
    name = "first-id"

    def read(self, run):
        return [Answer(query=r.query, text=r.ids[0] if r.ids else "") for r in run]


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for kind, cls in (("retriever", Newest), ("reranker", Shortest), ("reader", First)):
        monkeypatch.setitem(registry.BUILTIN[kind], cls.name, f"{__name__}:{cls.__name__}")


def ids(pipeline):
    return pipeline(QUERIES)[0].ids


def test_a_retriever_is_asked_for_as_many_as_the_cutoff_says():
    class Asked(Newest):
        def retrieve(self, queries, k):
            self.k = k
            return super().retrieve(queries, k)

    retriever = Asked(CORPUS)
    (retriever % 7)(QUERIES)
    assert retriever.k == 7


def test_rerank_then_cut():
    assert ids(Newest(CORPUS) % 10 >> Shortest() % 3) == ["d40", "d41", "d42"]


def test_top_keeps_the_tail():
    [run, _] = (Newest(CORPUS) % 6 >> Shortest().top(3))(QUERIES)
    assert run.ids == ["d47", "d48", "d49", "d46", "d45", "d44"]
    assert (run.scores[1:] < run.scores[:-1]).all()


def test_top_of_more_than_there_is_reranks_all():
    assert ids(Newest(CORPUS) % 3 >> Shortest().top(9)) == ["d47", "d48", "d49"]


def test_the_document_that_is_the_query_can_be_dropped():
    run = (Newest(CORPUS) >> WithoutQuery())(QUERIES)
    assert len(run["1"]) == 50
    assert "d3" not in run["d3"].ids
    assert len(run["d3"]) == 49


def test_a_reranker_that_drops_a_document_is_caught():
    with pytest.raises(ValueError, match="changed the documents of query '1'"):
        (Newest(CORPUS) >> Drops())(QUERIES)


def test_every_stage_reports_itself():
    run = (Newest(CORPUS) % 10 >> Shortest() % 3)(QUERIES)
    assert [r.stage for r in run.reports] == ["newest % 10", "shortest", "% 3"]
    assert all(r.seconds >= 0 for r in run.reports)


def test_a_reader_ends_a_pipeline():
    assert [a.text for a in (Newest(CORPUS) % 1 >> First())(QUERIES)] == ["d49", "d49"]


@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_a_depth_is_a_whole_number_from_one_up(k):
    with pytest.raises(BadInput, match="a depth is a whole number"):
        Newest(CORPUS) % k


TEXTS = [
    "newest",
    "newest?offset=3",
    "newest % 10",
    "newest % 10 >> shortest % 3",
    "newest % 10 >> top(3, shortest)",
    "newest % 10 >> top(3, shortest) % 2 >> first-id",
    "newest % 10 >> without-query >> shortest",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_pipeline_reads_back_from_its_repr(text):
    pipeline = expressions.pipeline(text, CORPUS)
    assert repr(pipeline) == text
    assert repr(expressions.pipeline(repr(pipeline), CORPUS)) == text


def test_equal_specs_make_equal_stages():
    assert Newest(CORPUS, offset=2) == registry.load("retriever", "newest?offset=2", CORPUS)
    assert Newest(CORPUS) != Newest(CORPUS, offset=2)
    assert Pipeline(Shortest()) == Pipeline(Shortest())


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("newst % 3", UnknownName, "did you mean 'newest'"),
        ("newest >> shortes", UnknownName, "did you mean 'shortest'"),
        ("newest >> first-id >> shortest", Misuse, "'first-id' is a reader; it stands at the end"),
        ("first-id", Misuse, "'first-id' is a reader; it stands at the end"),
        ("newest >> first-id % 2", Misuse, "a reader gives answers, of which there is no best 2"),
        ("rrf(newest >> first-id, newest)", Misuse, "'newest >> first-id' ends in a reader"),
        ("passages(newest >> first-id)", Misuse, "'newest >> first-id' ends in a reader"),
        ("newest?ofset=1", UnknownName, "did you mean 'offset'"),
        ("newest >> ", BadInput, "nothing before or after"),
        ("newest >> top(3, shortest", BadInput, "parentheses do not match"),
        ("newest % 0", BadInput, "depth"),
        (
            "newest?offset=far",
            BadInput,
            "option offset='far' of retriever 'newest[?]offset=far' should be a whole number",
        ),
        ("newest?offset=1.5", BadInput, "should be a whole number"),
        ("newest:model", BadInput, "cannot build the retriever 'newest:model'"),
        ("?k=1", BadInput, "names nothing"),
        ("newest?offset", BadInput, "cannot read the options"),
    ],
)
def test_a_wrong_pipeline_says_where(text, error, message):
    with pytest.raises(error, match=message):
        expressions.pipeline(text, CORPUS)


def test_a_search_needs_a_corpus():
    with pytest.raises(BadInput, match="'newest' needs a corpus"):
        expressions.pipeline("newest")


@pytest.mark.parametrize("written", ["a", "a:b/c", "a:http:x?k1=0.9&flag=true&none=none&text=007", "a?t=x%26y%3D1"])
def test_specs_are_written_as_they_are_read(written):
    assert str(Spec.parse(written)) == written


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, known in registry.BUILTIN.items() for n in known])
def test_every_registered_name_can_be_imported(kind, name):
    assert callable(registry.find(kind, name))
