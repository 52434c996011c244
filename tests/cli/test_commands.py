"""Each command on a small collection: what it prints, its one JSON object, its files."""

import json
import subprocess
import sys

import pytest

import rankify as package
from rankify import Query
from rankify.io.trec import read_run


def test_search_prints_the_hits_of_one_query(rankify, collection):
    code, out, _ = rankify("search", "bm25", collection, "--query", "licence to rank")
    assert code == 0
    assert "007  Licence" in out
    assert "A licence to rank documents." in out


def test_search_says_when_nothing_is_found(rankify, collection):
    assert "nothing found for 'zebra'" in rankify("search", "bm25", collection, "--query", "zebra")[1]


def test_search_as_json_has_ids_scores_and_texts(as_json, collection):
    found = as_json("search", "bm25", collection, "--query", "date", "-k", 2)
    assert [hit["id"] for hit in found["hits"]] == ["дом", "a b"]
    assert found["hits"][0]["text"] == "Formatting a date as a string."
    assert found["hits"][0]["score"] >= found["hits"][1]["score"]


def test_search_writes_a_run_of_every_judged_query(collection, run_file):
    data = package.dataset(str(collection))
    read = read_run(run_file, queries=data.queries, corpus=data.corpus)
    assert [len(ranking) for ranking in read] == [1, 2, 1, 0]
    assert read["2"].ids == ["a b", "дом"]


def test_search_takes_queries_from_a_file(as_json, collection, tmp_path):
    (tmp_path / "my.tsv").write_text("x\tnumbers\ny\tdate\n")
    found = as_json("search", "bm25", collection, "--queries", tmp_path / "my.tsv")
    assert {q: [hit["id"] for hit in hits] for q, hits in found["run"].items()} == {"x": ["s1"], "y": ["дом", "a b"]}


def test_search_takes_topics_in_trec_layout(as_json, collection, tmp_path):
    (tmp_path / "topics").write_text("<top>\n<num> Number: 7\n<title> numbers\n</top>\n")
    found = as_json("search", "bm25", collection, "--queries", tmp_path / "topics")
    assert [hit["id"] for hit in found["run"]["7"]] == ["s1"]


@pytest.mark.parametrize("name", ["corpus.jsonl", "docs.tsv"])
def test_search_needs_only_documents_when_the_query_is_given(as_json, collection, name):
    (collection / "docs.tsv").write_text("id\ttext\ns1\tsorting numbers\nd2\tother\n")
    found = as_json("search", "bm25", collection / name, "--query", "numbers")
    assert [hit["id"] for hit in found["hits"]] == ["s1"]


def test_search_drops_the_querys_own_document_where_the_collection_says_so(as_json, collection, monkeypatch):
    data = package.dataset(str(collection), drop_identical_ids=True)
    monkeypatch.setattr("rankify.dataset", lambda *_, **__: data)
    own = Query("s1", "numbers"), Query("other", "numbers")
    monkeypatch.setattr("rankify.cli.search.asked", lambda *_, **__: package.Run.of(own))
    found = as_json("search", "bm25", collection, "--split", "test")
    assert {q: [hit["id"] for hit in hits] for q, hits in found["run"].items()} == {"s1": [], "other": ["s1"]}


def test_index_builds_what_search_opens(as_json, rankify, collection, tmp_path):
    built = as_json("index", "bm25", collection, "-o", tmp_path / "index")
    assert (built["documents"], built["dataset"]) == (5, "small")
    assert built["bytes"] > 0
    _, _, err = rankify("search", "bm25", collection, "--query", "date", "--index", tmp_path / "index")
    assert "indexed" not in err


def test_an_index_of_another_collection_is_refused(rankify, collection, tmp_path):
    rankify("index", "bm25", collection, "-o", tmp_path / "index")
    text = (collection / "corpus.jsonl").read_text().replace("rank", "sort")
    (collection / "corpus.jsonl").write_text(text)
    code, _, err = rankify("search", "bm25", collection, "--query", "date", "--index", tmp_path / "index")
    assert code == 1
    assert "another corpus" in err


@pytest.mark.parametrize("name", ["2024_11_24", "1.10", "none", "true", "1e3", "a,b (c)"])
def test_an_index_is_kept_under_the_name_that_was_typed(as_json, collection, tmp_path, name):
    as_json("search", "bm25", collection, "--query", "date", "--index", name)
    assert (tmp_path / name / "manifest.json").is_file()
    assert json.loads((tmp_path / name / "manifest.json").read_text())["spec"].startswith("bm25?folder=")


def test_a_search_never_extends_an_index(rankify, collection, tmp_path):
    rankify("index", "bm25", collection, "-o", tmp_path / "index")
    with (collection / "corpus.jsonl").open("a") as corpus:
        corpus.write('{"_id": "more", "text": "date"}\n')
    code, _, err = rankify("search", "bm25", collection, "--query", "date", "--index", tmp_path / "index")
    assert code == 1
    assert "(5 documents)" in err
    assert "rankify index" in err
    assert rankify("index", "bm25", collection, "-o", tmp_path / "index")[0] == 0
    assert rankify("search", "bm25", collection, "--query", "date", "--index", tmp_path / "index")[0] == 0


def test_index_says_what_has_changed(as_json, collection, tmp_path):
    def indexed():
        made = as_json("index", "bm25", collection, "-o", tmp_path / "index")
        return {name: made[name] for name in ("documents", "kept", "added", "changed", "removed")}

    corpus = collection / "corpus.jsonl"
    assert indexed() == {"documents": 5, "kept": 0, "added": 5, "changed": 0, "removed": 0}
    assert indexed() == {"documents": 5, "kept": 5, "added": 0, "changed": 0, "removed": 0}
    _, second, *rest = corpus.read_text().splitlines()
    more = ['{"_id": "more", "text": "date"}', '{"_id": "most", "text": "date"}']
    changed = json.dumps({**json.loads(second), "text": "other"})
    corpus.write_text("\n".join([changed, *rest, *more]) + "\n")
    assert indexed() == {"documents": 6, "kept": 3, "added": 2, "changed": 1, "removed": 1}


def test_an_index_whose_vectors_alone_have_changed_says_so(collection, as_json, tmp_path):
    vectors, ids = tmp_path / "vectors.jsonl", ["007", "null", "a b", "дом", "s1"]
    for last in (1, 2):
        rows = [{"id": id, "vector": {"date": last if id == "s1" else 1}} for id in ids]
        vectors.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        made = as_json("index", f"impact:{vectors}", collection, "-o", tmp_path / "index")
    assert [made[name] for name in ("kept", "added", "changed", "removed")] == [4, 0, 1, 0]


def test_an_interrupted_index_is_finished_by_the_same_command(as_json, collection, tmp_path, tiny_bert):
    spec, folder = f"dense:{tiny_bert}?pooling=mean&shard_size=1", tmp_path / "index"
    code = (
        "import os, sys; from rankify.indexes import vector_folder; from rankify.cli import main\n"
        "save = vector_folder.save_shard\n"
        "def saved(folder, number, *rest):\n"
        "    if number == 2: os.kill(os.getpid(), 9)\n"
        "    save(folder, number, *rest)\n"
        "vector_folder.save_shard = saved\nmain(sys.argv[1:])"
    )
    killed = subprocess.run([sys.executable, "-c", code, "index", spec, collection, "-o", folder], check=False)
    assert killed.returncode == -9
    assert {p.name for p in folder.iterdir()} == {"unfinished.json", "vectors-00000.npy", "vectors-00001.npy"}
    assert as_json("index", spec, collection, "-o", folder)["documents"] == 5
    assert not (folder / "unfinished.json").exists()


def test_compare_names_runs_by_their_files(as_json, rankify, collection, run_file, tmp_path):
    rankify("search", "bm25?k1=2.0 % 1", collection, "-o", tmp_path / "one.trec.gz")
    found = as_json("compare", run_file, tmp_path / "one.trec.gz", "--qrels", collection, "-m", "R@10")
    assert found["baseline"] == "bm25"
    assert found["means"] == {"bm25": {"R@10": 0.75}, "one": {"R@10": 0.625}}
    code, out, _ = rankify("compare", run_file, tmp_path / "one.trec.gz", "--qrels", collection, "-m", "R@10")
    assert code == 0
    assert "p (t-test)" in out


def test_answer_names_its_sources(as_json, rankify, collection):
    found = as_json("answer", "bm25 % 3 >> extractive", collection, "--question", "Is sorting numbers stable?")
    [answer] = found["answers"]
    assert "stable" in answer["answer"] or "numbers" in answer["answer"]
    assert [source["id"] for source in answer["citations"]] == ["s1"]
    assert "source s1" in rankify("answer", "bm25", collection, "--question", "Is sorting numbers stable?")[1]


def test_answer_writes_one_line_for_each_question(as_json, collection, tmp_path):
    found = as_json("answer", "bm25", collection, "-o", tmp_path / "answers.jsonl")
    written = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert found["pipeline"] == "bm25 % 10 >> extractive"
    assert found["seconds"] > 0
    assert [answer["id"] for answer in written] == ["1", "2", "3", "4"]
    assert written[-1]["citations"] == []


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("retrievers", {"bm25", "dense", "lucene"}),
        ("rerankers", {"cross-encoder", "embedding", "first", "rankgpt", "prp", "setwise"}),
        ("llms", {"hf", "http", "vllm", "litellm", "cached", "simulated"}),
        ("readers", {"extractive"}),
        ("fusions", {"rrf", "weighted"}),
        ("expansions", {"hyde", "query2doc", "multi-query", "rewrite", "standalone"}),
        ("refinements", {"feedback", "rm3", "rocchio", "vector-prf"}),
        ("encoders", {"dense"}),
        ("models", {"sentence-transformers/all-MiniLM-L6-v2"}),
        ("datasets", {"pydoc", "beir/scifact"}),
        ("measures", {"nDCG", "RR", "AP", "R"}),
    ],
)
def test_list_has_the_names(as_json, rankify, what, names):
    rows = as_json("list", what)[what]
    assert names <= {next(iter(row.values())) for row in rows}
    assert rankify("list", what)[0] == 0


def test_list_says_what_llm_rerankers_take(as_json):
    rows = {row["name"]: row for row in as_json("list", "rerankers")["rerankers"]}
    assert (rows["first"]["calls"], rows["first"]["needs"]) == (9, "choose")
    assert "2406.15657" in rows["first"]["paper"]
    assert rows["cross-encoder"]["calls"] is None


def test_list_says_options_and_defaults(as_json):
    [bm25] = [row for row in as_json("list", "retrievers")["retrievers"] if row["name"] == "bm25"]
    assert bm25["options"]["k1"] == 0.9
    assert bm25["extra"] == ""


def test_every_extra_belongs_to_a_registered_component():
    from rankify import registry
    from rankify.cli.listing import NEEDS

    assert all(name in registry.names(kind) for kind, name in NEEDS)


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("bm25?k1=1.2", {"retriever"}),
        ("dense:sentence-transformers/all-MiniLM-L6-v2", {"retriever", "encoder", "model"}),
        ("sentence-transformers/all-MiniLM-L6-v2", {"retriever", "reranker", "model"}),
        ("beir/scifact", {"dataset"}),
        ("rrf", {"fusion"}),
        ("feedback", {"refinement"}),
    ],
)
def test_show_tells_what_a_name_stands_for(as_json, rankify, spec, parts):
    assert parts <= as_json("show", spec).keys()
    assert rankify("show", spec)[0] == 0


@pytest.mark.parametrize(("name", "full"), [("pydoc", "pydoc"), ("scifact", "beir/scifact")])
def test_show_knows_the_built_in_collection_and_other_names(as_json, rankify, name, full):
    assert as_json("show", name)["dataset"]["name"] == full
    assert rankify("show", name)[0] == 0


def test_show_takes_a_pipeline_apart(as_json, rankify):
    found = as_json("show", "rrf(bm25?k1=1.2 % 9, bm25) % 5 >> extractive")["parts"]
    assert [part["spec"] for part in found] == ["bm25?k1=1.2", "bm25", "rrf", "extractive"]
    assert found[0]["retriever"]["options"]["k1"] == 1.2
    assert "extractive: reader" in rankify("show", "bm25 % 5 >> extractive")[1]


def test_list_says_what_a_measure_needs(as_json, monkeypatch):
    monkeypatch.setattr("ir_measures.pyndeval.is_available", lambda: False)
    rows = {row["measure"]: row["needs"] for row in as_json("list", "measures")["measures"]}
    assert (rows["nDCG"], rows["IPrec"]) == ("", "")
    assert rows["alpha_nDCG"] == "pip install ir-measures[pyndeval]"


def test_a_measure_that_cannot_be_computed_here_is_refused_at_once(rankify, collection, monkeypatch):
    monkeypatch.setattr("ir_measures.pyndeval.is_available", lambda: False)
    code, _, err = rankify("evaluate", "nope.trec", collection, "-m", "alpha_nDCG@10")
    assert code == 1
    assert "'alpha_nDCG@10' needs a library that is not installed: pip install ir-measures[pyndeval]" in err


def test_show_has_the_options_of_the_spec(as_json):
    assert as_json("show", "bm25?k1=1.2")["retriever"]["options"]["k1"] == 1.2


def test_rerank_keeps_the_documents_of_the_run(as_json, collection, run_file, tmp_path, monkeypatch):
    from rankify.stages import Reranker

    class Backwards(Reranker):
        """The last first."""

        name = "backwards"

        def rerank(self, run):
            return package.Run(ranking.reordered(range(len(ranking))[::-1]) for ranking in run)

    monkeypatch.setitem(__import__("rankify.registry").registry.BUILTIN["reranker"], "backwards", "x:y")
    monkeypatch.setattr("rankify.registry.find", lambda kind, name: Backwards)
    words = ["rerank", "backwards", collection, "--run", run_file, "-o", tmp_path / "new.trec", "-k", 2]
    assert as_json(*words)["documents"] == 4
    assert read_run(tmp_path / "new.trec")["2"].ids == ["дом", "a b"]
    (tmp_path / "own.tsv").write_text("1\tx\n2\ty\n3\tz\n4\tw\n")
    (collection / "queries.jsonl").unlink()
    assert as_json(*words, "--queries", tmp_path / "own.tsv")["queries"] == 4


def test_on_a_terminal_progress_is_shown_and_taken_away(collection, tmp_path):
    """A pseudo-terminal for standard error; a pipe for the result."""
    import os
    import pty
    import subprocess
    import sys

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "rankify", "search", "bm25", str(collection), "--query", "date", "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert len(json.loads(done.stdout)["hits"]) == 2
    assert "Opening" in shown or "Preparing" in shown
