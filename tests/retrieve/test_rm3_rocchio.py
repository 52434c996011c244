"""RM3 and Rocchio over BM25: their formulas by hand, their terms, what they count, how they are written."""

import math
from collections import Counter

import numpy as np
import pytest

from rankify import expressions, registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.rm3 import RM3, relevance_model
from rankify.retrieve.rocchio import Rocchio, mean
from rankify.types import Query, Ranking, Run

TEXTS = [
    "cat dog dog fox", "cat owl owl owl fox", "elk hen", "ant ant bee", "dog cow pig", "owl bee bee", "pig hen",
    "fox fox", "elk cow", "hen ant", "bee", "cow", "ant", "elk", "pig owl",
]  # fmt: skip
CORPUS = Corpus(Document(f"d{i}", text) for i, text in enumerate(TEXTS))
QUERIES = [Query("1", "cat"), Query("2", "cat cat zebra"), Query("3", "hen elk")]


@pytest.fixture(scope="module")
def bm25():
    return BM25(CORPUS, analyzer="whitespace", threads=1)


@pytest.fixture(scope="module")
def found(bm25):
    return (bm25 % 10)(QUERIES)


def by_hand(found, query, n, m, weight):
    """RM3's terms and weights in plain float64."""
    model = Counter()
    for document, score in list(found)[:n]:
        kept = sorted(Counter(document.text.split()).items(), key=lambda item: (-item[1], item[0]))[:m]
        for term, count in kept:
            model[term] += count / sum(c for _, c in kept) * score
    kept = sorted(model.items(), key=lambda item: (-item[1], item[0]))[:m]
    words = query.split()
    mixed = Counter({term: weight * words.count(term) / len(words) for term in words})
    for term, share in kept:
        mixed[term] += (1 - weight) * share / sum(s for _, s in kept)
    return dict(mixed)


@pytest.mark.parametrize(("n", "m", "weight"), [(10, 10, 0.5), (2, 2, 0.5), (1, 3, 0.2), (10, 1, 0.9)])
def test_rm3_by_hand(bm25, found, n, m, weight):
    stage = RM3(bm25, documents=n, terms=m, query_weight=weight, max_df=1.0)
    for ranking, asked in zip(found, stage.queries(found), strict=True):
        wanted = by_hand(ranking, ranking.query.text, n, m, weight)
        assert asked == pytest.approx(wanted, abs=1e-6)


def test_a_word_of_the_query_that_no_document_has_takes_its_share(bm25, found):
    asked = RM3(bm25, max_df=1.0).queries(found)
    assert asked[1]["zebra"] == pytest.approx(0.5 / 3)
    assert asked[1]["cat"] < asked[0]["cat"]


@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_the_query_alone_and_the_model_alone(bm25, found, weight):
    [asked, *_] = RM3(bm25, query_weight=weight, max_df=1.0).queries(found)
    assert set(asked) - {"cat"} == (set() if weight else {"dog", "fox", "owl"})


def rocchio_by_hand(found, query, n, m, shares):
    """Rocchio's terms and weights in plain float64; the second share is that of the last documents."""
    words = Counter(query.split())
    moved = Counter({t: shares[0] * c / math.hypot(*words.values()) for t, c in words.items()})
    documents = [list(found)[:n], list(found)[::-1][:n]]
    for share, some in zip(shares[1:], documents, strict=False):
        total = Counter()
        for document, _ in some:
            counts = Counter(document.text.split())
            for term, count in counts.items():
                total[term] += count / math.hypot(*counts.values()) / len(some)
        kept = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:m]
        for term, value in kept:
            moved[term] += share * value / math.hypot(*(v for _, v in kept))
    return {term: weight for term, weight in moved.items() if weight > 0}


@pytest.mark.parametrize(("n", "m"), [(10, 10), (2, 2), (1, 3)])
@pytest.mark.parametrize("negative", [False, True])
def test_rocchio_by_hand(bm25, found, n, m, negative):
    options = {"documents": n, "terms": m, "bottom_documents": n, "bottom_terms": m, "gamma": 0.5}
    stage = Rocchio(bm25, negative=negative, max_df=1.0, **options)
    for ranking, asked in zip(found, stage.queries(found), strict=True):
        wanted = rocchio_by_hand(ranking, ranking.query.text, n, m, [1, 0.75, *([-0.5] if negative else [])])
        assert asked == pytest.approx(wanted, abs=1e-6)


def test_what_the_last_documents_have_in_common_with_nothing_else_is_left_out(bm25, found):
    run = Run([Ranking(QUERIES[2], [CORPUS["d2"], CORPUS["d3"]], [2, 1])])
    [asked] = Rocchio(bm25, documents=1, negative=True, bottom_documents=1, max_df=1.0).queries(run)
    assert set(asked) == {"hen", "elk"}


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_the_second_search_sums_weighted_scores(bm25, found, stage):
    refined = stage(bm25, max_df=1.0)
    asked = refined.queries(found)
    for ranking, terms in zip((refined % 15)(found), asked, strict=True):
        wanted = Counter()
        for term, weight in terms.items():
            for document, score in (bm25 % 15)([Query("q", term)])[0]:
                wanted[document.id] += weight * score
        assert dict(zip(ranking.ids, ranking.scores, strict=True)) == pytest.approx(dict(wanted), rel=1e-5)


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_it_finds_documents_without_a_word_of_the_query(bm25, found, stage):
    after = (stage(bm25, max_df=1.0) % 15)(found)
    assert {"d4", "d5", "d7"} <= set(after[0].ids) - set(found[0].ids)
    assert after[0].documents.store is CORPUS


TRICKY = Corpus(
    Document(id, text)
    for id, text in [
        ("a", "cat x ab é9 naïve up-to all a23456789012345678901 a2345678901234567890"),
        *((f"b{i}", "all filler") for i in range(9)),
    ]
)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, {"ab", "a2345678901234567890", "cat"}),
        ({"filter_terms": False}, {"ab", "a2345678901234567890", "cat", "é9", "naïve", "up-to"}),
        ({"max_df": 1.0}, {"ab", "a2345678901234567890", "cat", "all"}),
    ],
)
def test_terms_that_may_be_feedback(options, wanted):
    bm25 = BM25(TRICKY, analyzer="whitespace", threads=1)
    [asked] = RM3(bm25, **options).queries((bm25 % 1)([Query("q", "cat")]))
    assert set(asked) == wanted


def test_of_equal_terms_the_first_in_the_alphabet_are_kept():
    bm25 = BM25(Corpus([Document("a", "pig cow bee ant"), *CORPUS]), analyzer="whitespace", threads=1)
    run = (bm25 % 1)([Query("q", "pig cow bee ant")])
    for stage in (RM3(bm25, terms=2, query_weight=0.0, max_df=1.0), Rocchio(bm25, terms=2, alpha=0.0, max_df=1.0)):
        assert set(stage.queries(run)[0]) == {"ant", "bee"}


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_queries_without_documents_are_searched_for_as_they_are_and_counted(bm25, found, stage):
    run = Run([found[0], Ranking(Query("x", "pig")), Ranking(Query("y", "")), Ranking(Query("z", "zebra"))])
    after = (stage(bm25) % 5)(run)
    assert after[1:] == (bm25 % 5)(run.queries[1:])[:]
    assert after.reports[-1].counts == {"refined": 1, "kept": 3}
    assert len(stage(bm25)([])) == 0


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_documents_without_a_term_that_may_be_feedback_add_nothing(bm25, stage):
    run = Run([Ranking(QUERIES[0], [Document("new", ""), Document("other", "x !")], [2, 1])])
    asked = stage(bm25).queries(run)
    assert set(asked[0]) == {"cat"}
    assert (stage(bm25) % 5)(run)[0].ids == (bm25 % 5)(QUERIES[:1])[0].ids


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_documents_from_elsewhere_are_learnt_from(bm25, stage):
    run = Run([Ranking(QUERIES[0], [Document("new", "pig pig unheard")], [1])])
    [asked] = stage(bm25, max_df=1.0).queries(run)
    assert set(asked) == {"cat", "pig"}
    assert (stage(bm25, max_df=1.0) % 15)(run)[0].ids[-1] in {"d4", "d6", "d14"}


def test_scores_that_cannot_weigh_are_refused(bm25):
    run = Run([Ranking(QUERIES[0], [CORPUS["d0"], CORPUS["d1"]], [0.5, -3])])
    with pytest.raises(
        BadInput, match=r"query '1': rm3 weighs documents by scores above 0, unlike -3; .*weighted=false"
    ):
        RM3(bm25)(run)
    alike = Run([Ranking(QUERIES[0], run[0].documents, [1, 1])])
    assert RM3(bm25, weighted=False)(run) == RM3(bm25)(alike)


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_all_together_as_one_by_one(bm25, found, stage, monkeypatch):
    refined = stage(bm25) % 9
    together = refined(found)
    assert list(together) == [refined(Run([ranking]))[0] for ranking in found]
    monkeypatch.setattr("rankify.retrieve.term_feedback.TOGETHER", 2)
    assert refined(found) == together


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_english_texts_and_titles_are_analysed_as_the_index_is(stage):
    documents = [Document("a", "The cats' dens", "Foxes hopping"), *(Document(f"b{i}", "rest") for i in range(20))]
    bm25 = BM25(Corpus(documents), threads=1)
    [asked] = stage(bm25).queries((bm25 % 5)([Query("q", "cats")]))
    assert set(asked) == {"cat", "den", "fox", "hop"}


@pytest.mark.parametrize("variant", ["robertson", "bm25l", "bm25+"])
def test_any_variant_of_bm25_searches_again(variant):
    bm25 = BM25(CORPUS, analyzer="whitespace", variant=variant, threads=1)
    run = (bm25 % 10)(QUERIES)
    assert len(RM3(bm25, max_df=1.0)(run)[0]) > len(run[0])


def test_sums_without_anything_to_add_up_stay_zero():
    none = np.zeros((2, 0), np.float32)
    assert relevance_model(none, np.ones(2, np.float32), terms=3).shape == mean(none, terms=3).shape == (0,)
    zeros = np.zeros((2, 3), np.float32)
    assert not relevance_model(zeros, np.ones(2, np.float32), terms=2).any()
    assert not mean(zeros, terms=2).any()


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rm3", {"terms": 0}, "rm3 with terms=0: it is a whole number from 1 up"),
        ("rm3", {"documents": True}, "documents=True"),
        ("rm3", {"query_weight": 1.5}, r"query_weight=1\.5: it is from 0 to 1"),
        ("rm3", {"query_weight": math.nan}, "query_weight=nan"),
        ("rm3", {"max_df": 0}, "max_df=0: it is a share"),
        ("rocchio", {"alpha": -1}, "alpha=-1: it is a number from 0 up"),
        ("rocchio", {"beta": math.inf}, "beta=inf"),
        ("rocchio", {"gamma": math.nan}, "gamma=nan"),
        ("rocchio", {"bottom_documents": 0}, "bottom_documents=0"),
        ("rocchio", {"max_df": 1.1}, "max_df=1.1"),
    ],
)
def test_options_that_cannot_be_are_refused(bm25, name, options, message):
    with pytest.raises(Misuse, match=message):
        registry.find("refinement", name)(bm25, **options)


@pytest.mark.parametrize("stage", [RM3, Rocchio])
def test_it_searches_with_bm25(stage):
    with pytest.raises(Misuse, match="searches with bm25, which 'dense' is not"):
        stage("dense")


@pytest.mark.parametrize(
    "text",
    [
        "bm25 % 20 >> rm3(bm25) % 10",
        "bm25?k1=1.2 >> rm3(bm25?k1=1.2, terms=20, query_weight=0.6, weighted=false) % 10 % 5",
        "bm25 % 20 >> rocchio(bm25, documents=3, negative=true, gamma=0.1)",
        "rrf(bm25 % 9, bm25 % 9 >> rm3(bm25, max_df=0.5) % 9)",
    ],
)
def test_a_pipeline_reads_back_from_its_text(text):
    stage = expressions.pipeline(text, CORPUS)
    assert repr(stage) == text
    assert stage(QUERIES) == expressions.pipeline(repr(stage), CORPUS)(QUERIES)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("rm3(bm25)", Misuse, r"nothing to learn from; write bm25 % 100 >> RERANKER >> rm3\(bm25\)"),
        ("bm25 >> rm3", Misuse, r"cannot read 'rm3'; write rm3\(bm25\)"),
        ("bm25 >> rocchio(dense:x)", Misuse, r"rocchio cannot search with 'dense:x'; write rocchio\(bm25\)"),
        ("bm25 >> rm3(bm25, term=9)", UnknownName, "did you mean 'terms'"),
        ("bm25 >> rm3(bm25, weighted=9)", Misuse, "should be true or false"),
    ],
)
def test_a_wrong_text_is_refused_before_anything_is_built(text, error, message):
    with pytest.raises(error, match=message):
        expressions.reads(text)
