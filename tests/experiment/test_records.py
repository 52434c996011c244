"""Records of what is finished that are no such records: their work is done again, and nothing complains."""

import json
import shutil

import pytest

from rankify.experiment import Experiment
from rankify.experiment.execute import execute
from rankify.experiment.records import recorded

RECORDS = (
    "runs/songs/read.json", "answers/songs/read.json", "tuned/songs/tuned.json", "per-query/songs.json",
    "efficiency/songs/read.json", "manifest.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """An experiment, and its folder with a record of each kind."""
    from tests.experiment.conftest import songs_in

    folder = tmp_path_factory.mktemp("finished")
    judged = songs_in(folder / "songs") / "qrels" / "test.tsv"
    header, *rows = judged.read_text("utf-8").splitlines(keepends=True)
    judged.write_text("".join([header, *rows[:3]]), "utf-8")
    judged.with_name("train.tsv").write_text("".join([header, *rows[3:]]), "utf-8")
    tune = {"split": "train", "try": {"norm": "rank"}}
    experiment = Experiment.of({
        "name": "x", "datasets": [str(folder / "songs")], "measures": "RR@10 EM",
        "systems": {
            "read": "bm25 % 4 >> extractive",
            "tuned": {"pipeline": "weighted(bm25 % 4, bm25?b=0 % 4)", "tune": tune},
        },
        "efficiency": {"queries": 1, "warm_up": 0, "repetitions": 1},
    })  # fmt: skip
    execute(experiment, folder / "out")
    return experiment, folder / "out"


@pytest.mark.parametrize("file", RECORDS)
def test_a_record_that_is_no_object_counts_as_not_there(finished, tmp_path, file):
    experiment, folder = finished
    shutil.copytree(folder, tmp_path / "out")
    whole = json.loads((folder / file).read_text("utf-8"))
    (tmp_path / "out" / file).write_text("[3]", "utf-8")
    results = execute(experiment, tmp_path / "out")
    assert json.loads((tmp_path / "out" / file).read_text("utf-8")).keys() == whole.keys()
    assert results.means()["songs"].keys() == {"read", "tuned"}


@pytest.mark.parametrize("text", ["[]", "3", "null", '"key"', "{", "", "\udcff"])
def test_only_an_object_is_a_record(tmp_path, text):
    (tmp_path / "one.json").write_text(text, "utf-8", errors="surrogateescape")
    assert recorded(tmp_path / "one.json") == {}


def test_a_file_that_is_not_there_is_no_record(tmp_path):
    assert recorded(tmp_path / "one.json") == {}


def test_an_object_is_a_record(tmp_path):
    (tmp_path / "one.json").write_text('{"key": "k"}', "utf-8")
    assert recorded(tmp_path / "one.json") == {"key": "k"}


@pytest.mark.parametrize("file", ["runs/songs/read.json", "answers/songs/read.json", "per-query/songs.json"])
def test_a_record_that_lacks_the_hash_counts_as_not_there(finished, tmp_path, file):
    experiment, folder = finished
    shutil.copytree(folder, tmp_path / "out")
    whole = json.loads((folder / file).read_text("utf-8"))
    (tmp_path / "out" / file).write_text(json.dumps({"key": whole["key"]}), "utf-8")
    execute(experiment, tmp_path / "out")
    assert json.loads((tmp_path / "out" / file).read_text("utf-8")).keys() == whole.keys()
