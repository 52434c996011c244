"""query2doc: what is asked, what is searched for on term indexes and dense ones, how it is written."""

import json

import pytest

from rankify import expressions
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.dense import Dense
from rankify.retrieve.query2doc import Query2Doc
from rankify.types import Query
from tests import tiny_llm
from tests.scripted_llm import Scripted

CORPUS = Corpus(Document(f"d{i}", text) for i, text in enumerate(["cat", "dog cat", "cat neural", "network", "rank"]))
QUERIES = [Query("1", "cat"), Query("2", "what is rank", {"kept": 1})]


def says(prompt, number):
    return f" neural {prompt.split()[-2]}"


@pytest.fixture(scope="module")
def bm25():
    return BM25(CORPUS, threads=1)


@pytest.fixture(scope="module")
def dense(tiny_bert):
    return Dense(CORPUS, tiny_bert, pooling="mean")


def found_for(retriever, texts):
    return [r.ids for r in retriever.retrieve([Query(str(i), text) for i, text in enumerate(texts)], 5)]


def test_where_terms_are_counted_the_query_stands_five_times_before_the_passage(bm25):
    run = (Query2Doc(bm25, llm=Scripted(says)) % 5)(QUERIES)
    texts = ["cat cat cat cat cat neural cat", " ".join(["what is rank"] * 5) + " neural rank"]
    right = bm25.retrieve([Query(q.id, text) for q, text in zip(QUERIES, texts, strict=True)], 5)
    assert [(r.ids, r.scores.tolist()) for r in run] == [(r.ids, r.scores.tolist()) for r in right]
    assert [r.query for r in run] == QUERIES
    assert run[1].query.metadata == {"kept": 1}
    assert run[0].documents.store is CORPUS


def test_a_dense_retriever_reads_query_separator_and_passage(dense, monkeypatch):
    read = []
    encode = dense.encoder.encode_queries
    monkeypatch.setattr(dense.encoder, "encode_queries", lambda texts: read.extend(texts) or encode(texts))
    run = (Query2Doc(dense, llm=Scripted(says)) % 5)(QUERIES)
    assert read == ["cat [SEP] neural cat", "what is rank [SEP] neural rank"]
    assert [r.ids for r in run] == found_for(dense, read[:2])
    row = dense.encoder.checkpoint.tokenizer(read[0])["input_ids"]
    assert row.count(dense.encoder.checkpoint.tokenizer.sep_token_id) == 2


class Provider:
    """An encoder that shows no tokenizer."""


class Remote(BM25):
    encoder = Provider()


def test_a_line_break_separates_where_no_tokenizer_is_known(monkeypatch):
    read = []
    retriever = Remote(CORPUS, threads=1)
    monkeypatch.setattr(retriever, "terms", lambda texts: read.extend(texts) or BM25.terms(retriever, texts))
    (Query2Doc(retriever, llm=Scripted(says)) % 5)(QUERIES[:1])
    assert read == ["cat\nneural cat"]


def test_the_query_may_stand_as_often_as_one_likes(bm25):
    run = (Query2Doc(bm25, llm=Scripted(says), repeat=2) % 5)(QUERIES[:1])
    assert run[0].ids == found_for(bm25, ["cat cat neural cat"])[0]


def test_it_is_asked_without_examples_and_drawn_as_published(bm25):
    llm = Scripted(says)
    (Query2Doc(bm25, llm=llm) % 5)(QUERIES[:1])
    assert llm.asked == ["Write a passage that answers the given query:\n\nQuery: cat\nPassage:"]
    assert (llm.samplings[0].temperature, llm.samplings[0].top_p, llm.most) == (1.0, 1.0, [128])


def test_examples_of_a_file_are_shown_in_their_order(bm25, tmp_path):
    path = tmp_path / "examples.jsonl"
    rows = [{"query": "a?", "passage": " An a.\n"}, {"query": "b?", "passage": "A b. {{ query }}"}]
    path.write_text("\n".join(map(json.dumps, rows)))
    llm = Scripted(says)
    (Query2Doc(bm25, llm=llm, examples=str(path)) % 5)(QUERIES[:1])
    [asked] = llm.asked
    assert asked == (
        "Write a passage that answers the given query:\n\nQuery: a?\nPassage: An a.\n\n"
        "Query: b?\nPassage: A b. {{ query }}\n\nQuery: cat\nPassage:"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"query": "a"}', r"examples.jsonl:1: an example has a query and a passage"),
        ('{"query": "a", "passage": 3}', "each a text"),
        ('{"query": "a", "passage": " "}', "each a text"),
        ("[]", "has no examples"),
        ("no", "malformed JSON"),
    ],
)
def test_examples_that_are_none_are_refused(bm25, tmp_path, text, message):
    path = tmp_path / "examples.jsonl"
    path.write_text(text)
    with pytest.raises(BadInput, match=message):
        Query2Doc(bm25, llm=Scripted(), examples=str(path))


def test_a_query_without_a_readable_passage_is_searched_for_as_it_is_and_counted(bm25):
    llm = Scripted(lambda prompt, number: "" if "cat" in prompt else "neural")
    run = (Query2Doc(bm25, llm=llm) % 5)([*QUERIES, Query("3", "")])
    assert run[0] == (bm25 % 5)(QUERIES)[0]
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["refined"], counts["kept"]) == (2, 1, 1, 2)


@pytest.mark.parametrize("repeat", [0, True, 1.5])
def test_a_number_of_times_is_a_whole_one(bm25, repeat):
    with pytest.raises(Misuse, match="it is a whole number from 1 up"):
        Query2Doc(bm25, llm=Scripted(), repeat=repeat)


def test_it_needs_a_retriever():
    with pytest.raises(Misuse, match="query2doc searches with a retriever, which 'bm25' is not"):
        Query2Doc("bm25", llm=Scripted())


def test_a_pipeline_reads_back_from_its_text_and_builds_a_model_once(tmp_path, tiny_bert, monkeypatch):
    llm, loaded = f"hf:{tiny_llm.llama(tmp_path)}?device=cpu", []
    monkeypatch.setattr("rankify.llm.hf.loaded", _noting("rankify.llm.hf.loaded", loaded))
    text = (
        f"rrf(query2doc(bm25, llm={llm}, max_tokens=4) % 5, "
        f"query2doc(dense:{tiny_bert}?pooling=mean, llm={llm}, repeat=2, max_tokens=4) % 5)"
    )
    stage = expressions.pipeline(text, CORPUS)
    assert len(loaded) == 1
    assert repr(stage) == text
    assert stage(QUERIES) == expressions.pipeline(repr(stage), CORPUS)(QUERIES)


def _noting(name, calls):
    import importlib

    module, _, attribute = name.rpartition(".")
    real = getattr(importlib.import_module(module), attribute)
    return lambda *args, **options: calls.append(args) or real(*args, **options)
