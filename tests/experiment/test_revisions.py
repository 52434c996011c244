"""Results depend on the files and folders that a pipeline names, whatever names them."""

import json

import pytest

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.judges import Named
from rankify.experiment.revisions import Revisions

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
