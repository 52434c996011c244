"""Fusion: closed forms, ranx's figures, laws, and fusions as stages that read back from their text."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rankify import expressions, fuse, registry
from rankify.corpus import Corpus
from rankify.documents import Document, Documents, Shelf
from rankify.errors import BadInput, UnknownName
from rankify.stages import Reranker, Retriever
from rankify.types import Query, Ranking, Run

CORPUS = Corpus(Document(f"d{i:02}", f"text {i}") for i in range(40))


def ranking(query, scores):
    """Documents in the order in which they stand, each in a store of its own."""
    return Ranking(Query(query, query), [Document(i, f"text of {i}") for i in scores], list(scores.values()))


def run_of(**queries):
    return Run(ranking(query, scores) for query, scores in queries.items())


def scored(run, query="q"):
    return dict(zip(run[query].ids, run[query].scores.tolist(), strict=True))


def sorted_run(scores):
    return run_of(q=dict(sorted(scores.items(), key=lambda item: -item[1])))


def test_reciprocal_rank_fusion_adds_up_reciprocal_ranks():
    fused = fuse.rrf(run_of(q={"a": 9, "b": 5, "c": 1}), run_of(q={"c": 0.2, "d": 0.1}))
    assert scored(fused) == pytest.approx({"c": 1 / 63 + 1 / 61, "a": 1 / 61, "b": 1 / 62, "d": 1 / 62})
    assert fused["q"].ids == ["c", "a", "b", "d"]


def test_k_says_how_much_the_first_ranks_stand_out():
    assert scored(fuse.rrf(run_of(q={"a": 2, "b": 1}), k=0)) == {"a": 1, "b": 0.5}


@pytest.mark.parametrize(
    ("norm", "expected"),
    [
        ("minmax", {"a": 0.3 * 1 + 0, "b": 0.3 * 0.5 + 0.7 * 1, "c": 0, "d": 0}),
        ("zscore", {"a": 0.3 * math.sqrt(1.5) - 0.7, "b": 0.7, "c": -0.3 * math.sqrt(1.5) - 0.7,
                    "d": -0.3 * math.sqrt(1.5) - 0.7}),
    ],
)  # fmt: skip
def test_a_weighted_sum_is_of_normalised_scores(norm, expected):
    parts = run_of(q={"a": 9, "b": 5, "c": 1}), run_of(q={"b": 0.2, "d": 0.1})
    assert scored(fuse.weighted(*parts, weights=[0.3, 0.7], norm=norm)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("norm", "expected"),
    [("minmax", {"b": 1, "c": 0.75, "a": 0}), ("zscore", {"b": math.sqrt(1.5) / 2, "c": 0, "a": -math.sqrt(1.5) / 2})],
)
def test_with_equal_scores_a_list_says_at_most_what_it_found(norm, expected):
    parts = run_of(q={"b": 3, "c": 3}), sorted_run({"b": 2, "a": 1, "c": 1.5})
    assert scored(fuse.weighted(*parts, norm=norm)) == pytest.approx(expected)


# ranx 0.3.21: fuse(norm=None, method="rrf", params={"k": 60}) and fuse(norm="min-max", method="wsum", weights .2 .5 .3)
A = {"d3": -2.762, "d4": 3.593, "d1": 0.473, "d6": 8.88, "d7": -2.294, "d2": 3.244, "d11": 1.323, "d0": 6.357}
B = {"d6": 7.086, "d8": -2.913, "d3": 0.503, "d2": 5.459, "d11": 0.741, "d7": 6.182, "d4": -0.658, "d0": 2.085,
     "d12": 0.458}  # fmt: skip
C = {"d10": 2.231, "d7": 4.065, "d4": 4.613, "d2": -0.615, "d5": 0.882}
RANX_RRF = {
    "d7": 0.047183438, "d4": 0.046972341, "d2": 0.046882631, "d6": 0.032786885, "d0": 0.031754032, "d11": 0.030769231,
    "d3": 0.029857398, "d10": 0.015873016, "d5": 0.015625, "d1": 0.015151515, "d12": 0.014925373, "d8": 0.014492754,
}  # fmt: skip
RANX_WSUM = {
    "d7": 0.731389276, "d6": 0.7, "d4": 0.521934958, "d2": 0.521820012, "d0": 0.406581924, "d11": 0.252895217,
    "d3": 0.170817082, "d12": 0.168566857, "d10": 0.16331293, "d5": 0.085902831, "d1": 0.055574644, "d8": 0.0,
}  # fmt: skip


def test_ranx_gives_the_same_figures():
    parts = [sorted_run(x) for x in (A, B, C)]
    assert scored(fuse.rrf(*parts)) == pytest.approx(RANX_RRF, abs=1e-9)
    assert scored(fuse.weighted(*parts, weights=[0.2, 0.5, 0.3])) == pytest.approx(RANX_WSUM, abs=1e-9)


LISTS = st.lists(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-5, 5).map(float), max_size=8), min_size=1, max_size=4
)


@given(LISTS, st.sampled_from(["rrf", "minmax", "zscore"]))
def test_the_order_of_the_parts_does_not_matter(lists, method):
    parts = [sorted_run(scores) for scores in lists]
    fused = [
        fuse.rrf(*order) if method == "rrf" else fuse.weighted(*order, norm=method) for order in permutations(parts)
    ]
    assert len({tuple(scored(f).items()) for f in fused}) == 1
    assert {*fused[0]["q"].ids} == {i for scores in lists for i in scores}


@given(LISTS)
def test_it_does_not_matter_where_documents_are_kept(lists):
    corpus = Corpus(Document(i, "") for i in "hgfedcba")
    apart = [sorted_run(scores) for scores in lists]
    together = [
        Run(Ranking(r.query, Documents(corpus, [corpus.position(i) for i in r.ids]), r.scores) for r in run)
        for run in apart
    ]
    for method in (fuse.rrf, fuse.weighted):
        assert scored(method(*apart)) == scored(method(*together))


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20), st.floats(0.1, 10), st.floats(-9, 9))
@example([0.1, 0.1, 0.1], 1, 0)
@example([0.0, 5e-324], 1, 0)
def test_normalised_scores_forget_their_scale(scores, factor, shift):
    scores = np.array(scores)
    for norm in fuse.NORMS.values():
        values = norm(scores)
        assert np.isfinite(values).all()
        if np.ptp(scores) > 1e-3:
            assert norm(scores * factor + shift) == pytest.approx(values, abs=1e-6)


def test_documents_come_from_the_first_run_that_has_them():
    first = Run([Ranking(Query("q", ""), [Document("a", "first")], [1])])
    second = Run([Ranking(Query("q", ""), [Document("b", "second"), Document("a", "second")], [2, 1])])
    assert {d.id: d.text for d in fuse.rrf(first, second)["q"].documents} == {"a": "first", "b": "second"}


def test_documents_written_by_hand_are_told_apart_by_their_ids():
    shelf = Shelf([Document("a", ""), Document("b", ""), Document("a", "again")])
    runs = [Run([Ranking(Query("q", ""), Documents(shelf, places), [2, 1])]) for places in ([0, 1], [2, 1])]
    assert scored(fuse.rrf(*runs)) == pytest.approx({"a": 2 / 61, "b": 2 / 62})


def test_queries_are_the_first_runs():
    first, second = (Run([Ranking(Query("q", text), [Document("a", "")], [1])]) for text in ("first", "second"))
    assert fuse.rrf(first, second).queries[0].text == "first"


def test_queries_stand_in_the_order_of_the_first_then_those_it_lacks():
    fused = fuse.rrf(run_of(q2={"a": 1}, q1={}), run_of(q3={"c": 1}, q1={"b": 1}))
    assert [(r.query.id, r.ids) for r in fused] == [("q2", ["a"]), ("q1", ["b"]), ("q3", ["c"])]


@pytest.mark.parametrize("parts", [(Run(()),), (Run(()), Run(())), (run_of(q={}), run_of(q={}))])
def test_nothing_found_is_a_result(parts):
    assert sum(map(len, fuse.rrf(*parts))) == sum(map(len, fuse.weighted(*parts))) == 0


def test_equal_scores_are_ordered_by_id_and_the_depth_is_kept():
    fused = fuse.rrf(run_of(q={"b": 1}), run_of(q={"a": 1}), run_of(q={"10": 1}), run_of(q={"9": 1}), depth=3)
    assert fused["q"].ids == ["10", "9", "a"]


class Offset(Retriever):
    """The documents of a corpus from some position on."""

    name = "offset"

    def __init__(self, corpus, *, start=0):
        self.corpus, self.start = corpus, start

    def retrieve(self, queries, k):
        places = range(self.start, len(self.corpus))[:k]
        return Run(Ranking(q, Documents(self.corpus, list(places)), np.arange(len(places), 0, -1)) for q in queries)


class Backwards(Reranker):
    name = "backwards"

    def rerank(self, run):
        return Run(r.reordered(range(len(r) - 1, -1, -1)) for r in run)


@pytest.fixture
def _registered(monkeypatch):
    for kind, cls in (("retriever", Offset), ("reranker", Backwards)):
        monkeypatch.setitem(registry.BUILTIN[kind], cls.name, f"{__name__}:{cls.__name__}")


QUERIES = [Query("1", "one"), Query("2", "two")]


def test_a_fusion_of_stages_searches_with_each_and_reports_each():
    fusion = fuse.rrf(Offset(CORPUS) % 3, Offset(CORPUS, start=2) >> Backwards() % 4)
    run = fusion(QUERIES)
    assert run["1"].ids == fuse.rrf(*(part(QUERIES) for part in fusion.parts))["1"].ids
    assert [r.stage for r in run.reports] == [
        "offset % 3", "offset?start=2", "backwards", "% 4", "rrf(offset % 3, offset?start=2 >> backwards % 4)",
    ]  # fmt: skip


def test_a_fusion_keeps_the_best_k_and_each_part_its_own_depth():
    run = (fuse.rrf(Offset(CORPUS) % 5, Offset(CORPUS, start=10) % 2) % 6 >> Backwards())(QUERIES)
    assert run["2"].ids == ["d03", "d02", "d11", "d01", "d10", "d00"]


def test_a_fusion_in_the_middle_fuses_rankings_of_one_run():
    run = (Offset(CORPUS) % 3 >> fuse.rrf(Backwards(), Backwards().top(2)))(QUERIES)
    assert sorted(run["1"].ids) == ["d00", "d01", "d02"]
    assert [r.stage for r in run.reports][:2] == ["offset % 3", "backwards"]
    assert len(run.reports) == 4


TEXTS = [
    "rrf(offset % 10, offset?start=3)",
    "rrf(offset % 10, offset?start=3, k=10, depth=5) % 3 >> backwards",
    "weighted(offset % 10, offset?start=3, weights=0.3:0.7, norm=zscore)",
    "weighted(rrf(offset, offset?start=1, k=0.5), offset % 7 >> top(3, backwards), weights=2:1e-05) % 4",
    "weighted(offset, weights=2)",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.usefixtures("_registered")
def test_a_fusion_reads_back_from_its_text(text):
    fusion = expressions.pipeline(text, CORPUS)
    assert repr(fusion) == text
    assert expressions.pipeline(repr(fusion), CORPUS) == fusion
    assert fusion(QUERIES) == expressions.pipeline(repr(fusion), CORPUS)(QUERIES)


def test_options_that_are_the_defaults_are_not_written():
    assert repr(fuse.rrf(Offset(CORPUS), Backwards(), k=60, depth=1000)) == "rrf(offset, backwards)"
    assert repr(fuse.weighted(Offset(CORPUS), Backwards(), weights=[0.30, 2])) == (
        "weighted(offset, backwards, weights=0.3:2)"
    )


STAGE, RUN = Backwards(), run_of(q={"a": 1})


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (fuse.rrf, BadInput, "rrf has nothing to fuse"),
        (lambda: fuse.rrf(STAGE, RUN), BadInput, "not both"),
        (lambda: fuse.rrf("bm25", "dense"), BadInput, "runs, or stages"),
        (lambda: fuse.rrf(RUN, k=-1), BadInput, "a number from 0 up, not -1"),
        (lambda: fuse.rrf(RUN, depth=0), BadInput, "a depth is a whole number"),
        (lambda: fuse.weighted(RUN, RUN, weights=[1]), BadInput, "1 weights for 2 parts"),
        (lambda: fuse.weighted(RUN, RUN, weights="a:b"), BadInput, "write them like 0.3:0.7"),
        (lambda: fuse.weighted(RUN, RUN, weights=[1, -1]), BadInput, "numbers from 0 up"),
        (lambda: fuse.weighted(RUN, RUN, weights=[0, 0]), BadInput, "not all 0"),
        (lambda: fuse.weighted(RUN, RUN, weights=[math.nan, 1]), BadInput, "numbers from 0 up"),
        (lambda: fuse.weighted(RUN, norm="min-max"), UnknownName, "did you mean 'minmax'"),
        (lambda: fuse.weighted(run_of(q={"a": math.inf})), BadInput, "query 'q': an infinite score"),
    ],
)
def test_what_cannot_be_fused_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
