"""Perplexity with documents in the window: the exact sum of plain passes, and the document that brute force chooses."""

from collections import Counter
from math import exp, inf, nan

import numpy as np
import pytest
import torch
import transformers

import rankify
from rankify.documents import Document
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.llm.hf import HF
from rankify.rag import language_modelling
from rankify.rag.language_modelling import Perplexity, Step, perplexity, places
from rankify.stages import Retriever
from rankify.types import Ranking, Run
from tests import tiny_llm
from tests.scripted_llm import Scripted

WORDS = ["the", "cat", "rank", "query", "passage", "fox", "dog", "lazy", "neural", "quick", "document", "what", "is"]
TEXT = " ".join(np.random.default_rng(0).choice(WORDS, 90))
DOCUMENTS = [
    Document("d1", "the quick brown fox jumps over", "a title"),
    Document("d2", "neural networks rank documents"),
    Document("d3", "cats and dogs " * 20),
    Document("d4", ""),
]
OPTIONS = {"step": 4, "window": 40, "query_tokens": 8, "document_tokens": 12, "ranked_tokens": 6, "top": 3}


def gpt2(folder):
    """GPT-2-shaped, with learned positions."""
    tokenizer = tiny_llm.byte_level(chat=None)
    shape = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "vocab_size": len(tokenizer)}
    config = transformers.GPT2Config(**shape, initializer_range=0.3, bos_token_id=0, eos_token_id=0)
    return tiny_llm.saved(transformers.GPT2LMHeadModel, config, tokenizer, folder)


@pytest.fixture(scope="module", params=[gpt2, tiny_llm.llama], ids=["gpt2", "llama"])
def folder(request, tmp_path_factory):
    return request.param(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


class Shelf(Retriever):
    """Finds all documents but for some queries, in an order that depends on the query."""

    name = "shelf"

    def __init__(self, *, empty=False):
        self.asked, self.depths, self.empty = [], [], empty

    def order(self, text):
        turn = len(text) % 4
        return [] if self.empty or turn == 3 else [*DOCUMENTS[turn:], *DOCUMENTS[:turn]]

    def retrieve(self, queries, k):
        self.asked += [query.text for query in queries]
        self.depths.append(k)
        found = [self.order(query.text)[:k] for query in queries]
        return Run(Ranking(q, own, range(len(own), 0, -1)) for q, own in zip(queries, found, strict=True))


def loss(plain, ids, count, behind=0):
    """The negative log-likelihood of `count` tokens of a text, `behind` tokens before its end, from one plain pass."""
    with torch.no_grad():
        logits = plain.network(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
    end = len(ids) - behind
    return -sum(float(logits[place - 1, ids[place]]) for place in range(end - count, end))


def head(plain, document, most):
    """The tokens of a document."""
    text = f"{document.title}\n{document.text}" if document.title else document.text
    return plain.tokenizer.encode(text, truncation=True, max_length=most)


def brute(plain, choice, *, step, window, query_tokens, document_tokens, ranked_tokens, top, shelf=None):
    """The steps of a text one after the other, as the paper has them: (first token, end, loss, document)."""
    ids, found, done = plain.bare(TEXT), [], 0
    for begin in range(0, len(ids), step):
        end = min(begin + window, len(ids))
        count = end - done - (begin == 0)
        query = plain.tokenizer.decode(ids[:done][-query_tokens:])
        documents = shelf.order(query)[:top] if shelf and begin else []
        heads = [head(plain, document, document_tokens) for document in documents]
        rows = [tokens + ids[begin:end][len(tokens) :] for tokens in heads] or [ids[begin:end]]
        by = {"first": (0, 0), "logprob": (ranked_tokens, count), "oracle": (count, 0)}[choice]
        worth = [loss(plain, row, *by) for row in rows]
        best = worth.index(min(worth))
        document = documents[best].id if documents else None
        found.append((done + (begin == 0), end, loss(plain, rows[best], count), document))
        done = end
        if end == len(ids):
            break
    return found


def same(steps, right):
    assert [(step.start, step.end, step.document) for step in steps] == [(a, b, d) for a, b, _, d in right]
    assert [step.loss for step in steps] == pytest.approx([own for _, _, own, _ in right], abs=1e-3, rel=1e-4)


def test_without_documents_the_perplexity_is_the_sum_over_sliding_windows(llm, plain):
    found = perplexity(llm, TEXT, step=4, window=40)
    right = brute(plain, "first", **OPTIONS)
    same(found.steps, right)
    total = sum(own for _, _, own, _ in right)
    assert found.per_word == pytest.approx(exp(total / TEXT.count(" ")), rel=1e-4)
    assert found.per_token == pytest.approx(exp(total / len(plain.bare(TEXT))), rel=1e-4)
    assert (found.tokens, found.words, found.counts) == (len(plain.bare(TEXT)), 89, Counter())


@pytest.mark.parametrize("choice", ["first", "logprob", "oracle"])
def test_the_document_is_the_one_that_brute_force_chooses_and_the_sum_is_exact(llm, plain, choice):
    found = perplexity(llm, TEXT, Shelf(), choice=choice, **OPTIONS)
    right = brute(plain, choice, shelf=Shelf(), **OPTIONS)
    same(found.steps, right)
    assert found.loss == pytest.approx(sum(own for _, _, own, _ in right), rel=1e-5)
    chosen = {step.document for step in found.steps}
    assert None in chosen
    assert len(chosen) > 2


def test_choosing_by_the_target_itself_is_a_bound(llm):
    losses = {
        choice: perplexity(llm, TEXT, Shelf(), choice=choice, **OPTIONS).loss for choice in language_modelling.CHOICES
    }
    assert losses["oracle"] < min(losses["first"], losses["random"], losses["logprob"])


def test_what_stands_before_the_target_is_searched_for_and_nothing_behind_it(llm, plain):
    shelf = Shelf()
    found = perplexity(llm, TEXT, shelf, **OPTIONS)
    ids = plain.bare(TEXT)
    starts = [step.start for step in found.steps[1:]]
    assert shelf.asked == [plain.tokenizer.decode(ids[start - 8 : start]) for start in starts]
    assert starts[0] == 40
    assert found.counts["searches"] == len(starts)
    assert found.counts["unfound"] == sum(step.document is None for step in found.steps[1:]) > 0
    assert set(shelf.depths) == {1}


def test_all_documents_that_are_found_compete(llm):
    shelf = Shelf()
    perplexity(llm, TEXT, shelf, choice="oracle", **OPTIONS)
    assert set(shelf.depths) == {3}


def test_nothing_found_is_the_plain_window(llm):
    assert (
        perplexity(llm, TEXT, Shelf(empty=True), choice="logprob", **OPTIONS).steps
        == perplexity(llm, TEXT, step=4, window=40).steps
    )


def test_a_random_document_is_one_of_those_found_the_same_for_the_same_seed(llm):
    def documents(**more):
        return [step.document for step in perplexity(llm, TEXT, Shelf(), choice="random", **OPTIONS, **more).steps]

    first = documents()
    assert first == documents(seed=0)
    assert first != documents(seed=1)
    assert {*first} <= {None, "d1", "d2", "d3", "d4"}
    assert len({*first}) > 3


@pytest.mark.parametrize("together", [1, 5])
@pytest.mark.parametrize("choice", ["random", "logprob"])
def test_steps_are_the_same_in_batches_of_any_size(llm, monkeypatch, together, choice):
    right = perplexity(llm, TEXT, Shelf(), choice=choice, **OPTIONS)
    monkeypatch.setattr(language_modelling, "TOGETHER", together)
    shelf = Shelf()
    found = perplexity(llm, TEXT, shelf, choice=choice, **OPTIONS)
    assert [step.document for step in found.steps] == [step.document for step in right.steps]
    assert [step.loss for step in found.steps] == pytest.approx([step.loss for step in right.steps], rel=1e-4)
    assert found.counts == right.counts
    assert len(shelf.depths) == -(-(len(right.steps)) // together) - (together == 1)


def test_all_steps_are_searched_for_at_once_and_read_in_one_pass(folder):
    llm, shelf = HF(folder, device="cpu", batch_tokens=100_000, share_prefix=False), Shelf()
    found = perplexity(llm, TEXT, shelf, choice="oracle", **OPTIONS)
    assert len(found.steps) > 10
    assert len(shelf.depths) == 1
    assert llm.passes == 1


def test_a_text_shorter_than_the_window_is_read_once(llm, plain):
    shelf = Shelf()
    found = perplexity(llm, "the cat rank", shelf, **OPTIONS)
    assert [(step.start, step.end) for step in found.steps] == [(1, len(plain.bare("the cat rank")))]
    assert shelf.asked == []
    assert found.loss == pytest.approx(loss(plain, plain.bare("the cat rank"), found.tokens - 1), rel=1e-4)


@pytest.mark.parametrize("length", [2, 39, 40, 41, 43, 44, 45, 79, 80, 81])
def test_each_token_but_the_first_is_predicted_once(length):
    spans = [(start, end) for _, start, end in places(length, step=4, window=40)]
    assert [place for start, end in spans for place in range(start, end)] == list(range(1, length))
    assert all(end - begin <= 40 for begin, _, end in places(length, step=4, window=40))


def test_the_window_is_no_longer_than_the_model_reads(llm):
    longest = llm.context
    assert perplexity(llm, TEXT, step=30).steps[0].end == min(longest, len(tiny_llm.Plain(llm.model).bare(TEXT)))


def test_a_real_retriever_and_a_model_by_name(folder):
    bm25 = rankify.retriever("bm25", rankify.dataset("pydoc").corpus)
    found = perplexity(f"hf:{folder}?device=cpu", TEXT, bm25, choice="logprob", **OPTIONS)
    assert found.per_word > 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"choice": "frist"}, UnknownName, "did you mean 'first'"),
        ({"step": 0}, Misuse, "step=0"),
        ({"top": True}, Misuse, "top=True"),
        ({"seed": -1}, Misuse, "seed=-1: that is a whole number from 0 up"),
        ({"seed": "a"}, Misuse, "seed='a': that is a whole number"),
        ({"step": 40}, Misuse, "step=40 predicts all of window=40"),
        ({"document_tokens": 37}, Misuse, "document_tokens=37 leave no room for 4 tokens"),
        ({"document_tokens": 31, "choice": "logprob"}, Misuse, "leave no room for 10 tokens behind"),
    ],
)  # fmt: skip
def test_numbers_that_do_not_go_together_are_refused(llm, options, error, message):
    with pytest.raises(error, match=message):
        perplexity(llm, TEXT, Shelf(), **{**OPTIONS, **options})


@pytest.mark.parametrize("text", ["", "the", "thecatrank", "   \n "])
def test_a_text_without_words_to_count_is_refused(llm, text):
    with pytest.raises(BadInput, match="too short: perplexity takes two words"):
        perplexity(llm, text)


def test_only_models_that_read_token_by_token_can_tell(tmp_path):
    for llm in (Scripted(), HF(tiny_llm.t5(tmp_path), device="cpu")):
        with pytest.raises(Misuse, match="perplexity needs hf: and a decoder-only model"):
            perplexity(llm, TEXT)


def test_the_first_token_of_a_text_has_no_probability(llm):
    assert llm.told([], []) == []
    for last in (0, 3):
        with pytest.raises(BadInput, match="first token"):
            llm.told([[5, 6, 7]], [last])


def test_a_perplexity_beyond_the_largest_number_is_infinite_and_says_why():
    found = Perplexity(tokens=500, words=1, steps=(Step(1, 500, 2000.0),))
    assert (found.per_word, found.per_token) == (inf, pytest.approx(exp(4)))
    assert found.reasons == {"per_word": "e to the power of 2,000 is beyond the largest number; the loss is exact"}
    assert Perplexity(tokens=5, words=4, steps=(Step(1, 5, 8.0),)).reasons == {}


@pytest.mark.parametrize("odd", [nan, -inf])
def test_a_model_that_gives_no_likelihood_is_refused_with_the_tokens(llm, monkeypatch, odd):
    told = llm.told
    monkeypatch.setattr(llm, "told", lambda rows, last: [[*row[:-1], odd] for row in told(rows, last)])
    with pytest.raises(BadInput, match=r"gives tokens 1 to 39 of the text a loss of (nan|inf): .*dtype=float32"):
        perplexity(llm, TEXT, **OPTIONS)
