"""MTEB's results: measures under its names, its tasks, and the files where its repository has them."""

import json
import re

import pytest

import rankify
from rankify.errors import BadInput
from rankify.evaluation.averages import averages, canonical
from rankify.experiment.submission import bundle, collections, mteb
from rankify.experiment.submission.metadata import read
from rankify.io.trec import read_run
from tests.experiment.submission.conftest import SETS


def test_every_public_collection_has_its_task():
    assert {*mteb.tasks()} == {*bundle.required("beir-15")}
    assert all(canonical(task["task"]) == name for name, task in mteb.tasks().items())
    assert all(len(task["revision"]) == 40 for task in mteb.tasks().values())
    assert {name for name, task in mteb.tasks().items() if task["drops"]} == {
        "arguana", "fever", "fiqa", "msmarco", "quora",
    }  # fmt: skip
    assert {name for name, task in mteb.tasks().items() if "split" in task} == {"msmarco"}
    assert "beir-15" in averages()


def test_a_result_has_mtebs_measures_with_five_digits(runs, data):
    found = mteb.result(runs / "scifact.trec", collections.opened("scifact", data), "scifact")
    [scores] = found["scores"]["test"]
    assert scores["ndcg_at_10"] == scores["main_score"] == round((1 + 1 / 1.584962500721156) / 2, 5)
    assert (scores["mrr_at_1"], scores["mrr_at_3"], scores["map_at_3"]) == (0.5, 0.75, 0.75)
    assert (scores["recall_at_1"], scores["precision_at_3"]) == (0.5, 0.33333)
    assert len([name for name in scores if "_at_" in name]) == 5 * 7
    assert (found["task_name"], scores["hf_subset"], scores["languages"]) == ("SciFact", "default", ["eng-Latn"])


def test_a_document_that_is_the_query_is_dropped_where_the_task_drops_it(runs, data, monkeypatch):
    rows = ["q1 Q0 q1 1 9 t", "q1 Q0 scifact1 2 8 t", "q2 Q0 scifact2 1 9 t"]
    (runs / "scifact.trec").write_text("\n".join(rows) + "\n", "utf-8")
    opened = collections.opened("scifact", data)
    assert mteb.result(runs / "scifact.trec", opened, "scifact")["scores"]["test"][0]["mrr_at_10"] == 0.75
    monkeypatch.setitem(mteb.tasks()["scifact"], "drops", True)
    assert mteb.result(runs / "scifact.trec", opened, "scifact")["scores"]["test"][0]["mrr_at_10"] == 1.0


def test_files_lie_where_mtebs_repository_has_them(tmp_path, runs, data, said):
    opened = {name: collections.opened(name, data) for name in SETS}
    found = bundle.runs_in(runs, list(SETS))
    written = mteb.write(tmp_path / "results", found, opened, read(said))
    place = tmp_path / "results" / "some__model" / "abc123"
    assert written == [place / f"{name}.json" for name in ("NFCorpus", "SciFact", "model_meta")]
    model = json.loads((place / "model_meta.json").read_text())
    assert (model["n_parameters"], model["training_datasets"], model["license"]) == (1000, [], None)
    assert json.loads((place / "NFCorpus.json").read_text())["dataset_revision"].startswith("ec0fa4fe")


@pytest.mark.parametrize(
    ("given", "written"), [("[none]", []), ("[unknown]", None), ("[msmarco, nq]", ["msmarco", "nq"])]
)
def test_what_a_model_was_trained_on_is_nothing_unknown_or_a_list(tmp_path, said, given, written):
    said.write_text(re.sub("training_data:.*", f"training_data: {given}", said.read_text()))
    [*_, model] = mteb.write(tmp_path / "results", {}, {}, read(said))
    assert json.loads(model.read_text())["training_datasets"] == written


def test_a_number_of_parameters_that_nobody_knows_is_null(tmp_path, runs, data, said):
    said.write_text(said.read_text().replace("1000", "unknown"))
    [*_, model] = mteb.write(tmp_path / "results", {}, {}, read(said))
    assert json.loads(model.read_text())["n_parameters"] is None
    said.write_text(said.read_text().replace("unknown", "0"))
    [*_, model] = mteb.write(tmp_path / "results", {}, {}, read(said))
    assert json.loads(model.read_text())["n_parameters"] == 0


def test_a_model_whose_name_is_no_folder_is_refused(tmp_path, runs, data, said):
    said.write_text(said.read_text().replace("some/model", "../x"))
    opened = {name: collections.opened(name, data) for name in SETS}
    with pytest.raises(BadInput, match=r"model: '\.\./x' cannot be the name of a folder"):
        mteb.write(tmp_path / "results", bundle.runs_in(runs, list(SETS)), opened, read(said))


def test_figures_of_bm25_are_those_that_are_published(shared, tmp_path):
    data = rankify.dataset(str(shared / "scifact"))
    run = (rankify.retriever("bm25", data.corpus) % 1000)(data.queries)
    rankify.io.trec.write_run(run, tmp_path / "scifact.trec", tag="bm25")
    [scores] = mteb.result(tmp_path / "scifact.trec", data, "scifact")["scores"]["test"]
    assert (round(scores["ndcg_at_10"], 4), round(scores["recall_at_100"], 4)) == (0.6789, 0.9253)
    assert read_run(tmp_path / "scifact.trec").queries
