"""What an experiment writes for other programs: results.json, and every query's values as Parquet."""

import csv
import json
import sys
from math import nan

import pytest

from rankify.errors import MissingExtra
from rankify.evaluation import Evaluation
from rankify.experiment.execute import execute
from rankify.experiment.summary import summary

SYSTEMS = {
    "ranked": "bm25 % 4",
    "quoted": "bm25 % 4 >> rm3(bm25) % 3 >> extractive",
}


@pytest.fixture
def systems(experiment):
    """Two systems, one of which answers."""
    return experiment(SYSTEMS)


@pytest.fixture
def written(systems, tmp_path):
    results = execute(systems, tmp_path / "out", parquet=True)
    return results, json.loads((tmp_path / "out" / "results.json").read_text())


def test_means_are_those_of_the_tables(written):
    results, found = written
    for system, means in results.means()["songs"].items():
        assert found["datasets"]["songs"]["systems"][system]["means"] == means


def test_systems_have_their_pipelines_readers_and_files(written):
    results, found = written
    of = found["datasets"]["songs"]["systems"]
    assert (of["ranked"]["pipeline"], of["ranked"]["reader"], of["ranked"]["answers"]) == ("bm25 % 4", None, None)
    assert (of["quoted"]["pipeline"], of["quoted"]["reader"]) == ("bm25 % 4 >> rm3(bm25) % 3", "extractive")
    named = [of["quoted"]["run"], of["quoted"]["answers"], found["datasets"]["songs"]["per_query"]]
    assert all((results.folder / path).is_file() for path in named)


def test_comparisons_have_their_p_values(written):
    results, found = written
    compared = found["datasets"]["songs"]["comparisons"]
    assert compared["rankings"] == json.loads(json.dumps(results.comparisons["songs"].as_dict()))
    assert {"t_test", "t_test_corrected"} <= compared["rankings"]["differences"][0].keys()
    assert compared["answers"] is None  # one system alone answers


def test_times_stand_apart_and_the_rest_is_the_same_every_time(written, systems, tmp_path):
    _, found = written
    execute(systems, tmp_path / "again")
    again = json.loads((tmp_path / "again" / "results.json").read_text())
    took, _ = found.pop("took"), again.pop("took")
    assert found == again
    assert took["songs"]["quoted"]["stages"].keys() == {"bm25 % 4", "rm3(bm25) % 3"}
    assert took["songs"]["quoted"]["reading"] >= 0
    assert took["songs"]["ranked"]["reading"] is None


def test_a_measure_without_a_value_is_null(written):
    results, _ = written
    unknown = Evaluation(means={"RR@10": nan}, per_query={"RR@10": {"q0": nan}}, queries=("q0",))
    results.scores["songs"] = dict.fromkeys(SYSTEMS, unknown)
    of = summary(results)["datasets"]["songs"]["systems"]
    assert {system: one["means"] for system, one in of.items()} == {system: {"RR@10": None} for system in SYSTEMS}


def test_parquet_holds_what_the_table_holds(written):
    from pyarrow import parquet

    results, _ = written
    table = parquet.read_table(results.folder / "per-query" / "songs.parquet")
    with (results.folder / "per-query" / "songs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert table.column_names == list(rows[0])
    assert {str(table.schema.field(name).type) for name in table.column_names[2:]} == {"double"}
    for row, given in zip(table.to_pylist(), rows, strict=True):
        assert {k: "" if v is None else str(v) for k, v in row.items()} == given
    assert any(row["EM"] is None for row in table.to_pylist())


def test_parquet_is_the_same_bytes_every_time(written, systems, tmp_path):
    execute(systems, tmp_path / "again", parquet=True)
    path = "per-query/songs.parquet"
    assert (tmp_path / "again" / path).read_bytes() == (tmp_path / "out" / path).read_bytes()


def test_parquet_is_written_where_it_is_asked_for(systems, tmp_path):
    execute(systems, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.parquet"))
    execute(systems, tmp_path / "out", parquet=True)
    files = json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]
    assert "per-query/songs.parquet" in files
    assert "results.json" in files


def test_a_library_that_parquet_needs_is_missed_before_anything_runs(systems, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"rankify\[parquet\]"):
        execute(systems, tmp_path / "out", parquet=True)
    assert not (tmp_path / "out").exists()
