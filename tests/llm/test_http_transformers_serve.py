"""The http backend against somebody else's server: `transformers serve`, with a tiny model made on the spot."""

import pytest

from rankify.llm.cached import Cached
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLMFailed, Message, Prompt
from tests import tiny_llm
from tests.llm.transformers_serve import serving

pytestmark = pytest.mark.slow


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
    with serving(folder, tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


def http(folder, url, **options):
    return HTTP(folder, base_url=url, pause=0.01, **options)


def test_chats_are_written_as_transformers_itself_writes_them(folder, url, plain):
    replies = http(folder, url).generate(PROMPTS, max_tokens=8)
    for prompt, reply in zip(PROMPTS, replies, strict=True):
        ids = plain.ids(prompt)
        right = plain.greedy(ids, 8, {2})
        said = plain.tokenizer.decode(right, skip_special_tokens=True)
        assert reply.value == said.strip()  # of chats the server leaves out the blanks around a reply
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
