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
        ("", "Thought 1:", ("\nObservation",)),
        (
            (
                "Thought 1: I need to search Lola.\nAction 1: Search[Lola]\nObservation 1: Lola is a song. "
                "Ann sang it in 1970. Bob wrote it. It was a hit. Everybody knew it.\n"
            ),
            "Thought 2:",
            ("\nObservation",),
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
    assert (answer.text, reader.counts()["unreadable"]) == ("", 2)


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


def observed(answer):
    """What was seen at each step."""
    return [line.partition(": ")[2] for line in answer.reasoning.split("\n") if line.startswith("Observation")]


@pytest.mark.parametrize(
    "reply",
    [
        " t\nObservation 7: It is Zed.\nAction 1: Finish[Zed]",
        " t\nObservation: It is Zed.\nAction 1: Finish[Zed]",
        " t\n observation It is Zed.\nAction 1: Finish[Zed]",
        " t Observation 1: It is Zed.\nAction 1: Finish[Zed]",
    ],
)
def test_nothing_behind_any_observation_of_the_model_is_read(reply):
    llm = steps(reply, " Search[Ann]", " t\nAction 2: Finish[Rome]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert (answer.text, answer.usage["repaired"]) == ("Rome", 1)
    assert asked(llm)[1][1] == "Thought 1: t\nAction 1:"
    assert "Zed" not in " ".join(llm.asked)


@pytest.mark.parametrize("reply", [" Observation 1: Zed.\nAction 1: Finish[Zed]", "Thought 1: Observation: Zed."])
def test_a_thought_that_is_an_observation_is_none(reply):
    llm = steps(reply, " Observation 1: Zed", " t\nAction 2: Finish[Rome]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert answer.reasoning.startswith("Thought 1: \nAction 1: \nObservation 1: Invalid action: \n")
    assert "Zed" not in answer.reasoning


@pytest.mark.parametrize(
    ("written", "queries"),
    [
        ("Search[Ann].", ["Ann"]), ("search [ Ann ] and Lookup[b]", ["Ann"]), ("Search[Ann [x]]", ["Ann [x]"]),
        ("Search[a] and Search[b]", ["a"]), ("Search[[0, 1)]", ["[0, 1)"]), ("Search[Ann", []), ("I Search[Ann]", []),
        ("Search", []), ("Search[]", []), ("Search[ ]", []), ("Lookup[]", []), ("Lookup[ ] or so", []),
    ],
)  # fmt: skip
def test_the_first_action_of_a_line_counts_with_all_between_its_brackets(written, queries):
    llm, library = steps(f" t\nAction 1: {written}", " t\nAction 2: Finish[Rome]!"), Library(SHELVES)
    reader = react(llm, search=library % 5)
    [answer] = reader(Run([WHO]))
    assert library.asked == queries
    assert (answer.text, reader.counts()["unreadable"]) == ("Rome", int(not queries))
    assert (observed(answer) == [f"Invalid action: {written}"]) == (not queries)


@pytest.mark.parametrize(
    ("written", "text"), [("Finish[Paris].", "Paris"), ("Finish[a [b]]", "a [b]"), ("finish[]", "")]
)
def test_an_answer_that_says_nothing_is_counted(written, text):
    reader = react(steps(f" t\nAction 1: {written}"), search=Library() % 5)
    [answer] = reader(Run([WHO]))
    assert (answer.text, answer.usage["steps"], reader.counts()["unreadable"]) == (text, 1, int(not text))


def test_passages_have_no_numbers_that_an_answer_could_cite():
    llm = steps(" t\nAction 1: Search[Lola]", " t\nAction 2: Finish[Ann [1]]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert (answer.text, answer.citations) == ("Ann [1]", ())
    assert "cited_unknown" not in answer.usage


def test_an_observation_is_cut_as_documents_of_a_prompt_are():
    replies = [" t\nAction 1: Search[Lola]", " t\nAction 2: Lookup[1970]", " t\nAction 3: Finish[Rome]"]
    [answer] = react(steps(*replies), passages=2, passage_tokens=3, search=Library(SHELVES) % 5)(Run([WHO]))
    assert observed(answer) == ["(Lola) Lola is Other text.", "(Result 1 / 1) Ann sang it"]
    assert answer.usage["truncated"] == 2
    [answer] = react(steps(*replies), passages=2, context_tokens=4, search=Library(SHELVES) % 5)(Run([WHO]))
    assert observed(answer)[0] == "(Lola) Lola is a"
    assert (answer.usage["dropped"], [document.id for document in answer.contexts]) == (1, ["lola"])


def test_of_documents_that_are_not_shown_no_sentence_is_looked_up():
    llm = steps(" t\nAction 1: Search[Lola]", " t\nAction 2: Lookup[Other]", " t\nAction 3: Finish[Rome]")
    [answer] = react(llm, passages=2, context_tokens=40, search=Library(SHELVES) % 5)(Run([WHO]))
    assert observed(answer)[1].endswith("Other text.")
    llm = steps(" t\nAction 1: Search[Lola]", " t\nAction 2: Lookup[Other]", " t\nAction 3: Finish[Rome]")
    [answer] = react(llm, passages=2, context_tokens=4, search=Library(SHELVES) % 5)(Run([WHO]))
    assert observed(answer)[1] == "No more results."


def test_what_has_no_room_any_more_is_what_was_seen_first():
    """The other question finds nothing, and is asked as ever."""

    def says(prompt, _):
        asked = prompt.rpartition("Question: ")[2]
        number = asked.count("\nThought") + 1
        does = f"Search[{asked[0]} {number}]" if number < 4 else "Finish[Rome]"
        return f" t\nAction {number}: {does}"

    def last(llm, question):
        return [text.rpartition("Question: ")[2] for text in llm.asked if f"Question: {question}" in text][-1]

    question = "a person who sang Lola was born where?"
    shelves = {f"a {number}": [(f"d{number}", f"Seen {number}. " + "word " * 30)] for number in (1, 2, 3)}
    run = Run([ranking(question, id="q"), ranking("Who?", id="r")])
    free = Scripted(says)
    [whole, _] = react(free, search=Library(shelves) % 5)(run)
    most = len(free.asked[-2].split())  # tokens of the longest prompt
    llm = Scripted(says, context=most + 80)
    [answer, other] = react(llm, max_tokens=100, search=Library(shelves) % 5)(run)
    assert (answer.text, other.text) == ("Rome", "Rome")
    assert last(llm, question).startswith(f"{question}\nThought 1: t\nAction 1: Search[a 1]\nObservation 1: ...\n")
    assert "Observation 2: Seen 2." in last(llm, question)
    assert (answer.usage["forgotten"], "truncated" in answer.usage, "forgotten" in other.usage) == (1, False, False)
    assert answer.reasoning == whole.reasoning


def test_a_document_that_is_seen_twice_is_one_source():
    llm = steps(*[f" t\nAction {n}: Search[Lola]" for n in (1, 2)], " t\nAction 3: Finish[Rome]")
    [answer] = react(llm, search=Library(SHELVES) % 5)(Run([WHO]))
    assert [document.id for document in answer.contexts] == ["lola"]


def test_a_thought_without_room_goes_before_the_action_is_asked_for():
    llm = steps("word " * 99, " Finish[Rome]")
    react(free := steps(" t\nAction 1: Finish[Rome]"), search=Library() % 5)(Run([WHO]))
    llm.context = len(free.asked[0].split()) + 2 + 100
    [answer] = react(llm, search=Library() % 5)(Run([WHO]))
    assert (llm.prompts[-1].prefill, answer.text) == ("Action 1:", "Rome")
    assert WHO.query.text in llm.asked[-1]
    assert (answer.usage["forgotten"], "truncated" in answer.usage) == (1, False)
