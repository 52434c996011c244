"""Setwise voting: documents and labels are shuffled, the most votes win, and thinking is no vote."""

from collections import Counter

import pytest

from rankify.documents import Document
from rankify.llm.protocol import Reply
from rankify.llm.simulated import Simulated
from rankify.prompts.template import template
from rankify.rerank.llm.judge import Question
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.pair import Pair
from rankify.types import Query

DOCUMENTS = [Document(name, f"text of {name}") for name in ("one", "two", "three", "four")]
QUESTION = Question(Query("q", "which"), DOCUMENTS)


class Saying(Simulated):
    """Says what it is told, or names the document it is told, by whatever label that has."""

    def __init__(self, said, *, finished=True):
        super().__init__({})
        self.said, self.finished, self.heard = said, finished, []

    def generate(self, prompts, *, max_tokens):
        self.heard += prompts
        self.most = max_tokens
        return [Reply(self._named(prompt, number), 5, 1, self.finished) for number, prompt in enumerate(prompts)]

    def _named(self, prompt, number):
        said = self.said[number % len(self.said)]
        ids = prompt.shown.documents
        return prompt.shown.identifiers[ids.index(said)] if said in ids else said


def judged(said, votes, **options):
    llm = Saying(said, **options)
    [judgment] = Best(llm, template("setwise"), votes=votes)([QUESTION])
    return judgment, llm.heard


def test_every_vote_shows_each_document_once_under_a_label_of_its_own():
    _, heard = judged(["two"], votes=20)
    assert len({prompt.shown.documents for prompt in heard}) > 5
    assert len({prompt.shown.identifiers for prompt in heard}) > 5
    for prompt in heard:
        assert sorted(prompt.shown.documents) == sorted(d.id for d in DOCUMENTS)
        assert sorted(prompt.shown.identifiers) == [f"Passage {letter}" for letter in "ABCD"]
        for name, id in zip(prompt.shown.identifiers, prompt.shown.documents, strict=True):
            assert f'{name}: "text of {id}"' in prompt.plain


def test_one_vote_is_asked_in_the_present_order():
    judgment, [prompt] = judged(["three"], votes=1)
    assert prompt.shown.documents == ("one", "two", "three", "four")
    assert judgment.scores == (0, 0, 1, 0)


def test_a_vote_is_for_the_document_that_has_the_label_there():
    judgment, _ = judged(["three", "three", "one", "none of them", "three"], votes=5)
    assert judgment.scores == (1, 0, 3, 0)
    assert judgment.counts["unreadable"] == 1
    assert judgment.counts["asked"] == 5


def test_of_equal_votes_a_random_one_wins_and_the_same_one_again():
    winners = Counter()
    for number in range(200):
        question = Question(Query(f"q{number}", "which"), DOCUMENTS)
        scores = [Best(Saying(["two", "four"]), template("setwise"), votes=2)([question])[0].scores for _ in range(2)]
        assert scores[0] == scores[1]
        assert sorted(scores[0]) == [0, 0, 1, 1.5]
        winners[scores[0].index(1.5)] += 1
    assert set(winners) == {1, 3}
    assert min(winners.values()) > 60


def test_without_any_vote_the_order_stays():
    judgment, _ = judged(["nothing"], votes=3)
    assert judgment.scores == (0, 0, 0, 0)
    assert judgment.counts["unreadable"] == 3


@pytest.mark.parametrize("judge", [Best, Pair])
def test_a_reply_that_ends_while_thinking_is_no_answer(judge):
    """The chat template may have begun the think block, so that the reply has only its end, or nothing of it."""
    pair = Question(QUESTION.query, DOCUMENTS[:2])

    def unreadable(said, *, finished, tokens=100):
        llm = Saying([said], finished=finished)
        [judgment] = judge(llm, template("setwise-chat"), reasoning_tokens=tokens)([pair])
        assert all(most > tokens for most in llm.most)
        return judgment.counts["unreadable"] > 0

    assert unreadable("Passage A is about cats, and Passage", finished=False)
    assert not unreadable("Passage A is about cats.</think> Passage B", finished=False)
    assert not unreadable("Passage B", finished=True)
    assert not unreadable("Passage B is", finished=False, tokens=0)
