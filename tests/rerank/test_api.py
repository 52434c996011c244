"""API rerankers against a real socket: what they send, how scores find their documents, and what is never believed."""

import json
import threading
import time

import numpy as np
import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadReply, Misuse, UnknownName
from rankify.remote.patience import RemoteFailed
from rankify.rerank import api
from rankify.rerank.api_providers import RerankProvider, providers
from rankify.types import Query, Ranking, Run
from tests.rerank_server import SHAPES, judged, relevance, results, texts_of, wrapped

pytest.importorskip("httpx")
TEXTS = ["a cat", "the dog", "an aardvark", "cats and dogs", "no animal"]
one = pytest.mark.parametrize("provider", ["cohere"], indirect=True)  # for what no provider has its own way of
two = pytest.mark.parametrize("provider", ["voyage", "tei"], indirect=True)
three = pytest.mark.parametrize("provider", ["cohere", "mixedbread", "tei"], indirect=True)  # the shapes of answers


@pytest.fixture
def reranker(served, provider):
    given = {"base_url": served.url, "pause": 0.01, "timeout": 5.0}
    return lambda model="m", **options: registry.load("reranker", f"api:{provider}:{model}", **{**given, **options})


def ranking(texts, query="cat", id="q"):
    documents = [Document(f"d{i}", text) for i, text in enumerate(texts)]
    return Ranking(Query(id, query), documents, range(len(texts), 0, -1))


def by_id(found):
    return dict(zip(found.ids, found.scores.tolist(), strict=True))


def right(texts, query="cat"):
    return {f"d{i}": relevance(query, text) for i, text in enumerate(texts)}


# what is sent


BODIES = {
    "cohere": {"model": "m", "documents": ["a cat", "title dog"], "top_n": 2},
    "http": {"model": "m", "documents": ["a cat", "title dog"], "top_n": 2},
    "jina": {"model": "m", "documents": ["a cat", "title dog"], "top_n": 2, "return_documents": False},
    "voyage": {
        "model": "m", "documents": ["a cat", "title dog"], "top_k": 2, "return_documents": False, "truncation": True,
    },
    "mixedbread": {"model": "m", "input": ["a cat", "title dog"], "top_k": 2, "return_input": False},
    "pinecone": {
        "model": "m", "documents": [{"text": "a cat"}, {"text": "title dog"}], "top_n": 2, "return_documents": False,
    },
    "isaacus": {"model": "m", "texts": ["a cat", "title dog"], "top_n": 2},
    "tei": {"texts": ["a cat", "title dog"], "raw_scores": True, "return_text": False, "truncate": True},
}  # fmt: skip


def test_a_request_is_what_the_provider_documents(served, reranker, provider):
    documents = [Document("1", "a cat"), Document("2", "dog", "title")]
    reranker()(Run([Ranking(Query("q", "cat"), documents, [2, 1])]))
    assert served.paths == [SHAPES[provider][0]]
    assert served.bodies == [{**BODIES[provider], "query": "cat"}]


def test_every_provider_is_tried_here():
    assert set(providers()) == set(SHAPES) == set(BODIES)


ADDRESSES = {
    "cohere": "https://api.cohere.com/v2/rerank",
    "jina": "https://api.jina.ai/v1/rerank",
    "voyage": "https://api.voyageai.com/v1/rerank",
    "mixedbread": "https://api.mixedbread.com/v1/reranking",
    "pinecone": "https://api.pinecone.io/rerank",
    "isaacus": "https://api.isaacus.com/v1/rerankings",
}


@pytest.mark.parametrize("provider", ADDRESSES)
def test_a_providers_own_address_needs_no_naming(provider):
    made = registry.load("reranker", f"api:{provider}:m")
    assert made.client.server.url + made.provider.path == ADDRESSES[provider]
    assert repr(made) == f"api:{provider}:m"


@pytest.mark.parametrize("provider", providers())
def test_what_is_asked_for_at_once_is_well_inside_what_a_provider_takes(provider):
    said = RerankProvider.named(provider)
    assert said.batch <= (said.most or said.batch)
    assert said.batch_tokens <= (said.most_tokens or np.inf) / 2
    assert said.source.startswith("https://")


@pytest.mark.parametrize("provider", ["pinecone"], indirect=True)
def test_pinecone_is_told_its_interfaces_version_and_its_key_in_a_header_of_its_own(served, reranker, monkeypatch):
    monkeypatch.setenv("MY_KEY", "my-own-key")
    reranker(key="MY_KEY")(Run([ranking(TEXTS)]))
    headers = {name.lower(): value for name, value in served.headers[0].items()}
    assert (headers["api-key"], headers["x-pinecone-api-version"]) == ("my-own-key", "2025-01")
    assert "authorization" not in headers


@pytest.mark.parametrize("provider", ["pinecone"], indirect=True)
def test_a_known_model_has_fields_of_its_own(served, reranker):
    reranker("bge-reranker-v2-m3")(Run([ranking(TEXTS)]))
    assert served.bodies[0]["parameters"] == {"truncate": "END"}


@two
def test_further_fields_can_be_given(served, reranker):
    reranker(extra='{"user": "me"}')(Run([ranking(TEXTS)]))
    assert served.bodies[0]["user"] == "me"


@two
@pytest.mark.parametrize("end", ["", "/", "/rerank", "/rerank/"])
def test_an_address_may_end_in_the_endpoint(served, reranker, end):
    made = reranker(base_url=served.url + end)
    made(Run([ranking(TEXTS)]))
    assert served.paths == ["/v1/rerank"]
    assert f"base_url={served.url}" in repr(made)


@pytest.mark.parametrize("provider", ["http"], indirect=True)
def test_an_address_may_have_any_path_as_azure_has(served, reranker):
    reranker(base_url=served.url + "/providers/cohere/v2")(Run([ranking(TEXTS)]))
    assert served.paths == ["/v1/providers/cohere/v2/rerank"]


@pytest.mark.parametrize("provider", ["tei"], indirect=True)
def test_a_server_of_one_model_needs_no_name_of_it(served):
    made = registry.load("reranker", f"api:tei?base_url={served.url}")
    assert by_id(made(Run([ranking(TEXTS)]))[0]) == right(TEXTS)
    assert registry.load("reranker", repr(made)) == made


# what comes back


def test_rankings_are_sorted_by_the_scores_of_their_documents(reranker):
    [found] = reranker()(Run([ranking(TEXTS)]))
    assert by_id(found) == right(TEXTS)
    assert found.scores.tolist() == sorted(right(TEXTS).values(), reverse=True)


def test_scores_find_their_documents_by_index_in_whatever_order_they_come(served, reranker, provider):
    field = SHAPES[provider][4]
    entries = [{"index": i, field: float(i)} for i in (2, 0, 4, 1, 3)]
    served.answer = lambda body, n: wrapped(provider, entries)
    [found] = reranker()(Run([ranking(TEXTS)]))
    assert found.ids == ["d4", "d3", "d2", "d1", "d0"]


def test_equal_texts_each_keep_a_score_of_their_own(served, reranker, provider):
    served.answer = lambda body, n: results(provider, [0.1 * (i + 1) for i in range(len(texts_of(body)))])
    [found] = reranker()(Run([ranking(["same", "same", "other", "same"])]))
    assert texts_of(served.bodies[0]) == ["same", "same", "other", "same"]
    assert by_id(found) == pytest.approx({"d0": 0.1, "d1": 0.2, "d2": 0.3, "d3": 0.4})


def test_what_an_answer_repeats_of_the_texts_does_not_matter(served, reranker, provider):
    field = SHAPES[provider][4]
    entries = [{"index": i, field: float(i), "document": {"text": "something else"}, "text": "x"} for i in range(5)]
    served.answer = lambda body, n: wrapped(provider, entries)
    [found] = reranker()(Run([ranking(TEXTS)]))
    assert found.ids == ["d4", "d3", "d2", "d1", "d0"]


@one
def test_equal_scores_keep_the_order_of_the_run(served, reranker, provider):
    served.answer = lambda body, n: results(provider, [0.5] * len(texts_of(body)))
    [found] = reranker()(Run([ranking(TEXTS)]))
    assert found.ids == ["d0", "d1", "d2", "d3", "d4"]


@one
def test_the_run_that_goes_in_is_not_changed(reranker):
    before = Run([ranking(TEXTS)])
    copy = [(r.ids, r.scores.tolist()) for r in before]
    reranker()(before)
    assert [(r.ids, r.scores.tolist()) for r in before] == copy


# what is not believed


@three
@pytest.mark.parametrize(
    ("indices", "complaint"),
    [
        ([0, 1, 2, 4], r"scored 4 of 5 documents; there is no score of index 3"),
        ([], r"scored 0 of 5 documents; there is no score of index 0, 1, 2, 3, 4"),
        ([0, 1, 2, 3, 3], r"scored the document of index 3 twice"),
        ([0, 1, 2, 3, 4, 0], r"scored the document of index 0 twice"),
        ([0, 1, 2, 3, 5], r"scored a document of index 5, and was sent 0 to 4"),
        ([-1, 1, 2, 3, 4], r"scored a document of index -1, and was sent"),
        ([0, 1, 2, 3, "4"], r"scored a document of index '4', and was sent"),
        ([0, 1, 2, 3, 4.0], r"scored a document of index 4\.0, and was sent"),
        ([0, True, 2, 3, 4], r"scored a document of index True, and was sent"),
        ([0, 1, 2, 3, None], r"scored a document of index None, and was sent"),
    ],
)
def test_indices_that_are_not_each_documents_once_are_refused(served, reranker, provider, indices, complaint):
    served.answer = lambda body, n: wrapped(provider, [{"index": i, SHAPES[provider][4]: 0.5} for i in indices])
    with pytest.raises(BadReply, match=rf"^127\.0\.0\.1:\d+ \({provider}:m\) {complaint}") as caught:
        reranker()(Run([ranking(TEXTS)]))
    assert "\n" not in str(caught.value)
    assert len(served.bodies) == 1


@three
@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf"), None, "0.5", True, [0.5], {}, 10**400])
def test_what_is_no_finite_number_is_no_score(served, reranker, provider, score):
    field = SHAPES[provider][4]
    entries = [{"index": i, field: score if i == 3 else 0.5} for i in range(5)]
    served.answer = lambda body, n: wrapped(provider, entries)
    with pytest.raises(BadReply, match=rf"\({provider}:m\) gave the document of index 3 the score .*no finite number"):
        reranker()(Run([ranking(TEXTS)]))


@three
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param((200, {"Content-Length": "5000"}, b'{"results": [{"index": 0, "rel'), id="cut-off"),
        pytest.param((200, {}, b'{"results": [{"index": 0, "rel'), id="half JSON"),
        pytest.param((200, {}, {"error": {"message": "overloaded"}}), id="an error"),
        pytest.param((200, {}, {"results": ["strange"], "data": ["strange"]}), id="no results"),
        pytest.param((200, {}, {"results": [{"index": 0}], "data": [{"index": 0}]}), id="no score"),
        pytest.param((200, {}, {"results": None, "data": None}), id="null"),
        pytest.param((200, {}, ["strange"]), id="a list"),
    ],
)
def test_what_is_no_whole_answer_is_tried_again_and_then_said(served, reranker, provider, broken):
    served.answer = lambda body, n: broken if n < 1 else judged(provider)(body, n)
    assert by_id(reranker()(Run([ranking(TEXTS)]))[0]) == right(TEXTS)
    served.answer = lambda body, n: broken
    with pytest.raises(RemoteFailed, match=r"127\.0\.0\.1.*tried 2 times"):
        reranker(retries=1)(Run([ranking(TEXTS)]))


# documents without a text


def test_blank_documents_are_not_sent_and_come_last_in_their_order(served, reranker):
    texts = ["", "a cat", " \n", "the dog", "\t"]
    made = reranker()
    [found] = made(Run([ranking(texts)]))
    assert texts_of(served.bodies[0]) == ["a cat", "the dog"]
    assert found.ids[2:] == ["d0", "d2", "d4"]
    assert set(found.ids[:2]) == {"d1", "d3"}
    assert found.scores[2:].tolist() == [found.scores[1] - 1] * 3
    assert (made.counts()["blank"], made.counts()["pairs"]) == (3, 2)


@two
def test_nothing_is_asked_where_nothing_has_a_text(served, reranker):
    made = reranker()
    run = Run([ranking(["", " "], id="q1"), ranking([], id="q2"), ranking(TEXTS, query=" \n", id="q3")])
    found = made(run)
    assert [r.ids for r in found] == [r.ids for r in run]
    assert served.bodies == []
    assert made.counts()["blank"] == 7


@one
def test_half_characters_are_sent_as_question_marks(served, reranker):
    reranker()(Run([ranking(["half \ud83d"], query="\ud83d")]))
    assert (served.bodies[0]["query"], texts_of(served.bodies[0])) == ("?", ["half ?"])


# several requests


def test_all_queries_at_once_as_one_by_one(reranker):
    rankings = [ranking([f"text {i} {j}" for j in range(i)], f"query {i}", f"q{i}") for i in range(9)]
    together = reranker(batch=3, parallel=8)(Run(rankings))
    single = reranker(batch=2, parallel=1)
    alone = [single(Run([each]))[0] for each in rankings]
    assert list(together) == alone


@two
def test_queries_do_not_wait_for_each_other_and_keep_their_order(served, reranker, provider):
    met = threading.Barrier(4, timeout=5)

    def together(body, number):
        met.wait()  # nobody is answered before four have asked
        return judged(provider)(body, number)

    served.answer = together
    rankings = [ranking(TEXTS, f"query {i}", f"q{i}") for i in range(8)]
    found = reranker(parallel=4, timeout=9.0)(Run(rankings))
    assert [r.query.id for r in found] == [f"q{i}" for i in range(8)]
    assert [by_id(r) for r in found] == [right(TEXTS, f"query {i}") for i in range(8)]
    assert served.peak == 4


@two
def test_the_batches_of_one_query_do_not_wait_for_each_other(served, reranker, provider):
    met = threading.Barrier(3, timeout=5)

    def together(body, number):
        met.wait()
        return judged(provider)(body, number)

    served.answer = together
    texts = [f"text {i}" for i in range(6)]
    assert by_id(reranker(batch=2, timeout=9.0)(Run([ranking(texts)]))[0]) == right(texts)


@two
def test_requests_hold_as_many_documents_and_tokens_as_they_may(served, reranker):
    texts = ["x" * 30] * 5  # 10 tokens each, as estimated, and 1 of the query
    reranker(batch=2, parallel=1)(Run([ranking(texts)]))
    assert [len(texts_of(body)) for body in served.bodies] == [2, 2, 1]
    served.bodies.clear()
    reranker(batch_tokens=33, parallel=1)(Run([ranking(texts)]))
    assert [len(texts_of(body)) for body in served.bodies] == [3, 2]
    served.bodies.clear()
    reranker(batch_tokens=1, parallel=1)(Run([ranking(texts[:2])]))
    assert [len(texts_of(body)) for body in served.bodies] == [1, 1]


def test_all_that_is_sent_is_asked_back(served, reranker, provider):
    reranker(batch=2, parallel=1)(Run([ranking(TEXTS)]))
    if top := SHAPES[provider][2]:
        assert [body[top] for body in served.bodies] == [2, 2, 1]


@pytest.mark.parametrize("provider", ["pinecone", "tei"], indirect=True)
def test_a_provider_is_never_sent_more_than_it_takes(served, reranker, provider):
    reranker(parallel=1)(Run([ranking([f"text {i}" for i in range(205)])]))
    most = {"pinecone": 100, "tei": 32}[provider]
    assert [len(texts_of(body)) for body in served.bodies] == [most] * (205 // most) + [205 % most]


@pytest.mark.parametrize("provider", ["pinecone"], indirect=True)
def test_a_model_may_take_more_than_others_of_its_provider(served, reranker):
    reranker("cohere-rerank-3.5", parallel=1)(Run([ranking([f"text {i}" for i in range(205)])]))
    assert [len(texts_of(body)) for body in served.bodies] == [200, 5]


@pytest.mark.parametrize("provider", ["jina"], indirect=True)
def test_what_a_listwise_model_reads_together_is_sent_together(served, reranker):
    texts = ["x" * 3000] * 600  # more than a request usually holds, in documents and in tokens
    reranker("jina-reranker-v3")(Run([ranking(texts)]))
    assert [len(texts_of(body)) for body in served.bodies] == [600]
    served.bodies.clear()
    reranker("jina-reranker-v2-base-multilingual", parallel=1)(Run([ranking(texts)]))
    assert [len(texts_of(body)) for body in served.bodies] == [399, 201]


@one
def test_memory_is_bounded_by_rounds(served, reranker, monkeypatch):
    monkeypatch.setattr(api, "ROUND", 7)
    rankings = [ranking(TEXTS, f"query {i}", f"q{i}") for i in range(5)]
    found = reranker()(Run(rankings))
    assert [by_id(r) for r in found] == [right(TEXTS, f"query {i}") for i in range(5)]
    assert len(served.bodies) == 5


@one
def test_long_documents_are_cut_here_if_wished(served, reranker):
    made = reranker(max_length=2)
    made(Run([ranking(["abcdefgh and more", "short", " " * 20 + "late"])]))
    assert texts_of(served.bodies[0]) == ["abcdefgh", "short"]  # and of the third nothing is left
    assert (made.counts()["cut"], made.counts()["blank"]) == (2, 1)


# a document that is refused


def refusing(provider, bad, status=400, words="the text cannot be read"):
    """A server that refuses a whole request because of one document, and so any with it."""

    def reply(body, number):
        if any(bad(text) for text in texts_of(body)):
            return status, {}, {"message": words}
        return judged(provider)(body, number)

    return reply


@three
@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_document_does_not_fail_the_others(served, reranker, provider, status, caplog):
    served.answer = refusing(provider, lambda text: "bad" in text, status)
    texts = ["a", "b", "c", "bad apple", "d", "e", "bad pear", "f", "g"]
    made = reranker(parallel=1)
    [found] = made(Run([ranking(texts)]))
    good = {id: score for id, score in right(texts).items() if id not in ("d3", "d6")}
    assert {id: score for id, score in by_id(found).items() if id in good} == good
    assert found.ids[-2:] == ["d3", "d6"]
    assert found.scores[-2:].tolist() == [found.scores[6] - 1] * 2
    counted = made.counts()
    assert (counted["rejected"], counted["pairs"], counted["retries"]) == (2, 7, 0)
    assert counted["halved"] == sum(len(texts_of(body)) > 1 and "bad" in str(texts_of(body)) for body in served.bodies)
    assert "'bad apple' has no score for query 'cat'" in caplog.text
    assert "the text cannot be read" in caplog.text


@two
def test_a_refused_document_that_is_alone_is_told_from_a_request_that_is_refused(served, reranker, provider):
    served.answer = refusing(provider, lambda text: "bad" in text)
    made = reranker()
    run = Run([ranking(["bad"], id="q1"), ranking(TEXTS, id="q2"), ranking(["bad", ""], "dog", "q3")])
    found = made(run)
    assert [found[0].ids, found[2].ids] == [["d0"], ["d0", "d1"]]
    assert by_id(found[1]) == right(TEXTS)
    assert made.counts()["rejected"] == 2


@two
def test_a_request_that_is_refused_whatever_it_holds_is_an_error_at_once(served, reranker, provider):
    served.answer = lambda body, n: (400, {}, {"message": "no such model m"})
    with pytest.raises(RemoteFailed, match=r"400 Bad Request: no such model m; .*plain document, too.*query 'cat'"):
        reranker(parallel=1)(Run([ranking(TEXTS), ranking(TEXTS, id="q2")]))
    assert [len(texts_of(body)) for body in served.bodies] == [5, 1]


@two
@pytest.mark.parametrize(
    "words",
    [
        "This model's maximum context length is 8192 tokens, however you requested 9000 tokens",
        "batch size 64 > maximum allowed batch size 32",
        "`inputs` must have less than 512 tokens. Given: 785",
    ],
)
def test_requests_refused_for_their_length_are_halved_and_documents_cut(served, reranker, provider, words):
    def long(text):
        return len(text) > 20

    served.answer = refusing(provider, long, 400, words)
    texts = ["b", "a" * 30, "c", "d"]
    made = reranker()
    [found] = made(Run([ranking(texts)]))
    assert by_id(found) == right(["b", "a" * 16, "c", "d"])  # 30, 22, 16
    assert (made.counts()["halved"], made.counts()["cut"], made.counts()["rejected"]) == (2, 2, 0)


@two
def test_a_request_that_is_too_large_for_a_proxy_is_halved_and_its_document_cut(served, reranker, provider):
    def reply(body, number):
        if sum(map(len, texts_of(body))) > 20:
            return 413, {}, b"<html><title>413 Request Entity Too Large</title></html>"
        return judged(provider)(body, number)

    served.answer = reply
    made = reranker()
    [found] = made(Run([ranking(["b" * 12, "a" * 30, "c" * 12])]))
    assert by_id(found) == right(["b" * 12, "a" * 16, "c" * 12])
    assert (made.counts()["rejected"], made.counts()["cut"]) == (0, 2)


@two
def test_a_batch_that_is_too_large_is_halved_without_further_questions(served, reranker, provider):
    def few(body, number):
        if len(texts_of(body)) > 2:
            return 413, {}, {"error": "batch size 5 > maximum allowed batch size 2", "error_type": "Validation"}
        return judged(provider)(body, number)

    served.answer = few
    made = reranker()
    assert by_id(made(Run([ranking(TEXTS)]))[0]) == right(TEXTS)
    assert [len(texts_of(body)) for body in served.bodies] == [5, 2, 3, 1, 2]


@two
def test_a_query_that_is_too_long_is_an_error_and_no_document_is_blamed(served, reranker, provider):
    def reply(body, number):
        if len(body["query"]) > 20:
            return 422, {}, {"error": "input must have less than 5 tokens"}
        return judged(provider)(body, number)

    served.answer = reply
    with pytest.raises(RemoteFailed, match=r"less than 5 tokens; .* query 'cat cat .*'\.\.\.$"):
        reranker(parallel=1)(Run([ranking(TEXTS, "cat " * 40)]))
    assert len(served.bodies) < 6


# what is remembered


@two
def test_what_was_scored_once_is_not_asked_again(served, reranker, tmp_path):
    run = Run([ranking(TEXTS), ranking(["same", "same", ""], "dog", "q2")])
    first = reranker(folder=str(tmp_path))(run)
    paid = len(served.bodies)
    made = reranker(folder=str(tmp_path))
    assert made(run) == first
    assert len(served.bodies) == paid
    assert (made.counts()["remembered"], made.counts()["asked"], made.counts()["pairs"]) == (7, 0, 0)


@two
def test_only_what_is_new_is_asked(served, reranker, tmp_path):
    reranker(folder=str(tmp_path))(Run([ranking(TEXTS[:3])]))
    served.bodies.clear()
    assert by_id(reranker(folder=str(tmp_path))(Run([ranking(TEXTS)]))[0]) == right(TEXTS)
    assert [texts_of(body) for body in served.bodies] == [TEXTS[3:]]


@one
def test_equal_texts_are_remembered_apart(served, reranker, provider, tmp_path):
    served.answer = lambda body, n: results(provider, [0.1 * (i + 1) for i in range(len(texts_of(body)))])
    run = Run([ranking(["same", "same", "other"])])
    assert reranker(folder=str(tmp_path))(run) == reranker(folder=str(tmp_path))(run)
    assert len(served.bodies) == 1


@pytest.mark.parametrize("provider", ["jina"], indirect=True)
def test_a_listwise_models_scores_are_remembered_for_the_same_documents_only(served, reranker, tmp_path):
    run = Run([ranking(TEXTS)])
    options = {"model": "jina-reranker-v3", "folder": str(tmp_path)}
    first = reranker(**options)(run)
    assert reranker(**options)(run) == first
    reranker(**options)(Run([ranking(TEXTS[:4])]))
    assert [len(texts_of(body)) for body in served.bodies] == [5, 4]


@one
@pytest.mark.parametrize("changed", [{"model": "n"}, {"extra": '{"max_tokens_per_doc": 9}'}])
def test_another_model_or_request_is_asked_anew(served, reranker, tmp_path, changed):
    reranker(folder=str(tmp_path))(Run([ranking(TEXTS)]))
    reranker(folder=str(tmp_path), **changed)(Run([ranking(TEXTS)]))
    assert len(served.bodies) == 2


@one
def test_a_run_that_broke_off_pays_for_the_rest_only(served, reranker, provider, tmp_path):
    served.answer = lambda body, n: (403, {}, b"") if n == 2 else judged(provider)(body, n)
    run = Run([ranking(TEXTS, f"query {i}", f"q{i}") for i in range(5)])
    with pytest.raises(RemoteFailed):
        reranker(folder=str(tmp_path), parallel=1)(run)
    served.answer = judged(provider)
    served.bodies.clear()
    assert [by_id(r) for r in reranker(folder=str(tmp_path))(run)] == [right(TEXTS, f"query {i}") for i in range(5)]
    assert sorted(body["query"] for body in served.bodies) == ["query 2", "query 3", "query 4"]


@one
def test_a_refusal_is_not_remembered(served, reranker, provider, tmp_path):
    served.answer = refusing(provider, lambda text: "dog" in text)
    reranker(folder=str(tmp_path))(Run([ranking(TEXTS)]))
    served.answer = judged(provider)
    assert by_id(reranker(folder=str(tmp_path))(Run([ranking(TEXTS)]))[0]) == right(TEXTS)


# counts, specs, options


def test_what_it_took_is_counted_as_the_provider_says(reranker, provider):
    made = reranker(batch=3)
    made(Run([ranking([*TEXTS, ""])]))
    said = {"asked": 2, "pairs": 5, "retries": 0, "halved": 0, "cut": 0, "blank": 1, "rejected": 0, "remembered": 0}
    estimated = sum(-(-len(text) // 3) + 1 for text in TEXTS)
    took = {"tokens": estimated if provider in ("cohere", "pinecone", "tei") else 18}
    units = {"units": {"cohere": 2, "pinecone": 2, "http": 0}[provider]} if provider in "cohere pinecone http" else {}
    assert made.counts() == {**said, **took, **units}


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [("voyage", "rerank-2.5", 9 * 0.05 / 1e6), ("cohere", "rerank-v3.5", 0.002)],
    indirect=["provider"],
)
def test_a_known_price_is_reckoned_with(reranker, model, dollars):
    made = reranker(model)
    [report] = made(Run([ranking(TEXTS)])).reports
    assert report.counts["cost"] == pytest.approx(dollars)
    assert report.counts == made.counts()


@one
def test_counts_are_of_the_last_run(reranker):
    made = reranker()
    made(Run([ranking(TEXTS)]))
    made(Run([ranking(TEXTS[:2])]))
    assert made.counts()["pairs"] == 2


def test_a_spec_builds_an_equal_one(reranker, served, tmp_path):
    made = reranker(batch=3, folder=str(tmp_path), extra='{"a": 1}')
    again = registry.load("reranker", repr(made))
    assert again == made
    assert again(Run([ranking(TEXTS)])) == made(Run([ranking(TEXTS)]))


def test_a_published_id_may_stand_alone():
    assert repr(registry.load("reranker", "cohere/rerank-v3.5")) == "api:cohere:rerank-v3.5"


@one
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"batch": 0}, "batch=0 of cohere should be from 1 to 10,000"),
        ({"batch": 20_000}, "batch=20000 of cohere should be from 1 to 10,000"),
        ({"max_length": 0}, "max_length=0 of cohere should be from 1"),
        ({"parallel": 0}, "parallel=0"),
        ({"retries": -1}, "retries=-1"),
        ({"timeout": 0.0}, "timeout=0"),
        ({"extra": "[1]"}, "no JSON object"),
        ({"extra": "{"}, "no JSON object"),
        ({"base_url": "localhost"}, "is no address"),
        ({"base_url": "http://me:secret@localhost"}, "holds a password"),
    ],
)
def test_options_that_make_no_sense_are_refused(reranker, options, complaint):
    with pytest.raises(Misuse, match=complaint):
        reranker(**options)


@pytest.mark.parametrize(
    ("spec", "error", "complaint"),
    [
        ("api:coher:m", UnknownName, "no provider of reranking 'coher'; did you mean 'cohere'"),
        ("api:rerank-v3.5", UnknownName, "no provider of reranking 'rerank-v3.5'; there are: cohere, http, isaacus"),
        ("api:cohere", Misuse, "names no model; write api:cohere:MODEL"),
        ("api:http:m", Misuse, "nothing says where the server is: write base_url="),
        ("api:tei", Misuse, "nothing says where the server is: write base_url="),
        ("api", Misuse, "missing a required argument: 'model'"),
        ("api:cohere:m?top_n=3", UnknownName, "option of reranker 'api' 'top_n'"),
    ],
)
def test_what_names_nobody_is_refused_before_anything_is_asked(spec, error, complaint):
    with pytest.raises(error, match=complaint):
        registry.load("reranker", spec)


@one
def test_it_stands_in_a_pipeline(reranker, served):
    made = reranker().top(3)
    found = made(Run([ranking(TEXTS)]))
    assert texts_of(served.bodies[0]) == TEXTS[:3]
    assert found[0].ids[3:] == ["d3", "d4"]
    assert json.loads(json.dumps(found.reports[-1].counts))["pairs"] == 3


@one
def test_nobody_is_asked_when_it_is_made(served, reranker):
    reranker()
    time.sleep(0.05)
    assert served.bodies == []
