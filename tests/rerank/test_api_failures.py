"""API rerankers when something goes wrong: what is tried again and for how long, and who is told a key."""

import logging
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import Misuse
from rankify.remote.patience import RemoteFailed
from rankify.types import Query, Ranking, Run
from tests.rerank_server import SHAPES, judged, relevance
from tests.served import Served

pytest.importorskip("httpx")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])
KEYS = ["COHERE_API_KEY", "JINA_API_KEY", "VOYAGE_API_KEY", "MXBAI_API_KEY", "PINECONE_API_KEY", "ISAACUS_API_KEY"]
TEXTS = ["a cat", "the dog", "an aardvark"]
one = pytest.mark.parametrize("provider", ["cohere"], indirect=True)
two = pytest.mark.parametrize("provider", ["voyage", "tei"], indirect=True)


@pytest.fixture
def reranker(served, provider):
    given = {"base_url": served.url, "pause": 0.01, "timeout": 5.0}
    return lambda **options: registry.load("reranker", f"api:{provider}:m", **{**given, **options})


def run(queries=1):
    documents = [Document(f"d{i}", text) for i, text in enumerate(TEXTS)]
    return Run(Ranking(Query(f"q{i}", f"query {i}"), documents, [3, 2, 1]) for i in range(queries))


def is_right(found):
    return all(
        dict(zip(r.ids, r.scores.tolist(), strict=True))
        == {f"d{i}": relevance(r.query.text, text) for i, text in enumerate(TEXTS)}
        for r in found
    )


# what may pass


@two
@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_a_failure_that_may_pass_is_tried_again(served, reranker, provider, status):
    busy = (status, {}, {"message": "busy"})
    served.answer = lambda body, n: busy if n < 2 else judged(provider)(body, n)
    made = reranker()
    assert is_right(made(run()))
    assert (made.counts()["asked"], made.counts()["retries"]) == (3, 2)
    served.answer = lambda body, n: busy
    with pytest.raises(RemoteFailed, match=rf"answered {status} .*busy; tried 2 times"):
        reranker(retries=1)(run())


@one
def test_retry_after_in_seconds_is_waited_for(served, reranker, provider):
    later = (429, {"Retry-After": "0.3"}, {"message": "slow down"})
    served.answer = lambda body, n: later if n < 1 else judged(provider)(body, n)
    start = time.monotonic()
    assert is_right(reranker()(run()))
    assert time.monotonic() - start >= 0.3


@one
def test_retry_after_may_be_a_date(served, reranker, provider):
    then = datetime.now(timezone.utc) + timedelta(seconds=2)  # dates have no fractions, so that it is one to two
    later = (429, {"Retry-After": format_datetime(then, usegmt=True)}, b"")
    served.answer = lambda body, n: later if n < 1 else judged(provider)(body, n)
    start = time.monotonic()
    assert is_right(reranker()(run()))
    assert 0.5 <= time.monotonic() - start < 4


@one
@pytest.mark.parametrize("days", [None, 2])
def test_nobody_waits_past_the_deadline(served, reranker, days):
    date = format_datetime(datetime.now(timezone.utc) + timedelta(days=2), usegmt=True)
    served.answer = lambda body, n: (429, {"Retry-After": date if days else "3600"}, {"message": "slow down"})
    start = time.monotonic()
    with pytest.raises(RemoteFailed, match=r"slow down; tried 1 times, and the next, in \d+ s, is past deadline=600"):
        reranker()(run())
    assert time.monotonic() - start < 2
    assert len(served.bodies) == 1


@two
def test_silence_ends_at_the_time_out(served, reranker, provider):
    def late(body, number):
        if number == 0:
            time.sleep(0.3)
        return judged(provider)(body, number)

    served.answer = late
    made = reranker(timeout=0.15)
    assert is_right(made(run()))
    assert made.counts()["retries"] >= 1
    served.answer = lambda body, n: late(body, 0)
    with pytest.raises(RemoteFailed, match=r"no whole answer in 0\.15 s; tried 1 times"):
        reranker(timeout=0.15, retries=0)(run())


@one
def test_nobody_there_is_said(reranker, served):
    served.close()
    with pytest.raises(RemoteFailed, match=r"cannot connect to 127\.0\.0\.1:\d+.*base_url.*tried 2 times"):
        reranker(retries=1)(run())


@one
def test_one_query_that_is_busy_does_not_change_the_others(served, reranker, provider):
    seen, lock = set(), threading.Lock()

    def sometimes(body, number):
        with lock:
            first = body["query"] not in seen
            seen.add(body["query"])
        return (503, {}, b"") if first and body["query"] in ("query 2", "query 5") else judged(provider)(body, number)

    served.answer = sometimes
    made = reranker()
    found = made(run(9))
    assert [r.query.id for r in found] == [f"q{i}" for i in range(9)]
    assert is_right(found)
    assert (made.counts()["asked"], made.counts()["retries"]) == (11, 2)


# what will not pass


@two
@pytest.mark.parametrize("status", [401, 402, 403, 404, 409])
def test_a_refusal_is_not_tried_again_and_stops_the_run(served, reranker, status):
    served.answer = lambda body, n: (status, {}, {"message": "no such thing"})
    with pytest.raises(RemoteFailed, match=rf"answered {status} .*no such thing") as caught:
        reranker(parallel=1)(run(4))
    assert len(served.bodies) == 1
    assert "\n" not in str(caught.value)


@one
def test_a_spent_quota_is_not_waited_for(served, reranker):
    served.answer = lambda body, n: (429, {}, {"error": {"message": "pay first", "code": "insufficient_quota"}})
    with pytest.raises(RemoteFailed, match=r"429 .*pay first"):
        reranker()(run())
    assert len(served.bodies) == 1


# keys


@pytest.mark.parametrize("provider", [name for name in SHAPES if name not in ("http", "tei")], indirect=True)
def test_each_provider_has_a_variable_for_its_key(provider):
    assert registry.load("reranker", f"api:{provider}:m").client.server.key in KEYS


def test_a_providers_key_is_not_sent_to_an_address_that_stands_in_a_spec(served, reranker, monkeypatch):
    for name in KEYS:
        monkeypatch.setenv(name, SECRET)
    reranker()(run())
    assert SECRET not in str(served.headers)


@one
def test_a_named_key_is_sent(served, reranker, monkeypatch):
    monkeypatch.setenv("MY_KEY", SECRET)
    reranker(key="MY_KEY")(run())
    assert served.headers[0]["Authorization"] == f"Bearer {SECRET}"


@two
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_key_does_not_follow_a_redirect(served, reranker, provider, monkeypatch, status):
    monkeypatch.setenv("MY_KEY", SECRET)
    other = Served(judged(provider))
    served.answer = lambda body, n: (status, {"Location": other.url + SHAPES[provider][0].removeprefix("/v1")}, b"")
    try:
        with pytest.raises(RemoteFailed, match=rf"answered {status} .*check base_url="):
            reranker(key="MY_KEY")(run())
        assert other.bodies == []
    finally:
        other.close()


def test_a_key_is_told_nobody(served, reranker, provider, monkeypatch, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", SECRET)
    echo = {"message": f"Incorrect API key provided: {SECRET}. Also {SECRET[:12]}****cdef"}
    refusals = {0: (500, {}, echo), 1: (400, {}, echo)}
    served.answer = lambda body, n: refusals.get(n) or judged(provider)(body, n)
    made = reranker(key="MY_KEY", folder=str(tmp_path))
    [report] = made(run()).reports
    served.answer = lambda body, n: (401, {}, echo)
    with pytest.raises(RemoteFailed, match="MY_KEY holds another key") as caught:
        made(run(2))
    assert SECRET in str(served.headers[0])
    told = f"{caught.value!r} {made!r} {vars(made)} {vars(made.client)} {vars(made.client.server)} {report}"
    told += caplog.text + "".join(path.read_text("latin-1") for path in tmp_path.iterdir())
    assert SECRET not in told
    assert SECRET[:12] not in told


@one
@pytest.mark.parametrize("form", ["jina_{}", "pa-{}", "mxb_{}", "pcsk_{}", "iuak_v1_{}"])
def test_what_looks_like_a_providers_key_is_struck_out_of_what_a_server_says(served, reranker, form):
    secret = form.format("0123456789" * 3)
    served.answer = lambda body, n: (401, {}, {"message": f"invalid key {secret[:24]}****"})
    with pytest.raises(RemoteFailed, match=r"invalid key \*\*\*; say with") as caught:
        reranker()(run())
    assert secret[:12] not in str(caught.value)


@one
def test_a_missing_key_is_named_with_its_variable(served, reranker, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    served.answer = lambda body, n: (401, {}, {"message": "no key"})
    with pytest.raises(RemoteFailed, match="the environment variable MY_KEY is not set"):
        reranker(key="MY_KEY")(run())
    with pytest.raises(RemoteFailed, match="say with key=NAME which environment variable"):
        reranker()(run())


@one
def test_a_key_may_be_exchanged_and_scores_stay_remembered(served, reranker, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", SECRET)
    monkeypatch.setenv("OTHER_KEY", "another-secret")
    first = reranker(key="MY_KEY", folder=str(tmp_path))(run())
    assert reranker(key="OTHER_KEY", folder=str(tmp_path))(run()) == first
    assert len(served.bodies) == 1


@one
@pytest.mark.parametrize(
    "options", [{"key": SECRET}, {"extra": f'{{"api_key": "{SECRET}"}}'}, {"extra": f'{{"api_key": "{SECRET}'}]
)
def test_a_key_is_no_option(reranker, options):
    with pytest.raises(Misuse, match="environment variable") as caught:
        reranker(**options)
    assert SECRET not in str(caught.value)
