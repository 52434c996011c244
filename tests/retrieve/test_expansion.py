"""What every expansion promises, whichever retriever and model it is given, and how its text is read."""

import numpy as np
import pytest

from rankify import expressions, registry
from rankify.cli import main
from rankify.errors import Misuse, RankifyError, UnknownName
from rankify.experiment.execute import execute
from rankify.experiment.plan import Experiment
from rankify.io.beir import write_beir
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.dense import Dense
from rankify.types import Qrels, Query
from tests import tiny_llm
from tests.contracts.collections import corpus, queries
from tests.scripted_llm import Scripted

EXPANSIONS = registry.names("expansion")


@pytest.fixture(scope="module")
def retrievers(tiny_bert):
    return {"dense": Dense(corpus(), tiny_bert, pooling="mean"), "bm25": BM25(corpus(), threads=1)}


@pytest.fixture(params=EXPANSIONS)
def expansion(request, retrievers):
    """An expansion of each name whose model answers every third prompt with nothing."""
    factory = registry.find("expansion", request.param)
    retriever = retrievers["dense" if factory.over is Dense else "bm25"]
    return factory(retriever, llm=Scripted(lambda prompt, number: ["", "1. cat dog", "neural"][len(prompt) % 3]))


def asked():
    return [Query(q.id, q.text, {"history": ["What of cats?"]}) for q in queries()]


@pytest.mark.parametrize("k", [1, 2, 17, 5000])
def test_at_most_k_documents_best_first_none_twice(expansion, k):
    run = expansion.retrieve(asked(), k)
    assert [r.query.id for r in run] == [q.id for q in queries()]
    for ranking in run:
        assert len(ranking) <= min(k, 17)
        assert np.isfinite(ranking.scores).all()


def test_fewer_is_the_head_of_more(expansion):
    many, few = expansion.retrieve(asked(), 10), expansion.retrieve(asked(), 3)
    assert [r.ids[:3] for r in many] == [r.ids for r in few]


def test_all_queries_at_once_as_one_by_one(expansion):
    together = expansion.retrieve(asked(), 10)
    alone = [expansion.retrieve([q], 10)[0] for q in asked()]
    assert [r.ids for r in together] == [r.ids for r in alone]


def test_twice_the_same_and_nothing_of_nothing(expansion):
    assert expansion.retrieve(asked(), 10) == expansion.retrieve(asked(), 10)
    assert len(expansion.retrieve([], 10)) == 0


def test_the_queries_are_those_that_were_asked(expansion):
    if expansion.name != "standalone":
        assert [r.query for r in expansion.retrieve(asked(), 3)] == asked()


def test_every_reply_and_every_query_is_counted(expansion):
    counts = (expansion % 3)(asked()).reports[-1].counts
    assert counts["refined"] + counts["kept"] == 10
    assert counts["asked"] == len(expansion.llm.asked) >= 9
    assert 0 < counts["unreadable"] < counts["asked"]
    assert counts["passes"] == 1


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("hyde", Misuse, r"cannot read 'hyde'; write hyde\(dense:MODEL, llm=LLM\)"),
        ("hyde:x", Misuse, "cannot read 'hyde:x'"),
        ("hyde(dense:x)", Misuse, "cannot read"),
        ("hyde(dense:x, dense:y, llm=x)", Misuse, "cannot read"),
        ("hyde(dense:x % 9, llm=x)", Misuse, "cannot read"),
        ("hyde(bm25, llm=x)", Misuse, r"hyde cannot search with 'bm25'; write hyde\(dense:MODEL, llm=LLM\)"),
        ("rewrite()", Misuse, r"cannot read 'rewrite\(\)'; write rewrite\(RETRIEVER, llm=LLM\)"),
        ("rewrite(rrf(bm25, bm25), llm=x)", Misuse, "cannot read"),
        ("rewrite(bm52, llm=x)", UnknownName, "did you mean 'bm25'"),
        ("rewrite(bm25, llm=http:x?bse_url=y)", UnknownName, "did you mean 'base_url'"),
        ("rewrite(bm25, llm=x?dtyp=y)", UnknownName, "did you mean 'dtype'"),
        ("rewrite(bm25, llm=x, seeds=3)", UnknownName, "did you mean 'seed'"),
        ("rewrite(bm25, llm=x, seed=few)", Misuse, "should be a whole number"),
        ("bm25 >> rewrite(bm25, llm=x)", Misuse, "searches, so it stands first"),
    ],
)
def test_a_wrong_text_is_refused_before_anything_is_built(text, error, message):
    with pytest.raises(error, match=message):
        expressions.reads(text)
    with pytest.raises(RankifyError):
        expressions.pipeline(text, corpus())


def test_a_right_text_is_checked_without_a_model():
    text = (
        "rrf(hyde(dense:x, llm=cached:http:m?base_url=http://h/v1, passages=3) % 9, rewrite(bm25, llm=y)) >> extractive"
    )
    assert expressions.reads(text)
    assert [(kind, str(spec)) for kind, spec in expressions.components(text)] == [
        ("retriever", "dense:x"), ("llm", "cached:http:m?base_url=http://h/v1"), ("expansion", "hyde?passages=3"),
        ("retriever", "bm25"), ("llm", "hf:y"), ("expansion", "rewrite"), ("fusion", "rrf"), ("reader", "extractive"),
    ]  # fmt: skip


def test_it_needs_a_corpus():
    with pytest.raises(Misuse, match="needs a corpus"):
        expressions.pipeline("rewrite(bm25, llm=simulated:x)")


@pytest.fixture
def small(tmp_path):
    write_beir(
        tmp_path / "small", corpus(40), [Query("1", "cat"), Query("2", "neural")], {"test": Qrels({"1": {"q": 1}})}
    )
    return tmp_path / "small"


def test_an_experiment_shares_index_and_model_and_notes_the_model(small, tmp_path):
    llm = f"hf:{tiny_llm.llama(tmp_path / 'llama')}?device=cpu"
    systems = {
        "bm25": "bm25 % 9",
        "rewritten": f"rewrite(bm25, llm={llm}, max_tokens=4) % 9",
        "several": f"multi-query(bm25, llm={llm}, max_tokens=4) % 9",
    }
    said = {"name": "q", "datasets": ["small"], "systems": systems, "measures": "R@9", "baseline": "bm25"}
    results = execute(Experiment.of(said, folder=tmp_path), tmp_path / "out")
    cells = results.cells["small"]
    assert len(list((tmp_path / "out" / "indexes").glob("bm25*"))) == 1
    [stage] = cells["rewritten"]["stages"]
    assert stage["stage"] == systems["rewritten"]
    assert stage["counts"]["asked"] == 1


def from_a_shell(*words):
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return left.value.code


def test_the_command_line_searches_and_lists_and_shows(small, tmp_path, capsys):
    pipeline = f"rewrite(bm25, llm={tiny_llm.llama(tmp_path / 'llama')}?device=cpu, max_tokens=4) % 5"
    assert from_a_shell("search", pipeline, small, "-o", tmp_path / "run.trec") == 0
    assert (tmp_path / "run.trec").read_text()
    assert from_a_shell("list", "expansions") == from_a_shell("list", "expansions", "--json") == 0
    assert from_a_shell("show", "hyde") == from_a_shell("show", "hyde", "--json") == 0
    assert from_a_shell("show", pipeline) == 0
    assert "multi-query" in capsys.readouterr().out
