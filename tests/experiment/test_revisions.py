"""Results depend on the files and folders that a pipeline names, whatever names them."""

import json

import pytest

from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.judges import Named
from rankify.experiment.parts import Parts
from rankify.experiment.revisions import Revisions
from rankify.spec import Spec
from rankify.types import Query

FOLDER = [
    "dense:{}",
    "dense:elsewhere/model?query_model={}&max_length=64",
    "dense:elsewhere/model?adapter=elsewhere/other,{}",
    "bm25 >> embedding:{}?pooling=mean",
    "bm25 >> top(5, cross-encoder:{}) % 3",
    "bm25 >> cross-encoder:elsewhere/model?tokenizer={}",
    "bm25 >> rankgpt:hf:{}",
    "bm25 >> rankgpt:cached:hf:{}",
    "bm25 >> rankgpt:http:gpt?also=hf:elsewhere/model,cached:hf:{}?dtype=float32",
    "bm25 >> ecorank:hf:elsewhere/model?cheap=hf:{}",
    "bm25 >> basic:cached:hf:{}",
    "bm25 >> selective:basic:hf:{}",
    "bm25 >> extractive?scorer=embedding:{}",
    "bm25 >> best-of-n:http:gpt?scorer=cross-encoder:{}",
    "bm25 >> rm3(bm25) >> feedback(dense:{})",
    "query2doc(bm25, llm=cached:hf:{})",
    "rrf(bm25, dense:{}, k=30)",
]
FILE = [
    "bm25 >> rankgpt:simulated:{}?noise=1",
    "bm25 >> rankgpt:cached:simulated:{}",
    "impact:{}",
    "impact:elsewhere.jsonl?queries={}",
    "query2doc(bm25, llm=http:gpt, examples={})",
    "bm25 >> basic:http:gpt?prices={}",
]


@pytest.mark.parametrize("text", FOLDER)
def test_a_model_in_a_folder_is_behind_what_names_it(text, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    changes(text.format(folder), folder, folder / "config.json")


@pytest.mark.parametrize("text", FILE)
def test_a_file_is_behind_what_names_it(text, tmp_path):
    file = tmp_path / "file"
    file.write_text("1")
    changes(text.format(file), file, file)


def changes(text, named, file):
    before = Revisions().behind(text)
    file.write_text("2")
    after = Revisions().behind(text)
    assert {name for name in before if before[name] != after[name]} == {str(named)}
    assert [*before] == [*after]


@pytest.mark.parametrize(
    "text", ["bm25?folder={}", "dense:milvus-model?index=milvus&uri={}", "bm25 >> cross-encoder:a/b"]
)
def test_what_is_written_and_what_is_on_a_hub_are_not(text, tmp_path):
    (tmp_path / "written").write_text("1")
    assert Revisions().behind(text.format(tmp_path / "written")) == Revisions().behind("bm25")


def test_a_judge_in_a_folder_is_behind_its_measures(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    named = Named(llm=f"cached:hf:{folder}", nli="hf:elsewhere/model", qa=str(folder), encoder="dense:a/b")
    assert [*named.behind(Revisions())] == [str(folder)]


def test_judgments_behind_what_remembers_replies_are_asked_again(collection, tmp_path):
    qrels = tmp_path / "grades.tsv"
    qrels.write_bytes((collection / "qrels" / "test.tsv").read_bytes())
    cached = f"bm25 % 9 >> rankgpt:cached:simulated:{qrels}?folder={tmp_path / 'kept'}"
    systems = {"bm25": "bm25 % 9", "plain": f"bm25 % 9 >> rankgpt:simulated:{qrels}", "cached": cached}
    said = {"datasets": [str(collection)], "measures": "nDCG@10", "systems": systems}
    values = []
    for _ in range(2):
        means = execute(Experiment.of(said), tmp_path / "out").means()["small"]
        assert means["plain"] == means["cached"]
        values.append(means["plain"]["nDCG@10"])
        qrels.write_text(qrels.read_text().replace("\t1\n", "\t0\n").replace("\t2\n", "\t0\n"))
    assert values[1] < values[0]


def with_metadata(folder, documents, queries):
    folder.mkdir(exist_ok=True)
    (folder / "qrels").mkdir(exist_ok=True)
    for name, rows in (("corpus", documents), ("queries", queries)):
        lines = [json.dumps({"_id": id, "text": f"text {id}", "metadata": said}) for id, said in rows.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n")
    return folder


def test_vectors_of_documents_and_queries_are_part_of_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    documents = {"d1": {"vector": {"a": 1.0}}, "d2": {"vector": {"b": 1.0}}}
    queries = {"q1": {"vector": {"a": 1.0}}, "q2": {"vector": {"b": 1.0}, "answers": ["x"]}}
    systems = {"impact": "impact % 5", "bm25": "bm25 % 5"}

    def means():
        folder = with_metadata(tmp_path / "data", documents, queries)
        said, lines = {"datasets": [str(folder)], "measures": "RR", "systems": systems}, []
        found = execute(Experiment.of(said), tmp_path / "out", say=lines.append).means()["data"]["impact"]["RR"]
        return found, [line.split()[1] for line in lines if " took " in line]

    assert means() == (1.0, ["impact", "bm25"])
    assert means() == (1.0, [])
    queries["q2"]["answers"] = ["y"]
    assert means() == (1.0, [])  # gold answers change nothing that is found
    documents["d1"]["vector"], documents["d2"]["vector"] = documents["d2"]["vector"], documents["d1"]["vector"]
    assert means() == (0.0, ["impact"])
    queries["q1"]["vector"], queries["q2"]["vector"] = queries["q2"]["vector"], queries["q1"]["vector"]
    assert means() == (1.0, ["impact", "bm25"])


EXPANDED = [
    "sparse:a/b?expansion=exp",
    "bm25 >> sparse:a/b?expansion=exp",
    "rrf(bm25 >> sparse:a/b?expansion=exp, bm25)",
]


@pytest.mark.parametrize("text", [*EXPANDED, "impact"])
def test_the_fields_that_are_read_of_documents_are_behind(text):
    field = "vector" if text == "impact" else "exp"
    one, other, further = ({field: "a"}, {field: "b"}, {field: "a", "more": "c"})
    behind = [Revisions().behind(text, Corpus([Document("1", "t", metadata=said)])) for said in (one, other, further)]
    assert behind[0] != behind[1]
    assert behind[0] == behind[2]
    assert Revisions().behind("bm25 >> sparse:a/b", Corpus([])) == Revisions().behind("bm25")


def test_two_collections_of_the_same_texts_are_told_apart_by_what_is_read_of_them(tmp_path):
    parts = Parts(tmp_path)
    corpora = [Corpus([Document("1", "t", metadata={"vector": {"a": weight}})]) for weight in (1.0, 2.0)]
    found = [parts.load("retriever", "impact", corpus) for corpus in corpora]
    asked = [Query("q", "", {"vector": {"a": 1.0}})]
    assert [retriever.retrieve(asked, 1)[0].scores[0] for retriever in found] == [1.0, 2.0]
    assert len({retriever.folder for retriever in found}) == 2


def test_another_query_model_has_another_index(tmp_path):
    folder = tmp_path / "queries"
    folder.mkdir()
    names = []
    for content in ("1", "2"):
        (folder / "config.json").write_text(content)
        parts = Parts(tmp_path / "indexes")
        spec = Spec.parse(f"dense:a/b?query_model={folder}")
        revision = parts._revision("retriever", spec, Corpus([]))
        names.append(parts._kept("retriever", str(spec), "c" * 20, revision)["folder"])
    assert names[0] != names[1]


def test_a_tuned_fusion_is_chosen_again_where_what_is_read_of_its_documents_changes(tmp_path):
    queries = {"q1": {"vector": {"a": 1.0}}, "q2": {"vector": {"b": 1.0}}}
    taught = {
        "pipeline": "weighted(impact % 9, bm25 % 9)",
        "tune": {"dataset": str(tmp_path / "other"), "split": "test"},
    }
    said = {"datasets": [str(tmp_path / "data")], "systems": {"tuned": taught}, "measures": "RR"}
    documents = {"d1": {"vector": {"a": 1.0}}, "d2": {"vector": {"b": 1.0}}}
    with_metadata(tmp_path / "data", documents, queries)
    kept = []
    for vector in ({"a": 1.0}, {"b": 1.0}):
        other = with_metadata(tmp_path / "other", {**documents, "d1": {"vector": vector}}, queries)
        asked = (other / "queries.jsonl").read_text().replace("text q", "another q")
        (other / "queries.jsonl").write_text(asked)
        kept.append(execute(Experiment.of(said), tmp_path / "out").tuned["data"]["tuned"]["key"])
    assert kept[0] != kept[1]


def test_what_reads_metadata_is_timed_on_the_index_of_its_run_and_again_after_a_change(tmp_path):
    documents = {"d1": {"vector": {"a": 1.0}}, "d2": {"vector": {"b": 1.0}}}
    queries = {"q1": {"vector": {"a": 1.0}}, "q2": {"vector": {"b": 1.0}}}
    said = {"systems": {"impact": "impact % 5"}, "measures": "RR", "efficiency": {"queries": 1, "repetitions": 1}}
    for built in (1, 2):
        said["datasets"] = [str(with_metadata(tmp_path / "data", documents, queries))]
        results = execute(Experiment.of(said), tmp_path / "out")
        assert results.untimed["data"] == {}
        assert len([*(tmp_path / "out" / "indexes").glob("impact*")]) == built
        documents["d1"]["vector"], documents["d2"]["vector"] = documents["d2"]["vector"], documents["d1"]["vector"]


def test_a_system_that_finds_nothing_at_all_is_measured_as_0(tmp_path):
    queries = {"q1": {"vector": {"nowhere": 1.0}}, "q2": {"vector": {"nowhere": 1.0}}}
    folder = with_metadata(tmp_path / "data", {"d1": {"vector": {"a": 1.0}}, "d2": {}}, queries)
    systems = {"bm25": "bm25 % 5", "impact": "impact % 5"}
    said = {"datasets": [str(folder)], "systems": systems, "measures": "RR R@5"}
    results = execute(Experiment.of(said), tmp_path / "out")
    assert results.means()["data"]["impact"] == {"RR": 0.0, "R@5": 0.0}
    assert results.failed["data"] == {}
    assert (tmp_path / "out" / "report.html").is_file()
