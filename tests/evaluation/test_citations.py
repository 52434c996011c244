"""ALCE's citation recall and precision, case by case, with a model of inference that a test writes."""

from math import isnan

import pytest

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.evaluation.citations import evaluate_citations
from rankify.types import Answer, Query

DOCUMENTS = tuple(Document(f"d{n}", f"text {n}", f"title {n}") for n in range(1, 5))


def premise(*numbers):
    return "\n".join(f"Title: title {n}\ntext {n}" for n in numbers)


class Model:
    """Entails what it was told: pairs of (numbers of the documents, sentence)."""

    def __init__(self, *pairs):
        self.pairs, self.asked = {(premise(*numbers), text) for numbers, text in pairs}, []

    def __call__(self, pairs):
        self.asked.append(list(pairs))
        return [pair in self.pairs for pair in pairs]


def scores(text, *pairs, model=None):
    answer = Answer(query=Query("q", "?"), text=text, contexts=DOCUMENTS)
    found = evaluate_citations([answer], model or Model(*pairs))
    return found["citation_recall"], found["citation_precision"]


def test_a_sentence_is_supported_by_all_that_it_cites_together():
    assert scores("Cats purr [1][2].", ((1, 2), "Cats purr.")) == (1.0, 1.0)  # neither alone, and not without either


def test_a_citation_that_is_not_needed_costs_precision():
    pairs = [((1, 2), "Cats purr."), ((1,), "Cats purr.")]
    assert scores("Cats purr [1][2].", *pairs) == (1.0, 0.5)


def test_a_citation_without_which_the_others_are_enough_is_not_needed():
    pairs = [((1, 2, 3), "Cats purr."), ((1, 2), "Cats purr.")]
    assert scores("Cats purr [1, 2, 3].", *pairs) == (1.0, pytest.approx(2 / 3))


def test_a_sentence_that_cites_nothing_or_what_was_not_shown_is_not_supported():
    assert scores("Cats purr. Dogs bark [1].", ((1,), "Dogs bark.")) == (0.5, 1.0)
    assert scores("Cats purr [0]. Dogs bark [1].", ((4,), "Cats purr."), ((1,), "Dogs bark.")) == (0.5, 1.0)
    assert scores("Cats purr [9].", ((4,), "Cats purr.")) == (0.0, 0.0)


def test_a_citation_of_what_was_not_shown_counts_wherever_it_stands():
    pairs = [((1, 2, 3), "Cats purr."), ((1,), "Cats purr."), ((2,), "Cats purr."), ((3,), "Cats purr.")]
    assert scores("Cats purr [1][2][3].", *pairs) == (1.0, 1.0)
    assert scores("Cats purr [1][2][3][9].", *pairs) == (0.0, 0.0)
    assert scores("Cats purr [1][2][3][4].", *pairs) == (1.0, 1.0)  # one too many is left out


@pytest.mark.parametrize(
    "end", ['."', ".\u201d", ".\u2019", ".)", '!").', "?\u00bb", ".']", ".\u3002", ".\u300d", ".\u300f"]
)
def test_a_citation_behind_the_quotes_of_a_sentence_is_its_own(end):
    answer = Answer(query=Query("q", "?"), text=f'It says: "They purr{end} [1] Dogs bark [2].', contexts=DOCUMENTS)
    model = Model()
    evaluate_citations([answer], model)
    assert [asked for asked, _ in model.asked[0]] == [premise(1), premise(2)]


def test_what_is_not_supported_has_no_needed_citations():
    assert scores("Cats purr [1][2].", ((1,), "Cats purr.")) == (0.0, 0.0)


def test_a_document_that_is_cited_twice_counts_once_and_at_most_three_count():
    model = Model(((2,), "Cats purr."))
    assert scores("Cats purr [2][2].", model=model) == (1.0, 1.0)
    model = Model(((1, 2, 3), "Cats purr."))
    assert scores("Cats purr [1][2][3][4].", model=model)[0] == 1.0


def test_a_citation_behind_the_stop_is_that_sentences():
    assert scores("Cats purr. [1] Dogs bark. [2]", ((1,), "Cats purr."), ((2,), "Dogs bark.")) == (1.0, 1.0)


def test_the_model_is_asked_three_times_about_everything_at_once():
    answers = [Answer(query=Query(str(n), "?"), text="Cats purr [1][2]. No.", contexts=DOCUMENTS) for n in range(5)]
    model = Model(((1, 2), "Cats purr."))
    evaluate_citations(answers, model)
    assert [len(asked) for asked in model.asked] == [5, 10, 10]


def test_an_answer_without_a_sentence_has_no_score_and_counts_in_no_mean():
    answers = [
        Answer(query=Query("a", "?"), text="", contexts=DOCUMENTS),
        Answer(query=Query("b", "?"), text="Cats purr [1].", contexts=DOCUMENTS),
    ]
    found = evaluate_citations(answers, Model(((1,), "Cats purr.")))
    assert isnan(found.per_query["citation_recall"]["a"])
    assert found["citation_recall"] == found["citation_precision"] == 1.0
    assert found.reasons["citation_precision"] == {"a": "the answer has no sentence"}


def test_a_list_is_judged_item_by_item_behind_the_question():
    asked = Query("q", "Who barks?")
    answer = Answer(query=asked, text="Rex [1, 2], Tim [3], Bob, Kim [9].", contexts=DOCUMENTS)
    model = Model(((1, 2), "Who barks? Rex"), ((1,), "Who barks? Rex"), ((3,), "Who barks? Tim"))
    found = evaluate_citations([answer], model, lists=True)
    assert dict(found) == {"citation_recall": 0.5, "citation_precision": pytest.approx(2 / 3)}
    assert model.asked[0] == [(premise(1, 2), "Who barks? Rex"), (premise(3), "Who barks? Tim")]


def test_wrong_input_is_refused():
    with pytest.raises(BadInput, match="no answers"):
        evaluate_citations([], Model())
    answer = Answer(query=Query("a", "?"), text="x")
    with pytest.raises(BadInput, match="two answers"):
        evaluate_citations([answer, answer], Model())
    with pytest.raises(ValueError, match="1 pairs were asked about and 0 answered"):
        evaluate_citations([Answer(query=Query("a", "?"), text="Cats [1].", contexts=DOCUMENTS)], lambda pairs: [])
