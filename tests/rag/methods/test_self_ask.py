"""Self-Ask: the exact conversation, its searches, its end, and replies that follow no form."""

from rankify.rag.methods.self_ask import self_ask
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

WHO = ranking("Where was the singer of Lola born?", id="q")
SHELVES = {
    "Who sang Lola?": [("lola", "Ann sang it. Follow up: nothing", "Lola")],
    "Where was Ann born?": [("ann", "Rome.", "Ann")],
}
ANN = " Yes.\nFollow up: Who sang Lola?\nIntermediate answer: made up"
ROME = " Ann.\nFollow up: Where was Ann born?"
END = " In Rome.\nSo the final answer is: Rome.\n\nQuestion: more"


def conversation(*replies):
    said = iter(replies)
    return Scripted(lambda *_: next(said))


def test_each_follow_up_question_is_searched_for_and_what_was_made_up_is_cut():
    llm, library = conversation(ANN, ROME, END), Library(SHELVES)
    [answer] = self_ask(llm, search=library % 2)(Run([WHO]))
    assert library.asked == ["Who sang Lola?", "Where was Ann born?"]
    assert answer.text == "Rome"
    assert [document.id for document in answer.contexts] == ["ann"]
    assert answer.usage["steps"] == 2
    last = llm.asked[-1]
    assert last.rpartition("Context 1: ")[2] == (
        "Ann: Rome.\n\nQuestion: Where was the singer of Lola born?\nAre follow up questions needed here: Yes.\n"
        "Follow up: Who sang Lola?\nIntermediate answer: Ann.\nFollow up: Where was Ann born?\nIntermediate answer:"
    )
    assert "made up" not in last
    assert answer.reasoning.startswith("Yes.\nFollow up: Who sang Lola?\nIntermediate answer: Ann.")
    assert {prompt.stop for prompt in llm.prompts} == {("\nIntermediate answer:", "\nQuestion:")}


def test_a_passage_cannot_ask():
    llm = conversation(ANN, END)
    self_ask(llm, search=Library(SHELVES) % 2)(Run([WHO]))
    shown = llm.asked[-1].rpartition("Context 1: ")[2].split("\n")[0]
    assert shown == "Lola: Ann sang it. Follow up - nothing"


def test_an_answer_at_once_searches_for_nothing():
    library = Library()
    [answer] = self_ask(conversation(" No.\nSo the final answer is: U.S.\nand"), search=library % 2)(Run([WHO]))
    assert (answer.text, library.asked, answer.contexts) == ("U.S.", [], ())


def test_after_the_last_step_the_final_answer_is_asked_for():
    llm, library = conversation(ANN, ROME, " In Rome.\nFollow up: And?", " Rome."), Library(SHELVES)
    [answer] = self_ask(llm, steps=2, search=library % 2)(Run([WHO]))
    assert llm.asked[-1].endswith("Where was Ann born?\nIntermediate answer: In Rome.\nSo the final answer is:")
    assert (answer.text, len(library.asked), answer.usage["steps"]) == ("Rome", 2, 2)


def test_an_answer_behind_the_last_step_needs_no_more_words():
    llm, library = conversation(ANN, ROME, END), Library(SHELVES)
    [answer] = self_ask(llm, steps=2, search=library % 2)(Run([WHO]))
    assert (answer.text, len(llm.prompts)) == ("Rome", 3)


def test_a_reply_that_neither_asks_nor_answers_is_counted():
    reader = self_ask(conversation(" I do not know."), search=Library() % 2)
    [answer] = reader(Run([WHO]))
    assert (answer.text, reader.counts()["unreadable"]) == ("", 1)


def test_questions_go_together():
    def says(prompt, _):
        asked = prompt.rpartition("here:")[2]
        return END if asked else ANN

    llm, library = Scripted(says), Library(SHELVES)
    run = Run([ranking(f"Where {n}?", id=str(n)) for n in range(5)])
    answers = self_ask(llm, search=library % 2)(run)
    assert [answer.text for answer in answers] == ["Rome"] * 5
    assert (llm.batches, library.batches) == (2, 1)


def test_what_has_no_room_any_more_is_what_was_asked_first():
    replies = [f" Yes {n}.\nFollow up: {'word ' * 20}{n}?" for n in range(3)]
    free = conversation(*replies, END)
    [whole] = self_ask(free, search=Library() % 2)(Run([WHO]))
    most = len(free.asked[-1].split())
    llm = conversation(*replies, END)
    llm.context = most - 30 + 10
    [answer] = self_ask(llm, max_tokens=10, search=Library() % 2)(Run([WHO]))
    tail = llm.asked[-1].rpartition("Question: ")[2]
    assert tail.startswith(f"{WHO.query.text}\nAre follow up questions needed here: Yes 2.\nFollow up: word")
    assert tail.endswith(" 2?\nIntermediate answer:")
    assert (answer.text, answer.reasoning, answer.usage["forgotten"]) == (whole.text, whole.reasoning, 3)
