"""The table of differences: how large each is, how sure, and what the deciding test says."""

import re
from io import StringIO

import pytest
from rich.console import Console

from rankify.evaluation.comparison import probability
from rankify.experiment import Experiment, differences
from rankify.experiment.execute import execute
from rankify.experiment.tables import rendered, tables

SYSTEMS = {"a": "bm25?k1=0.01 % 3", "b": "bm25 % 20", "c": "bm25?b=0.1 % 30"}
COLUMNS = ["system - against", "measure", "difference", "95% interval", "d_z", "W/T/L"]


def run(collection, tmp_path, systems=SYSTEMS, **more):
    said = {"datasets": [str(collection)], "systems": systems, "measures": "R@30 RR", **more}
    return execute(Experiment.of(said), tmp_path / "out")


def test_each_difference_is_a_row_with_what_the_comparison_says(collection, tmp_path):
    results = run(collection, tmp_path)
    [grid] = differences.grids(results)
    found = results.comparisons["small"].differences
    assert (grid.title, grid.columns) == ("small: differences", [*COLUMNS, "p"])
    assert [name for name, _ in grid.rows] == ["b - a", "c - a", "b - a", "c - a"]
    for (_, row), d in zip(grid.rows, found, strict=True):
        assert [entry.text for entry in row] == [
            d.measure, f"{d.difference:+.4f}", f"{d.low:+.4f} to {d.high:+.4f}", f"{d.effect_size:+.2f}",
            f"{d.wins}/{d.ties}/{d.losses}", probability(d.t_test_corrected),
        ]  # fmt: skip
    assert [d.measure for d in found] == ["R@30", "R@30", "RR", "RR"]
    assert grid.note == "p: paired t-test, Holm correction. The BCa bootstrap's interval is not corrected."


@pytest.mark.parametrize("test", ["wilcoxon", "randomisation", "randomised-tukey-hsd"])
def test_p_is_that_of_the_test_that_decides(collection, tmp_path, test):
    results = run(collection, tmp_path, compare={"test": test, "alpha": 0.1})
    [grid] = differences.grids(results)
    found = results.comparisons["small"].differences
    assert grid.columns[3] == "90% interval"
    assert [row[-1].text for _, row in grid.rows] == [probability(d.p(test)) for d in found]
    assert grid.note.startswith("p: randomised Tukey's HSD." if "tukey" in test else "p: ")


def test_every_pair_has_a_row_where_every_two_are_compared(collection, tmp_path):
    [grid] = differences.grids(run(collection, tmp_path, compare="all-pairs"))
    assert [name for name, _ in grid.rows] == ["a - b", "a - c", "b - c"] * 2


def test_every_file_has_it_and_the_terminal_does_not(collection, tmp_path):
    results = run(collection, tmp_path)
    files = {e: (tmp_path / "out" / f"results.{e}").read_text("utf-8") for e in ("txt", "md", "tex")}
    interval = r"[+-]\d\.\d{4} to [+-]\d\.\d{4}"
    assert re.search(rf"^b - a +R@30 +[+-]\d\.\d{{4}} +{interval}", files["txt"], re.MULTILINE)
    assert re.search(rf"^\| b - a \| R@30 \| [+-]\d\.\d{{4}} \| {interval}", files["md"], re.MULTILINE)
    assert re.search(rf"^b - a & R@30 & [+-]\d\.\d{{4}} & {interval}", files["tex"], re.MULTILINE)
    assert r"95\% interval" in files["tex"]
    assert ">small: differences</h2>" in (tmp_path / "out" / "report.html").read_text("utf-8")
    shown = StringIO()
    Console(file=shown, width=200).print(*rendered(results))
    assert "small: differences" not in shown.getvalue()


def test_one_system_has_none(collection, tmp_path):
    results = run(collection, tmp_path, systems={"a": "bm25"})
    assert differences.grids(results) == []
    assert all("differences" not in grid.title for grid in tables(results))


def test_differences_of_answers_stand_behind_those_of_rankings(questions, tmp_path):
    systems = {"one": "bm25 % 1 >> extractive", "two": "bm25 % 3 >> extractive"}
    results = run(questions, tmp_path, systems=systems, measures="RR@10 EM", compare={"test": "wilcoxon"})
    [grid] = differences.grids(results)
    assert results.answer_comparisons["songs"].decided_by == "wilcoxon"
    assert [(name, row[0].text) for name, row in grid.rows] == [("two - one", "RR@10"), ("two - one", "EM")]
