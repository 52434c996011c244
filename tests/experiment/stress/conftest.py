"""A small collection, and a pipeline put under stress over it."""

import pytest

import rankify
from rankify.experiment.stress import stress
from rankify.io.beir import write_beir
from rankify.types import Document, Qrels, Query

WORDS = ["harbour", "lantern", "mortar", "pebble", "anchor", "violin", "candle", "ribbon", "thistle", "copper"]


@pytest.fixture
def data(tmp_path):
    """Ten queries of four words over forty documents; each has two relevant ones, and others that share a word."""
    documents = [
        Document(f"d{n:02}", f"{WORDS[n % 10]} {WORDS[(n * 3 + 1) % 10]} and the {WORDS[(n + n // 10) % 10]} of {n}.")
        for n in range(40)
    ]
    queries = [
        Query(f"q{n}", f"the {word} of {WORDS[(n * 3 + 1) % 10]} {WORDS[n - 1]}") for n, word in enumerate(WORDS)
    ]
    judged = {query.id: {f"d{n:02}": 2, f"d{n + 20:02}": 1, f"d{n + 10:02}": 0} for n, query in enumerate(queries)}
    folder = tmp_path / "small"
    write_beir(folder, documents, queries, {"test": Qrels(judged)})
    return rankify.dataset(str(folder))


@pytest.fixture
def stressed(data, tmp_path):
    """Puts a pipeline under stress, into the same folder each time unless another is named."""

    def run(pipeline, perturbations, folder="out", **options):
        return stress(pipeline, data, perturbations, folder=tmp_path / folder, **options)

    return run
