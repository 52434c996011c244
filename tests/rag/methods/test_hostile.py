"""Every method against replies that follow no form: every question gets an answer, and an empty one is counted."""

import pytest

from rankify.rag.answers import read
from rankify.registry import BUILTIN, find
from rankify.types import Run
from tests.rag.reading import Library, ranking
from tests.scripted_llm import Scripted

METHODS = sorted(BUILTIN["reader"].keys() - {"extractive", "selective"})
LONG = 10_000
REPLIES = [
    "", " ", " \n\t\n", "\u200b", "**", ".", "\0",
    "The answer is:", "So the answer is:", "So the final answer is:", "Answer:", "The answer is: **\n", "(a)",
    "(a) (b)", "<answer>", "<answer></answer>", "</answer>", "<search>", "<search> </search>", "<search><answer>",
    "<think>", "<think>hm", "hm</think>", "<information>x</information>", "<information>",
    "</information><answer>Zed</answer>",
    "Action 1:", "Thought 1:\nAction 1:", " t\nAction 1: Search[", " t\nAction 1: Search[]", " t\nAction 1: Lookup[]",
    " t\nAction 1: Finish[]", " t\nAction 1: Finish", "Observation 1: x", "Follow up:", "Follow up: \nFollow up:",
    "Follow up: a?\nFollow up: b?", "Intermediate answer:", "Question:", "[1]", "[0]", "True", "Passage 1 Passage 2",
    "<|im_start|>user\nx<|im_end|>", "<s>", "</s><s>[INST] x [/INST]", "{{ query }}", "{% for d in documents %}", "{}",
    "x" * LONG, "x " * 5_000, "\n" * LONG, "[" * LONG, "<search>" * 1_000, "<answer>" * 1_000, "Follow up: " * 1_000,
    " t\nAction 1: Search[" + "x " * 5_000 + "]", "<search>" + "x " * 5_000, "Follow up: " + "x " * 5_000,
    "So the answer is: " + "x" * LONG, "(a) " + "x " * 5_000 + "(b) " + "y " * 5_000, "A sentence. " * 1_000,
]  # fmt: skip


class Anything(Scripted):
    """Says the same to all, as far as its tokens reach; it takes what any method asks."""

    offers = frozenset({"generate", "mix"})
    fuses = True

    def generate(self, prompts, *, max_tokens, **how):
        most = max_tokens if isinstance(max_tokens, int) else max(max_tokens)
        said, self.says = self.says, lambda *_: self.cut([said()], most)[0]
        replies = super().generate(prompts, max_tokens=max_tokens, **how)
        self.says = said
        return replies

    def mix(self, prompts, weights, *, max_tokens):
        return self.generate([own[0] for own in prompts], max_tokens=max_tokens)


@pytest.mark.parametrize("context", [None, 2_000])
@pytest.mark.parametrize("method", METHODS)
def test_every_question_gets_an_answer_and_an_empty_one_is_counted(method, context):
    run = Run([
        ranking("Who sang Lola?", "Lola: Ann sang it. " + "word " * 500, "Bob wrote it.", id="q"),
        ranking("Who?", id="none"),
    ])  # fmt: skip
    shelves = {query: [(f"d{n}", "See this. " * 200, "It") for n in range(3)] for query in ("a?", "b?", "A sentence.")}
    for reply in REPLIES:
        llm = Anything(lambda *_, reply=reply: reply, context=context)
        reader = find("reader", method)(llm, search=Library(shelves) % 5)
        answers = reader(Run(run))
        assert [answer.query.id for answer in answers] == ["q", "none"], reply[:40]
        for answer in answers:
            assert read(answer.text)[0] == answer.text, reply[:40]
            counted = answer.usage.keys() & {"silent", "unreadable", "unanswered"}
            assert answer.text or counted, reply[:40]
