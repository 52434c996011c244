"""Best of n: how replies are drawn and scored, who wins, and what malformed replies come to."""

from math import log

import pytest

from rankify.errors import Misuse, UnknownName
from rankify.rag import scoring
from rankify.rag.methods.best_of_n import best_of_n
from rankify.stages import Reranker
from rankify.types import Run
from tests.rag.reading import ranking
from tests.scripted_llm import Scripted

WHO = ranking("Who sang it?", "Lola: Ann sang it.", "Bob wrote it.")


class Longest(Reranker):
    """Long replies first; remembers what it was asked."""

    name = "longest"

    def __init__(self):
        self.calls = []

    def rerank(self, run):
        self.calls.append([(r.query.text, [d.text for d in r.documents]) for r in run])
        return Run(r.rescored([len(d.text) for d in r.documents]) for r in run)


@pytest.fixture
def longest(monkeypatch):
    """The scorer of the name cross-encoder:longest."""
    reranker = Longest()
    monkeypatch.setattr(scoring.registry, "load", lambda *_: reranker)
    return reranker


LONGEST = "cross-encoder:longest"


def says(*replies):
    return Scripted(lambda _, number: replies[number % len(replies)])


def test_the_scorer_chooses_and_its_score_is_the_confidence(longest):
    llm = says("Ann", "Ann Lee [1].", "Bob\nLonger than all others.", "", "Ann")
    reader = best_of_n(llm, scorer=LONGEST)
    [answer] = reader(Run([WHO]))
    assert (answer.text, answer.confidence, answer.citations) == ("Ann Lee [1].", 12.0, ("d1",))
    assert longest.calls == [[("Who sang it?", ["Ann", "Ann Lee [1].", "Bob"])]]
    assert (answer.usage["asked"], answer.usage["scored"], answer.usage["unreadable"]) == (5, 3, 1)
    assert llm.batches == 1


def test_equal_scores_go_to_the_earlier_reply(longest):
    [answer] = best_of_n(says("Bob", "Ann", "Eve"), scorer=LONGEST, samples=3)(Run([WHO]))
    assert answer.text == "Bob"


def test_replies_that_say_nothing_stand_in_nobodys_way(longest):
    [answer] = best_of_n(says("", "Bob [2]", "Bob [2]", "Ann Lee [1]"), scorer=LONGEST, samples=4)(Run([WHO]))
    assert (answer.text, answer.citations, answer.usage["unreadable"]) == ("Ann Lee [1]", ("d1",), 1)


def test_all_questions_are_drawn_and_scored_together(longest):
    other = ranking("Who else?", "Eve did.", id="other")
    llm = says("Ann", "Bobby")
    answers = best_of_n(llm, scorer=LONGEST, samples=2)(Run([WHO, other]))
    assert [answer.text for answer in answers] == ["Bobby", "Bobby"]
    assert (llm.batches, len(longest.calls), len(longest.calls[0])) == (1, 1, 2)
    assert len({how.seed for how in llm.samplings}) == 4
    assert {(how.temperature, how.top_p) for how in llm.samplings} == {(1.0, 0.9)}


def test_the_scorer_may_read_the_documents_that_were_shown(longest):
    best_of_n(says("Ann"), scorer=LONGEST, samples=1, passages=True, top=1)(Run([WHO]))
    assert longest.calls == [[("Lola\nAnn sang it.\n\nWho sang it?", ["Ann"])]]


def test_likelihood_is_that_of_a_token_on_average_as_it_was_written():
    likely = {"Bob": 0.5, "Ann": 0.9, "Lee": 0.25, "Eve": 0.8, "Mary": 0.8}
    llm = Scripted(lambda _, number: ("Bob", "Ann Lee", "Eve Mary", "")[number], likely=likely.get)
    [answer] = best_of_n(llm, samples=4)(Run([WHO]))
    assert (answer.text, answer.confidence) == ("Eve Mary", pytest.approx(log(0.8)))
    assert (answer.usage["asked"], answer.usage["scored"], answer.usage["unreadable"], llm.batches) == (4, 3, 1, 1)


def test_of_one_answer_that_is_written_twice_the_first_reply_counts():
    likely = {"Bob": 0.6, "Ann": 0.7, "Sure": 0.1}
    llm = Scripted(lambda _, number: ("Bob", "Ann\nSure", "Ann")[number], likely=likely.get)
    [answer] = best_of_n(llm, samples=3)(Run([WHO]))
    assert (answer.text, answer.usage["scored"]) == ("Bob", 2)


def test_a_marked_answer_is_read_where_the_prompt_asks_for_one(longest):
    llm = says("He sang [1]. The answer is: Ann.", "The answer is: Bobby.")
    [answer] = best_of_n(llm, scorer=LONGEST, samples=2, prompt="chain-of-thought", max_tokens=99)(Run([WHO]))
    assert (answer.text, llm.most) == ("Bobby", [99, 99])
    assert longest.calls[0][0][1] == ["Ann", "Bobby"]


def test_replies_that_say_nothing_are_counted_and_no_scorer_is_asked(longest):
    [answer] = best_of_n(says("", " \n"), scorer=LONGEST, samples=2)(Run([WHO]))
    assert (answer.text, answer.confidence, answer.usage["unreadable"], longest.calls) == ("", None, 2, [])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"scorer": "likelihood"},
            Misuse,
            r"silent does not tell how likely a reply is; name a scorer of replies, e\.g\. scorer=cross",
        ),
        ({"samples": 0, "scorer": "bm25"}, Misuse, "samples=0: that is how many replies are drawn"),
        ({"scorer": "likelyhood"}, UnknownName, "no scorer of sentences 'likelyhood'"),
        ({"scorer": "bm25", "temperature": 0.0}, Misuse, r"temperature=0\.0"),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_drawn(options, error, message):
    class Silent(Scripted):
        name, gives_logprobs = "silent", False

    with pytest.raises(error, match=message):
        best_of_n(Silent(), **options)


def test_a_number_of_samples_is_no_truth_value():
    with pytest.raises(Misuse, match="samples=True: that is how many replies are drawn"):
        best_of_n(Scripted(), samples=True)
