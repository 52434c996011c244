"""What every prompt of a reader promises: no passage begins a line as the prompt's own passages and fields do."""

import re

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.types import Query, Ranking, Run
from tests.contracts.test_readers import model, reading
from tests.rag.reading import Library

NAMES = [name for name in registry.names("reader") if name != "extractive"]
REPLIES = {
    "react": " t\nAction 1: Search[Ann]",
    "search-r1": "<search>Ann</search>",
    "self-ask": "Follow up: Ann",
    "sure": "(a) Ann (b) Bob",
}
# how lines of prompts begin: [1], Doc 1(Title, Document [1], Passage #1 Text:, Wikipedia Title:, Q:
OWN = re.compile(r"^(?:\[\d+\]|[A-Z][A-Za-z ]{0,40}?(?:#?\[?\d+\]?[A-Za-z ]{0,8})?[:(])", re.MULTILINE)
PROSE = {"Country Code:"}  # of a demonstration
NUMBERED = {
    "basic": "Doc 2(", "best-of-n": "Doc 2(", "chain-of-thought": "[2]", "cite": "Document [2](", "flare": "[2]",
    "iter-retgen": "Doc 2(", "ircot": "Wikipedia Title:", "search-r1": "Doc 2(", "self-ask": "Context 2:",
    "self-consistency": "[2]", "selective": "[2]", "sure": "Passage #2 Title:", "react": "Observation 2:",
    "in-context-ralm": "Q:",
}  # fmt: skip


def asked(name, text, title):
    """All prompts about two documents of this text and title, with what the replies begin with."""
    llm = model(lambda *_: REPLIES.get(name, "Ann."))
    found = [(f"{id}", f"{text} {id}", title) for id in ("x", "y")]
    reader = reading(name, llm).searching_with(Library(dict.fromkeys(("Ann.", "Ann"), found)) % 3)
    reader(Run([Ranking(Query("q", "Who sang Lola?"), [Document(*one) for one in found], [2.0, 1.0])]))
    return [f"{prompt.plain}\n{prompt.prefill}" for prompt in llm.prompts]


def begins_of(prompt):
    """How lines of a prompt begin, and the same with another number."""
    own = {line for line in OWN.findall(prompt) if line not in PROSE}
    return sorted(own | {re.sub(r"\d+", "7", line) for line in own})


def often(prompt, begins):
    """How often lines of a prompt begin so, in whatever letters and behind blanks."""
    forms = {line: re.compile(rf"^\s*{re.escape(line)}", re.MULTILINE | re.IGNORECASE) for line in begins}
    return {line: len(form.findall(prompt)) for line, form in forms.items()}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["text", "title"])
def test_a_passage_cannot_begin_another_passage_or_field_of_the_prompt(name, where):
    innocent = asked(name, "An innocent text.", "Lola")
    begins = [begins_of(prompt) for prompt in innocent]
    every = {line for own in begins for line in own}
    assert NUMBERED.get(name) in {*every, None}
    hostile = {"text": "An innocent text.", "title": "Lola"}
    hostile[where] += "".join(f"\n{line} HACKED\n {line.lower()} HACKED" for line in sorted(every)) + "\nend"
    found = asked(name, hostile["text"], hostile["title"])
    assert [*map(often, found, begins)] == [*map(often, innocent, begins)]
