"""A pipeline under stress: what its tables and files say, and that a start after a kill goes on."""

import csv
import json
from contextlib import contextmanager
from dataclasses import replace
from statistics import pvariance

import pytest

from rankify import evaluate, pipeline, registry
from rankify.experiment.stress import stress
from rankify.experiment.stress.tables import grids, warnings
from rankify.stages import Reranker
from rankify.types import Query, Run

EXACT = "case:upper case:random stopwords order:shuffle order:reverse"
NUMBERS = "nDCG@10 R@5"


class Loud(Reranker):
    """The documents with the most letters come first; counts how often it is asked."""

    name = "loud"
    asked = 0

    def rerank(self, run):
        Loud.asked += 1
        return Run(r.rescored([len(d.text) for d in r.documents]) for r in run)


@pytest.fixture(autouse=True)
def loud(monkeypatch):
    monkeypatch.setattr(Loud, "asked", 0)
    monkeypatch.setitem(registry.BUILTIN["reranker"], "loud", f"{__name__}:Loud")


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def files_of(folder):
    return {
        p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and "indexes" not in p.parts
    }


def test_bm25_finds_the_same_whatever_the_case_and_the_order_and_without_stop_words(stressed):
    outcome = stressed("bm25", EXACT, measures=NUMBERS, seeds=2)
    for measure in ("nDCG@10", "R@5"):
        first, *others = outcome.rows(measure)
        assert 0 < first.mean < 1
        assert len(others) == 5
        for row in others:
            assert (row.mean, row.drop, row.drop_rate, row.variance, row.p) == (first.mean, 0, 0, 0, 1)
            assert not row.significant


def test_bm25_falls_with_typos(stressed):
    [original, few, many] = stressed("bm25", "typos typos?rate=1", measures="nDCG@10", seeds=2).rows("nDCG@10")
    assert original.mean > few.mean > many.mean
    assert many.drop_rate == pytest.approx(many.mean / original.mean - 1)
    assert many.drop == pytest.approx(many.mean - original.mean)
    assert many.significant
    assert many.p < 0.05


def test_the_figures_are_those_of_the_changed_queries_searched_for(stressed, data, tmp_path):
    outcome = stressed("bm25 % 9", "typos?rate=0.5", measures="nDCG@10 R@5", seeds=3)
    rows = read(tmp_path / "out" / "per-query.csv")
    assert {(row["perturbation"], row["seed"]) for row in rows} == {
        ("original", "0"), *(("typos?rate=0.5", str(seed)) for seed in range(3)),
    }  # fmt: skip
    search, means, values = pipeline("bm25 % 9", data.corpus), [], {}
    for label, seed in [("original", "0"), *(("typos?rate=0.5", str(seed)) for seed in range(3))]:
        asked = {row["query"]: row for row in rows if (row["perturbation"], row["seed"]) == (label, seed)}
        run = search([Query(id, row["text"]) for id, row in asked.items()])
        found = evaluate(run, data.qrels, "nDCG@10 R@5")
        means.append(found["nDCG@10"])
        for id, row in asked.items():
            assert float(row["nDCG@10"]) == found.per_query["nDCG@10"][id]
            assert float(row["R@5"]) == found.per_query["R@5"][id]
            values.setdefault(id, []).append(found.per_query["nDCG@10"][id])
    first, row = outcome.rows("nDCG@10")
    assert first.mean == means[0]
    assert row.mean == pytest.approx(sum(means[1:]) / 3)
    assert row.variance == pytest.approx(sum(map(pvariance, values.values())) / len(values))
    assert row.worst == pytest.approx(min(sum(v[1:]) / 3 for v in values.values()))


def test_what_chance_has_no_part_in_is_tried_once(stressed, tmp_path):
    stressed("bm25", "case:upper typos", measures="R@5", seeds=3)
    assert len(read(tmp_path / "out" / "per-query.csv")) == 10 * (1 + 1 + 3)


def test_results_are_the_same_in_another_folder_and_in_another_order(stressed, tmp_path):
    written = "typos order noise?budget=2 noise?targets=true inject"
    stressed("bm25 % 9 >> loud", written, "one", measures=NUMBERS, seeds=2)
    stressed("bm25 % 9 >> loud", written, "two", measures=NUMBERS, seeds=2)
    one, two = files_of(tmp_path / "one"), files_of(tmp_path / "two")
    assert one == two
    stressed("bm25 % 9 >> loud", " ".join(written.split()[::-1]), "three", measures=NUMBERS, seeds=2)
    for path, content in files_of(tmp_path / "three").items():
        if path.parts[0] == "records":
            assert content == one[path]


def test_a_query_is_changed_in_the_same_way_whatever_other_queries_there_are(stressed, data, tmp_path):
    stressed("bm25", "typos", measures="R@5", seeds=1)
    texts = {
        row["query"]: row["text"]
        for row in read(tmp_path / "out" / "per-query.csv")
        if row["perturbation"] != "original"
    }
    few = replace(data, all_queries=Run(list(data.queries)[3:5]))
    stress("bm25", few, "typos", folder=tmp_path / "few", measures="R@5", seeds=1)
    for row in read(tmp_path / "few" / "per-query.csv"):
        if row["perturbation"] != "original" and row["text"]:
            assert row["text"] == texts[row["query"]]


def test_equal_queries_are_changed_in_other_ways_and_each_under_other_seeds(data, tmp_path):
    twins = replace(data, all_queries=Run.of([Query(id, "harbour lantern mortar pebble") for id in ("q1", "q2")]))
    stress("bm25", twins, "typos", folder=tmp_path / "out", measures="R@5", seeds=2)
    rows = [row for row in read(tmp_path / "out" / "per-query.csv") if row["perturbation"] == "typos" and row["text"]]
    assert len(rows) == len({row["text"] for row in rows}) == 4


def test_a_start_after_a_kill_goes_on_and_writes_the_same(stressed, tmp_path):
    written, said = "typos inject noise?budget=2", []

    class Killed(BaseException):
        pass

    @contextmanager
    def killed(text):
        if text == "inject:ignore, seed 1":
            raise Killed
        yield

    stressed("bm25 % 9 >> loud", written, "whole", measures=NUMBERS, seeds=2)
    Loud.asked = 0
    with pytest.raises(Killed):
        stressed("bm25 % 9 >> loud", written, measures=NUMBERS, seeds=2, step=killed)
    assert Loud.asked == 4  # the original, typos twice, one injection
    assert not (tmp_path / "out" / "results.json").exists()
    stressed("bm25 % 9 >> loud", written, measures=NUMBERS, seeds=2, say=said.append)
    assert Loud.asked == 4 + 3
    assert [line for line in said if line.endswith("kept")] == [
        f"{label} is finished, kept"
        for label in ("original", "typos, seed 0", "typos, seed 1", "inject:ignore, seed 0")
    ]
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


@pytest.mark.parametrize(
    ("changed", "again"),
    [
        ({}, 0),
        ({"top": 3}, 0),
        ({"seeds": 3}, 2),
        ({"targets": 2}, 2),
        ({"measures": "R@3"}, 5),
        ({"rel": 2}, 5),
    ],
)  # fmt: skip
def test_what_does_not_depend_on_a_change_is_kept(stressed, changed, again):
    options = {"measures": "R@5", "seeds": 2}
    stressed("bm25 % 9 >> loud", "typos inject", **options)
    Loud.asked = 0
    stressed("bm25 % 9 >> loud", "typos inject", **{**options, **changed})
    assert Loud.asked == again


def test_another_pipeline_has_nothing_to_keep(stressed):
    stressed("bm25 % 9 >> loud", "typos", measures="R@5", seeds=1)
    Loud.asked = 0
    stressed("bm25 % 8 >> loud", "typos", measures="R@5", seeds=1)
    assert Loud.asked == 2


def test_another_table_under_the_same_name_is_another_perturbation(stressed, tmp_path):
    table = tmp_path / "t.tsv"
    means = []
    for word in ("zebra", "harbour"):
        table.write_text(f"harbour\t{word}s\n" if word == "zebra" else "harbour\tlantern\n", "utf-8")
        means.append(stressed("bm25", f"paraphrase?table={table}", measures="nDCG@10").rows("nDCG@10")[1].mean)
    assert means[0] != means[1]


@pytest.mark.parametrize("damage", ["", "{", '{"key": "x"}', "[1]", "null", '"x"'])
def test_a_damaged_record_is_made_anew(stressed, tmp_path, damage):
    before = stressed("bm25", "typos", measures="R@5", seeds=1).as_dict()
    for file in (tmp_path / "out" / "records").iterdir():
        file.write_text(damage, "utf-8")
    assert stressed("bm25", "typos", measures="R@5", seeds=1).as_dict() == before


def test_an_original_whose_run_file_is_gone_is_searched_for_again(stressed, tmp_path):
    stressed("bm25", "typos", measures="R@5", seeds=1)
    (tmp_path / "out" / "original.trec").write_text("q0 Q0 d00 1 1 x\n", "utf-8")
    said = []
    stressed("bm25", "typos", measures="R@5", seeds=1, say=said.append)
    assert said == ["original is done", "typos, seed 0 is finished, kept"]


def test_the_index_is_built_once(stressed, tmp_path, caplog):
    caplog.set_level("INFO", "rankify")
    stressed("bm25", "typos order", measures="R@5", seeds=3)
    assert len([r for r in caplog.records if "indexed" in r.getMessage()]) == 1
    assert list((tmp_path / "out" / "indexes").iterdir())


def test_the_results_as_json_have_every_figure(stressed, tmp_path):
    outcome = stressed("bm25 % 9 >> loud", "typos inject", measures=NUMBERS, seeds=2)
    written = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert written == json.loads(json.dumps(outcome.as_dict()))
    assert [row["perturbation"] for row in written["measures"]["R@5"]] == ["original", "typos", "inject:ignore"]
    assert written["changed"] == {"typos": 10, "inject:ignore": 10}
    assert set(written["attacks"]) == {"inject:ignore"}


def test_a_drop_rate_of_nothing_is_left_out_with_its_reason(stressed):
    row = stressed("bm25", "typos", measures="P(rel=3)@5", seeds=1).rows("P(rel=3)@5")[1]
    assert row.drop_rate is None
    assert row.normalised_variance is None
    assert "0 before" in row.reason


def test_the_tables_have_a_row_for_each_perturbation_and_one_note(stressed, tmp_path):
    outcome = stressed("bm25 % 9 >> loud", "typos?rate=1 inject", measures=NUMBERS, seeds=2)
    ndcg, recall, attacks = grids(outcome)
    assert ndcg.title == "small: bm25 % 9 >> loud, 10 queries, 2 seeds"
    assert list(ndcg.columns) == ["perturbation", "nDCG@10", "drop", "rate", "variance", "worst 10%", "changed"]
    assert [name for name, _ in ndcg.rows] == ["original", "typos?rate=1.0", "inject:ignore"]
    assert not ndcg.note
    assert "Holm correction" in recall.note
    assert [name for name, _ in attacks.rows] == ["inject:ignore"]
    assert (tmp_path / "out" / "results.md").read_text("utf-8").count("### ") == 3


def test_how_many_texts_are_other_ones_is_shown_and_a_perturbation_that_changes_none_is_named(stressed, tmp_path):
    table = tmp_path / "t.tsv"
    table.write_text("zebra\tgnu\n", "utf-8")
    outcome = stressed("bm25 % 9 >> loud", f"paraphrase?table={table} typos:swap?words=1 inject", measures=NUMBERS)
    ndcg, recall, _ = grids(outcome)
    assert {name: cells[-1].text for name, cells in ndcg.rows} == {
        "original": "", f"paraphrase?table={table}": "0", "typos:swap?words=1": "10", "inject:ignore": "10",
    }  # fmt: skip
    [idle] = warnings(outcome)
    assert idle == f"paraphrase?table={table} changed nothing, so its row says nothing about robustness"
    assert (tmp_path / "out" / "results.md").read_text("utf-8").count("changed nothing") == 1
    assert "changed: how many queries or documents are other ones than before, on average over seeds." in recall.note


def test_a_number_of_texts_that_is_a_mean_has_a_digit(stressed):
    outcome = stressed("bm25", "typos?rate=0.1", measures="R@5", seeds=3)
    outcome.found["typos"] = [replace(one, changed=n) for one, n in zip(outcome.found["typos"], (1, 2, 2), strict=True)]
    [table] = grids(outcome)
    assert table.rows[1][1][-1].text == "1.7"


def test_where_every_target_is_inside_there_is_no_success_rate(stressed):
    outcome = stressed("bm25 % 5 >> loud", "inject", measures="R@5", top=99, seeds=1)
    *_, attacks = grids(outcome)
    [(_, cells)] = attacks.rows
    assert [cell.text for cell in cells[:4]] == ["10", "0", "0", ""]
    assert outcome.as_dict()["attacks"]["inject:ignore"]["rate"] is None
