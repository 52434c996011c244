"""`rankify aggregate`: what it shows and writes."""

import json
import re
from pathlib import Path

import pytest

from rankify import registry

BEIR = Path(__file__).parents[1] / "evaluation" / "beir.csv"
SKEWED = "system,x,y,z\nA,0.9,0.30,0.30\nB,0.5,0.31,0.31\nC,0.1,0.32,0.32\n"


@pytest.fixture
def skewed(tmp_path):
    path = tmp_path / "skewed.csv"
    path.write_text(SKEWED, "utf-8")
    return path


def test_the_aggregates_are_shown_in_order(rankify, skewed):
    code, out, _ = rankify("aggregate", skewed)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.strip()[:2] in {"A ", "B ", "C "}] == ["A", "B", "C"]
    assert "Kemeny's order has 3 pairs against it" in out
    assert rankify("aggregate", skewed, "--by", "borda")[1].index("C  ") < out.index("B  ")


def test_details_show_values_agreement_and_what_moves_without_a_collection(rankify, skewed):
    out = rankify("aggregate", skewed, "--details", "--format", "text")[1]
    assert "A 1 to 3, C 3 to 1" in out
    assert re.search(r"^1 x +1.00 +-1.00 +-1.00$", out, re.MULTILINE)
    assert "0.9000" in out


def test_a_collection_that_ties_all_agrees_with_none(rankify, tmp_path):
    (tmp_path / "flat.csv").write_text("system,x,y\nA,0.9,0.3\nB,0.5,0.3\n", "utf-8")
    out = rankify("aggregate", tmp_path / "flat.csv", "--details", "--format", "text")[1]
    assert re.search(r"^1 x +1.00 +-$", out, re.MULTILINE)


def test_the_same_as_json(rankify, skewed):
    plain = json.loads(rankify("aggregate", skewed, "--json")[1])
    assert plain["kemeny"]["order"] == ["C", "B", "A"]
    assert plain["borda"] == {"A": 2, "B": 3, "C": 4}


MARKDOWN = """\
### Values over collections

| system | mean | Borda | Kemeny | place without one |
| --- | ---: | ---: | ---: | ---: |
| A | **0.5000** | 2 | 3 | 1 to 3 |
| B | <u>0.3733</u> | <u>3</u> | <u>2</u> | 2 |
| C | 0.2467 | **4** | **1** | 1 to 3 |
"""


def test_a_files_ending_says_how_it_is_written(rankify, skewed, tmp_path):
    for name in ("table.md", "table.tex", "table.csv", "table.txt"):
        assert rankify("aggregate", skewed, "-o", tmp_path / name)[0] == 0
    assert (tmp_path / "table.md").read_text().startswith(MARKDOWN)
    assert r"B & \underline{0.3733} & \underline{3} & \underline{2} & 2 \\" in (tmp_path / "table.tex").read_text()
    assert (tmp_path / "table.csv").read_text().splitlines()[:2] == [
        "system,mean,borda,kemeny,x,y,z", "A,0.5,2.0,3,0.9,0.3,0.3",
    ]  # fmt: skip
    assert (tmp_path / "table.txt").read_text().startswith("Values over collections\n")
    assert rankify("aggregate", skewed, "--format", "csv")[1] == (tmp_path / "table.csv").read_text()


def test_the_best_two_systems_on_each_collection_are_marked(rankify, skewed):
    out = rankify("aggregate", skewed, "--details", "--format", "markdown")[1]
    assert "| x | **0.9000** | <u>0.5000</u> | 0.1000 |" in out
    assert "| y | 0.3000 | <u>0.3100</u> | **0.3200** |" in out


def test_values_that_are_written_alike_are_marked_alike(rankify, tmp_path):
    (tmp_path / "tied.csv").write_text("system,x,y\nA,0.5,0.5\nB,0.500001,0.499999\nC,0.2,0.2\nD,0.1,0.1\n", "utf-8")
    out = rankify("aggregate", tmp_path / "tied.csv", "--format", "markdown")[1]
    assert out.count("**0.5000**") == 2
    assert out.count("<u>") == out.count("<u>0.2000</u>") + 1  # Borda's


FIRST = {  # which of two orders is Kemeny's is by name alone, unless one system wins against each other one
    "both ends": ("A,0.9,0.3\nB,0.5,0.4\n", [], "2 orders are as good as Kemeny's, with 1 pair against each."),
    "the second": ("A,0.9,0.9\nB,0.5,0.3\nC,0.3,0.5\n", ["**1**"], "with 1 pair against each."),
    "nothing": ("A,0.9,0.9\nB,0.5,0.5\n", ["**1**", "<u>2</u>"], "Kemeny's order has 0 pairs against it"),
}


@pytest.mark.parametrize("name", FIRST)
def test_kemenys_places_are_marked_where_no_other_order_is_as_good(rankify, tmp_path, name):
    rows, marked, said = FIRST[name]
    (tmp_path / "tied.csv").write_text("system,x,y\n" + rows, "utf-8")
    out = rankify("aggregate", tmp_path / "tied.csv", "--format", "markdown")[1]
    kemeny = [line.split(" | ")[3] for line in out.splitlines() if line.startswith(("| A", "| B", "| C"))]
    assert [cell for cell in kemeny if not cell.isdigit()] == marked
    assert said in out


def test_the_caption_of_a_latex_table_is_one_line(rankify, tmp_path):
    (tmp_path / "tied.csv").write_text("system,x\nA,0.9\nB,0.5\n", "utf-8")
    assert rankify("aggregate", tmp_path / "tied.csv", "-o", "tied.tex")[0] == 0
    assert (
        r"\caption{Values over collections. 1 collection, ordered by the mean. Kemeny's order has 0 pairs against it, "
        "the fewest there can be. Condorcet winner: A.}\n"
    ) in (tmp_path / "tied.tex").read_text()


def test_votes_of_several_digits_are_compared_as_numbers(rankify, tmp_path):
    rows = [f"s{i},0.{9 - i},0.{9 - i}" for i in range(7)]
    (tmp_path / "seven.csv").write_text("\n".join(["system,x,y", *rows]) + "\n", "utf-8")
    out = rankify("aggregate", tmp_path / "seven.csv", "--format", "markdown")[1]
    assert "| s0 | **0.9000** | **12** | **1** |" in out
    assert "| s1 | <u>0.8000</u> | <u>10</u> | <u>2</u> |" in out
    assert "| s2 | 0.7000 | 8 | 3 |" in out


def test_many_collections_stand_in_one_line_each(rankify, tmp_path):
    names = [f"collection-{i}" for i in range(30)]
    lines = [",".join(["system", *names]), *(",".join([s, *[v] * 30]) for s, v in (("A", "0.2"), ("B", "0.1")))]
    (tmp_path / "wide.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert len(rankify("aggregate", tmp_path / "wide.csv", "--format", "csv")[1].splitlines()) == 3
    out = rankify("aggregate", tmp_path / "wide.csv", "--details", "--format", "markdown")[1]
    assert "| " + " | ".join(["30 collection-29", *["1.00"] * 30]) + " |\n" in out


def test_an_average_that_is_not_whole_writes_nothing(rankify, tmp_path):
    code, _, said = rankify("aggregate", BEIR, "--average", "beir-15", "-o", tmp_path / "out.md")
    assert code == 1
    assert "has no value for msmarco; beir-15 is over 15 collections" in said
    assert not (tmp_path / "out.md").exists()
    assert "0.5091" in rankify("aggregate", BEIR, "--average", "beir-18")[1]


def test_the_folder_of_an_experiment_brings_queries(rankify, collection, tmp_path):
    (tmp_path / "e.yaml").write_text(
        f"datasets: [{{name: {collection}, label: one}}, {{name: {collection}, label: two}}]\n"
        "systems: {many: bm25 % 9, one: bm25 % 1}\nmeasures: R@10 RR\n",
        "utf-8",
    )
    assert rankify("run", tmp_path / "e.yaml", "-o", tmp_path / "results")[0] == 0
    plain = json.loads(rankify("aggregate", tmp_path / "results", "--json")[1])
    assert plain["measure"] == "R@10"
    assert plain["table"] == {"many": {"one": 0.75, "two": 0.75}, "one": {"one": 0.625, "two": 0.625}}
    assert plain["borda_two_level"] == {"many": 2, "one": 0}
    assert "RR over collections" in rankify("aggregate", tmp_path / "results", "-m", "RR")[1]


@pytest.fixture
def failed(rankify, collection, tmp_path, monkeypatch):
    """An experiment on two collections, one of whose systems fails."""
    monkeypatch.setitem(registry.BUILTIN["reranker"], "broken", "tests.experiment.broken:Broken")
    datasets = ", ".join(f"{{name: {collection}, label: {label}}}" for label in ("one", "two"))
    systems = "{many: bm25 % 9, one: bm25 % 1, bad: bm25 % 9 >> broken}"
    (tmp_path / "e.yaml").write_text(f"datasets: [{datasets}]\nsystems: {systems}\nmeasures: RR\n", "utf-8")
    assert rankify("run", tmp_path / "e.yaml", "-o", tmp_path / "results")[0] == 1
    return tmp_path / "results"


NOTES = [f"'bad' failed on '{one}', is left out: ValueError: the model is broken." for one in ("one", "two")]


def test_a_system_that_failed_everywhere_is_said_to_be_left_out(rankify, failed):
    code, out, said = rankify("aggregate", failed, "--json", "-q")
    assert code == 0
    assert {*json.loads(out)["table"]} == {"many", "one"}
    assert json.loads(out)["notes"] == NOTES
    assert [line for line in said.splitlines() if "bad" in line] == NOTES
    for form in ("text", "csv"):
        _, out, said = rankify("aggregate", failed, "--format", form)
        assert [line for line in said.splitlines() if "bad" in line] == NOTES
        assert (NOTES[0] in out) == (form == "text")


def test_a_system_that_failed_on_one_collection_is_an_error(rankify, failed, tmp_path):
    (tmp_path / "more.csv").write_text("system,one\nbad,0.5\n", "utf-8")
    code, out, said = rankify("aggregate", failed, tmp_path / "more.csv")
    assert (code, out) == (1, "")
    assert "rankify: 'bad' failed on 'two', and a mean over fewer would not compare; run the experiment again" in said


def test_a_dataset_that_left_the_experiment_leaves_the_aggregates(rankify, collection, tmp_path):
    text = "datasets: [{datasets}]\nsystems: {{many: bm25 % 9, one: bm25 % 1}}\nmeasures: RR\n"
    both = [f"{{name: {collection}, label: {label}}}" for label in ("one", "two")]
    for datasets in (", ".join(both), both[0]):
        (tmp_path / "e.yaml").write_text(text.format(datasets=datasets), "utf-8")
        assert rankify("run", tmp_path / "e.yaml", "-o", tmp_path / "results")[0] == 0
    _, out, said = rankify("aggregate", "results", "--json", "-q")
    assert json.loads(out)["table"] == {"many": {"one": 0.75}, "one": {"one": 0.75}}
    assert "results/results.json does not name per-query/two.csv: left out" in said


def test_a_published_system_beside_an_experiment_is_aggregated_with_notes(rankify, collection, tmp_path):
    (tmp_path / "e.yaml").write_text(
        f"datasets: [{{name: {collection}, label: one}}]\nsystems: {{many: bm25 % 9}}\nmeasures: RR\n", "utf-8"
    )
    assert rankify("run", tmp_path / "e.yaml", "-o", tmp_path / "results")[0] == 0
    (tmp_path / "published.csv").write_text("system,one\ntheirs,0.5\n", "utf-8")
    found = json.loads(rankify("aggregate", "results", "published.csv", "--json")[1])
    assert found["table"] == {"many": {"one": 0.75}, "theirs": {"one": 0.5}}
    assert found["borda_two_level"] is None
    assert found["notes"] == [
        "RR is of the folders; the values in published.csv are taken as they stand.",
        "No Borda over queries: there are no values by query of 'theirs' on 'one'.",
    ]
    for form in ("text", "markdown", "latex"):
        out = rankify("aggregate", "results", "published.csv", "-m", "RR", "--format", form)[1]
        assert all(note in out for note in found["notes"])
    _, out, said = rankify("aggregate", "results", "published.csv", "--format", "csv")
    assert out.startswith("system,mean,")
    assert all(note in said for note in found["notes"])


@pytest.mark.parametrize(
    ("words", "message"),
    [(["-m", "AP"], "measure 'AP': a table does not say"),
     (["--by", "median"], "no order of systems 'median'"), (["--format", "cvs"], "did you mean 'csv'?"),
     (["--average", "bier-14"], "no average 'bier-14'; did you mean 'beir-14'")],
)  # fmt: skip
def test_unknown_names_are_misuse(rankify, skewed, words, message):
    code, _, said = rankify("aggregate", skewed, *words)
    assert code == 2
    assert message in said


@pytest.mark.parametrize(
    ("measure", "why"), [("cites_unknown", "less is better"), ("length", "neither more nor less is better")]
)
def test_a_measure_of_which_more_is_not_better_orders_no_systems(rankify, tmp_path, measure, why):
    (tmp_path / "run" / "per-query").mkdir(parents=True)
    for name in ("x", "y"):
        rows = f"system,query,{measure}\nA,1,0.5\nB,1,0.7\n"
        (tmp_path / "run" / "per-query" / f"{name}.csv").write_text(rows, "utf-8")
    code, _, err = rankify("aggregate", tmp_path / "run")
    assert code == 2
    assert f"{measure}: systems are ordered over collections by a measure of which more is better" in " ".join(
        err.split()
    )
    assert why in err
