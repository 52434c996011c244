"""What `rankify answer --question` says to a person: the answer, how sure it is, or why there is none."""

import pytest

from rankify.cli.answer import answered, why_empty
from rankify.documents import Document
from rankify.types import Answer, Query
from tests.experiment.conftest import said

SHOWN = (Document("d", "Ann did it."),)


@pytest.fixture
def model(serving):
    """The spec of a language model on a server, whose replies are all the same text."""
    return lambda text: f"http:m?base_url={serving(lambda body, number: said(text)).url}"


def test_an_answer_has_its_source_and_how_sure_the_reader_is(rankify, collection):
    code, out, _ = rankify("answer", "bm25", collection, "--question", "how is a date parsed?")
    assert code == 0
    assert "Parsing a date from a string." in out
    assert "source a b" in out
    assert "confidence 0." in out


def test_where_nothing_is_found_it_says_so(rankify, collection):
    _, out, _ = rankify("answer", "bm25", collection, "--question", "zebra")
    assert "No answer: nothing was found." in out
    assert "confidence" not in out


def test_an_answer_that_is_held_back_was_found_and_keeps_its_confidence(rankify, collection):
    pipeline = "bm25 % 3 >> selective:extractive?threshold=1000"
    _, out, _ = rankify("answer", pipeline, collection, "--question", "how is a date parsed?")
    assert "No answer: the reader is not sure enough of it." in out
    assert "confidence 0." in out
    assert "nothing was found" not in out


@pytest.mark.parametrize(
    ("reader", "reply", "message"),
    [
        ("basic", "", "No answer: the model said nothing."),
        ("react", "Hm.", "No answer: the model gave none before the method ended."),
        ("chain-of-thought", "The answer is:", "No answer: what the model said could not be read."),
    ],
)
def test_a_model_that_says_nothing_or_nothing_that_can_be_read_is_named(
    rankify, collection, model, reader, reply, message
):
    pipeline = f"bm25 % 3 >> {reader}:{model(reply)}"
    code, out, err = rankify("answer", pipeline, collection, "--question", "how is a date parsed?")
    assert code == 0, err
    assert message in out


@pytest.mark.parametrize(
    ("contexts", "usage", "why"),
    [
        ((), {}, "nothing was found"),
        (SHOWN, {"sentences": 0}, "the documents that were found have no text"),
        (SHOWN, {"abstained": 1, "asked": 5}, "the reader is not sure enough of it"),
        (SHOWN, {"asked": 1}, "the model said nothing"),
        ((), {"asked": 1}, "nothing was found, and the model said nothing"),
        ((), {"asked": 1, "dropped": 3}, "the prompt had no room for a document, and the model said nothing"),
        (SHOWN, {"asked": 1, "unfinished": 1}, "the model was cut off before it said anything; raise max_tokens"),
        (SHOWN, {"asked": 2, "silent": 2, "unreadable": 1}, "the model said nothing"),
        (SHOWN, {"asked": 2, "silent": 1, "unreadable": 1}, "what the model said could not be read"),
        (SHOWN, {"asked": 2, "silent": 2, "abstained": 1}, "the reader is not sure enough of it"),
        (SHOWN, {"asked": 1, "unreadable": 1}, "what the model said could not be read"),
        (SHOWN, {"asked": 9, "unanswered": 1, "unreadable": 2}, "the model gave none before the method ended"),
        (SHOWN, {}, "the reader gave none"),
    ],
)
def test_the_reason_is_what_the_reader_counted(contexts, usage, why):
    assert why_empty(Answer(query=Query("q", "?"), text="", contexts=contexts, usage=usage)) == why


def test_a_confidence_of_0_is_one():
    assert "confidence 0" in str(answered(Answer(query=Query("q", "?"), text="Ann.", confidence=0.0)))
    assert "confidence" not in str(answered(Answer(query=Query("q", "?"), text="Ann.")))


def test_what_is_cited_without_having_been_shown_is_said():
    one = Answer(query=Query("q", "?"), text="Ann.", contexts=SHOWN, citations=("d", "elsewhere"))
    assert str(answered(one)).splitlines()[2:] == ["  source d", "  source elsewhere  not among what was shown"]
