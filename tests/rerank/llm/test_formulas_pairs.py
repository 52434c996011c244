"""Pairs, sets and windows judged by the likelihoods of their labels, against transformers alone, on several models.

A tiny model's random weights often prefer one label whatever it reads; of those here, each says different things of
different documents.
"""

from collections import Counter
from functools import cached_property
from itertools import combinations, pairwise

import pytest

from rankify.rerank.llm.judge import Question
from rankify.types import Run
from tests import tiny_llm
from tests.rerank.llm.formulas import FAMILIES, QUERY, ranking, reranker, words

MODELS = [("llama", 4), ("llama", 6), ("mistral", 4), ("qwen2", 2), ("qwen2", 5), ("t5", 10), ("t5", 19), ("t5", 28)]
TEXTS = [words(n, seed) for seed, n in enumerate((3, 11, 1, 25, 6, 17, 40, 8))]
DOCUMENTS = ranking(TEXTS).documents
PAIR = (
    'Given a query "{query}", which of the following two passages is more relevant to the query?\n\nPassage A: '
    '"{one}"\n\nPassage B: "{other}"\n\nOutput Passage A or Passage B:'
)
SET = (
    'Given a query "{query}", which of the following passages is the most relevant one to the query?\n\n{passages}\n\n'
    "Output only the passage label of the most relevant passage:"
)


class Direct:
    """What a model says of the labels of passages, and what follows from it, by the published code's steps.

    Args:
        folder: an encoder-decoder reads the prompt and goes on from "<pad> Passage", a causal model from a chat and
            " Passage:".
    """

    def __init__(self, folder):
        self.folder, self.plain = folder, tiny_llm.Plain(folder)

    def labels(self, text, n):
        """The log-softmax over the whole vocabulary at the labels of n passages."""
        plain, letters = self.plain, "ABCDEFGH"[:n]
        if plain.network.config.is_encoder_decoder:
            asked = plain.tokenizer(text).input_ids, plain.bare("<pad> Passage")
            named = [plain.bare(f"<pad> Passage {letter}")[-1] for letter in letters]
        else:
            turns = [{"role": "user", "content": text}]
            begun = plain.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
            asked = plain.bare(f"{begun} Passage:")
            named = [plain.bare(f"Passage: {letter}")[-1] for letter in letters]
        return plain.logits(asked)[-1].log_softmax(-1)[named].tolist()

    def preferred(self, one, other):
        """Which of two documents the model names, shown in this order."""
        a, b = self.labels(PAIR.format(query=QUERY, one=TEXTS[one], other=TEXTS[other]), 2)
        return one if a >= b else other

    @cached_property
    def winners(self):
        """{(one, other): the document that is preferred in both orders, None where there is none}."""
        both = {
            pair: {self.preferred(*pair), self.preferred(*pair[::-1])} for pair in combinations(range(len(TEXTS)), 2)
        }
        return {pair: min(found) if len(found) == 1 else None for pair, found in both.items()}

    def beats(self, one, other):
        return self.winners[min(one, other), max(one, other)] == one

    def of_set(self, places):
        """The scores of documents shown together."""
        shown = "\n\n".join(f'Passage {chr(65 + n)}: "{TEXTS[place]}"' for n, place in enumerate(places))
        return self.labels(SET.format(query=QUERY, passages=shown), len(places))

    def best(self, places):
        scores = self.of_set(places)
        return places[scores.index(max(scores))]


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: "-".join(map(str, model)))
def direct(request, tmp_path_factory):
    family, seed = request.param
    return Direct(FAMILIES[family](tmp_path_factory.mktemp(family), seed=seed))


def order(spec, folder):
    [ranked] = reranker(spec, folder)(Run([ranking(TEXTS)]))
    return [int(id) for id in ranked.ids]


def judged(spec, folder, groups):
    """The judge's scores of some documents together, of all groups at once."""
    query = ranking().query
    judge = reranker(spec, folder).plan.judge
    return [j.scores for j in judge([Question(query, [DOCUMENTS[place] for place in group]) for group in groups])]


def test_a_pair_is_won_by_the_document_whose_label_is_likelier_in_both_orders(direct):
    values = {None: (0.5, 0.5)}
    right = [values.get(winner, (float(winner == one), float(winner == other))) for (one, other), winner in
             direct.winners.items()]  # fmt: skip
    assert judged("prp?scoring=likelihood", direct.folder, list(direct.winners)) == right
    assert len(set(right)) > 1


def test_all_pairs_rank_by_wins_and_half_wins(direct):
    wins = Counter(dict.fromkeys(range(len(TEXTS)), 0.0))
    for pair, winner in direct.winners.items():
        for place in pair:
            wins[place] += 0.5 if winner is None else float(place == winner)
    right = sorted(wins, key=lambda place: (-wins[place], place))
    assert order("prp?scoring=likelihood&method=allpairs", direct.folder) == right
    assert right != list(range(len(TEXTS)))


def test_sliding_lets_a_document_rise_over_the_neighbours_that_it_beats(direct):
    places = list(range(len(TEXTS)))
    for top in range(3):
        for lower in range(len(places) - 1, top, -1):
            if direct.beats(places[lower], places[lower - 1]):
                places[lower - 1], places[lower] = places[lower], places[lower - 1]
    right = places[:3] + sorted(places[3:])
    assert order("prp?scoring=likelihood&k=3", direct.folder) == right


def test_the_scores_of_a_set_are_the_likelihoods_of_its_labels(direct):
    groups = [[0, 1, 2, 3], [7, 3], [5, 4, 6], [6, 0, 2, 1, 7]]
    for group, found in zip(groups, judged("setwise?scoring=likelihood", direct.folder, groups), strict=True):
        right = direct.of_set(group)
        # up to a constant of the prompt
        assert [a - b for a, b in pairwise(found)] == pytest.approx([a - b for a, b in pairwise(right)], abs=1e-4)


@pytest.mark.parametrize("children", [2, 3, 5])
def test_setwise_is_a_heapsort_by_the_likeliest_label(direct, children):
    heap, k = list(range(len(TEXTS))), 3

    def sift(node, n):
        while children * node + 1 < n:
            family = [node, *range(children * node + 1, min(children * (node + 1) + 1, n))]
            best = heap.index(direct.best([heap[place] for place in family]))
            if best == node:
                return
            heap[node], heap[best] = heap[best], heap[node]
            node = best

    for node in range(len(heap) // children, -1, -1):
        sift(node, len(heap))
    for end in range(len(heap) - 1, len(heap) - 1 - k, -1):
        heap[0], heap[end] = heap[end], heap[0]
        if end > len(heap) - k:
            sift(0, end)
    top = heap[: -k - 1 : -1]
    right = top + sorted(set(heap) - set(top))
    assert order(f"setwise?scoring=likelihood&k={k}&children={children}", direct.folder) == right


def test_among_these_models_every_outcome_of_a_set_occurs(tmp_path):
    """Otherwise the tests above would hold for a reranker that never looks."""
    winners = set()
    for family, seed in MODELS:
        direct = Direct(FAMILIES[family](tmp_path / f"{family}{seed}", seed=seed))
        winners |= {group.index(direct.best(group)) for group in ([0, 1, 2, 3], [4, 5, 6, 7], [3, 0, 6, 2])}
    assert winners == {0, 1, 2, 3}
