"""What answers cost: the reader's own prompts, those of its searches, and those of the pipeline before it."""

import pytest

from rankify.rag.methods.iterative import iter_retgen
from rankify.rag.methods.once import basic
from rankify.stages import Answering, Reranker, spent
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

SHELVES = {"who?": [("a", "Ann.")], "who? Ann.": [("a", "Ann.")]}


class Asking(Reranker):
    """Keeps the order, and says what it took."""

    name = "asking"

    def __init__(self, llm=None, **counts):
        self.llm, self.said = llm, counts or {"asked": 2, "prompt_tokens": 100, "passes": 2, "unreadable": 1}

    def rerank(self, run):
        if self.llm:
            self.llm.passes += self.said["passes"]
        return run

    def counts(self):
        return self.said


def test_searches_of_a_reader_are_among_its_costs_and_their_oddities_are_not():
    llm = Scripted(lambda *_: "Ann.")
    reading = Answering(Library(SHELVES) >> Asking(), iter_retgen(llm, rounds=2))
    [answer] = reading(Run([ranking("who?")]))
    counts = reading.reader.counts()
    assert (counts["asked"], counts["passes"], counts["unreadable"], counts["searches"]) == (2 + 2, 2 + 2, 0, 1)
    assert counts["prompt_tokens"] == answer.usage["prompt_tokens"] + 100
    assert answer.usage["asked"] == 2  # of this question alone; a search is of all questions at once


def test_the_stages_before_the_reader_are_among_the_costs_of_all():
    reading = Answering(Library(SHELVES) >> Asking(), iter_retgen(Scripted(lambda *_: "Ann."), rounds=2))
    for _ in range(2):  # of the last questions alone
        reading(Run([ranking("who?")]))
        counts = reading.counts()
        assert (counts["asked"], counts["passes"], counts["unreadable"]) == (2 + 2 + 2, 2 + 2 + 2, 0)


def test_what_a_run_cost_before_it_came_is_no_cost_of_its_answers():
    reading = Answering(Asking(), basic(Scripted(lambda *_: "Ann.")))
    reading(Asking()(Run([ranking("who?", "Ann.")])))
    assert reading.counts()["asked"] == 2 + 1


def test_passes_of_a_model_that_reranks_and_reads_count_once():
    llm = Scripted(lambda *_: "Ann.")
    reading = Answering(Library(SHELVES) >> Asking(llm, asked=2, passes=2), iter_retgen(llm, rounds=2))
    reading(Run([ranking("who?")]))
    assert reading.counts()["passes"] == llm.passes == 2 + 2 + 2


def test_a_reader_that_begins_alone_costs_no_search():
    reading = Answering(Library(SHELVES) >> Asking(), iter_retgen(Scripted(lambda *_: "Ann."), rounds=1))
    reading(Run([ranking("who?")]))
    assert reading.reader.counts()["asked"] == 1


@pytest.mark.parametrize(
    ("parts", "cost"),
    [
        ([{"asked": 1, "cost": 2.0}, {"asked": 3, "cost": 0.5}], 2.5),
        ([{"asked": 1, "cost": 2.0}, {"asked": 3}], None),
        ([{"asked": 1}, {"asked": 3, "cost": 0.5}], None),
        ([{"asked": 1, "cost": 2.0}, {"pairs": 9}, {"asked": 0}], 2.0),
        ([{"asked": 0, "cost": 0.0}], 0.0),
        ([{"asked": 1}], None),
    ],
)
def test_dollars_are_those_of_all_that_was_asked_or_unknown(parts, cost):
    assert spent(parts).get("cost") == cost


def test_what_no_part_counts_is_not_there():
    assert spent([{"asked": 1, "pairs": 3}, {"asked": 2, "prompt_tokens": 5}]) == {"asked": 3, "prompt_tokens": 5}


@pytest.mark.parametrize(("counts", "known"), [({"asked": 2, "cost": 0.5}, True), ({"asked": 2}, False)])
def test_dollars_are_said_where_each_model_that_was_asked_has_a_price(counts, known):
    llm = Scripted(lambda *_: "Ann.")
    llm.model = "gpt-4o-mini"
    before = Answering(Library(SHELVES) >> Asking(**counts), basic(llm))
    inner = Answering(Library(SHELVES) >> Asking(**counts), iter_retgen(llm, rounds=2))
    for reading, often in ((before, 1), (inner, 2)):
        reading(Run([ranking("who?")]))
        assert ("cost" in reading.counts()) == known
        assert not known or 0.5 * often < reading.counts()["cost"] < 0.5 * often + 0.01
