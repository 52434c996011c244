"""What systems and datasets leave that an experiment has no more is kept, and named."""

from pathlib import Path

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.leftovers import leftovers, told_of


def test_files_of_a_system_that_is_renamed_are_named_and_kept(experiment_file, tmp_path):
    execute(Experiment.read(experiment_file), tmp_path / "out")
    experiment_file.write_text(experiment_file.read_text().replace("tuned:", "k1=2.0:"))
    said = []
    execute(Experiment.read(experiment_file), tmp_path / "out", say=said.append)
    assert [line for line in said if "stays" in line] == [told_of([Path("runs/small/tuned.trec")])]
    assert (tmp_path / "out" / "runs" / "small" / "tuned.trec").is_file()
    assert leftovers(Experiment.read(experiment_file), tmp_path / "out") == [Path("runs/small/tuned.trec")]


def test_files_of_a_dataset_and_answers_are_looked_at_too(experiment_file, tmp_path):
    plan = Experiment.read(experiment_file)
    for name in (
        "runs/other/bm25.trec",
        "answers/small/bm25.jsonl",
        "answers/small/gone.jsonl",
        "runs/small/bm25.trec",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = leftovers(plan, tmp_path)
    assert found == [Path("answers/small/gone.jsonl"), Path("runs/other/bm25.trec")]
    assert told_of(found).startswith(
        "answers/small/gone.jsonl and 1 more stay, though the experiment has no gone on small; delete"
    )
    assert told_of(found[1:]) == (
        "runs/other/bm25.trec stays, though the experiment has no bm25 on other; delete what is not to be compared"
    )
