"""Documents found by their passages, against scoring every passage."""

from random import Random

import numpy as np
import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document, Documents
from rankify.errors import Misuse, UnknownName
from rankify.experiment.parts import Parts
from rankify.expressions import components
from rankify.indexes.manifest import Manifest
from rankify.retrieve.bm25 import BM25
from rankify.retrieve.passages import PassageSearch
from rankify.stages import Retriever
from rankify.text.chunking import Chunker
from rankify.text.passages import Passages
from rankify.types import Query, Ranking, Run

RANDOM = Random(4)
WORDS = [f"w{i}" for i in range(25)]
CORPUS = Corpus(
    Document(f"d{i}", " ".join(RANDOM.choices(WORDS, k=RANDOM.choice([0, 1, 5, 20, 60]))), RANDOM.choice(WORDS))
    for i in range(40)
)
QUERIES = [Query(f"q{i}", f"w{i} w{i + 1} w{i + 2}") for i in range(20)]
KINDS = [("max", None), ("sum", None), ("sum", 2), ("mean", None), ("mean", 3)]


def by_hand(passages, scored, by, best, k):
    """The ids and scores of the k best documents, from the scores of all passages that have one."""
    found = {}
    for passage, score in scored:
        found.setdefault(passage.rpartition("#")[0], []).append(score)
    sizes = dict(zip(passages.corpus.ids, passages.sizes.tolist(), strict=True))
    values = {}
    for id, scores in found.items():
        counted = min(sizes[id], 1 if by in ("max", "first") else best or sizes[id])
        values[id] = sum(sorted(scores, reverse=True)[:counted]) / (counted if by == "mean" else 1)
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))[:k]
    return [id for id, _ in ranked], [value for _, value in ranked]


def same(ranking, expected):
    ids, scores = expected
    assert ranking.scores.tolist() == pytest.approx(scores, rel=1e-9)
    assert ranking.ids == ids


@pytest.mark.parametrize(("by", "best"), KINDS)
@pytest.mark.parametrize("k", [1, 3, 100])
def test_scores_are_those_of_all_passages_whatever_the_depth(by, best, k):
    search = PassageSearch(CORPUS, "bm25", size=6, overlap=2, by=by, best=best)
    every = BM25(search.passages).retrieve(QUERIES, 10_000)
    for ranking, all_of_them in zip(search.retrieve(QUERIES, k), every, strict=True):
        scored = zip(all_of_them.ids, all_of_them.scores.tolist(), strict=True)
        same(ranking, by_hand(search.passages, scored, by, best, k))


class Given(Retriever):
    """Scores passages by a table, of which it may leave some out, and says how deep it was asked."""

    name = "given"

    def __init__(self, corpus, scores):
        self.corpus, self.scores, self.asked = corpus, scores, []

    def retrieve(self, queries, k):
        self.asked.append((len(queries), k))
        known = np.array([i for i, id in enumerate(self.corpus.ids) if id in self.scores], dtype=np.int64)
        scores = np.array([self.scores[self.corpus.ids[i]] for i in known])
        order = np.lexsort((self.corpus.id_ranks[known], -scores))[:k]
        return Run(Ranking(query, Documents(self.corpus, known[order]), scores[order]) for query in queries)


def given(documents, scores, **options):
    """A search over documents with so many one-word passages each, whose scores are given in their order."""
    corpus = Corpus(Document(id, " ".join("x" * n)) for id, n in documents.items())
    made = PassageSearch(corpus, lambda passages: Given(passages, scores), size=1, overlap=0, **options)
    return made, made.stage


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize(("by", "best"), KINDS)
def test_negative_scores_and_ties_change_nothing(seed, by, best):
    random = Random(seed)
    documents = {f"d{i}": random.choice([1, 1, 2, 3, 9]) for i in range(12)}
    scores = {f"{id}#{n}": random.randrange(-4, 5) / 2.0 for id, size in documents.items() for n in range(size)}
    search, _ = given(documents, scores, by=by, best=best)
    for k in (1, 2, 5, 12, 20):
        [ranking] = search.retrieve([Query("q", "")], k)
        same(ranking, by_hand(search.passages, scores.items(), by, best, k))


def test_it_searches_deeper_until_enough_documents_come_out_and_only_where_needed():
    documents = {"long": 40, **{f"d{i}": 1 for i in range(40)}}
    scores = {**{f"long#{i}": 100.0 - i for i in range(40)}, **{f"d{i}#0": 50.0 - i for i in range(40)}}
    search, inner = given(documents, scores)
    [ranking] = search.retrieve([Query("q", "")], 3)
    assert ranking.ids == ["long", "d0", "d1"]
    assert inner.asked == [(1, 6), (1, 24), (1, 80)]
    assert search.counts() == {"passages": 80}
    few, inner = given({"a": 2, "b": 1, "c": 1}, {"a#0": 3.0, "b#0": 2.0, "c#0": 1.0, "a#1": 0.5})
    assert few.retrieve([Query("q", "")], 1)[0].ids == ["a"]
    assert inner.asked == [(1, 2)]


def test_equal_documents_at_the_cut_are_ordered_by_id_however_many_there_are():
    documents = {f"d{i:02}": 2 for i in range(30)}
    search, _ = given(documents, {f"{id}#{n}": 1.0 for id in documents for n in (0, 1)})
    assert search.retrieve([Query("q", "")], 2)[0].ids == ["d00", "d01"]


def test_a_pipeline_is_asked_once_and_what_it_returns_counts(tiny_cross_encoder):
    text = f"bm25 % 30 >> cross-encoder:{tiny_cross_encoder}"
    search = PassageSearch(CORPUS, text, size=6, overlap=0)
    run = rankify.pipeline(text, search.passages)(QUERIES)
    found = search.retrieve(QUERIES, 5)
    for ranking, inner in zip(found, run, strict=True):
        same(ranking, by_hand(search.passages, zip(inner.ids, inner.scores.tolist(), strict=True), "max", None, 5))
    assert search.counts()["pairs"] == sum(map(len, run))
    assert search.counts()["passages"] == sum(map(len, run))


def test_the_first_passages_are_all_that_is_searched():
    search = PassageSearch(CORPUS, "bm25", size=6, by="first")
    firsts = Corpus(Document(d.id, " ".join(d.text.split()[:6]), d.title) for d in CORPUS)
    for found, wanted in zip(search.retrieve(QUERIES, 9), BM25(firsts).retrieve(QUERIES, 9), strict=True):
        assert (found.ids, found.scores.tolist()) == (wanted.ids, wanted.scores.tolist())
        assert found.documents.store is CORPUS


def test_what_is_shown_may_be_the_best_passage():
    corpus = Corpus([Document("a", "cat dog bird cat", "T"), Document("b", "fish dog dog fish")])
    search = PassageSearch(corpus, "bm25", size=2, overlap=0, shown="passage")
    [ranking] = search.retrieve([Query("q", "bird fish")], 5)
    assert [(d.id, d.text, d.title) for d in ranking.documents] == [("a", "bird cat", "T"), ("b", "fish dog", "")]
    [plain] = PassageSearch(corpus, "bm25", size=2, overlap=0).retrieve([Query("q", "bird fish")], 5)
    assert (plain.ids, plain.scores.tolist()) == (ranking.ids, ranking.scores.tolist())
    assert plain.documents[0] == corpus["a"]


def test_a_title_and_a_text_have_a_vector_each(tiny_bert):
    spec = f"dense:{tiny_bert}?pooling=mean"
    corpus = Corpus([Document("a", "the cat", "dog"), Document("b", "network", ""), Document("c", "", "query rank")])
    dense = rankify.retriever(spec, Corpus([Document(t, t) for t in ("dog", "the cat", "network", "query rank")]))
    [each] = dense.retrieve([Query("q", "cat")], 9)
    scores = dict(zip(each.ids, each.scores.tolist(), strict=True))
    parts = {"a": [scores["dog"], scores["the cat"]], "b": [scores["network"]], "c": [scores["query rank"]]}
    for by, value in (("max", max), ("sum", sum), ("mean", lambda s: sum(s) / len(s))):
        [found] = rankify.pipeline(f"passages({spec}, unit=fields, by={by})", corpus)([Query("q", "cat")])
        assert dict(zip(found.ids, found.scores.tolist(), strict=True)) == pytest.approx(
            {id: value(own) for id, own in parts.items()}, abs=1e-5
        )


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("by", ["sum", "mean", "max"])
@pytest.mark.parametrize("seed", range(5))
def test_titles_may_count_more_or_less_than_texts(weight, by, seed):
    random = Random(seed)
    corpus = Corpus(Document(f"d{i}", "x", random.choice(["", "t"])) for i in range(15))
    ids = [f"{d.id}#{n}" for d in corpus for n in range(1 + bool(d.title))]
    scores = {id: random.randrange(-3, 6) / 2 for id in ids}
    search = PassageSearch(corpus, lambda passages: Given(passages, scores), unit="fields", by=by, title_weight=weight)
    titles = {f"{d.id}#0" for d in corpus if d.title}
    weighed = [(id, score * (weight if id in titles else 1 - weight)) for id, score in scores.items()]
    for k in (1, 4, 15):
        [found] = search.retrieve([Query("q", "")], k)
        same(found, by_hand(search.passages, weighed, by, None, k))


def test_passages_of_tokens(tiny_bert):
    corpus = Corpus([Document("a", "the cat, dog of\nnetworks")])
    search = PassageSearch(corpus, "bm25", unit="tokens", size=4, overlap=1, tokenizer=tiny_bert)
    texts = [p.text for p in search.passages]
    assert texts[:2] == ["the cat, dog", "dog of\nnetworks"[: len(texts[1])]]
    assert texts[-1].endswith("s")
    with pytest.raises(Misuse, match="give unit=tokens"):
        PassageSearch(CORPUS, "bm25", tokenizer=tiny_bert)


def test_its_index_follows_the_corpus(tmp_path, monkeypatch):
    text = f"passages(bm25?folder={tmp_path}, size=6)"
    rankify.pipeline(text, CORPUS)
    changed = CORPUS.updated([Document("new", "w1 w2 w3")], remove=["d1"])
    seen = []
    real = rankify.retrieve.bm25.tokenized
    monkeypatch.setattr("rankify.retrieve.bm25.tokenized", lambda t, n: real((seen.append(x) or x for x in t), n))
    found = rankify.pipeline(text, changed)
    assert seen == ["w1 w2 w3"]
    assert list(found(QUERIES)) == list(rankify.pipeline("passages(bm25, size=6)", changed)(QUERIES))


@pytest.mark.parametrize(
    "text",
    [
        "passages(bm25)",
        "passages(bm25, size=6, overlap=2, by=sum, best=2, shown=passage) % 3",
        "passages(bm25 % 30, unit=sentences, title=false)",
        "passages(bm25?k1=1.2, unit=fields, by=sum, title_weight=0.3)",
        "rrf(bm25, passages(bm25, size=6))",
        "passages(rrf(bm25 % 30, bm25?k1=1.2 % 30), size=6) % 5",
    ],
)
def test_it_is_read_from_what_it_prints(text):
    made = rankify.pipeline(text, CORPUS)
    assert repr(made) == text
    again = rankify.pipeline(repr(made), CORPUS)
    assert again == made
    assert list(again(QUERIES)) == list(made(QUERIES))
    assert ("retriever", "bm25") in {(kind, spec.name) for kind, spec in components(text)}


def test_a_retriever_over_passages_is_not_the_one_over_documents():
    fused = rankify.pipeline("rrf(bm25, passages(bm25, size=6))", CORPUS)
    documents, passages = fused.parts
    assert documents.corpus is CORPUS
    assert passages.stage.corpus is passages.passages


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("passages", Misuse, r"write passages\(RETRIEVER, option=value\)"),
        ("passages()", Misuse, r"write passages\(RETRIEVER"),
        ("passages(bm25, bm25)", Misuse, r"write passages\(RETRIEVER"),
        ("bm25 >> passages(bm25)", Misuse, "stands first"),
        ("passages(bm26)", UnknownName, "did you mean 'bm25'"),
        ("passages(bm25, sise=3)", UnknownName, "did you mean 'size'"),
        ("passages(bm25, size=many)", Misuse, "size='many'"),
        ("passages(bm25, by=maxp)", UnknownName, "did you mean 'max'"),
        ("passages(bm25, best=2)", Misuse, "give by=sum or mean"),
        ("passages(bm25, by=sum, best=0)", Misuse, "best=0"),
        ("passages(bm25, unit=fields, size=3)", Misuse, "leave size"),
        ("passages(bm25, unit=tokens)", Misuse, "give tokenizer=MODEL"),
        ("passages(bm25, title_weight=0.5)", Misuse, "only for unit=fields"),
        ("passages(bm25, unit=fields, title_weight=1.5)", Misuse, r"title_weight=1\.5"),
        ("passages(bm25, shown=all)", UnknownName, "way to show passages 'all'"),
        ("passages(bm25 >> extractive)", Misuse, "ends in a reader"),
    ],
)
def test_what_makes_no_search_is_named(text, error, message):
    with pytest.raises(error, match=message):
        rankify.pipeline(text, CORPUS)


def test_no_documents_and_no_queries():
    empty = PassageSearch(Corpus(()), "bm25")
    assert [len(ranking) for ranking in empty.retrieve(QUERIES, 5)] == [0] * 20
    assert len(PassageSearch(CORPUS, "bm25").retrieve([], 5)) == 0


def test_one_passage_a_document_is_plain_search():
    whole = PassageSearch(CORPUS, "bm25", size=100)
    assert isinstance(whole.passages, Passages)
    for found, wanted in zip(whole.retrieve(QUERIES, 9), BM25(CORPUS).retrieve(QUERIES, 9), strict=True):
        assert (found.ids, found.scores.tolist()) == (wanted.ids, wanted.scores.tolist())
    assert whole.passages.chunker == Chunker.of(size=100)


def test_in_an_experiment_its_passages_have_an_index_of_their_own(tmp_path):
    text = "rrf(bm25, passages(bm25, size=6), passages(bm25, size=8))"
    parts = Parts(tmp_path)
    fused = rankify.pipeline(text, CORPUS, parts.load)
    corpora = {Manifest.read(folder)["corpus"] for folder in tmp_path.iterdir()}
    assert corpora == {CORPUS.hash, fused.parts[1].passages.hash, fused.parts[2].passages.hash}
    assert list(fused(QUERIES)) == list(rankify.pipeline(text, CORPUS)(QUERIES))
