"""What the simulated model refuses: what it cannot know, questions, and options out of range."""

import pytest

from rankify.errors import BadInput
from rankify.llm.protocol import Prompt
from rankify.llm.simulated import Simulated
from rankify.rag.methods.once import basic, zero_shot
from rankify.rag.methods.reasoning import chain_of_thought
from rankify.types import Run
from tests.llm.test_simulated import GRADES, prompt
from tests.rag.reading import ranking


@pytest.mark.parametrize(
    "ask",
    [
        lambda llm: llm.generate([Prompt(text="no one knows what about")], max_tokens=1),
        lambda llm: llm.generate([prompt("a", reads="query")], max_tokens=1),
        lambda llm: llm.generate([prompt("ab", reads="relevance")], max_tokens=1),
        lambda llm: llm.choose([prompt("ab")], [["A", "B", "C"]]),
        lambda llm: llm.loglikelihood([prompt("ab")], ["[3]"]),
    ],
)
def test_what_it_cannot_know_it_refuses(ask):
    with pytest.raises(BadInput):
        ask(Simulated(GRADES))


@pytest.mark.parametrize("reader", [basic, zero_shot, chain_of_thought])
def test_a_reader_is_told_that_it_ranks_and_answers_no_questions(reader):
    asked = ranking("Who sang Lola?", "Ann sang it.")
    with pytest.raises(BadInput, match=r"ranks documents and answers no questions: .*, e\.g\. http:gpt-4o-mini$"):
        reader(Simulated(GRADES))(Run([asked]))


@pytest.mark.parametrize("options", [{"noise": -1.0}, {"position_bias": 1.1}, {"malformed": -0.1}, {"thoughts": -1}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(BadInput, match=next(iter(options))):
        Simulated(GRADES, **options)
