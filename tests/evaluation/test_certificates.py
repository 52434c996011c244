"""Certificates hold against every attack within the budget: enumerated exactly, and by samples."""

import hashlib
from itertools import combinations, product

import numpy as np
import pytest

from rankify.errors import BadInput
from rankify.evaluation.certificates import Certificate, Substitutions, certified_share, certify
from rankify.text.perturbations import generator
from rankify.types import Document, Query, Ranking

VOCABULARY = "abcdef"
QUERY = Query("q", "x")


def score_of(text, salt=""):
    """A model without any sense, so that neighbouring texts are as unlike as can be."""
    return int.from_bytes(hashlib.sha256(f"{salt}{text}".encode()).digest()[:4]) / 2**32


def smoothed(words, text, f):
    """The mean over all texts that smoothing draws."""
    return np.mean([f(" ".join(one)) for one in product(*(words.drawn(word) for word in text))])


def attacks(words, text, budget):
    """Every text with up to `budget` words substituted."""
    for number in range(budget + 1):
        for places in combinations(range(len(text)), number):
            for others in product(*(sorted(words.synonyms.get(text[place], ())) for place in places)):
                changed = list(text)
                for place, other in zip(places, others, strict=True):
                    changed[place] = other
                yield changed


def some_words(seed):
    """Random synonyms, with random sets that smoothing draws from."""
    chance = np.random.default_rng(seed)
    synonyms = {w: [v for v in VOCABULARY if v != w and chance.random() < 0.3] for w in VOCABULARY}
    drawn = {w: {w, *(v for v in VOCABULARY if chance.random() < 0.6)} for w in VOCABULARY}
    return Substitutions(synonyms, drawn if seed % 2 else None)


@pytest.mark.parametrize("seed", range(12))
def test_no_attack_raises_the_smoothed_score_by_more_than_the_bound(seed):
    words, chance = some_words(seed), np.random.default_rng(seed)
    text = [VOCABULARY[i] for i in chance.integers(6, size=3)]
    for budget in (1, 2):
        bound = words.bound(text, budget)
        # the worst model there is: it gives 1 to what the attack makes likelier, and 0 to everything else
        for changed in attacks(words, text, budget):
            own, new = (list(product(*(words.drawn(word) for word in one))) for one in (text, changed))
            likelier = {one for one in {*new} if new.count(one) / len(new) > own.count(one) / len(own)}
            rise = sum(one in likelier for one in new) / len(new) - sum(one in likelier for one in own) / len(own)
            assert rise <= bound + 1e-12
            assert smoothed(words, changed, score_of) <= smoothed(words, text, score_of) + bound + 1e-12


def test_the_bound_of_one_word_is_reached():
    words = Substitutions({"a": ["b"]}, {"a": ["a", "c"], "b": ["b", "c", "d"]})
    assert words.distance("a") == pytest.approx(2 / 3)
    assert smoothed(words, ["b"], lambda t: float(t in "bd")) - smoothed(words, ["a"], lambda t: float(t in "bd")) == (
        pytest.approx(2 / 3)
    )


def test_a_word_and_its_synonym_that_are_drawn_alike_cannot_be_attacked():
    words = Substitutions({"a": ["b"]})
    assert words.drawn("a") == words.drawn("b") == ("a", "b")
    assert words.bound(["a", "b", "z"], 3) == 0


def test_the_words_that_are_farthest_count_as_many_as_the_budget_has():
    words = Substitutions({"a": ["b"], "c": ["d"]}, {"a": "ax", "b": "bx", "c": "cxyz", "d": "dxyz"})
    assert words.bound(["c", "a", "z"], 1) == pytest.approx(1 / 2)
    assert words.bound(["c", "a", "z"], 2) == pytest.approx(1 - 1 / 2 * 3 / 4)
    assert words.bound(["c", "a", "z"], 9) == words.bound(["c", "a", "z"], 2)


def test_a_variant_keeps_signs_gaps_and_words_that_nothing_is_like():
    words = Substitutions({"cat": ["dog"]})
    found = {words.variant("The  (Cat), ZEBRA", generator(seed)) for seed in range(20)}
    assert found == {"The  (cat), ZEBRA", "The  (dog), ZEBRA"}


def test_an_empty_set_is_refused():
    with pytest.raises(BadInput, match="nothing is drawn for 'a'"):
        Substitutions({"a": ["b"]}, {"a": []})


def ranked(*texts):
    return Ranking(QUERY, [Document(f"d{i}", text) for i, text in enumerate(texts)], [0.0] * len(texts))


def by_length(query, texts):
    return [min(len(text) / 10, 1.0) for text in texts]


def test_documents_stand_in_the_order_of_their_smoothed_scores():
    found = certify(by_length, ranked("aa", "aaaaaa", "aaaa"), Substitutions({}), k=1, samples=9)
    assert found.ids == ("d1", "d2", "d0")
    assert found.scores == pytest.approx((0.6, 0.4, 0.2))


@pytest.mark.parametrize(("samples", "certified"), [(10, False), (1000, True)])
def test_a_certificate_takes_samples(samples, certified):
    assert certify(by_length, ranked("a" * 9, "a"), Substitutions({}), k=1, samples=samples).certified is certified


def test_the_margin_is_hoeffdings_for_all_documents_together():
    # two documents, a gap of 0.2: certified where 2 sqrt(ln(4 / 0.05) / 2n) < 0.2, from n = 220 on
    ranking = ranked("a" * 5, "a" * 3)
    found = [certify(by_length, ranking, Substitutions({}), k=1, samples=n).certified for n in (219, 220)]
    assert found == [False, True]


def test_what_could_be_attacked_is_not_certified():
    words = Substitutions({"a": ["b"]}, {"a": ["a"], "b": ["b"]})
    ranking = ranked("zzzzzzzzz", "a")
    assert certify(by_length, ranking, Substitutions({}), k=1, samples=2000).certified
    assert not certify(by_length, ranking, words, k=1, samples=2000).certified
    assert not certify(by_length, ranked("zzzzzzzzz", "(A)"), words, k=1, samples=2000).certified


@pytest.mark.parametrize("texts", [(), ("a",), ("a", "b")])
def test_as_many_documents_as_k_are_certified(texts):
    assert certify(by_length, ranked(*texts), Substitutions({"a": ["b"]}), k=2, samples=1).certified


def test_certificates_are_wrong_no_more_often_than_alpha():
    words, texts = Substitutions({"a": "b", "b": "c"}, dict.fromkeys("abc", "abc")), ("a b", "c c")
    wrong = 0
    for seed in range(200):

        def score(query, found, seed=seed):
            return [score_of(text, f"{seed}") for text in found]

        exact = [smoothed(words, text.split(), lambda t, seed=seed: score_of(t, f"{seed}")) for text in texts]
        found = certify(score, ranked(*texts), words, k=1, samples=60, seed=seed, alpha=0.1)
        best, other = (exact[int(id[1])] for id in found.ids)
        wrong += found.certified and best <= other
    assert wrong <= 0.1 * 200


def test_samples_depend_on_the_seed_and_the_ids_alone():
    words = Substitutions({"a": ["bb"]})
    one, again, other = (certify(by_length, ranked("a a a"), words, samples=9, seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    twins = certify(by_length, ranked("a a a", "a a a"), words, samples=9, seed=1)
    assert twins.scores[0] != twins.scores[1]
    longer = certify(by_length, ranked("a a a", "z"), words, samples=9, seed=1)
    assert longer.scores[longer.ids.index("d0")] == one.scores[0]


@pytest.mark.parametrize("scores", [[1.5], [-0.1], [float("nan")], [0.5, 0.5]])
def test_scores_that_are_no_shares_are_refused(scores):
    with pytest.raises(BadInput, match="document 'd0': 1 scores between 0 and 1"):
        certify(lambda query, texts: scores, ranked("a"), Substitutions({}), samples=1)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"budget": 0}, {"samples": 0}, {"alpha": 0}, {"alpha": 1}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(BadInput, match=f"{next(iter(wrong))}="):
        certify(by_length, ranked("a"), Substitutions({}), **wrong)


def test_the_share_of_certified_queries():
    made = [Certificate(ids=(), scores=(), certified=certified) for certified in (True, False, False, True)]
    assert certified_share(made) == 0.5
    with pytest.raises(BadInput, match="no query"):
        certified_share([])
