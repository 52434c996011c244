"""Multi-query: what is asked and read, what is searched for and fused, how it is written."""

import pytest

from rankify import expressions, fuse
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.multi_query import MultiQuery, rewritings
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.scripted_llm import Scripted

WORDS = ["cat", "dog", "fox", "owl", "elk", "hen", "ant", "bee"]
CORPUS = Corpus(Document(f"d{i}", f"{WORDS[i % 8]} {WORDS[i // 8]} {WORDS[i % 3]}") for i in range(40))
QUERIES = [Query("1", "cat"), Query("2", "dog fox")]
REPLIES = {"cat": "1. fox owl\n2. elk\n3. Cat\n4. ant bee\n5. hen", "fox": "- owl\n- owl "}


def says(prompt, number):
    return REPLIES[prompt.splitlines()[-2].split()[-1]]


@pytest.fixture(scope="module")
def bm25():
    return BM25(CORPUS, threads=1)


def fused(bm25, query, texts, k=40, depth=1000, fusion=fuse.rrf):
    runs = []
    for text in texts:
        [found] = bm25.retrieve([Query("x", text)], depth)
        runs.append(Run([Ranking(query, found.documents, found.scores)]))
    return fusion(*runs, depth=max(depth, k))[0].head(k)


def test_the_query_and_the_others_are_searched_for_and_fused(bm25):
    run = (MultiQuery(bm25, llm=Scripted(says)) % 30)(QUERIES)
    assert run[0] == fused(bm25, QUERIES[0], ["cat", "fox owl", "elk", "ant bee", "hen"], 30)
    assert run[1] == fused(bm25, QUERIES[1], ["dog fox", "owl"], 30)
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["queries"], counts["refined"]) == (2, 0, 7, 2)


def test_no_more_than_were_asked_for_are_searched_for(bm25):
    llm = Scripted(says)
    run = (MultiQuery(bm25, llm=llm, queries=2) % 30)(QUERIES)
    assert run[0] == fused(bm25, QUERIES[0], ["cat", "fox owl", "elk"], 30)
    assert llm.asked[0].endswith("\nOUTPUT (2 queries):")


def test_the_query_itself_may_be_left_out(bm25):
    run = (MultiQuery(bm25, llm=Scripted(says), own=False) % 30)(QUERIES)
    assert run[1] == fused(bm25, QUERIES[1], ["owl"], 30)


def test_it_is_asked_as_published_and_greedily(bm25):
    llm = Scripted(says)
    (MultiQuery(bm25, llm=llm) % 5)(QUERIES[:1])
    assert [(m.role, m.content) for m in llm.prompts[0].messages] == [
        ("system", "You are a helpful assistant that generates multiple search queries based on a single input query."),
        ("user", "Generate multiple search queries related to: cat\nOUTPUT (4 queries):"),
    ]
    assert llm.samplings == [None]


@pytest.mark.parametrize("fusion", ["combmnz", "rrf?k=1"])
def test_any_fusion_serves(bm25, fusion):
    run = (MultiQuery(bm25, llm=Scripted(says), fusion=fusion) % 30)(QUERIES)
    how = fuse.combmnz if fusion == "combmnz" else lambda *runs, depth: fuse.rrf(*runs, k=1, depth=depth)
    assert run[0] == fused(bm25, QUERIES[0], ["cat", "fox owl", "elk", "ant bee", "hen"], 30, fusion=how)


def test_fewer_documents_are_the_head_of_more(bm25):
    stage = MultiQuery(bm25, llm=Scripted(says))
    assert [r.ids[:3] for r in (stage % 30)(QUERIES)] == [r.ids for r in (stage % 3)(QUERIES)]
    shallow = (MultiQuery(bm25, llm=Scripted(says), depth=5) % 3)(QUERIES)
    assert shallow[0] == fused(bm25, QUERIES[0], ["cat", "fox owl", "elk", "ant bee", "hen"], 3, depth=5)


def test_a_query_without_a_readable_list_is_searched_for_alone_and_counted(bm25):
    llm = Scripted(lambda prompt, number: "" if "dog" in prompt else "1. owl")
    run = (MultiQuery(bm25, llm=llm, own=False) % 30)([*QUERIES, Query("3", " ")])
    assert run[1].ids == (bm25 % 30)(QUERIES)[1].ids
    assert len(run[2]) == 0
    counts = run.reports[-1].counts
    assert (counts["asked"], counts["unreadable"], counts["refined"], counts["kept"]) == (2, 1, 1, 2)


def test_all_together_as_one_by_one(bm25):
    stage = MultiQuery(bm25, llm=Scripted(says)) % 9
    assert list(stage(QUERIES)) == [stage([query])[0] for query in QUERIES]
    assert len(stage([])) == 0


@pytest.mark.parametrize(
    ("reply", "wanted"),
    [
        ("1. a b\n2. c", ["a b", "c"]),
        ("1) a\n(2) b\n3: c\n- d\n* e\n\u2022 f", ["a", "b", "c", "d", "e", "f"]),
        ('OUTPUT:\n"a b"\n**c**', ["a b", "c"]),
        ("Here are four:\n1. \u201ca\u201d\n\nHope this helps!", ["a"]),
        ("3D printing\n2 cats", ["3D printing", "2 cats"]),
        ("", []),
        ("Queries:\n1. \n2. ''", []),
    ],
)
def test_what_a_reply_lists(reply, wanted):
    assert rewritings(reply) == wanted


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"queries": 0}, Misuse, "queries=0: it is a whole number from 1 up"),
        ({"depth": True}, Misuse, "depth=True"),
        ({"fusion": "rff"}, UnknownName, "no fusion 'rff'; did you mean 'rrf'"),
        ({"fusion": "rrf?q=3"}, UnknownName, "no option of fusion 'rrf' 'q'"),
        ({"fusion": "route"}, Misuse, "fusion=route, which has to take any number of runs: route takes two pipelines"),
        ({"fusion": "posfuse"}, Misuse, "posfuse has to learn first"),
        ({"fusion": "weighted?weights=1:2"}, Misuse, "2 weights for 1 parts"),
        ({"fusion": "rrf?weights=1"}, Misuse, "1 weights for 2 parts"),
    ],
)
def test_options_that_cannot_be_are_refused(bm25, options, error, message):
    with pytest.raises(error, match=message):
        MultiQuery(bm25, llm=Scripted(), **options)


def test_a_pipeline_reads_back_from_its_text(tmp_path):
    llm = f"hf:{tiny_llm.llama(tmp_path)}?device=cpu"
    for text in (
        f"multi-query(bm25, llm={llm}, queries=3, fusion=combsum, max_tokens=4) % 9",
        f"multi-query(bm25?k1=1.2, llm={llm}, own=false, max_tokens=4) >> without-query % 3",
    ):
        stage = expressions.pipeline(text, CORPUS)
        assert repr(stage) == text
        assert stage(QUERIES) == expressions.pipeline(repr(stage), CORPUS)(QUERIES)
