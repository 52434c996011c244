"""The report where more is not better, and where an effect has no limit."""

import pytest

from rankify.datasets import dataset
from rankify.experiment import Experiment, differences
from rankify.experiment.execute import execute
from rankify.experiment.grid import Entry, Grid
from rankify.experiment.report.page import page
from rankify.experiment.report.plots import plots
from rankify.experiment.report.ranks import ranks
from tests.experiment.pages import data_of, see

SYSTEMS = {"bm25": "bm25 % 20", "short": "bm25 % 3", "deep": "bm25 % 25"}
COLOURS = "[...document.querySelectorAll('#list tbody tr')].map((row) => row.cells[2].className)"


@pytest.fixture
def counted(collection, tmp_path):
    """An experiment whose first measure counts what is returned, of which neither end is good."""
    said = {"datasets": [str(collection)], "systems": SYSTEMS, "measures": "NumRet nDCG@10 R@20"}
    return execute(Experiment.of(said), tmp_path / "out")


def test_plots_show_the_first_measure_of_which_more_is_better(counted, collection):
    found = plots(counted, {"small": ranks(counted, "small", dataset(str(collection)))})
    assert found[1].title == "small: nDCG@10 of each query against bm25"
    assert ">nDCG@10</text>" in found[0].svg
    [data] = data_of((counted.folder / "report.html").read_text("utf-8"))
    assert (data["better"], data["first"]) == (["neither", "more", "more"], 1)


def test_without_a_measure_of_which_more_is_better_recall_alone_is_drawn(collection, tmp_path):
    said = {"datasets": [str(collection)], "systems": SYSTEMS, "measures": "NumRet Judged@10"}
    results = execute(Experiment.of(said), tmp_path / "out")
    found = plots(results, {"small": ranks(results, "small", dataset(str(collection)))})
    assert [plot.title for plot in found] == ["small: recall by depth"]


def test_the_list_behind_a_bar_has_the_measure_that_is_plotted(counted, browser):
    see(browser, (counted.folder / "report.html").as_uri() + "#by/small/short")
    assert browser.value("document.getElementById('measure').selectedOptions[0].textContent") == "nDCG@10"
    assert "down" in browser.value(COLOURS)
    browser.value(
        "(() => { const one = document.getElementById('measure'); one.value = 0;"
        " one.dispatchEvent(new Event('change')); })()"
    )
    assert {*browser.value(COLOURS)} == {"dim"}


@pytest.mark.parametrize(("better", "colours"), [("more", ["up", "down", "dim"]), ("less", ["down", "up", "dim"])])
def test_a_gain_is_green_whichever_end_is_good(browser, tmp_path, better, colours):
    systems = [
        {"name": name, "pipeline": name, "reader": None, "order": None, "stages": []} for name in ("base", "own")
    ]
    asked = [
        {"id": id, "text": id, "gold": [], "judged": None,
         "systems": [{"stages": [], "values": [one], "answer": None} for one in values]}
        for id, values in (("q1", (0.2, 0.4)), ("q2", (0.2, 0.1)), ("q3", (0.2, 0.2)))
    ]  # fmt: skip
    data = {"name": "d", "baseline": "base", "rel": 1, "asked": 3, "documents": [], "measures": ["M"],
            "better": [better], "first": 0, "questions": asked, "systems": systems}  # fmt: skip
    (tmp_path / "report.html").write_text(page("n", [], [data]), "utf-8")
    see(browser, (tmp_path / "report.html").as_uri())
    browser.value("document.getElementById('against').click()")
    assert browser.value(COLOURS) == colours


def test_an_effect_without_a_limit_is_sorted_beyond_all_others(browser, tmp_path):
    rows = [(text, [Entry(text)]) for text in ("+0.50", "-inf", "+nan", "+inf", "-2.00")]
    path = tmp_path / "report.html"
    path.write_text(page("n", [Grid(title="t", columns=["system", "d_z"], rows=rows)], []), "utf-8")
    see(browser, path.as_uri())
    order = "[...document.querySelector('#overview table').tBodies[0].rows].map((row) => row.cells[0].innerText)"
    for wanted in (["+inf", "+0.50", "-2.00", "-inf", "+nan"], ["-inf", "-2.00", "+0.50", "+inf", "+nan"]):
        browser.value("document.querySelectorAll('#overview button')[1].click()")
        assert browser.value(order) == wanted


def test_the_table_of_differences_says_that_less_is_better(experiment, served, tmp_path):
    read = f"basic:http:m?base_url={served.url}"
    systems = {"read": f"bm25 % 4 >> {read}", "first": f"bm25 % 1 >> {read}"}
    results = execute(experiment(systems, measures="EM cites_unknown"), tmp_path / "out")
    [grid] = differences.grids(results)
    assert grid.note.endswith(" W and L are queries above and below; of cites_unknown less is better.")
