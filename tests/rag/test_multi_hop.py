"""Searching for what was read finds what one search for the question does not: IRCoT on HotpotQA."""

import rankify
from rankify.rag.methods.iterative import ircot
from tests.rag.multi_hop import Reading, collection


def both(found, facts):
    """How many questions have all of their supporting passages among those that were found."""
    return sum(set(facts[id]) <= set(ids) for id, ids in found.items())


def test_ircot_finds_both_supporting_passages_where_one_search_does_not(shared):
    passages, questions, facts = collection(shared / "hotpotqa-100")
    bm25 = rankify.retriever("bm25", passages)
    five, ten = ({ranking.query.id: ranking.ids for ranking in (bm25 % k)(questions)} for k in (5, 10))
    answers = (bm25 % 5 >> ircot(Reading(questions, facts), steps=4))(questions)
    found = {answer.query.id: [document.id for document in answer.contexts] for answer in answers}
    assert both(five, facts) == 52
    assert both(ten, facts) == 77
    assert both(found, facts) == 91
    assert sum(map(len, found.values())) < 700  # fewer documents than ten for each question
    assert all(set(five[id]) <= set(found[id]) for id in five)  # nothing that was found is given up
