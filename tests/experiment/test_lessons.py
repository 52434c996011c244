"""Tuned systems of an experiment: what chooses, that it is never what is measured, what is written and kept."""

import json

import pytest

import rankify
from rankify.errors import BadInput, Misuse, Several, UnknownName
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.sources import Source
from rankify.experiment.untuned import Untuned
from rankify.io.trec import read_run

PARTS = ("bm25 % 20", "bm25?b=0.9 % 20")
WEIGHTED = {
    "pipeline": f"weighted({', '.join(PARTS)}) % 10",
    "tune": {"split": "train", "try": {"norm": ["minmax", "rank"], "weights": ["1:1", "1:3", "3:1"]}},
}
HEADER = "query-id\tcorpus-id\tscore\n"


def judged(folder, split, numbers):
    """Judgments of some queries: document d{2i} for query i, a document that BM25 does not have first."""
    rows = "".join(f"{i:03}\td{2 * i}\t1\n" for i in numbers)
    (folder / "qrels" / f"{split}.tsv").write_text(HEADER + rows, "utf-8")


@pytest.fixture
def small(collection):
    judged(collection, "test", range(1, 6))
    judged(collection, "train", range(6, 12))
    return collection


def experiment(folder, **systems):
    said = {"datasets": ["small"], "systems": systems, "measures": "nDCG@10 RR@10"}
    return Experiment.of(said, folder=folder.parent)


def run(folder, out="out", **systems):
    said = []
    return execute(experiment(folder, **systems), folder.parent / out, say=said.append), said


def test_a_system_is_tuned_on_another_split_and_its_text_has_the_options(small):
    results, said = run(small, hybrid=WEIGHTED)
    train = rankify.dataset(str(small), split="train")
    runs = [rankify.pipeline(part, train.corpus)(train.queries) for part in PARTS]
    tuned = rankify.tune("weighted", *runs, qrels=train.qrels, norm=["minmax", "rank"], weights=["1:1", "1:3", "3:1"])
    record = results.tuned["small"]["hybrid"]
    assert record["pipeline"] == f"{tuned.written(*PARTS)} % 10"
    assert (record["value"], record["measure"], record["on"]["judged"]) == (tuned.value, "nDCG@10", 6)
    assert [(t["options"], t["value"]) for t in record["trials"]] == [(t.options, t.value) for t in tuned.trials]
    data = rankify.dataset(str(small))
    expected = rankify.pipeline(record["pipeline"], data.corpus)(data.queries)
    written = read_run(results.folder / "runs" / "small" / "hybrid.trec")
    assert [r.ids for r in written] == [r.ids for r in expected]
    assert (
        f"small: hybrid is tuned on 6 queries of small, train: {', '.join(tuned.method.options) or 'the defaults'}"
        in said
    )


def test_what_was_chosen_stands_in_the_results(small):
    results, _ = run(small, hybrid=WEIGHTED)
    record = results.tuned["small"]["hybrid"]
    chosen = ", ".join(record["options"]) or "the defaults"
    for ending in ("txt", "md"):
        table = (results.folder / f"results.{ending}").read_text("utf-8").partition("small: what was tuned")[2]
        assert all(text in table for text in ("hybrid", chosen, "small, train", f"{record['value']:.4f}"))
        assert "None of these queries is measured; those that are were left out." in table
    manifest = json.loads((results.folder / "manifest.json").read_text("utf-8"))
    [noted] = manifest["tuned"]
    assert (noted["dataset"], noted["system"], noted["pipeline"]) == ("small", "hybrid", record["pipeline"])
    assert manifest["experiment"]["systems"]["hybrid"]["tune"] == {**WEIGHTED["tune"], "measure": "nDCG@10"}
    assert results.as_dict()["tuned"] == {"small": {"hybrid": record["pipeline"]}}


def test_an_experiment_without_tuned_systems_has_no_such_table(small):
    results, _ = run(small, other="bm25?b=0.9 % 20")
    assert "what was tuned" not in (results.folder / "results.txt").read_text("utf-8")


def test_queries_that_are_measured_are_left_out_and_counted(small):
    judged(small, "train", range(4, 12))
    results, said = run(small, hybrid=WEIGHTED)
    on = results.tuned["small"]["hybrid"]["on"]
    assert (on["judged"], on["left_out"]) == (6, 2)
    assert any("6 queries of small, train, 2 left out that are measured" in line for line in said)
    [row] = [r for r in (results.folder / "results.md").read_text("utf-8").splitlines() if "small, train" in r]
    assert row.split(" | ")[2:5] == ["small, train", "6", "2"]
    judged(small, "train", range(6, 12))
    assert (
        run(small, "alone", hybrid=WEIGHTED)[0].tuned["small"]["hybrid"]["trials"]
        == (results.tuned["small"]["hybrid"]["trials"])
    )


def test_the_same_question_under_another_id_is_left_out_too(small):
    texts = {query.id: query.text for query in rankify.dataset(str(small)).all_queries.queries}
    with (small / "queries.jsonl").open("a") as queries:
        queries.write(json.dumps({"_id": "again", "text": f"  {texts['001'].upper()} "}) + "\n")
    with (small / "qrels" / "train.tsv").open("a") as file:
        file.write("again\td1\t1\n")
    assert run(small, hybrid=WEIGHTED)[0].tuned["small"]["hybrid"]["on"]["left_out"] == 1


def no_judgments(folder):
    judged(folder, "train", [])


def nothing_relevant(folder):
    (folder / "qrels" / "train.tsv").write_text(f"{HEADER}006\td1\t0\n", "utf-8")


def the_same(folder):
    judged(folder, "train", range(1, 6))


def no_such_split(folder):
    (folder / "qrels" / "train.tsv").unlink()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (no_judgments, "judged"),
        (nothing_relevant, "no document is judged relevant to any of 1 queries"),
        (the_same, r"all 5 queries of small, train, are those that are measured \(test\)"),
        (no_such_split, "train"),
    ],
)
def test_what_cannot_choose_is_named_before_anything_runs(small, harm, message):
    harm(small)
    with pytest.raises((BadInput, UnknownName), match=rf"^experiment: dataset small: system hybrid: tune: .*{message}"):
        run(small, hybrid=WEIGHTED)
    assert not list(small.parent.joinpath("out").rglob("*.trec"))


def test_a_system_may_be_tuned_on_another_dataset(small, tmp_path):
    other = tmp_path / "other"
    (other / "qrels").mkdir(parents=True)
    for name in ("corpus", "queries"):
        (other / f"{name}.jsonl").write_text((small / f"{name}.jsonl").read_text("utf-8"), "utf-8")
    judged(other, "test", range(6, 10))
    tune = {"dataset": "other", "measure": "RR", "try": {"k": "10"}}
    results, _ = run(small, hybrid={"pipeline": f"rrf({', '.join(PARTS)}, weights=1:1)", "tune": tune})
    record = results.tuned["small"]["hybrid"]
    assert (record["on"]["name"], record["on"]["judged"], record["measure"]) == ("other", 4, "RR")
    assert record["pipeline"] == f"rrf({', '.join(PARTS)}, weights=1:1, k=10)"


@pytest.mark.parametrize("name", ["mapfuse", "posfuse", "probfuse"])
def test_a_trained_fusion_learns_before_it_runs(small, name):
    results, said = run(small, trained={"pipeline": f"{name}({', '.join(PARTS)})", "tune": "train"})
    assert f"{name}({', '.join(PARTS)}, learnt=" in results.tuned["small"]["trained"]["pipeline"]
    assert results.scores["small"]["trained"]["RR@10"] > 0
    told = [*said, (results.folder / "results.txt").read_text("utf-8")]
    assert all(len(line) < 400 for text in told for line in text.splitlines())


def test_documents_that_are_the_query_are_dropped_where_the_collection_says_so(small, monkeypatch):
    with (small / "corpus.jsonl").open("a") as corpus:
        for query in rankify.dataset(str(small)).all_queries.queries:
            corpus.write(json.dumps({"_id": query.id, "text": query.text}) + "\n")
    opened = rankify.dataset
    monkeypatch.setattr("rankify.dataset", lambda name, **given: opened(name, **{**given, "drop_identical_ids": True}))
    results, _ = run(small, hybrid=WEIGHTED)
    train = opened(str(small), split="train", drop_identical_ids=True)
    again = rankify.pipeline(results.tuned["small"]["hybrid"]["pipeline"] + " >> without-query", train.corpus)
    measured = rankify.evaluate(again(train.queries), train.qrels, "nDCG@10")["nDCG@10"]
    assert measured == pytest.approx(results.tuned["small"]["hybrid"]["value"])


def same(folder):
    return {
        p.name: p.read_bytes()
        for p in folder.rglob("*")
        if p.suffix in {".trec", ".csv"} or p.parent.parent.name == "tuned"
    }


def test_a_second_start_keeps_what_was_chosen(small, monkeypatch):
    results, _ = run(small, hybrid=WEIGHTED)
    before = same(results.folder)
    monkeypatch.setattr("rankify.tune", None)  # it is not asked again
    again, said = run(small, hybrid=WEIGHTED)
    assert again.tuned == results.tuned
    assert same(results.folder) == before
    assert sum("is finished" in line for line in said) == 1


def other_judgments(folder):
    judged(folder, "train", range(6, 10))


def other_documents(folder):
    with (folder / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": "more", "text": "date string"}\n')


def damaged(folder):
    (folder.parent / "out" / "tuned" / "small" / "hybrid.json").write_text("[")


def lost(folder):
    (folder.parent / "out" / "tuned" / "small" / "hybrid.json").unlink()


@pytest.mark.parametrize("change", [other_judgments, other_documents, damaged, lost])
def test_another_lesson_is_learnt_anew(small, change):
    run(small, hybrid=WEIGHTED)
    change(small)
    again, _ = run(small, hybrid=WEIGHTED)
    fresh, _ = run(small, "fresh", hybrid=WEIGHTED)
    assert again.tuned == fresh.tuned
    assert same(again.folder) == same(fresh.folder)


def test_another_split_to_measure_is_another_lesson_only_where_queries_meet(small):
    judged(small, "dev", range(5, 8))
    said = {"datasets": ["small", {"name": "small", "split": "dev"}], "systems": {"hybrid": WEIGHTED}, "measures": "RR"}
    results = execute(Experiment.of(said, folder=small.parent), small.parent / "out")
    assert results.tuned["small"]["hybrid"]["on"]["left_out"] == 0
    assert results.tuned["small-dev"]["hybrid"]["on"]["left_out"] == 2


def test_what_it_says_can_be_read_again(small):
    read = experiment(small, hybrid=WEIGHTED, short={"pipeline": "rrf(bm25, bm25?b=0.9, k=3)", "tune": "train"})
    assert read.untuned["short"] == Untuned(
        fusion="rrf", parts=("bm25", "bm25?b=0.9"), options={"k": 3}, after="", source=Source("", "train"),
        measure="nDCG@10",
    )  # fmt: skip
    again = read.as_dict()
    datasets = [{"name": source["name"], "label": label} for label, source in again["datasets"].items()]
    assert Experiment.of({**again, "datasets": datasets}, folder=small.parent) == read


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"pipeline": "bm25 % 20", "tune": "train"}, Misuse, "does not begin with a fusion"),
        ({"tune": "train"}, Misuse, "it has no pipeline"),
        ({"pipeline": "hyde(bm25, llm=x)", "tune": "train"}, UnknownName, "no fusion 'hyde'"),
        ({"pipeline": "route(bm25, bm25, at=3)", "tune": "train"}, Misuse, "route has no options to tune"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": None}, Misuse, "say on which queries"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"measure": "RR"}}, Misuse, "say on which queries"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"split": None}}, Misuse, "say on which queries"),
        ({"pipeline": "rrf(bm25, bm25, learnt=1)", "tune": "train"}, UnknownName, "no option of fusion 'rrf' 'learnt'"),
        ({"pipeline": "mapfuse(bm25, bm25, learnt=1:1)", "tune": "train"}, UnknownName, "'mapfuse' 'learnt'"),
        ({"pipeline": "rrf(bm25, bm25)", "tuned": "train"}, UnknownName, "no key 'tuned'; did you mean 'tune'"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"spilt": "x", "split": "x"}}, Misuse, "did you mean 'split'"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"dataset": "smll"}}, UnknownName, "no dataset 'smll'"),
        ({"pipeline": "rrf(bm25, bm25, k=-1)", "tune": "train"}, Misuse, "from 0 up, not -1"),
        ({"pipeline": "rrf(bm25, bm25, kk=1)", "tune": "train"}, UnknownName, "no option of fusion 'rrf' 'kk'"),
        ({"pipeline": "rrf(bm25, bm52)", "tune": "train"}, UnknownName, "did you mean 'bm25'"),
        ({"pipeline": "rrf(bm25, bm25) >> extractive >> x", "tune": "train"}, Misuse, "'extractive' is a reader"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"split": "x", "try": {"norm": "rank"}}}, UnknownName, "'norm'"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"split": "x", "try": "k"}}, Misuse, "names no options"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"split": "x", "try": {"weights": ["1:2:3"]}}}, Misuse, "3 weights"),
        ({"pipeline": "rrf(bm25, bm25, k=1)", "tune": {"split": "x", "try": {"k": 2}}}, Misuse, "k stands in the pipe"),
        ({"pipeline": "rrf(bm25, bm25)", "tune": {"split": "x", "measure": "RR AP"}}, Misuse, "one measure"),
        ({"pipeline": "slidefuse(bm25, bm25, window=-1)", "tune": "train"}, Misuse, "window of slidefuse"),
    ],
)  # fmt: skip
def test_what_makes_no_tuned_system_is_refused_with_its_key(small, said, error, message):
    with pytest.raises(error, match=rf"^experiment: systems: hybrid: .*{message}"):
        experiment(small, hybrid=said)


def test_a_trained_fusion_is_timed_as_it_was_learnt(small, tmp_path):
    tuned = {"pipeline": "mapfuse(bm25 % 9, bm25?b=0 % 9) % 5", "tune": "train"}
    said = {"datasets": [str(small)], "systems": {"a": tuned}, "measures": "RR"}
    results = execute(Experiment.of({**said, "efficiency": {"queries": 1, "repetitions": 1}}), tmp_path / "out")
    assert results.untimed["small"] == {}
    assert results.efficiency["small"]["a"]["asked"] == 1


def test_all_that_is_wrong_with_tuning_is_said_at_once(small):
    tune = {"split": "train", "measure": "zork", "try": {"nope": [1]}}
    tuned = {"pipeline": "weighted(bm25, bm25?b=0)", "tune": tune}
    with pytest.raises(Several) as error:
        Experiment.of({"datasets": [str(small)], "systems": {"a": tuned}, "measures": "RR"})
    assert [word in str(error.value) for word in ("zork", "nope")] == [True, True]
