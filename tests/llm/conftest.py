"""An OpenAI-compatible server of language models on a real socket."""

import pytest


def reply(text, *, finish="stop", logprobs=None):
    """A chat's answer, as OpenAI gives it."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish, "text": text}
    return (
        200,
        {},
        {"choices": [{**choice, "logprobs": logprobs}], "usage": {"prompt_tokens": 7, "completion_tokens": 2}},
    )


def chat_logprobs(*pairs):
    """The log-probabilities of a chat's first token: texts and values, the chosen one first."""
    top = [{"token": text, "logprob": p, "bytes": list(text.encode())} for text, p in pairs]
    return {"content": [{**top[0], "top_logprobs": top}]}


@pytest.fixture
def served(serving):
    server = serving(lambda body, number: reply("hello"))
    server.reply, server.chat_logprobs = reply, chat_logprobs
    return server
