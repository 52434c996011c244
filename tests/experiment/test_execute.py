"""What an experiment leaves behind, and what a second start does."""

import csv
import json
import os
import signal
import subprocess
import sys

import pytest

import rankify
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.io.trec import read_run

TIMES = {"manifest.json"}  # and the records beside the run files: they say when and how long


def same_every_time(folder):
    """Every file's bytes, but for those that say when and how long."""
    files = (p for p in folder.rglob("*") if p.is_file() and "indexes" not in p.parts)
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in files
        if p.name not in TIMES and not (p.suffix == ".json" and "runs" in p.relative_to(folder).parts)
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
        str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix in {".trec", ".csv", ".txt", ".md", ".tex"}
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


def test_systems_that_share_a_retriever_share_its_index(experiment_file, tmp_path):
    experiment_file.write_text(experiment_file.read_text().replace("variant=robertson", "k1=2.0&b=0.9"))
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    built = [list(record["built"]) for record in results.cells["small"].values()]
    assert built == [["bm25"], ["bm25?k1=2.0&b=0.9"], []]


def test_one_system_has_a_table_without_marks(experiment_file, tmp_path):
    experiment_file.write_text("datasets: small\nsystems: {only: bm25}\nmeasures: RR\n")
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert results.comparisons["small"] is None
    assert "baseline" not in (tmp_path / "out" / "results.txt").read_text()


def test_several_datasets_have_a_table_with_their_mean(experiment_file, tmp_path):
    experiment_file.write_text(experiment_file.read_text().replace("[small]", "[small, {name: small, label: twice}]"))
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    overview = (tmp_path / "out" / "results.md").read_text().split("### ")[-1]
    value = f"{results.scores['small']['robertson']['nDCG@10']:.4f}"
    assert "| system | small | twice | mean |" in overview
    assert f"| robertson | {value} | {value} | {value} |" in overview


def test_what_the_dataset_says_of_grades_and_identical_ids_holds(experiment_file, collection, tmp_path, monkeypatch):
    judged = "query-id\tcorpus-id\tscore\n001\td0\t1\n001\td1\t2\n"
    (collection / "qrels" / "test.tsv").write_text(judged)
    (collection / "queries.jsonl").write_text('{"_id": "001", "text": "date string"}\n')
    (collection / "corpus.jsonl").write_text(
        "".join(f'{{"_id": "{id}", "text": "date string"}}\n' for id in ("001", "d0", "d1"))
    )
    data = rankify.dataset(str(collection), rel=2, drop_identical_ids=True)
    experiment_file.write_text("datasets: [small]\nsystems: {bm25: bm25}\nmeasures: RR@10\n")
    monkeypatch.setattr("rankify.dataset", lambda *_, **__: data)
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert read_run(results.folder / "runs" / "small" / "bm25.trec")["001"].ids == ["d0", "d1"]
    assert results.scores["small"]["bm25"]["RR@10"] == 0.5
