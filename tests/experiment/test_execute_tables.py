"""Small experiments: one query, one system, several datasets, an index that systems share, quirks of a dataset."""

import rankify
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.results import seconds
from rankify.io.trec import read_run


def test_one_judged_query_has_a_table_without_marks(experiment_file, collection, tmp_path):
    (collection / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n001\td0\t1\n")
    results = execute(Experiment.read(experiment_file), tmp_path / "out")
    assert results.comparisons["small"] is None
    assert "small: 1 queries" in (tmp_path / "out" / "results.txt").read_text()


def test_tables_say_which_pipeline_a_system_is(experiment_file, tmp_path):
    execute(Experiment.read(experiment_file), tmp_path / "out")
    markdown = (tmp_path / "out" / "results.md").read_text()
    assert "| tuned | bm25?k1=2.0&b=0.9 % 20 |" in markdown.replace("\\", "")
    assert "bm25?variant=robertson % 10" in (tmp_path / "out" / "report.html").read_text()


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
    overview = (tmp_path / "out" / "results.md").read_text().split("### ")[3]
    value = f"{results.scores['small']['robertson']['nDCG@10']:.4f}"
    assert "| system | small | twice | mean |" in overview
    assert f"| robertson | <u>{value}</u> | <u>{value}</u> | <u>{value}</u> |" in overview


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


def test_stages_that_are_called_alike_count_together():
    record = {"built": {"bm25": 2}, "stages": [{"stage": "rm3(bm25)", "seconds": s} for s in (1, 0.5)]}
    assert seconds(record) == {"index bm25": 2.0, "rm3(bm25)": 1.5}
