"""What an experiment leaves behind, and what a second start does."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import rankify
from rankify import registry
from rankify.errors import BadInput, MissingExtra, RankifyError
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.io.locks import locked
from rankify.io.trec import read_run

TIMES = {"manifest.json", "results.json"}  # and the records beside the run files: they say when and how long


def same_every_time(folder):
    """Every file's bytes, but for what says when and how long."""
    files = (p for p in folder.rglob("*") if p.is_file() and not {"indexes", "stages", "replies"} & {*p.parts})
    return {
        str(p.relative_to(folder)): p.read_bytes().partition(b"where the time went")[0]
        for p in files
        if p.name not in TIMES and not (p.suffix == ".json" and {"runs", "answers"} & {*p.relative_to(folder).parts})
    }


@pytest.fixture
def done(experiment_file, tmp_path):
    said = []
    results = execute(Experiment.read(experiment_file), tmp_path / "out", say=said.append)
    return results, said


def test_every_system_has_a_run_file_that_evaluates_to_its_scores(done, collection):
    results, _ = done
    qrels = rankify.dataset(str(collection)).qrels
    for system, scores in results.scores["small"].items():
        again = read_run(results.folder / "runs" / "small" / f"{system}.trec")
        assert dict(rankify.evaluate(again, qrels, "nDCG@10 RR@10 R@20")) == dict(scores)


def test_the_means_are_those_of_the_values_per_query(done):
    results, _ = done
    with (results.folder / "per-query" / "small.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["system"] == "tuned"]
    assert [row["query"] for row in rows] == [f"{i:03}" for i in range(1, 12)]
    mean = sum(float(row["RR@10"]) for row in rows) / len(rows)
    assert mean == pytest.approx(results.scores["small"]["tuned"]["RR@10"])


@pytest.mark.parametrize("ending", ["txt", "md", "tex"])
def test_the_table_names_every_system_and_measure(done, ending):
    written = (done[0].folder / f"results.{ending}").read_text()
    assert all(word in written for word in ("bm25", "tuned", "robertson", "nDCG@10", "RR@10", "R@20"))
    assert f"{done[0].scores['small']['tuned']['RR@10']:.4f}" in written


def test_the_manifest_names_pipelines_versions_hashes_seconds_and_hardware(done):
    folder = done[0].folder
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["experiment"]["systems"]["tuned"] == "bm25?k1=2.0&b=0.9 % 20"
    assert manifest["libraries"]["rankify"] == rankify.__version__
    assert manifest["machine"]["cores"] >= 1
    assert manifest["datasets"]["small"]["documents"] == 30
    assert [stage["stage"] for stage in manifest["cells"][1]["stages"]] == ["bm25?k1=2.0&b=0.9 % 20"]
    written = {
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.suffix in {".trec", ".csv", ".txt", ".md", ".tex", ".html"} or p.name == "results.json"
    }
    assert set(manifest["files"]) == {path for path in written if not path.startswith("indexes")}


def test_a_second_start_keeps_everything(done, experiment_file):
    results, said = done
    before = same_every_time(results.folder)
    assert [line.split(" ")[2] for line in said] == ["took", "took", "took"]
    again = []
    execute(Experiment.read(experiment_file), results.folder, say=again.append)
    assert all(line.endswith("kept") for line in again)
    assert same_every_time(results.folder) == before


def changed_pipeline(folder, file):
    file.write_text(file.read_text().replace("k1=2.0", "k1=1.9"))


def changed_corpus(folder, file):
    with (file.parent / "small" / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": "more", "text": "date"}\n')


def changed_queries(folder, file):
    queries = file.parent / "small" / "queries.jsonl"
    queries.write_text(queries.read_text().replace("sort", "sorted"))


def damaged_run(folder, file):
    run = folder / "runs" / "small" / "tuned.trec"
    run.write_bytes(run.read_bytes()[:-9])


def lost_record(folder, file):
    (folder / "runs" / "small" / "tuned.json").unlink()


def damaged_record(folder, file):
    (folder / "runs" / "small" / "tuned.json").write_text("{")


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        (changed_pipeline, {"tuned"}),
        (changed_corpus, {"bm25", "tuned", "robertson"}),
        (changed_queries, {"bm25", "tuned", "robertson"}),
        (damaged_run, {"tuned"}),
        (lost_record, {"tuned"}),
        (damaged_record, {"tuned"}),
    ],
)
def test_only_what_a_change_touches_is_done_again(done, experiment_file, change, redone):
    folder = done[0].folder
    change(folder, experiment_file)
    said = []
    execute(Experiment.read(experiment_file), folder, say=said.append)
    assert {line.split(" ")[1] for line in said if "took" in line} == redone


KILLED = """
import os, signal, sys
from pathlib import Path
import rankify.experiment.cells as cells
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.io import files

moment, file, folder = sys.argv[1:]
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
finish, write_run, writing = cells.Cell.finish, cells.write_run, cells.writing

def finishing(cell, *args):
    if cell.system == "tuned":
        if moment == "before": die()
        if moment == "in the run file": cells.write_run = half
        if moment == "between run and record": cells.writing = die
    if cell.system == "robertson": die()
    return finish(cell, *args)

def half(run, path, **options):
    with files.writing(path) as out:
        out.write("half a li")
        out.flush()
        die()

cells.Cell.finish = finishing
execute(Experiment.read(Path(file)), Path(folder))
"""


@pytest.mark.parametrize("moment", ["before", "in the run file", "between run and record", "later"])
def test_after_a_kill_the_next_start_ends_with_the_same_bytes(experiment_file, tmp_path, moment):
    folder, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    command = [sys.executable, "-c", KILLED, moment, str(experiment_file), str(folder)]
    killed = subprocess.run(command, env={**os.environ}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (folder / "results.txt").exists()
    finished = {"bm25", "tuned"} if moment == "later" else {"bm25"}
    said = []
    execute(Experiment.read(experiment_file), folder, say=said.append)
    assert {line.split(" ")[1] for line in said if "kept" in line} == finished
    execute(Experiment.read(experiment_file), undisturbed)
    assert same_every_time(folder) == same_every_time(undisturbed)


def changed_model(model):
    path = Path(model) / "config.json"
    path.write_text(path.read_text().replace('"layer_norm_eps": 1e-12', '"layer_norm_eps": 1e-3'))


def test_a_model_whose_files_change_is_asked_again(experiment_file, tmp_path, tiny_bert):
    model = shutil.copytree(tiny_bert, tmp_path / "model")
    experiment_file.write_text(
        f"datasets: [small]\nsystems: {{bm25: bm25, dense: 'dense:{model}?pooling=mean'}}\nmeasures: RR\n"
    )
    execute(Experiment.read(experiment_file), tmp_path / "out")
    changed_model(model)
    said = []
    execute(Experiment.read(experiment_file), tmp_path / "out", say=said.append)
    assert {line.split(" ")[1] for line in said if "took" in line} == {"dense"}


def test_another_version_of_a_library_does_everything_again(done, experiment_file, monkeypatch):
    monkeypatch.setattr("rankify.experiment.revisions.versions", lambda *names: dict.fromkeys(names, "9.9"))
    said = []
    execute(Experiment.read(experiment_file), done[0].folder, say=said.append)
    assert [line.split(" ")[2] for line in said] == ["took"] * 3


def test_retrievers_that_differ_after_indexing_share_one_index_on_disk(done):
    assert [p.name.split("-")[0] for p in (done[0].folder / "indexes").iterdir()] == ["bm25"]


def test_what_a_retriever_indexes_by_are_options_of_its():
    for name in registry.names("retriever"):
        decisive = registry.find("retriever", name).indexed_by
        models = ("a/b", "openai:m") if name == "dense" else ()
        passed_on = {option for model in models for option in registry.options("retriever", f"{name}:{model}")}
        assert decisive is None or decisive <= registry.options("retriever", name).keys() | passed_on


def test_two_experiments_in_one_folder_do_not_disturb_each_other(experiment_file, tmp_path):
    (tmp_path / "out" / "runs").mkdir(parents=True)
    (tmp_path / "out" / "runs" / ".bm25.trec.x.part").write_text("half")
    with locked(tmp_path / "out"), pytest.raises(BadInput, match="another process is writing into"):
        execute(Experiment.read(experiment_file), tmp_path / "out")
    assert (tmp_path / "out" / "runs" / ".bm25.trec.x.part").exists()
    execute(Experiment.read(experiment_file), tmp_path / "out")
    assert not list((tmp_path / "out").rglob(".*.part"))


@pytest.mark.parametrize("ending", ["txt", "md", "tex"])
def test_the_tables_say_where_the_time_went(done, ending):
    written = (done[0].folder / f"results.{ending}").read_text()
    assert "tuned: bm25?k1=2.0" in written.replace("\\", "")


def no_queries(folder):
    (folder / "queries.jsonl").write_text("")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")


def no_judgments(folder):
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")


def a_bad_line(folder):
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write("{\n")


@pytest.mark.parametrize("harm", [no_queries, no_judgments, a_bad_line])
def test_a_second_dataset_that_cannot_be_used_is_named_before_anything_runs(
    experiment_file, collection, tmp_path, harm
):
    harm(shutil.copytree(collection, tmp_path / "other"))
    experiment_file.write_text(experiment_file.read_text().replace("[small]", "[small, other]"))
    with pytest.raises(RankifyError, match=r"first-stages.yaml: dataset other: "):
        execute(Experiment.read(experiment_file), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.trec"))


def test_a_wrong_split_of_a_second_dataset_is_named_before_anything_runs(experiment_file, tmp_path):
    datasets = "[small, {name: small, split: tset, label: other}]"
    experiment_file.write_text(experiment_file.read_text().replace("[small]", datasets))
    with pytest.raises(RankifyError, match=r"first-stages.yaml: dataset other: .*tset"):
        execute(Experiment.read(experiment_file), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.trec"))


def test_a_library_that_comparing_needs_is_missed_before_anything_runs(experiment_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(MissingExtra, match=r"rankify\[stats\]"):
        execute(Experiment.read(experiment_file), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.trec"))
