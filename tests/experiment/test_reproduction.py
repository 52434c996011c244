"""Published figures reproduced: which experiments are run, verdicts, averages, and a reference of one's own."""

import json
import re
from dataclasses import replace

import pytest

from rankify.catalog.published import published, system
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.averages import averages, parts
from rankify.experiment.execute import execute
from rankify.experiment.figures import Figure
from rankify.experiment.reproduction import Reproduction

BM25 = system("beir", "bm25")
BGE = system("beir", "bge-base")
MSMARCO = system("msmarco", "bm25")


def written(folder):
    """A collection of two documents and two queries; a query is also a document."""
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": i, "title": "", "text": text} for i, text in (("q1", "a date"), ("d1", "one date"))]
    queries = [{"_id": "q1", "text": "a date"}, {"_id": "q2", "text": "one"}]
    for file, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td1\t1\n", "utf-8")
    return folder


@pytest.fixture
def data(tmp_path):
    """Folders of two collections."""
    for name in ("scifact", "arguana"):
        written(tmp_path / "data" / name)
    return tmp_path / "data"


def figure(ours, theirs, tolerance=0.001):
    return Figure(system="s", collection="c", measure="m", ours=ours, published=theirs, tolerance=tolerance)


@pytest.mark.parametrize(
    ("ours", "theirs", "verdict"),
    [
        (0.32178, 0.3218, "equal"), (0.32189, 0.3218, "within"),
        (0.3225, 0.3218, "within"), (0.3211, 0.3218, "within"), (0.3229, 0.3218, "apart"),
        (0.3207, 0.3218, "apart"), (0.5, None, "not published"), (None, 0.3218, "failed"),
    ],
)  # fmt: skip
def test_a_figure_is_judged_by_its_tolerance(ours, theirs, verdict):
    assert figure(ours, theirs).verdict == verdict


def test_the_difference_is_ours_less_the_published_one():
    assert figure(0.5, 0.4).difference == pytest.approx(0.1)
    assert figure(0.5, None).difference is None


def test_collections_that_need_another_pipeline_are_an_experiment_of_their_own(data):
    found = Reproduction.of("beir", [BM25, BGE], ["scifact", "arguana"], data=data).experiments()
    assert [(list(one.datasets), one.systems["bge-base"]) for one in found] == [
        (["scifact"], BGE.pipeline), (["arguana"], BGE.instead["arguana"]),
    ]  # fmt: skip
    assert [one.name for one in found] == ["beir-scifact", "beir-arguana"]
    [alone] = Reproduction.of("beir", [BM25], ["scifact", "arguana"], data=data).experiments()
    assert (list(alone.datasets), alone.name) == (["scifact", "arguana"], "beir")


def test_documents_that_are_the_query_are_dropped_as_where_it_was_published(data):
    [found] = Reproduction.of("beir", [BM25], ["scifact"], data=data).experiments()
    assert found.datasets["scifact"].drop_identical_ids is True
    assert found.datasets["scifact"].open().drop_identical_ids is True
    [found] = Reproduction.of("msmarco", [system("msmarco", "bm25")], ["trec-dl-2019"]).experiments()
    assert found.datasets["trec-dl-2019"].drop_identical_ids is None


@pytest.mark.parametrize(("name", "score"), [("rrf-bm25-bge", 2 / 61), ("avg-bm25-bge", 1.0)])
def test_a_document_that_is_the_query_is_dropped_before_lists_are_fused(data, tmp_path, name, score):
    published = system("beir", name)
    for pipeline in (published.pipeline, published.instead["arguana"]):
        fused = re.sub(r"dense:[^ ]+", "bm25?k1=1.2", pipeline)
        [one] = Reproduction.of("beir", [replace(BM25, pipeline=fused)], ["arguana"], data=data).experiments()
        execute(one, tmp_path / str(pipeline == published.pipeline))
        [file] = (tmp_path / str(pipeline == published.pipeline)).rglob("*.trec")
        best = next(line.split() for line in file.read_text().splitlines() if line.startswith("q1 "))
        assert (best[2], float(best[4])) == (
            "d1",
            pytest.approx(score, abs=1e-6),
        )  # the first of both lists, without q1


def test_collections_without_a_folder_are_the_catalogues():
    names = ["NFCorpus", "cqadupstack", "beir/quora"]
    made = Reproduction.of("beir", [BM25], names)
    assert made.collections == ["nfcorpus", *parts()["cqadupstack"], "quora"]
    [found] = made.experiments()
    assert [source.name for source in found.datasets.values()][:2] == ["beir/nfcorpus", "beir/cqadupstack/android"]
    assert "cqadupstack-android" in found.datasets


@pytest.mark.parametrize(
    ("name", "collection"),
    [
        ("dl19", "trec-dl-2019"), ("dl20", "trec-dl-2020"), ("dl19-passage", "trec-dl-2019"),
        ("dl20-passage", "trec-dl-2020"), ("msmarco-passage/trec-dl-2019/judged", "trec-dl-2019"),
        ("msmarco-passage/trec-dl-2020", "trec-dl-2020"), ("msmarco-passage/dev/small", "msmarco/dev"),
        ("msmarco-passage-dev-subset", "msmarco/dev"), ("msmarco-v1-passage.dev", "msmarco/dev"),
        ("msmarco-v1-passage", "msmarco/dev"),
    ],
)  # fmt: skip
def test_collections_are_known_by_the_names_of_ir_datasets_and_pyserini(name, collection):
    assert Reproduction.of("msmarco", [MSMARCO], [name]).collections == [collection]


def test_a_collection_that_is_named_twice_is_reproduced_once():
    assert Reproduction.of("msmarco", [MSMARCO], ["dl19", "trec-dl-2019"]).collections == ["trec-dl-2019"]


def test_a_measure_is_shown_on_the_collections_that_it_is_published_of():
    made = Reproduction.of("msmarco", [MSMARCO], ["msmarco/dev", "dl19"])
    values = dict.fromkeys(made.measures, 0.5)
    rows = made.figures({label: {"bm25": values} for label in ("msmarco-dev", "trec-dl-2019")})
    assert [(row.collection, row.measure) for row in rows] == [
        ("msmarco/dev", "RR@10"), ("msmarco/dev", "R@100"), ("msmarco/dev", "R@1000"),
        ("trec-dl-2019", "AP(rel=2)@1000"), ("trec-dl-2019", "nDCG@10"), ("trec-dl-2019", "R(rel=2)@100"),
        ("trec-dl-2019", "R(rel=2)@1000"),
    ]  # fmt: skip
    assert "not published" not in {row.verdict for row in rows}


def test_a_measure_that_is_asked_for_is_shown_of_every_collection():
    made = Reproduction.of("msmarco", [MSMARCO], ["msmarco/dev", "dl19"], "RR@10")
    rows = made.figures({label: {"bm25": {"RR@10": 0.5}} for label in ("msmarco-dev", "trec-dl-2019")})
    assert [(row.collection, row.published) for row in rows] == [("msmarco/dev", 0.1840), ("trec-dl-2019", None)]


def test_grades_from_2_up_are_what_deep_learning_counts_where_a_measure_says_nothing(tmp_path):
    [row] = Reproduction.of("msmarco", [MSMARCO], ["dl19"], "R@100").figures({"trec-dl-2019": {"bm25": {"R@100": 0.5}}})
    assert row.published == 0.4910
    written(tmp_path / "trec-dl-2019")  # a folder has no such grade: there R@100 counts grade 1
    made = Reproduction.of("msmarco", [MSMARCO], ["dl19"], "R@100", data=tmp_path)
    [row] = made.figures({"trec-dl-2019": {"bm25": {"R@100": 0.5}}})
    assert row.published is None


def test_a_forum_may_lie_in_cqadupstacks_folder(tmp_path):
    written(tmp_path / "cqadupstack" / "android")
    written(tmp_path / "cqadupstack-gis")
    made = Reproduction.of("beir", [BM25], ["cqadupstack-android", "cqadupstack-gis"], data=tmp_path)
    assert made.place("cqadupstack-android") == tmp_path / "cqadupstack" / "android"
    assert made.place("cqadupstack-gis") == tmp_path / "cqadupstack-gis"


def test_the_split_that_figures_are_published_of_is_taken_where_a_folder_has_several(tmp_path):
    judged = written(tmp_path / "msmarco" / "dev") / "qrels"
    (judged / "dev.tsv").write_text((judged / "test.tsv").read_text())
    [found] = Reproduction.of("msmarco", [MSMARCO], ["msmarco"], data=tmp_path).experiments()
    assert found.datasets["msmarco-dev"].open().split == "dev"


def test_other_queries_do_not_stand_in_for_ms_marcos_development_queries(tmp_path):
    place = written(tmp_path / "msmarco" / "dev")
    with pytest.raises(BadInput) as refused:
        Reproduction.of("msmarco", [MSMARCO], ["msmarco"], data=tmp_path)
    assert str(refused.value) == (
        f"{place} has judgments of test alone, and published figures are of dev; add qrels/dev.tsv"
    )
    written(tmp_path / "trec-dl-2019")  # whose figures are of test
    [found] = Reproduction.of("msmarco", [MSMARCO], ["dl19"], data=tmp_path).experiments()
    assert found.datasets["trec-dl-2019"].open().split == "test"


def test_judgments_of_another_split_alone_are_refused(data):
    judged = data / "scifact" / "qrels"
    (judged / "test.tsv").rename(judged / "train.tsv")
    with pytest.raises(BadInput) as refused:
        Reproduction.of("beir", [BM25], ["scifact"], data=data)
    assert str(refused.value) == (
        f"{data / 'scifact'} has judgments of train alone, and published figures are of test; add qrels/test.tsv"
    )
    (judged / "train.tsv").rename(judged / "test.tsv")
    (judged / "train.tsv").write_text((judged / "test.tsv").read_text())
    [found] = Reproduction.of("beir", [BM25], ["scifact"], data=data).experiments()
    assert found.datasets["scifact"].open().split == "test"


def test_a_collection_of_another_size_than_the_catalogues_is_named(data):
    made = Reproduction.of("beir", [BM25], ["scifact", "arguana"], data=data)
    here = {"scifact": {"documents": 2000, "judged": 300}, "arguana": {"documents": 8674, "judged": 2}}
    assert made.unlike(here) == [
        "scifact has 2,000 documents here and 5,183 where its figures are published",
        "arguana has 2 judged queries here and 1,406 where its figures are published",
    ]
    assert made.unlike({"scifact": {"documents": 5183, "judged": 300}}) == []
    fetched = Reproduction.of("beir", [BM25], ["scifact"])
    assert fetched.unlike(here) == []


def test_three_published_digits_are_held_against_three():
    made = Reproduction.of("beir", [system("beir", "tas-b")], ["scifact", "fever"])
    found = {"scifact": {"tas-b": {"nDCG@10": 0.6426}}, "fever": {"tas-b": {"nDCG@10": 0.6974}}}
    rows = made.figures(found)
    assert [(row.written(row.ours), row.written(row.published), row.verdict) for row in rows] == [
        ("0.643", "0.643", "equal"), ("0.697", "0.700", "apart"),
    ]  # fmt: skip


def test_all_that_is_published_is_measured_unless_it_is_said():
    assert Reproduction.of("beir", [BM25]).collections == list(BM25.figures)
    assert Reproduction.of("beir", [system("beir", "minilm"), BM25], ["nfcorpus"]).measures == [
        "nDCG@10", "R@100", "R@1000",
    ]  # fmt: skip
    assert Reproduction.of("beir", [BM25], ["nfcorpus"], "AP nDCG@10").measures == ["AP", "nDCG@10"]


def test_what_is_not_there_is_said_before_anything_runs(data):
    with pytest.raises(BadInput, match="has no folder nfcorpus"):
        Reproduction.of("beir", [BM25], ["scifact", "nfcorpus"], data=data)
    with pytest.raises(BadInput, match=f"no folder {data / 'nowhere'}; name the one that holds"):
        Reproduction.of("beir", [BM25], ["scifact"], data=data / "nowhere")
    with pytest.raises(
        UnknownName, match="no collection of beir with published figures 'scifakt'; did you mean 'scifact'"
    ):
        Reproduction.of("beir", [BM25], ["scifakt"])
    with pytest.raises(Misuse, match="nothing is published of mine"):
        Reproduction.of("beir", [replace(BM25, name="mine", figures={})])


@pytest.mark.parametrize(
    ("file", "message"),
    [("corpus.jsonl", "arguana is no collection: it has none of corpus.jsonl"),
     ("queries.jsonl", "arguana is no collection: it has none of queries.jsonl"),
     ("qrels/test.tsv", "arguana has no judgments; .* qrels/test.tsv")],
)  # fmt: skip
def test_a_collection_that_lacks_a_file_is_said_before_another_is_run(data, file, message):
    (data / "arguana" / file).unlink()
    with pytest.raises(BadInput, match=message):
        Reproduction.of("beir", [BM25, BGE], ["scifact", "arguana"], data=data)


def test_a_named_set_stands_for_its_collections():
    assert Reproduction.of("beir", [BM25], ["beir-14"]).collections == [
        piece for name in averages()["beir-14"].of for piece in parts().get(name, (name,))
    ]  # fmt: skip
    with pytest.raises(UnknownName, match="no collection of beir with published figures 'msmarco'"):
        Reproduction.of("beir", [BM25], ["beir-15"])


def test_figures_stand_beside_the_published_ones_and_what_failed_is_shown():
    made = Reproduction.of("beir", [BM25], ["scifact", "nfcorpus"], "nDCG@10 AP")
    rows = made.figures({"scifact": {"bm25-flat": {"nDCG@10": 0.67891, "AP": 0.6}}})
    assert [(r.collection, r.measure, r.ours, r.published, r.verdict) for r in rows] == [
        ("scifact", "nDCG@10", 0.67891, 0.6789, "equal"), ("scifact", "AP", 0.6, None, "not published"),
        ("nfcorpus", "nDCG@10", None, 0.3218, "failed"),
    ]  # fmt: skip


def test_a_named_average_is_shown_where_all_its_collections_are_there():
    made = Reproduction.of("beir", [BM25], measures="nDCG@10")
    found = {c: {"bm25-flat": dict(figures)} for c, figures in BM25.figures.items()}
    rows = {row.collection: row for row in made.figures(found)}
    assert rows["beir-18"].ours == rows["beir-18"].published == pytest.approx(0.4244, abs=0.00005)
    assert rows["beir-14"].published == pytest.approx(0.4274, abs=0.00005)
    assert {"beir-13", "beir-29"} <= {*rows}
    assert "beir-15" not in rows  # MS MARCO is not in this table
    fewer = Reproduction.of("beir", [BM25], averages()["beir-13"].of, "nDCG@10")
    assert [r.collection for r in fewer.figures(found) if r.collection in averages()] == ["beir-13"]


def test_published_figures_of_bm25_are_reached(shared, tmp_path):
    systems = [published("beir")[name] for name in ("bm25-flat", "bm25-multifield")]
    made = Reproduction.of("beir", systems, ["nfcorpus", "scifact"], data=shared)
    [experiment] = made.experiments()
    rows = made.figures(execute(experiment, tmp_path / "out").means())
    assert len(rows) == 12
    assert {row.verdict for row in rows} == {"equal"}
