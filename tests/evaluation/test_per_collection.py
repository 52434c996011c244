"""Results read from tables, either way round, and from the folders of experiments."""

import pytest

from rankify.errors import BadInput, UnknownName
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
        ("system,nq\nbm25," + "1" * 200_000, "results.csv:2: field larger than field limit"),
        ("system,nq\nbm25,0.3\nbm25,0.4\n", r"results.csv:3: a second value of 'bm25' on 'nq'"),
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
