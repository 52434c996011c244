"""Disk and memory by rule, compared with what files and processes take."""

import json
from contextlib import nullcontext

import pytest

import rankify
from rankify.errors import BadInput
from rankify.experiment import Experiment
from rankify.experiment.estimates import Estimate, estimated, passed, size
from rankify.experiment.execute import execute
from rankify.experiment.lessons import lessons
from rankify.experiment.opening import opened
from rankify.experiment.systems import works
from rankify.io.beir import write_beir
from rankify.types import Document, Qrels, Query
from tests.tiny_dense import tas_b

KINDS = {"indexes": "indexes", "runs": "runs", "beginnings": "stages"}


def of(folder, **systems):
    return Experiment.of({"name": "x", "datasets": [str(folder)], "systems": systems, "measures": "RR@10"})


def silent(_):
    return nullcontext()


def rule(experiment, folder, jobs=1):
    found = opened(experiment, silent)
    return estimated(experiment, works(experiment, folder, found, lessons(experiment, found, silent)), folder, jobs)


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """The first documents of the built-in collection, with the queries that they answer."""
    data = rankify.dataset("pydoc")
    documents = data.corpus[:600]
    known = {document.id for document in documents}
    qrels = {query: row for query, row in data.qrels.items() if known.issuperset(row)}
    folder = tmp_path_factory.mktemp("pages")
    write_beir(folder, documents, [q for q in data.queries.queries if q.id in qrels], {"test": Qrels(qrels)})
    return folder


def taken(*places):
    files = [path for place in places for path in [place, *place.rglob("*")]]
    return sum(path.stat().st_size for path in files if path.is_file() and path.suffix != ".json")


def test_the_files_of_an_experiment_are_within_a_factor_of_two_of_the_rules(pages, tmp_path):
    experiment = of(pages, a="bm25 % 100", b="bm25?k1=2 % 100", c="bm25 % 100 >> rm3(bm25) % 50")
    said = rule(experiment, tmp_path / "out")
    execute(experiment, tmp_path / "out")
    ratios = {kind: said.disk[kind] / taken(tmp_path / "out" / name) for kind, name in KINDS.items()}
    assert {kind: ratio for kind, ratio in ratios.items() if not 0.5 <= ratio <= 2} == {}
    assert said.disk["report and values"] >= taken(tmp_path / "out" / "per-query", tmp_path / "out" / "report.html") / 2


@pytest.fixture
def small(collection):
    return collection


def test_an_index_that_systems_share_counts_once(small, tmp_path):
    one = rule(of(small, a="bm25"), tmp_path).disk["indexes"]
    assert rule(of(small, a="bm25", b="bm25?k1=2 % 9"), tmp_path).disk["indexes"] == one
    assert rule(of(small, a="bm25", b="bm25?analyzer=none % 9"), tmp_path).disk["indexes"] == 2 * one


def test_a_beginning_that_systems_share_counts_once(small, tmp_path):
    one = rule(of(small, a="bm25 % 10"), tmp_path).disk["beginnings"]
    shared = rule(of(small, a="bm25 % 10", b="bm25 % 10 >> without-query"), tmp_path).disk["beginnings"]
    assert (one, shared) == (11 * 10 * 16, 2 * one)


def test_no_more_documents_are_kept_than_there_are(small, tmp_path):
    assert rule(of(small, a="bm25 % 1000"), tmp_path).disk["beginnings"] == 11 * 30 * 16


def test_a_run_file_grows_with_the_depth_of_its_end(small, tmp_path):
    deep, cut = (
        rule(of(small, a=text), tmp_path).disk["runs"] for text in ("bm25 % 20", "bm25 % 20 >> without-query % 5")
    )
    assert deep == pytest.approx(4 * cut, rel=0.01)


@pytest.mark.parametrize(
    ("options", "factor"), [("", 4), ("?storage=float16", 2), ("?storage=bits", 1 / 8), ("?dimensions=16", 4 * 16 / 32)]
)
def test_vectors_are_as_wide_as_the_checkpoint_says(small, tmp_path, options, factor):
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({"hidden_size": 32}))
    assert rule(of(small, a=f"dense:{model}{options} % 9"), tmp_path / "out").disk["indexes"] == int(30 * 32 * factor)


def test_vectors_of_a_model_that_is_not_here_are_as_wide_as_the_catalogue_says(small, tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    known, unknown = "dense:openai:text-embedding-3-small % 9", "dense:some/model % 9"
    disk = [rule(of(small, a=text), tmp_path).disk["indexes"] for text in (known, unknown)]
    assert disk == [30 * 1536 * 4, 30 * 768 * 4]


def test_the_vectors_of_a_real_index_are_as_large_as_the_rule_says(small, tmp_path):
    model = tas_b(tmp_path / "model").folder
    experiment = of(small, a=f"dense:{model}?pooling=cls % 9")
    said = rule(experiment, tmp_path / "out").disk["indexes"]
    execute(experiment, tmp_path / "out")
    vectors = sum(path.stat().st_size for path in (tmp_path / "out" / "indexes").rglob("*.npy"))
    assert 0.5 <= said / vectors <= 2


def test_memory_is_that_of_every_process(small, tmp_path):
    one, four = (rule(of(small, a="bm25"), tmp_path, jobs).memory for jobs in (1, 4))
    assert four == 4 * one


def test_the_weights_of_a_model_are_in_memory(small, tmp_path):
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.safetensors").write_bytes(bytes(3_000_000))
    without, with_it = (
        rule(of(small, a=text), tmp_path / "out").memory for text in ("bm25", f"bm25 >> cross-encoder:{model}")
    )
    assert with_it - without == 3_000_000 + 500_000_000


def test_what_each_step_ranks_and_passes_on():
    assert passed("rrf(bm25 % 9, bm25) >> a % 30 >> feedback(dense:m) % 50 >> b % 5") == [
        (1000, 1000), (1000, 30), (50, 50), (50, 5),
    ]  # fmt: skip


def an_estimate(disk, memory):
    return Estimate(disk={"runs": 500, "indexes": 400}, memory=900, free_disk=disk, free_memory=memory)


@pytest.mark.parametrize(("free", "what"), [((899, 10_000), "disk"), ((10_000, 899), "memory")])
def test_less_than_is_needed_is_refused(free, what):
    with pytest.raises(BadInput, match=f"of {what} are needed.*--no-estimate"):
        an_estimate(*free).refuse()


@pytest.mark.parametrize(("free", "warned"), [(900, True), (1124, True), (1126, False), (None, False)])
def test_a_close_call_is_a_warning(free, warned):
    estimate = an_estimate(free, None)
    estimate.refuse()
    assert bool(estimate.warnings()) is warned


def test_large_counts_are_said_in_gigabytes():
    assert size(1_240_000_000) == "1.2 GB"


def test_what_is_there_of_other_pipelines_counts_as_nothing(small, tmp_path):
    """A record and a folder of an earlier start are not what this one has to make."""
    whole = rule(of(small, a="bm25?k1=2 % 9"), tmp_path / "none").disk
    execute(of(small, a="bm25 % 20"), tmp_path / "out")
    left = rule(of(small, a="bm25?k1=2 % 9"), tmp_path / "out").disk
    assert left == {**whole, "indexes": 0}
    assert rule(of(small, a="bm25 % 20"), tmp_path / "out").disk["runs"] == 0


def test_a_beginning_that_is_kept_is_not_counted_beside_one_that_is_new(small, tmp_path):
    execute(of(small, a="bm25 % 10"), tmp_path / "out")
    longer = rule(of(small, a="bm25 % 10", b="bm25 % 10 >> without-query"), tmp_path / "out").disk
    assert longer["beginnings"] == 11 * 10 * 16


@pytest.fixture
def other(small, tmp_path):
    """A collection to tune on, of whose questions one has another text: 40 documents of 5 words."""
    documents = [Document(f"o{i}", f"word{i} some other old words") for i in range(40)]
    write_beir(tmp_path / "other", documents, [Query("q", "some words")], {"test": Qrels({"q": {"o1": 1}})})
    return tmp_path / "other"


def tuned_on(other, after=""):
    return {"pipeline": f"weighted(bm25 % 9, bm25?k1=2 % 20){after}", "tune": {"dataset": str(other)}}


def test_the_collection_that_tunes_is_in_disk_and_memory_until_it_has(small, other, tmp_path):
    experiment = of(small, a=tuned_on(other))
    tunes, plain = (rule(one, tmp_path / "out") for one in (experiment, of(small, a="rrf(bm25 % 9, bm25?k1=2 % 20)")))
    index = rule(of(other, a="bm25"), tmp_path / "out").disk["indexes"]
    assert tunes.disk["indexes"] - plain.disk["indexes"] == index > 0
    texts = sum(len(f" word{i} some other old words") for i in range(40))
    assert tunes.memory - plain.memory == pytest.approx(texts + int(index * 1.6) + (9 + 20) * 16, abs=2)
    execute(experiment, tmp_path / "out")
    again = rule(experiment, tmp_path / "out")
    assert {kind: n for kind, n in again.disk.items() if n and kind != "report and values"} == {}
    assert again.memory - plain.memory == pytest.approx(texts, abs=2)


def test_what_follows_a_fusion_that_is_tuned_takes_disk_too(small, other, tmp_path):
    short, long = (
        rule(of(small, a=tuned_on(other, after)), tmp_path).disk for after in (" % 5", " % 5 >> without-query")
    )
    assert long["beginnings"] - short["beginnings"] == 11 * 5 * 16
    assert long["runs"] == short["runs"]
