"""What clients of other people's servers share: how they ask, and when they stop. More in tests/llm/test_http.py."""

import socket
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from rankify.errors import Misuse
from rankify.remote.patience import Again, Patience, RemoteFailed, Workers, scrubbed, seconds_asked
from rankify.remote.server import Server
from tests.served import PROXIES, Served

pytest.importorskip("httpx")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])


@pytest.fixture
def served(serving):
    return serving(lambda body, number: (200, {}, {"hits": []}))


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


def test_a_redirect_is_not_followed_and_takes_no_key_along(served, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    other = Served(lambda body, number: (200, {}, {"hits": []}))
    try:
        for status in (301, 302, 307, 308):
            served.answer = lambda body, n, status=status: (status, {"Location": other.url}, b"")
            with pytest.raises(RemoteFailed, match=f"answered {status} .*check base_url=http://127"):
                Server(served.url, key="MY_KEY", parallel=1).post("/search", b"{}", 5.0)
        assert other.headers == []
    finally:
        other.close()


@pytest.mark.parametrize("status", [200, 400])
def test_an_answer_that_is_nested_without_end_is_none(served, status):
    served.answer = lambda body, n: (status, {}, b"[" * 200_000)
    with pytest.raises((Again, RemoteFailed), match=r"127\.0\.0\.1:\d+ answered "):
        Server(served.url, key="", parallel=1).post("/search", b"{}", 5.0)


def test_a_key_in_the_phrase_of_a_status_is_struck_out(monkeypatch):
    monkeypatch.setenv("ODD_ONE", SECRET)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def answer():
            connection, _ = listening.accept()
            connection.recv(65536)
            connection.sendall(f"HTTP/1.1 401 bad {SECRET}\r\nContent-Length: 0\r\n\r\n".encode())
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(RemoteFailed, match=r"answered 401 bad \*\*\*") as caught:
            Server(f"http://127.0.0.1:{port}", key="ODD_ONE", parallel=1).post("/search", b"{}", 5.0)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:99999/v1", "http://localhost:x/v1", "http://[::1/v1", "http://local host/v1", "http://a\nb/v1",
        "http:///v1", "ftp://localhost", "http://me:geheim@localhost:99999/v1",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_in_one_line(url):
    with pytest.raises(Misuse, match=r"is no address; write e\.g\. http://localhost:8000/v1") as caught:
        Server(url, key="", parallel=1)
    assert "\n" not in str(caught.value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d", "jina_0123456789abcdef", "AIzaSyA0123456789abc"]
)
def test_a_key_that_looks_like_a_name_is_not_taken_for_one(key):
    with pytest.raises(Misuse, match="the NAME of an environment variable") as caught:
        Server("http://localhost", key=key, parallel=1)
    assert key not in str(caught.value)


def test_a_variable_in_small_letters_is_a_name_where_it_is_there(monkeypatch):
    monkeypatch.setenv("my_key", SECRET)
    assert Server("http://localhost", key="my_key", parallel=1).key == "my_key"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("3", 3.0), ("0.5", 0.5), ("-4", 0.0), ("nan", 0.0), ("inf", float("inf")), ("soon", 0.0), ("", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0), ("Fri, 31 Dec 99999 23:59:59 GMT", 0.0),
        ("Fri, 31 Dec 1999 23:59:59 +99999999999999999999", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_read_whatever_it_says(said, seconds):
    assert seconds_asked(said) == seconds


@pytest.mark.parametrize("form", ["%a, %d %b %Y %H:%M:%S", "%a, %d %b %Y %H:%M:%S -0000", "%a %b %d %H:%M:%S %Y"])
def test_a_date_without_a_zone_is_in_utc_as_all_dates_of_http_are(form):
    then = datetime.now(timezone.utc) + timedelta(seconds=100)
    assert 90 < seconds_asked(then.strftime(form)) <= 100


@pytest.mark.parametrize(
    "echo", ["AIzaSyA0123****", "jina_0123456****", "tvly-dev-0123***", "pa-0123456789abcdefghijkl", "Bearer abcdefgh"]
)
def test_what_looks_like_a_key_is_struck_out(echo):
    assert echo.removeprefix("Bearer ") not in scrubbed(f"API key not valid: {echo}")


@pytest.mark.parametrize("text", ["jina-embeddings-v3", "pa-per", "a skill", "voyage-4-large"])
def test_what_is_no_key_is_left(text):
    assert scrubbed(text) == text


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


def test_a_server_that_asks_for_less_than_the_pause_is_left_alone_for_the_pause():
    tries = iter([Again("busy", 0.001)])

    def ask(_left):
        for failure in tries:
            raise failure
        return "answer"

    start = time.monotonic()
    assert Patience(1, 0.2, 60).answer(ask, threading.Event()) == "answer"
    assert time.monotonic() - start >= 0.1
