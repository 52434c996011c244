"""Texts that are too long: what the model is shown is what the published rules leave, computed with its tokenizer."""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.llm.hf import HF
from rankify.llm.protocol import Message, Prompt, Reply
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.rerank.llm.formulas import FAMILIES, reranker, words

PAIR = (
    'Given a query "{}", which of the following two passages is more relevant to the query?\n\nPassage A: "{}"\n\n'
    'Passage B: "{}"\n\nOutput Passage A or Passage B:'
)
SET = (
    'Given a query "{}", which of the following passages is the most relevant one to the query?\n\nPassage A: "{}"'
    '\n\nPassage B: "{}"\n\nPassage C: "{}"\n\nOutput only the passage label of the most relevant passage:'
)
SYSTEM = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
WINDOW = (
    "I will provide you with {num} passages, each indicated by a numerical identifier []. Rank the passages based on "
    "their relevance to the search query: {query}.\n\n{passages}\nSearch Query: {query}.\nRank the {num} passages "
    "above based on their relevance to the search query. All the passages should be included and listed using "
    "identifiers, in descending order of relevance. The output format should be [] > [], e.g., [2] > [1], Only respond "
    "with the ranking results, do not say any word or explain."
)
LONG = ["neural-networks", "over.the.fox", "what-is-neural?", "rank_cats"]  # of many tokens
FILLED = 512 - 64  # tokens of a prompt whose document was cut, at least: RankLLM leaves 64 for the words around
SLACK = 4  # tokens that are kept free behind the longest answer, for an end of turn


class Recording(HF):
    """Keeps what it is asked, and has no opinion."""

    asked: list

    def generate(self, prompts, *, max_tokens):
        self.asked += prompts
        return [Reply("") for _ in prompts]

    def choose(self, prompts, choices, *, top=None):
        self.asked += prompts
        return [Reply((0.0,) * len(several)) for several in choices]

    def loglikelihood(self, prompts, continuations, *, end=False):
        self.asked += prompts
        return [Reply(0.0) for _ in prompts]


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def causal(request, tmp_path_factory):
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param), max_position_embeddings=8192)


@pytest.fixture(scope="module", params=["llama", "qwen2", "t5"])
def folder(request, tmp_path_factory):
    more = {} if request.param == "t5" else {"max_position_embeddings": 8192}
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param), **more)


def shown(spec, folder, query, documents, **options):
    """The prompts that a reranker makes about texts, or titles and texts."""
    llm = Recording(folder, device="cpu", **options)
    llm.asked = []
    name, _, own = spec.partition("?")
    pairs = [("", d) if isinstance(d, str) else d for d in documents]
    before = [Document(str(i), text, title) for i, (title, text) in enumerate(pairs)]
    given = dict(option.split("=") for option in own.split("&") if option)
    rerank = registry.find("reranker", name)(llm, **{o: int(v) if v.isdigit() else v for o, v in given.items()})
    rerank(Run([Ranking(Query("q", query), before, range(len(before), 0, -1))]))
    return llm.asked, rerank.counts()


def cut(plain, text, most):
    """The first tokens of a text, as llm-rankers cuts it."""
    own = plain.tokenizer
    return own.convert_tokens_to_string(own.tokenize(text)[:most]).strip()


def left(text, begun, ended, document):
    """What is left of a document in a prompt; its beginning, at least."""
    kept = text.removeprefix(begun).removesuffix(ended)
    assert text == begun + kept + ended
    assert document.startswith(kept)
    return kept


@pytest.mark.parametrize(("of_query", "of_document"), [(5, 900), (40, 900), (40, 3), (30, 300)])
def test_monot5_loses_the_end_of_the_document_and_never_relevant(t5, of_query, of_document):
    plain = tiny_llm.Plain(t5)
    query, document = words(of_query, 1), words(of_document, 2)
    [prompt], counts = shown("monot5", t5, query, [document])
    kept = left(prompt.text, f"Query: {query} Document: ", " Relevant:", document)
    assert counts["truncated"] == (kept != document)
    read = plain.tokenizer(prompt.text).input_ids
    assert plain.tokenizer.convert_ids_to_tokens(read)[-3:] == ["▁Relevant", ":", "</s>"]
    assert len(read) <= 512
    assert kept == document or len(read) >= FILLED


def test_a_monot5_score_is_that_of_the_text_that_is_left(t5):
    plain = tiny_llm.Plain(t5)
    query, document = words(30, 1), words(900, 2)
    [prompt], _ = shown("monot5", t5, query, [document])
    labels = plain.tokenizer.convert_tokens_to_ids(["▁true", "▁false"])
    right = plain.logits((plain.tokenizer(prompt.text).input_ids, [0]))[-1, labels].log_softmax(-1)[0]
    run = Run([Ranking(Query("q", query), [Document("d", document)], [1])])
    assert reranker("monot5", t5)(run)[0].scores == pytest.approx([float(right)], abs=1e-4)


@pytest.mark.parametrize("of_document", [900, 300, 3])
def test_upr_loses_the_end_of_the_document_and_never_what_it_asks(t5, of_document):
    plain = tiny_llm.Plain(t5)
    document = words(of_document, 2)
    [prompt], counts = shown("upr", t5, words(8, 1), [document])
    kept = left(prompt.text, "Passage:  ", ". Please write a question based on this passage.", document)
    assert counts["truncated"] == (kept != document)
    read = len(plain.tokenizer(prompt.text).input_ids)
    assert read <= 512
    assert kept == document or read >= FILLED


def test_qlm_shows_128_tokens_of_the_document(t5):
    plain = tiny_llm.Plain(t5)
    document = words(900, 2)
    [prompt], counts = shown("qlm", t5, words(8, 1), [document])
    assert prompt.text == f"Passage: {cut(plain, document, 128)}\nPlease write a question based on this passage."
    assert counts["truncated"] == 1


@pytest.mark.parametrize("scoring", ["generation", "likelihood"])
def test_pairs_show_128_tokens_of_the_query_and_of_title_and_text(folder, scoring):
    plain = tiny_llm.Plain(folder)
    query, one, other = words(200, 1), words(300, 2), ("a title of neural", words(300, 3))
    prompts, _ = shown(f"prp?scoring={scoring}", folder, query, [one, other])
    short, a, b = (cut(plain, text, 128) for text in (query, one, " ".join(other)))
    asked = [prompt.messages for prompt in prompts]
    assert asked == [(Message("user", PAIR.format(short, *pair)),) for pair in ((b, a), (a, b))]
    assert all(len(plain.bare(text)) in (127, 128) for text in (short, a, b))


@pytest.mark.parametrize("scoring", ["generation", "likelihood"])
def test_sets_show_128_tokens_of_the_query_and_of_title_and_text(folder, scoring):
    plain = tiny_llm.Plain(folder)
    query, texts = words(200, 1), [words(300, 2), words(4, 3), ("a title", words(130, 4))]
    prompts, counts = shown(f"setwise?k=1&scoring={scoring}", folder, query, texts)
    whole = [text if isinstance(text, str) else " ".join(text) for text in texts]
    right = SET.format(*(cut(plain, text, 128) for text in (query, *whole)))
    assert [prompt.messages for prompt in prompts] == [(Message("user", right),)]
    assert counts["truncated"] == 3


def test_qlm_tells_how_likely_128_tokens_of_the_query_are(t5):
    plain = tiny_llm.Plain(t5)
    query, document = words(200, 1), words(20, 2)
    before = plain.tokenizer(f"Passage: {document}\nPlease write a question based on this passage.").input_ids
    right = plain.told((before, [0]), plain.bare(f"<pad> {cut(plain, query, 128)}"))
    run = Run([Ranking(Query("q", query), [Document("d", document)], [1])])
    assert reranker("qlm", t5)(run)[0].scores == pytest.approx([right], rel=1e-5)


def test_upr_tells_how_likely_128_tokens_of_the_query_are_its_end_among_them(t5):
    plain = tiny_llm.Plain(t5)
    query, document = words(200, 1), words(20, 2)
    before = plain.tokenizer(f"Passage:  {document}. Please write a question based on this passage.").input_ids
    right = plain.told((before, [0]), plain.tokenizer(query, truncation=True, max_length=128).input_ids)
    run = Run([Ranking(Query("q", query), [Document("d", document)], [1])])
    assert reranker("upr", t5)(run)[0].scores == pytest.approx([right], rel=1e-5)


def window(plain, query, documents, most):
    """RankZephyr's conversation, with so many words of each document."""
    passages = "\n".join(f"[{i}] {' '.join(text.split()[:most])}" for i, text in enumerate(documents, 1))
    text = WINDOW.format(num=len(documents), query=query, passages=passages)
    return Prompt(messages=(Message("system", SYSTEM), Message("user", text)))


def shortened(plain, query, documents, context):
    """RankLLM's rule: 300 words, and fewer of every passage while prompt and answer are longer than the context."""
    answer = len(plain.bare(" > ".join(f"[{i}]" for i in range(1, len(documents) + 1)))) + SLACK
    most = 300
    while True:
        prompt = window(plain, query, documents, most)
        over = len(plain.ids(prompt)) - context + answer
        if over <= 0:
            return most, prompt
        most -= max(1, over // (len(documents) * 4))
        assert most > 0, "there the rule counts words from the end, and is no rule"


@pytest.mark.parametrize("n", [2, 7, 20])
def test_a_window_shows_300_words_of_each_document(causal, n):
    plain = tiny_llm.Plain(causal)
    documents = [words(280 + 5 * i, i, ["cat", "rank"]) for i in range(n)]
    prompts, counts = shown("rankzephyr", causal, "cats and dogs", documents)
    assert prompts == [window(plain, "cats and dogs", documents, 300)]
    assert counts["truncated"] == sum(280 + 5 * i > 300 for i in range(n))


@pytest.mark.parametrize("context", [1200, 2000, 4096])
@pytest.mark.parametrize("lengths", [[400] * 20, [120] * 20, [900, 350, 30] * 5, [301, 12]], ids=len)
def test_while_it_is_too_long_every_document_of_a_window_loses_words_by_rankllms_rule(causal, context, lengths):
    plain = tiny_llm.Plain(causal)
    documents = [words(n, i) for i, n in enumerate(lengths)]
    most, right = shortened(plain, "cats and dogs", documents, context)
    prompts, counts = shown("rankzephyr", causal, "cats and dogs", documents, max_length=context)
    assert prompts == [right]
    assert counts["truncated"] == sum(n > most for n in lengths)


@pytest.mark.parametrize("context", [3500, 4096])
def test_words_of_many_tokens_go_by_that_rule_too(causal, context):
    plain = tiny_llm.Plain(causal)
    documents = [words(n, i, LONG) for i, n in enumerate([900, 350, 30] * 5)]
    _, right = shortened(plain, "cats and dogs", documents, context)
    assert shown("rankzephyr", causal, "cats and dogs", documents, max_length=context)[0] == [right]


@pytest.mark.parametrize("context", [3000, 4096])
def test_that_rule_begins_with_300_words_however_short_the_documents_are(causal, context):
    plain = tiny_llm.Plain(causal)
    documents = [words(150, i, LONG) for i in range(5)]
    _, right = shortened(plain, "cats and dogs", documents, context)
    assert shown("rankzephyr", causal, "cats and dogs", documents, max_length=context)[0] == [right]
