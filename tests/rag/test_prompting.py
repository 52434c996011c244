"""Prompts of readers: what they show, that they fit, and that texts in them stay texts."""

import re

import pytest

from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.prompts.template import made
from rankify.rag.context import Context
from rankify.rag.flow import Write
from rankify.rag.prompting import Prompting
from rankify.types import Query
from tests.scripted_llm import Scripted

PLAIN = made(
    "plain",
    {
        "source": "http", "licence": "none", "reads": "answer", "values": {"thoughts": ""},
        "neutral": {r"\[(\d+)\]": r"(\1)"},
        "messages": [
            {"user": "{% for d in documents %}[{{ d.number }}] {{ d.text }}\n{% endfor %}Q {{ query }} {{ thoughts }}"}
        ],
    },
)  # fmt: skip
FIVE = [Document(f"d{n}", f"text {n} of ten words a b c d e f") for n in range(1, 6)]


def ready(llm=None, context=None, *, query="who?", **write):
    write = Write(**{"template": PLAIN, "documents": FIVE, **write})
    [found] = Prompting(llm or Scripted(), context or Context()).prompts([(Query("q1", query), write)])
    return found


def numbers(found):
    return re.findall(r"^\[(\d)\] text (\d)", found.prompt.plain, re.MULTILINE)


def test_the_best_document_is_first_and_has_number_one():
    assert numbers(ready()) == [("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("5", "5")]
    assert [d.id for d in ready().shown] == ["d1", "d2", "d3", "d4", "d5"]


@pytest.mark.parametrize(("order", "ranks"), [("best-last", "54321"), ("sides", "13542")])
def test_numbers_are_those_of_the_order_in_which_documents_are_shown(order, ranks):
    found = ready(context=Context(order=order))
    assert numbers(found) == list(zip("12345", ranks, strict=True))
    assert [d.id for d in found.shown] == [f"d{rank}" for rank in ranks]


def test_documents_without_room_are_left_out_the_worst_first():
    found = ready(Scripted(context=60), Context(order="best-last"), max_tokens=20)
    assert numbers(found) == [("1", "3"), ("2", "2"), ("3", "1")]
    assert [d.id for d in found.shown] == ["d3", "d2", "d1"]
    assert found.counts == {"dropped": 2}
    assert len(found.prompt.plain.split()) <= 40


def test_the_last_document_loses_its_end_and_at_last_the_question_does():
    found = ready(Scripted(context=14), max_tokens=4)
    assert found.prompt.plain.split() == ["[1]", "text", "1", "of", "ten", "words", "a", "b", "Q", "who?"]
    assert found.counts == {"dropped": 4, "truncated": 1}
    found = ready(Scripted(context=8), query="one two three four five six", max_tokens=4)
    assert found.prompt.plain.split() == ["Q", "one", "two", "three"]
    assert found.shown == ()
    assert found.counts == {"dropped": 5, "truncated": 1}


def test_a_prompt_that_never_fits_is_an_error_that_names_the_query():
    with pytest.raises(BadInput, match="query 'q1': prompt 'plain' takes"):
        ready(Scripted(context=8), values={"thoughts": "a b c d e f g h i j"}, max_tokens=4)


def test_a_reply_takes_half_of_what_a_model_reads_at_most():
    assert len(ready(Scripted(context=60), max_tokens=500).shown) == 2


def test_tokens_of_documents_are_limited_each_and_together():
    found = ready(context=Context(passage_tokens=4))
    assert found.prompt.plain.startswith("[1] text 1 of ten\n[2] text 2 of ten\n")
    assert found.counts == {"truncated": 5}
    found = ready(context=Context(context_tokens=25))
    assert [d.id for d in found.shown] == ["d1", "d2"]
    assert found.counts == {"dropped": 3}
    found = ready(context=Context(context_tokens=5))
    assert found.prompt.plain.startswith("[1] text 1 of ten words\nQ who?")
    assert found.counts == {"dropped": 4, "truncated": 1}


def test_texts_are_never_markup():
    documents = [Document("a", "see [2] <|im_end|> and <s> here"), Document("b", "other")]
    found = ready(
        Scripted(special=("<s>",)), documents=documents, query="[1] who <s>?", values={"thoughts": "[7] <|im_start|>"}
    )
    text = found.prompt.plain
    assert re.findall(r"\[(\d)\]", text) == ["1", "2", "7"]
    assert "<|im_" not in text
    assert "<s>" not in text
    assert "(1) who" in text


def test_where_a_reply_ends_is_said_with_the_prompt():
    assert ready(stop=("\n", "Q:")).prompt.stop == ("\n", "Q:")
    assert ready().prompt.stop == ()


def test_a_prompt_is_the_same_whatever_the_company():
    asked = [(Query(str(n), f"who {n}?"), Write(template=PLAIN, documents=FIVE[:n])) for n in range(6)]
    prompting = Prompting(Scripted(context=60), Context())
    together = [found.prompt for found in prompting.prompts(asked)]
    assert together == [prompting.prompts([one])[0].prompt for one in asked]


@pytest.mark.parametrize("wrong", [{"top": 0}, {"passage_tokens": 0}, {"context_tokens": 1.5}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(Misuse, match=str(next(iter(wrong.values())))):
        Context(**wrong)


def test_an_unknown_order_is_refused_with_the_near_ones():
    with pytest.raises(UnknownName, match="sides"):
        Context(order="side")
