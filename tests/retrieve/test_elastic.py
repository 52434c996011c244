"""BM25 by Elasticsearch or OpenSearch: what is made, what is asked, what is refused, and what is never told."""

import json
import logging
import socket

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.errors import BadInput, Misuse
from rankify.indexes.manifest import Manifest
from rankify.remote.patience import RemoteFailed
from rankify.retrieve import elastic
from rankify.retrieve.dense import Dense
from rankify.retrieve.elastic import Elastic
from rankify.types import Query
from tests.elastic_server import ElasticStandIn, basic, failed

pytest.importorskip("httpx")

IDS = ["it's", '"quoted"', "007", "7", "a b", "\\", "猫", "position >= 0", "B", "a"]
TEXTS = ["the cat sat", "", "dog and cat", "cat cat dog", "neural ranking", "猫", "a \ud83d half cat", "the cat sat"]
CORPUS = Corpus(
    Document(id, TEXTS[i % len(TEXTS)], title="A title" if i == 2 else "") for i, id in enumerate(IDS)
)  # fmt: skip
QUERIES = [Query("1", "cat"), Query("2", ""), Query("3", "neural dog"), Query("4", "\ud83d title")]
KEY = "-".join(["key", "0123456789abcdef"])


@pytest.fixture(params=[("elasticsearch", "8.15.0"), ("opensearch", "2.11.0")], ids="-".join)
def server(request, monkeypatch):
    for name in ("ELASTIC_URL", "ELASTIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    stand_in = ElasticStandIn(*request.param)
    yield stand_in
    stand_in.close()


def search(server, corpus=CORPUS, model="", **options):
    return Elastic(corpus, model, url=server.url, **{"pause": 0.01, "retries": 2, "timeout": 5.0, **options})


def theirs(server, docs, name="theirs"):
    """An index that somebody else made."""
    server.indices[name] = {"name": name, "mappings": {"properties": {}}, "settings": {}, "docs": docs}


# what it makes and finds


def test_its_index_has_title_and_text_together_and_the_numbers_of_bm25(server):
    search(server, model="mine", k1=1.2, b=0.75)
    index = server.indices["mine"]
    assert index["settings"] == {
        "number_of_shards": 1, "index.similarity.rankify": {"type": "BM25", "k1": 1.2, "b": 0.75},
    }  # fmt: skip
    fields = index["mappings"]["properties"]
    assert fields["contents"] == {"type": "text", "analyzer": "english", "similarity": "rankify"}
    assert index["docs"]["2"] == {"id": "007", "contents": "A title\ndog and cat", "rank": 1, "position": 2}
    assert index["docs"]["6"]["contents"] == "a ? half cat"
    assert index["mappings"]["_meta"]["rankify"]["corpus"] == CORPUS.hash


def test_the_best_come_first_and_equal_ones_by_id(server):
    found = search(server).retrieve(QUERIES, 10)
    assert [r.query for r in found] == QUERIES
    best = found[0]
    assert best.ids == ["7", "B", "it's", "position >= 0", "猫", "007"]
    assert len(set(best.scores[1:5].tolist())) == 1
    assert found[1].ids == []
    assert set(found[2].ids) == {"007", "7", "a b"}
    assert found[3].ids == ["007"]
    assert best.documents[0] == CORPUS[best.ids[0]]


def test_a_depth_beyond_one_page_is_read_page_by_page(server, monkeypatch):
    whole = search(server).retrieve(QUERIES, 10)
    monkeypatch.setattr(elastic, "PAGE", 2)
    monkeypatch.setattr(elastic, "HITS", 4)
    assert search(server).retrieve(QUERIES, 10) == whole
    assert search(server).retrieve(QUERIES, 3)[0].ids == whole[0].ids[:3]


def test_an_index_that_is_whole_is_opened_and_not_filled_again(server):
    first = search(server)
    before = len(server.paths("/_bulk"))
    again = search(server)
    assert len(server.paths("/_bulk")) == before
    assert again.retrieve(QUERIES, 5) == first.retrieve(QUERIES, 5)
    assert list(server.indices) == [first._table.name]


def test_a_build_that_broke_off_goes_on_where_it_was(server, monkeypatch):
    monkeypatch.setattr(elastic, "SHARD", 4)
    put = elastic.Texts.put
    monkeypatch.setattr(elastic.Texts, "put", lambda s, p, r: 1 / 0 if p.start == 4 else put(s, p, r))
    with pytest.raises(ZeroDivisionError):
        search(server, model="mine")
    sent = []
    monkeypatch.setattr(elastic.Texts, "put", lambda s, p, r: sent.append(p.start) or put(s, p, r))
    assert search(server, model="mine").retrieve(QUERIES, 5) == search(server, model="other").retrieve(QUERIES, 5)
    assert sent == [4, 8, 0, 4, 8]


def test_its_spec_loads_an_equal_one_and_holds_no_key(server, monkeypatch):
    monkeypatch.setenv("MY_KEY", KEY)
    one = search(server, key="MY_KEY")
    again = rankify.retriever(repr(one), CORPUS)
    assert again == one
    assert KEY not in repr(one)
    assert again.retrieve(QUERIES, 5) == one.retrieve(QUERIES, 5)


def test_a_folder_says_which_index_it_is(server, tmp_path):
    folder = str(tmp_path / "index")
    one = search(server, folder=folder)
    assert Manifest.read(folder)["index"] == one._table.name
    assert search(server, folder=folder).retrieve(QUERIES, 5) == one.retrieve(QUERIES, 5)
    before = len(server.asked)
    with pytest.raises(BadInput, match=r'built with corpus ".*give another folder'):
        search(server, Corpus(CORPUS[:3]), folder=folder)
    assert len(server.asked) == before


@pytest.mark.parametrize(
    ("corpus", "options", "message"),
    [
        (Corpus(CORPUS[:4]), {}, 'built with corpus "'),
        (CORPUS, {"k1": 2.0}, r"built with k1 0\.9, and 2\.0 is asked for now"),
        (CORPUS, {"analyzer": "standard"}, 'built with analyzer "english", and "standard" is asked for now'),
    ],
)
def test_an_index_of_something_else_is_refused_with_both_values(server, corpus, options, message):
    search(server, model="mine")
    docs = dict(server.indices["mine"]["docs"])
    with pytest.raises(BadInput, match=message) as caught:
        search(server, corpus, model="mine", **options)
    assert str(caught.value).startswith(f"index 'mine' of {server.kind} ")
    assert server.indices["mine"]["docs"] == docs


# somebody else's index


def test_an_index_that_is_there_is_searched_in_the_fields_that_are_named(server):
    theirs(server, {id: {"title": "", "body": CORPUS[id].text} for id in IDS})
    found = search(server, model="theirs", fields="title^2,body").retrieve(QUERIES, 10)
    assert found[0].ids == ["7", "007", "B", "it's", "position >= 0", "猫"]
    assert found[1].ids == []
    asked = json.loads(server.asked[-1][2].splitlines()[1])
    assert asked["query"] == {
        "multi_match": {"query": "cat", "fields": ["title^2", "body"], "type": "best_fields"}
    }  # fmt: skip
    assert {method for method, *_ in server.asked} == {"GET", "POST"}
    assert not server.paths("/_bulk")


@pytest.mark.parametrize("k", [1, 3, 30])
def test_its_ties_are_ordered_by_id_whatever_the_cluster_does(server, k):
    many = Corpus(Document(f"d{i}", "cat") for i in range(60))
    theirs(server, {str(i): {"body": "cat", "docid": f"d{i}"} for i in range(59, -1, -1)})
    [ranking] = search(server, many, model="theirs", fields="body", id_field="docid").retrieve(QUERIES[:1], k)
    assert ranking.ids == sorted(many.ids)[:k]


def test_a_hit_that_is_no_document_of_the_corpus_is_an_error(server):
    theirs(server, {"stranger": {"body": "cat"}})
    with pytest.raises(BadInput, match=r"found no document 'stranger' .* does id_field=_id hold its ids"):
        search(server, model="theirs", fields="body").retrieve(QUERIES[:1], 3)


def test_an_id_that_two_of_its_documents_share_is_an_error(server):
    theirs(server, {str(i): {"body": "cat", "docid": "007"} for i in range(2)})
    with pytest.raises(BadInput, match="has '007' twice in docid"):
        search(server, model="theirs", fields="body", id_field="docid").retrieve(QUERIES[:1], 3)


def test_without_fields_somebody_elses_index_is_left_alone(server):
    theirs(server, {})
    with pytest.raises(BadInput, match="was not made by Rankify; say fields=title,text"):
        search(server, model="theirs")
    with pytest.raises(BadInput, match=r"there is no index 'nowhere' .*leave fields= out"):
        search(server, model="nowhere", fields="text")
    assert list(server.indices) == ["theirs"]


def test_an_alias_of_several_is_refused(server, monkeypatch):
    theirs(server, {})
    both = {"one": {"mappings": {}}, "two": {"mappings": {}}}
    monkeypatch.setattr(ElasticStandIn, "mapping", lambda self, index, body: both)
    with pytest.raises(BadInput, match="is 2 indices; name one of them: one, two"):
        search(server, model="theirs", fields="text")


def test_it_gives_no_more_than_a_page_of_somebody_elses(server):
    theirs(server, {})
    with pytest.raises(Misuse, match="gives 10,000 at most"):
        search(server, model="theirs", fields="text").retrieve(QUERIES, 10_001)


# what goes wrong


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"Retry-After": "0"}, failed("es_rejected_execution_exception", "rejected execution", 429)),
        (500, {}, failed("runtime", "boom", 500)),
        (503, {}, failed("cluster_block_exception", "no master", 503)),
        "break",
    ],
)
def test_what_may_pass_is_tried_again(server, fault):
    retriever = search(server)
    wanted = retriever.retrieve(QUERIES, 5)
    server.faults += [fault, fault]
    assert retriever.retrieve(QUERIES, 5) == wanted


def test_what_does_not_pass_is_an_error_in_the_end(server):
    retriever = search(server)
    server.faults += [(500, {}, failed("runtime", "boom", 500))] * 3
    with pytest.raises(RemoteFailed, match=r"answered 500 .*runtime: boom; tried 3 times"):
        retriever.retrieve(QUERIES, 5)


def test_a_slow_answer_is_waited_for_once_and_then_asked_for_again(server):
    retriever = search(server, timeout=0.2)
    server.faults += [0.6]
    assert retriever.retrieve(QUERIES[:1], 2)[0].ids
    server.faults += [0.6] * 3
    with pytest.raises(RemoteFailed, match=r"gave no whole answer in 0\.2 s; tried 3 times"):
        retriever.retrieve(QUERIES, 2)


def item(position, error=None, status=201):
    return {"index": {"_id": str(position), "status": status, **({"error": error} if error else {})}}


BROKEN = {"type": "mapper_parsing_exception", "reason": "failed to parse", "caused_by": {"type": "x", "reason": "bad"}}
REJECTED = {"type": "es_rejected_execution_exception", "reason": "queue is full"}


def test_a_document_that_is_refused_is_an_error_that_names_the_first_cause(server):
    items = [item(0), item(1, REJECTED, 429), item(2, BROKEN, 400), item(3, BROKEN, 400)]
    server.faults += [pass_on(server, "GET"), pass_on(server, "PUT"), (200, {}, {"errors": True, "items": items})]
    with pytest.raises(
        RemoteFailed, match="refused 3 of 4 documents, the one at 2 for mapper_parsing_exception"
    ) as caught:
        search(server, model="mine")
    assert "x: bad" in str(caught.value)
    assert "\n" not in str(caught.value)


def pass_on(server, method):
    """A fault that is none: the answer to a first mapping or a creation."""
    if method == "GET":
        return 404, {}, failed("index_not_found_exception", "no such index", 404)
    return 200, {}, {"acknowledged": True}


def test_documents_that_are_turned_away_for_now_are_sent_again(server):
    items = [item(i, REJECTED, 429) for i in range(3)]
    server.faults += [pass_on(server, "GET"), pass_on(server, "PUT"), (200, {}, {"errors": True, "items": items})]
    server.indices["mine"] = {"name": "mine", "mappings": {}, "settings": {}, "docs": {}}
    retriever = search(server, model="mine")
    assert len(server.paths("/_bulk")) == 2
    assert len(retriever.retrieve(QUERIES[:1], 10)[0]) == 6


def test_documents_that_the_cluster_lost_are_an_error(server, monkeypatch):
    monkeypatch.setattr(ElasticStandIn, "bulk", lambda self, index, body: {"errors": False, "items": []})
    with pytest.raises(Exception, match="holds 0 rows after 10 were put there"):
        search(server)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"responses": []}, "answered 0 of 1 searches"),
        ({"responses": [failed("too_many_clauses", "maxClauseCount is set to 1024")]}, "too_many_clauses"),
        ({"responses": [{"timed_out": True, "hits": {"hits": []}}]}, "searched only a part of its shards"),
        ({"responses": [{"_shards": {"failed": 1}, "hits": {"hits": []}}]}, "searched only a part of its shards"),
        ([], "which is nothing such a server says"),
    ],
)  # fmt: skip
def test_a_search_that_failed_or_is_partial_is_an_error_and_no_ranking(server, answer, message):
    retriever = search(server)
    server.faults += [(200, {}, answer)] * 3
    with pytest.raises(RemoteFailed, match=message):
        retriever.retrieve(QUERIES[:1], 5)


@pytest.mark.parametrize(
    "answer",
    [
        {"responses": [{"status": 200}]},
        {"responses": ["strange"]},
        {"responses": [{"hits": {"hits": [{"_score": 1.0}]}}]},
        {"responses": 3},
        {"responses": [{"error": {"failed_shards": ["strange"]}}]},
    ],
)
def test_a_search_that_is_answered_strangely_is_an_error_in_one_line(server, answer):
    retriever = search(server)
    server.faults += [(200, {}, answer)]
    with pytest.raises(RemoteFailed, match=r"127\.0\.0\.1:\d+") as caught:
        retriever.retrieve(QUERIES[:1], 5)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("mapping", {"mine": "strange"}),
        ("count", {"counted": 3}),
        ("count", {"count": "many"}),
        ("bulk", {"errors": True}),
        ("bulk", {"errors": True, "items": [{"index": {"_id": "0"}}]}),
    ],
)
def test_a_build_that_is_answered_strangely_is_an_error_in_one_line(server, path, answer, monkeypatch):
    if path == "mapping":
        theirs(server, {}, "mine")
    monkeypatch.setattr(ElasticStandIn, path, lambda self, index, body: answer)
    with pytest.raises(RemoteFailed, match=r"answered .*, which is nothing such a server says") as caught:
        search(server, model="mine")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "error", ["strange", {"failed_shards": ["x"]}, {"failed_shards": []}, {"type": 3}, ["x"], None]
)
def test_a_refusal_in_strange_words_is_an_error_in_one_line(server, error):
    retriever = search(server)
    server.faults += [(400, {}, {"error": error})]
    with pytest.raises(RemoteFailed, match="answered 400") as caught:
        retriever.retrieve(QUERIES[:1], 5)
    assert "\n" not in str(caught.value)


def lost(server, monkeypatch, said=None):
    """The index is made, and the answer that says so is lost; perhaps it was another process's, of something else."""
    create = ElasticStandIn.create

    def made(self, name, body):
        status, answer = create(self, name, body)
        if said:
            self.indices[name]["mappings"]["_meta"]["rankify"].update(said)
        return (503, failed("unavailable", "broke off", 503)) if status == 200 else (status, answer)

    monkeypatch.setattr(ElasticStandIn, "create", made)


def test_an_index_that_was_made_though_nobody_said_so_is_filled(server, monkeypatch):
    lost(server, monkeypatch)
    assert search(server, model="mine").retrieve(QUERIES, 5) == search(server).retrieve(QUERIES, 5)


def test_an_index_that_another_process_made_of_something_else_meanwhile_is_refused(server, monkeypatch):
    lost(server, monkeypatch, {"corpus": "d" * 64})
    with pytest.raises(BadInput, match='built with corpus "d'):
        search(server, model="mine")
    assert server.indices["mine"]["docs"] == {}


# keys


@pytest.mark.parametrize(
    ("secret", "sent"), [(KEY, f"ApiKey {KEY}"), ("elastic:hunter2hunter2", basic("elastic:hunter2hunter2"))]
)
def test_keys_come_from_the_environment_and_are_never_told(server, monkeypatch, caplog, secret, sent):
    caplog.set_level(logging.DEBUG)
    server.credentials = sent
    monkeypatch.setenv("MY_LOGIN", secret)
    assert search(server, key="MY_LOGIN").retrieve(QUERIES[:1], 3)[0].ids
    server.credentials = "Another"
    with pytest.raises(
        RemoteFailed, match=r"answered 401 .*the environment variable MY_LOGIN holds another key"
    ) as caught:
        search(server, key="MY_LOGIN")
    for told in (str(caught.value), caplog.text):
        assert secret not in told
        assert sent.partition(" ")[2] not in told


def test_without_a_key_none_is_sent_and_the_error_says_how(server, monkeypatch):
    monkeypatch.setenv("ELASTIC_API_KEY", KEY)
    search(server)
    assert all("Authorization" not in headers for *_, headers in server.asked)
    server.credentials = f"ApiKey {KEY}"
    with pytest.raises(RemoteFailed, match="say with key=NAME which environment variable"):
        search(server)
    monkeypatch.setenv("ELASTIC_URL", server.url)
    named = Elastic(CORPUS)
    assert named.key == "ELASTIC_API_KEY"
    assert server.url in repr(named)


# what is refused at once


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": -1.0}, "k1 is from 0 up"),
        ({"b": 2.0}, "b is from 0 to 1"),
        ({"retries": -1}, "retries=-1"),
        ({"timeout": 0.0}, "timeout=0"),
        ({"model": "x", "fields": "a,,b"}, "fields='a,,b' names no fields"),
        ({"fields": "a"}, "name it, elastic:INDEX"),
        ({"model": "x", "fields": "a", "k1": 2.0}, "k1= is part of an index that is made"),
        ({"id_field": "docid"}, "id_field= is for an index that is there"),
        ({"model": "a b"}, "is no name of an index"),
        ({"key": "elastic:hunter2"}, "key= is the NAME of an environment variable"),
    ],
)
def test_options_that_say_nothing_are_refused(server, options, message):
    with pytest.raises(Misuse, match=message) as caught:
        search(server, **options)
    assert "hunter2" not in str(caught.value)
    assert not server.asked


@pytest.mark.parametrize("url", ["localhost:9200", "http://elastic:hunter2@localhost:9200", "ftp://x"])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(Misuse, match="url") as caught:
        Elastic(CORPUS, url=url)
    assert "hunter2" not in str(caught.value)


def test_somebody_else_at_the_address_is_said_to_be():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(RemoteFailed, match=rf"cannot connect to 127\.0\.0\.1:{port}.*is url right"):
        Elastic(CORPUS, url=f"http://127.0.0.1:{port}", retries=0)
    server = ElasticStandIn(version="none")
    with pytest.raises(RemoteFailed, match="is neither Elasticsearch nor OpenSearch"):
        Elastic(CORPUS, url=server.url)
    server.close()


# dense vectors there


def test_dense_vectors_in_a_cluster_give_what_exact_search_gives(server, tiny_bert, tmp_path, monkeypatch):
    options = {"index": "elastic", "uri": server.url}
    wanted = Dense(CORPUS, tiny_bert, pooling="mean").retrieve(QUERIES, 20)
    one = Dense(CORPUS, tiny_bert, pooling="mean", **options)
    assert one.retrieve(QUERIES, 20) == wanted
    assert Dense(CORPUS, tiny_bert, pooling="mean", folder=str(tmp_path), **options).retrieve(QUERIES, 20) == wanted
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    assert rankify.retriever(repr(one), CORPUS).retrieve(QUERIES, 20) == wanted
    [name] = server.indices
    with pytest.raises(BadInput, match=r"encoder\.normalize true, and false is asked for"):
        Dense(CORPUS, tiny_bert, pooling="mean", normalize=False, collection=name, **options)
    graph = Dense(CORPUS, tiny_bert, pooling="mean", index="elastic-hnsw", uri=server.url, folder=str(tmp_path))
    assert [set(r.ids) for r in graph.retrieve(QUERIES, 20)] == [set(r.ids) for r in wanted]
    assert np.isfinite(wanted[0].scores).all()


def test_dense_vectors_need_the_cluster_named(tiny_bert):
    with pytest.raises(Misuse, match="index=elastic needs the uri= of Elasticsearch or OpenSearch"):
        Dense(CORPUS, tiny_bert, pooling="mean", index="elastic")
