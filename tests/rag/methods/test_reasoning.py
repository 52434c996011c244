"""Chain of thought and self-consistency: what is asked, what is read, and what is not scored."""

import pytest

from rankify.errors import Misuse
from rankify.rag.answers import bare, marked, read, vote
from rankify.rag.methods.reasoning import chain_of_thought, self_consistency
from rankify.types import Run
from tests.rag.reading import ranking
from tests.scripted_llm import Scripted

WHO = ranking("Who sang it?", "Ann sang it.", "Bob wrote it.")


def says(*replies):
    return Scripted(lambda _, number: replies[number % len(replies)])


def test_only_the_marked_answer_is_the_answer():
    [answer] = chain_of_thought(says("Ann sang it [1], Bob did not [2]. The answer is: Ann."))(Run([WHO]))
    assert (answer.text, answer.reasoning) == ("Ann", "Ann sang it [1], Bob did not [2].")
    assert answer.citations == ("d1", "d2")


def test_a_reply_without_a_marked_answer_is_counted_and_answers_nothing():
    reader = chain_of_thought(says("Ann, I think."))
    [answer] = reader(Run([WHO]))
    assert (answer.text, answer.reasoning) == ("", "Ann, I think.")
    assert reader.counts()["unreadable"] == 1


@pytest.mark.parametrize("reply", ["Hm. The answer is:", "The answer is: **", "", " \n"])
def test_an_answer_that_says_nothing_is_counted(reply):
    for method in (chain_of_thought, self_consistency):
        reader = method(says(reply))
        [answer] = reader(Run([WHO]))
        assert (answer.text, reader.counts()["unreadable"]) == ("", reader.counts()["asked"])


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("So the answer is Paris. It is the capital.", "Paris"),
        ("The answer is: 3.5 million\nDone.", "3.5 million"),
        ("the final answer is: **No**.", "No"),
        ("Answer: Dr. A. Smith", "Dr. A. Smith"),
        ("The answer is: Rome. Wait. The answer is: Paris.", "Paris"),
        ("\u6771\u4eac\u3002 Answer: \u6771\u4eac\u3002", None),
        ("Hm.\nAnswer: \u6771\u4eac\u3002", "\u6771\u4eac"),
        ("The answer is:", ""),
        ("The answers are many.", None),
        ("The answer to the question is Paris.", "Paris"),
        ("The answer to the question is Elvis Presley.", "Elvis Presley"),
        ("The answer to question 1 is Tunisia", "Tunisia"),
        ("The answer to question 1: Tunisia", "Tunisia"),
        ("The answer to the question\nis: Paris", "Paris"),
        ("The answer to this is Paris, which is in France.", "Paris, which is in France"),
        ('The answer to "Who is the king: Ann or Bob?" is Bob.', "Bob"),
        ("The answer to \u201cWho is the king?\u201d is Bob.", "Bob"),
        ('The answer to the 6" question is Bob.', "Bob"),
        ("The answer isn't known.", None),
        ("The answer issued to all", None),
    ],
)
def test_marked_answers(reply, answer):
    assert (marked(reply) or (None,))[0] == answer


def test_answers_that_cite_otherwise_vote_for_the_same():
    assert vote(["Bob [1].", "Ann.", "Bob [2].", "Ann", "Bob [1][2]."]) == ("Bob [1].", 0.6)
    assert vote(["[1]", "Ann", "[2]", "[2]"]) == ("[2]", 0.5)  # of which nothing else is left


def test_a_word_within_an_answer_is_no_mark():
    for text in ("The answer isn't known.", "The answer to this isn't Tunisia"):
        assert read(text) == (text, {})


HALVES = ["The answer to " + " " * 200_000, "The answer" + " " * 200_000]
HALVES += ['The answer to "' * 10_000, "The answer to " + "\u201ca\u201d" * 10_000, "The answer to " + '"' * 10_000]


@pytest.mark.parametrize("text", HALVES)
def test_a_long_text_behind_half_a_mark_is_read_at_once(text):
    assert marked(text) is None  # in steps that grow with its square it would take minutes


def test_an_abbreviation_keeps_its_stop():
    assert [bare(text) for text in ("U.S.", "Paris.", "'No.'", "5 p.m.")] == ["U.S.", "Paris", "No", "5 p.m."]


def test_the_answer_of_most_wins_in_the_words_of_the_first():
    llm = says("It is Bob. The answer is: Bob.", "The answer is: the Ann", "Hm. The answer is: ann!", "nothing")
    reader = self_consistency(llm, samples=4)
    [answer] = reader(Run([WHO]))
    assert (answer.text, answer.confidence) == ("the Ann", 0.5)
    assert reader.counts()["unreadable"] == 1
    assert reader.counts()["asked"] == 4
    assert llm.batches == 1


def test_equal_votes_go_to_the_first_and_nothing_readable_is_no_answer():
    [answer] = self_consistency(says("The answer is: Bob.", "The answer is: Ann."), samples=2)(Run([WHO]))
    assert (answer.text, answer.confidence) == ("Bob", 0.5)
    [answer] = self_consistency(says("hm"), samples=3)(Run([WHO]))
    assert (answer.text, answer.confidence) == ("", 0.0)


def test_each_sample_is_drawn_by_numbers_of_its_own_whatever_the_company():
    other = ranking("Who else?", "Eve did.", id="other")
    llm = says("The answer is: Ann.")
    self_consistency(llm, samples=3, temperature=0.7, top_p=0.9)(Run([WHO, other]))
    assert len({how.seed for how in llm.samplings}) == 6
    assert {(how.temperature, how.top_p) for how in llm.samplings} == {(0.7, 0.9)}
    alone = says("The answer is: Ann.")
    self_consistency(alone, samples=3, temperature=0.7, top_p=0.9)(Run([other]))
    assert alone.samplings == llm.samplings[3:]
    assert self_consistency(alone, seed=1)(Run([other]))
    assert not {how.seed for how in alone.samplings[3:]} & {how.seed for how in alone.samplings[:3]}


@pytest.mark.parametrize(("option", "value"), [("samples", 0), ("temperature", 0.0), ("top_p", 2.0)])
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(Misuse, match=f"{option}={value}"):
        self_consistency(Scripted(), **{option: value})
