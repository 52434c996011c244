"""Everything about systems over collections in one place: what it holds, how it prints, what is refused."""

import json

import pytest

from rankify.errors import BadInput, UnknownName
from rankify.evaluation.aggregation import aggregate

SKEWED = {
    "A": {"x": 0.9, "y": 0.30, "z": 0.30},
    "B": {"x": 0.5, "y": 0.31, "z": 0.31},
    "C": {"x": 0.1, "y": 0.32, "z": 0.32},
}
PRINTED = """\
system    mean  Borda  Kemeny  place without one
A       0.5000      2       3             1 to 3
B       0.3733      3       2                  2
C       0.2467      4       1             1 to 3
3 collections, ordered by the mean.
Kemeny's order has 3 pairs against it, the fewest there can be.
Condorcet winner: C."""


def test_an_aggregation_prints_as_a_table():
    assert str(aggregate(SKEWED)) == PRINTED


@pytest.mark.parametrize(("by", "order"), [("mean", "ABC"), ("borda", "CBA"), ("kemeny", "CBA")])
def test_the_order_is_what_was_asked_for(by, order):
    found = aggregate(SKEWED, by=by)
    assert found.order == tuple(order)
    assert str(found).splitlines()[1].startswith(order[0])
    assert found.left_out[0].order == ("C", "B", "A")


def test_the_note_says_where_the_consensus_is_not_the_only_one():
    circle = {"a": {"x": 3, "y": 1, "z": 2}, "b": {"x": 2, "y": 3, "z": 1}, "c": {"x": 1, "y": 2, "z": 3}}
    assert "3 orders are as good as Kemeny's, with 4 pairs against each.\nCondorcet winner: none." in str(
        aggregate(circle)
    )
    wide = {f"s{i}": {f"c{j}": float((i - j) % 20) for j in range(20)} for i in range(20)}
    assert "by local search: " in aggregate(wide).note()
    assert "no order has below " in aggregate(wide).note()


def test_one_collection_has_nothing_to_be_left_out():
    found = aggregate({"a": {"x": 1.0}, "b": {"x": 0.5}})
    assert found.left_out == ()
    assert "place without one" not in str(found)


def test_a_named_average_counts_its_own_collections_and_their_queries():
    eight = ["trec-covid", "nfcorpus", "touche", "beir/dbpedia-entity", "scifact", "signal1m", "trec-news", "robust04"]
    table = {"a": {**dict.fromkeys(eight, 0.5), "mine": 0.0}, "b": {**dict.fromkeys(eight, 0.25), "mine": 1.0}}
    per_query = {c: {s: {"q": row[c]} for s, row in table.items()} for c in [*eight, "mine"]}
    found = aggregate(table, average="beir-8", per_query=per_query)
    assert found.mean == {"a": 0.5, "b": 0.25}
    assert found.borda == {"a": 8, "b": 0}
    assert found.borda_two_level == {"a": 8, "b": 0}
    assert found.collections[2] == "webis-touche2020"
    assert str(found).startswith("system  beir-8  Borda  Borda (queries)")
    assert aggregate(table, per_query=per_query).borda_two_level == {"a": 8, "b": 1}


def test_an_aggregation_is_plain_json():
    flat = {s: {**row, "flat": 0.5} for s, row in SKEWED.items()}
    plain = json.loads(json.dumps(aggregate(flat).as_dict(), allow_nan=False))
    assert plain["agreement"]["x"] == {"x": 1, "y": -1, "z": -1, "flat": None}
    assert plain["kemeny"]["order"] == ["C", "B", "A"]
    assert plain["mean"]["A"] == pytest.approx((0.9 + 0.3 + 0.3 + 0.5) / 4)
    assert plain["left_out"][0]["tau"] == -1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"by": "bordas"}, UnknownName, "no order of systems 'bordas'; did you mean 'borda'"),
        ({"average": "beir-8"}, BadInput, "'A' has no value for trec-covid, nfcorpus"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        aggregate(SKEWED, **options)


def test_one_system_is_none_to_compare():
    with pytest.raises(BadInput, match="two systems or more"):
        aggregate({"a": {"x": 1.0, "y": 0.5}})


@pytest.mark.parametrize(
    ("per_query", "message"),
    [
        ({"x": {}, "y": {}}, "of different collections, e.g. 'z'"),
        ({c: {"A": {"q": 1.0}, "B": {"q": 1.0}} for c in "xyz"}, "by query of 'x' are of other systems, e.g. 'C'"),
    ],
)
def test_queries_of_other_collections_or_systems_are_refused(per_query, message):
    with pytest.raises(BadInput, match=message):
        aggregate(SKEWED, per_query=per_query)


def test_queries_of_a_part_of_a_named_set_are_refused():
    eight = ["trec-covid", "nfcorpus", "touche", "dbpedia", "scifact", "signal1m", "trec-news", "robust04"]
    table = {s: dict.fromkeys(eight, v) for s, v in (("a", 0.5), ("b", 0.25))}
    few = {c: {s: {"q": row[c]} for s, row in table.items()} for c in eight[:6]}
    with pytest.raises(BadInput, match="'the values by query' has no value for trec-news, robust04"):
        aggregate(table, average="beir-8", per_query=few)
