"""BM25 over two fields: each with its own statistics, summed, exact at any depth, kept and brought up to date."""

import numpy as np
import pytest

import rankify
from rankify import Corpus, Document, Query, Run
from rankify.errors import BadInput, Misuse
from rankify.indexes.manifest import Manifest
from rankify.retrieve.bm25_multifield import Field

WORDS = ["date", "time", "file", "path", "read", "write", "sort", "list", "map", "key"]


def made(count=60, seed=0):
    rng = np.random.default_rng(seed)

    def some(most):
        return " ".join(rng.choice(WORDS, rng.integers(0, most)))

    return Corpus([Document(f"d{i}", some(12), some(4)) for i in range(count)])


QUERIES = Run.of([Query("1", "date file"), Query("2", "sort sort key"), Query("3", "zebra"), Query("4", "map " * 3)])


def scores(retriever, k=60):
    return {r.query.id: dict(zip(r.ids, r.scores, strict=True)) for r in retriever.retrieve(QUERIES.queries, k)}


@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_a_score_is_that_of_the_text_plus_that_of_the_title_times_its_weight(weight):
    corpus = made()
    parts = {field: scores(rankify.retriever("bm25", list(Field(corpus, field)))) for field in ("text", "title")}
    found = scores(rankify.retriever(f"bm25-multifield?title_weight={weight}", corpus))
    for query, row in found.items():
        ids = {*parts["text"][query], *parts["title"][query]}
        expected = {d: parts["text"][query].get(d, 0) + weight * parts["title"][query].get(d, 0) for d in ids}
        assert row == pytest.approx(expected, rel=1e-6)
    assert found["3"] == {}
    assert len(found["2"]) > 20


def test_the_best_few_are_the_first_of_all():
    retriever = rankify.retriever("bm25-multifield", made())
    whole = retriever.retrieve(QUERIES.queries, 60)
    for few, all_of_it in zip(retriever.retrieve(QUERIES.queries, 7), whole, strict=True):
        assert few.ids == all_of_it.ids[:7]


def test_equal_scores_are_ordered_by_id():
    corpus = Corpus([Document(id, "other", "date") for id in ("b", "a", "c")])
    [ranking] = rankify.retriever("bm25-multifield", corpus).retrieve([Query("q", "date")], 3)
    assert ranking.ids == ["a", "b", "c"]


def test_documents_without_titles_are_those_of_bm25():
    corpus = Corpus([Document(d.id, d.text) for d in made()])
    alone = rankify.retriever("bm25", corpus)
    assert scores(rankify.retriever("bm25-multifield", corpus)) == scores(alone)


def test_an_index_is_kept_and_follows_its_corpus(tmp_path):
    folder, corpus = tmp_path / "index", made()
    first = scores(rankify.retriever("bm25-multifield", corpus, folder=str(folder)))
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert scores(rankify.retriever("bm25-multifield?k1=0.9", corpus, folder=str(folder))) == first
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == times
    larger = corpus.updated([Document("new", "date date", "file"), Document("d1", "key", "map")], ["d0"])
    assert scores(rankify.retriever("bm25-multifield", larger, folder=str(folder))) == scores(
        rankify.retriever("bm25-multifield", larger)
    )
    assert Manifest.read(folder)["corpus"] == larger.hash


def test_a_build_that_was_killed_between_the_fields_is_finished(tmp_path):
    folder, corpus = tmp_path / "index", made()
    rankify.retriever("bm25", Field(corpus, "text"), folder=str(folder / "text"))
    assert scores(rankify.retriever("bm25-multifield", corpus, folder=str(folder))) == scores(
        rankify.retriever("bm25-multifield", corpus)
    )


def test_a_folder_of_another_kind_is_refused(tmp_path):
    rankify.retriever("bm25", made(), folder=str(tmp_path / "index"))
    with pytest.raises(BadInput, match="kind"):
        rankify.retriever("bm25-multifield", made(), folder=str(tmp_path / "index"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"holds 'mine\.txt'"):
        rankify.retriever("bm25-multifield", made(), folder=str(tmp_path / "other"))


@pytest.mark.parametrize("weight", ["0", "-1", "inf"])
def test_a_weight_of_titles_that_is_none_is_refused(weight):
    with pytest.raises(Misuse, match="title_weight"):
        rankify.retriever(f"bm25-multifield?title_weight={weight}", made())


@pytest.mark.parametrize(
    ("name", "expected"),
    [("nfcorpus", [0.3254, 0.2500, 0.3718]), ("scifact", [0.6647, 0.9076, 0.9800])],
)
def test_the_published_figures_are_reached_to_the_fourth_digit(shared, name, expected):
    data = rankify.dataset(str(shared / name))  # castorini/pyserini@0a0be296, pyserini/2cr/beir.yaml
    run = rankify.retriever("bm25-multifield", data.corpus).retrieve(data.queries.queries, 1000)
    found = rankify.evaluate(run, data.qrels, "nDCG@10 R@100 R@1000")
    assert [round(value, 4) for value in found.values()] == expected
