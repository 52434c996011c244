"""The text that names a model: its backend and the rest."""

import pytest

from rankify import registry
from rankify.errors import Misuse
from rankify.experiment import Experiment
from rankify.llm.loading import backend, load


@pytest.mark.parametrize("name", registry.names("llm"))
@pytest.mark.parametrize("ending", ["", ":"])
def test_a_backend_without_its_model_is_refused_with_what_to_write(name, ending):
    with pytest.raises(Misuse, match=f"'{name}{ending}' is a backend without a model; write {name}:"):
        backend(name + ending)


def test_a_model_may_begin_with_the_name_of_a_backend():
    assert [backend(text).model for text in ("hf-internal/hf", "./simulated", "cached:simulated")] == [
        "hf-internal/hf", "./simulated", "simulated",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["simulated", "simulated?noise=1", "cached:simulated"])
def test_loading_says_it(text):
    with pytest.raises(Misuse, match="write simulated:FILE"):
        load(text)


@pytest.mark.parametrize("model", ["simulated", "cached:simulated", "simulated?noise=1"])
def test_an_experiment_says_it_before_anything_runs(model):
    said = {"datasets": ["pydoc"], "systems": {"a": f"bm25 % 20 >> setwise:{model}"}, "measures": "RR"}
    with pytest.raises(Misuse, match=r"experiment: systems: a: .*write simulated:FILE"):
        Experiment.of(said)
