"""The plan of an experiment says what a start would do, and does none of it."""

from contextlib import nullcontext

import pytest

import rankify
from rankify.cli import main
from rankify.errors import BadInput, RankifyError, Several
from rankify.experiment import Experiment
from rankify.experiment.asking import prompts
from rankify.experiment.execute import execute
from rankify.experiment.preview import preview
from rankify.spec import Spec

MEASURES = "RR@10"


def silent(_):
    return nullcontext()


def planned(collection, tmp_path, folder="out", **systems):
    said = {"name": "x", "datasets": [str(collection)], "systems": systems, "measures": MEASURES}
    return preview(Experiment.of(said), tmp_path / folder, silent)


def qrels(collection):
    return collection / "qrels" / "test.tsv"


def everything(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_plan_writes_nothing(collection, tmp_path):
    before = everything(tmp_path)
    planned(collection, tmp_path, a="bm25 % 9")
    assert everything(tmp_path) == before


def test_a_folder_that_is_a_file_is_refused(collection, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(BadInput, match="out is a file; give another folder with -o"):
        planned(collection, tmp_path, folder="out/below", a="bm25 % 9")


def test_a_folder_that_cannot_be_written_into_is_refused(collection, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(BadInput, match="is not to be written into; give another folder with -o"):
        planned(collection, tmp_path, a="bm25 % 9")


def test_datasets_stand_there_with_their_counts(collection, tmp_path):
    about = planned(collection, tmp_path, a="bm25 % 9").as_dict()["datasets"]["small"]
    assert (about["asked"], about["judged"], about["gold"], about["documents"]) == (11, 11, 0, 30)


def test_a_dataset_of_a_hub_is_not_opened(collection, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "rankify.experiment.preview.opened", lambda experiment, _: dict.fromkeys(experiment.datasets) and {}
    )
    said = {"datasets": ["beir/scifact"], "systems": {"a": "bm25"}, "measures": MEASURES}
    plan = preview(Experiment.of(said), tmp_path / "out", silent)
    about = plan.as_dict()["datasets"]["scifact"]
    assert (about["fetched"], about["asked"], about["documents"]) == (True, 300, 5183)
    assert any("scifact, which was not opened" in line for line in plan.lines())


def test_systems_that_begin_alike_share_a_step(collection, tmp_path):
    judge = f"prp:simulated:{qrels(collection)}"
    plan = planned(collection, tmp_path, a="bm25 % 9", b=f"bm25 % 9 >> {judge} % 5", c=f"bm25 % 9 >> {judge} % 3")
    [first] = plan.tree.values()
    assert (first.step, list(first.systems)) == ("bm25 % 9", ["a"])
    assert [(node.step, list(node.systems)) for node in first.then.values()] == [
        (f"{judge} % 5", ["b"]),
        (f"{judge} % 3", ["c"]),
    ]


@pytest.mark.parametrize(
    ("compare", "line"),
    [
        ("baseline", "each system is compared with the baseline (t-test, holm, alpha 0.05); baseline: a"),
        ("all-pairs", "every two systems are compared (t-test, holm, alpha 0.05); baseline: a"),
        ({"pairs": "all", "test": "tukey-hsd"}, "every two systems are compared (tukey-hsd, alpha 0.05); baseline: a"),
        (
            {"correction": "none", "alpha": 0.01},
            "each system is compared with the baseline (t-test, alpha 0.01); baseline: a",
        ),
    ],
)
def test_the_plan_says_who_is_compared_and_how(collection, tmp_path, compare, line):
    said = {"datasets": [str(collection)], "systems": {"a": "bm25", "b": "bm25?k1=2"}, "measures": MEASURES}
    plan = preview(Experiment.of({**said, "compare": compare}), tmp_path / "out", silent)
    assert line in list(plan.lines())
    assert plan.as_dict()["compare"] == line.partition(";")[0]


def test_the_reader_stands_with_its_system(collection, tmp_path):
    [node] = planned(collection, tmp_path, a="bm25 % 9 >> extractive").tree.values()
    assert node.systems == {"a": "extractive"}


@pytest.fixture
def split(collection):
    """The collection, its judgments in two halves."""
    header, *rows = qrels(collection).read_text("utf-8").splitlines(keepends=True)
    for name, half in (("test", rows[:5]), ("train", rows[5:])):
        (collection / "qrels" / f"{name}.tsv").write_text("".join([header, *half]), "utf-8")
    return collection


def tuned(tune, fusion="mapfuse"):
    return {"pipeline": f"{fusion}(bm25 % 9, bm25?k1=2 % 9) % 5", "tune": tune}


def test_the_parts_of_a_tuned_system_are_steps(split, tmp_path):
    plan = planned(split, tmp_path, a=tuned("train"))
    assert list(plan.tree) == ["bm25 % 9", "bm25?k1=2 % 9"]
    assert plan.as_dict()["tuned"] == ["a"]


@pytest.mark.parametrize("tunes", [["dev"], ["test"], ["dev", "test"], ["train", "test"]])
def test_what_a_start_would_refuse_of_tuned_systems_is_refused(split, tmp_path, tunes):
    systems = {name: tuned(tune) for name, tune in zip("ab", tunes, strict=False)}
    said = {"name": "x", "datasets": [str(split)], "systems": systems, "measures": MEASURES}
    with pytest.raises(RankifyError) as of_run:
        execute(Experiment.of(said), tmp_path / "out")
    with pytest.raises(RankifyError) as of_plan:
        planned(split, tmp_path, **systems)
    assert (type(of_plan.value), str(of_plan.value)) == (type(of_run.value), str(of_run.value))
    assert len(str(of_plan.value).splitlines()) == len({*tunes} - {"train"})


def test_what_is_tuned_on_a_collection_of_a_hub_is_not_looked_at(split, tmp_path, monkeypatch):
    opened = rankify.dataset

    def noted(name, **options):
        assert name != "beir/scifact"
        return opened(name, **options)

    monkeypatch.setattr(rankify, "dataset", noted)
    plan = planned(split, tmp_path, a=tuned({"dataset": "beir/scifact"}))
    assert list(plan.tree) == ["bm25 % 9", "bm25?k1=2 % 9"]
    assert "not in what follows: beir/scifact, which was not opened" in list(plan.lines())


@pytest.mark.parametrize("fusion", ["mapfuse", "weighted"])
def test_after_a_start_the_pipeline_that_was_chosen_is_kept(split, tmp_path, fusion):
    systems = {"a": "bm25 % 9", "b": tuned("train", fusion)}
    said = {"name": "x", "datasets": [str(split)], "systems": systems, "measures": MEASURES}
    chosen = execute(Experiment.of(said), tmp_path / "out").tuned["small"]["b"]["pipeline"]
    plan = planned(split, tmp_path, **systems)
    assert plan.finished == {"small": ["a", "b"]}
    assert "2 of 2 rankings are finished; measures: RR@10" in list(plan.lines())
    assert [(node.step, node.kept, [*node.systems]) for node in plan.tree.values()] == [
        ("bm25 % 9", 1, ["a", "b (fused, of this and others)"]),
        ("bm25?k1=2 % 9", 1, ["b (fused, of this and others)"]),
        (chosen, 1, ["b"]),
    ]


def test_what_is_fused_is_a_step_of_its_own(collection, tmp_path):
    judge = f"prp:simulated:{qrels(collection)}"
    inner = f"rrf(bm25 % 9 >> {judge}, bm25?k1=2 % 9)"
    plan = planned(collection, tmp_path, a="bm25 % 9", b=inner, c=f"combsum({inner}, bm25 % 9) % 5")
    assert list(plan.tree) == ["bm25 % 9", "bm25?k1=2 % 9", inner, f"combsum({inner}, bm25 % 9) % 5"]
    fused = [f"{system} (fused, of this and others)" for system in "bc"]
    assert list(plan.tree["bm25 % 9"].systems) == ["a", fused[1]]
    assert list(plan.tree["bm25?k1=2 % 9"].systems) == fused
    assert list(plan.tree[inner].systems) == ["b", fused[1]]
    [reranked] = plan.tree["bm25 % 9"].then.values()
    assert (list(reranked.systems), sum(reranked.prompts.values())) == (
        fused,
        11 * prompts(Spec.parse(judge), 9),
    )


def test_a_fusion_behind_a_step_has_its_steps_too(collection, tmp_path):
    plan = planned(collection, tmp_path, a="bm25 % 9 >> rrf(bm25?k1=2 % 9, bm25?b=0 % 9)")
    assert list(plan.tree) == ["bm25?k1=2 % 9", "bm25?b=0 % 9", "bm25 % 9"]
    assert plan.estimate.disk["beginnings"] == 11 * 16 * (9 + 9 + 9 + 30)  # a fusion may find every document


def test_after_a_start_everything_is_kept(collection, tmp_path):
    systems = {"a": "bm25 % 9", "b": "bm25?k1=2 % 9"}
    said = {"datasets": [str(collection)], "systems": systems, "measures": MEASURES}
    execute(Experiment.of(said), tmp_path / "out")
    plan = planned(collection, tmp_path, **systems)
    assert [node.kept for node in plan.tree.values()] == [1, 1]
    assert plan.finished == {"small": ["a", "b"]}
    assert {kind: n for kind, n in plan.estimate.disk.items() if n and kind != "report and values"} == {}


def test_a_reranker_that_is_added_is_all_that_is_left(collection, tmp_path):
    said = {"datasets": [str(collection)], "systems": {"a": "bm25 % 9"}, "measures": MEASURES}
    execute(Experiment.of(said), tmp_path / "out")
    plan = planned(collection, tmp_path, a="bm25 % 9", b=f"bm25 % 9 >> prp:simulated:{qrels(collection)}")
    [first] = plan.tree.values()
    assert (first.kept, [node.kept for node in first.then.values()]) == (1, [0])
    assert plan.finished == {"small": ["a"]}


def test_prompts_are_those_of_one_query_times_the_queries(collection, tmp_path):
    judge = f"rankgpt:simulated:{qrels(collection)}"
    plan = planned(collection, tmp_path, a=f"bm25 % 30 >> {judge}")
    assert plan.as_dict()["steps"][1]["prompts"] == {"small": 11 * 2}


def test_prompts_of_a_step_that_is_cut_are_those_of_what_reaches_it(collection, tmp_path):
    judge = f"rankgpt:simulated:{qrels(collection)}"
    plan = planned(collection, tmp_path, a=f"bm25 % 100 >> top(20, {judge})", b=f"bm25 % 100 % 40 >> {judge}")
    assert [step["prompts"]["small"] // 11 for step in plan.as_dict()["steps"] if step["prompts"]] == [1, 3]


def test_a_kept_step_takes_no_prompts(collection, tmp_path):
    systems = {"a": f"bm25 % 30 >> rankgpt:simulated:{qrels(collection)}"}
    said = {"datasets": [str(collection)], "systems": systems, "measures": MEASURES}
    execute(Experiment.of(said), tmp_path / "out")
    assert planned(collection, tmp_path, **systems).as_dict()["steps"][1]["prompts"] == {}


@pytest.mark.parametrize(
    ("spec", "documents", "wanted"),
    [
        ("rankgpt:http:m", 100, 9),
        ("rankgpt:http:m?window=10&step=5", 20, 3),
        ("yes-no:hf:m", 7, 7),
        ("yes-no:hf:m", 999, 0),
    ],
)
def test_prompts_are_counted_by_trying_out_the_options(spec, documents, wanted):
    assert prompts(Spec.parse(spec), documents) == wanted


def test_datasets_that_lack_what_is_measured_are_all_named(collection, tmp_path):
    (tmp_path / "my.yaml").write_text(
        "datasets: [small, {name: small, label: again}]\nsystems: {a: bm25 % 9 >> extractive}\nmeasures: EM\n"
    )
    with pytest.raises(Several) as raised:
        preview(Experiment.read(tmp_path / "my.yaml"), tmp_path / "out", silent)
    lines = str(raised.value).splitlines()
    assert [line.removeprefix(f"{tmp_path / 'my.yaml'}: ")[:30] for line in lines] == [
        "dataset small: none of its 11 ", "dataset again: none of its 11 ",
    ]  # fmt: skip


def test_the_command_prints_the_plan_and_starts_nothing(experiment_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as left:
        main(["run", str(experiment_file), "--dry-run", "-o", str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert left.value.code == 0
    assert "bm25?k1=2.0&b=0.9 % 20  (to do)" in said
    assert "0 of 3 rankings are finished" in said
    assert not (tmp_path / "out").exists()


def test_too_little_disk_is_said_before_anything_is_searched(collection, tmp_path, monkeypatch):
    monkeypatch.setattr("rankify.experiment.estimates._free_disk", lambda _: 1000)
    said = {"datasets": [str(collection)], "systems": {"a": "bm25 % 9"}, "measures": MEASURES}
    with pytest.raises(
        BadInput, match=r"about 0.3 MB of disk are needed and 0.0 MB are free; free some.*--no-estimate"
    ):
        execute(Experiment.of(said), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.trec"))


def test_without_an_estimate_it_starts_all_the_same(collection, tmp_path, monkeypatch):
    monkeypatch.setattr("rankify.experiment.estimates._free_disk", lambda _: 1000)
    said = {"datasets": [str(collection)], "systems": {"a": "bm25 % 9"}, "measures": MEASURES}
    execute(Experiment.of(said), tmp_path / "out", estimate=False)
    assert (tmp_path / "out" / "runs" / "small" / "a.trec").is_file()
