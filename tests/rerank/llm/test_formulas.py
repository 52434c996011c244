"""What likelihood rerankers score on tiny models, against their formulas computed by transformers alone."""

import pytest

from rankify import catalog
from rankify.llm.protocol import Message, Prompt
from rankify.rerank.llm.judge import Question
from rankify.types import Run
from tests import tiny_llm
from tests.rerank.llm.formulas import (
    FAMILIES,
    QUERY,
    TEXTS,
    at_the_end,
    blank,
    chat,
    ranking,
    reranker,
    scores,
    written,
)

# the words for relevant and not relevant that a checkpoint was trained with, as tokens of its vocabulary
PUBLISHED = {
    "mt5-base-": ("▁yes", "▁no"), "ptt5-base-": ("▁sim", "▁não"), "monoptt5-": ("▁Sim", "▁Não"),
    "mt5-3B-": ("▁true", "▁"), "mt5-13b-": ("▁true", "▁"),
}  # fmt: skip
LABELLED = {
    name: labels
    for name, entry in catalog.models().items()
    if "labels" in entry
    for start, labels in PUBLISHED.items()
    if name.startswith(f"unicamp-dl/{start}")
}


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request, tmp_path_factory):
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=[name for name in FAMILIES if name != "t5"])
def causal(request, tmp_path_factory):
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def t5(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"), more_words=["sim", "não", "Sim", "Não"])


@pytest.fixture(scope="module", params=["qwen2", "gemma2"])
def without_first_blank(request, tmp_path_factory):
    """Models that read a text in pieces as they read it whole, as Gemma does."""
    return FAMILIES[request.param](tmp_path_factory.mktemp(request.param))


def test_yes_no_is_the_probability_of_yes_against_no(folder):
    plain = tiny_llm.Plain(folder)
    labels = [blank(plain, "Yes"), blank(plain, "No")]
    ask = "Passage: {}\nQuery: {}\nDoes the passage answer the query? Answer 'Yes' or 'No'"
    right = [float(at_the_end(plain, chat(ask.format(t, QUERY)), labels).softmax(-1)[0]) for t in TEXTS]
    assert scores("yes-no", folder) == pytest.approx(right, abs=1e-4)


def test_graded_is_the_expected_grade(folder):
    plain = tiny_llm.Plain(folder)
    labels = [blank(plain, str(grade)) for grade in range(5)]
    ask = (
        "From a scale of 0 to 4, judge the relevance between the query and the document.\nQuery: {}\n"
        "Document: {}\nOutput:"
    )
    right = []
    for text in TEXTS:
        probabilities = at_the_end(plain, chat(ask.format(QUERY, text)), labels).softmax(-1)
        right.append(sum(grade * float(p) for grade, p in enumerate(probabilities)))
    assert scores("graded", folder) == pytest.approx(right, abs=1e-4)


def monot5(folder, labels):
    """log p(first label) against the second, as the decoder's first token."""
    plain = tiny_llm.Plain(folder)
    prompts = [written(f"Query: {QUERY} Document: {text} Relevant:") for text in TEXTS]
    return [float(at_the_end(plain, prompt, labels).log_softmax(-1)[0]) for prompt in prompts]


def test_monot5_is_the_log_probability_of_true_against_false(t5):
    assert scores("monot5", t5) == pytest.approx(monot5(t5, ["▁true", "▁false"]), abs=1e-4)


@pytest.mark.parametrize("name", LABELLED)
def test_a_checkpoint_in_another_language_has_its_own_labels(name, t5, tmp_path, monkeypatch):
    here = tmp_path / name
    here.parent.mkdir()
    here.symlink_to(t5, target_is_directory=True)
    monkeypatch.chdir(tmp_path)  # a folder of the checkpoint's name is what the name means
    right = monot5(t5, LABELLED[name])
    assert scores("monot5", name) == pytest.approx(right, abs=1e-4)
    assert right != pytest.approx(monot5(t5, ["▁true", "▁false"]), abs=1e-2)


def test_every_checkpoint_with_labels_is_a_published_one():
    assert set(LABELLED) == {name for name, entry in catalog.models().items() if "labels" in entry}


def test_qwen3_reranker_is_the_sigmoid_of_yes_less_no(causal):
    plain = tiny_llm.Plain(causal)
    ask = (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
        'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n<Instruct>: Given a '
        "web search query, retrieve relevant passages that answer the query\n<Query>: {}\n<Document>: {}<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )
    logits = [at_the_end(plain, written(ask.format(QUERY, text)), ["yes", "no"]) for text in TEXTS]
    right = [float((yes - no).sigmoid()) for yes, no in logits]
    assert scores("qwen3-reranker", causal) == pytest.approx(right, abs=1e-4)
    assert right == pytest.approx([float(both.softmax(-1)[0]) for both in logits])


def test_mxbai_is_the_difference_of_two_logits(causal):
    plain = tiny_llm.Plain(causal)
    task = (
        "You are a search relevance expert who evaluates how well documents match search queries. For each "
        "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
        "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"
    )
    system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    ask = (
        f"<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\nquery: {QUERY}\ndocument: {{}}\n{task}"
        "<|im_end|>\n<|im_start|>assistant\n"
    )
    logits = [at_the_end(plain, written(ask.format(text)), ["1", "0"]) for text in TEXTS]
    right = [float(one - nought) for one, nought in logits]
    assert scores("mxbai-rerank-v2", causal) == pytest.approx(right, abs=1e-4)


def test_bge_gemma_is_the_logit_of_yes_behind_pieces_that_are_joined_as_tokens(without_first_blank):
    plain = tiny_llm.Plain(without_first_blank)
    ask = (
        "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing "
        "a prediction of either 'Yes' or 'No'."
    )
    first = plain.tokenizer.bos_token_id
    line, [yes] = plain.bare("\n"), plain.bare("Yes")
    right = []
    for text in TEXTS:
        asked = [*plain.bare(f"A: {QUERY}"), *line, *plain.bare(f"B: {text}"), *line, *plain.bare(ask)]
        right.append(float(plain.logits(asked if first is None else [first, *asked])[-1, yes]))
    assert scores("bge-reranker-v2-gemma", without_first_blank) == pytest.approx(right, abs=1e-4)


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

    def told(prompt):
        before = plain.ids(prompt)
        if isinstance(before, tuple):
            padding = [plain.network.config.pad_token_id] if name == "qlm" else []
            query = plain.tokenizer(QUERY, add_special_tokens=False).input_ids
            return plain.told(before, [*padding, *query, *last])
        whole = plain.ids(written(f"{prompt.text} {QUERY}"))
        assert whole[: len(before)] == before
        return plain.told(before, [*whole[len(before) :], *last])

    right = [told(written(ask.format(text))) for text in TEXTS]
    assert scores(name, folder) == pytest.approx(right, rel=1e-5, abs=1e-4)


def test_first_orders_a_window_by_the_logits_of_its_labels_behind_a_bracket(causal):
    plain = tiny_llm.Plain(causal)
    passages = "\n".join(f"[{label}] {text}" for label, text in zip("ABCD", TEXTS, strict=True))
    ask = (
        f"I will provide you with 4 passages, each indicated by a alphabetical identifier []. Rank the passages based "
        f"on their relevance to the search query: {QUERY}.\n\n{passages}\nSearch Query: {QUERY}.\nRank the 4 passages "
        "above based on their relevance to the search query. All the passages should be included and listed using "
        "identifiers, in descending order of relevance. The output format should be [] > [], e.g., [B] > [A], Only "
        "respond with the ranking results, do not say any word or explain."
    )
    system = "You are RankLLM, an intelligent assistant that can rank passages based on their relevancy to the query"
    if "roles must alternate" in (plain.tokenizer.chat_template or ""):
        turns = (Message("user", f"{system}\n {ask}"),)  # no system turn: its text goes before the user's
    else:
        turns = (Message("system", system), Message("user", ask))
    labels = at_the_end(plain, Prompt(messages=turns, prefill="["), list("ABCD")).tolist()
    first, shown = reranker("first", causal), ranking()
    [judgment] = first.plan.judge([Question(shown.query, shown.documents)])
    assert judgment.scores == pytest.approx(labels, abs=1e-4)
    [ranked] = first(Run([shown]))
    assert ranked.ids == [str(place) for place in sorted(range(4), key=lambda place: -labels[place])]
