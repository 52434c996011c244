"""Models that cannot go on from a beginning of their reply: it stands at the end of what they are asked."""

import pytest

from rankify.llm.protocol import Message
from rankify.prompts.template import made, template
from rankify.rag.flow import Found, Write, written
from rankify.rag.method import method
from rankify.rag.methods.react import react
from rankify.rag.methods.search_r1 import search_r1
from rankify.rag.prompting import unrepeated
from rankify.rag.reader import Plan
from rankify.rag.transcript import Step, Transcript
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.rag.test_prompting import ready
from tests.scripted_llm import Scripted

WHO = ranking("Where was the singer of Lola born?", id="q")
SHELVES = {"Lola": [("lola", "Ann sang it.", "Lola")]}
DOC = "Doc 1(Title: Lola) Ann sang it."


def chatting(*replies, **given):
    said = iter(replies)
    llm = Scripted(lambda *_: next(said), **given)
    llm.prefills = False
    return llm


def behind_the_question(llm):
    return [(prompt.plain.rpartition("born?")[2].lstrip(), prompt.prefill) for prompt in llm.prompts]


def test_the_beginning_is_the_last_line_that_the_user_says():
    found = ready(chatting(), begins="Thought 1:")
    assert (found.prompt.prefill, len(found.prompt.messages)) == ("", 1)
    assert found.prompt.plain.endswith("Q who? \nThought 1:")


@pytest.mark.parametrize(
    ("messages", "ends"),
    [
        ([{"user": "Q {{ query }}"}], [Message("user", "Q who?\nGo on:")]),
        ([{"user": "Q {{ query }}\n"}], [Message("user", "Q who?\nGo on:")]),
        (
            [{"user": "Q {{ query }}"}, {"assistant": "Well."}],
            [Message("user", "Q who?"), Message("assistant", "Well."), Message("user", "Go on:")],
        ),
    ],
)
def test_the_last_turn_is_the_users(messages, ends):
    asks = made("asks", {"source": "http", "licence": "none", "reads": "answer", "messages": messages})
    assert list(ready(chatting(), template=asks, begins="Go on:").prompt.messages) == ends


def test_a_prompt_whose_reply_begins_with_nothing_is_as_it_was():
    assert ready(chatting()).prompt == ready(Scripted()).prompt


def test_a_transcript_at_the_end_gives_up_its_oldest_turns_where_there_is_no_room():
    turns = Transcript((Step("a b "), Step("c d ")))
    found = ready(chatting(context=8), documents=[], begins=turns, max_tokens=3)
    assert (found.prompt.plain, found.counts) == ("Q who? \nc d ", {"forgotten": 1})


@pytest.mark.parametrize("again", ["", "Thought {}:", "\nThought {}: "])
def test_react_thinks_and_acts_on_a_chat_that_takes_no_beginning(again):
    llm = chatting(
        f"{again.format(1)} find it.\nAction 1: Search[Lola]", f"{again.format(2)} so\nAction 2: Finish[Rome]"
    )
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    first = "Thought 1: find it.\nAction 1: Search[Lola]\nObservation 1: Ann sang it.\n"
    assert answer.text == "Rome"
    assert behind_the_question(llm) == [("Thought 1:", ""), (f"{first}Thought 2:", "")]


@pytest.mark.parametrize("again", ["", "Action 1:", " Action 1: "])
def test_react_asks_apart_for_an_action_that_is_missing(again):
    llm = chatting(" find it.", f"{again} Search[Lola]", " so\nAction 2: Finish[Rome]")
    library = Library(SHELVES)
    [answer] = react(llm, search=library % 5)(Run([WHO]))
    assert (answer.text, library.asked) == ("Rome", ["Lola"])
    assert behind_the_question(llm)[1] == ("Thought 1: find it.\nAction 1:", "")


@pytest.mark.parametrize("repeats", [False, True])
def test_search_r1_goes_on_from_what_was_found_on_a_chat_that_takes_no_beginning(repeats):
    first = "<think>who?</think><search>Lola"
    so_far = f"{first}</search>\n\n<information>{DOC}</information>\n\n"
    llm = chatting(
        f"{first}</search>", f"<information>{DOC}</information>\n" * repeats + "<think>so</think><answer>Rome</answer>"
    )
    [answer] = search_r1(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert (answer.text, answer.reasoning) == ("Rome", f"{so_far}<think>so</think><answer>Rome")
    assert behind_the_question(llm) == [("", ""), (so_far, "")]


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        (" goes on", " goes on"),
        ("a b\nc: goes on", " goes on"),
        ("\n c: goes on", " goes on"),
        ("b\nc: goes on", "b\nc: goes on"),
        ("", ""),
    ],
)
def test_whole_lines_of_the_beginning_that_a_reply_says_again_are_no_part_of_it(reply, rest):
    assert unrepeated(reply, "a b\nc:") == rest


def test_without_a_beginning_a_reply_is_as_it_was_written():
    assert unrepeated("\n as it is", "") == "\n as it is"


@method(paper="a test")
def told(llm):
    """Goes on from "Well, it is"."""

    def flow(_):
        reply = yield from written(Write(template=template("zero-shot"), begins="Well, it is", logprobs=True))
        return Found(text=reply.text, reasoning="".join(token for token, _ in reply.logprobs[0]))

    return Plan(answering=flow)


@pytest.mark.parametrize("again", ["", "Well, it is"])
def test_what_is_said_again_is_no_part_of_a_reply_nor_of_its_tokens(again):
    [answer] = told(chatting(f"{again} Rome."))(Run([WHO]))
    assert (answer.text, answer.reasoning.strip()) == ("Rome.", "Rome.")


def test_a_prompt_that_is_a_text_ends_in_the_beginning():
    asks = made("asks", {"source": "http", "licence": "none", "reads": "answer", "text": "Q {{ query }}"})
    assert ready(chatting(), template=asks, begins="Go on:").prompt.text == "Q who?\nGo on:"
