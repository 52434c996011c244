"""Compression: which sentences are kept, in which order, and what becomes of documents of which none is."""

import pytest

import rankify
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.rag.compress import Compress
from rankify.rag.methods.once import basic
from rankify.rag.scoring import by_reranker
from rankify.stages import Reranker
from rankify.types import Query, Ranking, Run
from tests.rag.reading import ranking
from tests.scripted_llm import Scripted

CATS = ranking(
    "What do cats eat?",
    "Pets: They sleep. Cats eat fish at night. They purr.",
    "Dogs bark.",
    "Fish: Cats eat fish. Fish swim.",
)


class Longest(Reranker):
    """Long sentences first."""

    name = "longest"

    def rerank(self, run):
        return Run(r.rescored([len(d.text) for d in r.documents]) for r in run)


def by_length(sentences):
    compress = Compress(sentences=sentences)
    compress._score = by_reranker(Longest())  # what is loaded when the first question is there
    return compress


def texts(found):
    return {document.id: document.text for document in found.documents}


def test_the_best_sentences_stand_in_their_order_in_documents_with_their_ids_titles_and_scores():
    [found] = Compress(sentences=3)(Run([CATS]))
    assert texts(found) == {"d1": "They sleep. Cats eat fish at night.", "d3": "Cats eat fish."}
    assert [document.title for document in found.documents] == ["Pets", "Fish"]
    assert found.scores.tolist() == [3, 1]
    assert found.query == CATS.query


def test_any_scorer_chooses():
    [found] = by_length(2)(Run([CATS]))
    assert texts(found) == {"d1": "Cats eat fish at night.", "d3": "Cats eat fish."}


def test_equal_scores_go_to_the_better_document_then_to_the_earlier_sentence():
    run = Run([ranking("?", "Ab. Cd.", "Ef. Gh.")])
    assert [texts(by_length(k)(run)[0]) for k in (1, 2, 3)] == [
        {"d1": "Ab."}, {"d1": "Ab. Cd."}, {"d1": "Ab. Cd.", "d2": "Ef."},
    ]  # fmt: skip


def test_of_many_equal_scores_the_first_are_kept():
    names = [f"No{letter}{other}." for letter in "abcdefgh" for other in "abcdefgh"]
    [found] = by_length(40)(Run([ranking("?", " ".join(names))]))
    assert texts(found) == {"d1": " ".join(names[:40])}


def test_a_sentence_is_kept_once_in_the_best_document():
    [found] = Compress(sentences=9)(Run([ranking("Who?", "Ann did it.", "ann did it. Bob saw.", "Ann did it.")]))
    assert texts(found) == {"d1": "Ann did it.", "d2": "Bob saw."}


def test_few_sentences_are_all_kept_whatever_they_score_and_no_text_is_no_document():
    stage = Compress(sentences=5)
    found = stage(Run([ranking("Who?", "Ann did.", "", "Bob did."), ranking("Whom?", id="empty")]))
    assert [texts(one) for one in found] == [{"d1": "Ann did.", "d3": "Bob did."}, {}]
    assert stage.counts() == {"sentences": 2, "kept": 2, "dropped": 1}
    assert found.reports[-1].stage == "compress:bm25"
    assert list(stage(Run([]))) == []


def test_each_question_has_sentences_of_its_own_whatever_the_company():
    run = Run([CATS, ranking("What do dogs do?", "Dogs bark. Cats do not.", id="dogs")])
    stage = Compress(sentences=1)
    assert list(stage(run)) == [stage(run[n : n + 1])[0] for n in range(2)]
    assert texts(stage(run)[1]) == {"d1": "Dogs bark."}


def test_what_its_file_said_of_a_document_stays_but_whether_it_has_an_answer():
    document = Document("d", "Ann. Bob.", metadata={"page": 3, "has_answer": True})
    [found] = Compress(sentences=1)(Run([Ranking(Query("q", "Bob?"), [document], [1.0])]))
    assert (found.documents[0].text, found.documents[0].metadata) == ("Bob.", {"page": 3})
    assert document.text == "Ann. Bob."


def test_a_reader_reads_and_cites_the_shortened_documents():
    llm = Scripted(lambda *_: "Fish [2].")
    [answer] = basic(llm)(Compress(sentences=2)(Run([CATS])))
    assert "Doc 1(Title: Pets) Cats eat fish at night.\nDoc 2(Title: Fish) Cats eat fish.\n" in llm.asked[0]
    assert answer.citations == ("d3",)


def test_it_stands_in_the_text_of_a_pipeline_before_a_reader():
    corpus = Corpus(CATS.documents)
    text = "bm25 % 20 >> compress:bm25?sentences=1 >> extractive"
    pipeline = rankify.pipeline(text, corpus)
    assert repr(pipeline) == "bm25 % 20 >> compress:bm25?sentences=1 >> extractive"
    [answer] = pipeline([Query("q", "What do cats eat?")])
    assert [document.text for document in answer.contexts] == [answer.text]
    assert repr(rankify.pipeline("bm25 >> compress % 3", corpus)) == "bm25 >> compress:bm25 % 3"


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        ("compress:bm52", UnknownName, "no scorer of sentences 'bm52'; did you mean 'bm25'"),
        ("compress:cross-encoder:m?max_lenght=3", UnknownName, "did you mean 'max_length'"),
        ("compress:cross-encoder", Misuse, "cannot build the reranker 'cross-encoder'"),
        ("compress?sentences=0", Misuse, "the best 0"),
        ("compress?sentences=few", Misuse, "sentences='few'"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_before_anything_is_searched(spec, error, message):
    with pytest.raises(error, match=message):
        rankify.pipeline(f"bm25 % 5 >> {spec} >> extractive", Corpus(CATS.documents))


def test_words_have_no_options():
    with pytest.raises(UnknownName, match="no option of bm25 'max_length'"):
        Compress("bm25", max_length=3)


def test_a_compression_stands_behind_a_search():
    with pytest.raises(UnknownName, match="no retriever or fusion 'compress'"):
        rankify.pipeline("compress >> extractive", Corpus(CATS.documents))


def test_an_encoder_and_its_options_are_part_of_the_spec(tmp_path):
    pytest.importorskip("torch")
    from tests.tiny import tiny_bert

    model = tiny_bert(tmp_path / "tiny")
    stage = rankify.pipeline(f"bm25 >> compress:dense:{model}?sentences=2&pooling=mean", Corpus(CATS.documents)).stages[
        1
    ]
    assert repr(stage) == f"compress:dense:{model}?sentences=2&pooling=mean"
    [found] = stage(Run([CATS]))
    assert sum(text.count(".") for text in texts(found).values()) == 2


def test_an_encoder_of_tokens_chooses_as_late_interaction_does(tmp_path):
    pytest.importorskip("torch")
    from tests.tiny_colbert import stanford

    model = stanford(tmp_path / "tiny")
    run = Run([CATS, Ranking(Query("null", "cats"), [], [])])
    tokens, reranker = (Compress(f"{name}:{model}", sentences=2)(run) for name in ("tokens", "late-interaction"))
    assert texts(tokens[0]) == texts(reranker[0])
    assert sum(text.count(".") for text in texts(tokens[0]).values()) == 2
    assert len(tokens[1]) == 0


def test_counts_are_those_of_the_last_run():
    compress = Compress(sentences=2)
    compress(Run([CATS]))
    first = compress.counts()
    compress(Run([CATS]))
    assert compress.counts() == first
