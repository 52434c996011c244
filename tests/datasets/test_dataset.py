"""Datasets by name and by path, and the built-in one."""

import json
import shutil
import sys
import zipfile

import pytest

import rankify
from rankify import catalog
from rankify.datasets import named, names
from rankify.datasets.collection import Dataset
from rankify.datasets.docstrings import Entry, collected
from rankify.datasets.pydoc import asked, build
from rankify.errors import BadInput, RankifyError, UnknownName
from rankify.io.beir import write_beir
from rankify.types import Document, Qrels, Query


@pytest.fixture
def folder(tmp_path):
    documents = [Document("d1", "one"), Document("d2", "two")]
    queries = [Query("q1", "first"), Query("q2", "second"), Query("q3", "nobody judged this")]
    qrels = {"test": Qrels({"q1": {"d1": 1}}), "dev": Qrels({"q2": {"d2": 2, "d1": 0}})}
    write_beir(tmp_path / "set", documents, queries, qrels)
    return tmp_path / "set"


@pytest.mark.parametrize(
    ("name", "documents", "queries", "judgments"),
    [("nfcorpus", 3633, 323, 12334), ("scifact", 5183, 300, 339), ("cranfield", 1400, 225, 1837)],
)
def test_beir_folders(shared, name, documents, queries, judgments):
    data = rankify.dataset(shared / name)
    counted = (len(data.corpus), len(data.queries), sum(map(len, data.qrels.values())))
    assert (data.name, data.split, *counted) == (name, "test", documents, queries, judgments)


def test_a_folder_with_judgments_of_another_name_and_a_run(shared):
    data = rankify.dataset(shared / "dl19-bm25", rel=2)
    assert (data.split, len(data.queries), len(data.corpus), data.rel) == ("dl19-passage", 43, 4297, 2)
    run = data.run("bm25.top100")
    assert [len(r) for r in run] == [100] * 43
    assert run[0].documents[0].text.startswith("5. Cancel. A flea can live up to a year")
    with pytest.raises(UnknownName, match="no run with dl19-bm25 'bm25'"):
        data.run("bm25")


def test_queries_are_those_judged_in_the_split(folder):
    assert [q.id for q in rankify.dataset(folder).queries.queries] == ["q1"]
    assert [q.id for q in rankify.dataset(folder, split="dev").queries.queries] == ["q2"]
    assert [q.id for q in rankify.dataset(folder).all_queries.queries] == ["q1", "q2", "q3"]


def test_an_unknown_split_names_those_there_are(folder):
    with pytest.raises(UnknownName, match="'train'; there are: dev, test"):
        rankify.dataset(folder, split="train")


def test_without_a_split_named_test_one_has_to_be_chosen(folder):
    (folder / "qrels" / "test.tsv").rename(folder / "qrels" / "other.tsv")
    with pytest.raises(UnknownName, match="there are: dev, other"):
        rankify.dataset(folder)
    (folder / "qrels" / "other.tsv").unlink()
    assert rankify.dataset(folder).split == "dev"


def test_the_corpus_is_opened_when_it_is_looked_at(folder):
    data = rankify.dataset(folder)
    (folder / "corpus.jsonl").write_text("not JSON\n")
    assert len(data.queries) == 1
    with pytest.raises(BadInput, match=r"corpus\.jsonl:1: malformed JSON"):
        data.corpus  # noqa: B018


def test_a_judged_query_without_text_is_refused(folder):
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq9\td1\t1\n")
    with pytest.raises(BadInput, match=r"test\.tsv: 1 of 1 judged queries are not among .*, e\.g\. 'q9'; add them"):
        rankify.dataset(folder)


def test_a_folder_without_judgments_can_be_searched(folder):
    shutil.rmtree(folder / "qrels")
    data = rankify.dataset(folder)
    assert ([q.id for q in data.queries.queries], len(data.qrels), data.split) == (["q1", "q2", "q3"], 0, "")
    assert repr(data) == "<Dataset set, no split: 3 queries, 0 judgments>"
    with pytest.raises(UnknownName, match=r"no split of .*'test'; there are: none"):
        rankify.dataset(folder, split="test")


def test_every_question_of_a_file_is_asked_whatever_its_passages_say(tmp_path):
    judged, silent = {"id": "a", "text": "x", "has_answer": True}, {"id": "b", "text": "y"}
    lines = [json.dumps({"question": q, "ctxs": [c]}) for q, c in (("one", judged), ("two", silent))]
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    data = rankify.dataset(tmp_path / "f.jsonl")
    assert ([q.text for q in data.queries.queries], list(data.qrels)) == (["one", "two"], ["1"])


def test_a_file_of_questions_is_the_collection_of_its_passages(shared):
    data = rankify.dataset(shared / "nq-open-oracle" / "nq-open-oracle.jsonl")
    assert (data.name, len(data.queries), len(data.corpus)) == ("nq-open-oracle", 2655, 2600)
    assert data.answers["1"] == ["Wilhelm Conrad Röntgen"]
    assert data.qrels["1"] == {data.run("ctxs")["1"].ids[0]: 1}


def test_supporting_passages_are_the_relevant_ones(shared):
    data = rankify.dataset(shared / "hotpotqa-100" / "hotpotqa_train.json")
    relevant = [id for id, grade in data.qrels[data.queries[0].query.id].items() if grade]
    assert (len(data.corpus), {data.corpus[id].title for id in relevant}) == (994, {"Alû", "Lilu (mythology)"})


def test_reranked_passages_of_a_file_are_a_run(tmp_path):
    record = {"question": "q", "ctxs": [{"id": "a", "text": "x"}], "reranked_ctxs": [{"id": "a", "text": "x"}]}
    (tmp_path / "f.jsonl").write_text(json.dumps(record) + "\n")
    data = rankify.dataset(tmp_path / "f.jsonl")
    assert sorted(data.open_runs) == ["ctxs", "reranked_ctxs"]
    assert data.run("reranked_ctxs")["1"].ids == ["a"]
    assert list(data.queries) == list(data.all_queries)


def test_two_texts_for_one_passage_are_refused(tmp_path):
    lines = [json.dumps({"question": t, "ctxs": [{"id": "a", "text": t}]}) for t in "xy"]
    (tmp_path / "f.jsonl").write_text("\n".join(lines))
    with pytest.raises(BadInput, match=r"f\.jsonl: passage 'a' has two texts"):
        rankify.dataset(tmp_path / "f.jsonl").corpus  # noqa: B018


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ("beir/scfact", UnknownName, "no dataset 'beir/scfact'.*did you mean 'beir/scifact'"),
        ("scifakt", UnknownName, "did you mean 'scifact'"),
        (
            "qqqq",
            UnknownName,
            "no folder or file there, and no such name in the catalogue; see `rankify list datasets`",
        ),
        ("nowhere/at/all.jsonl", UnknownName, "no folder or file there"),
        ("beir/bioasq", BadInput, "beir/bioasq cannot be downloaded: register at http://bioasq.org"),
        ("robust04", BadInput, "ask NIST for TREC disks 4 and 5"),
        ("cqadupstack", BadInput, "is 12 collections to be averaged over: beir/cqadupstack/android, "),
        ("pyproject.toml", BadInput, "is no collection"),
    ],
)
def test_what_is_no_dataset_says_why(x, error, message, monkeypatch):
    monkeypatch.chdir(catalog.__path__[0] + "/../..")
    with pytest.raises(error, match=message):
        rankify.dataset(x)


def test_a_missing_file_of_questions_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"no file .*missing\.jsonl"):
        rankify.dataset(tmp_path / "missing.jsonl")


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as packed:
        for file in folder.rglob("*.*"):
            packed.write(file, file.relative_to(folder.parent))
    return path


def test_a_zip_file_is_the_folder_inside(folder, tmp_path):
    data = rankify.dataset(zipped(folder, tmp_path / "mine.zip"), split="dev")
    assert (data.name, data.split, data.corpus.ids) == ("mine", "dev", ["d1", "d2"])


def test_a_zip_file_with_the_name_but_not_the_checksum_of_a_published_one_is_refused(folder, tmp_path):
    with pytest.raises(
        BadInput, match="the published beir/arguana 8ad3e3c2a5867cdced806d6503f29b99; download it again"
    ):
        rankify.dataset(zipped(folder, tmp_path / "arguana.zip"))


def test_a_zip_file_known_by_its_checksum_has_its_name_and_quirks(folder, tmp_path, monkeypatch):
    path = zipped(folder, tmp_path / "download.zip")
    monkeypatch.setattr("rankify.datasets.archive._md5", lambda path: "8ad3e3c2a5867cdced806d6503f29b99")
    data = rankify.dataset(path)
    assert (data.name, data.drop_identical_ids) == ("beir/arguana", True)


def test_a_broken_zip_file_is_named(tmp_path):
    (tmp_path / "mine.zip").write_bytes(b"PK nothing")
    with pytest.raises(BadInput, match=r"mine\.zip cannot be unpacked"):
        rankify.dataset(tmp_path / "mine.zip")


def test_options_given_win(folder):
    data = rankify.dataset(folder, drop_identical_ids=True, rel=2)
    assert (data.drop_identical_ids, data.rel) == (True, 2)


def test_a_dataset_can_be_made_by_hand(folder):
    given = rankify.dataset(folder)
    data = Dataset(name="mine", open_corpus=lambda: given.corpus, all_queries=given.all_queries, qrels=Qrels())
    assert (data.corpus is given.corpus, len(data.queries)) == (True, 3)
    with pytest.raises(AttributeError):
        data.name = "other"


# pydoc


def test_pydoc_is_a_collection_of_the_announced_size():
    data = rankify.dataset("pydoc")
    assert 5_000 <= len(data.corpus) <= 6_500
    assert 3_300 <= len(data.queries) <= 4_500
    assert (data.name, data.split) == ("pydoc", "test")


def test_in_pydoc_each_query_has_one_answer_that_does_not_contain_it():
    data = rankify.dataset("pydoc")
    for query in data.queries.queries:
        [(id, grade)] = data.qrels[query.id].items()
        assert (query.id, grade) == (f"q:{id}", 1)
        assert query.text not in data.corpus[id].text


def test_pydoc_knows_what_a_reader_of_the_documentation_would_ask():
    data = rankify.dataset("pydoc")
    assert data.queries["q:textwrap.TextWrapper.wrap"].query.text.startswith("Reformat the single paragraph")
    assert {"str.split", "os.path.join", "os.listdir", "json.dumps", "math.sqrt", "io.BytesIO.readinto"} <= {
        *data.corpus.ids
    }


def test_pydoc_says_nothing_of_this_machine_or_this_run():
    text = repr(collected())
    assert " at 0x" not in text
    assert sys.prefix not in text
    assert sys.base_prefix + "/lib" not in text


def test_pydoc_is_the_same_whatever_this_process_has_done(monkeypatch, tmp_path):
    before = collected()
    (tmp_path / "chunk.py").write_text("raise SystemExit('a file of the user was run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONOPTIMIZE", "2")
    monkeypatch.setattr("textwrap.wrap", lambda text: text)
    assert collected() == before


def test_an_interpreter_that_does_not_start_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(RankifyError, match="cannot collect the docstrings of /bin/false: exit code 1"):
        rankify.dataset("pydoc")


def entry(name, sentence, rest="more text", signature=""):
    return Entry(name, signature, sentence, rest)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ([entry("a", "Does a thing well.")], ["a"]),
        ([entry("a", "Does a thing well."), entry("b", "does a thing Well.")], []),
        ([entry("a", "Does it.")], []),
        ([entry("a", "Does a thing well.", "")], []),
        ([entry("a", "Does a thing well.", "", "()")], []),
        ([entry("a", "Does a thing well.", "", "(x)")], ["a"]),
    ],
)
def test_a_sentence_is_a_query_when_it_has_one_answer_with_something_left_to_find(made, expected):
    assert [e.name for e in asked(made)] == expected


def test_what_pydoc_makes_of_an_entry(tmp_path):
    build([entry("os.getLogin", "Says who it is.", "The rest.", "(x=1)")], tmp_path / "p")
    data = rankify.dataset(tmp_path / "p")
    assert list(data.corpus) == [Document("os.getLogin", "os get Login (x=1)\n\nThe rest.", "os.getLogin")]
    assert data.queries.queries == [Query("q:os.getLogin", "Says who it is.")]


# the catalogue

PUBLISHED = sorted(catalog.datasets())


def test_the_catalogue_has_the_18_beir_sets_cqadupstack_as_12_and_three_of_ms_marco():
    beir = [name for name in PUBLISHED if name.startswith("beir/")]
    assert (len(beir), len([n for n in beir if n.count("/") == 1])) == (30, 18)
    assert {"msmarco/dev", "trec-dl-2019", "trec-dl-2020"} == {*PUBLISHED} - {*beir}


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_entry_is_complete(name):
    known = catalog.datasets()
    entry = dict(known[name])
    assert {"about", "aliases", "citation", "licence", "expected"} <= entry.keys()
    assert len({"hub", "obtain", "parts"} & entry.keys()) == 1
    assert all(part in known for part in entry.get("parts", []))
    assert entry.keys() <= {
        *("about", "aliases", "citation", "licence", "expected", "hub", "obtain", "parts", "documents"),
        *("split", "splits", "drop_identical_ids", "rel", "md5"),
    }
    if "parts" not in entry:
        assert entry["split"] in entry["splits"]
        assert all(counts.keys() <= {"queries", "judgments"} for counts in entry["splits"].values())
        assert all(0 < value < 1 for value in entry["expected"]["bm25"].values())


def test_aliases_are_exact_and_stand_for_one_name():
    aliases = [(alias, name) for name, entry in catalog.datasets().items() for alias in entry["aliases"]]
    assert len({alias for alias, _ in aliases}) == len(aliases)
    assert all(named(alias) == name for alias, name in aliases)
    assert not {alias for alias, _ in aliases} & {*PUBLISHED}


def test_quirks():
    known = catalog.datasets()
    assert sorted(n for n in known if known[n].get("drop_identical_ids")) == ["beir/arguana", "beir/quora"]
    assert sorted(n for n in known if known[n].get("rel") == 2) == ["trec-dl-2019", "trec-dl-2020"]


def test_names_lists_everything_with_a_line_on_what_it_is():
    assert list(names()) == ["pydoc", *catalog.datasets()]
    assert all(about and "\n" not in about for about in names().values())


@pytest.mark.parametrize("name", ["nfcorpus", "scifact"])
def test_the_catalogues_counts_are_those_of_the_files(shared, name):
    entry = catalog.datasets()[f"beir/{name}"]
    assert len(rankify.dataset(shared / name).corpus) == entry["documents"]
    for split, counts in entry["splits"].items():
        data = rankify.dataset(shared / name, split=split)
        assert counts == {"queries": len(data.queries), "judgments": sum(map(len, data.qrels.values()))}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("docs.jsonl", '{"_id": "1", "text": "a cat"}\n{"_id": "2", "text": "a dog"}\n'),
        ("docs.json", '[{"id": 1, "contents": "a cat"}, {"id": 2, "contents": "a dog"}]'),
        ("docs.tsv", "1\ta cat\n2\ta dog\n"),
        ("docs.txt", "id\ttext\n1\ta cat\n2\ta dog\n"),
    ],
)
def test_a_file_of_documents_is_a_collection_without_queries(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    data = rankify.dataset(tmp_path / name)
    assert (data.name, data.corpus.ids, len(data.queries), len(data.qrels)) == ("docs", ["1", "2"], 0, 0)
    assert rankify.retriever("bm25", data.corpus)([Query("q", "dog")])["q"].ids == ["2"]
    with pytest.raises(BadInput, match="one file of documents and has no split 'dev'"):
        rankify.dataset(tmp_path / name, split="dev")


def test_where_pydoc_cannot_be_kept_the_way_out_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RANKIFY_CACHE", str(tmp_path / "file"))
    with pytest.raises(RankifyError, match=r"cannot write .*; set RANKIFY_CACHE to a folder that can be written"):
        rankify.dataset("pydoc")
