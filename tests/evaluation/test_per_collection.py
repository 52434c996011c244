"""Results read from tables, either way round, and from the folders of experiments."""

import json

import pytest

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.per_collection import collected

VALUES = {"bm25": {"nq": 0.3, "fiqa": 0.2}, "007": {"nq": 0.5, "fiqa": 0.4}}


def file(folder, text, name="results.csv"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "system,nq,fiqa\nbm25,0.3,0.2\n007,0.5,0.4\n",
        "collection,bm25,007\nnq,0.3,0.5\nfiqa,0.2,0.4\n",
        "\ufeffDataset, bm25, 007\r\nnq, 0.3, 0.5\r\n\r\nfiqa, 0.2, 0.4\r\n",
    ],
)
def test_a_table_is_read_either_way_round(tmp_path, text):
    found = collected([file(tmp_path, text)])
    assert found.table == VALUES
    assert (found.measure, found.per_query) == ("", {})


def test_an_empty_cell_is_a_missing_value_that_another_file_may_have(tmp_path):
    one = file(tmp_path, "system,nq,fiqa\nbm25,0.3,\n007,0.5,0.4\n")
    other = file(tmp_path, "system,fiqa\nbm25,0.2\n", "more.csv")
    assert collected([one]).table["bm25"] == {"nq": 0.3}
    assert collected([one, other]).table == VALUES


def test_lines_and_columns_that_name_nothing_change_nothing(tmp_path):
    text = "\nsystem,nq,fiqa,\n\nbm25,0.3,0.2,\n,,,\n  \n007,0.5,0.4,\n\n"
    assert collected([file(tmp_path, text)]).table == VALUES


def test_a_folder_of_an_experiment_has_means_and_queries(tmp_path):
    file(
        tmp_path,
        "system,query,nDCG@10,RR\nbm25,1,0.5,1.0\nbm25,2,0.0,0.25\nd,1,1.0,1.0\nd,2,0.5,1.0\n",
        "per-query/a.csv",
    )
    file(tmp_path, "system,query,nDCG@10,RR\nbm25,1,0.5,0.5\nd,1,1.0,1.0\n", "per-query/b.csv")
    found = collected([tmp_path])
    assert found.measure == "nDCG@10"
    assert found.table == {"bm25": {"a": 0.25, "b": 0.5}, "d": {"a": 0.75, "b": 1.0}}
    assert found.per_query["a"]["bm25"] == {"1": 0.5, "2": 0.0}
    assert collected([tmp_path], "RR").table["bm25"] == {"a": 0.625, "b": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,nq\nbm25,0.3\n", "the first column is called 'model'; call it `system`"),
        ("", "the first column is called ''"),
        ("system,nq\nbm25,0.3,0.4\n", r"results.csv:2: 3 cells below 2 columns"),
        ("system,nq\nbm25,high\n", r"results.csv:2: 'high' is no number"),
        ("system,nq\nbm25," + "1" * 200_000, "results.csv:2: not CSV: field larger than field limit"),
        ("system,nq\nbm25,0.3\nbm25,0.4\n", r"results.csv:3: a second value of 'bm25' on 'nq'"),
        ("system,nq,nq\nbm25,0.3,0.4\n", r"results.csv:2: a second value of 'bm25' on 'nq'"),
        (
            "system,nq,covid\na,.1,.3\nzzz,,\n",
            "results.csv:3: system 'zzz' has no value for nq, covid; fill them in, or delete the row",
        ),
        (
            "system,nq,covid\na,.1,\nb,.2, \n",
            "results.csv: collection 'covid' has no value for a, b; fill them in, or delete the column",
        ),
        ("dataset,a,b\nnq,.1,.2\ncovid,,\n", "results.csv:3: collection 'covid' has no value for a, b"),
        ("dataset,a,b\nnq,.1,\ncovid,.3,\n", "results.csv: system 'b' has no value for nq, covid"),
        ("system,nq,fiqa\n", "results.csv: nothing below the names of the columns; add a line for each system"),
        ("dataset,a\n\n", "results.csv: nothing below the names of the columns; add a line for each collection"),
        ("system\nbm25\n", "results.csv: no column beside 'system'; add one for each collection"),
        ("dataset\nnq\n", "results.csv: no column beside 'dataset'; add one for each system"),
        ('system,nq\na,.1\n"b,.2\nc,.3\n', "results.csv:3: not CSV: .*; close every quote, and write one"),
        ('system,nq\n"a"x,.1\n', "results.csv:2: not CSV"),
        ("system,nq\n,.1\n", "results.csv:2: a value of a system without a name; name it"),
        ("system,nq,\na,.1,.2\n", "results.csv:2: a value of a collection without a name; name it"),
        ("dataset,a\n ,.1\n", "results.csv:2: a value of a collection without a name; name it"),
        ("dataset,a,\nnq,.1,.2\n", "results.csv:2: a value of a system without a name; name it"),
        (
            "system,SciFact,beir/scifact\na,.1,.2\n",
            "results.csv:2: a second value of 'a' on 'beir/scifact', which is there, as 'SciFact'; keep one",
        ),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, message):
    with pytest.raises(BadInput, match=message):
        collected([file(tmp_path, text)])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("system,nq\nbm25,0.3\n", "a.csv: not the values by query"),
        ("system,query,AP\nbm25,1\n", "a.csv:2: 2 cells below 3 columns"),
        ("system,query,AP\nbm25,1,\n", "a.csv:2: 'bm25' has no AP for query '1'"),
    ],
)
def test_a_folder_with_other_files_is_refused(tmp_path, text, message):
    file(tmp_path, text, "per-query/a.csv")
    with pytest.raises(BadInput, match=message):
        collected([tmp_path])


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"it has no per-query/\*.csv"):
        collected([tmp_path])


def test_a_measure_that_a_folder_lacks_is_named_with_those_it_has(tmp_path):
    file(tmp_path, "system,query,nDCG@10\nbm25,1,0.5\n", "per-query/a.csv")
    with pytest.raises(UnknownName, match=r"no measure in .*a.csv 'nDCG@100'; did you mean 'nDCG@10'"):
        collected([tmp_path], "nDCG@100")


def experiment(folder, named, **collections):
    """A folder of results: collection -> system -> value of its one query; `named` is what results.json has."""
    for collection, row in collections.items():
        lines = "".join(f"{system},1,{value}\n" for system, value in row.items())
        file(folder, f"system,query,AP\n{lines}", f"per-query/{collection}.csv")
    datasets = {
        label: {"per_query": f"per-query/{label}.csv", "systems": dict.fromkeys(s)} for label, s in named.items()
    }
    file(folder, json.dumps({"datasets": datasets}, indent=1), "results.json")
    return folder


ROW = {"a": 0.5, "b": 0.25}


def test_of_a_folder_only_what_its_results_name_counts(tmp_path, caplog):
    folder = experiment(tmp_path, {"y": "ab", "x": "ba"}, x={**ROW, "gone": 1}, y=ROW, old=ROW, older=ROW)
    found = collected([folder])
    assert found.table == {"a": {"y": 0.5, "x": 0.5}, "b": {"y": 0.25, "x": 0.25}}
    assert found.per_query == {c: {s: {"1": v} for s, v in ROW.items()} for c in "xy"}
    assert [one.message for one in caplog.records] == [
        f"{folder}/per-query/x.csv: 'gone' left out, which results.json does not name",
        f"{folder}/results.json does not name per-query/old.csv, per-query/older.csv: left out",
    ]


@pytest.mark.parametrize("said", ["[]", "{}", '{"datasets": []}', '{"datasets": {"x": {"systems": {}}}}', "{"])
def test_a_damaged_summary_of_a_folder_is_refused(tmp_path, said):
    folder = experiment(tmp_path, {}, x=ROW)
    file(folder, said, "results.json")
    with pytest.raises(BadInput, match=r"results\.json"):
        collected([folder])


def test_what_the_results_of_a_folder_name_has_to_be_there(tmp_path):
    folder = experiment(tmp_path, {"x": "ab", "y": "ab"}, x=ROW)
    with pytest.raises(BadInput, match=r"results.json names per-query/y.csv, which is not there; run the experiment"):
        collected([folder])
    folder = experiment(tmp_path, {"x": "abc"}, x=ROW)
    with pytest.raises(BadInput, match=r"x.csv: no values of 'c', which results.json names; run the experiment again"):
        collected([folder])


def test_a_measure_is_a_folders_and_never_a_tables(tmp_path):
    table = file(tmp_path, "system,nq\na,0.3\nb,0.2\n")
    with pytest.raises(Misuse, match="measure 'AP': a table does not say of which measure its values are"):
        collected([table], "AP")
    found = collected([table, experiment(tmp_path, {"x": "ab"}, x=ROW)], "AP")
    assert found.measure == "AP"
    assert found.notes()[0] == f"AP is of the folders; the values in {table} are taken as they stand."
    assert collected([table]).notes() == []


@pytest.mark.parametrize(
    ("text", "one"), [("system,y\na,0.3\nb,0.2\n", "'a' on 'y'"), ("system,x\nc,0.3\n", "'c' on 'x'")]
)
def test_without_values_by_query_of_all_there_is_no_vote_of_queries(tmp_path, text, one):
    folder = experiment(tmp_path, {"x": "ab"}, x=ROW)
    assert collected([folder]).whole() == {"x": {"a": {"1": 0.5}, "b": {"1": 0.25}}}
    assert collected([folder]).notes() == []
    found = collected([folder, file(tmp_path, text)])
    assert found.whole() is None
    assert found.notes()[1] == f"No Borda over queries: there are no values by query of {one}."


def test_the_names_of_a_published_collection_are_one(tmp_path):
    one = file(tmp_path, "system,SciFact\na,0.3\n")
    other = file(tmp_path, "system,beir/scifact\nb,0.2\n", "other.csv")
    folder = experiment(tmp_path / "run", {"scifact": "cd"}, scifact={"c": 0.5, "d": 0.25})
    found = collected([one, other, folder])
    assert found.table == {"a": {"SciFact": 0.3}, "b": {"SciFact": 0.2}, "c": {"SciFact": 0.5}, "d": {"SciFact": 0.25}}
    assert found.per_query == {"SciFact": {"c": {"1": 0.5}, "d": {"1": 0.25}}}
    with pytest.raises(BadInput, match=r"a second value of 'a' on 'SCIFACT', which is there, as 'SciFact'; keep one"):
        collected([one, file(tmp_path, "system,SCIFACT\na,0.3\n", "third.csv")])


def test_folders_of_the_same_collection_have_the_queries_of_both(tmp_path):
    one = experiment(tmp_path / "one", {"x": "a"}, x={"a": 0.5})
    other = experiment(tmp_path / "other", {"x": "b"}, x={"b": 0.25})
    assert collected([one, other]).whole() == {"x": {"a": {"1": 0.5}, "b": {"1": 0.25}}}


def failing(folder, named, failed, **collections):
    """A folder of results in which systems failed."""
    experiment(folder, named, **collections)
    said = json.loads((folder / "results.json").read_text())
    for label, reasons in failed.items():
        said["datasets"][label]["failed"] = reasons
    file(folder, json.dumps(said), "results.json")
    return folder


def test_a_system_that_failed_everywhere_is_left_out_with_a_note(tmp_path):
    why = {"c": "ValueError: no model."}
    found = collected([failing(tmp_path, {"x": "ab", "y": "ab"}, {"x": why, "y": why}, x=ROW, y=ROW)])
    assert {*found.table} == {"a", "b"}
    assert found.notes() == [f"'c' failed on '{one}', is left out: ValueError: no model." for one in "xy"]
    found.refuse_failed()


def test_a_system_that_failed_on_some_collections_lacks_a_value(tmp_path):
    folder = failing(tmp_path, {"x": "ab", "scifact": "b"}, {"scifact": {"a": "no memory"}}, x=ROW, scifact={"b": 0.5})
    found = collected([folder])
    assert found.failures() == ["'a' failed on 'scifact': no memory."]
    for average in ("", "beir-14"):
        with pytest.raises(BadInput) as refused:
            found.refuse_failed(average)
        assert str(refused.value) == (
            "'a' failed on 'scifact', and a mean over fewer would not compare; run the experiment again, or without "
            "one or the other: no memory"
        )
    table = file(tmp_path, "system,SciFact\na,0.25\n", "known.csv")
    found = collected([folder, table])  # another file has the value
    assert found.failures() == []
    found.refuse_failed()


def test_a_collection_outside_the_average_may_have_failed(tmp_path):
    folder = failing(tmp_path, {"x": "b", "nq": "ab"}, {"x": {"a": "no memory"}}, x={"b": 0.5}, nq=ROW)
    collected([folder]).refuse_failed("beir-14")


def test_where_all_systems_failed_on_a_collection_it_is_not_passed_over(tmp_path):
    folder = failing(tmp_path, {"x": "ab", "y": ""}, {"y": {"a": "why", "b": "why"}}, x=ROW, y={})
    found = collected([folder])
    assert {*found.table["a"]} == {"x"}
    with pytest.raises(BadInput, match="'a' failed on 'y'"):
        found.refuse_failed()


def test_where_all_systems_failed_everywhere_nothing_is_left(tmp_path):
    found = collected([failing(tmp_path, {"x": ""}, {"x": {"a": "why"}}, x={})])
    with pytest.raises(BadInput, match="'a' failed on 'x'"):
        found.refuse_failed()
