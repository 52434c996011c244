"""How likely each token was that a model wrote: its own probabilities, and pieces that spell the reply, everywhere."""

import sqlite3
import sys
from dataclasses import replace

import pytest

from rankify.errors import BadInput
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.litellm import LiteLLM
from rankify.llm.pieces import part, spelling
from rankify.llm.protocol import LLMFailed, Message, Prompt, Reply
from rankify.llm.sampling import Sampling
from rankify.llm.simulated import Simulated
from rankify.llm.vllm import VLLM
from tests import tiny_llm
from tests.llm.test_cached import Counting
from tests.llm.test_litellm import Library
from tests.llm.vllm_stand_in import installed

MOST = 12
KINDS = ["llama", "qwen2", "gemma2", "t5"]


def user(text, **more):
    return Prompt(messages=(Message("user", text),), **more)


PROMPTS = [user("the cat"), user("what is neural retrieval for cats and dogs"), user("rank", prefill="Passage")]


@pytest.fixture(scope="module", params=KINDS)
def folder(request, tmp_path_factory):
    return getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def llm(folder):
    return HF(folder, device="cpu")


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


def spelled(reply):
    return "".join(text for text, _ in reply.logprobs)


def right(plain, prompt, tokens):
    """The log-probability of each token from a plain pass over the whole text."""
    ids = plain.ids(prompt)
    longer = (ids[0], ids[1] + tokens) if isinstance(ids, tuple) else ids + tokens
    steps = plain.logits(longer).log_softmax(-1)[-len(tokens) - 1 : -1]
    return steps[range(len(tokens)), tokens].tolist()


# models in this process


def test_each_token_is_as_likely_as_a_plain_pass_has_it(llm, plain):
    ends = {plain.tokenizer.eos_token_id}
    for prompt, reply in zip(PROMPTS, llm.generate(PROMPTS, max_tokens=MOST, logprobs=True), strict=True):
        tokens = plain.greedy(plain.ids(prompt), MOST, ends)
        told = right(plain, prompt, tokens)[: len(tokens) - (tokens[-1] in ends)]
        assert [logprob for _, logprob in reply.logprobs] == pytest.approx(told, abs=1e-4)
        assert spelled(reply) == reply.value


def test_a_token_is_as_likely_as_the_model_has_it_whatever_the_temperature_it_was_drawn_with(llm):
    greedy, cold = (llm.generate(PROMPTS, max_tokens=MOST, sampling=s, logprobs=True) for s in (None, Sampling(1e-4)))
    for one, two in zip(greedy, cold, strict=True):
        assert one.value == two.value
        assert [p for _, p in two.logprobs] == pytest.approx([p for _, p in one.logprobs], abs=1e-4)
        assert min(p for _, p in one.logprobs) < -0.1  # divided by such a temperature it would be certain


def test_asking_changes_nothing_else_and_costs_no_pass(llm):
    before = llm.passes
    told = llm.generate(PROMPTS, max_tokens=MOST, logprobs=True)
    between = llm.passes
    assert [replace(reply, logprobs=()) for reply in told] == llm.generate(PROMPTS, max_tokens=MOST)
    assert between - before == llm.passes - between


@pytest.mark.parametrize("budget", [1, 100_000])
def test_batches_of_any_size_tell_the_same(llm, folder, budget):
    other = HF(folder, device="cpu", batch_tokens=budget, share_prefix=False).generate(
        PROMPTS, max_tokens=MOST, logprobs=True
    )
    for one, two in zip(other, llm.generate(PROMPTS, max_tokens=MOST, logprobs=True), strict=True):
        assert [text for text, _ in one.logprobs] == [text for text, _ in two.logprobs]
        assert [p for _, p in one.logprobs] == pytest.approx([p for _, p in two.logprobs], abs=1e-4)


def test_what_is_behind_a_stop_is_not_told(llm):
    drawn = Sampling(seed=0)
    [whole] = llm.generate(PROMPTS[:1], max_tokens=30, sampling=drawn, logprobs=True)
    stop = whole.value[len(whole.value) // 2 :][:5]
    [reply] = llm.generate([replace(PROMPTS[0], stop=(stop,))], max_tokens=30, sampling=drawn, logprobs=True)
    assert spelled(reply) == reply.value == whole.value[: whole.value.index(stop)]
    kept = [p for _, p in whole.logprobs][: len(reply.logprobs)]
    assert [p for _, p in reply.logprobs] == pytest.approx(kept, abs=1e-4)


def test_no_more_tokens_are_told_than_may_be_written(llm):
    [reply] = llm.generate(PROMPTS[:1], max_tokens=3, sampling=Sampling(seed=0), logprobs=True)
    assert len(reply.logprobs) == reply.generated_tokens == 3


def test_a_character_of_several_tokens_belongs_to_the_last_of_them(tmp_path):
    following = HF(tiny_llm.qwen2(tmp_path), device="cpu")._following
    tokens = following.tokens("a 京 b")
    pieces = following.pieces(tokens, begins=False)
    assert "".join(pieces) == "a 京 b"
    assert [piece for piece in pieces if "京" in piece] != []
    assert pieces[tokens.index(following.tokens(" b")[0]) - 1].endswith("京")
    assert "" in pieces


# servers


def chat(text, tokens, *, finish="stop"):
    """A chat's answer; of each token its text, or its bytes."""
    content = [
        {"token": str(token), "logprob": -n / 10, "bytes": list(token if isinstance(token, bytes) else token.encode())}
        for n, token in enumerate(tokens, 1)
    ]
    choice = {"message": {"content": text}, "finish_reason": finish, "logprobs": {"content": content}}
    return 200, {}, {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": len(tokens)}}


def asked(served, answer, prompt=None, **options):
    served.answer = lambda body, number: answer
    llm = HTTP("m", base_url=served.url, pause=0.01, retries=1, **options)
    return llm.generate([prompt or user("Who?")], max_tokens=9, logprobs=True)[0]


def test_a_chat_is_asked_for_its_tokens_only_when_they_are_wanted(served):
    reply = asked(served, chat("Ann.", ["Ann", "."]))
    assert (reply.value, reply.logprobs) == ("Ann.", (("Ann", -0.1), (".", -0.2)))
    assert served.bodies[0]["logprobs"] is True
    HTTP("m", base_url=served.url).generate([user("Who?")], max_tokens=9)
    assert "logprobs" not in served.bodies[1]


def test_completions_are_asked_in_their_own_way(served):
    logprobs = {"tokens": [" Ann", "."], "token_logprobs": [-0.1, -0.2], "top_logprobs": None, "text_offset": [4, 8]}
    answer = 200, {}, {"choices": [{"text": " Ann.", "finish_reason": "stop", "logprobs": logprobs}]}
    reply = asked(served, answer, Prompt(text="Who?"), api="completions")
    assert (reply.value, reply.logprobs) == (" Ann.", ((" Ann", -0.1), (".", -0.2)))
    assert repr(served.bodies[0]["logprobs"]) == "1"  # and not true


@pytest.mark.parametrize(
    ("text", "tokens", "pieces"),
    [
        ("Ann.", ["Ann", ".", "<|im_end|>"], ["Ann", "."]),  # what ended it
        ("Ann.", ["<think>", "Ann.", "</think>", "\n\n", "Ann", "."], ["Ann", "."]),  # what it thought
        ("東", [b"\xe6", b"\x9d", b"\xb1"], ["", "", "東"]),  # OpenAI's bytes
        ("a 東京!", [b"a", b" \xe6", b"\x9d\xb1\xe4", b"\xba\xac", b"!"], ["a", "", "", " 東京", "!"]),
        ("a東b", ["a", "\ufffd", "\ufffd", "b", "</s>"], ["a", "", "東", "b"]),  # vLLM's
        ("", [], []),
        ("", ["<|im_end|>"], []),
    ],
)
def test_pieces_spell_the_reply_and_nothing_else(served, text, tokens, pieces):
    reply = asked(served, chat(text, tokens))
    assert [piece for piece, _ in reply.logprobs] == pieces
    assert spelled(reply) == reply.value == text


def test_a_stop_that_a_server_took_no_notice_of_is_cut_from_the_pieces_too(served):
    reply = asked(served, chat("one.\nQuestion: two", ["one", ".\nQu", "estion: two"]), user("a", stop=("\nQ",)))
    assert (reply.value, reply.logprobs) == ("one.", (("one", -0.1), (".", -0.2)))


def test_a_beginning_that_a_server_repeats_is_no_piece(served):
    reply = asked(served, chat("[2] > [1]", ["[", "2", "] > [1]"]), user("a", prefill="["))
    assert (reply.value, spelled(reply), len(reply.logprobs)) == ("2] > [1]", "2] > [1]", 2)


def test_a_server_that_tells_nothing_is_an_error_with_the_way_out(served):
    with pytest.raises(LLMFailed, match=r"\('m'\) gives no log-probabilities.*hf: or vllm:"):
        asked(served, served.reply("Ann."))


@pytest.mark.parametrize("tokens", [["An", "▁n", "."], ["\ufffd", "Bob"], ["<s>"] * 5])
def test_tokens_that_spell_something_else_are_an_error(served, tokens):
    with pytest.raises(LLMFailed, match=r"do not spell its reply 'Ann\.'"):
        asked(served, chat("Ann.", tokens))


def test_litellm_asks_hosts_that_tell_and_refuses_the_others_before_asking(monkeypatch):
    library = Library()
    monkeypatch.setitem(sys.modules, "litellm", library)
    library.answer = lambda request, number: chat("Ann.", ["Ann", "."])[2]
    library.get_supported_openai_params = lambda model: ["temperature", "logprobs"]
    [reply] = LiteLLM("openai/m").generate([user("a")], max_tokens=3, logprobs=True)
    assert (reply.logprobs, library.requests[0]["logprobs"]) == ((("Ann", -0.1), (".", -0.2)), True)
    library.get_supported_openai_params = lambda model: ["temperature"]
    llm = LiteLLM("anthropic/m")
    assert not llm.gives_logprobs
    with pytest.raises(BadInput, match="cannot tell how likely its tokens were: use hf:"):
        llm.generate([user("a")], max_tokens=3, logprobs=True)
    assert len(library.requests) == 1


def test_vllm_tells_what_transformers_does(monkeypatch, tmp_path):
    installed(monkeypatch)
    folder = tiny_llm.llama(tmp_path)
    prompts = PROMPTS[:2]
    for told, plain in zip(
        VLLM(folder).generate(prompts, max_tokens=5, logprobs=True),
        HF(folder, device="cpu").generate(prompts, max_tokens=5, logprobs=True),
        strict=True,
    ):
        assert spelled(told) == told.value
        assert [p for _, p in told.logprobs] == pytest.approx([p for _, p in plain.logprobs], abs=1e-4)


def test_a_judge_that_knows_is_no_model_with_tokens():
    with pytest.raises(BadInput, match="cannot tell how likely"):
        Simulated({"q": {"a": 1}}).generate([user("a")], max_tokens=3, logprobs=True)


# memory


class Telling(Counting):
    """Tells that all its words are certain but the last."""

    gives_logprobs = True

    def generate(self, prompts, *, max_tokens, logprobs=False):
        found = super().generate(prompts, max_tokens=max_tokens)
        return [replace(reply, logprobs=((reply.value, -0.1), ("", -5.5))) for reply in found] if logprobs else found


def test_what_was_told_is_remembered_apart_from_what_was_not(tmp_path):
    inner = Telling()
    for _ in range(2):
        [plain] = Cached(inner, folder=tmp_path).generate([Prompt(text="a")], max_tokens=9)
        [told] = Cached(inner, folder=tmp_path).generate([Prompt(text="a")], max_tokens=9, logprobs=True)
        assert (plain.value, plain.logprobs) == ("A", ())
        assert (told.value, told.logprobs) == ("A", (("A", -0.1), ("", -5.5)))
    assert inner.asked == ["a", "a"]
    assert Cached(inner, folder=tmp_path).gives_logprobs
    assert not Cached(Counting(), folder=tmp_path).gives_logprobs


def test_replies_that_were_remembered_before_are_read(tmp_path):
    llm = Cached(Counting(), folder=tmp_path)
    llm.generate([Prompt(text="a")], max_tokens=9)
    llm.memory.close()
    with sqlite3.connect(tmp_path / "replies.sqlite") as db:
        rows = db.execute("SELECT value, prompt_tokens, generated_tokens, finished FROM replies").fetchall()
    db.close()
    assert rows == [('"A"', 5, 3, 1)]  # as before there was anything to tell
    inner = Counting()
    [kept] = Cached(inner, folder=tmp_path).generate([Prompt(text="a")], max_tokens=9)
    assert (kept.value, kept.logprobs, kept.cached, inner.asked) == ("A", (), True, [])


# pieces


def test_a_text_without_pieces_and_pieces_without_text():
    assert spelling((), "") == ()
    assert spelling((), "a") is None
    assert spelling((("", -1.0),), "") == ()
    assert part((("", -1.0), ("ab", -2.0), ("", -3.0)), 0, 2) == (("", -1.0), ("ab", -2.0))


def test_broken_characters_are_mended_in_long_texts_at_once():
    text = "東京は日本の首都です。" * 40
    pieces = tuple(("\ufffd", -1.0) for _ in text for _ in range(3))
    found = spelling(pieces, text)
    assert "".join(piece for piece, _ in found) == text
    assert spelling((("x", -1.0), *pieces), text) is None


def test_a_reply_tells_nothing_unless_asked():
    assert Reply("a").logprobs == ()
