"""A figure beside the published one: decimals, the edge of the tolerance, and what is shown."""

import pytest

from rankify.experiment.figures import Figure


def figure(ours, theirs, tolerance, digits=4):
    return Figure(
        system="s", collection="c", measure="m", ours=ours, published=theirs, tolerance=tolerance, digits=digits
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        (0.3228, 0.3218, 0.001), (0.3208, 0.3218, 0.001), (0.6433, 0.6423, 0.001), (0.1, 0.103, 0.003),
        (0.32189, 0.3218, 0.0001), (0.32194, 0.3218, 0.0001), (0.32166, 0.3218, 0.0001),
    ],
)  # fmt: skip
def test_as_far_as_the_tolerance_is_within(ours, theirs, tolerance):
    found = figure(ours, theirs, tolerance)
    assert found.verdict == "within"
    assert abs(found.difference) == tolerance


@pytest.mark.parametrize(("ours", "theirs", "tolerance"), [(0.3229, 0.3218, 0.001), (0.32196, 0.3218, 0.0001)])
def test_a_digit_more_is_apart(ours, theirs, tolerance):
    assert figure(ours, theirs, tolerance).verdict == "apart"


@pytest.mark.parametrize("digits", [3, 4])
def test_what_is_shown_does_not_contradict_the_verdict(digits):
    """The shown values differ by the shown difference, which is within the tolerance where the verdict says so."""
    for ours in (i / 100_000 for i in range(32_000, 32_400, 7)):
        found = figure(ours, 0.322, 0.001, digits)
        shown = round(float(found.written(found.ours)) - float(found.written(found.published)), 9)
        assert float(found.written(found.difference, "+")) == shown
        assert (found.verdict == "equal") == (shown == 0)
        assert (found.verdict == "apart") == (abs(shown) > 0.001)
        assert float(found.written(found.difference, "+")) or found.written(found.difference, "+").startswith("+")
