"""Vectors in Elasticsearch and OpenSearch: what is found is what exact search finds, in each one's own words."""

import numpy as np
import pytest

from rankify.errors import BadInput, Misuse, RankifyError
from rankify.indexes.elastic import Elastic
from rankify.indexes.elastic_vectors import ElasticVectors
from rankify.indexes.flat import FlatIndex
from rankify.indexes.stores import StoredRows, StoreIndex, fill
from rankify.indexes.vectors import Vectors
from tests.elastic_server import ElasticStandIn

pytest.importorskip("httpx")

N, DIMENSION = 120, 16
RANKS = np.random.default_rng(9).permutation(N).astype(np.int32)
SAID = {"kind": "dense", "corpus": "c" * 64, "dimension": DIMENSION, "metric": "inner product"}
SHARDS = [range(50), range(50, N)]
CLUSTERS = [("elasticsearch", "8.15.0"), ("elasticsearch", "9.2.1"), ("opensearch", "2.11.0")]


def rows(n=N, seed=1):
    found = np.random.default_rng(seed).standard_normal((n, DIMENSION)).astype(np.float32)
    found[n // 3 : n // 2] = found[0]  # many that tie
    return found


VECTORS = Vectors([rows()], DIMENSION)
QUERIES = rows(6, seed=2)


@pytest.fixture(params=CLUSTERS, ids="-".join)
def server(request):
    stand_in = ElasticStandIn(*request.param)
    yield stand_in
    stand_in.close()


def filled(server, name="vectors", said=SAID, dimension=DIMENSION, **options):
    store = ElasticVectors(Elastic(server.url, pause=0.01), name, dimension, **options)
    fill(store, said, SHARDS, lambda positions: VECTORS.take(np.array(positions)))
    return store


def same(found, wanted):
    for (positions, scores), (their, best) in zip(found, wanted, strict=True):
        assert positions.tolist() == their.tolist()
        assert scores.tolist() == best.tolist()


@pytest.mark.parametrize("kind", ["elastic", "elastic-hnsw"])
def test_what_is_found_is_what_exact_search_finds_ties_and_scores_included(server, kind):
    store = filled(server, kind=kind)
    fetched = Vectors([StoredRows(store, N)], DIMENSION)
    for k in (1, 10, N, 500) if kind == "elastic" else (N,):  # the stand-in's graph is exact, but ties at k are its own
        same(StoreIndex(store, fetched, RANKS).search(QUERIES, k), FlatIndex(VECTORS, RANKS).search(QUERIES, k))


@pytest.mark.parametrize("k", [1, 5, 30])
def test_more_ties_at_the_last_place_than_were_asked_for_are_all_looked_at(server, k):
    store, twin = filled(server), VECTORS.take(np.array([0, 45]))
    same(StoreIndex(store, VECTORS, RANKS).search(twin, k), FlatIndex(VECTORS, RANKS).search(twin, k))


def test_scores_are_read_back_as_the_products_they_were_made_of():
    positions, products = ElasticVectors._hit([{"_id": "3", "_score": 2.5}, {"_id": "1", "_score": 0.25}])
    assert positions.tolist() == [3, 1]
    assert products.tolist() == [1.5, -3.0]


def test_vectors_that_come_in_another_order_are_put_in_order(server, monkeypatch):
    store, mget = filled(server), ElasticStandIn.mget
    monkeypatch.setattr(ElasticStandIn, "mget", lambda self, i, b: {"docs": mget(self, i, b)["docs"][::-1]})
    places = np.array([7, 3, 119])
    np.testing.assert_array_equal(store.take(places), VECTORS.take(places))


def test_more_than_the_cluster_gives_at_once_is_asked_for_range_by_range(server, monkeypatch):
    store = filled(server)
    monkeypatch.setattr(store, "most", 7)
    same(StoreIndex(store, VECTORS, RANKS).search(QUERIES, 50), FlatIndex(VECTORS, RANKS).search(QUERIES, 50))


def test_each_is_asked_in_its_own_words(server):
    filled(server, "exact")
    filled(server, "graph", kind="elastic-hnsw", m=8, ef_construction=50)
    exact, graph = (server.indices[name] for name in ("exact", "graph"))
    field = graph["mappings"]["properties"]["vector"]
    if server.kind == "opensearch":
        assert exact["mappings"]["properties"]["vector"] == {"type": "knn_vector", "dimension": 16}
        assert field["method"] == {
            "name": "hnsw", "engine": "faiss", "space_type": "innerproduct",
            "parameters": {"m": 8, "ef_construction": 50},
        }  # fmt: skip
        assert graph["settings"]["index.knn"] is True
    else:
        assert exact["mappings"]["properties"]["vector"] == {"type": "dense_vector", "dims": 16, "index": False}
        assert field["similarity"] == "max_inner_product"
        assert field["index_options"] == {"type": "hnsw", "m": 8, "ef_construction": 50}
        assert ("index.mapping.exclude_source_vectors" in exact["settings"]) == (server.version == "9.2.1")


@pytest.mark.parametrize(
    ("said", "dimension", "message"),
    [
        ({"corpus": "d" * 64}, DIMENSION, r'built with corpus "c{12}\.\.\.", and "d{12}\.\.\." is asked for'),
        ({"dimension": 8}, 8, "built with dimension 16, and 8 is asked for"),
        ({"metric": "L2"}, DIMENSION, 'built with metric "inner product", and "L2" is asked for'),
    ],
)
def test_an_index_of_something_else_is_refused_with_both_values(server, said, dimension, message):
    filled(server)
    before = len(server.asked)
    with pytest.raises(BadInput, match=message) as caught:
        filled(server, said={**SAID, **said}, dimension=dimension)
    assert str(caught.value).startswith(f"index 'vectors' of {server.kind} ")
    assert {method for method, *_ in server.asked[before:]} == {"GET"}


def test_an_index_with_another_metric_or_of_somebody_else_is_refused(server):
    filled(server, kind="elastic-hnsw")
    field = server.indices["vectors"]["mappings"]["properties"]["vector"]
    field.get("method", field).update({"space_type": "l2", "similarity": "l2_norm"})
    with pytest.raises(BadInput, match=r'metric "l2(_norm)?", and "inner product" is asked for'):
        filled(server, kind="elastic-hnsw")
    del server.indices["vectors"]["mappings"]["_meta"]
    with pytest.raises(BadInput, match="was not made by Rankify"):
        filled(server)


def test_a_build_goes_on_where_it_was(server):
    asked = []

    def encoded(positions):
        asked.append(positions)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return VECTORS.take(np.array(positions))

    for stops in (True, False):
        store = ElasticVectors(Elastic(server.url), "vectors", DIMENSION)
        if stops:
            with pytest.raises(KeyboardInterrupt):
                fill(store, SAID, SHARDS, encoded)
        else:
            fill(store, SAID, SHARDS, encoded)
    assert asked == [SHARDS[0], SHARDS[1], SHARDS[1]]


def test_a_vector_that_is_not_there_is_named(server):
    store = filled(server)
    del server.indices["vectors"]["docs"]["7"]
    with pytest.raises(RankifyError, match="has no vector at position 7"):
        store.take(np.array([3, 7]))


@pytest.mark.parametrize(
    ("kind", "version"), [("elasticsearch", "7.17.0"), ("elasticsearch", "8.4.0"), ("opensearch", "1.3.0")]
)
def test_what_is_too_old_for_inner_products_is_refused(kind, version):
    server = ElasticStandIn(kind, version)
    with pytest.raises(BadInput, match=rf"{kind} .* takes elasticsearch 8\.11 or opensearch 2\.0, or later"):
        ElasticVectors(Elastic(server.url), "vectors", DIMENSION)
    server.close()


@pytest.mark.parametrize("name", ["", "_all", "a b", "a,b", "*", "-x", "a/b"])
def test_a_name_that_no_index_can_have_is_refused(server, name):
    with pytest.raises(Misuse, match="is no name of an index"):
        ElasticVectors(Elastic(server.url), name, DIMENSION)
