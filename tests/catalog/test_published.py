"""Published figures: every entry can be run, has figures and a source, and the catalogue's other figures agree."""

import csv

import pytest

from rankify import catalog, registry
from rankify.catalog.published import benchmarks, published, system
from rankify.datasets import names
from rankify.errors import UnknownName
from rankify.evaluation.averages import canonical
from rankify.evaluation.measures import computable, listed
from rankify.experiment.reproduction import catalogued
from rankify.expressions import components

THEIRS = {  # what the reference calls them
    "bm25-flat": "pyserini:bm25-flat",
    "minilm": "mteb:sentence-transformers/all-MiniLM-L6-v2",
    "splade-v3": "anserini:splade-v3.onnx",
    "bge-base": "pyserini:bge-base-en-v1.5.faiss",
}
EVERY = [(benchmark, one) for benchmark in benchmarks() for one in published(benchmark).values()]


@pytest.mark.parametrize(("benchmark", "one"), EVERY, ids=lambda value: getattr(value, "name", value))
def test_every_system_can_be_run_and_says_where_its_figures_are_from(benchmark, one):
    for pipeline in (one.pipeline, *one.instead.values()):
        for kind, spec in components(pipeline):
            registry.resolve(kind, str(spec))
            assert spec.model == "" or spec.model in catalog.models()
    assert pipeline.endswith("% 1000")
    assert one.figures
    assert {*one.instead} <= {*one.figures}
    assert 0 < one.tolerance <= 0.005
    assert one.about
    assert one.why
    assert one.source
    for collection, figures in one.figures.items():
        assert catalogued(benchmark, collection) in names()
        assert benchmark != "beir" or canonical(collection) == collection
        computable(listed(list(figures)))
        assert all(0 < value < 1 for value in figures.values())


@pytest.mark.parametrize("benchmark", benchmarks())
def test_no_two_systems_have_a_name_in_common(benchmark):
    every = [name for one in published(benchmark).values() for name in (one.name, *one.aliases)]
    assert len(every) == len({*every})
    assert all(system(benchmark, name) for name in every)


def test_the_catalogues_figures_of_bm25_are_these():
    for collection, figures in published("beir")["bm25-flat"].figures.items():
        expected = catalog.datasets()[catalogued("beir", collection)]["expected"]["bm25"]
        assert {measure: figures[measure] for measure in expected} == expected


def test_the_figures_are_those_of_the_reference(shared):
    file = shared.parent / "reference" / "beir_reference.csv"
    with file.open(encoding="utf-8") as opened:
        rows = {(r["dataset"], r["system"], r["metric"]): float(r["value"]) for r in csv.DictReader(opened)}
    for name, theirs in THEIRS.items():
        for collection, figures in published("beir")[name].figures.items():
            for measure, value in figures.items():
                assert rows[collection, theirs, measure] == value


def test_unknown_names_are_errors_with_near_ones():
    with pytest.raises(UnknownName, match="no benchmark 'bier'; did you mean 'beir'"):
        published("bier")
    with pytest.raises(UnknownName, match="no published system 'minilmm'; did you mean 'minilm'"):
        system("beir", "minilmm")
