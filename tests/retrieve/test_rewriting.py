"""Rewritten queries and questions that stand alone: what is asked and read, what the run's queries are."""

import pytest

from rankify import expressions
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.rewriting import Rewrite, Standalone, rewritten, turns_of
from rankify.types import Query
from tests import tiny_llm
from tests.scripted_llm import Scripted

CORPUS = Corpus(Document(f"d{i}", text) for i, text in enumerate(["ann singer", "bob sister", "ann bob", "other"]))
QUERIES = [Query("1", "Who is that singer?"), Query("2", "other")]
HISTORY = ["Who is Ann?", "A singer."]


@pytest.fixture(scope="module")
def bm25():
    return BM25(CORPUS, threads=1)


def test_what_was_rewritten_is_searched_for_and_the_question_stays(bm25):
    llm = Scripted(lambda prompt, number: "ann singer** \n\n Question: more")
    run = (Rewrite(bm25, llm=llm) % 5)(QUERIES)
    assert run[0].ids == bm25.retrieve([Query("x", "ann singer")], 5)[0].ids
    assert [r.query for r in run] == QUERIES
    assert llm.asked[0].startswith("Provide a better search query for web search engine to answer the given question")
    assert llm.asked[0].endswith("Query: laughing gas name** \n\n Question: Who is that singer? \n\n Query: ")
    assert (llm.samplings, llm.most) == ([None, None], [64, 64])


def test_a_question_whose_reply_cannot_be_read_is_searched_for_as_it_is(bm25):
    llm = Scripted(lambda prompt, number: "**" if "other" in prompt else "bob")
    run = (Rewrite(bm25, llm=llm) % 5)([*QUERIES, Query("3", "")])
    assert run[1] == (bm25 % 5)(QUERIES)[1]
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["refined"], counts["kept"]) == (2, 1, 1, 2)


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("ann", "ann"),
        ('"ann singer"\nbecause', "ann singer"),
        ("Query: ann", "ann"),
        ("**Rewritten Query:** `ann`", "ann"),
        ("Better search query: ann: a life", "ann: a life"),
        ("Standalone question:\nWho?", ""),
        ("queryable: x", "queryable: x"),
        ("\n''\n ann", "ann"),
        ("", ""),
    ],
)
def test_what_a_reply_says(reply, wanted):
    assert rewritten(reply) == wanted


def test_a_question_of_a_conversation_becomes_one_that_stands_alone(bm25):
    llm = Scripted(lambda prompt, number: "Who is Ann's sister Bob?")
    follows = Query("1", "And her sister?", {"history": HISTORY, "other": 1})
    run = (Standalone(bm25, llm=llm) % 5)([follows, QUERIES[1]])
    [asked] = llm.asked
    assert asked == (
        "Given the following conversation and a follow up question, rephrase the follow up question to be a standalone "
        "question, in its original language.\n\nChat History:\nHuman: Who is Ann?\nAssistant: A singer.\n"
        "Follow Up Input: And her sister?\nStandalone question:"
    )
    assert run[0].query == Query("1", "Who is Ann's sister Bob?", {"other": 1})
    assert run[0].ids == bm25.retrieve([run[0].query], 5)[0].ids
    assert run[1] == (bm25 % 5)(QUERIES)[1]
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["refined"], counts["kept"], counts["forgotten"]) == (1, 1, 1, 0)


def test_a_question_that_could_not_be_rewritten_stays(bm25):
    follows = Query("1", "And her sister?", {"history": HISTORY})
    run = (Standalone(bm25, llm=Scripted()) % 5)([follows])
    assert run[0].query == follows
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["kept"]) == (1, 1, 1)


def test_nothing_is_asked_without_conversations(bm25):
    llm = Scripted()
    assert (Standalone(bm25, llm=llm) % 5)(QUERIES) == (bm25 % 5)(QUERIES)
    assert not llm.asked
    assert len((Standalone(bm25, llm=llm) % 5)([])) == 0


def test_of_a_long_conversation_the_oldest_turns_are_forgotten(bm25):
    llm = Scripted(lambda prompt, number: "ann", context=80)
    turns = [f"turn {i} <s> {'hm ' * 8}" for i in range(9)]
    run = (Standalone(bm25, llm=llm, max_tokens=10) % 5)([Query("1", "And?", {"history": turns})])
    [asked] = llm.asked
    kept = asked.split("Chat History:\n")[1].split("\nFollow Up")[0].splitlines()
    assert [line.split()[:3] for line in kept] == [["Assistant:", "turn", "7"], ["Human:", "turn", "8"]]
    assert "<s>" not in asked
    assert len(asked.split()) <= 70
    assert run.reports[-1].counts["forgotten"] == 7


@pytest.mark.parametrize(
    ("history", "wanted"),
    [
        (["a ", "b", "c"], ["Human: a", "Assistant: b", "Human: c"]),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], ["Human: a", "Assistant: b"]),
        ([{"role": "Ann", "content": "a"}], ["Ann: a"]),
        ([], []),
        (None, []),
    ],
)
def test_the_turns_of_a_conversation(history, wanted):
    assert turns_of(Query("1", "q", {"history": history})) == wanted
    assert turns_of(Query("1", "q")) == []


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ("a", "query '1': its history is 'a'; it is a list"),
        ({"a": 1}, "it is a list"),
        ([1], "turn 1 of its history is 1; it is a text or a message"),
        (["a", {"role": "user"}], "turn 2"),
    ],
)
def test_a_history_that_is_none_is_refused(history, message):
    with pytest.raises(BadInput, match=message):
        turns_of(Query("1", "q", {"history": history}))


def test_pipelines_read_back_from_their_texts(tmp_path):
    llm = f"hf:{tiny_llm.llama(tmp_path)}?device=cpu"
    for name in ("rewrite", "standalone"):
        text = f"{name}(bm25, llm={llm}, max_tokens=4, temperature=0.5, seed=3) % 5"
        stage = expressions.pipeline(text, CORPUS)
        assert repr(stage) == text
        follows = [Query("1", "And her sister?", {"history": HISTORY})]
        assert stage(follows) == expressions.pipeline(repr(stage), CORPUS)(follows)
