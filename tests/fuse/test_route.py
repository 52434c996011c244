"""Routes: who gets which query, reports, texts, and what is refused."""

import numpy as np
import pytest

from rankify import expressions, fuse
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.stages import Stage
from rankify.types import Query, Ranking, Run


class Says(Stage):
    """Finds one document, whose id is the stage's own."""

    def __init__(self, id):
        self.id, self.asked = id, []

    def apply(self, run):
        self.asked += [query.id for query in run.queries]
        return Run(Ranking(query, [Document(self.id, "")], [1]) for query in run.queries)

    def __repr__(self):
        return self.id


A, B, C = Says("a"), Says("b"), Says("c")
QUERIES = [
    Query("1", "date"), Query("2", "who wrote the long book about a whale"), Query("3", "parse a date"),
    Query("4", "AB-12 manual"), Query("5", ""),
]  # fmt: skip


def sent(route, queries=QUERIES):
    return "".join(ranking.ids[0] for ranking in route(queries))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"at": 3}, "abbaa"),
        ({"at": "1"}, "bbbba"),
        ({"by": "question"}, "babbb"),
        ({"by": "regex", "pattern": "[A-Z]{2}-[0-9]+"}, "bbbab"),
        ({"by": "regex", "pattern": r"^\w{1,4}\b"}, "aabab"),
        ({"by": lambda query: int(query.id) % 2}, "babab"),
        ({"by": lambda query: np.argmax([len(query.text) < 20, len(query.text) >= 20])}, "abaaa"),
        ({"by": lambda query: "?" in query.text}, "aaaaa"),
    ],
)
def test_each_query_goes_where_the_rule_says_and_stays_in_its_place(options, expected):
    route = fuse.Route(A, B, **options)
    assert sent(route) == expected
    assert [ranking.query for ranking in route(QUERIES)] == QUERIES


def test_three_parts_take_short_middle_and_long_queries():
    assert sent(fuse.Route(A, B, C, at="2:4")) == "acbba"


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Is it open", True),
        ("isn't it", True),
        ("WHO", True),
        ("whole wheat", False),
        ("rain in may?  ", True),
        ("?", True),
    ],
)
def test_what_a_question_is(text, asks):
    assert sent(fuse.Route(A, B, by="question"), [Query("q", text)]) == ("a" if asks else "b")


def test_a_part_works_on_its_own_queries_alone_and_not_at_all_without_any():
    short, long, none = Says("short"), Says("long"), Says("none")
    run = fuse.Route(short, long, none, at="2:99")(QUERIES)
    assert (short.asked, long.asked, none.asked) == (["1", "5"], ["2", "3", "4"], [])
    assert [report.stage for report in run.reports] == ["short", "long", "route(short, long, none, at=2:99)"]
    assert run.reports[-1].counts == {"to short": 2, "to long": 3, "to none": 0}


def test_a_route_in_the_middle_keeps_what_was_reported_before():
    run = (A >> fuse.Route(B, C, at=2))(QUERIES)
    assert [report.stage for report in run.reports] == ["a", "b", "c", "route(b, c, at=2)"]
    assert len(fuse.Route(B, C, at=2)(Run(()))) == 0


CORPUS = Corpus(Document(f"d{i}", text) for i, text in enumerate(["a date", "a whale", "a long book"]))


@pytest.mark.parametrize(
    "text",
    [
        "route(bm25, bm25?b=0.9, at=5)",
        "route(bm25 % 2, bm25, rrf(bm25, bm25?k1=2.0), at=4:9) % 1",
        "route(bm25, bm25?b=0.9, by=question)",
        "rrf(route(bm25, bm25?b=0.9, by=regex, pattern=^[a-z]+$), bm25)",
        "route(bm25, bm25?b=0.9, by=regex, pattern=2024)",
    ],
)
def test_a_route_reads_back_from_its_text(text):
    stage = expressions.pipeline(text, CORPUS)
    assert repr(stage) == text
    assert expressions.pipeline(repr(stage), CORPUS) == stage
    assert stage([Query("q", "whale")])["q"].ids == ["d1"]
    assert [spec.name for _, spec in expressions.components(text)].count("bm25") >= 2


def test_a_pattern_with_a_comma_reads_back():
    bm25, other = expressions.pipeline("rrf(bm25, bm25?b=0.9)", CORPUS).parts
    route = fuse.Route(bm25, other, by="regex", pattern="[0-9]{2,4}")
    assert expressions.pipeline(repr(route), CORPUS) == route


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: fuse.Route(A, at=3), Misuse, "two pipelines or more"),
        (lambda: fuse.Route(A, Run(()), at=3), Misuse, "two pipelines or more"),
        (lambda: fuse.Route(A, B), Misuse, "needs 1 rising numbers, e.g. at=5, not None"),
        (lambda: fuse.Route(A, B, C, at="9:4"), Misuse, "needs 2 rising numbers, e.g. at=5:10, not '9:4'"),
        (lambda: fuse.Route(A, B, at="x"), Misuse, "not 'x'"),
        (lambda: fuse.Route(A, B, at=0), Misuse, "not '0'"),
        (lambda: fuse.Route(A, B, by="length", at=3), UnknownName, "no rule of a route 'length'"),
        (lambda: fuse.Route(A, B, by="regex"), Misuse, "needs a pattern"),
        (lambda: fuse.Route(A, B, by="regex", pattern="["), Misuse, "is no regular expression"),
        (lambda: fuse.Route(A, B, by="question", at=3), Misuse, "at=3 means nothing to a route by question"),
        (lambda: fuse.Route(A, B, at=3, pattern="x"), Misuse, "pattern=x means nothing"),
        (lambda: fuse.Route(A, B, C, by="question"), Misuse, "two parts, not 3"),
        (lambda: fuse.Route(A, B, by=lambda _: 2)(QUERIES), BadInput, "query '1' is sent to part 2; there are 0 to 1"),
        (lambda: fuse.Route(A, B, by=lambda _: "a")(QUERIES), BadInput, "sent to part 'a'"),
        (
            lambda: expressions.pipeline("route(bm25, bm25, by=question, att=3)", CORPUS),
            UnknownName,
            "did you mean 'at'",
        ),
    ],
)
def test_what_cannot_be_routed_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
