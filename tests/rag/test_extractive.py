"""The extractive reader: which sentences it chooses, what it cites, and what it makes of nothing."""

import numpy as np
import pytest

import rankify
from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.evaluation import evaluate_answers
from rankify.rag.extractive import Extractive
from rankify.rag.scoring import expected
from rankify.types import Query, Ranking, Run


def asked(question, *texts, titles=()):
    titles = [*titles, *[""] * len(texts)]
    documents = [Document(f"d{i}", text, title) for i, (text, title) in enumerate(zip(texts, titles, strict=False))]
    return Ranking(Query("q", question), documents, range(len(texts), 0, -1))


def answer(question, *texts, titles=(), **options):
    [found] = Extractive(**options)(Run([asked(question, *texts, titles=titles)]))
    return found


LOVELACE = (
    "Early computing\n\nAda Lovelace was a mathematician. She wrote the first published algorithm in 1843! "
    "Her father was Lord Byron."
)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Who was the father of Ada Lovelace?", "Her father was Lord Byron."),
        ("When was the first algorithm published?", "She wrote the first published algorithm in 1843!"),
        ("mathematicians", "Ada Lovelace was a mathematician."),
    ],
)
def test_the_sentence_that_shares_the_questions_words_is_the_answer(question, sentence):
    found = answer(question, "Something else entirely.", LOVELACE)
    assert found.text == sentence
    assert found.citations == ("d1",)
    assert [c.id for c in found.contexts] == ["d0", "d1"]
    assert found.confidence > 0


@pytest.mark.parametrize(
    "text",
    [
        "Who wrote Hamlet? William Shakespeare wrote it.",
        "Who wrote Hamlet\n\nWilliam Shakespeare wrote it.",
        "Hamlet wrote.\n\nWilliam Shakespeare wrote it.",
        "Hamlet, Hamlet and Hamlet.\n\nHe who wrote: Hamlet.\n\nWilliam Shakespeare wrote it.",
        "Hamlet: who wrote it, a heading\n\nWilliam Shakespeare wrote it.",
        "- Hamlet wrote a list item\n\nWilliam Shakespeare wrote it.",
    ],
)
def test_repeating_the_question_and_headings_do_not_win(text):
    assert answer("Who wrote Hamlet?", text, titles=["Hamlet"]).text == "William Shakespeare wrote it."


@pytest.mark.parametrize("first", ["What is a monad?", "What a monad is.", "What is a monad: overview\n\n"])
def test_more_of_the_questions_words_do_not_make_up_for_saying_nothing(first):
    assert answer("what is a monad", f"{first} A monad is a monoid.").text == "A monad is a monoid."


def test_better_documents_and_earlier_sentences_come_first_among_near_equals():
    assert answer("cats", "Cats purr.", "Cats, cats purr.").citations == ("d0",)
    assert answer("cats", f"{'Cats ' * 9}purr. {'Cats ' * 10}sleep.").text.endswith("purr.")


@pytest.mark.parametrize("text", ["Who wrote Hamlet?", "Hamlet", "- Hamlet", "..."])
def test_what_is_left_is_the_answer_when_there_is_nothing_better(text):
    assert answer("Who wrote Hamlet?", text).text == text


def test_without_a_word_in_common_the_first_sentence_of_the_best_document_stands():
    found = answer("xyzzy", "Alpha is first. Beta is second.", "Gamma is third.")
    assert (found.text, found.confidence) == ("Alpha is first.", 0)


def test_a_fragment_with_the_words_is_better_than_a_sentence_without_any():
    assert answer("capital of France", "Nothing to see here. Move on.", "Capital of France: Paris").text.endswith(
        "Paris"
    )


def test_the_title_gives_its_words_to_every_sentence():
    texts = ["He was born in Ulm.", "He was born in Bonn."]
    found = answer("Where was Einstein born?", *texts, titles=["Beethoven", "Einstein"])
    assert found.citations == ("d1",)


def test_equal_sentences_go_to_the_better_document():
    assert answer("cats", "Cats purr.", "Cats purr.").citations == ("d0",)


def test_several_sentences_stand_in_the_order_of_the_documents():
    documents = "Pears are green. No.", "Yes. Red apples are red apples today."
    assert answer("red apples green", *documents).citations == ("d1",)
    found = answer("red apples green", *documents, sentences=2)
    assert found.text == "Pears are green. Red apples are red apples today."
    assert found.citations == ("d0", "d1")


def test_a_document_is_cited_once():
    assert answer("cats dogs", "Cats purr. Dogs bark.", sentences=2).citations == ("d0",)


def test_only_the_top_documents_are_read():
    found = answer("cats", "Birds sing.", "Fish swim.", "Cats purr.", top=2)
    assert found.text == "Birds sing."
    assert len(found.contexts) == 2


@pytest.mark.parametrize("texts", [(), ("",), (" \n", "")])
def test_nothing_to_read_gives_an_empty_answer_without_citations(texts):
    found = answer("anything?", *texts)
    assert (found.text, found.citations, found.confidence) == ("", (), None)
    assert len(found.contexts) == len(texts)


@pytest.mark.parametrize("question", ["", "?", "the of and", "x " * 10_000, "東京", "\u0000"])
def test_any_question_is_read(question):
    assert answer(question, "東京は首都です。Cats purr.").text


def test_a_question_in_another_script_finds_its_sentence():
    assert answer("北京在哪里", "上海很大。北京在中国。").text == "北京在中国。"


def test_an_answer_does_not_depend_on_the_questions_beside_it():
    run = Run(
        Ranking(Query(str(i), q), asked(q, LOVELACE).documents, [1])
        for i, q in enumerate(["father", "algorithm", "mathematician", "x"])
    )
    together = Extractive()(run)
    assert together == [Extractive()(run[i : i + 1])[0] for i in range(4)]
    assert Extractive()(Run(())) == []


@pytest.mark.parametrize(
    ("question", "sentence", "has"),
    [
        ("When did it land?", "It landed in 1969.", True),
        ("When did it land?", "It landed late.", False),
        ("How many moons has 1 planet?", "1 planet has many.", False),
        ("Who was Ada's father?", "Her father was Lord Byron.", True),
        ("Who was Ada's father?", "He was a poet.", False),
        ("Why?", "In 1969, by Lord Byron.", False),
    ],
)
def test_a_question_expects_a_number_or_a_name(question, sentence, has):
    assert expected(question)(sentence) is has


class Letters:
    """An encoder whose vectors count letters, and that counts what it encodes."""

    encoded = 0

    def __init__(self, model, *, scale=1.0):
        self.model, self.scale = model, scale

    def encode_queries(self, texts):
        return np.array([[t.lower().count(c) for c in "abcdefghijklmnopqrstuvwxyz"] for t in texts], dtype=np.float32)

    def encode_documents(self, documents):
        Letters.encoded += len(documents)
        return self.encode_queries([f"{d.title} {d.text}" for d in documents]) * self.scale


@pytest.fixture
def _letters(monkeypatch):
    monkeypatch.setitem(registry.BUILTIN["encoder"], "letters", f"{__name__}:Letters")
    monkeypatch.setattr(Letters, "encoded", 0)


@pytest.mark.usefixtures("_letters")
def test_an_encoder_can_choose():
    reader = rankify.reader("extractive?scorer=letters:x")
    answers = reader(Run([asked("zzz", "Aaa bbb. Zz aa. Zzzz bb.")]))
    assert answers[0].text == "Zzzz bb."
    assert answers[0].confidence == 12


@pytest.mark.usefixtures("_letters")
def test_a_sentence_is_encoded_once_for_all_questions():
    run = Run(Ranking(Query(str(i), "q"), [Document("a", "One. Two. Three.")], [1]) for i in range(9))
    Extractive(scorer="letters:x")(run)
    assert Letters.encoded == 3


@pytest.mark.usefixtures("_letters")
@pytest.mark.parametrize("texts", [(), ("",)])
def test_an_encoder_copes_with_nothing(texts):
    assert answer("q", *texts, scorer="letters:x").text == ""


@pytest.mark.usefixtures("_letters")
@pytest.mark.parametrize("spec", ["extractive", "extractive?sentences=3&top=2", "extractive?scorer=letters:a/b-c"])
def test_a_reader_reads_back_from_its_spec(spec):
    assert repr(rankify.reader(spec)) == spec


@pytest.mark.usefixtures("_letters")
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"scorer": "bm52"}, UnknownName, "did you mean 'bm25'"),
        ({"scorer": "letters:x?scael=2"}, UnknownName, "did you mean 'scale'"),
        ({"scorer": "letters"}, BadInput, "cannot build the encoder 'letters'"),
        ({"analyzer": "englisch"}, UnknownName, "did you mean 'english'"),
        ({"sentences": 0}, BadInput, "a depth is a whole number"),
        ({"top": 0}, BadInput, "a depth is a whole number"),
    ],
)
def test_wrong_options_say_so_before_anything_is_read(options, error, message):
    with pytest.raises(error, match=message):
        Extractive(**options)


def test_on_natural_questions_with_the_gold_passage_the_answer_is_mostly_in_the_sentence(shared):
    from rankify.io.dpr import read_dpr

    run = read_dpr(shared / "nq-open-oracle" / "nq-open-oracle.jsonl")
    scores = evaluate_answers(Extractive()(run), measures="contains")
    assert scores["contains"] == pytest.approx(0.697, abs=0.01)  # the first sentence: .620, any sentence: .999
