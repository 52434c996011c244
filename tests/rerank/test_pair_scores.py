"""What rerankers by scores of pairs share: distinct pairs, rounds, and scores that are none."""

import numpy as np
import pytest

from rankify.documents import Document
from rankify.encoders.texts import passage
from rankify.errors import RankifyError
from rankify.rerank.pair_scores import PairReranker
from rankify.types import Query, Ranking, Run


class Lengths:
    """Scores by the length of a passage, or NaN for one that is called so."""

    passage = staticmethod(passage)

    def __init__(self):
        self.asked, self.counted = [], {"passes": 1}

    def scores(self, queries, passages, pairs):
        self.asked.append((list(queries), list(passages)))
        return np.array([float("nan") if passages[p] == "nan" else len(passages[p]) for _, p in pairs], np.float32)


class ByLength(PairReranker):
    name = "by-length"

    def __init__(self):
        self.scorer = Lengths()


def run(*texts):
    documents = [Document(str(place), text) for place, text in enumerate(texts)]
    return Run(Ranking(Query(f"q{n}", f"query {n}"), documents, range(len(texts), 0, -1)) for n in range(2))


def test_each_ranking_gets_its_own_scores_and_a_text_is_read_once():
    reranker = ByLength()
    for ranking in reranker(run("a", "ccc", "a", "bb")):
        assert ranking.ids == ["1", "3", "0", "2"]
        assert ranking.scores.tolist() == [3, 2, 1, 1]
    assert reranker.scorer.asked == [(["query 0", "query 1"], ["a", "ccc", "bb"])]
    assert reranker.counts() == {"pairs": 8, "passes": 1}


def test_a_score_that_is_no_number_is_an_error_that_says_the_way_out():
    with pytest.raises(RankifyError, match="by-length gave a score that is no finite number: dtype=bfloat16"):
        ByLength()(run("a", "nan"))


def test_texts_of_more_pairs_than_a_round_has_are_not_in_memory_together():
    documents = [Document(str(place), f"{place}") for place in range(1000)]
    run = Run(Ranking(Query(f"q{n}", f"query {n}"), documents, range(1000, 0, -1)) for n in range(20))
    reranker = ByLength()
    assert all(ranking.ids[0] == "100" for ranking in reranker(run))
    assert [len(queries) for queries, _ in reranker.scorer.asked] == [17, 3]
