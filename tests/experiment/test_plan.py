"""An experiment file is checked before anything starts."""

import sys
from pathlib import Path

import pytest

from rankify.errors import BadInput, MissingExtra, Misuse, RankifyError, UnknownName
from rankify.evaluation import generated
from rankify.experiment import Experiment
from rankify.experiment.measured import Measures

GOOD = {"datasets": ["pydoc"], "systems": {"bm25": "bm25 % 9"}, "measures": "RR@10"}


def test_what_is_not_said_has_a_default(experiment_file):
    read = Experiment.read(experiment_file)
    assert (read.name, read.baseline) == ("first-stages", "bm25")


def test_folders_are_relative_to_the_file(experiment_file, collection):
    assert Experiment.read(experiment_file).datasets["small"].name == str(collection)


@pytest.fixture
def elsewhere(collection, monkeypatch):
    """A folder for files of experiments, whose current directory is another one, which has the collection."""
    monkeypatch.chdir(collection.parent)
    below = collection.parent / "sub"
    below.mkdir()
    return below


def test_a_folder_of_the_current_directory_is_not_taken_for_one_beside_the_file(elsewhere, collection):
    (elsewhere / "my.yaml").write_text("datasets: [small]\nsystems: {a: bm25}\nmeasures: RR\n")
    with pytest.raises(UnknownName) as raised:
        Experiment.read(Path("sub/my.yaml"))
    assert str(raised.value) == (
        "sub/my.yaml: datasets: no folder 'small' beside the file, though in the current directory; write '../small', "
        f"as it lies from the file, or {str(collection)!r}"
    )


@pytest.mark.parametrize("absolute", [True, False])
def test_the_ways_out_of_that_lead_out(elsewhere, collection, absolute):
    name = str(collection) if absolute else "../small"
    (elsewhere / "my.yaml").write_text(f"datasets: [{name}]\nsystems: {{a: bm25}}\nmeasures: RR\n")
    [source] = Experiment.read(Path("sub/my.yaml")).datasets.values()
    assert Path(source.name).samefile(collection)


def test_nor_is_it_for_the_collection_that_tunes(elsewhere):
    system = "{pipeline: 'weighted(bm25, bm25 % 9)', tune: {dataset: small}}"
    (elsewhere / "my.yaml").write_text(f"datasets: [pydoc]\nsystems: {{a: {system}}}\nmeasures: RR\n")
    with pytest.raises(UnknownName, match=r"systems: a: no folder 'small' beside the file, though in the current dir"):
        Experiment.read(Path("sub/my.yaml"))


def test_names_of_the_catalogue_are_names_wherever_the_file_is(elsewhere):
    (elsewhere / "my.yaml").write_text("datasets: [pydoc, beir/scifact]\nsystems: {a: bm25}\nmeasures: RR\n")
    read = Experiment.read(Path("sub/my.yaml"))
    assert [source.name for source in read.datasets.values()] == ["pydoc", "beir/scifact"]


def test_a_dataset_may_have_a_split_and_a_label():
    datasets = ["beir/nfcorpus", {"name": "beir/nfcorpus", "split": "dev"}, {"name": "pydoc", "label": "python"}]
    assert list(Experiment.of({**GOOD, "datasets": datasets}).datasets) == ["nfcorpus", "nfcorpus-dev", "python"]


def test_measures_may_be_a_list():
    assert Experiment.of({**GOOD, "measures": ["RR@10", "nDCG"]}).measures == "RR@10 nDCG"


def test_what_it_says_can_be_read_again():
    read = Experiment.of({**GOOD, "name": "x", "datasets": {"name": "pydoc"}["name"]})
    again = read.as_dict()
    assert Experiment.of({**again, "datasets": [{**again["datasets"]["pydoc"], "label": "pydoc"}]}) == read


WRONG = [
    ("just text", BadInput, "a mapping with the keys"),
    ({**GOOD, "mesures": "RR"}, BadInput, "'mesures'; did you mean 'measures'?"),
    ({**GOOD, "systems": {}}, BadInput, "systems: name at least one"),
    ({**GOOD, "systems": {"a": 3}}, BadInput, "systems: a: 3 is not a pipeline"),
    ({**GOOD, "systems": {"a": "bm52"}}, UnknownName, "systems: a: no retriever or fusion 'bm52'"),
    ({**GOOD, "systems": {"a": "bm25?kk=1"}}, UnknownName, "systems: a: no option of retriever 'bm25' 'kk'"),
    ({**GOOD, "systems": {"a": "bm25 >> extractive >> embedding:x"}}, Misuse, "systems: a: 'extractive' is a reader"),
    (
        {**GOOD, "systems": {"a": "bm25 >> extractive % 3"}},
        Misuse,
        "a reader gives answers, of which there is no best 3",
    ),
    ({**GOOD, "systems": {"a": "rrf(bm25 >> extractive, bm25)"}}, Misuse, "'bm25 >> extractive' ends in a reader"),
    ({**GOOD, "systems": {"a": "bm25 % 3 >> basik:http:m"}}, UnknownName, "did you mean 'basic'?"),
    ({**GOOD, "measures": "EM"}, Misuse, "measures: EM measures answers, and no system ends in a reader"),
    ({**GOOD, "measures": "has_answer@0"}, BadInput, "measures: cannot read the measure 'has_answer@0'"),
    ({**GOOD, "measures": "RR f1"}, UnknownName, "measures: no measure 'f1'; did you mean 'F1'?"),
    ({**GOOD, "measures": "Has_answer@5"}, UnknownName, "no measure 'Has_answer'; did you mean 'has_answer'"),
    ({**GOOD, "measures": "EMM"}, UnknownName, "measures: no measure 'EMM'"),
    ({**GOOD, "systems": {"a/b": "bm25"}}, BadInput, "'a/b' cannot be a file's name"),
    ({**GOOD, "systems": {".": "bm25"}}, BadInput, "'.' cannot be a file's name"),
    ({**GOOD, "datasets": []}, BadInput, "datasets: name at least one"),
    ({**GOOD, "datasets": [3]}, BadInput, "datasets: 1st entry: 3 is not a name"),
    ({**GOOD, "datasets": ["beir/scifct"]}, UnknownName, "did you mean 'beir/scifact'"),
    ({**GOOD, "datasets": ["pydoc", "pydoc"]}, BadInput, "two are called 'pydoc'"),
    ({**GOOD, "datasets": [{"name": "pydoc", "spilt": "x"}]}, BadInput, "did you mean 'split'?"),
    ({**GOOD, "measures": None}, BadInput, "measures: name at least one"),
    ({**GOOD, "measures": "nDGC@10"}, UnknownName, "measures: no measure"),
    ({**GOOD, "measures": "nDCG@0"}, BadInput, "measures: cannot read the measure 'nDCG@0'"),
    ({**GOOD, "baseline": "bm26"}, UnknownName, "baseline: no system 'bm26'; did you mean 'bm25'?"),
    ({**GOOD, "name": "../up"}, BadInput, "name: '../up' cannot be a file's name"),
]


@pytest.mark.parametrize(("said", "kind", "message"), WRONG, ids=[m for _, _, m in WRONG])
def test_a_mistake_is_named_with_its_key(said, kind, message):
    with pytest.raises(kind) as raised:
        Experiment.of(said, where="my.yaml")
    assert str(raised.value).startswith("my.yaml: ")
    assert message in str(raised.value)


@pytest.mark.parametrize("harm", [{"mesures": "RR"}, {"systems": {"a": "bm25?k1=abc"}}, {"measures": "P"}])
def test_a_mistake_is_misuse(harm):
    with pytest.raises(RankifyError) as raised:
        Experiment.of({**GOOD, **harm})
    assert raised.value.exit_code == 2


def test_a_measure_that_cannot_be_computed_here_is_refused(monkeypatch):
    monkeypatch.setattr("ir_measures.pyndeval.is_available", lambda: False)
    with pytest.raises(MissingExtra, match=r"measures: .*pip install ir-measures\[pyndeval\]"):
        Experiment.of({**GOOD, "measures": "RR alpha_nDCG@10"})


@pytest.mark.parametrize(("measure", "library"), [("ROUGE-L", "rouge_score"), ("BLEU", "sacrebleu")])
def test_a_measure_of_answers_that_cannot_be_computed_here_is_refused(monkeypatch, measure, library):
    for module in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.setattr("rankify.evaluation.generated._scorer", generated._scorer.__wrapped__)
    with pytest.raises(MissingExtra, match=r"measures: .*rankify\[answers\]"):
        Experiment.of({**GOOD, "systems": {"a": "bm25 % 3 >> extractive"}, "measures": measure})


def test_measures_are_told_apart_by_what_they_look_at():
    systems = {"a": "bm25 % 3 >> extractive", "b": "bm25"}
    wanted = Experiment.of({**GOOD, "systems": systems, "measures": "F1 nDCG@10, has_answer@5 EM R@5"}).wanted
    assert wanted == Measures(rankings=("nDCG@10", "R@5"), passages=("has_answer@5",), answers=("F1", "EM"))


def test_two_systems_of_one_name_are_refused(tmp_path):
    path = tmp_path / "twice.yaml"
    path.write_text("datasets: [pydoc]\nsystems:\n  a: bm25\n  b: bm25\n  a: bm25 % 9\nmeasures: RR\n")
    with pytest.raises(BadInput, match=r"twice\.yaml:5: two entries are called 'a'"):
        Experiment.read(path)


def test_labels_and_values_are_texts_as_they_stand(tmp_path):
    path = tmp_path / "texts.yaml"
    path.write_text(
        "name: 1.10\ndatasets: [{name: pydoc, label: 2024_11, split: 007}]\n"
        "systems: {007: bm25, on: bm25 % 9}\nmeasures: RR\nbaseline: 007\n"
    )
    read = Experiment.read(path)
    assert (read.name, read.baseline, list(read.systems)) == ("1.10", "007", ["007", "on"])
    assert {label: source.split for label, source in read.datasets.items()} == {"2024_11": "007"}


def test_a_file_that_is_not_yaml_is_named_with_its_line(tmp_path):
    path = tmp_path / "broken.yaml"
    path.write_text("name: x\nsystems: {a: bm25\nmeasures: [")
    with pytest.raises(BadInput, match=r"broken\.yaml:\d+: not YAML"):
        Experiment.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RankifyError, match=r"nope\.yaml"):
        Experiment.read(tmp_path / "nope.yaml")


def test_a_dataset_may_say_that_documents_that_are_the_query_are_dropped():
    said = {"datasets": [{"name": "pydoc", "drop_identical_ids": "true"}], "systems": {"a": "bm25"}, "measures": "RR"}
    read = Experiment.of(said)
    assert read.datasets["pydoc"].open().drop_identical_ids is True
    assert read.as_dict()["datasets"]["pydoc"]["drop_identical_ids"] is True
    said["datasets"] = [{"name": "pydoc", "drop_identical_ids": "maybe"}]
    with pytest.raises(Misuse, match="drop_identical_ids: 'maybe' is neither true nor false"):
        Experiment.of(said)
