"""The http backend against somebody else's server: `transformers serve`, with a tiny model made on the spot."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from rankify.llm.cached import Cached
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLMFailed, Message, Prompt
from tests import tiny_llm

MISSING = [name for name in ("fastapi", "uvicorn", "openai", "accelerate") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs pip install 'transformers[serving]' for {', '.join(MISSING)}"),
]


def user(text, prefill=""):
    return Prompt(messages=(Message("system", "rank"), Message("user", text)), prefill=prefill)


PROMPTS = [user("the cat"), user("what is neural retrieval"), user("[1] dog [2] cat")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def plain(folder):
    return tiny_llm.Plain(folder)


@pytest.fixture(scope="module")
def url(folder, tmp_path_factory):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
    command = [sys.executable, "-c", program, "serve", folder, "--host", "127.0.0.1", "--port", str(port)]
    offline = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    log = tmp_path_factory.mktemp("serve") / "log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [*command, "--device", "cpu"], stdout=said, stderr=said, env={**os.environ, **offline}
        )
        try:
            assert ready(f"http://127.0.0.1:{port}/health", server), log.read_text("utf-8", "replace")[-2000:]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()
            server.wait()


def ready(health, server, *, seconds=120):
    """Whether a server answers before it ends, or before its time is over."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and server.poll() is None:
        try:
            with urllib.request.urlopen(health, timeout=1):  # noqa: S310 - its own server
                return True
        except (urllib.error.URLError, OSError):  # noqa: PERF203
            time.sleep(0.1)
    return False


def http(folder, url, **options):
    return HTTP(folder, base_url=url, pause=0.01, **options)


def test_chats_are_written_as_transformers_itself_writes_them(folder, url, plain):
    replies = http(folder, url).generate(PROMPTS, max_tokens=8)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = plain.ids(prompt)
        right = plain.greedy(ids, 8, {2})
        assert reply.value == plain.tokenizer.decode(right, skip_special_tokens=True)
        assert (reply.prompt_tokens, reply.generated_tokens) == (len(ids), len(right))
        assert reply.finished == (right[-1] == 2)


def test_completions_go_on_from_a_beginning(folder, url, plain):
    prompts = [Prompt(text="the cat", prefill=" is"), Prompt(text="rank the query")]
    for prompt, reply in zip(
        prompts, http(folder, url, api="completions").generate(prompts, max_tokens=8), strict=True
    ):
        right = plain.greedy(plain.ids(prompt), 8, {2})
        assert reply.value == plain.tokenizer.decode(right, skip_special_tokens=True)


def test_what_it_cannot_do_is_an_error_with_the_way_out_and_never_a_reply(folder, url):
    with pytest.raises(LLMFailed, match=r"answered 422 .*use api=completions, or another prefill="):
        http(folder, url).generate([user("the cat", "[")], max_tokens=4)
    with pytest.raises(LLMFailed, match=r"gives no log-probabilities"):
        http(folder, url).choose(PROMPTS, [["A", "B"]] * 3)
    with pytest.raises(LLMFailed, match=r"does not echo a prompt"):
        http(folder, url, api="completions").loglikelihood([Prompt(text="the")], [" cat"])


def test_what_it_said_is_remembered(folder, url, tmp_path):
    inner = http(folder, url)
    first, second = (Cached(inner, folder=tmp_path).generate(PROMPTS, max_tokens=4) for _ in range(2))
    assert [r.value for r in first] == [r.value for r in second]
    assert all(r.cached for r in second)
    assert inner.passes == len(PROMPTS)
