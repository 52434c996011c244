"""Scorers of sentences: which a spec names, and how a reranker is one."""

import numpy as np
import pytest

from rankify.errors import Misuse, UnknownName
from rankify.rag.scoring import Candidate, by_encoder, by_reranker, candidates, refuse_unknown, scorer
from rankify.stages import Reranker
from rankify.types import Run


class Lengths(Reranker):
    """Long texts first, titles counted; remembers what it was shown."""

    name = "lengths"

    def __init__(self):
        self.calls = []

    def rerank(self, run):
        self.calls.append([(r.query.text, [(d.title, d.text) for d in r.documents]) for r in run])
        return Run(r.rescored([len(d.title + d.text) for d in r.documents]) for r in run)


def test_a_reranker_scores_the_sentences_of_all_questions_at_once_in_their_places():
    reranker = Lengths()
    titled = Candidate(text="four", title="ten", whole=True, question=False, rank=0, place=0)
    found = by_reranker(reranker)(["a?", "b?", "c?"], [[*candidates(["a", "long one"]), titled], [], candidates(["x"])])
    assert [row.tolist() for row in found] == [[1, 8, 7], [], [1]]
    [[first, *rest]] = reranker.calls
    assert first == ("a?", [("", "a"), ("", "long one"), ("ten", "four")])
    assert rest == [("b?", []), ("c?", [("", "x")])]


def test_words_are_a_scorer():
    [row] = scorer("bm25")(["what do cats do"], [candidates(["Dogs bark.", "Cats purr."])])
    assert row[0] == 0 < row[1]
    assert isinstance(row, np.ndarray)


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("cross-encoder", Misuse, "cannot build the reranker 'cross-encoder'"),
        ("cros-encoder:x", UnknownName, "no scorer of sentences 'cros-encoder'; did you mean 'cross-encoder'"),
        ("dense:x?poling=mean", UnknownName, "did you mean 'pooling'"),
    ],
)
def test_a_spec_that_names_no_scorer_is_refused_before_anything_is_read(spec, error, message):
    with pytest.raises(error, match=message):
        refuse_unknown(spec)


class Tokens:
    """A matrix of one row for each text, as long as the text."""

    def encode_documents(self, documents):
        return iter([np.array([[len(d.title + d.text), 0]], dtype=np.float32) for d in documents])

    def encode_queries(self, texts):
        return iter([np.array([[1, 0], [1, 0]], dtype=np.float32) for _ in texts])


def test_token_vectors_are_summed_over_the_question_in_the_sentences_places():
    found = by_encoder(Tokens())(["a?", "b?", "c?"], [candidates(["xxx", "x", "xx"]), [], candidates(["xx", "xxx"])])
    assert [row.tolist() for row in found] == [[6, 2, 4], [], [4, 6]]
