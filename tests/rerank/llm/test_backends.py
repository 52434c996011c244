"""One algorithm of each kind, unchanged, on every backend: the same ranking by the same tiny model.

The server is a real one on a socket of this machine; what it says is computed by transformers, not by the toolkit.
"""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLMFailed, Message, Prompt
from rankify.llm.vllm import VLLM
from rankify.rerank.llm.judge import Question
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.llm.vllm_stand_in import installed
from tests.rerank.llm.speaking import POSITIONS, speaking
from tests.served import Served

TEXTS = ["neural networks rank documents", "the cat", "a dog jumps over the fox", "rank the query", "what is this"]
QUERIES = ["what is neural retrieval", "cats and dogs", "the lazy dog", "relevant passages", "who jumps", "a document"]
RUN = Run(
    Ranking(Query(f"q{i}", query), [Document(str(n), text) for n, text in enumerate(TEXTS)], range(len(TEXTS), 0, -1))
    for i, query in enumerate(QUERIES)
)
WRITTEN = [("rankgpt", {}), ("listwise", {"prompt": "lrl"}), ("prp", {"k": 2}), ("setwise", {"k": 2})]
CHOSEN = [("first", {}), ("prp", {"k": 2, "scoring": "likelihood"}), ("setwise", {"scoring": "likelihood"}),
          ("graded", {})]  # fmt: skip
TOLD = [("qlm", {})]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return speaking(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


@pytest.fixture(scope="module")
def hf(folder):
    return HF(folder, device="cpu")


@pytest.fixture(scope="module")
def server(plain):
    """An OpenAI-compatible server of the tiny model."""
    served = Served(lambda body, number: (200, {}, answered(plain, body)))
    yield served
    served.close()


def answered(plain, body):
    ids = plain.ids(asked(body))
    choice = {"index": 0, "logprobs": None}
    if body.get("echo"):
        choice |= {"text": body["prompt"], "finish_reason": "length", "logprobs": echoed(plain, body["prompt"], ids)}
        return {"choices": [choice], "usage": {"prompt_tokens": len(ids), "completion_tokens": 1}}
    written = plain.greedy(ids, body["max_tokens"], {2})
    text = plain.tokenizer.decode([token for token in written if token != 2])
    choice |= {"text": text, "message": {"role": "assistant", "content": text}}
    choice["finish_reason"] = "stop" if written[-1] == 2 else "length"
    if body.get("logprobs"):
        values = plain.logits(ids)[-1].log_softmax(-1).tolist()
        pairs = [{"token": plain.tokenizer.decode([token]), "logprob": value} for token, value in enumerate(values)]
        pairs.sort(key=lambda pair: -pair["logprob"])
        choice["logprobs"] = {"content": [{**pairs[0], "top_logprobs": pairs[: body["top_logprobs"]]}]}
    return {"choices": [choice], "usage": {"prompt_tokens": len(ids), "completion_tokens": len(written)}}


def asked(body):
    if "prompt" in body:
        return Prompt(text=body["prompt"])
    turns = [Message(m["role"], m["content"]) for m in body["messages"]]
    if body.get("continue_final_message"):
        return Prompt(messages=tuple(turns[:-1]), prefill=turns[-1].content)
    return Prompt(messages=tuple(turns))


def echoed(plain, text, ids):
    """Each token of the prompt, where it begins, and how likely it was; and one more, that was written."""
    values = plain.logits(ids).log_softmax(-1)
    tokens = [plain.tokenizer.decode([token]) for token in ids]
    likely = [None, *(float(values[place - 1, token]) for place, token in enumerate(ids) if place)]
    starts = [len(plain.tokenizer.decode(ids[:place])) for place in range(len(ids))]
    return {"tokens": [*tokens, "x"], "token_logprobs": [*likely, 0.0], "text_offset": [*starts, len(text)]}


@pytest.fixture
def http(folder, server, hf):
    class Counting(HTTP):
        """Knows the model's tokenizer, so that replies are exactly as long as elsewhere and can be compared."""

        def tokens(self, texts):
            return hf.tokens(texts)

        def reply_tokens(self, text):
            return hf.reply_tokens(text)

    return lambda **options: Counting(folder, base_url=server.url, pause=0.01, **options)


@pytest.fixture
def vllm(folder, monkeypatch):
    installed(monkeypatch)
    return VLLM(folder, max_model_len=POSITIONS)


def ranked(name, options, llm):
    return registry.find("reranker", name)(llm, **options)(RUN)


def same(one, other):
    """Equal rankings, and not just what replies that nobody can read leave behind."""
    counts = one.reports[-1].counts
    assert counts["unreadable"] < counts["asked"]
    assert [r.ids for r in one] == [r.ids for r in other]
    for mine, theirs in zip(one, other, strict=True):
        assert mine.scores.tolist() == pytest.approx(theirs.scores.tolist(), abs=1e-3)


@pytest.mark.parametrize(("name", "options"), WRITTEN, ids=str)
def test_what_is_written_is_read_alike_over_a_socket(name, options, hf, http):
    same(ranked(name, options, http()), ranked(name, options, hf))


@pytest.mark.parametrize(("name", "options"), CHOSEN, ids=str)
def test_log_probabilities_are_read_alike_over_a_socket(name, options, hf, http):
    same(ranked(name, options, http(top_logprobs=1000)), ranked(name, options, hf))


@pytest.mark.parametrize(("name", "options"), TOLD, ids=str)
def test_likelihoods_are_read_alike_over_a_socket(name, options, hf, http):
    same(ranked(name, options, http(api="completions")), ranked(name, options, hf))


@pytest.mark.parametrize(("name", "options"), [*WRITTEN, *CHOSEN, *TOLD], ids=str)
def test_vllm_ranks_alike(name, options, hf, vllm):
    same(ranked(name, options, vllm), ranked(name, options, hf))


@pytest.mark.parametrize(("name", "options"), [*WRITTEN, *CHOSEN, *TOLD], ids=str)
def test_what_is_remembered_ranks_alike_and_asks_nothing(name, options, hf, tmp_path):
    first = ranked(name, options, Cached(hf, folder=str(tmp_path)))
    second = ranked(name, options, Cached(hf, folder=str(tmp_path)))
    same(first, ranked(name, options, hf))
    same(second, first)
    counts = second.reports[-1].counts
    assert counts["cached"] == counts["asked"]
    assert counts["prompt_tokens"] == counts["passes"] == 0


@pytest.mark.parametrize(("name", "options"), [*WRITTEN, *CHOSEN], ids=str)
@pytest.mark.parametrize(
    ("status", "said", "cause"),
    [(500, {"error": "boom"}, "500"), (429, {"error": "slow down"}, "429"), (200, b'{"choices": [{"mess', "JSON")],
)
def test_a_server_that_fails_gives_an_error_and_never_a_ranking(name, options, http, server, status, said, cause):
    before, count = server.answer, len(server.bodies)
    server.answer = lambda body, number: (status, {}, said)
    try:
        with pytest.raises(LLMFailed, match=cause):
            ranked(name, options, http(retries=2, parallel=1))
    finally:
        server.answer = before
    asked = server.bodies[count:]
    assert max(asked.count(body) for body in asked) == 3  # the first try and two more


@pytest.mark.parametrize("family", ["llama", "qwen2", "t5"])
def test_a_reply_over_a_socket_may_be_as_long_as_any_tokenizer_writes_it(family, server, tmp_path):
    """Though the server's tokenizer is not at hand."""
    whole = " > ".join(f"[{number}]" for number in range(1, 21))
    known = HF(getattr(tiny_llm, family)(tmp_path), device="cpu")
    assert HTTP("m", base_url=server.url).reply_tokens(whole) >= known.reply_tokens(whole)


def test_an_encoder_decoder_is_asked_in_its_own_way(tmp_path):
    """RankGPT as a text to complete; setwise with the beginning that a decoder goes on from."""
    llm = HF(tiny_llm.t5(tmp_path), device="cpu")
    asked = []
    for name in ("rankgpt", "setwise", "prp"):
        judge = registry.find("reranker", name)(llm).plan.judge
        prompts, _ = judge.asking.prompts([Question(RUN[0].query, list(RUN[0].documents)[:2])], 4)
        asked += prompts
    assert asked[0].text.startswith("This is RankGPT")
    assert [prompt.prefill for prompt in asked[1:]] == ["Passage", "Passage"]
