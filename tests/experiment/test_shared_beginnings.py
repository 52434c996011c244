"""Adding a reranker to systems that share a first stage searches zero times."""

from rankify.experiment import Experiment
from rankify.experiment.execute import execute


def test_six_systems_that_share_a_first_stage_search_once_and_a_seventh_not_at_all(collection, tmp_path, searches):
    judge = f"prp:simulated:{collection / 'qrels' / 'test.tsv'}?noise=1"
    six = {f"s{depth}": f"bm25 % 20 >> top({depth}, {judge})" for depth in range(2, 8)}
    said = {"datasets": [str(collection)], "measures": "RR@10"}
    execute(Experiment.of({**said, "systems": six}), tmp_path / "out")
    assert searches == [11]
    seven = {**six, "seventh": f"bm25 % 20 >> rankgpt:simulated:{collection / 'qrels' / 'test.tsv'}"}
    execute(Experiment.of({**said, "systems": seven}), tmp_path / "out")
    assert searches == [11]


def test_systems_with_seeds_share_the_search_before_the_seed_and_stand_in_a_table(collection, tmp_path, searches):
    judge = f"rankgpt:simulated:{collection / 'qrels' / 'test.tsv'}?wrong=0.5"
    systems = {"bm25": "bm25 % 20", "noisy": {"pipeline": f"bm25 % 20 >> {judge}", "seeds": [1, 2, 3]}}
    said = {"datasets": [str(collection)], "measures": "RR@10", "systems": systems}
    results = execute(Experiment.of(said), tmp_path / "out")
    assert searches == [11]
    values = {results.scores["small"][f"noisy-seed={n}"]["RR@10"] for n in (1, 2, 3)}
    assert len(values) > 1
    table = (tmp_path / "out" / "results.txt").read_text("utf-8").split("small: over seeds", 1)[1]
    assert "noisy" in table
    assert "±" in table.split("Mean")[0]
