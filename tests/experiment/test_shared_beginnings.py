"""Adding a reranker to systems that share a first stage searches zero times, and so does a fusion of what is there."""

import json

import pytest

import rankify
from rankify.experiment import Experiment
from rankify.experiment.beginnings import Beginnings, steps
from rankify.experiment.execute import execute
from rankify.experiment.opening import fingerprints
from rankify.experiment.parts import Parts, without_folder


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


def stages(folder, system):
    record = json.loads((folder / "runs" / "small" / f"{system}.json").read_text("utf-8"))
    return [(stage["stage"], stage["kept"]) for stage in record["stages"]]


def test_what_fusions_fuse_is_searched_once(collection, tmp_path, searches):
    other = "bm25?k1=1.5 % 20"
    systems = {
        "alone": "bm25 % 20",
        "rrf": f"rrf(bm25 % 20, {other}) % 10",
        "weighted": f"weighted({other}, bm25 % 20, weights=0.3:0.7)",
        "again": f"rrf(rrf(bm25 % 20, {other}), bm25 % 20 >> rm3(bm25) % 9)",
    }
    said = {"datasets": [str(collection)], "measures": "RR@10", "systems": systems}
    execute(Experiment.of(said), tmp_path / "out")
    assert searches == [11, 11]
    assert stages(tmp_path / "out", "rrf") == [
        ("bm25 % 20", True), (other, False), (f"rrf(bm25 % 20, {other})", False), ("% 10", False)
    ]  # fmt: skip
    inner = [("bm25 % 20", True), (other, True)]
    assert stages(tmp_path / "out", "weighted")[:2] == inner[::-1]
    assert stages(tmp_path / "out", "again")[:4] == [*inner, (f"rrf(bm25 % 20, {other})", False), inner[0]]


def reported(reports):
    return [(without_folder(report.stage), report.counts) for report in reports]


@pytest.mark.parametrize(
    "text",
    [
        "rrf(bm25 % 20, bm25?k1=1.5 % 5) % 10",
        "weighted(bm25?b=0.1 % 20 >> rm3(bm25) % 9, bm25 % 20, weights=0.3:0.7)",
        "combsum(rrf(bm25 % 20, bm25-multifield % 9, k=5), bm25?k1=1.5) % 7 >> rm3(bm25, weighted=false) % 6",
    ],
)
def test_a_fusion_of_what_is_kept_is_the_fusion(collection, tmp_path, text):
    data = rankify.dataset(str(collection))
    wanted = rankify.pipeline(text, data.corpus)(data.queries)
    for _ in range(2):  # the second time everything but the fusion is kept
        beginnings = Beginnings(tmp_path / "stages", data, fingerprints(data), Parts(tmp_path / "indexes"))
        found = beginnings.found(text)
        assert found.run == wanted.reported(())
        assert reported(found.reports) == reported(wanted.reports)
        for step in steps(text):
            beginnings.file(step.beginning).unlink()


def test_progress_of_what_is_inside_a_fusion_is_not_told(collection, tmp_path):
    data, told = rankify.dataset(str(collection)), []
    parts = Parts(tmp_path / "indexes")
    beginnings = Beginnings(tmp_path / "stages", data, fingerprints(data), parts, lambda *at: told.append(at))
    beginnings.found("rrf(bm25 >> rm3(bm25), bm25?k1=1.5) >> rm3(bm25)")
    assert told == [(1, 2), (2, 2)]
