"""Iter-RetGen and IRCoT: the exact searches and prompts, when they stop, and what happens with odd replies."""

import pytest

from rankify.errors import Misuse
from rankify.rag.methods.iterative import ircot, iter_retgen
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

WHO = ranking("Where was the singer of Lola born?", "Lola: Lola was sung by Ann.", id="q")
SHELVES = {
    "Lola was sung by Ann.": [("ann", "Ann was born in Rome.", "Ann"), ("lola", "Lola was a hit.", "Lola")],
    "Ann was born in Rome.": [("rome", "Rome is a city.", "Rome")],
}


def thinking(*thoughts, last="Rome"):
    """A model that thinks these thoughts one after the other, and answers at last."""
    replies = iter(thoughts)
    return Scripted(lambda prompt, _: next(replies) if "Thought:" in prompt else last)


def tail(prompt):
    """What the user's turn of a prompt of IRCoT says."""
    return prompt.messages[-1].content


def test_each_thought_is_searched_for_and_its_documents_join_the_others():
    llm, library = (
        thinking("Lola was sung by Ann.", "Ann was born in Rome.", "So the answer is: Rome."),
        Library(SHELVES),
    )
    [answer] = ircot(llm, search=library % 5)(Run([WHO]))
    assert library.asked == ["Lola was sung by Ann.", "Ann was born in Rome."]
    assert answer.text == "Rome"
    assert answer.reasoning == "Lola was sung by Ann. Ann was born in Rome. So the answer is: Rome."
    assert [document.id for document in answer.contexts] == ["d1", "ann", "rome", "lola"]
    first, _, last = map(tail, llm.prompts)
    assert first == (
        "Wikipedia Title: Lola\nLola was sung by Ann.\n\nQuestion: Where was the singer of Lola born?\nThought:"
    )
    assert last.startswith(
        "Wikipedia Title: Lola\nLola was sung by Ann.\n\nWikipedia Title: Ann\nAnn was born in Rome."
    )
    assert last.endswith("Thought: Lola was sung by Ann. Ann was born in Rome.")
    assert {prompt.stop for prompt in llm.prompts} == {("\n",)}
    assert answer.usage["steps"] == 3


def test_only_the_first_sentence_of_a_reply_is_a_thought():
    llm, library = thinking("\n Ann sang it. Then she left.\nSo the answer is: x", "So the answer is: Rome."), Library()
    llm.says = lambda prompt, _: (
        "Ann sang it. Then she left." if prompt.endswith("Thought:") else "So the answer is: Rome."
    )
    [answer] = ircot(llm, search=library % 5)(Run([WHO]))
    assert library.asked == ["Ann sang it."]
    assert answer.text == "Rome"


def test_after_its_last_step_the_question_is_asked_once_more():
    llm, library = thinking(*["Still thinking."] * 9, last="Rome\nor so"), Library(SHELVES)
    [answer] = ircot(llm, steps=3, search=library % 5)(Run([WHO]))
    assert (answer.text, len(library.asked), len(llm.prompts)) == ("Rome", 3, 4)
    assert answer.usage["unanswered"] == 1
    assert llm.prompts[-1].messages[0].content.startswith("Answer the question based on the given document.")


def test_an_empty_thought_ends_the_thinking():
    llm, library = thinking("", last="Rome"), Library()
    [answer] = ircot(llm, search=library % 5)(Run([WHO]))
    assert (answer.text, library.asked, len(llm.prompts)) == ("Rome", [], 2)


def test_nothing_found_is_no_failure():
    llm, library = thinking("Who knows.", "So the answer is: unknown."), Library()
    [answer] = ircot(llm, search=library % 5)(Run([ranking("Who?", id="q")]))
    assert (answer.text, answer.contexts) == ("unknown", ())


def test_iter_retgen_searches_for_question_and_answer_together():
    replies = iter(["Ann", "Ann of Rome", "Rome"])
    llm = Scripted(lambda *_: next(replies))
    question = WHO.query.text
    library = Library({f"{question} Ann": [("d2", "two")], f"{question} Ann of Rome": [("d3", "three")]})
    [answer] = iter_retgen(llm, search=library % 5)(Run([WHO]))
    assert library.asked == [f"{question} Ann", f"{question} Ann of Rome"]
    assert (answer.text, [document.id for document in answer.contexts]) == ("Rome", ["d3"])
    assert len(llm.prompts) == 3


def test_one_round_is_plain_reading_and_needs_no_search():
    [answer] = iter_retgen(Scripted(lambda *_: "Rome"), rounds=1)(Run([WHO]))
    assert (answer.text, [document.id for document in answer.contexts]) == ("Rome", ["d1"])


def test_a_prompt_that_asks_for_a_marked_answer_is_read_so():
    llm = Scripted(lambda *_: "Ann sang it [1]. The answer is: Rome.")
    [answer] = iter_retgen(llm, rounds=1, prompt="chain-of-thought")(Run([WHO]))
    assert (answer.text, answer.reasoning, answer.citations) == ("Rome", "Ann sang it [1].", ("d1",))


@pytest.mark.parametrize("method", [iter_retgen, ircot])
def test_questions_go_together_and_answers_are_those_of_each_alone(method):
    def says(prompt, _):
        question = prompt.rpartition("Question: ")[2].split("\n")[0]
        if "Thought:" not in prompt:
            return f"answer to {question}"
        return "So the answer is: yes." if question.endswith("0?") or prompt.count("I think") else "I think so."

    run = Run([ranking(f"Is it {n}?", f"Text {n}.", id=str(n)) for n in range(4)])
    together, llm = method(Scripted(says), search=Library() % 2)(run), Scripted(says)
    alone = [method(llm, search=Library() % 2)(run[n : n + 1])[0] for n in range(4)]
    assert together == alone


@pytest.mark.parametrize(("method", "option"), [(iter_retgen, "rounds"), (ircot, "steps")])
def test_a_number_below_one_is_refused(method, option):
    with pytest.raises(Misuse, match="0"):
        method(Scripted(), **{option: 0})


@pytest.mark.parametrize("thought", ["The answer is in the next page.", "The answer: look on.", "Answer: so it is."])
def test_only_its_own_words_end_the_thinking(thought):
    llm, library = thinking(thought, "sO the  Answer is : Rome."), Library()
    [answer] = ircot(llm, search=library % 5)(Run([WHO]))
    assert (answer.text, library.asked, len(llm.prompts)) == ("Rome", [thought], 2)


@pytest.mark.parametrize("reply", ["So the answer is:", "Ann did. So the answer is: **"])
def test_a_thought_that_ends_with_no_answer_is_counted_and_the_question_asked_once_more(reply):
    llm = thinking(reply, last="Rome")
    reader = ircot(llm, search=Library() % 5)
    [answer] = reader(Run([WHO]))
    assert (answer.text, len(llm.prompts)) == ("Rome", 2)
    assert (answer.usage["unreadable"], answer.usage["unanswered"]) == (1, 1)


def test_an_empty_thought_and_an_empty_last_answer_are_counted():
    reader = ircot(thinking(" ", last=" \n"), search=Library() % 5)
    [answer] = reader(Run([WHO]))
    assert (answer.text, reader.counts()["unreadable"]) == ("", 2)


@pytest.mark.parametrize("reply", ["", "The answer is:"])
def test_rounds_that_say_nothing_are_counted(reply):
    reader = iter_retgen(Scripted(lambda *_: reply), rounds=2, search=Library() % 5)
    [answer] = reader(Run([WHO]))
    assert (answer.text, reader.counts()["unreadable"]) == ("", 2)


@pytest.mark.parametrize(("reads", "cited"), [("basic", ("d1",)), ("in-context-ralm", ())])
def test_only_a_last_answer_from_numbered_documents_cites(reads, cited):
    [answer] = ircot(thinking("So the answer is: Ann [1]."), search=Library() % 5)(Run([WHO]))
    assert (answer.text, answer.citations, answer.usage.get("cited_unknown")) == ("Ann [1]", (), None)
    [answer] = ircot(thinking("", last="Ann [1]"), reads=reads, search=Library() % 5)(Run([WHO]))
    assert (answer.text, answer.citations) == ("Ann [1]", cited)


def test_thoughts_without_room_are_forgotten_before_the_question_is():
    def says(prompt, _):
        number = prompt.rpartition("Thought:")[2].count("ten words")
        return f"Thought {number} of ten words a b c d e f." if number < 3 else "So the answer is: Rome."

    free = Scripted(says)
    [whole] = ircot(free, search=Library() % 5)(Run([WHO]))
    most = len(free.asked[-1].split())
    assert whole.text == "Rome"
    llm = Scripted(lambda prompt, _: says(free.asked[min(len(llm.prompts) - 1, 3)], 0), context=most - 20 + 10)
    [answer] = ircot(llm, max_tokens=10, search=Library() % 5)(Run([WHO]))
    assert tail(llm.prompts[-1]) == f"Question: {WHO.query.text}\nThought: Thought 2 of ten words a b c d e f."
    assert (answer.text, answer.reasoning) == (whole.text, whole.reasoning)
    assert answer.usage["forgotten"] > 0
