"""The catalogue of sparse encoders: every entry is read, and every field is used."""

import re

import ir_measures
import pytest

from rankify import catalog, registry
from rankify.corpus import Corpus
from rankify.encoders.sparse_weighting import Weighting, families

SPARSE = {id: entry for id, entry in catalog.models().items() if "weighting" in entry}
FIELDS = {"retriever", "reranker", "encoder", "weighting", "licence", "source", "paper", "expected", "expected_from"}


@pytest.fixture(params=SPARSE)
def id(request):
    return request.param


def test_every_field_is_known(id):
    assert set(SPARSE[id]) == FIELDS


def test_its_specs_name_components_and_their_options(id):
    for kind in ("retriever", "reranker", "encoder"):
        spec = registry.resolve(kind, id)
        assert (spec.name, spec.model) == ("sparse", id)
        registry.prepared(kind, spec, *([Corpus([])] if kind == "retriever" else []))


def test_its_weighting_is_a_familys_with_what_it_changes(id, tmp_path):
    said = dict(SPARSE[id]["weighting"])
    made = Weighting.of(id, tmp_path, {})
    family = families()[said.pop("weighting")]
    assert made == Weighting(**{**family, **said})
    assert made.described() != Weighting(**family).described()


def test_what_the_caller_says_wins(id, tmp_path):
    assert Weighting.of(id, tmp_path, {"scale": 7.0, "max_length": 9}).scale == 7
    assert Weighting.of(id, tmp_path, {"scale": 0.0}).scale == 0
    assert Weighting.of(id, tmp_path, {"weighting": "bge-m3"}) == Weighting(**families()["bge-m3"])


def test_its_source_is_its_page_and_its_papers_have_numbers(id):
    assert SPARSE[id]["source"] == f"https://huggingface.co/{id}"
    assert re.search(r"arXiv:\d{4}\.\d{5}", SPARSE[id]["paper"])
    assert SPARSE[id]["licence"] in {"Apache-2.0", "the model's card"}
    assert SPARSE[id]["expected_from"].startswith("https://")


def test_its_figures_are_of_known_measures_on_known_datasets(id):
    for dataset, figures in SPARSE[id]["expected"].items():
        assert dataset in catalog.datasets()
        for measure, value in figures.items():
            ir_measures.parse_measure(measure)
            assert 0 < value < 1
