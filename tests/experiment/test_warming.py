"""First stages are warmed up before they are timed, where that asks nobody elsewhere."""

from types import SimpleNamespace

import pytest

from rankify.experiment.available import runs_here
from rankify.experiment.execute import execute
from rankify.retrieve.bm25 import BM25


@pytest.fixture
def slow_at_first(monkeypatch):
    """BM25 whose first search takes 100 seconds and each later one 1, by the clock of the stages; how many it asked."""
    asked, clock, retrieve = [], [0.0], BM25.retrieve

    def counted(self, queries, k):
        clock[0] += 1 if asked else 100
        asked.append(len(queries))
        return retrieve(self, queries, k)

    monkeypatch.setattr(BM25, "retrieve", counted)
    monkeypatch.setattr(BM25, "counts", lambda self: {"asked": asked[-1]})
    monkeypatch.setattr("rankify.stages.time", SimpleNamespace(perf_counter=lambda: clock[0]))
    return asked


def test_what_only_the_first_query_takes_is_in_no_seconds_and_no_counts(experiment, slow_at_first, tmp_path):
    systems = {"one": "bm25 % 4", "other": "bm25?k1=2 % 4 >> rm3(bm25) % 3"}
    cells = execute(experiment(systems, "RR@10"), tmp_path / "out").cells["songs"]
    [one], [other, fed] = (cells[system]["stages"] for system in systems)
    assert [(stage["seconds"], stage["counts"]) for stage in (one, other)] == [(1, {"asked": 6})] * 2
    assert slow_at_first[:4] == [1, 6, 1, 6]
    assert fed["stage"].startswith("rm3")


def test_a_service_is_asked_for_nothing_that_is_not_needed(experiment, slow_at_first, served, tmp_path):
    system = f"query2doc(bm25, llm=http:m?base_url={served.url}) % 4"
    execute(experiment({"expanded": system}, "RR@10"), tmp_path / "out")
    assert (slow_at_first, len(served.bodies)) == ([6], 6)


@pytest.mark.parametrize(
    ("pipeline", "here"),
    [
        ("bm25 % 9", True),
        ("rrf(bm25 % 9, bm25-multifield) % 4", True),
        ("dense:some/model % 9", True),
        ("rrf(bm25, dense:openai:text-embedding-3-small)", False),
        ("dense:http:m?base_url=http://x", False),
        ("dense:some/model?index=qdrant&uri=http://localhost:6333", False),
        ("elastic", False),
        ("web:searxng?url=http://x", False),
        ("query2doc(bm25, llm=http:gpt-4o)", False),
        ("query2doc(bm25, llm=cached:http:gpt-4o)", False),
        ("query2doc(bm25, llm=litellm:gpt-4o)", False),
        ("query2doc(bm25, llm=hf:some/model)", True),
    ],
)
def test_what_asks_somebody_elsewhere_is_known(pipeline, here):
    assert runs_here(pipeline) == here
