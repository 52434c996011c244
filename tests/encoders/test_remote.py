"""Encoders behind a server, against a real socket: what they send, what they read, and what they never believe."""

import json
import logging
import subprocess
import sys
import time

import numpy as np
import pytest

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadReply, Misuse, UnknownName
from rankify.remote.patience import RemoteFailed

pytest.importorskip("httpx")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])
PROVIDERS = ["openai", "http", "cohere", "voyage", "jina", "gemini"]
NUMBERED = ["openai", "http", "voyage", "jina"]
two = pytest.mark.parametrize(
    "provider", ["openai", "cohere"], indirect=True
)  # for what no provider has its own way of


def vector(text):
    """Four numbers that differ from text to text."""
    return [float(len(text) % 7 + 1), float(text.count("a") + 1), float(sum(map(ord, text)) % 11 + 1), 1.0]


def texts_of(body):
    """The texts of a request, whichever provider's."""
    if "requests" in body:
        return [each["content"]["parts"][0]["text"] for each in body["requests"]]
    return body.get("input") or body["texts"]


def answer(provider, texts, vectors=None):
    """What a provider answers."""
    vectors = [vector(text) for text in texts] if vectors is None else vectors
    if provider == "cohere":
        said = {"embeddings": {"float": vectors}, "texts": texts, "meta": {"billed_units": {"input_tokens": 9}}}
    elif provider == "gemini":
        said = {"embeddings": [{"values": values} for values in vectors]}
    else:
        said = {"data": [{"index": i, "embedding": v} for i, v in enumerate(vectors)], "usage": {"total_tokens": 9}}
    return 200, {}, said


def right(texts):
    """The vectors as they should come back, their lengths 1."""
    rows = np.array([vector(text) for text in texts])
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return request.param


@pytest.fixture
def served(serving, provider):
    return serving(lambda body, number: answer(provider, texts_of(body)))


@pytest.fixture
def encoder(served, provider):
    given = {"base_url": served.url, "pause": 0.01, "timeout": 5.0}
    return lambda **options: registry.load("encoder", f"{provider}:m", **{**given, **options})


# what is sent


SENT = {
    "openai": ("/v1/embeddings", {"model": "m", "input": ["a cat"], "encoding_format": "float"}, None, "dimensions"),
    "http": ("/v1/embeddings", {"model": "m", "input": ["a cat"], "encoding_format": "float"}, None, "dimensions"),
    "voyage": (
        "/v1/embeddings", {"model": "m", "input": ["a cat"], "truncation": True},
        ("input_type", "query", "document"), "output_dimension",
    ),
    "jina": (
        "/v1/embeddings", {"model": "m", "input": ["a cat"], "truncate": True, "embedding_type": "float"},
        ("task", "retrieval.query", "retrieval.passage"), "dimensions",
    ),
    "cohere": (
        "/v1/embed", {"model": "m", "texts": ["a cat"], "embedding_types": ["float"], "truncate": "END"},
        ("input_type", "search_query", "search_document"), "output_dimension",
    ),
}  # fmt: skip


@pytest.mark.parametrize("provider", SENT, indirect=True)
@pytest.mark.parametrize("query", [True, False])
def test_a_request_is_what_the_provider_documents(served, encoder, provider, query):
    path, wanted, kind, dimensions = SENT[provider]
    made = encoder(dimensions=4)
    made.encode_queries(["a cat"]) if query else made.encode_documents([Document("1", "cat", "a")])
    kinds = {kind[0]: kind[1] if query else kind[2]} if kind else {}
    assert served.paths == [path]
    assert served.bodies == [{**wanted, **kinds, dimensions: 4}]


@pytest.mark.parametrize("provider", ["gemini"], indirect=True)
def test_gemini_is_asked_for_a_batch(served, encoder):
    encoder(dimensions=4).encode_queries(["a cat", "dog"])
    one = {"model": "models/m", "taskType": "RETRIEVAL_QUERY", "outputDimensionality": 4}
    parts = [{**one, "content": {"parts": [{"text": text}]}} for text in ("a cat", "dog")]
    assert served.paths == ["/v1/models/m:batchEmbedContents"]
    assert served.bodies == [{"requests": parts}]


def test_prefixes_kinds_and_further_fields_can_be_given(served, encoder, provider):
    options = {
        "query_prefix": "q: ",
        "document_prefix": "d: ",
        "extra": '{"user": "me"}',
        "document_type": "clustering",
    }
    made = encoder(**options)
    made.encode_queries(["cat"])
    made.encode_passages(["cat"])
    assert [texts_of(body) for body in served.bodies] == [["q: cat"], ["d: cat"]]
    assert all(body["user"] == "me" for body in served.bodies)
    assert "clustering" in json.dumps(served.bodies[1])
    assert "clustering" not in json.dumps(served.bodies[0])


@pytest.mark.parametrize(
    ("provider", "header", "value"),
    [("openai", "Authorization", f"Bearer {SECRET}"), ("gemini", "x-goog-api-key", SECRET)],
    indirect=["provider"],
)
def test_a_named_key_is_sent_as_the_provider_wants_it(served, encoder, monkeypatch, header, value):
    monkeypatch.setenv("MY_KEY", SECRET)
    encoder(key="MY_KEY").encode_queries(["cat"])
    assert {k.lower(): v for k, v in served.headers[0].items()}[header.lower()] == value


def test_a_providers_key_is_not_sent_to_an_address_that_stands_in_a_spec(served, encoder, monkeypatch):
    for name in ("OPENAI", "COHERE", "VOYAGE", "JINA", "GEMINI"):
        monkeypatch.setenv(f"{name}_API_KEY", SECRET)
    encoder().encode_queries(["cat"])
    assert SECRET not in str(served.headers)


@pytest.mark.parametrize("provider", ["openai", "http"], indirect=True)
def test_openais_address_may_stand_in_the_environment(served, provider, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", served.url)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    made = registry.load("encoder", f"{provider}:m")
    made.encode_queries(["cat"])
    assert served.headers[0]["Authorization"] == f"Bearer {SECRET}"
    assert f"base_url={served.url}" in repr(made)


# what comes back


def test_vectors_come_in_the_order_of_the_texts_with_length_1(encoder):
    texts = [f"text {'a' * i}" for i in range(23)]
    found = encoder(batch=4).encode_passages(texts)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, right(texts), atol=1e-6)


@two
def test_lengths_may_stay_as_they_are(encoder):
    found = encoder(normalize=False)
    np.testing.assert_allclose(found.encode_passages(["cat"]), [vector("cat")], atol=1e-6)
    assert found.similarity == "dot"


@two
def test_together_as_one_by_one(encoder):
    texts = ["cat", "", "a dog", "cat", "猫", "half \ud83d"]
    together = encoder(batch=2).encode_queries(texts)
    np.testing.assert_array_equal(together, np.vstack([encoder().encode_queries([text]) for text in texts]))


@two
def test_equal_texts_are_asked_once_and_blank_ones_never(served, encoder):
    found = encoder(query_prefix="q: ").encode_queries(["cat", " \n", "dog", "cat", ""])
    assert texts_of(served.bodies[0]) == ["q: cat", "q: dog"]
    assert len(served.bodies) == 1
    np.testing.assert_array_equal(found[0], found[3])
    np.testing.assert_array_equal(found[[1, 4]], np.zeros((2, 4)))


@two
def test_nothing_is_asked_for_no_texts(served, encoder):
    made = encoder(dimensions=4)
    assert made.encode_queries([]).shape == (0, 4)
    assert made.encode_queries(["", ""]).shape == (2, 4)
    assert served.bodies == []


@two
def test_an_unknown_dimension_is_asked_for_once(served, encoder):
    made = encoder()
    assert (made.dimension, made.dimension) == (4, 4)
    assert made.encode_queries([]).shape == (0, 4)
    assert len(served.bodies) == 1


@pytest.mark.parametrize("provider", [*NUMBERED, "cohere"], indirect=True)
def test_reordered_replies_are_put_in_order(served, encoder, provider):
    def backwards(body, number):
        status, headers, said = answer(provider, texts_of(body))
        if provider == "cohere":
            said = {"embeddings": {"float": said["embeddings"]["float"][::-1]}, "texts": said["texts"][::-1]}
            return status, headers, said
        return status, headers, {**said, "data": said["data"][::-1]}

    served.answer = backwards
    texts = ["cat", "a dog", "aaa"]
    np.testing.assert_allclose(encoder().encode_passages(texts), right(texts), atol=1e-6)


# what is not believed


def test_a_wrong_number_of_vectors_is_refused(served, encoder, provider):
    served.answer = lambda body, n: answer(provider, texts_of(body)[:-1])
    with pytest.raises(BadReply, match=rf"127\.0\.0\.1:\d+ \({provider}:m\) answered 2 vectors for 3 texts"):
        encoder().encode_passages(["a", "b", "c"])
    assert len(served.bodies) == 1


@pytest.mark.parametrize("provider", NUMBERED, indirect=True)
@pytest.mark.parametrize("indices", [[0, 0, 2], [1, 2, 3], [0, 1, None], ["0", "1", "2"]])
def test_vectors_that_cannot_be_told_apart_are_refused(served, encoder, provider, indices):
    entries = [{"index": i, "embedding": [1.0, 2.0]} for i in indices]
    served.answer = lambda body, n: (200, {}, {"data": entries})
    with pytest.raises(BadReply, match=rf"\({provider}:m\) numbered its 3 vectors {indices[0]}, .*not known"):
        encoder().encode_passages(["a", "b", "c"])


@pytest.mark.parametrize("provider", ["openai", "cohere", "gemini"], indirect=True)
@pytest.mark.parametrize(
    ("vectors", "complaint"),
    [
        ([[1.0, 2.0], [1.0]], "several lengths"),
        ([[1.0, 2.0], [1.0, float("nan")]], "not finite"),
        ([[1.0, 2.0], [1.0, float("inf")]], "not finite"),
        ([[1.0, 2.0], [1.0, None]], "not finite"),
        ([[1.0, 2.0], [1.0, 1e39]], "not finite"),
        ([[1.0, 2.0], [1.0, 10**400]], "other than numbers"),
        ([[1.0, 2.0], [1.0, [2.0]]], "several lengths"),
        ([[1.0, 2.0], {"a": 1.0}], "other than numbers"),
        ([[[1.0]], [[2.0]]], "in place of vectors"),
        ([[1.0, 2.0], ["x", "y"]], "other than numbers"),
        ([[], []], "in place of vectors"),
        ([1.0, 2.0], "in place of vectors"),
    ],
)
def test_what_are_no_vectors_is_refused(served, encoder, provider, vectors, complaint):
    served.answer = lambda body, n: answer(provider, texts_of(body), vectors)
    with pytest.raises(BadReply, match=rf"\({provider}:m\) .*{complaint}"):
        encoder().encode_passages(["a", "b"])


def test_a_wrong_dimension_is_refused_with_both_named(served, encoder, provider):
    with pytest.raises(BadReply, match=rf"\({provider}:m\) answered vectors of dimension 4, not of 5"):
        encoder(dimensions=5).encode_passages(["a"])
    made = encoder()
    assert made.dimension == 4
    served.answer = lambda body, n: answer(provider, texts_of(body), [[1.0, 2.0]])
    with pytest.raises(BadReply, match="dimension 2, not of 4"):
        made.encode_passages(["b"])


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param((200, {"Content-Length": "5000"}, b'{"data": [{"index": 0, "embed'), id="cut-off"),
        pytest.param((200, {}, b'{"data": [{"index": 0, "embed'), id="half JSON"),
        pytest.param((200, {}, {"error": {"message": "overloaded"}}), id="an error"),
        pytest.param((200, {}, {"data": ["strange"], "embeddings": ["strange"]}), id="no vectors"),
        pytest.param((200, {}, ["strange"]), id="a list"),
    ],
)
def test_what_is_no_whole_answer_is_tried_again_and_then_said(served, encoder, provider, broken):
    served.answer = lambda body, n: broken if n < 1 else answer(provider, texts_of(body))
    np.testing.assert_allclose(encoder().encode_passages(["cat"]), right(["cat"]), atol=1e-6)
    served.answer = lambda body, n: broken
    with pytest.raises(RemoteFailed, match=r"127\.0\.0\.1.*tried 2 times"):
        encoder(retries=1).encode_passages(["cat"])


@pytest.mark.parametrize("provider", ["openai", "cohere", "gemini"], indirect=True)
@pytest.mark.parametrize("said", ["many", [1], {"a": 1}, float("nan"), float("inf")])
def test_a_number_of_tokens_that_is_none_is_no_answer(served, encoder, provider, said):
    def strange(body, number):
        status, headers, whole = answer(provider, texts_of(body))
        more = {"usage": {"total_tokens": said}, "meta": {"billed_units": {"input_tokens": said}}}
        return status, headers, {**whole, **more, "usageMetadata": {"promptTokenCount": said}}

    served.answer = strange
    with pytest.raises(RemoteFailed, match="which are no vectors; tried 1 times"):
        encoder(retries=0).encode_passages(["cat"])


@pytest.mark.parametrize(
    "entries", [None, 3, {}, [[1.0]], [None], [{"index": 0}], [{"index": [0], "embedding": [1.0]}]]
)
@pytest.mark.parametrize("provider", NUMBERED, indirect=True)
def test_entries_that_are_none_are_no_answer(served, encoder, provider, entries):
    served.answer = lambda body, n: (200, {}, {"data": entries})
    with pytest.raises((RemoteFailed, BadReply), match=rf"\({provider}:m\) answered .*(no vectors|for 1 texts)"):
        encoder(retries=0).encode_passages(["cat"])


# what may pass


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_failure_that_may_pass_is_tried_again(served, encoder, provider, status):
    busy = (status, {}, {"error": {"message": "busy"}})
    served.answer = lambda body, n: busy if n < 2 else answer(provider, texts_of(body))
    made = encoder()
    np.testing.assert_allclose(made.encode_passages(["cat"]), right(["cat"]), atol=1e-6)
    assert (made.counted["asked"], made.counted["retries"]) == (3, 2)
    served.answer = lambda body, n: busy
    with pytest.raises(RemoteFailed, match=rf"answered {status} .*busy; tried 2 times"):
        encoder(retries=1).encode_passages(["dog"])


@pytest.mark.parametrize("provider", ["voyage"], indirect=True)
def test_retry_after_is_waited_for_but_not_past_the_deadline(served, encoder, provider):
    later = (429, {"Retry-After": "0.3"}, b"")
    served.answer = lambda body, n: later if n < 1 else answer(provider, texts_of(body))
    start = time.monotonic()
    encoder().encode_passages(["cat"])
    assert time.monotonic() - start >= 0.3
    served.answer = lambda body, n: (429, {"Retry-After": "3600"}, {"detail": "slow down"})
    with pytest.raises(RemoteFailed, match="slow down; tried 1 times, and the next, in 3600 s, is past deadline=600"):
        encoder().encode_passages(["cat"])


@pytest.mark.parametrize("later", ["1e12", "inf", "Fri, 31 Dec 9998 23:59:59 GMT"])
@two
def test_a_retry_after_without_end_is_an_error_at_once(served, encoder, later):
    served.answer = lambda body, n: (429, {"Retry-After": later}, {"message": "slow down"})
    start = time.monotonic()
    with pytest.raises(RemoteFailed, match=r"slow down; tried 1 times, and the next, in .* is past deadline=600"):
        encoder().encode_passages(["cat"])
    assert time.monotonic() - start < 5


@two
def test_a_retry_after_that_says_nothing_legible_is_none(served, encoder, provider):
    for later in ("nan", "soon", "-5"):
        served.bodies.clear()
        served.answer = lambda body, n, later=later: (
            (429, {"Retry-After": later}, b"") if n < 1 else answer(provider, texts_of(body))
        )
        assert encoder().encode_passages(["cat"]).shape == (1, 4)


def test_silence_ends_at_the_time_out(served, encoder, provider):
    def late(body, number):
        if number == 0:
            time.sleep(0.4)
        return answer(provider, texts_of(body))

    served.answer = late
    made = encoder(timeout=0.15)
    assert made.encode_passages(["cat"]).shape == (1, 4)
    assert made.counted["retries"] >= 1
    served.answer = lambda body, n: late(body, 0)
    with pytest.raises(RemoteFailed, match=r"no whole answer in 0\.15 s; tried 1 times"):
        encoder(timeout=0.15, retries=0).encode_passages(["dog"])


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 422, 501])
def test_a_refusal_is_not_tried_again(served, encoder, status):
    served.answer = lambda body, n: (status, {}, {"message": "no such thing"})
    with pytest.raises(RemoteFailed, match=f"answered {status} .*no such thing"):
        encoder(parallel=1, batch=1).encode_passages(["a", "b", "c"])
    assert len(served.bodies) == 1


# lengths


def refusing(provider, most, words):
    def reply(body, number):
        texts = texts_of(body)
        if max(map(len, texts)) > most or sum(map(len, texts)) > 4 * most:
            return 400, {}, {"error": {"message": words}}
        return answer(provider, texts)

    return reply


@two
@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens, however you requested 9000 tokens",
        "Invalid 'input[0]': maximum input length is 8192 tokens.",
        "Requested 300100 tokens, max 300000 tokens per request",
        "Input validation error: `inputs` must have less than 512 tokens. Given: 785",
        "batch size 64 > maximum allowed batch size 32",
    ],
)
def test_requests_refused_for_their_length_are_halved_and_texts_cut(served, encoder, provider, words):
    served.answer = refusing(provider, 20, words)
    texts = ["a" * n for n in (3, 15, 30, 18, 19, 17, 1)]
    made = encoder()
    cut = "a" * 16  # 30, 22, 16
    np.testing.assert_allclose(
        made.encode_passages(texts), right([t if len(t) <= 20 else cut for t in texts]), atol=1e-6
    )
    assert made.counted["cut"] == 2
    assert made.counted["halved"] >= 2


@two
def test_a_server_that_refuses_every_length_is_an_error_in_the_end(served, encoder):
    served.answer = lambda body, n: (413, {}, {"error": "inputs must have less than 0 tokens"})
    with pytest.raises(RemoteFailed, match=r"answered 413 .*must have less than"):
        encoder().encode_passages(["a" * 40])
    assert [len(texts_of(body)[0]) for body in served.bodies[:3]] == [40, 30, 22]
    assert len(served.bodies) < 20


@two
def test_long_texts_are_cut_before_they_are_sent_where_the_caller_says_so(served, encoder):
    made = encoder(max_length=2)
    made.encode_passages(["a" * 40, "cat", "猫" * 9])
    assert texts_of(served.bodies[0]) == ["a" * 8, "cat", "猫" * 2]
    assert made.counted["cut"] == 2


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_openai_is_sent_no_more_tokens_than_it_takes(served, encoder):
    encoder().encode_passages(["word " * 10_000])
    assert len(texts_of(served.bodies[0])[0]) == 8191 * 4


@two
def test_batches_hold_so_many_texts_and_so_many_tokens(served, encoder):
    texts = [f"{i:02}" + "a" * 28 for i in range(10)]  # 10 tokens each, as estimated
    encoder(batch=4, parallel=1).encode_passages(texts)
    assert [len(texts_of(body)) for body in served.bodies] == [4, 4, 2]
    served.bodies.clear()
    encoder(batch_tokens=25, parallel=1).encode_passages([*texts[:4], "b" * 300, *texts[4:5]])
    assert [len(texts_of(body)) for body in served.bodies] == [2, 2, 1, 1]


@two
def test_at_most_parallel_requests_are_under_way(served, encoder, provider):
    def slowly(body, number):
        time.sleep(0.02)
        return answer(provider, texts_of(body))

    served.answer = slowly
    encoder(parallel=3, batch=1).encode_passages([f"text {i}" for i in range(12)])
    assert 2 <= served.peak <= 3


# counts, keys, identity


def test_what_it_took_is_counted(encoder, provider):
    made = encoder(batch=2)
    made.encode_passages(["cat", "dog", "bird", ""])
    tokens = 4 if provider == "gemini" else 18  # estimated, where the provider does not count
    assert made.counted == {
        "asked": 2, "texts": 4, "tokens": tokens, "retries": 0, "halved": 0, "cut": 0, "blank": 1,
    }  # fmt: skip


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_a_known_price_is_reckoned_with(served):
    served.answer = lambda body, n: answer("openai", texts_of(body), [[1.0] * 8] * len(texts_of(body)))
    made = registry.load("encoder", "openai:text-embedding-3-small", base_url=served.url, dimensions=8)
    made.encode_passages(["cat"])
    assert made.counted["cost"] == pytest.approx(9 * 0.02 / 1e6)


def test_the_key_is_told_nobody(served, encoder, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", SECRET)
    echo = {"error": {"message": f"Incorrect API key provided: {SECRET}. Also {SECRET[:12]}****cdef"}}
    served.answer = lambda body, n: (500 if n < 1 else 401, {}, echo)
    made = encoder(key="MY_KEY", dimensions=4)
    with pytest.raises(RemoteFailed, match="MY_KEY holds another key") as caught:
        made.encode_queries(["cat"])
    assert SECRET in str(served.headers[0])
    told = f"{caught.value!r} {made!r} {vars(made)} {vars(made._server)} {made.identity()} {caplog.text}"
    assert SECRET not in told
    assert SECRET[:12] not in told


@two
def test_a_missing_key_is_named_with_its_variable(served, encoder, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    served.answer = lambda body, n: (401, {}, {"message": "no key"})
    with pytest.raises(RemoteFailed, match="the environment variable MY_KEY is not set"):
        encoder(key="MY_KEY").encode_queries(["cat"])


def test_a_spec_builds_an_equal_one(encoder):
    made = encoder(dimensions=4, batch=3, document_type="x")
    again = registry.load("encoder", repr(made))
    assert repr(again) == repr(made)
    assert again.identity() == made.identity()


@two
def test_its_identity_is_what_decides_a_vector(encoder):
    one = encoder(dimensions=4).identity()
    assert encoder(dimensions=4, parallel=1, batch=1, retries=0, key="OTHER", timeout=9.0).identity() == one
    for changed in ({"document_type": "x"}, {"query_prefix": "x"}, {"max_length": 3}, {"normalize": False}):
        assert encoder(dimensions=4, **changed).identity() != one


@two
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"batch": 0}, "batch=0"),
        ({"dimensions": 0}, "dimensions=0"),
        ({"parallel": 0}, "parallel=0"),
        ({"retries": -1}, "retries=-1"),
        ({"extra": "[1]"}, "no JSON object"),
        ({"key": SECRET}, "NAME of an environment variable"),
        ({"extra": f'{{"api_key": "{SECRET}"}}'}, "extra= has a key in it"),
        ({"base_url": "localhost"}, "is no address"),
    ],
)
def test_options_that_make_no_sense_are_refused(encoder, options, complaint):
    with pytest.raises(Misuse, match=complaint) as caught:
        encoder(**options)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("openai:text-embedding-3-small?dimensions=4000", "dimensions=4000, and text-embedding-3-small has 1 to 1536"),
        ("cohere:embed-v4.0?dimensions=300", "has 256, 512, 1024, 1536"),
        ("cohere:embed-english-v3.0?dimensions=512", "has 1024"),
        ("cohere:embed-v4.0?batch=200", "batch=200 of cohere should be from 1 to 96"),
        ("http:m", r"write base_url=http://localhost:8080/v1, or set OPENAI_BASE_URL"),
    ],
)
def test_what_the_catalogue_knows_is_checked_before_anything_is_asked(spec, complaint, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(Misuse, match=complaint):
        registry.load("encoder", spec)


# dense retrieval with it


CORPUS = Corpus(Document(str(i), f"text {'a' * i}") for i in range(9))


@pytest.fixture
def dense(served, provider):
    spec = f"dense:{provider}:m?base_url={served.url}&batch=2&parallel=1"
    return lambda corpus=CORPUS, **options: registry.load("retriever", spec, corpus, **options)


def test_dense_retrieval_finds_the_nearest(dense, served, provider):
    from rankify.types import Query

    found = dense()
    [ranking] = found.retrieve([Query("q", "text aaa")], 3)
    scores = right([d.text for d in CORPUS]) @ right(["text aaa"])[0]
    assert ranking.ids == [CORPUS[int(i)].id for i in np.argsort(-scores, kind="stable")[:3]]
    assert repr(found) == f"dense:{provider}:m?base_url={served.url}&batch=2&parallel=1"
    assert registry.load("retriever", repr(found), CORPUS) == found
    assert found.counts()["asked"] == 1


@two
def test_a_folder_pays_nothing_twice(dense, served, tmp_path):
    folder = str(tmp_path / "index")
    dense(folder=folder, dimensions=4)
    paid = len(served.bodies)
    dense(folder=folder, dimensions=4)
    assert len(served.bodies) == paid == 5


@two
def test_a_build_that_broke_off_pays_for_the_rest_only(dense, served, provider, tmp_path):
    served.answer = lambda body, n: (
        (400, {}, b"") if "text aaaaaa" in texts_of(body) else answer(provider, texts_of(body))
    )
    options = {"folder": str(tmp_path), "shard_size": 2, "dimensions": 4}
    with pytest.raises(RemoteFailed):
        dense(**options)
    served.answer, before = lambda body, n: answer(provider, texts_of(body)), len(served.bodies)
    dense(**options)
    assert [texts_of(body)[0] for body in served.bodies[before:]] == ["text aaaaaa", "text aaaaaaaa"]


@two
@pytest.mark.parametrize(
    "changed", [{"document_prefix": "d: "}, {"extra": '{"a": 1}'}, {"dimensions": 4, "max_length": 9}]
)
def test_a_folder_of_another_encoder_is_refused(dense, tmp_path, changed):
    dense(folder=str(tmp_path))
    with pytest.raises(ValueError, match=r"encoder\.\w+ .* is asked for now"):
        dense(folder=str(tmp_path), **changed)


@two
def test_a_manifest_has_no_key(dense, monkeypatch, tmp_path):
    monkeypatch.setenv("MY_KEY", SECRET)
    dense(folder=str(tmp_path), key="MY_KEY")
    assert SECRET not in "".join(path.read_text("utf-8") for path in tmp_path.glob("*.json"))


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_options_of_models_that_run_here_are_refused(dense):
    with pytest.raises(Misuse, match="pooling=mean is for models that run here, and openai:m runs at its provider"):
        dense(pooling="mean")
    with pytest.raises(UnknownName, match="did you mean 'dimensions'"):
        dense(dimension=4)


@two
def test_rankings_can_be_reranked_with_it(served, provider):
    from rankify.types import Query, Ranking, Run

    reranker = registry.load("reranker", f"embedding:{provider}:m?base_url={served.url}&batch=3")
    [ranking] = reranker(Run([Ranking(Query("q", "text aaa"), list(CORPUS), range(9, 0, -1))]))
    scores = right([d.text for d in CORPUS]) @ right(["text aaa"])[0]
    np.testing.assert_allclose(ranking.scores, np.sort(scores)[::-1], atol=1e-6)
    assert reranker.counts()["asked"] == 4
    assert registry.load("reranker", repr(reranker)) == reranker


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_feedback_searches_again_with_it(dense):
    from rankify.retrieve.feedback import Feedback
    from rankify.types import Query

    found = dense()
    run = (found % 5 >> Feedback(found) % 9)([Query("q", "text aaa")])
    assert len(run[0]) == 9


WITHOUT = """
import sys

for name in ("torch", "transformers", "sentence_transformers"):
    sys.modules[name] = None
import rankify

dense = rankify.retriever("dense:openai:m?base_url=" + sys.argv[1], [rankify.Document("1", "cat")])
print((dense % 1)([rankify.Query("q", "cat")])[0].ids)
"""


@pytest.mark.parametrize("provider", ["openai"], indirect=True)
def test_it_needs_neither_torch_nor_transformers(served):
    command = [sys.executable, "-c", WITHOUT, served.url]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "['1']\n"
