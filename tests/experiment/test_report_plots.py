"""Plots of the report, and where relevant documents stand."""

import re
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rankify.datasets import dataset
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.report.drawing import FONT, short
from rankify.experiment.report.pareto import beside, cost, front, pareto
from rankify.experiment.report.plots import differences, drawn
from rankify.experiment.report.ranks import moves, ranks
from rankify.experiment.results import Results
from tests.experiment.pages import see


@pytest.fixture
def results(collection, tmp_path):
    systems = {"bm25": "bm25 % 20", "tuned": "bm25?k1=2.0&b=0.1 % 20", "short": "bm25 % 3"}
    return execute(
        Experiment.of({"name": "s", "datasets": [str(collection)], "systems": systems, "measures": "nDCG@10 R@2 R@20"}),
        tmp_path / "out",
    )


@pytest.fixture
def stand(results, collection):
    return {"small": ranks(results, "small", dataset(str(collection)))}


def test_recall_by_depth_is_the_measure_of_that_name(results, stand):
    for system, scores in results.scores["small"].items():
        curve = stand["small"].recall[system]
        assert curve[1] == pytest.approx(scores["R@2"])
        assert curve[-1] == pytest.approx(scores["R@20"])


def test_a_curve_ends_where_the_longest_ranking_does(stand):
    assert {system: len(curve) for system, curve in stand["small"].recall.items()}["short"] == 3


def test_moves_count_every_relevant_document_once(results, stand):
    [tuned, short] = moves(results, stand)
    assert tuned.title == "small: relevant documents, bm25 to tuned"
    assert sum(int(entry.text) for _, row in tuned.rows for entry in row) == stand["small"].relevant == 11
    places = stand["small"].places
    lost = sum(rank > 3 for rank in places["bm25"].values())
    assert lost > 0
    assert f"0 went up, {lost} down" in short.note
    assert sum(int(row[-1].text) for name, row in short.rows if name != "not found") == lost


def test_recall_and_moves_look_at_relevant_documents_alone(results, stand, collection):
    path = collection / "qrels" / "test.tsv"
    path.write_text(path.read_text() + "".join(f"{n:03}\td{3 * n % 30}\t0\n" for n in range(1, 12)))
    again = ranks(results, "small", dataset(str(collection)))
    assert (again.recall, again.places, again.relevant) == (stand["small"].recall, stand["small"].places, 11)
    assert again.judged != stand["small"].judged


def test_the_front_has_what_nothing_is_cheaper_and_better_than():
    points = {"a": (1.0, 0.5), "b": (2.0, 0.5), "c": (3.0, 0.6), "d": (1.0, 0.4), "e": (4.0, 0.55)}
    assert front(points) == ["a", "c"]


def costing(cell, **efficiency):
    experiment = Experiment(name="e", datasets={}, systems={}, measures="", baseline="")
    made = Results(experiment=experiment, folder=Path(), cells={"small": {"a": cell}}, efficiency=efficiency)
    return cost(made, "small", "a")


def test_cost_is_seconds_a_query_without_indexes():
    assert costing({"stages": [{"seconds": 1.0}, {"seconds": 3.0}], "built": {"bm25": 9.0}, "queries": 8}) == 0.5
    assert costing({"stages": [{"seconds": 0.0}], "queries": 5}) == 0.0001


def test_cost_is_the_mean_latency_where_that_is_measured_and_unknown_where_replies_were_there():
    cell = {"stages": [{"seconds": 1.0, "remembered": 2}, {"seconds": 3.0, "remembered": 0}], "queries": 8}
    assert costing(cell) is None
    assert costing(cell, small={"a": {"latency_ms": {"mean": 250.0}}}) == 0.25


def test_a_plot_of_measured_latencies_says_so_and_leaves_no_system_out(results, stand):
    later = {"latency_ms": {"mean": 250.0}}
    results.cells["small"]["tuned"]["stages"][0]["remembered"] = 1
    results.efficiency["small"] = dict.fromkeys(results.cells["small"], later)
    pareto = drawn(results, stand)[0][0]
    assert pareto.says.endswith("Milliseconds are the mean latency of a whole system, its reader included.")
    assert {*places_of(pareto.svg, "fill")} == {0, 1, 2}


def test_a_system_that_could_not_be_timed_is_named_and_not_drawn_by_another_kind_of_time(results, stand):
    systems = [*results.cells["small"]]
    results.efficiency["small"] = {system: {"latency_ms": {"mean": 250.0}} for system in systems[1:]}
    results.untimed["small"] = {systems[0]: "refused"}
    results.cells["small"][systems[1]]["stages"][0]["remembered"] = 1
    pareto = drawn(results, stand)[0][0]
    assert pareto.says.endswith(f"included. Not drawn, since they could not be timed: {systems[0]}.")
    assert {*places_of(pareto.svg, "fill")} == {1, 2}


def test_a_system_without_a_cost_is_named_and_the_others_keep_their_colours(results, stand):
    results.cells["small"]["bm25"]["stages"][0]["remembered"] = 1
    pareto = drawn(results, stand)[0][0]
    assert pareto.says.endswith("Not drawn, since replies were there already and took no time: bm25.")
    assert {*places_of(pareto.svg, "fill")} == {1, 2}


def test_differences_are_sorted_and_those_of_each_query(results):
    found = differences(results, "small", "short", "nDCG@10")
    per_query = {system: scores.per_query["nDCG@10"] for system, scores in results.scores["small"].items()}
    assert found == {q: per_query["short"][q] - per_query["bm25"][q] for q in per_query["bm25"]}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_plot_is_whole_svg_without_styles_scripts_or_addresses(results, stand):
    made, why = drawn(results, stand)
    assert [plot.title for plot in made] == [
        "small: effectiveness against cost",
        "small: nDCG@10 of each query against bm25",
        "small: recall by depth",
    ]
    assert why == ""
    for plot in made:
        ElementTree.fromstring(plot.svg)  # noqa: S314  it was drawn here
        assert not re.search(r"style|<script|http|#0[0-9a]0", plot.svg)
        assert "fill-text" in plot.svg
        assert not re.search(r' (d|x|y)="[^"]*\d\.\d{3}', plot.svg)


def test_no_two_elements_of_the_plots_have_the_same_id(results, stand):
    ids = re.findall(r' id="([^"]*)"', "".join(plot.svg for plot in drawn(results, stand)[0]))
    assert len(ids) == len({*ids})


def test_the_same_results_are_drawn_in_the_same_bytes(results, stand):
    assert drawn(results, stand) == drawn(results, stand)


def test_system_names_are_text_in_a_plot(results, stand):
    recall = drawn(results, stand)[0][-1]
    assert re.search(r"<text[^>]*>tuned</text>", recall.svg)


def places_of(svg, kind):
    """The numbers of the systems whose colour something of a kind (fill, stroke) has, each as often as it has."""
    return sorted(map(int, re.findall(rf'class="[^"]*{kind}-s(\d)', svg)))


def test_every_system_is_drawn_in_its_colour(results, stand):
    pareto, _, recall = drawn(results, stand)[0]
    assert {*places_of(pareto.svg, "fill")} == {0, 1, 2}
    assert places_of(recall.svg, "stroke") == [0, 0, 1, 1, 2, 2]  # a curve and a line of the legend
    for svg in (pareto.svg, recall.svg):
        assert [len(re.findall(rf"<text[^>]*>{name}</text>", svg)) for name in ("bm25", "tuned", "short")] == [1, 1, 1]


def test_a_curve_has_a_point_for_each_depth_that_is_shown(results, stand):
    """The ranking of three documents has three; of 1 to 20, 15 and 18 are left out."""
    recall = drawn(results, stand)[0][-1]
    curves = re.findall(r'<path d="([^"]*)"[^>]*class="stroke-s\d"', recall.svg)
    assert [len(re.findall(r"[ML]", curve)) for curve in curves][:3] == [18, 18, 3]


def test_there_is_a_row_for_each_system_with_its_gains_and_losses(results, stand):
    wins = drawn(results, stand)[0][1]
    for system in ("tuned", "short"):
        values = [*differences(results, "small", system, "nDCG@10").values()]
        above, below = sum(v > 0 for v in values), sum(v < 0 for v in values)
        said = f"{system}: {above} better, {below} worse, {len(values) - above - below} equal"
        assert f">{said}</text>" in wins.svg
    boxes = [dict(re.findall(r'data-(\w+)="([^"]*)"', one)) for one in re.findall(r'<g class="bars"[^>]*>', wins.svg)]
    assert [(one["dataset"], one["system"], one["measure"]) for one in boxes] == [
        ("small", "tuned", "nDCG@10"), ("small", "short", "nDCG@10")
    ]  # fmt: skip
    assert wins.links == [("tuned", "#by/small/tuned"), ("short", "#by/small/short")]


def test_bars_stand_where_the_page_has_their_links(results, stand):
    """Losses end at the right edge of the box that the page divides among the queries, on its lower half."""
    wins = drawn(results, stand)[0][1]
    boxes = [[*map(float, box.split())] for box in re.findall(r'data-box="([^"]*)"', wins.svg)]
    losses = re.findall(r'<path d="([^"]*)"[^>]*class="fill-losses"', wins.svg)
    assert losses
    for path in losses:
        points = [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)]
        right, low = max(x for x, _ in points), max(y for _, y in points)
        [(x, y, width, height)] = [box for box in boxes if box[1] < low <= box[1] + box[3]]
        assert right == pytest.approx(x + width, abs=0.05)
        below = sum(v < 0 for v in differences(results, "small", "short", "nDCG@10").values())
        assert min(x for x, _ in points) == pytest.approx(x + width * (11 - below) / 11, abs=0.05)
        assert min(y for _, y in points) == pytest.approx(y + height / 2, abs=0.05)


def test_bars_are_as_high_as_differences_are_great(collection, tmp_path):
    """The greatest difference of all rows fills 1 / 1.05 of its half; a row with fewer queries takes less width."""
    systems = {"short": "bm25 % 3", "bm25": "bm25 % 20", "tuned": "bm25?k1=2.0&b=0.1 % 20"}
    whole = {"name": "s", "datasets": [str(collection)], "systems": systems, "measures": "nDCG@10"}
    results = execute(Experiment.of(whole), tmp_path / "against-short")
    worst = min(differences(results, "small", "tuned", "nDCG@10"))
    own = results.scores["small"]["tuned"]
    rest = {query: value for query, value in own.per_query["nDCG@10"].items() if query != worst}
    results.scores["small"]["tuned"] = replace(own, per_query={"nDCG@10": rest})
    plot = drawn(results, {"small": ranks(results, "small", dataset(str(collection)))})[0][1]
    boxes = [[*map(float, box.split())] for box in re.findall(r'data-box="([^"]*)"', plot.svg)]
    assert boxes[1][2] == pytest.approx(boxes[0][2] * 10 / 11, abs=0.05)
    values = [[*differences(results, "small", system, "nDCG@10").values()] for system in ("bm25", "tuned")]
    most = max(abs(value) for row in values for value in row)
    gains = re.findall(r'<path d="([^"]*)"[^>]*class="fill-wins"', plot.svg)
    assert len(gains) == 2
    for path, row, (x, y, _, height) in zip(gains, values, boxes, strict=True):
        points = [(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path)]
        assert min(x for x, _ in points) == pytest.approx(x, abs=0.05)
        top = y + height / 2 - max(row) / (1.05 * most) * height / 2
        assert min(y for _, y in points) == pytest.approx(top, abs=0.05)


def test_names_beside_points_cover_no_other_name():
    points = {f"system {place}": (100.0 + place, 100.0) for place in range(6)}
    made = beside(points)
    boxes = []
    for name, ((dx, dy), align) in made.items():
        x, y = points[name][0] + dx, points[name][1] + dy
        left = x if align == "left" else x - 6.8 * len(name)
        boxes.append((left, y - 6, left + 6.8 * len(name), y + 6))
    covering = [
        (one, other) for one in boxes for other in boxes if one is not other
        and one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
    ]  # fmt: skip
    assert covering == []


def test_systems_with_long_names_that_begin_and_end_alike_are_all_drawn(collection, tmp_path):
    names = [f"the-first-of-all-long-names-{place}-and-its-end-that-is-the-same" for place in range(3)]
    systems = {name: f"bm25?k1={place + 1} % 5" for place, name in enumerate(names)}
    whole = {"name": "s", "datasets": [str(collection)], "systems": systems, "measures": "nDCG@10"}
    results = execute(Experiment.of(whole), tmp_path / "long")
    for place, name in enumerate(names):  # points that lie apart, so that each name has room
        results.cells["small"][name]["stages"][0]["seconds"] = 10.0**place
    made, _ = drawn(results, {"small": ranks(results, "small", dataset(str(collection)))})
    assert len({*map(short, names)}) == 1
    assert len(made) == 3
    for plot in (made[0], made[2]):
        assert len(re.findall(rf"<text[^>]*>{re.escape(short(names[0]))}</text>", plot.svg)) == 3


def test_every_plot_says_in_the_report_what_it_shows(results, stand):
    html = (results.folder / "report.html").read_text("utf-8")
    captions = re.findall(r'<figcaption class="note">(.*?)</figcaption>', html)
    said = [plot.says for plot in drawn(results, stand)[0]]
    assert all(said)
    assert [caption[: len(text)] for caption, text in zip(captions, said, strict=True)] == said


def test_without_matplotlib_the_report_says_how_to_get_plots(results, stand, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert drawn(results, stand) == (
        [],
        'There are no plots: matplotlib is not installed: pip install "rankify[plot]"',
    )


@pytest.mark.parametrize("lowest", [0.6, 0.64, 0.6457, 0.65, 0.66, 0.675, 0.679])
def test_the_name_of_the_measure_has_room_whatever_its_ticks(lowest):
    points = {"k1": (0.00022, 0.6803), "bm25": (0.0019, 0.6789), "plus": (0.00013, 0.6789), "rm3": (0.0032, lowest)}
    [left] = re.findall(r'x="([\d.]+)"[^>]*rotate\(-90[^>]*>nDCG@10<', pareto("s", "nDCG@10", points).svg)
    assert float(left) >= FONT  # its letters stand left of that


OUTSIDE = """[...document.querySelectorAll('.plot svg')].flatMap((one) => {
    const all = one.getBoundingClientRect();
    return [...one.querySelectorAll('text')].filter((text) => {
        const box = text.getBoundingClientRect();
        return box.left < all.left - 1 || box.right > all.right + 1
            || box.top < all.top - 1 || box.bottom > all.bottom + 1;
    }).map((text) => text.textContent); })"""


def test_a_browser_draws_every_plot_at_both_widths_in_both_themes(browser, results):
    colours = set()
    address = (results.folder / "report.html").as_uri()
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            see(browser, address, width=width, scheme=scheme)
            boxes = browser.value(
                "[...document.querySelectorAll('.plot svg')].map((one) => {"
                " const box = one.getBoundingClientRect();"
                " return [box.width, box.height, one.querySelectorAll('path').length]; })"
            )
            assert len(boxes) == 3
            assert all(w > 300 and h > 100 and paths > 5 for w, h, paths in boxes)
            assert browser.value("document.documentElement.scrollWidth") <= width
            assert browser.value(OUTSIDE) == []
            colours.add(browser.value("getComputedStyle(document.querySelector('.fill-text')).fill"))
    assert len(colours) == 2
