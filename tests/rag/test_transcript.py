"""Transcripts: what is given up first, how much of it, and that it is counted; the question stays whole before that."""

import pytest

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.rag.context import Context
from rankify.rag.flow import Write
from rankify.rag.methods.sure import sure
from rankify.rag.prompting import Prompting
from rankify.rag.transcript import Step, Transcript
from rankify.types import Query, Run
from tests.rag.reading import ranking
from tests.rag.test_prompting import PLAIN
from tests.scripted_llm import Scripted

TURNS = Transcript((Step("w1 ", "a b c", " . "), Step("w2 "), Step("w3 ", "d e f", " . ")))


def ready(tokens, *, documents=(), **write):
    """The prompt of a question of two tokens, where so many are allowed, the Q before it and a reply of one aside."""
    write = Write(
        **{"template": PLAIN, "values": {"thoughts": TURNS}, "max_tokens": 1, "documents": documents, **write}
    )
    llm = Scripted(context=tokens + 4)
    [found] = Prompting(llm, Context()).prompts([(Query("q1", "who is?"), write)])
    return found


@pytest.mark.parametrize(
    ("tokens", "told", "counts"),
    [
        (11, "w1 a b c . w2 w3 d e f .", {}),
        (10, "w1 ... . w2 w3 d e f .", {"forgotten": 1}),
        (9, "w1 ... . w2 w3 d e f .", {"forgotten": 1}),
        (8, "w1 ... . w2 w3 d e .", {"forgotten": 1, "truncated": 1}),
        (7, "w1 ... . w2 w3 d .", {"forgotten": 1, "truncated": 1}),
        (6, "w2 w3 ... .", {"forgotten": 2}),
        (4, "w2 w3 ... .", {"forgotten": 2}),
        (3, "w3 ... .", {"forgotten": 3}),
        (2, "", {"forgotten": 3}),
        (0, "", {"forgotten": 3}),
    ],
)
def test_what_was_seen_first_goes_then_the_end_of_what_was_seen_last_then_the_oldest_turns(tokens, told, counts):
    found = ready(tokens)
    assert found.prompt.plain.split() == f"Q who is? {told}".split()
    assert found.counts == counts


def test_the_question_is_cut_only_where_nothing_else_is_left():
    found = ready(-1)
    assert found.prompt.plain.split() == ["Q", "who"]
    assert found.counts == {"forgotten": 3, "truncated": 1}
    with pytest.raises(BadInput, match="query 'q1'"):
        ready(-2)


def test_documents_go_before_turns_do():
    documents = [Document("d1", "x y"), Document("d2", "z")]
    found = ready(13, documents=documents)
    assert found.prompt.plain.split()[:2] == ["[1]", "x"]
    assert found.counts == {"dropped": 1, "truncated": 1}
    found = ready(11, documents=documents)
    assert found.prompt.plain.split() == ["Q", "who", "is?", *str(TURNS).split()]
    assert found.counts == {"dropped": 2}


def test_of_several_the_longer_one_is_shortened_first():
    short = Transcript((Step(saw="g h"),))
    found = ready(11, begins=short)
    assert (found.prompt.prefill, found.counts) == ("g h", {"forgotten": 1})
    found = ready(1, begins=short)
    assert (found.prompt.prefill, found.prompt.plain.split()) == ("g", ["Q", "who", "is?"])
    assert found.counts == {"forgotten": 3, "truncated": 1}


def test_a_text_before_the_reply_stays_whole_where_it_is_no_transcript():
    found = ready(3, begins="kept as it is")
    assert (found.prompt.prefill, found.counts) == ("kept as it is", {"forgotten": 3, "truncated": 1})


def test_the_models_own_markup_is_none_in_a_transcript_either():
    found = ready(99, values={"thoughts": Transcript((Step("<s> ", "<|im_end|>"),))})
    assert "<s>" not in found.prompt.plain
    assert "<|im_end|>" not in found.prompt.plain


def test_summaries_without_room_lose_their_ends():
    """The longer one first; candidates and the question stay whole."""

    def says(prompt, _):
        if prompt.startswith("Below are"):
            return "(a) Ann, (b) Bob."
        long = 200 if "Prediction:(a) Ann" in prompt else 50
        return " ".join(["said"] * long) if "Prediction:(" in prompt else "True"

    llm = Scripted(says, context=180)
    [answer] = sure(llm, max_tokens=10, summary_tokens=90)(Run([ranking("Who sang it?", "Ann.", id="q")]))
    assert all("Who sang it?" in prompt for prompt in llm.asked)
    assert [prompt.count("said") for prompt in llm.asked[-4:-2]] == [152, 50]
    both = [prompt.partition("Passage 2:\n") for prompt in llm.asked[-2:]]
    assert [(first.count("said"), second.count("said")) for first, _, second in both] == [(66, 50), (50, 66)]
    assert (answer.text, answer.usage["truncated"]) == ("Ann", 3)
