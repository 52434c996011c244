"""ReAct: the exact requests, the model's own query, nothing made up, steps, look-ups and odd replies."""

import pytest

from rankify.rag.methods.react import react
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

WHO = ranking("Where was the singer of Lola born?", id="q")
LOLA = "Lola is a song. Ann sang it in 1970. Bob wrote it. It was a hit. Everybody knew it. Ann was from Rome."
SHELVES = {
    "Lola": [("lola", LOLA, "Lola"), ("other", "Other text.")],
    "Ann": [("ann", "Ann is from Rome.\nThought 9: done", "Ann")],
}


def steps(*replies):
    said = iter(replies)
    return Scripted(lambda *_: next(said))


def asked(llm):
    """What stands behind the question in each prompt, and how the reply begins."""
    return [(prompt.plain.rpartition("born?\n")[2], prompt.prefill, prompt.stop) for prompt in llm.prompts]


def test_the_models_own_query_is_searched_and_nothing_behind_observation_is_read():
    llm = steps(
        " I need to search Lola.\nAction 1: Search[Lola]\n"
        "Observation 1: It is by Zed.\nThought 2: x\nAction 2: Finish[Zed]",
        " Ann sang it.\nAction 2: Finish[Rome]",
    )
    library = Library(SHELVES)
    [answer] = react(llm, search=library % 5)(Run([WHO]))
    assert library.asked == ["Lola"]
    assert answer.text == "Rome"
    assert [document.id for document in answer.contexts] == ["lola"]
    assert "Zed" not in answer.reasoning
    assert asked(llm) == [
        ("", "Thought 1:", ("\nObservation 1:",)),
        (
            (
                "Thought 1: I need to search Lola.\nAction 1: Search[Lola]\nObservation 1: Lola is a song. "
                "Ann sang it in 1970. Bob wrote it. It was a hit. Everybody knew it.\n"
            ),
            "Thought 2:",
            ("\nObservation 2:",),
        ),
    ]
    assert answer.usage["steps"] == 2


def test_a_keyword_is_looked_up_sentence_by_sentence():
    lookups = [f" t\nAction {n}: Lookup[ann]" for n in (2, 3, 4)]
    llm = steps(" t\nAction 1: Search[Lola]", *lookups, " t\nAction 5: Lookup[Bob]", " t\nAction 6: Finish[Rome]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    observed = [line.partition(": ")[2] for line in answer.reasoning.split("\n") if line.startswith("Observation")]
    assert observed[1:] == [
        "(Result 1 / 2) Ann sang it in 1970.",
        "(Result 2 / 2) Ann was from Rome.",
        "No more results.",
        "(Result 1 / 1) Bob wrote it.",
    ]


def test_an_action_that_is_missing_is_asked_for_apart():
    llm = steps(" I need to search Ann.\nand more", " Search[Ann]", " t\nAction 2: Finish[Rome]")
    library = Library(SHELVES)
    [answer] = react(llm, search=library % 5)(Run([WHO]))
    assert library.asked == ["Ann"]
    assert asked(llm)[1][1:] == ("Thought 1: I need to search Ann.\nAction 1:", ("\n",))
    assert answer.usage["repaired"] == 1


def test_a_passage_cannot_take_a_step():
    llm = steps(" t\nAction 1: Search[Ann]", " t\nAction 2: Finish[Rome]")
    react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert "Observation 1: Ann is from Rome. Thought 9 - done\n" in llm.asked[-1]


def test_what_is_no_action_and_what_is_not_found_is_said_and_counted():
    llm = steps(
        " t\nAction 1: Dance[now]", " t\nAction 2: Search[Zed]", " t\nAction 3: Lookup[x]", " t\nAction 4: finish[ ]"
    )
    reader = react(llm, search=Library(SHELVES) % 5)
    [answer] = reader(Run([WHO]))
    observed = [line.partition(": ")[2] for line in answer.reasoning.split("\n") if line.startswith("Observation")]
    assert observed == ["Invalid action: Dance[now]", "Could not find [Zed].", "No more results."]
    assert (answer.text, reader.counts()["unreadable"]) == ("", 1)


def test_it_stops_after_its_steps():
    llm = Scripted(lambda *_: " t\nAction 1: Search[Lola]\nAction 2: Search[Lola]\nAction 3: Search[Lola]")
    library = Library(SHELVES)
    [answer] = react(llm, steps=3, search=library % 5)(Run([WHO]))
    assert (answer.text, len(library.asked), answer.usage["unanswered"]) == ("", 3, 1)


@pytest.mark.parametrize(("passages", "shown"), [(1, ["lola"]), (2, ["lola", "other"])])
def test_an_observation_shows_so_many_documents(passages, shown):
    llm = steps(" t\nAction 1: Search[Lola]", " t\nAction 2: Finish[Rome]")
    [answer] = react(llm, passages=passages, search=Library(SHELVES) % 5)(Run([WHO]))
    assert [document.id for document in answer.contexts] == shown
    assert ("(Lola)" in answer.reasoning) == (passages > 1)


def test_a_model_that_repeats_the_beginning_of_its_line_is_understood():
    llm = steps("Thought 1: look.\nAction 1: Search[Lola]", "Thought 2: so\nAction 2: Finish[Rome]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert answer.reasoning.startswith("Thought 1: look.\nAction 1: Search[Lola]\n")
    assert answer.text == "Rome"
