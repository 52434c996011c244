"""The litellm backend: over a stand-in for the library, and over the library itself where it is installed."""

import importlib.util
import sys
import threading
import time
from math import inf
from types import ModuleType, SimpleNamespace

import pytest

from rankify.errors import BadInput, MissingExtra
from rankify.llm.litellm import LiteLLM
from rankify.llm.protocol import LLMFailed, Message, Prompt

SECRET = "-".join(["sk", "live", "0123456789abcdef"])
REAL = pytest.mark.skipif(importlib.util.find_spec("litellm") is None, reason='needs pip install "rankify[litellm]"')


class APIStatusError(Exception):
    """What the library's errors have in common: openai's."""


class AuthenticationError(APIStatusError):
    pass


class BadRequestError(APIStatusError):
    pass


class ContextWindowExceededError(BadRequestError):
    pass


class RateLimitError(APIStatusError):
    pass


class Library(ModuleType):
    """LiteLLM as far as it is used: completion, token_counter, utils.supports_assistant_prefill."""

    def __init__(self):
        super().__init__("litellm")
        self.requests, self.suppress_debug_info = [], False
        self.utils = SimpleNamespace(supports_assistant_prefill=lambda model: model.startswith("anthropic/"))
        self.answer = lambda request, number: said("hello")
        self.at_once = self.peak = 0
        self._lock = threading.Lock()

    def completion(self, **request):
        with self._lock:
            self.requests.append(request)
            number, self.at_once = len(self.requests) - 1, self.at_once + 1
            self.peak = max(self.peak, self.at_once)
        try:
            answer = self.answer(request, number)
        finally:
            with self._lock:
                self.at_once -= 1
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(model_dump=lambda: answer)

    def token_counter(self, model, text):
        return len(text.split())


def said(text, *, finish="stop", logprobs=None):
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish, "logprobs": logprobs}
    return {"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}


@pytest.fixture
def library(monkeypatch):
    found = Library()
    monkeypatch.setitem(sys.modules, "litellm", found)
    return found


def ask(text="Which?", prefill=""):
    return Prompt(messages=(Message("system", "Be brief."), Message("user", text)), prefill=prefill)


def litellm(model="openai/m", **options):
    return LiteLLM(model, **{"pause": 0.01, **options})


def test_a_chat_is_sent_with_temperature_0_and_the_library_tries_once(library):
    litellm(api_base="http://here", seed=3).generate([ask()], max_tokens=9)
    [request] = library.requests
    assert request["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which?"}]
    assert (request["model"], request["temperature"], request["max_tokens"]) == ("openai/m", 0, 9)
    assert (request["api_base"], request["seed"], request["num_retries"], request["max_retries"]) == (
        "http://here",
        3,
        0,
        0,
    )
    assert library.suppress_debug_info


def test_a_reply_has_its_text_and_token_counts(library):
    library.answer = lambda request, n: said("[2] > [1]", finish="length")
    [reply] = litellm().generate([ask()], max_tokens=9)
    assert (reply.value, reply.prompt_tokens, reply.generated_tokens, reply.finished) == ("[2] > [1]", 7, 2, False)


def test_a_beginning_is_sent_where_the_host_goes_on_from_it_and_refused_elsewhere(library):
    library.answer = lambda request, n: said("[2] > [1]")
    [reply] = litellm("anthropic/claude").generate([ask(prefill="[")], max_tokens=9)
    assert library.requests[0]["messages"][-1] == {"role": "assistant", "content": "[", "prefix": True}
    assert reply.value == "2] > [1]"
    assert not litellm().prefills
    with pytest.raises(BadInput, match="cannot go on from a beginning"):
        litellm().generate([ask(prefill="[")], max_tokens=9)


def test_a_text_in_the_models_format_is_no_chat(library):
    with pytest.raises(BadInput, match="sends chats"):
        litellm().generate([Prompt(text="<s>Q")], max_tokens=3)


def test_choices_are_scored_by_log_probabilities(library):
    top = [{"token": "B", "logprob": -0.2}, {"token": " A", "logprob": -1.7}, {"token": "B", "logprob": -3.0}]
    library.answer = lambda request, n: said("B", logprobs={"content": [{**top[0], "top_logprobs": top}]})
    assert litellm().choose([ask()], [["A", "B", "C"]], top=5)[0].value == (-1.7, -0.2, -inf)
    assert (library.requests[0]["logprobs"], library.requests[0]["top_logprobs"]) == (True, 5)


def test_a_host_without_log_probabilities_is_an_error_with_the_way_out(library):
    with pytest.raises(LLMFailed, match="gives no log-probabilities through LiteLLM"):
        litellm().choose([ask()], [["A"]])


def test_it_offers_no_likelihood(library):
    assert litellm().offers == {"generate", "choose"}
    with pytest.raises(BadInput, match="cannot loglikelihood"):
        litellm().loglikelihood([ask()], ["x"])


def test_a_failure_that_may_pass_is_tried_again_and_bounded(library):
    library.answer = lambda request, n: RateLimitError("slow down") if n < 2 else said("ok")
    llm = litellm()
    assert llm.generate([ask()], max_tokens=3)[0].value == "ok"
    assert llm.passes == 3
    library.answer = lambda request, n: RateLimitError("slow down")
    with pytest.raises(LLMFailed, match="RateLimitError: slow down; tried 3 times"):
        litellm(retries=2).generate([ask()], max_tokens=3)


def test_what_is_no_reply_is_tried_again(library):
    library.answer = lambda request, n: {"choices": []} if n < 1 else said("ok")
    assert litellm().generate([ask()], max_tokens=3)[0].value == "ok"


@pytest.mark.parametrize(
    ("error", "way_out"),
    [
        (AuthenticationError(f"bad key {SECRET}\nsee the docs"), "set the host's key in the environment variable"),
        (ContextWindowExceededError("too long"), "too long; not tried again"),
    ],
)
def test_a_refusal_is_said_at_once_without_the_key(library, monkeypatch, error, way_out):
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    library.answer = lambda request, n: error
    with pytest.raises(LLMFailed) as caught:
        litellm().generate([ask()], max_tokens=3)
    assert way_out in str(caught.value)
    assert SECRET not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert "\n" not in str(caught.value)
    assert len(library.requests) == 1


def test_replies_keep_the_order_and_at_most_parallel_are_under_way(library):
    def answer(request, number):
        text = request["messages"][1]["content"]
        time.sleep(0.01 * (4 - int(text) % 4))
        return said(text)

    library.answer = answer
    replies = litellm(parallel=3).generate([ask(str(i)) for i in range(20)], max_tokens=3)
    assert [r.value for r in replies] == [str(i) for i in range(20)]
    assert 2 <= library.peak <= 3


def test_a_spec_builds_an_equal_one(library):
    assert repr(litellm(seed=3)) == "litellm:openai/m?pause=0.01&seed=3"
    assert litellm(retries=1).identity == "litellm:openai/m"


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "litellm", None)
    with pytest.raises(MissingExtra, match=r'pip install "rankify\[litellm\]"'):
        LiteLLM("openai/m")


@REAL
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_the_library_itself_asks_a_server_reads_it_and_says_what_fails(served, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    logprobs = served.chat_logprobs(("B", -0.2), ("A", -1.7))
    served.answer = lambda body, n: (500, {}, b"{}") if n < 1 else served.reply("B", logprobs=logprobs)
    llm = litellm(api_base=served.url)
    [reply] = llm.generate([ask()], max_tokens=3)
    assert (reply.value, reply.prompt_tokens, reply.generated_tokens) == ("B", 7, 2)
    assert len(served.bodies) == llm.passes == 2
    assert llm.choose([ask()], [["A", "B", "C"]])[0].value == (-1.7, -0.2, -inf)
    assert f"Bearer {SECRET}" in served.headers[0].values()
    served.answer = lambda body, n: (401, {}, {"error": {"message": f"Incorrect API key provided: {SECRET}"}})
    with pytest.raises(LLMFailed, match="AuthenticationError") as caught:
        llm.generate([ask()], max_tokens=3)
    assert SECRET not in str(caught.value)
    assert llm.tokens(["the cat sat"])[0] >= 3
