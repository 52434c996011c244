"""Systems that run once for each of several seeds."""

from math import nan
from types import SimpleNamespace

import pytest

from rankify.errors import Misuse
from rankify.experiment import Experiment
from rankify.experiment.seeds import groups, sown, spreads

SERVER = "http:m?base_url=http://x"


def of(tmp_path, **systems):
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\td\t1\n", "utf-8")
    return Experiment.of({"datasets": ["pydoc"], "systems": systems, "measures": "RR@10"})


SOWN = [
    (f"bm25 % 9 >> basic:{SERVER}", f"bm25 % 9 >> basic:{SERVER}&seed=7"),
    (f"bm25 % 9 >> top(3, prp:{SERVER}) % 2", f"bm25 % 9 >> top(3, prp:{SERVER}&seed=7) % 2"),
    (f"bm25 >> by-passages(prp:{SERVER}, size=9)", f"bm25 >> by-passages(prp:{SERVER}&seed=7, size=9)"),
    (f"hyde(bm25, llm={SERVER})", f"hyde(bm25, llm={SERVER}&seed=7, seed=7)"),
    ("hyde(bm25, llm=some/model)", "hyde(bm25, llm=some/model, seed=7)"),
    (f"hyde(bm25, llm={SERVER}&seed=1, seed=2) >> prp:{SERVER}",
     f"hyde(bm25, llm={SERVER}&seed=1, seed=2) >> prp:{SERVER}&seed=7"),
    (f"rrf(bm25 % 9 >> prp:{SERVER} % 3, bm25)", f"rrf(bm25 % 9 >> prp:{SERVER}&seed=7 % 3, bm25)"),
    (f"bm25 >> feedback(dense:m, teacher=prp:{SERVER})", f"bm25 >> feedback(dense:m, teacher=prp:{SERVER}&seed=7)"),
    ("bm25 >> prp:simulated:q.tsv", "bm25 >> prp:simulated:q.tsv?seed=7"),
    ("bm25 % 3 >> self-consistency:hf:m", "bm25 % 3 >> self-consistency:hf:m?seed=7"),
    (f"bm25 >> selective:basic:{SERVER}", f"bm25 >> selective:basic:{SERVER}&seed=7"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), SOWN)
def test_every_part_that_takes_a_seed_and_has_none_gets_it(text, wanted):
    assert sown(text, 7) == wanted


@pytest.mark.parametrize("text", ["bm25 % 9", f"bm25 >> prp:{SERVER}&seed=1", "bm25 >> prp:hf:m >> extractive"])
def test_a_seed_is_refused_where_nothing_takes_one(text):
    with pytest.raises(Misuse, match="takes a seed that it does not have; leave 'seeds' out"):
        sown(text, 7)


def test_a_system_with_seeds_is_a_system_for_each(tmp_path):
    pipeline = f"bm25 >> prp:simulated:{tmp_path}/qrels.tsv?noise=1"
    made = of(tmp_path, a={"pipeline": pipeline, "seeds": ["1", "2"]})
    assert made.systems == {"a-seed=1": f"{pipeline}&seed=1", "a-seed=2": f"{pipeline}&seed=2"}


def test_each_combination_of_a_grid_has_every_seed(tmp_path):
    pipeline = f"bm25 % {{k}} >> prp:simulated:{tmp_path}/qrels.tsv"
    made = of(tmp_path, a={"pipeline": pipeline, "k": [5, 9], "seeds": [1, 2]})
    assert list(made.systems) == ["a-k=5-seed=1", "a-k=5-seed=2", "a-k=9-seed=1", "a-k=9-seed=2"]


WRONG = [
    (3, "3 is no list of whole numbers"),
    ("12", "'12' is no list of whole numbers"),
    ([], r"\[\] is no list"),
    (["a"], r"\['a'\] is no list"),
    ([-1], "is no list"),
    ([1, 1], "1 stands there twice"),
]


@pytest.mark.parametrize(("seeds", "message"), WRONG, ids=[row[1] for row in WRONG])
def test_what_is_no_list_of_seeds_is_refused_with_its_key(tmp_path, seeds, message):
    with pytest.raises(Misuse, match=f"systems: a: seeds: .*{message}"):
        of(tmp_path, a={"pipeline": f"bm25 >> prp:{SERVER}", "seeds": seeds})


def test_systems_that_differ_in_their_seed_alone_are_a_group():
    labels = ["x-seed=1", "bm25", "y-k=1-seed=1", "x-seed=22", "y-k=2-seed=1", "y-k=2-seed=3"]
    assert groups(labels) == {"x": ["x-seed=1", "x-seed=22"], "y-k=2": ["y-k=2-seed=1", "y-k=2-seed=3"]}


def table(**scores):
    [grid] = spreads(SimpleNamespace(scores={"small": scores}))
    return grid


def cells(grid):
    return {name: [entry.text for entry in row] for name, row in grid.rows}


def test_the_table_over_seeds_has_mean_and_deviation():
    grid = table(**{"a-seed=1": {"RR": 0.4, "AP": 0.1}, "a-seed=2": {"RR": 0.6, "AP": 0.1}, "bm25": {"RR": 0.9}})
    assert (grid.columns, cells(grid)) == (
        ["system", "seeds", "RR", "AP"],
        {"a": ["2", "0.5000 ± 0.1414", "0.1000 ± 0.0000"]},
    )


def test_a_measure_without_a_value_for_one_seed_has_none_over_seeds():
    grid = table(**{"a-seed=1": {"RR": 0.4, "F1": nan}, "a-seed=2": {"RR": 0.6, "F1": 0.5}})
    assert cells(grid)["a"][2] == ""


def test_a_seed_that_failed_is_left_out_of_the_table():
    grid = table(**{"a-seed=1": {"RR": 0.4}, "a-seed=3": {"RR": 0.4}})
    assert cells(grid)["a"][0] == "2"


def test_without_several_seeds_there_is_no_such_table():
    assert spreads(SimpleNamespace(scores={"small": {"a-seed=1": {"RR": 0.1}, "bm25": {"RR": 0.2}}})) == []


def test_latex_has_its_own_sign_for_a_deviation():
    assert r"0.5000 $\pm$ 0.1414" in table(**{"a-seed=1": {"RR": 0.4}, "a-seed=2": {"RR": 0.6}}).latex()
