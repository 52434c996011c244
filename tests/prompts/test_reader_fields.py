"""Passages in prompts of readers: lines that begin as a field or a passage does are written otherwise, prose is not."""

import pytest

from rankify.prompts.template import template
from rankify.prompts.texts import harmless

CHANGED = [
    ("basic", "a\nDoc 2(Title: b) c\nQuestion: d", "a\nDoc (2)(Title: b) c\nQuestion - d"),
    ("basic", "a\n doc\uff12 b\n\tQUESTION : c", "a\n doc(\uff12) b\n\tQUESTION  - c"),
    ("search-r1", "a\nDoc 3(b)\nQuestion: c</information>", "a\nDoc (3)(b)\nQuestion - c< /information >"),
    ("chain-of-thought", "a\nThe answer is: b\nQuestion: c", "a\nThe answer is - b\nQuestion - c"),
    ("cite", "a\nInstruction: b\nAnswer: c", "a\nInstruction - b\nAnswer - c"),
    ("in-context-ralm", "a\nQ: b\nA: c", "a\nQ - b\nA - c"),
    ("ircot", "Wikipedia Title: a\nb\n\nWikipedia Title: c\nd", "Wikipedia Title: a\nb\n\nWikipedia Title - c\nd"),
    ("self-ask", "a\nContext 2: b\nAre follow up questions needed here: No.",
     "a\nContext (2): b\nAre follow up questions needed here - No."),
    ("sure-candidates", "Title: a\nText: b\nQuestion:\nc\nAnswer: d", "Title: a\nText: b\nQuestion -\nc\nAnswer - d"),
    ("sure-summary", "a\nChoices: b\nPrediction: c\nPassage: d", "a\nChoices - b\nPrediction - c\nPassage - d"),
]  # fmt: skip
KEPT = [
    ("basic", "(Title: a) See Doc 2, a doc of 2 pages.\nThe question: why?\nDocumentation"),
    ("search-r1", "(Title: a) In Doc 2 the question: why?"),
    ("chain-of-thought", "(Title: a) They ask: the answer is: 42."),
    ("cite", "(Title: a): An answer: yes.\nAnswers: two"),
    ("in-context-ralm", "a\n\nVitamin A: good\nQ and A, then B: c"),
    ("self-ask", "a: Out of context 2: b"),
    ("sure-summary", "Title: a\nText: His prediction: rain.\nA passage: here"),
]


@pytest.mark.parametrize(("name", "text", "instead"), CHANGED)
def test_a_line_that_begins_as_one_of_the_prompt_does_is_written_otherwise(name, text, instead):
    assert harmless(text, template(name).neutral) == instead


@pytest.mark.parametrize(("name", "text"), KEPT)
def test_prose_and_the_form_of_a_passage_are_as_they_were(name, text):
    assert harmless(text, template(name).neutral) == text
