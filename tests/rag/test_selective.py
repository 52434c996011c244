"""Selective answering: what is held back, what is counted, and which readers cannot be asked to."""

import pytest

import rankify
from rankify.errors import Misuse, UnknownName
from rankify.evaluation import evaluate_confidence
from rankify.rag.methods.iterative import iter_retgen
from rankify.rag.methods.reasoning import self_consistency
from rankify.rag.selective import Selective
from rankify.stages import Reader
from rankify.types import Answer, Query, Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted


class Sure(Reader):
    """Answers each question with its text, as sure as its id says."""

    name = "sure-of-it"
    confident = True

    def read(self, run):
        return [
            Answer(
                query=r.query, text=r.query.text, citations=tuple(r.ids), contexts=tuple(r.documents), reasoning="why",
                confidence=float(r.query.id) if r.query.id != "none" else None, usage={"asked": 1},
            )
            for r in run
        ]  # fmt: skip

    def counts(self):
        return {"asked": 4}


RUN = Run(ranking(text, "A", id=id) for id, text in (("0.9", "yes"), ("0.5", "just"), ("0.4", "no"), ("0.1", "")))


def test_answers_below_the_threshold_are_empty_and_keep_what_they_were_read_from():
    reader = Selective(Sure(), threshold=0.5)
    answers = reader(RUN)
    assert [answer.text for answer in answers] == ["yes", "just", "", ""]
    assert [answer.citations for answer in answers] == [("d1",), ("d1",), (), ("d1",)]
    assert [answer.usage.get("abstained", 0) for answer in answers] == [0, 0, 1, 0]
    held = answers[2]
    assert (held.confidence, held.reasoning, held.contexts) == (0.4, "why", tuple(RUN[2].documents))
    assert reader.counts() == {"asked": 4, "abstained": 1}
    reader(RUN)
    assert reader.counts()["abstained"] == 1  # of the last questions
    assert answers[:2] == Sure()(RUN[:2])


def test_a_threshold_for_a_wanted_risk_comes_from_other_questions():
    votes = {"a": 3, "b": 2, "c": 1}

    def says(prompt, number):
        own = prompt.rpartition("Question: ")[2][0]
        return f"The answer is: {'Ann' if number < votes[own] else number}."

    reader = self_consistency(Scripted(says), samples=3)
    run = Run(ranking(f"{name}?", id=name) for name in votes)
    found = evaluate_confidence(reader(run), {"a": "Ann", "b": "Ann", "c": "Eve"})
    assert found.threshold_at(0) == 2 / 3
    selective = Selective(reader, threshold=found.threshold_at(0))
    assert [answer.text for answer in selective(run)] == ["Ann", "Ann", ""]


def test_a_reader_that_does_not_say_how_sure_it_is_is_refused_before_it_is_asked():
    with pytest.raises(Misuse, match=r"iter-retgen:scripted.* does not say how sure it is of an answer; self-consist"):
        Selective(iter_retgen(Scripted()), threshold=0.5)
    with pytest.raises(Misuse, match="sure-of-it does not say how sure"):
        Selective(Sure(), threshold=0.5)(Run([ranking("x", id="none")]))


@pytest.mark.parametrize("threshold", [None, float("nan"), "inf", "x", True, [0.5]])
def test_a_threshold_is_needed(threshold):
    with pytest.raises(Misuse, match=r"selective holds back answers below a confidence; give threshold=0\.6") as error:
        Selective(Sure(), threshold=threshold)
    assert str(error.value).startswith(f"threshold={threshold!r}: ")


def test_an_answer_whose_confidence_is_no_number_is_not_held_back_without_a_word():
    with pytest.raises(Misuse, match="sure-of-it does not say how sure"):
        Selective(Sure(), threshold=0.5)(Run([ranking("x", id="nan")]))


def test_it_is_written_as_one_spec_with_the_options_of_its_reader():
    spec = "selective:self-consistency:http:gpt-4o-mini?threshold=0.6&samples=7&top=3"
    reader = rankify.reader(spec)
    assert (reader.threshold, reader.reader.context.top) == (0.6, 3)
    assert repr(reader) == spec
    assert rankify.reader(repr(reader)) == reader
    assert repr(rankify.reader("selective:extractive?threshold=3&top=2")) == "selective:extractive?threshold=3.0&top=2"


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("selective:basik:http:x?threshold=1", UnknownName, "no reader 'basik'; did you mean 'basic'"),
        ("selective:self-consistency:http:x?threshold=1&sample=3", UnknownName, "did you mean 'samples'"),
        ("selective:self-consistency:http:x?threshold=much", Misuse, "threshold='much'"),
        ("selective:basic:http:x?threshold=1", Misuse, "does not say how sure it is"),
        ("selective", Misuse, "cannot build the reader 'selective'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(spec, error, message):
    with pytest.raises(error, match=message):
        rankify.reader(spec)


def test_options_of_a_reader_that_is_built_are_its_own():
    with pytest.raises(Misuse, match="option 'top' belongs to sure-of-it, which is built already"):
        Selective(Sure(), threshold=0.5, top=3)


def test_it_searches_with_the_pipeline_before_it_as_its_reader_does():
    class Searching(Sure):
        name, reads_first, searches = "searching", False, True

        def searching_with(self, stage):
            found = Searching()
            found.stage, found.searches = stage, False
            return found

    library, alone = Library(), Selective(Searching(), threshold=0.5)
    answering = library % 3 >> alone
    assert alone.searches
    assert not answering.reader.searches
    assert answering.reader.reader.stage == answering.stage
    assert [answer.text for answer in answering([Query("0.9", "yes"), Query("0.2", "no")])] == ["yes", ""]
    assert library.asked == []
