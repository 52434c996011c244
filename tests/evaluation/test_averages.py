"""Averages that have a name: published figures, other names of collections, and what is missing is named.

beir.csv: nDCG@10 of Pyserini's reproductions, castorini/pyserini@0a0be296, pyserini/2cr/beir.yaml.
"""

import csv
import math
from pathlib import Path

import pytest

from rankify import catalog
from rankify.errors import BadInput, UnknownName
from rankify.evaluation.averages import averages, canonical, complete, over, parts
from rankify.evaluation.votes import mean

ROWS = list(csv.DictReader((Path(__file__).parent / "beir.csv").read_text("utf-8").splitlines()))
BEIR = {system: {row["collection"]: float(row[system]) for row in ROWS} for system in ROWS[0] if system != "collection"}
PUBLISHED = {
    "bm25-flat": (0.4370, 0.4274, 0.4244, 0.3780),
    "bm25-multifield": (0.4477, 0.4371, 0.4288, 0.3795),
    "splade-pp-ed": (0.5054, 0.4931, 0.4769, 0.4225),
    "contriever": (0.3752, 0.3687, 0.3534, 0.3271),
    "contriever-msmarco": (0.4734, 0.4643, 0.4479, 0.4090),
    "bge-base-en-v1.5.faiss": (0.5501, 0.5411, 0.5091, 0.4767),
}
# castorini/first_mistral's card: the original FIRST, and the reproduction
FIRST = {
    "climate-fever": (0.2672, 0.2417), "dbpedia": (0.5092, 0.5033), "fever": (0.8164, 0.8413), "fiqa": (0.4223, 0.4778),
    "hotpotqa": (0.7424, 0.7705), "msmarco": (0.4425, 0.4512), "nfcorpus": (0.3725, 0.3816), "nq": (0.6638, 0.6985),
    "scidocs": (0.2047, 0.2110), "scifact": (0.7459, 0.7769), "trec-covid": (0.7913, 0.7666),
}  # fmt: skip


@pytest.mark.parametrize(("place", "average"), enumerate(["beir-13", "beir-14", "beir-18", "beir-29"]))
def test_the_averages_of_published_systems_are_the_published_ones(place, average):
    found = mean(over(BEIR, average))
    assert {s: round(v, 4) for s, v in found.items()} == {s: row[place] for s, row in PUBLISHED.items()}


def test_the_average_of_eleven_is_that_of_first():
    table = {name: {c: row[i] for c, row in FIRST.items()} for i, name in enumerate(("first", "again"))}
    assert {s: round(v, 4) for s, v in mean(over(table, "beir-11")).items()} == {"first": 0.5435, "again": 0.5564}


def test_a_name_says_how_many_collections_there_are():
    for name, average in averages().items():
        assert name == f"beir-{len({*average.of})}" == f"beir-{len(average.of)}"
        assert all(canonical(member) == member for member in average.of)
    assert {*averages()["beir-18"].of} - {*averages()["beir-14"].of} == {
        "bioasq", "signal1m", "trec-news", "robust04",
    }  # fmt: skip
    assert {*averages()["beir-15"].of} - {*averages()["beir-14"].of} == {"msmarco"}
    assert {*averages()["beir-14"].of} - {*averages()["beir-13"].of} == {"cqadupstack"}


def test_cqadupstack_is_the_mean_of_its_twelve_forums():
    found = {s: round(row["cqadupstack"], 4) for s, row in over(BEIR, "beir-14").items()}
    assert found == dict(zip(PUBLISHED, (0.3021, 0.2987, 0.3335, 0.2842, 0.3454, 0.4237), strict=True))
    forums = parts()["cqadupstack"]
    assert len(forums) == 12
    whole = {c: v for c, v in BEIR["contriever"].items() if c not in forums} | {"cqadupstack": 0.2842}
    assert over({"s": whole}, "beir-14")["s"]["cqadupstack"] == 0.2842


def test_every_collection_of_the_catalogue_is_known_by_its_name():
    for name, entry in catalog.datasets().items():
        if name.startswith("beir/") or name == "msmarco/dev":
            assert canonical(name), name
            assert all(canonical(alias) == canonical(name) for alias in entry.get("aliases", []))
    assert {"/".join(("beir", *n.split("-", 1))) for n in parts()["cqadupstack"]} == {
        *catalog.datasets()["beir/cqadupstack"]["parts"]
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [("beir/webis-touche2020", "webis-touche2020"), ("Touche2020", "webis-touche2020"), ("TRECCOVID", "trec-covid"),
     ("CQADupstackTexRetrieval", "cqadupstack-tex"), ("beir-v1.0.0-fiqa", "fiqa"), ("FiQA2018", "fiqa"),
     ("MSMARCO", "msmarco"), ("scifact-dev", None), ("mine", None)],
)  # fmt: skip
def test_collections_go_by_several_names(given, name):
    assert canonical(given) == name


def without(*names, **more):
    return {"s": {c: v for c, v in BEIR["contriever"].items() if c not in names} | more}


@pytest.mark.parametrize(
    ("table", "average", "message"),
    [
        (without("nq", "fever"), "beir-13", "'s' has no value for nq, fever; beir-13 is over 13 collections"),
        (without("cqadupstack-tex"), "beir-14", "'s' has no value for cqadupstack-tex; beir-14"),
        (without(*parts()["cqadupstack"]), "beir-18", "has no value for cqadupstack; beir-18"),
        (without(), "beir-15", "has no value for msmarco; beir-15"),
        (without(cqadupstack=0.3), "beir-14", "cqadupstack as a whole and in parts, e.g. cqadupstack-android"),
        (without(SciFact=0.3), "beir-13", "has scifact twice: as 'scifact' and as 'SciFact'"),
        (without(fiqa=math.nan), "beir-13", "'s' has nan for fiqa"),
    ],
)
def test_an_average_is_never_of_fewer(table, average, message):
    with pytest.raises(BadInput, match=message):
        over(table, average)


def test_an_unknown_average_is_an_error_with_the_near_ones():
    with pytest.raises(UnknownName, match="no average 'beir-12'; did you mean 'beir-"):
        over(BEIR, "beir-12")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "nothing to aggregate"),
        ({"a": {}}, "nothing to aggregate"),
        ({"a": {"x": 1.0, "y": 1.0}, "b": {"x": 1.0}}, "'b' has no value for y"),
        ({"a": {"x": 1.0}, "b": {"x": math.inf}}, "'b' has inf for x"),
    ],
)
def test_a_plain_mean_is_never_of_fewer_either(table, message):
    with pytest.raises(BadInput, match=message):
        complete(table)
