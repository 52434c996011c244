"""Risk against coverage in closed form, ties included, and thresholds for a wanted risk."""

from math import comb, isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.selective import binomial, curve, evaluate_confidence
from rankify.types import Answer, Query

FOUR = curve([(0.9, 0), (0.8, 1), (0.7, 0), (0.6, 1)], questions=5)
TIED = curve([(1, 0), (0.5, 1), (0.5, 0), (0.2, 1)], questions=4)


def answer(id, text, confidence, *golds):
    return Answer(query=Query(id, "?", {"answers": list(golds)}), text=text, confidence=confidence)


def test_the_curve_has_a_point_for_each_confidence():
    assert (FOUR.coverages, FOUR.risks) == ((0.2, 0.4, 0.6, 0.8), (0, 1 / 2, 1 / 3, 1 / 2))
    assert (TIED.thresholds, TIED.coverages, TIED.risks) == ((1, 0.5, 0.2), (0.25, 0.75, 1), (0, 1 / 3, 1 / 2))
    assert (FOUR.coverage, FOUR.risk, TIED.coverage) == (0.8, 0.5, 1)


def test_areas_are_means_over_the_answers():
    assert FOUR.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    assert FOUR.e_aurc == pytest.approx(FOUR.aurc - (0 + 0 + 1 / 3 + 1 / 2) / 4)
    assert TIED.aurc == pytest.approx((0 + 1 / 3 + 1 / 3 + 1 / 2) / 4)


def test_a_perfect_order_has_no_excess_and_a_constant_confidence_the_mean_risk():
    assert curve([(0.9, 0), (0.5, 0.25), (0.4, 1)], questions=3).e_aurc == pytest.approx(0)
    flat = curve([(0.5, 0), (0.5, 1), (0.5, 0), (0.5, 0)], questions=4)
    assert (flat.aurc, flat.auroc) == (0.25, 0.5)


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    assert FOUR.auroc == 3 / 4
    assert TIED.auroc == (1 + 1 + 1 + 1 / 2) / 4
    assert curve([(0.1, 0), (0.9, 1)], questions=2).auroc == 0


@pytest.mark.parametrize("losses", [(0, 0), (1, 1), (0, 0.5)])
def test_auroc_is_not_known_without_right_and_wrong_answers(losses):
    assert isnan(curve([(0.9, losses[0]), (0.1, losses[1])], questions=2).auroc)


pairs = st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9]), st.sampled_from([0, 1])), min_size=1, max_size=12)


@given(pairs)
def test_the_order_of_the_questions_does_not_matter(found):
    one, other = curve(found, questions=20), curve(found[::-1], questions=20)
    assert (one.thresholds, one.risks, one.aurc) == (other.thresholds, other.risks, other.aurc)
    assert one.auroc == pytest.approx(other.auroc, nan_ok=True)
    assert one.e_aurc >= -1e-12


@given(pairs)
def test_auroc_counts_every_pair(found):
    right, wrong = ([c for c, loss in found if loss == kind] for kind in (0, 1))
    each = [(r > w) + (r == w) / 2 for r in right for w in wrong]
    assert curve(found, questions=12).auroc == pytest.approx(sum(each) / len(each) if each else nan, nan_ok=True)


def test_coverage_at_a_risk_and_risk_at_a_coverage():
    assert [FOUR.coverage_at(risk) for risk in (0, 0.34, 0.5)] == [0.2, 0.6, 0.8]
    assert curve([(1, 1)], questions=1).coverage_at(0.5) == 0
    assert [FOUR.risk_at(coverage) for coverage in (0, 0.2, 0.21, 0.8)] == [0, 0, 0.5, 0.5]
    with pytest.raises(Misuse, match=r"coverage=0\.9: 0\.8 of the questions are answered"):
        FOUR.risk_at(0.9)


def test_the_threshold_of_a_risk_covers_most():
    assert [FOUR.threshold_at(risk) for risk in (0, 0.34, 0.5)] == [0.9, 0.7, 0.6]
    assert TIED.threshold_at(0.4) == 0.5
    with pytest.raises(BadInput, match=r"no threshold keeps the risk at 0\.1 or below, with 1 answers"):
        curve([(0.3, 1)], questions=1).threshold_at(0.1)


def test_a_threshold_that_is_sure_needs_more_answers():
    """400 answers, each of a confidence of its own, of which the last 60 are wrong; nine steps find a threshold."""
    found = curve([(1000 - n, float(n >= 340)) for n in range(400)], questions=400)
    assert found.threshold_at(0.05) == 1001 - 357
    given = round(1001 - found.threshold_at(0.05, delta=0.1))
    assert 340 < given < 357
    assert binomial(given - 340, given, 0.05) <= 0.1 / 9 < binomial(given + 1 - 340, given + 1, 0.05)
    assert found.threshold_at(0.05, delta=0.5) < found.threshold_at(0.05, delta=0.1)
    with pytest.raises(BadInput, match=r"at 0\.05 or below, except with probability 0\.1, with 2 answers"):
        curve([(1, 0.0), (0.5, 0.0)], questions=2).threshold_at(0.05, delta=0.1)


def test_how_sure_is_a_probability_and_wants_right_or_wrong():
    with pytest.raises(Misuse, match="delta=0"):
        FOUR.threshold_at(0.1, delta=0)
    with pytest.raises(BadInput, match="F1 has values between 0 and 1"):
        curve([(1, 0.5)], questions=1, measure="F1").threshold_at(0.1, delta=0.1)


@pytest.mark.parametrize(("most", "n", "p"), [(0, 1, 0.5), (3, 10, 0.2), (10, 10, 0.9), (40, 200, 0.3)])
def test_binomial_probabilities(most, n, p):
    right = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(most + 1))
    assert binomial(most, n, p) == pytest.approx(right)


def test_answers_are_measured_and_empty_ones_are_not_covered():
    given = [
        answer("1", "Rome", 0.9, "Rome"), answer("2", "x", 0.8), answer("3", "", None, "Oslo"), answer("4", "", 1.0),
        answer("5", "Bonn", 0.5, "Bern"),
    ]  # fmt: skip
    found = evaluate_confidence(given)
    assert (found.thresholds, found.coverages, found.risks) == ((0.9, 0.8, 0.5), (0.2, 0.4, 0.6), (0, 1 / 2, 2 / 3))
    assert "5 questions, 3 answered" in str(found)
    assert "risk (EM)   0.6667" in str(found)


def test_questions_that_were_not_asked_are_not_covered():
    found = evaluate_confidence([answer("1", "Rome", 0.9)], {"1": ["Rome"], "2": ["Oslo"]}, "F1")
    assert (found.coverage, found.risk, found.measure) == (0.5, 0, "F1")
    nothing = evaluate_confidence([answer("1", "", None)], {"1": ["Rome"]})
    assert (nothing.coverage, nothing.coverage_at(1)) == (0, 0)
    assert all(map(isnan, (nothing.risk, nothing.aurc, nothing.e_aurc, nothing.auroc)))


@pytest.mark.parametrize("confidence", [None, nan])
def test_answers_without_a_confidence_are_refused(confidence):
    with pytest.raises(BadInput, match="the answer to question '1' has no confidence; use a reader that says how sure"):
        evaluate_confidence([answer("1", "x", confidence, "x")])


@pytest.mark.parametrize(("measure", "near"), [("em", "did you mean 'EM'"), ("length", "there are: "), ("R@5", "")])
def test_a_measure_is_one_of_an_answers_text(measure, near):
    with pytest.raises(UnknownName, match=f"no measure of an answer's text '{measure}'; .*{near}"):
        evaluate_confidence([answer("1", "x", 1.0, "x")], measure=measure)
