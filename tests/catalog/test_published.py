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
    "bm25-multifield": "pyserini:bm25-multifield",
    "unicoil-noexp": "anserini:unicoil-noexp.cached",
    "splade-pp-ed": "pyserini:splade-pp-ed",
    "splade-v3": "anserini:splade-v3.onnx",
    "contriever": "pyserini:contriever",
    "contriever-msmarco": "pyserini:contriever-msmarco",
    "bge-base": "pyserini:bge-base-en-v1.5.faiss",
    "rrf-bm25-bge": "anserini-prebuilt:fusion-rrf",
    "avg-bm25-bge": "anserini-prebuilt:fusion-avg",
    "cohere-embed-english-v3.0": "pyserini:cohere-embed-english-v3.0",
    "colbertv2": "pylate:colbertv2.0",
    "answerai-colbert-small": "pylate:answerai-colbert-small-v1",
    "gte-moderncolbert": "pylate:GTE-ModernColBERT-v1",
    "tas-b": "beir-paper-2021:TAS-B",
    "minilm": "mteb:sentence-transformers/all-MiniLM-L6-v2",
    "mpnet": "mteb:sentence-transformers/all-mpnet-base-v2",
    "multi-qa-minilm": "mteb:sentence-transformers/multi-qa-MiniLM-L6-cos-v1",
    "e5-base-v2": "mteb:intfloat/e5-base-v2",
    "bge-small": "mteb:BAAI/bge-small-en-v1.5",
    "bge-large": "mteb:BAAI/bge-large-en-v1.5",
    "gte-modernbert": "mteb:Alibaba-NLP/gte-modernbert-base",
    "opensearch-doc-v2-distill": "mteb:opensearch-project/opensearch-neural-sparse-encoding-doc-v2-distill",
    "opensearch-doc-v2-mini": "mteb:opensearch-project/opensearch-neural-sparse-encoding-doc-v2-mini",
    "opensearch-doc-v3-distill": "mteb:opensearch-project/opensearch-neural-sparse-encoding-doc-v3-distill",
}
ON_MSMARCO = {
    "bm25": ("pyserini:bm25-default", "anserini:bm25-index/bm25-default"),
    "bm25-tuned": ("pyserini:bm25-tuned", "anserini:bm25-index/bm25-tuned"),
    "bm25-rm3": ("pyserini:bm25-rm3-default", "anserini:bm25-index/bm25-default+rm3"),
    "bm25-rocchio": ("pyserini:bm25-rocchio-default", "anserini:bm25-index/bm25-default+rocchio"),
    "splade-pp-ed": ("pyserini:splade-pp-ed-onnx", "anserini:splade-pp-ed.onnx/splade-pp-ed-onnx"),
    "splade-v3": ("", "anserini:splade-v3.onnx/splade-v3-onnx"),
    "bge-base": ("", "anserini:bge-base-en-v1.5.parquet.flat.onnx/bge-flat-onnx"),
}
CALLED = {  # what the reference calls these collections, and the measures there
    "msmarco/dev": ("msmarco-v1-passage.dev", "msmarco-v1-passage"),
    "trec-dl-2019": ("dl19-passage", "dl19-passage"),
    "trec-dl-2020": ("dl20-passage", "dl20-passage"),
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


@pytest.mark.parametrize("one", [one for _, one in EVERY], ids=lambda one: one.name)
def test_a_system_says_where_fewer_than_four_digits_are_published(one):
    most = max(len(repr(value).partition(".")[2]) for row in one.figures.values() for value in row.values())
    said = {places for row in one.digits.values() for places in row.values()}
    assert said == ({3} if most == 3 else set())


def test_the_catalogues_figures_of_bm25_are_these():
    for collection, figures in published("beir")["bm25-flat"].figures.items():
        expected = catalog.datasets()[catalogued("beir", collection)]["expected"]["bm25"]
        assert {measure: figures[measure] for measure in expected} == expected


def test_the_figures_are_those_of_the_reference(shared):
    file = shared.parent / "reference" / "beir_reference.csv"
    with file.open(encoding="utf-8") as opened:
        rows = {(r["dataset"], r["system"], r["metric"]): float(r["value"]) for r in csv.DictReader(opened)}
    assert {*THEIRS} == {*published("beir")}
    for name, theirs in THEIRS.items():
        for collection, figures in published("beir")[name].figures.items():
            for measure, value in figures.items():
                assert rows[collection, theirs, measure] == value


def test_the_figures_on_msmarco_are_those_of_the_reference(shared):
    file = shared.parent / "reference" / "dl_reference.csv"
    with file.open(encoding="utf-8") as opened:
        rows = {(r["dataset"], r["system"], r["metric"]): float(r["value"]) for r in csv.DictReader(opened)}
    for name, (pyserinis, anserinis) in ON_MSMARCO.items():
        for collection, figures in published("msmarco")[name].figures.items():
            (pyserini, anserini), found = CALLED[collection], set()
            for measure, value in figures.items():
                plain = measure.replace("(rel=2)", "")
                short = {"AP@1000": "MAP", "RR@10": "MRR@10", "R@1000": "R@1K"}.get(plain, plain)
                theirs = {rows.get((pyserini, pyserinis, short)), rows.get((anserini, anserinis, plain))} - {None}
                assert theirs <= {value}, (name, collection, measure)
                found |= theirs
            assert len(found) == len(figures) or (name, collection) == ("splade-v3", "msmarco/dev")
            assert any("100" in m and "1000" not in m for m in figures) == ((anserini, anserinis, "R@100") in rows)


def test_unknown_names_are_errors_with_near_ones():
    with pytest.raises(UnknownName, match="no benchmark 'bier'; did you mean 'beir'"):
        published("bier")
    with pytest.raises(UnknownName, match="no published system 'minilmm'; did you mean 'minilm'"):
        system("beir", "minilmm")
