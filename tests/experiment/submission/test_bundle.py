"""A bundle: what is in it, that it depends on its content alone, and everything that is refused."""

import gzip
import json
import re
import zipfile
from functools import partial

import pytest

from rankify.errors import BadInput, RankifyError
from rankify.experiment.problems import Problems
from rankify.experiment.submission import bundle, collections, packed
from rankify.experiment.submission.checks import Needed
from rankify.experiment.submission.checks import checked as checked_run
from rankify.experiment.submission.metadata import fields, read, template
from rankify.io.trec import read_run
from tests.experiment.submission.conftest import METADATA, SETS, lines


@pytest.fixture
def make(tmp_path, data, runs, said):
    """Makes the bundle of the runs that are there."""

    def made(path=tmp_path / "mine.zip"):
        found = bundle.runs_in(runs, list(SETS))
        needed = {name: collections.needed(name, data=data) for name in SETS}
        measure = partial(collections.figures, data=data)
        return path, bundle.write(path, found, needed, read(said), "beir-2", measure)

    return made


def checked(path, data):
    return packed.check(path, partial(collections.needed, data=data), partial(collections.figures, data=data))


def test_a_bundle_has_a_run_of_each_collection_and_says_what_they_are(make, data):
    path, side_car = make()
    with zipfile.ZipFile(path) as packed:
        assert packed.namelist() == ["runs/nfcorpus.trec", "runs/scifact.trec", "submission.json"]
        assert packed.read("runs/scifact.trec").decode().splitlines() == lines("scifact")
        assert json.loads(packed.read("submission.json")) == side_car
    assert side_car["metadata"]["model"] == "some/model"
    one = side_car["collections"]["scifact"]
    assert (one["queries"], one["hits"], one["shortest"], one["longest"]) == (2, 8, 4, 4)
    assert one["figures"]["nDCG@10"] == pytest.approx((1 + 0.63093) / 2, abs=1e-4)
    assert checked(path, data) == side_car


def test_a_bundle_depends_on_its_content_alone(make, tmp_path):
    assert make()[0].read_bytes() == make(tmp_path / "again.zip")[0].read_bytes()


def test_compressed_runs_are_unpacked(make, runs, data):
    plain = make()[0].read_bytes()
    (runs / "scifact.trec.gz").write_bytes(gzip.compress((runs / "scifact.trec").read_bytes()))
    (runs / "scifact.trec").unlink()
    assert make()[0].read_bytes() == plain


def test_the_runs_of_an_experiment_are_found_by_collection_and_system(tmp_path, runs):
    for name in SETS:
        place = tmp_path / "exp" / "runs" / name
        place.mkdir(parents=True)
        for system in ("a", "b"):
            (place / f"{system}.trec").write_bytes((runs / f"{name}.trec").read_bytes())
    found = bundle.runs_in(tmp_path / "exp", list(SETS), "b")
    assert {name: path.name for name, path in found.items()} == {"scifact": "b.trec", "nfcorpus": "b.trec"}
    with pytest.raises(BadInput, match=r"are both of .*; keep one, or name one with --system"):
        bundle.runs_in(tmp_path / "exp", list(SETS))


def test_cqadupstack_needs_its_twelve_forums():
    needed = bundle.required("beir-14")
    assert len(needed) == 13 + 12
    assert "cqadupstack-wordpress" in needed
    assert "cqadupstack" not in needed


def test_without_the_collections_their_numbers_are_checked(runs):
    needed = collections.needed("scifact", data=None)
    assert (needed.queries, needed.count, needed.documents) == (None, 300, 5183)


WRONG_RUNS = [
    (lambda ls: ls[:4], "scifact.trec: lacks 1 of 2 queries, e.g. 'q2'; search them, or --allow-empty"),
    (lambda ls: [*ls, "q9 Q0 scifact1 1 5 t"], "scifact.trec:9: scifact has no query 'q9' that counts in test; leave"),
    (lambda ls: [*ls[:2], *ls[4:6]], "scifact.trec: no ranking has more than 2 documents; 4 are due: search deeper"),
    (lambda ls: [*ls, "q2 Q0 scifact0 5 4 tag"], "scifact.trec:9: query 'q2' has document 'scifact0' twice; keep"),
    (lambda ls: ["q1 Q0 scifact1 1 nan tag", *ls[1:]], "scifact.trec:1: the score 'nan' is no finite number"),
    (lambda ls: [ls[0], "q1 Q0 scifact2 2 8 tag", *ls[2:]],
     "scifact.trec:2: the score 8 of 'scifact2' is not below 8; write 1001 - rank as the score, or rewrite the run"),
    (lambda ls: ["q1 scifact1 8", *ls[1:]], "scifact.trec:1: 3 columns in 'q1 scifact1 8'; a line is query Q0"),
    (lambda ls: [line.replace("scifact", "other") for line in ls],
     "scifact.trec:1: scifact has no document 'other1'; is this the run of another set?"),
    (lambda ls: [*ls[:2], *ls[4:], *ls[2:4]], "scifact.trec:7: query 'q1' comes a second time; all its lines stand"),
    (lambda ls: [ls[0].replace("scifact1", "q1"), *ls[1:]], "scifact.trec:1: document 'q1' is the query itself"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG_RUNS, ids=[m.split(": ")[1][:30] for _, m in WRONG_RUNS])
def test_a_run_that_is_wrong_is_named_with_its_line_and_nothing_is_written(make, runs, tmp_path, change, message):
    (runs / "scifact.trec").write_text("\n".join(change(lines("scifact"))) + "\n", "utf-8")
    with pytest.raises(RankifyError, match=re.escape(message)):
        make()
    assert not (tmp_path / "mine.zip").exists()


def test_a_query_with_more_than_a_thousand_documents_is_refused(tmp_path):
    problems = Problems("")
    rows = [f"q Q0 d{i} {i} {-i} t\n".encode() for i in range(1001)]
    counted = checked_run(rows, Needed(collection="x", queries={"q"}, count=1), problems, "x.trec")
    assert counted.longest == 1001
    with pytest.raises(BadInput, match=r"x\.trec:1001: query 'q' has more than 1,000 documents; keep the best 1,000"):
        problems.refuse()


def test_where_ids_are_not_known_the_number_of_queries_counts():
    problems = Problems("")
    checked_run([b"q1 Q0 d1 1 1 t\n"], Needed(collection="x", queries=None, count=2, documents=1), problems, "x.trec")
    with pytest.raises(BadInput, match=r"x\.trec: has 1 queries; x has 2 that count in test"):
        problems.refuse()


def test_a_ranking_may_lack_the_document_that_is_the_query(make, runs):
    (runs / "scifact.trec").write_text("\n".join(lines("scifact", documents=(1, 2, 3))) + "\n", "utf-8")
    assert make()[1]["collections"]["scifact"]["longest"] == 3


def test_everything_that_is_wrong_is_said_at_once_and_no_run_floods_it(make, runs):
    (runs / "nfcorpus.trec").unlink()
    (runs / "scifact.trec").write_text("bad\n" * 20, "utf-8")
    with pytest.raises(RankifyError) as refused:
        make()
    said = str(refused.value).splitlines()
    assert "beir-2 needs a run of nfcorpus; add nfcorpus.trec" in said
    assert len([line for line in said if "1 columns in 'bad'" in line]) == 5
    assert any(line.endswith("scifact.trec: 15 more lines are wrong") for line in said)


WRONG_METADATA = [
    ("revision: abc123\n", "", "meta.yaml: revision: is missing: the commit or version that was run"),
    ("latency", "latencey", "meta.yaml: no field 'latencey'; did you mean 'latency'"),
    ("1000", "many", "meta.yaml: parameters: 'many' is not a whole number from 0 up, or unknown, e.g. 22713216"),
    ("1000", "-1", "meta.yaml: parameters: -1 is not a whole number from 0 up, or unknown"),
    ("1000", "", "meta.yaml: parameters: is empty: how many parameters the model has"),
    ("1.5", "1.5\ndimension: 0", "meta.yaml: dimension: 0 is not a whole number from 1 up"),
    ("1.5", "1.5\nlicence:", "meta.yaml: licence: is empty: of the weights, e.g. 'Apache-2.0'; or leave it out"),
    ("1000", "true", "meta.yaml: parameters: true is not a whole number"),
    ("[none]", "none", "meta.yaml: training_data: 'none' is not a list of texts"),
    ("1.5", "-1", "meta.yaml: latency: -1 is not a number above 0"),
    ("contact: name@example.org", "contact: ''", "meta.yaml: contact: '' is not a text"),
    ("model: some/model", "model: [", "meta.yaml:3: not YAML"),
    (METADATA, "- a list\n", "meta.yaml: metadata: it is a mapping of fields"),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG_METADATA)
def test_metadata_that_is_wrong_is_named_with_its_key(said, old, new, message):
    said.write_text(METADATA.replace(old, new), "utf-8")
    with pytest.raises(RankifyError, match=re.escape(message)):
        read(said)


def test_the_examples_of_the_template_are_metadata_as_it_should_be(tmp_path):
    rows = "".join(f"{name}: {json.dumps(field['example'])}\n" for name, field in fields().items())
    (tmp_path / "all.yaml").write_text(rows, "utf-8")
    assert list(read(tmp_path / "all.yaml")) == list(fields())
    examples = [line.removeprefix("# ").partition(": ") for line in template().splitlines()]
    optional = [name for name, field in fields().items() if not field.get("required")]
    assert [name for name, _, _ in examples if name in optional] == optional


def test_a_template_that_nobody_filled_in_is_refused(tmp_path):
    (tmp_path / "least.yaml").write_text(template(), "utf-8")
    with pytest.raises(RankifyError) as refused:
        read(tmp_path / "least.yaml")
    required = [name for name, field in fields().items() if field.get("required")]
    said = str(refused.value).splitlines()
    assert [line.partition("least.yaml: ")[2].partition(":")[0] for line in said] == required
    assert "model: is empty: the model's name, as organisation/name, e.g. 'sentence-transf" in said[0]


@pytest.mark.parametrize(("written", "value"), [("0", 0), ("unknown", "unknown"), ("7000000000", 7_000_000_000)])
def test_a_model_may_have_no_parameters_or_an_unknown_number(said, written, value):
    said.write_text(METADATA.replace("parameters: 1000", f"parameters: {written}"), "utf-8")
    assert read(said)["parameters"] == value


def changed(path, change):
    """The bundle with its entries changed."""
    with zipfile.ZipFile(path) as packed:
        content = {name: packed.read(name) for name in packed.namelist()}
    change(content)
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in content.items():
            packed.writestr(name, data)


def with_side_car(change):
    def made(content):
        said = json.loads(content["submission.json"])
        change(said)
        content["submission.json"] = json.dumps(said).encode()

    return made


WRONG_BUNDLES = [
    (lambda c: c.pop("runs/scifact.trec"), "mine.zip: runs/scifact.trec: is missing; the set needs a run of scifact"),
    (lambda c: c.pop("submission.json"), "mine.zip: submission.json: is missing; make the bundle with rankify submit"),
    (lambda c: c.update({"../evil.trec": b""}), "mine.zip: ../evil.trec: does not belong there"),
    (lambda c: c.update({"runs/fever.trec": b""}), "mine.zip: runs/fever.trec: does not belong there"),
    (lambda c: c.update({"submission.json": b"{"}), "mine.zip: submission.json: is no JSON"),
    (lambda c: c.update({"runs/scifact.trec": b"bad\n"}), "mine.zip: runs/scifact.trec:1: 1 columns in 'bad'"),
    (lambda c: c.update({"runs/scifact.trec": c["runs/scifact.trec"].replace(b"tag", b"gat")}),
     "mine.zip: submission.json: collections: scifact: its sha256 is not that of runs/scifact.trec"),
    (with_side_car(lambda s: s.update(format="other")), "mine.zip: submission.json: its format is not rankify-beir"),
    (with_side_car(lambda s: s["metadata"].pop("model")), "mine.zip: submission.json: model: is missing"),
    (with_side_car(lambda s: s["metadata"].update(modle="x")), "submission.json: no field 'modle'; did you mean"),
    (with_side_car(lambda s: s.update(set="beir-3")), "mine.zip: submission.json: set: no set of collections 'beir-3'"),
    (with_side_car(lambda s: s.pop("collections")), "collections: scifact: says nothing of runs/scifact.trec; make"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG_BUNDLES, ids=[m[:40] for _, m in WRONG_BUNDLES])
def test_a_bundle_that_is_wrong_is_named_with_file_and_key(make, data, change, message):
    path, _ = make()
    changed(path, change)
    with pytest.raises(RankifyError, match=re.escape(message)):
        checked(path, data)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_is_there_twice_is_refused(make, data):
    path, _ = make()
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("runs/scifact.trec", packed.read("runs/scifact.trec"))
    with pytest.raises(RankifyError, match=r"runs/scifact\.trec: is there twice; keep one"):
        checked(path, data)


def test_what_is_no_zip_file_is_refused(tmp_path, data):
    (tmp_path / "mine.zip").write_text("no zip")
    with pytest.raises(BadInput, match="is no zip file"):
        checked(tmp_path / "mine.zip", data)


def test_a_run_that_would_fill_the_memory_is_not_unpacked(make, data, monkeypatch):
    path, _ = make()
    monkeypatch.setattr(bundle, "LARGEST", 100)
    with pytest.raises(RankifyError, match=r"runs/nfcorpus.trec: would be \d+ bytes unpacked; a run has 100 at most"):
        checked(path, data)


def test_a_run_reads_back_as_it_was(make, tmp_path):
    path, _ = make()
    with zipfile.ZipFile(path) as packed:
        packed.extractall(tmp_path / "out")
    assert read_run(tmp_path / "out" / "runs" / "scifact.trec")["q1"].ids == [f"scifact{i}" for i in (1, 2, 3, 0)]
