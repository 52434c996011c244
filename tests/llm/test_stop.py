"""Texts at which a reply ends: written no further than there, and no part of the reply, on every backend."""

import sys
from dataclasses import replace

import pytest

from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.litellm import LiteLLM
from rankify.llm.protocol import Message, Prompt
from rankify.llm.sampling import Sampling
from rankify.llm.vllm import VLLM
from tests import tiny_llm
from tests.llm.test_cached import Counting
from tests.llm.test_litellm import Library
from tests.llm.vllm_stand_in import installed


def user(text, *stop):
    return Prompt(messages=(Message("user", text),), stop=stop)


PROMPTS = [user("the cat"), user("what is neural retrieval for cats and dogs"), user("rank")]


@pytest.fixture(scope="module", params=["llama", "t5"])
def llm(request, tmp_path_factory):
    return HF(getattr(tiny_llm, request.param)(tmp_path_factory.mktemp(request.param)), device="cpu")


def drawn(n):
    """Random replies, since the likeliest ones of a tiny network repeat one word."""
    return [Sampling(seed=seed) for seed in range(n)]


def middles(texts):
    """A piece out of the middle of each text."""
    return [text[len(text) // 2 :][:5] for text in texts]


def test_a_reply_ends_before_the_first_text_at_which_it_ends(llm):
    whole = llm.generate(PROMPTS, max_tokens=30, sampling=drawn(3))
    pieces = middles(reply.value for reply in whole)
    asked = [replace(prompt, stop=("never there", piece)) for prompt, piece in zip(PROMPTS, pieces, strict=True)]
    replies = llm.generate(asked, max_tokens=30, sampling=drawn(3))
    for reply, before, piece in zip(replies, whole, pieces, strict=True):
        assert reply.value == before.value[: before.value.index(piece)]
        assert reply.finished
        assert reply.generated_tokens < before.generated_tokens


def test_no_more_is_written_than_it_takes_to_see_the_end(llm):
    [whole] = llm.generate(PROMPTS[:1], max_tokens=30, sampling=drawn(1))
    [piece] = middles([whole.value])
    [reply] = llm.generate([replace(PROMPTS[0], stop=(piece,))], max_tokens=30, sampling=drawn(1))
    [shorter] = llm.generate(PROMPTS[:1], max_tokens=reply.generated_tokens - 1, sampling=drawn(1))
    assert piece not in shorter.value


def test_a_reply_without_such_a_text_is_as_it_was(llm):
    asked = [replace(prompt, stop=("never there",)) for prompt in PROMPTS]
    assert llm.generate(asked, max_tokens=9) == llm.generate(PROMPTS, max_tokens=9)


def test_the_end_of_one_reply_is_not_that_of_another(llm):
    whole = llm.generate(PROMPTS, max_tokens=30, sampling=drawn(3))
    [piece] = middles([whole[0].value])
    mixed = llm.generate([replace(PROMPTS[0], stop=(piece,)), *PROMPTS[1:]], max_tokens=30, sampling=drawn(3))
    assert mixed[0].value == whole[0].value[: whole[0].value.index(piece)]
    assert mixed[1:] == whole[1:]


def test_a_server_is_told_and_what_it_says_too_much_is_cut(served):
    served.answer = lambda body, _: (200, {}, chat("one\ntwo\nthree"))
    [reply] = HTTP("m", base_url=served.url).generate([user("a", "\ntwo", "\nfour")], max_tokens=9)
    assert served.bodies[0]["stop"] == ["\ntwo", "\nfour"]
    assert (reply.value, reply.finished) == ("one", True)
    HTTP("m", base_url=served.url).generate([user("a")], max_tokens=9)
    assert "stop" not in served.bodies[1]


def chat(text):
    usage = {"prompt_tokens": 1, "completion_tokens": 3}
    return {"choices": [{"message": {"content": text}, "finish_reason": "length"}], "usage": usage}


def test_litellm_tells_the_host(monkeypatch):
    library = Library()
    monkeypatch.setitem(sys.modules, "litellm", library)
    LiteLLM("openai/m", pause=0.01).generate([user("a", "\n"), user("b")], max_tokens=3)
    assert [request.get("stop") for request in library.requests] in ([["\n"], None], [None, ["\n"]])


def test_vllm_is_told(monkeypatch, tmp_path):
    installed(monkeypatch)
    llm = VLLM(tiny_llm.llama(tmp_path))
    llm.generate([user("the cat", "\n"), user("rank")], max_tokens=3)
    assert [list(how.stop or ()) for how in llm._engine.asked[-1]] == [["\n"], []]


def test_what_is_remembered_depends_on_where_it_ends(tmp_path):
    inner = Counting()
    cached = Cached(inner, folder=str(tmp_path))
    for stop in ((), ("\n",), ("\n",), ("x",), ()):
        cached.generate([Prompt(text="a", stop=stop)], max_tokens=3)
    assert inner.asked == ["a"] * 3


def test_an_empty_text_is_no_end():
    with pytest.raises(ValueError, match="empty text"):
        Prompt(text="a", stop=("",))
