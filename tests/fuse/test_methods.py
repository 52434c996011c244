"""Every fusion of the registry: ranx's figures, closed forms where ranx has none, and laws that hold for all."""

import json
from collections import Counter
from itertools import combinations, pairwise, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankify import fuse, registry
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.fuse.norms import ALL
from rankify.types import Query, Ranking, Run

NAMES = [name for name in registry.names("fusion") if isinstance(registry.find("fusion", name), fuse.Fuser)]
UNTRAINED = [name for name in NAMES if "learnt" not in registry.options("fusion", name)]
NORMED = [name for name in UNTRAINED if "norm" in registry.options("fusion", name)]

# ranx 0.3.21's result for these three lists, by the spec of the same fusion here; weights .2 .5 .3
RANX = json.loads((Path(__file__).parent / "ranx.json").read_text("utf-8"))
A = {"d3": -2.762, "d4": 3.593, "d1": 0.473, "d6": 8.88, "d7": -2.294, "d2": 3.244, "d11": 1.323, "d0": 6.357}
B = {"d6": 7.086, "d8": -2.913, "d3": 0.503, "d2": 5.459, "d11": 0.741, "d7": 6.182, "d4": -0.658, "d0": 2.085,
     "d12": 0.458}  # fmt: skip
C = {"d10": 2.231, "d7": 4.065, "d4": 4.613, "d2": -0.615, "d5": 0.882}


def run_of(scores):
    """A run of one query, each document in a store of its own, best first."""
    scores = dict(sorted(scores.items(), key=lambda item: -item[1]))
    return Run([Ranking(Query("q", "q"), [Document(i, f"text of {i}") for i in scores], list(scores.values()))])


def listed(*ids):
    return run_of({id: -place for place, id in enumerate(ids)})


def fused(spec, *runs):
    ranking = registry.load("fusion", spec, *runs)["q"]
    return dict(zip(ranking.ids, ranking.scores.tolist(), strict=True))


@pytest.mark.parametrize("spec", RANX)
def test_ranx_gives_the_same_figures(spec):
    assert fused(spec, *map(run_of, (A, B, C))) == pytest.approx(RANX[spec], abs=2e-9)


def test_ranx_is_asked_for_every_fusion_without_training_but_condorcet():
    assert {spec.partition("?")[0] for spec in RANX} == {*UNTRAINED} - {"condorcet"}


LISTS = st.lists(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-5, 5).map(float), max_size=8), min_size=1, max_size=4
)


@pytest.mark.parametrize("name", UNTRAINED)
@settings(max_examples=25)
@given(lists=LISTS)
def test_the_order_of_the_parts_does_not_matter_nor_where_documents_are_kept(name, lists):
    corpus = Corpus(Document(i, "") for i in "hgfedcba")
    apart = [run_of(scores) for scores in lists]
    together = [
        Run(Ranking(r.query, Documents(corpus, [corpus.position(i) for i in r.ids]), r.scores) for r in run)
        for run in apart
    ]
    results = [list(fused(name, *order).items()) for order in permutations(apart)]
    assert all(result == results[0] for result in results)
    assert list(fused(name, *together).items()) == results[0]
    assert dict(results[0]).keys() == {i for scores in lists for i in scores}


@pytest.mark.parametrize("name", UNTRAINED)
@given(scores=st.lists(st.integers(1, 9), min_size=1, max_size=9))
@settings(max_examples=25)
def test_a_list_alone_keeps_its_order(name, scores):
    run = run_of({f"d{place}": float(score) for place, score in enumerate(scores)})
    found = fused(name, run)
    assert {*found} == {*run["q"].ids}
    if name == "log-isr":  # log 1: nothing is left of a single list
        assert {*found.values()} == {0.0}
        return
    places = {id: place for place, id in enumerate(found)}
    for (one, higher), (other, lower) in combinations(zip(run["q"].ids, run["q"].scores, strict=True), 2):
        if higher > lower:
            assert places[one] < places[other]


@pytest.mark.parametrize("name", NORMED)
@pytest.mark.parametrize("norm", ALL)
@pytest.mark.parametrize(
    "lists", [({},), ({}, {}), ({"a": 1.0}, {}), ({"a": 1.0}, {"a": 2.0, "007": 2.0, "null": 2.0})]
)
def test_empty_lists_single_documents_and_equal_scores_have_finite_scores(name, norm, lists):
    found = fused(f"{name}?norm={norm}", *map(run_of, lists))
    assert {*found} == {id for one in lists for id in one}
    assert np.isfinite(list(found.values())).all()


@pytest.mark.parametrize("name", UNTRAINED)
def test_equal_scores_are_ordered_by_id(name):
    found = list(fused(name, listed("b", "c"), listed("c", "b"), listed("10"), listed("9")))
    assert found.index("b") < found.index("c")
    assert found.index("10") < found.index("9")


def test_what_a_list_lacks_is_not_above_its_last_with_negative_scores():
    parts = run_of({"a": -1.0, "b": -3.0}), run_of({"c": -2.0})
    assert fused("weighted?norm=none&weights=1:1", *parts) == {"a": -3.0, "b": -5.0, "c": -5.0}
    assert fused("combsum?norm=none", *parts) == {"a": -1.0, "c": -2.0, "b": -3.0}


@pytest.mark.parametrize(("gamma", "name"), [(0, "combsum"), (1, "combmnz"), (-1, "combanz")])
def test_gamma_leads_from_the_sum_to_the_mean(gamma, name):
    runs = [*map(run_of, (A, B, C))]
    assert fused(f"combgmnz?gamma={gamma}", *runs) == pytest.approx(fused(name, *runs))


@pytest.mark.parametrize("name", ["rrf", "borda", "wmnz", "mixed", "condorcet", "weighted"])
def test_equal_weights_change_no_order(name):
    runs = [*map(run_of, (A, B, C))]
    assert list(fused(f"{name}?weights=2:2:2", *runs)) == list(fused(name, *runs))


@pytest.mark.parametrize("name", ["rrf", "borda", "condorcet", "weighted", "mixed"])
def test_a_part_of_no_weight_decides_nothing(name):
    runs = listed("a", "b", "c"), listed("c", "b", "a")
    assert list(fused(f"{name}?weights=1:0", *runs)) == ["a", "b", "c"]
    assert list(fused(f"{name}?weights=0:1", *runs)) == ["c", "b", "a"]


def test_weights_of_reciprocal_ranks_multiply():
    found = fused("rrf?weights=0.5:2", listed("a", "b"), listed("b"))
    assert found == pytest.approx({"b": 0.5 / 62 + 2 / 61, "a": 0.5 / 61})


def test_the_majority_decides_and_what_a_list_lacks_stands_below_what_it_has():
    assert list(fused("condorcet", listed("a", "b", "c"), listed("a", "c"), listed("b", "a", "c"))) == ["a", "b", "c"]
    assert fused("condorcet", listed("b"), listed("b"), listed("a", "b")) == {"b": 2, "a": 1}
    assert fused("condorcet?weights=1:1:3", listed("b"), listed("b"), listed("a", "b")) == {"a": 2, "b": 1}


def test_equal_votes_stand_in_bordas_order():
    runs = listed("a", "b", "c", "d"), listed("b", "d", "c", "a")  # a and b have a vote each; b has more points
    assert list(fused("condorcet", *runs)) == ["b", "a", "c", "d"]


@given(st.lists(st.permutations("abcdef"), min_size=1, max_size=5))
def test_no_document_stands_right_below_one_that_most_lists_have_below_it(orders):
    found = list(fused("condorcet", *(listed(*order) for order in orders)))
    for above, below in pairwise(found):
        votes = Counter(order.index(above) < order.index(below) for order in orders)
        assert votes[True] >= votes[False]


@given(st.lists(st.permutations("abcdef"), min_size=3, max_size=5))
def test_who_beats_all_others_is_first(orders):
    def beats(one, other):
        return sum(order.index(one) < order.index(other) for order in orders) * 2 > len(orders)

    winners = [one for one in "abcdef" if all(beats(one, other) for other in "abcdef" if other != one)]
    found = list(fused("condorcet", *(listed(*order) for order in orders)))
    assert not winners or found[0] == winners[0]


@pytest.mark.parametrize("name", NAMES)
def test_every_fusion_says_where_it_is_published_and_what_its_options_mean(name):
    fuser = registry.find("fusion", name)
    assert fuser.name == name
    assert any(character.isdigit() for character in fuser.paper)
    assert fuser.paper.split(",")[0] in fuser.__doc__
    assert all(f"{option}:" in fuser.__doc__ for option in registry.options("fusion", name))
