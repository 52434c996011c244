"""Tables with letters: every two systems are compared, where an experiment says so."""

import re

import pytest

import rankify
from rankify import registry
from rankify.datasets import dataset
from rankify.errors import BadInput, UnknownName
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.pairs import lettered
from rankify.experiment.tables import grids
from rankify.io.trec import read_run

SYSTEMS = {"none": "bm25?k1=0.01 % 1", "some": "bm25 % 10", "most": "bm25 % 30"}
GRADES = 30  # each query has this many relevant documents, so that depth alone decides


@pytest.fixture
def deep(collection):
    """The collection, with every document relevant to every query."""
    judged = "".join(f"{place:03}\td{n}\t1\n" for place in range(1, 12) for n in range(30))
    (collection / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return collection


def run(deep, folder, **more):
    said = {"name": "s", "datasets": [str(deep)], "systems": SYSTEMS, "measures": "R@30 RR", **more}
    return execute(Experiment.of(said), folder)


@pytest.fixture
def results(deep, tmp_path):
    return run(deep, tmp_path / "out", compare="all-pairs")


def test_a_letter_says_which_system_is_below(results):
    [grid] = grids(results)
    assert [name for name, _ in grid.rows] == ["a none", "b some", "c most"]
    assert [row[0].mark for _, row in grid.rows] == ["", "ᵃ", "ᵃᵇ"]
    assert {row[1].mark for _, row in grid.rows} == {""}
    assert grid.note == "a letter: above the system of that letter (paired t-test, Holm correction, p <= 0.05)"


def test_it_is_the_comparison_of_all_pairs(results, deep):
    data = dataset(str(deep))
    runs = {system: read_run(results.folder / "runs" / "small" / f"{system}.trec") for system in SYSTEMS}
    alone = rankify.compare(runs, data.qrels, "R@30 RR")
    found = results.comparisons["small"]
    assert (found.baseline, len(found.differences)) == (None, 2 * 3)
    assert [d.t_test_corrected for d in found.differences] == [d.t_test_corrected for d in alone.differences]


def test_every_file_has_the_letters(results):
    files = {ending: (results.folder / f"results.{ending}").read_text("utf-8") for ending in ("txt", "md", "tex")}
    assert re.search(r"^c most +\d\.\d{4}ᵃᵇ", files["txt"], re.MULTILINE)
    assert re.search(r"^\| c most \| \*\*\d\.\d{4}\*\*ᵃᵇ", files["md"], re.MULTILINE)
    assert re.search(r"^c most & \\textbf\{\d\.\d{4}\}\$\^\{\\mathrm\{ab\}\}\$", files["tex"], re.MULTILINE)
    html = (results.folder / "report.html").read_text("utf-8")
    for system, kind, letters in (
        ("c most", ' class="best"', "ᵃᵇ"),
        ("b some", ' class="second"', "ᵃ"),
        ("a none", "", ""),
    ):
        cell = rf'<td{kind}>\d\.\d{{4}}<span class="mark m2">{letters}</span></td>'
        assert re.search(rf'<th scope="row">{system}</th>{cell}', html)


def test_plots_and_moves_stay_against_the_baseline(results):
    html = (results.folder / "report.html").read_text("utf-8")
    assert "small: R@30 of each query against none" in html


def test_without_it_systems_are_compared_with_the_baseline(deep, tmp_path):
    for more in ({}, {"compare": "baseline"}):
        results = run(deep, tmp_path / "out", **more)
        [grid] = grids(results)
        assert [name for name, _ in grid.rows] == [*SYSTEMS]
        assert [row[0].mark for _, row in grid.rows] == ["", "†", "†"]
        assert "compare" not in results.experiment.as_dict()


def test_it_is_measured_again_when_it_is_asked_for(deep, tmp_path):
    run(deep, tmp_path / "out")
    assert run(deep, tmp_path / "out", compare="all-pairs").comparisons["small"].baseline is None


def test_letters_stay_where_a_system_is_missing(results):
    found = results.comparisons["small"]
    assert lettered(found, ["lost", *SYSTEMS]).label("none") == "b"
    assert lettered(found, ["lost", *SYSTEMS]).marks("most", "R@30") == "ᵇᶜ"
    assert lettered(None, SYSTEMS) is None


def test_several_datasets_share_the_letters(deep, tmp_path):
    datasets = [{"name": str(deep), "label": label} for label in ("one", "two")]
    overview = grids(run(deep, tmp_path / "out", compare="all-pairs", datasets=datasets))[-1]
    assert [(name, [entry.mark for entry in row]) for name, row in overview.rows] == [
        ("a none", ["", "", ""]), ("b some", ["ᵃ", "ᵃ", ""]), ("c most", ["ᵃᵇ", "ᵃᵇ", ""])
    ]  # fmt: skip


def test_a_system_that_failed_keeps_its_letter(deep, tmp_path, monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    systems = {"bad": "bm25 % 3 >> broken", **SYSTEMS}
    grid = grids(run(deep, tmp_path / "out", compare="all-pairs", systems=systems))[1]
    assert [name for name, _ in grid.rows] == ["b none", "c some", "d most", "a bad"]


@pytest.mark.parametrize("said", ["all", "pairs", True, ["all-pairs"]])
def test_another_way_to_compare_is_refused(said):
    with pytest.raises((UnknownName, BadInput), match="experiment: compare: no way to compare"):
        Experiment.of({"datasets": ["pydoc"], "systems": SYSTEMS, "measures": "RR", "compare": said})


def test_the_plan_keeps_it():
    said = {"name": "s", "datasets": ["pydoc"], "systems": SYSTEMS, "measures": "RR", "compare": "all-pairs"}
    read = Experiment.of(said)
    assert (read.comparing.all_pairs, read.as_dict()["compare"]) == (True, "all-pairs")
