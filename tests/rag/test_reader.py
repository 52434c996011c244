"""The reader: one batch a round for all questions, what it counts, what it cites, and how it is named."""

from collections import Counter

import pytest

import rankify
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.prompts.template import template
from rankify.rag.flow import Found, Search, Write, searched, written
from rankify.rag.method import method
from rankify.rag.methods.once import basic, cite, zero_shot
from rankify.rag.reader import Plan
from rankify.stages import Answering
from rankify.types import Query, Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

CATS = ranking("What do cats do?", "Cats: Cats purr [1].", "Dogs bark.", "cats: cats  purr [1].", id="cats")
DOGS = ranking("What do dogs do?", "Dogs bark.", id="dogs")


@method(paper="a test")
def hopping(llm, *, hops=2):
    """Searches for what it wrote, so many times."""
    asks = template("basic")

    def flow(ranking):
        documents, hop = list(ranking.documents), 0
        while True:
            reply = yield from written(Write(template=asks, documents=documents))
            if hop == hops:
                return Found(text=reply.text, shown=reply.shown)
            hop += 1
            [found] = yield from searched([reply.text])
            documents = list(found.documents)

    return Plan(answering=flow, searches=True)


def test_all_questions_go_to_the_model_in_one_batch():
    llm = Scripted(lambda prompt, _: "purr" if "cats" in prompt.rpartition("Question:")[2] else "bark")
    answers = basic(llm)(Run([CATS, DOGS]))
    assert [answer.text for answer in answers] == ["purr", "bark"]
    assert llm.batches == 1


def test_every_round_is_one_batch_and_one_search():
    llm, library = Scripted(lambda prompt, _: f"{prompt.count('Doc ')} docs"), Library({"0 docs": [("d", "text")]})
    run = Run([ranking("who?", id=str(n)) for n in range(5)])
    answers = hopping(llm, search=library % 3)(run)
    assert [answer.text for answer in answers] == ["0 docs"] * 5
    assert (llm.batches, library.batches, len(library.asked)) == (3, 2, 10)
    assert all(answer.usage["searches"] == 2 for answer in answers)


def test_the_pipeline_before_a_reader_is_what_it_searches_with():
    library = Library({"who?": [("d1", "Ann")], "said": [("d2", "Bob")]})
    answering = library % 5 >> hopping(Scripted(lambda *_: "said"), hops=1)
    [answer] = answering([Query("q", "who?")])
    assert library.asked == ["who?", "said"]
    assert [document.id for document in answer.contexts] == ["d2"]


def test_a_reader_that_was_given_a_search_keeps_it():
    own, before = Library({"said": [("own", "Bob")]}), Library({"who?": [("d1", "Ann")]})
    [answer] = (before % 5 >> hopping(Scripted(lambda *_: "said"), hops=1, search=own % 5))([Query("q", "who?")])
    assert (before.asked, own.asked) == (["who?"], ["said"])
    assert [document.id for document in answer.contexts] == ["own"]


def test_a_reader_that_begins_alone_makes_no_first_search():
    library = Library()
    [answer] = (library % 5 >> zero_shot(Scripted(lambda *_: "Paris\nmore")))([Query("q", "which?")])
    assert library.asked == []
    assert (answer.text, answer.contexts) == ("Paris", ())


def test_a_method_that_searches_needs_something_to_search_with():
    with pytest.raises(Misuse, match="'hopping' searches on the way: put it behind a pipeline"):
        hopping(Scripted())(Run([CATS]))
    with pytest.raises(Misuse, match="search='bm25' should be a pipeline"):
        hopping(Scripted(), search="bm25")


def test_a_document_of_the_same_text_is_shown_once_and_counted():
    llm = Scripted(lambda *_: "purr")
    reader = basic(llm)
    [answer] = reader(Run([CATS]))
    assert [document.id for document in answer.contexts] == ["d1", "d2"]
    assert answer.usage["duplicates"] == 1
    assert reader.counts()["duplicates"] == 1


def test_only_the_best_documents_are_read_in_their_order():
    llm = Scripted(lambda *_: "x")
    [answer] = basic(llm, top=2, order="best-last")(Run([ranking("who?", "A", "B", "C")]))
    assert [document.text for document in answer.contexts] == ["B", "A"]
    assert "C" not in llm.asked[0].partition("documents.\n\n")[2].partition("Question:")[0]


def test_citations_are_those_of_documents_that_were_shown():
    llm = Scripted(lambda *_: "Cats purr [2][1]. Always [1, 9]. Really [0].")
    [answer] = cite(llm)(Run([CATS]))
    assert answer.citations == ("d2", "d1")
    assert answer.usage["cited_unknown"] == 2
    assert "(1)" in llm.asked[0]
    assert "purr [1]" not in llm.asked[0]


def test_a_question_without_documents_is_asked_and_cites_nothing():
    [answer] = cite(Scripted(lambda *_: "Yes [1]."))(Run([ranking("who?")]))
    assert (answer.text, answer.citations, answer.usage["cited_unknown"]) == ("Yes [1].", (), 1)
    assert basic(Scripted())(Run([])) == []


def test_tokens_are_counted_for_each_question_and_for_all():
    llm = Scripted(lambda *_: "one two")
    reader = basic(llm)
    answers = reader(Run([CATS, DOGS]))
    counts = reader.counts()
    assert counts["asked"] == 2
    assert counts["generated_tokens"] == 4
    assert counts["prompt_tokens"] == sum(answer.usage["prompt_tokens"] for answer in answers)
    assert counts["passes"] == 1


def test_thoughts_are_no_part_of_an_answer_and_get_tokens_of_their_own():
    llm = Scripted(lambda *_: "<think>hm, Rome?</think>Paris")
    [answer] = basic(llm, reasoning_tokens=100)(Run([CATS]))
    assert answer.text == "Paris"
    assert llm.most == [132]


@pytest.mark.parametrize(
    ("reply", "counts"),
    [
        (" \n", {"silent": 1}), ("<think>hm</think> ", {"silent": 1}), ("The answer is:", {"unreadable": 1}), ("x", {}),
        ("**", {}),
    ],
)  # fmt: skip
def test_a_reply_that_says_nothing_is_counted(reply, counts):
    [answer] = basic(Scripted(lambda *_: reply))(Run([CATS]))
    assert {name: answer.usage[name] for name in ("silent", "unreadable") if name in answer.usage} == counts
    assert (answer.text == "") == bool(counts)


def test_a_reader_is_named_by_method_model_and_options():
    reader = basic(Scripted(), top=3)
    assert repr(reader).startswith("basic:scripted")
    assert "top=3" in repr(reader)


def test_options_of_a_backend_that_is_built_and_unknown_prompts_are_refused():
    with pytest.raises(Misuse, match="'dtype' of 'basic' belongs to the backend"):
        basic(Scripted(), dtype="float32")
    with pytest.raises(UnknownName, match="did you mean 'basic'"):
        basic(Scripted(), prompt="basik")
    with pytest.raises(Misuse, match="reasoning_tokens=-1"):
        basic(Scripted(), reasoning_tokens=-1)


def test_the_door_opens_a_reader_over_any_backend():
    with pytest.raises(UnknownName, match="did you mean 'top'"):
        rankify.reader("basic:http:gpt-4o-mini?topp=3")
    reader = rankify.reader("basic:http:gpt-4o-mini?top=3&order=sides&parallel=2")
    assert {"top=3", "order=sides", "parallel=2"} == set(repr(reader).partition("?")[2].split("&"))
    assert rankify.reader(repr(reader)) == reader


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("basic:http:x?max_tokens=0", "max_tokens=0"), ("react:http:x?max_tokens=-1", "max_tokens=-1"),
        ("sure:http:x?summary_tokens=0", "summary_tokens=0"), ("flare:vllm:x?look_ahead=0", "look_ahead=0"),
    ],
)  # fmt: skip
def test_a_reply_has_a_token_at_least(spec, said):
    with pytest.raises(Misuse, match=f"{said}: that is a number of tokens, a whole number above 0"):
        rankify.reader(spec)


@pytest.mark.parametrize("tokens", [True, 2.5, None, "7"])
def test_a_number_of_tokens_is_whole(tokens):
    with pytest.raises(Misuse, match=f"max_tokens={tokens!r}: that is a number of tokens, a whole number above 0"):
        basic(Scripted(), max_tokens=tokens)


def test_a_failure_of_the_model_is_a_failure():
    class Failing(Scripted):
        def generate(self, prompts, **how):
            raise BadInput("no model")

    with pytest.raises(BadInput, match="no model"):
        basic(Failing())(Run([CATS]))


def test_several_searches_of_one_question_are_one_run():
    @method(paper="a test")
    def several(llm):
        """Searches for two texts at once."""

        def flow(ranking):
            first, second = yield [Search("a"), Search("b")]
            return Found(text=" ".join([*first.ids, *second.ids]), counts=Counter(steps=1))

        return Plan(answering=flow, searches=True)

    library = Library({"a": [("d1", "x")], "b": [("d2", "y")]})
    [answer] = several(Scripted(), search=library % 1)(Run([ranking("who?")]))
    assert (answer.text, answer.usage) == ("d1 d2", {"searches": 2, "steps": 1})
    assert library.batches == 1


def test_a_reader_behind_a_pipeline_is_part_of_its_text():
    library = Library()
    answering = library % 3 >> basic(Scripted())
    assert isinstance(answering, Answering)
    assert repr(answering).startswith("library % 3 >> basic:scripted")


def test_documents_keep_what_their_file_said():
    kept = ranking("who?", "A")
    document = Document("d1", "A", metadata={"page": 3})
    [answer] = basic(Scripted(lambda *_: "x"))(Run([type(kept)(kept.query, [document], [1.0])]))
    assert answer.contexts[0].metadata == {"page": 3}
