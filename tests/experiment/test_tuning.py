"""Tuning: what is tried, in which order, what is best, and what is refused."""

import json

import pytest

import rankify
from rankify import fuse
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.tuning import GRIDS, Tuned, splits
from rankify.types import Qrels, Query, Ranking, Run


def listed(**queries):
    """A run with these documents, written without spaces, best first."""
    return Run(
        Ranking(Query(query, ""), [Document(id, "") for id in ids], range(len(ids), 0, -1))
        for query, ids in queries.items()
    )


RUNS = listed(q="abcd", r="abcd"), listed(q="dcba", r="dbca")
QRELS = Qrels({"q": {"d": 1}, "r": {"d": 1}})


def test_the_better_part_gets_the_weight():
    tuned = rankify.tune("weighted", *RUNS, qrels=QRELS, norm="minmax", measure="RR")
    assert tuned.value == 1
    assert tuned.options == {"norm": "minmax", "weights": [0.3, 0.7]}  # the first of those that put d on top
    assert [trial.options["weights"] for trial in tuned.trials[:3]] == [[0.5, 0.5], [0.4, 0.6], [0.6, 0.4]]
    assert len(tuned.trials) == len(splits(2)) == 11


def test_every_combination_is_tried_and_the_value_is_that_of_the_fusion():
    tuned = rankify.tune(
        fuse.weighted, *RUNS, qrels=QRELS, norm=["rank", "zscore"], weights=["1:3", "3:1"], measure="AP"
    )
    assert [(t.options["norm"], t.options["weights"]) for t in tuned.trials] == [
        ("rank", "1:3"), ("rank", "3:1"), ("zscore", "1:3"), ("zscore", "3:1"),
    ]  # fmt: skip
    for trial in tuned.trials:
        assert rankify.evaluate(fuse.weighted(*RUNS, **trial.options), QRELS, "AP")["AP"] == trial.value


def test_of_equally_good_ones_the_defaults_are_kept():
    tuned = rankify.tune("rrf", RUNS[1], RUNS[1], qrels=QRELS)
    assert tuned.options == {"k": 60, "weights": [0.5, 0.5]}
    assert len(tuned.trials) == 11 * len(GRIDS["k"])


def test_what_was_tuned_fuses_runs_and_stages_and_says_how():
    tuned = rankify.tune("rrf", *RUNS, qrels=QRELS, k=[1], weights=[[1, 2]])
    assert tuned(*RUNS) == fuse.rrf(*RUNS, k=1, weights="1:2")
    assert tuned.written("bm25 % 9", "bm25") == "rrf(bm25 % 9, bm25, weights=1:2, k=1)"
    assert repr(tuned) == "rrf(..., weights=1:2, k=1)"


def test_many_parts_climb_to_the_one_that_helps():
    parts = [*[RUNS[0]] * 4, RUNS[1]]
    tuned = rankify.tune("weighted", *parts, qrels=QRELS, norm="minmax", measure="RR")
    assert tuned.value == 1
    assert len(tuned.trials) < 500
    assert rankify.evaluate(tuned(*parts), QRELS, "RR")["RR"] == 1
    assert rankify.evaluate(fuse.weighted(*parts), QRELS, "RR")["RR"] < 1


def test_a_fusion_without_options_is_measured_once():
    tuned = rankify.tune("isr", *RUNS, qrels=QRELS)
    assert (tuned.options, len(tuned.trials)) == ({}, 1)


@pytest.mark.parametrize("name", ["bayesfuse", "mapfuse", "probfuse", "segfuse", "slidefuse", "posfuse"])
def test_a_trained_fusion_learns_and_its_options_are_tried(name, tmp_path):
    tuned = rankify.tune(name, *RUNS, qrels=QRELS)
    assert isinstance(tuned, Tuned)
    path = str(tmp_path / "learnt.json")
    kept = rankify.tune(name, *RUNS, qrels=QRELS, file=path)
    assert kept.options["learnt"] == path
    assert kept(*RUNS) == tuned(*RUNS)
    tried = {"probfuse": "segments", "slidefuse": "window", "segfuse": "norm"}.get(name)
    assert len(tuned.trials) == (len(GRIDS[tried]) if tried else 1)


@pytest.mark.parametrize("measure", ["nDCG(judged_only=True)@2", "R@3", "AP"])
def test_a_measure_sees_as_deep_as_it_has_to(measure):
    qrels = Qrels({"q": {"d": 1, "c": 0, "b": 1}, "r": {"d": 0, "a": 2}})
    tuned = rankify.tune("combsum", *RUNS, qrels=qrels, norm="rank", measure=measure)
    assert tuned.value == rankify.evaluate(tuned(*RUNS), qrels, measure)[measure]


def test_a_depth_that_is_tried_counts():
    qrels = Qrels({"q": {"d": 1}, "r": {"c": 1}})
    tuned = rankify.tune("rrf", RUNS[0], qrels=qrels, measure="R@4", k=60, depth=[1, 3, 4, 9])
    assert [trial.value for trial in tuned.trials] == [0, 0.5, 1, 1]
    assert tuned.options["depth"] == 4


@pytest.mark.parametrize("weights", [[1, 2], (1, 2), [[1, 2]], ["1:2"], "1:2"])
def test_weights_may_be_given_as_a_fusion_takes_them(weights):
    tuned = rankify.tune("rrf", *RUNS, qrels=QRELS, k=60, weights=weights)
    assert [fuse.rrf.built(**trial.options).weights for trial in tuned.trials] == ["1:2"]
    assert len(rankify.tune("rrf", *RUNS, qrels=QRELS, k=60, weights=None).trials) == 1


def test_what_is_measured_is_without_the_query_where_the_collection_says_so():
    runs = [listed(a="abcd"), listed(a="acbd")]
    qrels = Qrels({"a": {"c": 1}})
    measured = {
        drop: rankify.tune("rrf", *runs, qrels=qrels, measure="RR@2", k=60, drop_identical_ids=drop)
        for drop in (False, True)
    }
    assert [tuned.value for tuned in measured.values()] == [0.5, 1]
    assert measured[True].options["weights"] == [0.4, 0.6]
    for drop, value in ((False, 0), (True, 1)):
        tuned = rankify.tune("rrf", runs[0], qrels=qrels, measure="R@2", k=60, drop_identical_ids=drop)
        assert tuned.value == value  # one deeper, so that two are left


def test_one_judged_query_is_enough():
    tuned = rankify.tune("weighted", *RUNS, qrels=Qrels({"q": {"d": 1}, "elsewhere": {}}), norm="rank", measure="RR")
    assert tuned.value == 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rankify.tune("rff", *RUNS, qrels=QRELS), UnknownName, "no fusion 'rff'; did you mean 'rrf'"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, norm="rank"), UnknownName, "no option of fusion 'rrf' 'norm'"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, measure="AP RR"), Misuse, "one measure"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, measure="NumRet"), Misuse, "NumRet: options are chosen by a"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, measure="ndcg"), UnknownName, "is written 'nDCG' here"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, k=[]), Misuse, "an option without values"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, k=-1), Misuse, "from 0 up, not -1"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, weights="1:2:3"), Misuse, "3 weights for 2 parts"),
        (
            lambda: rankify.tune("rrf", *RUNS, qrels=QRELS, file="a.json"),
            Misuse,
            "rrf learns nothing that a.json could",
        ),
        (lambda: rankify.tune("route", *RUNS, qrels=QRELS), Misuse, "route has no options to tune"),
        (lambda: rankify.tune("rrf", qrels=QRELS), Misuse, "give a run of each part"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=Qrels()), BadInput, "relevant to any of 0 queries"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=Qrels({"q": {"a": 0}})), BadInput, "relevant to any of 1 queries"),
        (lambda: rankify.tune("rrf", *RUNS, qrels=Qrels({"z": {"a": 1}})), BadInput, "none of the 1 judged queries"),
    ],
)
def test_what_cannot_be_tuned_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_tuned_system_may_end_in_a_reader(questions, tmp_path):
    lines = (questions / "queries.jsonl").read_text().splitlines(keepends=True)
    asked = [{"_id": f"t{i}", "text": f"song {song} old"} for i, song in enumerate(("date", "string", "list"))]
    (questions / "queries.jsonl").write_text("".join([*lines, *(json.dumps(one) + "\n" for one in asked)]))
    (questions / "qrels" / "train.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"t{i}\tn{i}\t1\n" for i in range(3))
    )
    pipeline = "weighted(bm25 % 4, bm25?k1=2 % 4) % 3 >> extractive"
    systems = {"tuned": {"pipeline": pipeline, "tune": "train"}}
    whole = {"datasets": [str(questions)], "systems": systems, "measures": "RR@10 F1"}
    results = execute(Experiment.of({"name": "t", **whole}), tmp_path / "out")
    assert results.cells["songs"]["tuned"]["pipeline"].endswith("% 3")
    assert results.readings["songs"]["tuned"]["answers"] == 6
