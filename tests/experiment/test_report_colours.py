"""The report's colours of plots: each stands out from its ground, in light and dark."""

import re

import pytest

from rankify.experiment.report.page import _part

LIGHT, DARK = re.findall(r":root \{(.*?)\}", _part("report.css"), re.DOTALL)


def luminance(colour):
    """WCAG 2.2's relative luminance."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", ["s0", "s1", "s2", "s3", "s4", "s5", "edge", "accent"])
def test_what_is_drawn_has_three_to_one(theme, name):
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", theme))
    bright, dark = sorted((luminance(colours[name]), luminance(colours["ground"])), reverse=True)
    assert (bright + 0.05) / (dark + 0.05) >= 3
