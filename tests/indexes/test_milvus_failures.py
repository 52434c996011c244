"""Milvus when it fails, over a socket: what may pass is asked again, what does not is an error in one line."""

import time
from concurrent import futures

import numpy as np
import pytest

from rankify.errors import RankifyError
from rankify.indexes.stores import fill

pytest.importorskip("pymilvus", reason="pymilvus is not installed")
pytest.importorskip("milvus_lite", reason="Milvus Lite is not installed: it has no packages for this system")

import grpc
from milvus_lite.adapter.grpc import server

from rankify.indexes import milvus
from rankify.indexes.milvus import Milvus

ROWS = np.eye(4, dtype=np.float32)
SECRET = ":".join(["root", "hunter2hunter2"])


class Between(grpc.GenericRpcHandler):
    """Passes everything on to a server, but for a method that fails so many times first."""

    def __init__(self, port):
        self.channel, self.method, self.times, self.fails = grpc.insecure_channel(f"127.0.0.1:{port}"), "", 0, None

    def service(self, details):
        def answer(request, context):
            if details.method.endswith(f"/{self.method}") and self.times > 0:
                self.times -= 1
                self.fails(context)
            return self.channel.unary_unary(details.method)(request)

        return grpc.unary_unary_rpc_method_handler(answer)


def aborts(code):
    return lambda context: context.abort(getattr(grpc.StatusCode, code), f"boom for {SECRET}")


@pytest.fixture(scope="module")
def between(tmp_path_factory):
    running, data, port = server.start_server_in_thread(str(tmp_path_factory.mktemp("cluster") / "data"))
    handler = Between(port)
    front = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler])
    handler.url = f"http://127.0.0.1:{front.add_insecure_port('127.0.0.1:0')}"
    front.start()
    yield handler
    front.stop(0)
    handler.channel.close()
    running.stop(grace=0)
    data.close()


@pytest.fixture(scope="module")
def made(between):
    store = Milvus(between.url, "vectors", 4)
    fill(store, {"dimension": 4, "metric": "inner product"}, [range(4)], lambda some: ROWS[some.start : some.stop])
    yield store
    store.close()


@pytest.fixture
def store(made, between, monkeypatch):
    monkeypatch.setattr(milvus, "LOADING", 0.3)
    monkeypatch.setattr(milvus, "REQUEST", 0.3)
    monkeypatch.setenv("MY_STORE", SECRET)
    monkeypatch.setattr(made, "token", "MY_STORE")
    yield made
    between.times = 0


@pytest.mark.parametrize("code", ["UNAVAILABLE", "INTERNAL"])
def test_what_may_pass_is_asked_again(store, between, code, monkeypatch):
    monkeypatch.setattr(milvus, "LOADING", 20.0)
    between.method, between.times, between.fails = "Search", 1, aborts(code)
    [(positions, _)] = store.propose(ROWS[2:3], 1, None)
    assert positions.tolist() == [2]


@pytest.mark.parametrize(
    "code", ["UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "DEADLINE_EXCEEDED"]
)
@pytest.mark.parametrize(
    ("method", "ask"),
    [
        ("Search", lambda store: store.propose(ROWS[:1], 1, None)),
        ("Query", lambda store: store.take(np.array([1]))),
        ("Upsert", lambda store: store.put(range(1), ROWS[:1])),
    ],
)
def test_what_does_not_pass_is_an_error_in_one_line_without_the_token(store, between, code, method, ask, capfd, caplog):
    between.method, between.times, between.fails = method, 10**6, aborts(code)
    with pytest.raises(RankifyError, match=r"Milvus at 127\.0\.0\.1:\d+: ") as caught:
        ask(store)
    assert "\n" not in str(caught.value)
    for told in (str(caught.value), *capfd.readouterr(), caplog.text):
        assert SECRET not in told


def test_silence_ends_at_the_time_out(store, between):
    between.method, between.times, between.fails = "Search", 1, lambda context: time.sleep(1.5)
    start = time.monotonic()
    with pytest.raises(RankifyError, match="Deadline Exceeded"):
        store.propose(ROWS[:1], 1, None)
    assert time.monotonic() - start < 1.4


def test_a_wrong_number_of_answers_is_an_error(store, monkeypatch):
    monkeypatch.setattr(store._client, "search", lambda *args, **options: [[]])
    with pytest.raises(RankifyError, match="answered 1 of 2 searches"):
        store.propose(ROWS[:2], 1, None)


def test_rows_that_come_in_another_order_are_put_in_order(store, monkeypatch):
    get = store._client.get
    monkeypatch.setattr(store._client, "get", lambda *args, **options: get(*args, **options)[::-1])
    np.testing.assert_array_equal(store.take(np.array([3, 0, 2])), ROWS[[3, 0, 2]])
