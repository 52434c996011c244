"""An entry of an experiment that stands for several systems."""

import pytest

from rankify.errors import Misuse, UnknownName
from rankify.experiment import Experiment
from rankify.experiment.grids import LONGEST, MOST, expanded

GRID = {"pipeline": "bm25?k1={k1}&b={b} % 9", "k1": ["0.9", "1.2"], "b": ["0.4", "0.75"]}


def of(**systems):
    return Experiment.of({"datasets": ["pydoc"], "systems": systems, "measures": "RR@10"})


def test_a_grid_is_a_system_for_each_combination_of_its_values():
    assert of(bm25=GRID).systems == {
        "bm25-k1=0.9-b=0.4": "bm25?k1=0.9&b=0.4 % 9",
        "bm25-k1=0.9-b=0.75": "bm25?k1=0.9&b=0.75 % 9",
        "bm25-k1=1.2-b=0.4": "bm25?k1=1.2&b=0.4 % 9",
        "bm25-k1=1.2-b=0.75": "bm25?k1=1.2&b=0.75 % 9",
    }


def test_a_value_may_stand_in_any_part_of_a_pipeline_and_twice():
    said = {"pipeline": "rrf(bm25 % {depth}, bm25?k1=2 % {depth}) % 5", "depth": [10, 20]}
    assert list(of(a=said).systems.values()) == [said["pipeline"].replace("{depth}", d) for d in ("10", "20")]


def test_a_mapping_without_values_is_the_pipeline_that_it_has():
    assert of(a={"pipeline": "bm25 % 9"}).systems == {"a": "bm25 % 9"}


def test_one_value_needs_no_list():
    assert list(of(a={"pipeline": "bm25?k1={k1}", "k1": "1.5"}).systems) == ["a-k1=1.5"]


def test_braces_that_no_grid_names_are_part_of_a_pipelines_text():
    text = "web:template?url=http://x/find?q={query}&results=r&fetch=false"
    assert of(a=text).systems == {"a": text}


def test_values_that_no_file_could_be_named_after_have_names_of_their_own():
    said = {"pipeline": "bm25 >> cross-encoder:{model}", "model": ["a/b", "a-b", "a" * 300]}
    labels = list(expanded("x", said))
    assert len(set(labels)) == 3
    assert labels[1] == "x-model=a-b"
    assert labels[0].startswith("x-model=a-b-")
    assert max(map(len, labels)) <= LONGEST + 7


def test_the_fusion_of_a_grid_may_be_tuned():
    said = {"pipeline": "rrf(bm25, bm25?k1={k1})", "k1": [1, 2], "tune": "train"}
    made = of(a=said)
    assert {label: one.parts[1] for label, one in made.untuned.items()} == {
        "a-k1=1": "bm25?k1=1",
        "a-k1=2": "bm25?k1=2",
    }


def test_what_a_grid_became_can_be_read_again():
    made = of(bm25=GRID)
    said = made.as_dict()
    assert Experiment.of({**said, "datasets": ["pydoc"]}, where="experiment") == made


def test_as_many_combinations_as_may_be_are_taken():
    assert len(expanded("a", {"pipeline": "bm25 % {k}", "k": list(range(MOST))})) == MOST


WRONG = [
    ({"pipeline": "bm25 % {k}", "k": []}, Misuse, "k: the grid is empty"),
    ({"pipeline": "bm25 % {k}"}, Misuse, r"\{k\} in the pipeline has no values"),
    ({"pipeline": "bm25 % 9", "depths": [1]}, Misuse, "depths: the pipeline has no place for it"),
    ({"pipeline": "bm25 % {depth}", "depth": [1], "dept": [2]}, UnknownName, "no key 'dept'; did you mean 'depth'"),
    ({"pipeline": "bm25", "seed": [2]}, UnknownName, "no key 'seed'; did you mean 'seeds'"),
    ({"pipeline": "bm25 % {k}", "k": [1, "1"]}, Misuse, "k: 1 stands there twice"),
    ({"pipeline": "bm25 % {k}", "k": [[1]]}, Misuse, r"k: \[1\] is not a value"),
    ({"pipeline": "bm25 % {k}", "k": {"a": 1}}, Misuse, "k: {'a': 1} is not a value"),
    ({"pipeline": "bm25 % {k}", "k": list(range(MOST + 1))}, Misuse, "101 combinations are more than 100"),
    ({"pipeline": "bm25?k1={k}&b={l}", "k": list(range(11)), "l": list(range(10))}, Misuse, "110 combinations"),
    ({"pipelin": "bm25"}, UnknownName, "no key 'pipelin'; did you mean 'pipeline'"),
    ({"k": [1]}, Misuse, "it has no pipeline"),
    ({"pipeline": ["bm25"]}, Misuse, "it has no pipeline"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "error", "message"), WRONG, ids=[row[2] for row in WRONG])
def test_what_makes_no_grid_is_refused_with_its_key(said, error, message):
    with pytest.raises(error, match=f"^experiment: systems: a: {message}"):
        of(a=said)


def test_a_system_that_is_called_as_one_of_a_grid_is_refused():
    with pytest.raises(Misuse, match="two systems are called 'a-k=1'"):
        of(**{"a": {"pipeline": "bm25 % {k}", "k": [1]}, "a-k=1": "bm25"})
