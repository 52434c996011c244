"""Spans that answer a question: closed forms, and tiny networks against every span of every window by brute force."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers

from rankify.encoders.spans import LONGEST, SpanReader, best_span
from rankify.errors import BadInput
from tests import tiny, tiny_llm
from tests.tiny_spans import bert, first_word, roberta

TEXTS = [
    "The cat sat, the dog ran.", "neural retrieval", "rank", "what is the document of the query and the cat" * 3, "",
    "a \ud83d half", "  ", "!", "\u200b",
]  # fmt: skip
QUESTIONS = ["what is the cat?", "who", "is the network of the dog neural and what is the rank of it"]


@pytest.fixture(scope="module", params=[bert, roberta], ids=["bert", "roberta"])
def folder(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("model"))


def brute(folder, question, text, length, shift=0.0):
    """What transformers' pipeline for questions was documented to answer, window by window and span by span."""
    own = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    text = text.encode("utf-8", "replace").decode()
    asked = len(own(question, add_special_tokens=False)["input_ids"])
    stride = min(128, length // 2, length - asked - own.num_special_tokens_to_add(pair=True) - 1)
    read = own(
        question, text, truncation="only_second", max_length=length, stride=stride, return_overflowing_tokens=True
    )
    found, none = [], []
    for number, one in enumerate(read.encodings):
        given = {"input_ids": torch.tensor([one.ids])}
        if "token_type_ids" in own.model_input_names:
            given["token_type_ids"] = torch.tensor([one.type_ids])
        with torch.no_grad():
            told = network(**given)
        places = [0, *(place for place, part in enumerate(one.sequence_ids) if part == 1)]
        first, last = (
            dict(zip(places, side[0].double()[places].softmax(0).tolist(), strict=True))
            for side in (told.start_logits, told.end_logits)
        )
        none.append(first[0] * last[0])
        found += [
            (first[a] * last[b], -number, -a, -b)
            for a in places[1:] for b in places[1:] if a <= b < a + LONGEST
        ]  # fmt: skip
    if not found or min(none) > max(found)[0]:
        return ""
    _, number, a, b = max(found)
    words = read.encodings[-number]
    return text[words.word_to_chars(words.token_to_word(-a), 1)[0] : words.word_to_chars(words.token_to_word(-b), 1)[1]]


@pytest.mark.parametrize("length", [None, 32])
def test_the_answer_is_the_best_span_of_all_windows(folder, length):
    reader = SpanReader(folder, max_length=length, device="cpu")
    pairs = [(question, text) for question in QUESTIONS for text in TEXTS]
    right = [brute(folder, q, t, reader.length) if t.strip() else "" for q, t in pairs]
    assert reader(pairs) == right
    assert len({*right}) > 5
    assert all(
        answer in text.encode("utf-8", "replace").decode() for (_, text), answer in zip(pairs, right, strict=True)
    )


def test_pairs_do_not_change_one_another_and_equal_ones_are_read_once(folder):
    reader = SpanReader(folder, device="cpu", batch_tokens=200)
    pairs = [(question, text) for question in QUESTIONS for text in TEXTS]
    assert reader(pairs * 2) == [*reader(pairs), *reader(pairs)]
    assert reader(pairs) == [answer for pair in pairs for answer in reader([pair])]
    assert reader([]) == []


def likely(*values):
    return np.log(np.array(values))


def test_a_span_ends_no_earlier_than_it_starts_and_is_no_longer_than_it_may_be():
    allowed = np.array([False, True, True, True])
    starts, ends = likely(0.1, 0.1, 0.2, 0.6), likely(0.1, 0.6, 0.2, 0.1)
    assert best_span(starts, ends, allowed)[2:] == (1, 1)
    assert best_span(likely(0.1, 0.6, 0.2, 0.1), likely(0.1, 0.1, 0.2, 0.6), allowed)[2:] == (1, 3)
    assert best_span(likely(0.1, 0.6, 0.2, 0.1), likely(0.1, 0.1, 0.1, 0.7), allowed, longest=2)[2:] == (2, 3)
    assert best_span(likely(0.1, 0.6, 0.2, 0.1), likely(0.1, 0.1, 0.2, 0.6), allowed, longest=1)[2:] in ((1, 1), (3, 3))


def test_only_the_text_and_the_first_token_share_the_probability():
    found = best_span(likely(0.2, 9.0, 0.3, 0.5), likely(0.4, 7.0, 0.2, 0.4), np.array([False, False, True, True]))
    assert found == pytest.approx((0.5 * 0.4, 0.2 * 0.4, 3, 3))
    assert best_span(np.zeros(3), np.zeros(3), np.array([False, True, True]))[2:] == (1, 1)


def with_network(reader, logits):
    """The reader over a network that gives the first token and the others of each window these logits."""

    def network(input_ids, **_):
        rows = torch.full(input_ids.shape, 0.0)
        for row in range(len(rows)):
            rows[row, 0] = logits[row]
        return SimpleNamespace(start_logits=rows, end_logits=rows)

    reader.checkpoint = replace(reader.checkpoint, network=network)
    return reader


def test_of_equal_spans_the_first_is_the_answer_and_is_as_good_as_none(tmp_path):
    reader = SpanReader(first_word(tmp_path), device="cpu")
    assert reader([("who", "cat dog"), ("what", "dogs, cat"), ("what", "")]) == ["cat", "dogs", ""]


@pytest.mark.parametrize(("logits", "answer"), [([0.1], ""), ([0.0], "cat"), ([-0.1], "cat")])
def test_there_is_no_answer_where_none_is_likelier_than_the_best(tmp_path, logits, answer):
    reader = SpanReader(bert(tmp_path), device="cpu")
    assert with_network(reader, logits)([("who", "cat dog")]) == [answer]


@pytest.mark.parametrize(("logits", "answer"), [([5.0, 5.0], ""), ([5.0, -5.0], "dog"), ([-5.0, 5.0], "cat")])
def test_a_window_that_has_an_answer_is_enough(tmp_path, logits, answer):
    """The least probability of none counts; two windows of five tokens share four."""
    reader = SpanReader(bert(tmp_path), max_length=9, device="cpu")
    assert with_network(reader, logits)([("is", "cat dog rank query the of")]) == [answer]


def test_a_question_that_leaves_no_room_is_refused(folder):
    reader = SpanReader(folder, max_length=16, device="cpu")
    with pytest.raises(BadInput, match=r"question 'what what .*' takes \d+ tokens and model .* reads 16 with the text"):
        reader([("what " * 40, "cat")])


def test_rows_have_to_begin_with_a_token_that_stands_for_none(tmp_path):
    shape = {name: value for name, value in tiny_llm.SHAPE.items() if name != "max_position_embeddings"}
    tokenizer = tiny_llm.sentencepiece()
    config = transformers.LlamaConfig(**shape, vocab_size=len(tokenizer), max_position_embeddings=64)
    folder = tiny_llm.saved(transformers.LlamaForQuestionAnswering, config, tokenizer, tmp_path)
    with pytest.raises(BadInput, match="has no first token that stands for no answer; choose a BERT or a RoBERTa"):
        SpanReader(str(folder), device="cpu")


def test_a_model_without_such_a_head_is_refused(tmp_path):
    with pytest.raises(BadInput, match="has no trained weights for 'qa_outputs"):
        SpanReader(tiny.tiny_bert(tmp_path / "bert"), device="cpu")
