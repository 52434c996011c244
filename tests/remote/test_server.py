"""What clients of other people's servers share: how they ask, and when they stop. More in tests/llm/test_http.py."""

import threading
import time

import pytest

from rankify.errors import Misuse
from rankify.remote.patience import RemoteFailed, Workers
from rankify.remote.server import Server
from tests.served import PROXIES, Served

pytest.importorskip("httpx")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])


@pytest.fixture
def served(monkeypatch):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    server = Served(lambda body, number: (200, {}, {"hits": []}))
    yield server
    server.close()


def test_a_question_may_be_a_get_with_a_query(served):
    server = Server(served.url, key="", parallel=1)
    assert server.ask("GET", "/search?q=cat", 5.0) == {"hits": []}
    assert (served.paths, served.bodies) == (["/v1/search?q=cat"], [None])


def test_the_key_goes_where_the_server_wants_it(served, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    Server(served.url, key="MY_KEY", parallel=1, header="X-API-KEY", scheme="").post("/search", b"{}", 5.0)
    assert served.headers[0]["X-API-KEY"] == SECRET
    assert "Authorization" not in served.headers[0]


def test_an_answer_that_is_too_long_is_none(served):
    served.answer = lambda body, n: (200, {}, {"hits": ["x" * 1000]})
    with pytest.raises(RemoteFailed, match=r"127\.0\.0\.1:\d+ answered more than 500 bytes"):
        Server(served.url, key="", parallel=1, largest=500).post("/search", b"{}", 5.0)


def test_messages_call_the_address_what_the_user_calls_it(served):
    with pytest.raises(Misuse, match=r"^url='nowhere' is no address"):
        Server("nowhere", key="", parallel=1, option="url")
    served.answer = lambda body, n: (404, {}, b"")
    with pytest.raises(RemoteFailed, match="check url=http"):
        Server(served.url, key="", parallel=1, option="url").post("/search", b"{}", 5.0)


@pytest.mark.parametrize("parallel", [1, 3])
def test_after_a_refusal_nothing_more_is_asked(parallel):
    asked, lock = [], threading.Lock()

    def ask(item, stopped):
        with lock:
            asked.append(item)
        if item == 0:
            raise RemoteFailed("refused")
        time.sleep(0.05)

    with pytest.raises(RemoteFailed, match="refused"):
        Workers(parallel).each(ask, range(50))
    time.sleep(0.1)
    assert len(asked) <= parallel
