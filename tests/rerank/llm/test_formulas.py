"""What likelihood rerankers score on tiny models, against their formulas computed by transformers alone."""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.types import Query, Ranking, Run
from tests import tiny_llm

QUERY = "what is neural retrieval"
TEXTS = ["neural networks rank documents", "the cat", "a dog jumps over the lazy fox and the query", "rank rank rank"]
FAMILIES = {
    "llama": tiny_llm.llama, "mistral": tiny_llm.mistral, "qwen2": tiny_llm.qwen2, "t5": tiny_llm.t5,
}  # fmt: skip
MARKED = Run([Ranking(Query("q", QUERY), [Document(str(i), t) for i, t in enumerate(TEXTS)], [4, 3, 2, 1])])


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return tiny_llm.qwen2(tmp_path_factory.mktemp("qwen2"))


def scores(spec, folder):
    """{document: score} by a reranker."""
    name, _, options = spec.partition("?")
    [ranking] = registry.load("reranker", f"{name}:hf:{folder}?device=cpu&{options}".rstrip("&"))(MARKED)
    return dict(zip(ranking.ids, ranking.scores.tolist(), strict=True))


def right(plain, prompts, score):
    return {str(i): score(plain, prompt) for i, prompt in enumerate(prompts)}


def chat(text):
    """A user turn, as Plain reads prompts."""
    from rankify.llm.protocol import Message, Prompt

    return Prompt(messages=(Message("user", text),))


def written(text):
    from rankify.llm.protocol import Prompt

    return Prompt(text=text)


def at_the_end(plain, prompt, labels):
    """The logits of these tokens as the next one."""
    return plain.logits(plain.ids(prompt))[-1, plain.tokenizer.convert_tokens_to_ids(labels)]


def blank(plain, label):
    """A word as it begins a reply: with a blank before it in a decoder of its own."""
    return f"▁{label}" if plain.network.config.is_encoder_decoder else label


def test_yes_no_is_the_probability_of_yes_against_no(folder):
    plain = tiny_llm.Plain(folder)
    labels = [blank(plain, "Yes"), blank(plain, "No")]
    if any(label not in plain.tokenizer.get_vocab() for label in labels):
        pytest.skip("this tokenizer has no single token for Yes or No")
    prompts = [
        chat(f"Passage: {t}\nQuery: {QUERY}\nDoes the passage answer the query? Answer 'Yes' or 'No'") for t in TEXTS
    ]
    wanted = right(plain, prompts, lambda p, prompt: float(at_the_end(p, prompt, labels).softmax(-1)[0]))
    assert scores("yes-no", folder) == pytest.approx(wanted, abs=1e-4)


def test_graded_is_the_expected_grade(folder):
    plain = tiny_llm.Plain(folder)
    labels = [blank(plain, str(grade)) for grade in range(5)]

    def expected(plain, prompt):
        probabilities = at_the_end(plain, prompt, labels).softmax(-1)
        return sum(grade * float(p) for grade, p in enumerate(probabilities))

    ask = (
        "From a scale of 0 to 4, judge the relevance between the query and the document.\nQuery: {}\n"
        "Document: {}\nOutput:"
    )
    wanted = right(plain, [chat(ask.format(QUERY, text)) for text in TEXTS], expected)
    assert scores("graded", folder) == pytest.approx(wanted, abs=1e-4)


def test_monot5_is_the_log_probability_of_true_against_false(t5):
    prompts = [written(f"Query: {QUERY} Document: {text} Relevant:") for text in TEXTS]
    wanted = right(
        tiny_llm.Plain(t5),
        prompts,
        lambda p, prompt: float(at_the_end(p, prompt, ["▁true", "▁false"]).log_softmax(-1)[0]),
    )
    assert scores("monot5", t5) == pytest.approx(wanted, abs=1e-4)


def test_mxbai_is_the_difference_of_two_logits(causal):
    plain = tiny_llm.Plain(causal)
    task = (
        "You are a search relevance expert who evaluates how well documents match search queries. For each "
        "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
        "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"
    )
    system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    prompts = [
        written(
            f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nquery: {QUERY}\ndocument: {text}\n{task}"
            "<|im_end|>\n<|im_start|>assistant\n"
        )
        for text in TEXTS
    ]

    def difference(plain, prompt):
        one, nought = at_the_end(plain, prompt, ["1", "0"]).tolist()
        return one - nought

    assert scores("mxbai-rerank-v2?max_length=512", causal) == pytest.approx(
        right(plain, prompts, difference), abs=1e-4
    )


@pytest.mark.parametrize(
    ("name", "ask", "end"),
    [
        ("qlm", "Passage: {}\nPlease write a question based on this passage.", False),
        ("upr", "Passage:  {}. Please write a question based on this passage.", True),
    ],
)
def test_query_likelihood_is_that_of_the_query_behind_the_passage(folder, name, ask, end):
    """Of the query (QLM; a decoder predicts a padding token before it), and of the end of the sequence too (UPR)."""
    plain = tiny_llm.Plain(folder)
    last = [plain.network.config.eos_token_id] if end else []

    def told(plain, prompt):
        before = plain.ids(prompt)
        if isinstance(before, tuple):
            padding = [plain.network.config.pad_token_id] if name == "qlm" else []
            query = plain.tokenizer(QUERY, add_special_tokens=False).input_ids
            return plain.told(before, [*padding, *query, *last])
        whole = plain.ids(written(f"{prompt.text} {QUERY}"))
        assert whole[: len(before)] == before
        return plain.told(before, [*whole[len(before) :], *last])

    wanted = right(plain, [written(ask.format(text)) for text in TEXTS], told)
    assert scores(name, folder) == pytest.approx(wanted, rel=1e-5, abs=1e-4)


def test_first_orders_a_window_by_the_logits_of_its_labels_behind_a_bracket(folder):
    plain = tiny_llm.Plain(folder)
    if plain.network.config.is_encoder_decoder:
        pytest.skip("FIRST is published for causal models")
    shown = "\n".join(f"[{label}] {text}" for label, text in zip("ABCD", TEXTS, strict=True))
    ask = (
        f"I will provide you with 4 passages, each indicated by a alphabetical identifier []. Rank the passages based "
        f"on their relevance to the search query: {QUERY}.\n\n{shown}\nSearch Query: {QUERY}.\nRank the 4 passages "
        "above based on their relevance to the search query. All the passages should be included and listed using "
        "identifiers, in descending order of relevance. The output format should be [] > [], e.g., [B] > [A], Only "
        "respond with the ranking results, do not say any word or explain."
    )
    system = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
    from rankify.llm.protocol import Message, Prompt

    if "roles must alternate" in (plain.tokenizer.chat_template or ""):
        turns = (Message("user", f"{system}\n {ask}"),)  # no system turn: its text goes before the user's
    else:
        turns = (Message("system", system), Message("user", ask))
    logits = plain.logits(plain.ids(Prompt(messages=turns, prefill="[")))[-1]
    labels = logits[plain.tokenizer.convert_tokens_to_ids(list("ABCD"))].tolist()
    wanted = [str(place) for place in sorted(range(4), key=lambda place: -labels[place])]
    [ranking] = registry.load("reranker", f"first:hf:{folder}?device=cpu")(MARKED)
    assert ranking.ids == wanted
