"""HyDE: what is asked, which vector is searched for, what becomes of bad replies, how it is written."""

import numpy as np
import pytest

from rankify import expressions
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.dense import Dense
from rankify.retrieve.hyde import HyDE
from rankify.types import Query
from tests import tiny_llm
from tests.scripted_llm import Scripted

WORDS = ["cat", "dog", "rank", "query", "document", "retrieval", "neural", "network", "what", "is"]
CORPUS = Corpus(Document(f"d{i}", f"{WORDS[i % 10]} {WORDS[i // 10]} {i}") for i in range(40))
QUERIES = [Query("1", "cat"), Query("2", "what is retrieval"), Query("3", "neural network")]
TASKS = ["arguana", "dbpedia-entity", "fiqa", "mr-tydi", "scifact", "trec-covid", "trec-news", "web-search"]


@pytest.fixture(scope="module")
def dense(tiny_bert):
    return Dense(CORPUS, tiny_bert, pooling="mean", query_prefix="query ", document_prefix="document ")


def says(prompt, number):
    return f" the {prompt.split()[-2]} network {number} \n\n\n and more"


def passages(query, n):
    return [f"the {query.text.split()[-1]} network {number}" for number in range(n)]


def searched(dense, queries, texts, k=40):
    """What is found for the mean of a query's vector and those of texts."""
    own = dense.encoder.encode_queries([query.text for query in queries])
    rows = [dense.encoder.encode_passages(some) if some else np.empty((0, 16)) for some in texts]
    vectors = np.stack([np.vstack([v, r]).mean(axis=0) for v, r in zip(own, rows, strict=True)])
    return dense.nearest(queries, vectors.astype(np.float32), k)


@pytest.mark.parametrize("n", [1, 2, 8])
def test_the_search_is_for_the_mean_of_the_query_and_the_passages(dense, n):
    found = (HyDE(dense, llm=Scripted(says), passages=n) % 40)(QUERIES)
    right = searched(dense, QUERIES, [passages(query, n) for query in QUERIES])
    for one, other in zip(found, right, strict=True):
        assert one.query == other.query
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-5)


def test_a_passage_is_asked_for_eight_times_as_published(dense):
    llm = Scripted(says)
    (HyDE(dense, llm=llm) % 5)(QUERIES)
    assert llm.batches == 1
    assert llm.asked[::8] == [
        f"Please write a passage to answer the question.\nQuestion: {query.text}\nPassage:" for query in QUERIES
    ]
    assert llm.asked[:8] == [llm.asked[0]] * 8
    assert {(one.temperature, one.top_p) for one in llm.samplings} == {(0.7, 1.0)}
    assert len({one.seed for one in llm.samplings}) == 24
    assert set(llm.most) == {512}


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_its_prompt(dense, task):
    llm = Scripted(says)
    (HyDE(dense, llm=llm, task=task, passages=1) % 5)(QUERIES[:1])
    [asked] = llm.asked
    assert asked.startswith("Please write a")
    assert asked.splitlines()[1].endswith(": cat")


def test_a_language_can_be_named(dense):
    llm = Scripted(says)
    (HyDE(dense, llm=llm, task="mr-tydi", language="Swahili", passages=1) % 5)(QUERIES[:1])
    assert llm.asked[0].startswith("Please write a passage in Swahili to answer")


def test_passages_that_are_empty_are_left_out_and_counted(dense):
    replies = {"cat": ["", "the dog", " \n"], "retrieval": ["", "", "<think> hm"], "network": ["a", "b", "c"]}
    llm = Scripted(lambda prompt, number: replies[prompt.split()[-2]][number])
    run = (HyDE(dense, llm=llm, passages=3) % 40)(QUERIES)
    right = searched(dense, QUERIES, [["the dog"], [], ["a", "b", "c"]])
    assert [r.ids for r in run] == [r.ids for r in right]
    assert run[1].ids == (dense % 40)(QUERIES)[1].ids
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["refined"], counts["kept"]) == (9, 5, 2, 1)
    assert counts["retriever tokens"] > 0
    assert counts["passes"] == 1


def test_blank_queries_are_not_asked_about(dense):
    llm = Scripted(says)
    queries = [Query("0", ""), *QUERIES, Query("4", " ")]
    run = (HyDE(dense, llm=llm, passages=2) % 5)(queries)
    assert len(llm.asked) == 6
    assert run[0] == (dense % 5)(queries)[0]
    assert run.reports[-1].counts["kept"] == 2
    assert len((HyDE(dense, llm=llm) % 5)([])) == 0


def test_a_real_network_writes_the_same_whatever_else_is_asked(dense, tmp_path):
    stage = HyDE(dense, llm=tiny_llm.llama(tmp_path), passages=2, max_tokens=6) % 9
    together = stage(QUERIES)
    for one, other in zip(together, [stage([query])[0] for query in QUERIES], strict=True):
        assert one.ids == other.ids
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
    assert together != (dense % 9)(QUERIES)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "scifct"}, UnknownName, "no task of hyde 'scifct'; did you mean 'scifact'"),
        ({"language": "Thai"}, Misuse, "language=Thai: the prompt of task 'web-search' names no language"),
        ({"passages": 0}, Misuse, "passages=0: it is a whole number from 1 up"),
        ({"temperature": 0.0}, Misuse, "temperature=0 and passages=8: they would all be the same"),
        ({"temperature": float("nan")}, Misuse, "temperature=nan"),
        ({"max_tokens": 0}, Misuse, "max_tokens=0"),
    ],
)
def test_options_that_cannot_be_are_refused(dense, options, error, message):
    with pytest.raises(error, match=message):
        HyDE(dense, llm=Scripted(), **options)


def test_greedily_there_is_one_passage(dense):
    llm = Scripted(says)
    (HyDE(dense, llm=llm, passages=1, temperature=0.0) % 5)(QUERIES)
    assert llm.samplings == [None] * 3


def test_it_searches_with_dense():
    with pytest.raises(Misuse, match="hyde searches with dense, which bm25 is not"):
        HyDE(BM25(CORPUS), llm=Scripted())


def test_a_pipeline_reads_back_from_its_text(tiny_bert, tmp_path):
    dense, llm = f"dense:{tiny_bert}?pooling=mean", f"hf:{tiny_llm.llama(tmp_path)}?device=cpu"
    text = f"hyde({dense}, llm={llm}, task=scifact, passages=2, max_tokens=4) % 9"
    stage = expressions.pipeline(text, CORPUS)
    assert repr(stage) == text
    assert stage(QUERIES) == expressions.pipeline(repr(stage), CORPUS)(QUERIES)
    bare = expressions.pipeline(text.replace("llm=hf:", "llm="), CORPUS)
    assert repr(bare) == text
