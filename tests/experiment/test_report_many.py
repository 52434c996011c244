"""Plots of many systems: each has its look everywhere, and names and numbers cover nothing."""

import random
import re

import pytest

from rankify.datasets import dataset
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.report.drawing import looks
from rankify.experiment.report.page import page
from rankify.experiment.report.pareto import beside, front, pareto
from rankify.experiment.report.plots import drawn, recall
from rankify.experiment.report.ranks import ranks
from tests.experiment.pages import see

SYSTEMS = {"bm25": "bm25 % 20", "tuned": "bm25?k1=2.0&b=0.1 % 20", "short": "bm25 % 3"}
MANY = [f"varied-k1={place // 10}-b={place % 10}" for place in range(100)]

# Pairs of texts of a plot that share a place, or stand closer than a third of a letter side by side.
COVERING = """[...document.querySelectorAll('.plot svg')].flatMap((one) => {
    const boxes = [...one.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([name, a], place) => boxes.slice(place + 1).filter(([, b]) =>
        a.left < b.right + 2 && b.left < a.right + 2 && a.top + 3 < b.bottom && b.top + 3 < a.bottom)
        .map(([other]) => [name, other])); })"""


@pytest.fixture(scope="module")
def points():
    """Fifty systems, many of which cost about the same."""
    chance = random.Random(3)
    return {name: (0.00003 * 3 ** chance.random(), 0.3 + 0.03 * chance.random()) for name in MANY[:50]}


def drawn_names(svg):
    return [name for name in re.findall(r"<text[^>]*>([^<]+)</text>", svg) if name in MANY]


def test_a_hundred_systems_differ_in_colour_and_shape():
    found = [(one.color, one.marker, one.fill == "none") for one in looks(MANY).values()]
    assert len({*found}) == 100
    six = list(looks(MANY).values())[:6]
    assert len({one.color for one in six}) == 6


def test_curves_of_more_than_six_systems_have_their_shapes_in_the_legend():
    def shapes(count):
        return recall("r", dict.fromkeys(MANY[:count], (0.1, 0.2, 0.3))).svg.count("<use")

    assert shapes(7) - shapes(6) >= 14


def test_a_system_that_failed_on_a_dataset_changes_no_colour_of_the_others(collection, tmp_path):
    said = {"name": "s", "datasets": [str(collection)], "systems": SYSTEMS, "measures": "nDCG@10"}
    results = execute(Experiment.of(said), tmp_path / "out")
    for row in (results.cells["small"], results.scores["small"]):
        row.pop("bm25")
    made, _ = drawn(results, {"small": ranks(results, "small", dataset(str(collection)))})
    assert [plot.title for plot in made] == ["small: effectiveness against cost", "small: recall by depth"]
    for plot, kind in zip(made, ("fill", "stroke"), strict=True):
        assert {*re.findall(rf'class="[^"]*{kind}-s(\d)', plot.svg)} == {"1", "2"}


def test_names_that_have_no_room_are_left_out_and_counted(points):
    made = pareto("p", "nDCG@10", points, MANY, MANY[7])
    names = drawn_names(made.svg)
    assert {*front(points), MANY[7]} <= {*names}
    assert 8 < len(names) < 38
    assert f" No room for the names of {50 - len(names)} systems; recall by depth says" in made.says


def test_a_few_names_that_have_no_room_are_said():
    points = dict.fromkeys(MANY[:14], (0.001, 0.5))
    made = pareto("p", "nDCG@10", points)
    absent = [name for name in MANY[:14] if name not in drawn_names(made.svg)]
    assert absent
    assert f" No room for the names of {', '.join(absent)}; recall" in made.says


def test_no_name_leaves_its_place_or_stands_nearer_to_another_point():
    points = {"a": (10.0, 50.0), "b": (30.0, 50.0), "c": (95.0, 95.0)}
    made = beside(points, (0, 0, 100, 100))
    assert made["a"][1] == "left"
    assert made["c"] == ((-8, -6), "right")
    assert "wide name" not in beside({"wide name": (50.0, 50.0)}, (0, 0, 60, 100))
    crowd = {"far": (100.0, 100.0), **{f"{n}": (100.0 + n, 132.0) for n in (0, 10, -10, 20, -20)}}
    above = [offset for name, (offset, _) in beside(crowd).items() if name == "far"]
    assert all(dy < 30 for _, dy in above)


@pytest.mark.parametrize("width", [1280, 390])
def test_no_name_covers_another_name_a_number_or_the_title_of_an_axis(points, browser, tmp_path, width):
    curves = {name: [0.1 * k for k in range(1, 9)] for name in points}
    made = [pareto("p", "nDCG@10", points, MANY, MANY[7]), recall("r", curves, MANY)]
    (tmp_path / "report.html").write_text(page("n", [], [], made), "utf-8")
    see(browser, (tmp_path / "report.html").as_uri(), width=width)
    assert browser.value("document.querySelectorAll('.plot svg text').length") > 50
    assert browser.value(COVERING) == []


@pytest.mark.parametrize("most", [1.1e-4, 1.3e-4, 5e-4, 1e-3, 9e-3, 0.1, 0.4, 5.0, 90.0, 1e4])
def test_an_axis_of_costs_has_three_numbers_at_least_and_none_touches_another(browser, tmp_path, most):
    points = {"a": (1e-4, 0.5), "b": (most, 0.6)}
    made = pareto("p", "nDCG@10", points)
    (tmp_path / "report.html").write_text(page("n", [], [], [made]), "utf-8")
    see(browser, (tmp_path / "report.html").as_uri(), width=390)
    assert browser.value(COVERING) == []
    numbers = browser.value("[...document.querySelectorAll('.plot svg text')].map((one) => one.textContent)")
    [title] = [place for place, text in enumerate(numbers) if text.startswith("milliseconds")]
    assert title >= 3
    assert all(re.fullmatch(r"[\d.e+-]+", text) for text in numbers[:title])


@pytest.mark.parametrize("depth", [3, 7, 20, 100, 1000])
def test_an_axis_of_depths_has_three_numbers_or_all(depth):
    made = recall("r", {"a": [0.1] * depth}).svg
    numbers = re.findall(r"<text[^>]*>(\d+)</text>", made)
    assert len(numbers) >= 3
