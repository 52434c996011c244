"""Vectors in Milvus: what is found there is what exact search finds, and a collection of anything else is refused."""

import fcntl
import subprocess
import sys
from concurrent import futures

import numpy as np
import pytest

from rankify.errors import BadInput, Misuse, RankifyError
from rankify.indexes.flat import FlatIndex
from rankify.indexes.stores import StoredRows, StoreIndex, fill
from rankify.indexes.vectors import Vectors

pytest.importorskip("pymilvus", reason="pymilvus is not installed")
pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed: it has no packages for this system")

from rankify.indexes.milvus import Milvus, place

N, DIMENSION = 300, 16
RANKS = np.random.default_rng(9).permutation(N).astype(np.int32)
SAID = {"kind": "dense", "corpus": "c" * 64, "encoder": {"model": "a"}}
SAID |= {"dimension": DIMENSION, "metric": "inner product"}
SHARDS = [range(120), range(120, 200), range(200, N)]


def rows(n=N, seed=1):
    found = np.random.default_rng(seed).standard_normal((n, DIMENSION)).astype(np.float32)
    found[n // 3 : n // 2] = found[0]  # many that tie
    return found


VECTORS = Vectors([rows()], DIMENSION)
QUERIES = rows(12, seed=2)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A file of Milvus Lite that stays open, as opening one takes a moment."""
    uri = str(tmp_path_factory.mktemp("milvus") / "vectors.db")
    first = Milvus(uri, "first", DIMENSION)
    yield uri
    first.close()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A server by its address."""
    server = pytest.importorskip("milvus_lite.adapter.grpc.server")
    running, data, port = server.start_server_in_thread(str(tmp_path_factory.mktemp("cluster") / "data"))
    yield f"http://127.0.0.1:{port}"
    running.stop(grace=0)
    data.close()


def filled(uri, collection, said=SAID, shards=SHARDS, **options):
    store = Milvus(uri, collection, DIMENSION, **options)
    fill(store, said, shards, lambda positions: VECTORS.take(np.array(positions)))
    return store


def same(found, wanted):
    for (positions, scores), (their, best) in zip(found, wanted, strict=True):
        assert positions.tolist() == their.tolist()
        assert scores.tolist() == best.tolist()


@pytest.fixture(scope="module")
def store(database):
    return filled(database, "whole")


@pytest.mark.parametrize("k", [1, 10, 100, N - 1, N, 5000])
@pytest.mark.parametrize("fetched", [False, True])
def test_what_is_found_is_what_exact_search_finds_ties_and_scores_included(store, k, fetched):
    vectors = Vectors([StoredRows(store, N)], DIMENSION) if fetched else VECTORS
    same(StoreIndex(store, vectors, RANKS).search(QUERIES, k), FlatIndex(VECTORS, RANKS).search(QUERIES, k))


@pytest.mark.parametrize("most", [1, 7, 60])
def test_more_than_the_database_gives_at_once_is_asked_for_range_by_range(store, monkeypatch, most):
    monkeypatch.setattr(store, "most", most)
    queries = QUERIES[:2]
    same(StoreIndex(store, VECTORS, RANKS).search(queries, 50), FlatIndex(VECTORS, RANKS).search(queries, 50))


def test_a_cluster_by_its_address_answers_as_a_file_does(cluster):
    wanted = FlatIndex(VECTORS, RANKS).search(QUERIES, 20)
    same(StoreIndex(filled(cluster, "whole"), VECTORS, RANKS).search(QUERIES, 20), wanted)


def test_a_graph_proposes_and_exact_scores_order(database):
    store = filled(database, "graph", kind="milvus-hnsw", m=8, ef_construction=80)
    found = StoreIndex(store, VECTORS, RANKS).search(QUERIES, 10)
    wanted = FlatIndex(VECTORS, RANKS).search(QUERIES, 10)
    common = [len(set(a.tolist()) & set(b.tolist())) / 10 for (a, _), (b, _) in zip(found, wanted, strict=True)]
    assert np.mean(common) > 0.8
    for query, (positions, scores) in zip(QUERIES, found, strict=True):
        assert len(set(positions.tolist())) == 10
        assert (np.diff(scores) <= 0).all()
        np.testing.assert_allclose(scores, VECTORS.take(positions) @ query, rtol=1e-5)


def test_no_queries_and_no_rows(store, database):
    assert StoreIndex(store, VECTORS, RANKS).search(QUERIES[:0], 5) == []
    empty = filled(database, "empty", shards=[])
    none = Vectors([StoredRows(empty, 0)], DIMENSION)
    [(positions, scores)] = StoreIndex(empty, none, RANKS[:0]).search(QUERIES[:1], 5)
    assert len(positions) == len(scores) == 0


def test_rows_are_read_as_those_of_a_shard(store):
    vectors = Vectors([StoredRows(store, N)], DIMENSION)
    assert len(vectors) == N
    places = np.array([7, 3, 7, 299])
    np.testing.assert_array_equal(vectors.take(places), VECTORS.take(places))
    np.testing.assert_array_equal(np.concatenate([block for _, block in vectors.blocks(64)]), rows())
    assert Vectors([StoredRows(store, N)], DIMENSION).take(np.array([], np.int64)).shape == (0, DIMENSION)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"encoder": {"model": "b"}}, 'encoder.model "a", and "b" is asked for'),
        ({"corpus": "d" * 64}, r'corpus "c{12}\.\.\.", and "d{12}\.\.\." is asked for'),
        ({"metric": "L2"}, 'metric "inner product", and "L2" is asked for'),
    ],
)
def test_a_collection_of_something_else_is_refused_with_both_values(store, database, changed, message):
    before = store.held(None)
    with pytest.raises(BadInput, match=message) as caught:
        filled(database, "whole", {**SAID, **changed})
    assert str(caught.value).startswith(f"collection 'whole' at {database} was built with ")
    assert "give another collection=" in str(caught.value)
    assert store.held(None) == before


def test_another_dimension_is_refused_with_both_values_before_anything_is_written(store, database):
    other = Milvus(database, "whole", 8)
    with pytest.raises(BadInput, match="dimension 16, and 8 is asked for now"):
        fill(other, {**SAID, "dimension": 8}, SHARDS, lambda _: pytest.fail("encoded"))
    assert store.held(None) == N


@pytest.mark.parametrize(
    ("dimension", "metric", "message"),
    [
        (DIMENSION, "IP", "collection 'foreign' at .* was not made by Rankify"),
        (DIMENSION, "L2", "collection 'foreign' at .* was not made by Rankify"),
        (8, "IP", "built with dimension 8, and 16 is asked for"),
    ],
)
def test_a_collection_that_somebody_else_made_is_left_alone(database, dimension, metric, message):
    from pymilvus import MilvusClient

    client = MilvusClient(database)
    client.create_collection("foreign", dimension, metric_type=metric)
    try:
        with pytest.raises(BadInput, match=message):
            filled(database, "foreign")
        assert client.get_collection_stats("foreign")["row_count"] == 0
    finally:
        client.drop_collection("foreign")
        client.close()


def test_an_index_that_was_rebuilt_with_another_metric_is_refused(database):
    store = filled(database, "rebuilt")
    client, params = store._client, store._client.prepare_index_params()
    client.release_collection("rebuilt")
    client.drop_index("rebuilt", "vector")
    params.add_index("vector", index_name="vector", index_type="FLAT", metric_type="L2")
    client.create_index("rebuilt", params)
    with pytest.raises(BadInput, match='metric "L2", and "inner product" is asked for'):
        filled(database, "rebuilt")


def test_a_collection_whose_build_was_killed_before_it_had_an_index_gets_one(database, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Milvus, "_index_vectors", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            filled(database, "bare")
    same(
        StoreIndex(filled(database, "bare"), VECTORS, RANKS).search(QUERIES, 9),
        FlatIndex(VECTORS, RANKS).search(QUERIES, 9),
    )


def test_a_build_goes_on_where_it_was(database):
    asked = []

    def encoded(positions):
        asked.append(positions)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return VECTORS.take(np.array(positions))

    with pytest.raises(KeyboardInterrupt):
        fill(Milvus(database, "resumed", DIMENSION), SAID, SHARDS, encoded)
    store = Milvus(database, "resumed", DIMENSION)
    fill(store, SAID, SHARDS, encoded)
    assert asked == [SHARDS[0], SHARDS[1], SHARDS[1], SHARDS[2]]
    fill(store, SAID, SHARDS, lambda _: pytest.fail("encoded again"))
    same(StoreIndex(store, VECTORS, RANKS).search(QUERIES, 9), FlatIndex(VECTORS, RANKS).search(QUERIES, 9))


KILLED = """
import os, sys
import numpy as np
from rankify.indexes.milvus import Milvus
from rankify.indexes.stores import fill
from tests.indexes.test_milvus import SAID, SHARDS, VECTORS, DIMENSION

def encoded(positions):
    if positions == SHARDS[2]:
        os.kill(os.getpid(), 9)
    return VECTORS.take(np.array(positions))

fill(Milvus(sys.argv[1], "killed", DIMENSION), SAID, SHARDS, encoded)
"""


def test_after_a_kill_what_was_put_there_is_there(tmp_path):
    uri = str(tmp_path / "vectors.db")
    assert subprocess.run([sys.executable, "-c", KILLED, uri], check=False).returncode == -9
    asked = []
    store = Milvus(uri, "killed", DIMENSION)
    fill(store, SAID, SHARDS, lambda p: asked.append(p) or VECTORS.take(np.array(p)))
    assert asked == [SHARDS[2]]
    same(StoreIndex(store, VECTORS, RANKS).search(QUERIES, 9), FlatIndex(VECTORS, RANKS).search(QUERIES, 9))
    store.close()


def test_a_file_is_let_go_of_when_its_last_store_is_closed(tmp_path):
    uri = str(tmp_path / "deep" / "vectors.db")
    one, other = Milvus(uri, "one", DIMENSION), Milvus(uri, "other", DIMENSION)
    one.close()
    assert other.found() is None
    with (tmp_path / "deep" / "vectors.db" / "LOCK").open("r+") as lock:
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        other.close()
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as another process would
        with pytest.raises(RankifyError, match="another process may be using it") as caught:
            Milvus(uri, "one", DIMENSION)
        assert "\n" not in str(caught.value)
    Milvus(uri, "one", DIMENSION).close()


def test_a_file_is_not_asked_again_and_again_whether_it_is_there(tmp_path, monkeypatch):
    """Milvus Lite hangs up on a client that does, and a build that encodes for minutes would be lost."""
    import grpc

    seen, real = [], grpc.insecure_channel
    monkeypatch.setattr(grpc, "insecure_channel", lambda *a, **o: seen.append(dict(o["options"])) or real(*a, **o))
    Milvus(str(tmp_path / "vectors.db"), "x", DIMENSION).close()
    assert {options["grpc.keepalive_time_ms"] for options in seen} == {2**31 - 1}


def test_rows_that_the_database_lost_are_an_error(database, monkeypatch):
    monkeypatch.setattr(Milvus, "put", lambda self, positions, rows: None)
    with pytest.raises(RankifyError, match="holds 0 rows after 300 were put there"):
        filled(database, "lossy")


def test_what_nobody_serves_is_an_error_in_one_line():
    with pytest.raises(RankifyError, match=r"Milvus at 127\.0\.0\.1:9") as caught:
        Milvus("http://127.0.0.1:9", "x", DIMENSION, connecting=0.5)
    assert "\n" not in str(caught.value)


SECRET = ":".join(["root", "hunter2hunter2"])


def test_a_wrong_token_is_said_to_be_wrong_and_not_shown(monkeypatch):
    import grpc

    seen = []

    class Refusing(grpc.GenericRpcHandler):
        def service(self, details):
            seen.extend(value for key, value in details.invocation_metadata if key == "authorization")

            def refuse(request, context):
                context.abort(grpc.StatusCode.UNAUTHENTICATED, f"auth check failure: {SECRET} is wrong")

            return grpc.unary_unary_rpc_method_handler(refuse)

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Refusing()])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    monkeypatch.setenv("MY_STORE", SECRET)
    with pytest.raises(RankifyError, match="the environment variable MY_STORE holds a token") as caught:
        Milvus(f"http://127.0.0.1:{port}", "x", DIMENSION, token="MY_STORE").found()  # noqa: S106 - its name
    server.stop(0)
    assert seen
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("localhost:19530", "is no address of Milvus"),
        ("vectors.sqlite", "is no address of Milvus"),
        ("http://host/vectors.db", "is no address of Milvus"),
        ("http://root:secret@host:19530", "uri= for host holds more than an address"),
        ("http://host:19530?token=secret", "uri= for host holds more"),
    ],
)
def test_an_address_that_is_none_is_refused(uri, message):
    with pytest.raises(Misuse, match=message) as caught:
        place(uri)
    assert "secret" not in str(caught.value)


def test_a_name_that_is_none_and_a_token_instead_of_its_name_are_refused(database):
    with pytest.raises(Misuse, match="letters, digits and underscores"):
        Milvus(database, "a b'; drop", DIMENSION)
    with pytest.raises(Misuse, match="the NAME of an environment variable") as caught:
        Milvus(database, "x", DIMENSION, token=SECRET)
    assert SECRET not in str(caught.value)
