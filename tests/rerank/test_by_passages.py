"""Documents reranked by their passages, against scoring every passage by hand."""

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.errors import Misuse, UnknownName
from rankify.experiment.parts import Parts
from rankify.expressions import components, reads
from rankify.io.beir import write_beir
from rankify.io.trec import read_run, write_run
from rankify.rerank.by_passages import ByPassages
from rankify.stages import Reranker
from rankify.types import Qrels, Query, Ranking, Run

WORDS = ["cat", "dog", "neural", "ranking", "models", "query", "the", "of", "network", "text"]
CORPUS = Corpus(
    Document(f"d{i}", " ".join(WORDS[(i * 7 + j * j) % 10] for j in range((i * 5) % 23)), ["", "Title"][i % 2])
    for i in range(12)
)
QUERIES = [Query("a", "cat of models"), Query("b", "neural ranking"), Query("c", "")]


class Largest(Reranker):
    """Scores a text by the numbers in it, and notes what it was shown."""

    name = "largest"

    def __init__(self):
        self.shown = []

    def rerank(self, run):
        self.shown.append([[(d.id, d.title, d.text) for d in ranking.documents] for ranking in run])
        return Run(r.rescored([sum(map(float, d.text.split())) for d in r.documents]) for r in run)

    def counts(self):
        return {"texts": float(sum(map(len, self.shown[-1])))}


def first_stage(*documents, query="q"):
    return Ranking(Query(query, "?"), [Document(id, text, "T") for id, text in documents], range(len(documents), 0, -1))


RUN = Run([first_stage(("a", "1 2 9 4 5"), ("b", "3 3 3"), ("c", "")), first_stage(("b", "6"), query="r")])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"a": 13, "b": 6, "c": 0}),  # 1 2 | 9 4 | 5 and 3 3 | 3
        ({"by": "first"}, {"b": 6, "a": 3, "c": 0}),
        ({"by": "sum"}, {"a": 21, "b": 9, "c": 0}),
        ({"by": "mean"}, {"a": 7, "b": 4.5, "c": 0}),
        ({"by": "sum", "best": 1}, {"a": 13, "b": 6, "c": 0}),
        ({"by": "mean", "best": 2}, {"a": 9, "b": 4.5, "c": 0}),
        ({"overlap": 1}, {"a": 13, "b": 6, "c": 0}),
        ({"size": 3, "overlap": 1}, {"a": 18, "b": 9, "c": 0}),
    ],
)
def test_a_document_scores_what_its_passages_make_of_it(options, expected):
    reranked = ByPassages(Largest(), **{"size": 2, "overlap": 0, **options})(RUN)
    assert dict(zip(reranked["q"].ids, reranked["q"].scores.tolist(), strict=True)) == expected
    assert list(expected) == reranked["q"].ids
    assert reranked["r"].scores.tolist() == [6]
    assert reranked["q"].documents[0] == RUN["q"].documents[RUN["q"].ids.index(reranked["q"].ids[0])]


def test_the_passages_of_all_queries_are_scored_together_in_the_order_of_their_documents():
    inner = Largest()
    made = ByPassages(inner, size=2, overlap=0)
    [report] = made(RUN).reports
    assert inner.shown == [[
        [("a#0", "T", "1 2"), ("a#1", "T", "9 4"), ("a#2", "T", "5"), ("b#0", "T", "3 3"), ("b#1", "T", "3"),
         ("c#0", "T", "")],
        [("b#0", "T", "6")],
    ]]  # fmt: skip
    assert (report.stage, report.counts) == (repr(made), {"passages": 7, "texts": 7})


def test_of_first_passages_the_others_are_not_scored_and_titles_may_stay_away():
    inner = Largest()
    ByPassages(inner, size=2, overlap=0, by="first", title=False)(RUN)
    assert inner.shown[0] == [[("a#0", "", "1 2"), ("b#0", "", "3 3"), ("c#0", "", "")], [("b#0", "", "6")]]


def test_two_documents_of_one_id_are_two_documents():
    run = Run([first_stage(("a", "1"), query="q"), first_stage(("a", "5"), query="r")])
    assert [r.scores.tolist() for r in ByPassages(Largest())(run)] == [[1], [5]]


def test_equal_documents_keep_the_order_of_the_run():
    run = Run([first_stage(("z", "1 1"), ("a", "1 1"), ("m", "1 1 1"))])
    assert ByPassages(Largest(), size=2, overlap=0)(run)["q"].ids == ["z", "a", "m"]


class Anew(Largest):
    """Returns its documents out of another store."""

    def rerank(self, run):
        return Run(Ranking(r.query, list(r.documents), r.scores) for r in super().rerank(run))


def test_a_reranker_may_hand_back_documents_of_its_own():
    for by in ("max", "first", "mean"):
        options = {"size": 2, "overlap": 0, "by": by}
        assert list(ByPassages(Anew(), **options)(RUN)) == list(ByPassages(Largest(), **options)(RUN))


def test_documents_of_a_corpus_are_cut_once_each(monkeypatch):
    read = []
    real = Corpus.document
    monkeypatch.setattr(Corpus, "document", lambda self, position: read.append(position) or real(self, position))
    documents = Documents(CORPUS, np.arange(5))
    run = Run(Ranking(Query(f"q{i}", "x"), documents, np.arange(5, 0, -1)) for i in range(9))

    class Asleep(Reranker):
        name = "asleep"

        def rerank(self, run):
            return run

    ByPassages(Asleep(), size=3)(run)
    assert sorted(read) == [0, 1, 2, 3, 4]


def by_hand(spec, run, *, size, by):
    """Every passage scored by itself, one query after the other."""
    scorer = rankify.reranker(spec)
    for ranking in run:
        scores = []
        for document in ranking.documents:
            words = document.text.split()
            texts = [" ".join(words[start : start + size]) for start in range(0, max(len(words), 1), size)]
            passages = [Document(f"p{i}", text, document.title) for i, text in enumerate(texts)]
            [scored] = scorer(Run([Ranking(ranking.query, passages, np.zeros(len(passages)))]))
            each = dict(zip(scored.ids, scored.scores.tolist(), strict=True))
            values = [each[f"p{i}"] for i in range(len(texts))]
            scores.append({"max": max, "first": lambda v: v[0], "sum": sum}[by](values))
        yield ranking.rescored(scores)


@pytest.mark.parametrize("by", ["max", "first", "sum"])
def test_a_cross_encoder_scores_each_passage(tiny_cross_encoder, by):
    spec = f"cross-encoder:{tiny_cross_encoder}"
    run = (rankify.retriever("bm25", CORPUS) % 9)(QUERIES)
    reranked = rankify.reranker(f"by-passages({spec}, size=4, overlap=0, by={by})")(run)
    for one, other in zip(reranked, by_hand(spec, run, size=4, by=by), strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-5)
        assert sorted(one.ids) == sorted(other.ids)


@pytest.mark.parametrize(
    "text",
    [
        "bm25 % 9 >> by-passages({})",
        "bm25 % 9 >> by-passages({}, size=4, overlap=1, by=mean, best=2, title=false) % 3",
        "bm25 >> top(5, by-passages({}, unit=sentences)) >> without-query",
        "rrf(bm25, bm25?k1=1.2 >> by-passages({}, size=4)) % 5",
    ],
)
def test_it_is_read_from_what_it_prints(text, tiny_cross_encoder):
    text = text.format(f"cross-encoder:{tiny_cross_encoder}")
    made = rankify.pipeline(text, CORPUS)
    assert repr(made) == text
    assert rankify.pipeline(repr(made), CORPUS) == made
    assert list(rankify.pipeline(repr(made), CORPUS)(QUERIES)) == list(made(QUERIES))
    assert {"bm25", "cross-encoder", "by-passages"} <= {spec.name for _, spec in components(text)}
    assert not reads(text)


def test_it_is_a_reranker_by_its_text(tiny_cross_encoder):
    text = f"by-passages(cross-encoder:{tiny_cross_encoder}, size=4)"
    made = rankify.reranker(text)
    assert repr(made) == text
    assert rankify.reranker(text, by="first").by == "first"
    assert repr(made.top(3)) == f"top(3, {text})"


def test_in_an_experiment_the_model_inside_is_loaded_once(tiny_cross_encoder, tmp_path):
    spec = f"cross-encoder:{tiny_cross_encoder}"
    made = rankify.pipeline(f"bm25 >> {spec} >> by-passages({spec}, size=4)", CORPUS, Parts(tmp_path).load)
    assert made.stages[2].reranker is made.stages[1]


def test_a_run_file_is_reranked_by_passages(tiny_cross_encoder, tmp_path, capsys):
    from rankify.cli import main

    run = (rankify.retriever("bm25", CORPUS) % 9)(QUERIES[:2])
    write_beir(tmp_path / "small", CORPUS, QUERIES[:2], {"test": Qrels({"a": {"d1": 1}, "b": {"d2": 1}})})
    write_run(run, tmp_path / "bm25.trec")
    text = f"by-passages(cross-encoder:{tiny_cross_encoder}, size=4)"
    names = [str(tmp_path / name) for name in ("small", "bm25.trec", "new.trec")]
    with pytest.raises(SystemExit) as left:
        main(["rerank", text, names[0], "--run", names[1], "-o", names[2]])
    assert left.value.code == 0, capsys.readouterr().err
    assert [r.ids for r in read_run(names[2])] == [r.ids for r in rankify.reranker(text)(run)]
    with pytest.raises(SystemExit) as left:
        main(["rerank", "by-passages(cross-encoder:x, sise=4)", names[0], "--run", names[1], "-o", names[2]])
    assert left.value.code == 2
    assert "did you mean 'size'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "by-passages(cross-encoder:{})",
            Misuse,
            r"reranks, so it stands behind a search; write bm25 % 100 >> by-pass",
        ),
        ("by-passages", Misuse, "stands behind a search"),
        ("bm25 >> by-passages", Misuse, r"write by-passages\(RERANKER, option=value\)"),
        ("bm25 >> by-passages()", Misuse, r"write by-passages\(RERANKER"),
        ("bm25 >> by-passages(bm25)", UnknownName, "no reranker 'bm25'"),
        ("bm25 >> by-passages(cross-encoder:{} % 3)", Misuse, r"write by-passages\(RERANKER"),
        ("bm25 >> by-passages(top(3, cross-encoder:{}))", Misuse, r"write by-passages\(RERANKER"),
        ("bm25 >> by-passages(cross-encoder:{}, cross-encoder:{})", Misuse, r"write by-passages\(RERANKER"),
        ("bm25 >> by-passages(cross-encoder:{}, sise=4)", UnknownName, "did you mean 'size'"),
        ("bm25 >> by-passages(cross-encoder:{}, size=0)", Misuse, "size=0"),
        ("bm25 >> by-passages(cross-encoder:{}, by=maxp)", UnknownName, "did you mean 'max'"),
        ("bm25 >> by-passages(cross-encoder:{}, best=2)", Misuse, "give by=sum or mean"),
        ("bm25 >> by-passages(cross-encoder:{}, unit=tokens)", Misuse, "give tokenizer=MODEL"),
        ("bm25 >> by-passages(cross-encoder:{}, tokenizer=x)", Misuse, "give unit=tokens"),
        ("bm25 >> by-passages(cross-encoder:{}, unit=fields)", UnknownName, "unit of passages 'fields'"),
        ("bm25 >> top(by-passages(cross-encoder:{}))", Misuse, r"write top\(20, reranker\)"),
    ],
)
def test_what_makes_no_reranker_is_named(text, error, message, tiny_cross_encoder):
    with pytest.raises(error, match=message):
        rankify.pipeline(text.replace("{}", str(tiny_cross_encoder)), CORPUS)


def test_it_takes_a_reranker():
    with pytest.raises(Misuse, match="takes a reranker, which bm25 is not"):
        ByPassages(rankify.retriever("bm25", CORPUS))
