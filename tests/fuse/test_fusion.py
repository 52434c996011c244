"""Fusion: closed forms, what is refused, and fusions as stages that read back from their text."""

import math

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


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20), st.floats(0.1, 10), st.floats(-9, 9))
@example([0.1, 0.1, 0.1], 1, 0)
@example([0.0, 5e-324], 1, 0)
def test_normalised_scores_forget_their_scale(scores, factor, shift):
    scores = np.array(scores)
    for name in ("minmax", "sum", "zscore", "rank"):
        norm = fuse.NORMS[name]
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


NAMES = ["rrf", "isr", "log_isr", "logn_isr", "rbc", "borda", "condorcet", "weighted", "combsum", "combmnz", "combgmnz",
         "combanz", "combmin", "combmax", "combmed", "wmnz", "mixed"]  # fmt: skip
ODD = {
    "one run": [{"a": 3, "b": 1}],
    "one document": [{"a": -5}, {"a": -5}],
    "a list without documents": [{}, {"a": 2, "b": 1}],
    "negative scores": [{"a": -1, "b": -2}, {"b": -7}],
    "equal scores": [{"a": 0, "b": 0, "c": 0}, {"c": 0, "d": 0}],
    "far from 0": [{"a": 1e150, "b": -1e150}, {"b": 1e-300}],
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", NAMES)
def test_odd_lists_are_fused_to_finite_scores_whatever_the_order_of_the_parts(name, odd):
    fuser = getattr(fuse, name)
    runs = [run_of(q=scores) for scores in ODD[odd]]
    for options in (
        [{"norm": norm} for norm in fuse.NORMS if norm != "max"] if "norm" in str(fuser.__signature__) else [{}]
    ):
        fused, backwards = fuser(*runs, **options), fuser(*runs[::-1], **options)
        assert set(fused["q"].ids) == {id for scores in ODD[odd] for id in scores}
        assert np.isfinite(fused["q"].scores).all()
        assert scored(fused) == scored(backwards)


@pytest.mark.parametrize("name", ["rrf", "weighted", "borda", "condorcet", "mixed", "wmnz"])
def test_a_part_of_weight_0_brings_its_documents_and_no_order(name):
    fuser, one, other = getattr(fuse, name), run_of(q={"a": 3, "b": 2, "c": 1}), run_of(q={"x": 9, "c": 8, "b": 7})
    fused = fuser(one, other, weights=[1, 0])["q"].ids
    assert set(fused) == {"a", "b", "c", "x"}
    assert [id for id in fused if id != "x"] == ["a", "b", "c"]


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
        (lambda: fuse.weighted(RUN, RUN, weights=[None, 1]), BadInput, "write them like 0.3:0.7"),
        (lambda: fuse.condorcet(RUN, weights="1:2"), BadInput, "2 weights for 1 parts: '1:2'"),
        (lambda: fuse.weighted(RUN, norm="min-max"), UnknownName, "did you mean 'minmax'"),
        (lambda: fuse.rrf(RUN, K=3), UnknownName, "no option of fusion 'rrf' 'K'; did you mean 'k'"),
        (lambda: fuse.rbc(RUN, phi=1), BadInput, "the phi of rbc is a number from 1e-09 to 1, not 1"),
        (lambda: fuse.rbc(RUN, phi="x"), BadInput, "not 'x'"),
        (lambda: fuse.logn_isr(RUN, sigma=2), BadInput, "from 0 to 1, not 2"),
        (lambda: fuse.combgmnz(RUN, gamma=math.inf), BadInput, "not inf"),
        (lambda: fuse.combsum(run_of(q={"a": 0.0}), norm="max"), BadInput, "query 'q': norm=max divides by the best"),
        (lambda: fuse.weighted(run_of(q={"a": math.inf})), BadInput, "query 'q': an infinite score"),
        (lambda: fuse.combsum(run_of(q={"a": 1, "b": -math.inf})), BadInput, "query 'q': an infinite score"),
        (lambda: fuse.combmnz(run_of(q={"a": 1e308, "b": -1e308})), BadInput, r"a score 1e\+308 away from 0 cannot be"),
        (lambda: fuse.combmed(run_of(q={"a": 1, "b": -1e200}), norm="none"), BadInput, r"a score 1e\+200 away from 0"),
    ],
)
def test_what_cannot_be_fused_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
