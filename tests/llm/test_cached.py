"""The cached backend: what was asked once is not asked again, by whomever, whatever happens in between."""

import sqlite3
import subprocess
import sys
import threading
import time
from math import inf
from typing import ClassVar

import pytest

from rankify import registry
from rankify.errors import BadInput, RankifyError, UnknownName
from rankify.llm.cached import Cached
from rankify.llm.protocol import LLM, LLMFailed, Message, Prompt, Reply, most_of


class Counting(LLM):
    """A backend in this process that counts what it is asked, and can fail at its n-th prompt."""

    name = "counting"
    special: ClassVar = ("<s>",)
    raw_logits = True
    context = 100

    def __init__(self, *, fail_at=None):
        self.batches, self.fail_at = [], fail_at

    def generate(self, prompts, *, max_tokens):
        if self.fail_at is not None and sum(map(len, self.batches)) + len(prompts) > self.fail_at:
            raise LLMFailed("out of memory")
        self.batches.append([p.plain for p in prompts])
        self.passes += 1
        most = most_of(max_tokens, len(prompts))
        return [Reply(p.plain.upper(), 5, 3, finished=own > 1) for p, own in zip(prompts, most, strict=True)]

    def choose(self, prompts, choices, *, top=None):
        self.batches.append([p.plain for p in prompts])
        return [Reply((0.1, -inf, 1e-300)[: len(c)], 5, 1) for c in choices]

    def loglikelihood(self, prompts, continuations, *, end=False):
        self.batches.append([p.plain for p in prompts])
        return [Reply(-1.1 * len(c) - end, 5) for c in continuations]

    def tokens(self, texts):
        return [len(text.split()) for text in texts]

    @property
    def asked(self):
        return [text for batch in self.batches for text in batch]


def texts(*said):
    return [Prompt(text=text) for text in said]


def values(replies):
    return [reply.value for reply in replies]


def test_the_second_time_nothing_is_asked_and_the_counts_are_kept(tmp_path):
    inner = Counting()
    first = Cached(inner, folder=tmp_path).generate(texts("a", "b"), max_tokens=9)
    second = Cached(inner, folder=tmp_path).generate(texts("b", "c", "a"), max_tokens=9)
    assert inner.asked == ["a", "b", "c"]
    assert values(second) == ["B", "C", "A"]
    assert [r.cached for r in first] == [False, False]
    assert [r.cached for r in second] == [True, False, True]
    assert {(r.prompt_tokens, r.generated_tokens, r.finished) for r in second} == {(5, 3, True)}


def test_a_reply_is_remembered_whatever_the_others_of_its_call_may_take(tmp_path):
    inner = Counting()
    Cached(inner, folder=tmp_path).generate(texts("a", "b"), max_tokens=[9, 5])
    replies = Cached(inner, folder=tmp_path).generate(texts("b", "a", "b"), max_tokens=[5, 9, 9])
    assert [r.cached for r in replies] == [True, True, False]
    assert inner.asked == ["a", "b", "b"]


def test_what_is_asked_twice_in_a_call_is_asked_once(tmp_path):
    inner = Counting()
    replies = Cached(inner, folder=tmp_path).generate(texts("a", "b", "a", "a"), max_tokens=9)
    assert inner.asked == ["a", "b"]
    assert values(replies) == ["A", "B", "A", "A"]
    assert [r.cached for r in replies] == [False, False, True, True]


def test_scores_come_back_as_they_were_to_the_last_bit(tmp_path):
    for cached in (False, True):
        llm = Cached(Counting(), folder=tmp_path)
        [chosen] = llm.choose(texts("q"), [["A", "B", "C"]])
        [likely] = llm.loglikelihood(texts("q"), ["xyz"], end=True)
        assert (chosen.value, likely.value) == ((0.1, -inf, 1e-300), -1.1 * 3 - 1)
        assert (chosen.cached, likely.cached) == (cached, cached)


@pytest.mark.parametrize(
    "ask",
    [
        lambda llm: llm.generate(texts("q"), max_tokens=8),
        lambda llm: llm.generate([Prompt(text="q", prefill="[")], max_tokens=9),
        lambda llm: llm.generate([Prompt(messages=(Message("user", "q"),))], max_tokens=9),
        lambda llm: llm.generate([Prompt(messages=(Message("system", "q"),))], max_tokens=9),
        lambda llm: llm.choose(texts("q"), [["A"]]),
        lambda llm: llm.choose(texts("q"), [["A", "B"]]),
        lambda llm: llm.choose(texts("q"), [["B", "A"]]),
        lambda llm: llm.choose(texts("q"), [["A"]], top=20),
        lambda llm: llm.loglikelihood(texts("q"), ["A"]),
        lambda llm: llm.loglikelihood(texts("q"), ["A"], end=True),
    ],
)
def test_another_question_is_another_reply(tmp_path, ask):
    inner = Counting()
    llm = Cached(inner, folder=tmp_path)
    llm.generate(texts("q"), max_tokens=9)
    assert not ask(llm)[0].cached
    assert ask(llm)[0].cached
    assert len(inner.batches) == 2


def test_another_backend_is_asked_anew(tmp_path):
    Cached(Counting(), folder=tmp_path).generate(texts("q"), max_tokens=9)
    assert not Cached(Counting(fail_at=7), folder=tmp_path).generate(texts("q"), max_tokens=9)[0].cached


def test_a_backend_in_this_process_is_asked_in_batches_each_of_which_is_kept(tmp_path):
    failing = Counting(fail_at=5)
    asked = texts(*"abcdefg")
    with pytest.raises(LLMFailed, match="out of memory"):
        Cached(failing, folder=tmp_path, every=2).generate(asked, max_tokens=9)
    assert [len(batch) for batch in failing.batches] == [2, 2]
    again = Counting(fail_at=5)
    with pytest.raises(LLMFailed):
        Cached(again, folder=tmp_path, every=3).generate([*asked, *texts(*"hijk")], max_tokens=9)
    assert again.asked == ["e", "f", "g"]


def test_what_it_offers_is_what_the_backend_offers(tmp_path):
    inner = Counting()
    llm = Cached(inner, folder=tmp_path)
    llm.generate(texts("q"), max_tokens=9)
    for name in ("offers", "raw_logits", "independent", "context", "special", "passes", "prefills", "encoder_decoder"):
        assert getattr(llm, name) == getattr(inner, name)
    assert llm.tokens(["a b"]) == [2]
    assert llm.prompt_tokens(texts("a b c")) == [3]
    assert llm.cut(["a b c"], 2) == ["a b"]


def test_half_characters_have_a_key_too(tmp_path):
    llm = Cached(Counting(), folder=tmp_path)
    llm.generate(texts("\ud83d"), max_tokens=9)
    assert llm.generate(texts("\ud83d"), max_tokens=9)[0].cached


# files


@pytest.mark.parametrize("content", [b"no database, but longer than a header of one" * 50, b"x"])
def test_another_kind_of_file_is_refused_with_the_way_out(tmp_path, content):
    (tmp_path / "replies.sqlite").write_bytes(content)
    with pytest.raises(BadInput, match=r"replies\.sqlite holds no remembered replies.*delete") as caught:
        Cached(Counting(), folder=tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "replies.sqlite").read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path):
    with sqlite3.connect(tmp_path / "replies.sqlite") as db:
        db.execute("CREATE TABLE history (url)")
    db.close()
    before = (tmp_path / "replies.sqlite").read_bytes()
    with pytest.raises(BadInput, match="another program's database"):
        Cached(Counting(), folder=tmp_path)
    assert (tmp_path / "replies.sqlite").read_bytes() == before


def test_a_damaged_file_is_said_to_be(tmp_path):
    llm = Cached(Counting(), folder=tmp_path)
    llm.generate(texts(*map(str, range(300))), max_tokens=9)
    llm.memory.close()
    whole = (tmp_path / "replies.sqlite").read_bytes()
    (tmp_path / "replies.sqlite").write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(BadInput, match="damaged"):
        Cached(Counting(), folder=tmp_path).generate(texts(*map(str, range(300))), max_tokens=9)


def test_a_place_where_nothing_can_be_written_is_said(tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    with pytest.raises(RankifyError, match="taken"):
        Cached(Counting(), folder=tmp_path / "taken")


# servers, threads, processes


def http(served, folder, **options):
    pytest.importorskip("httpx")
    return Cached("http:m", base_url=served.url, pause=0.01, folder=folder, **options)


def chats(count):
    return [Prompt(messages=(Message("user", f"prompt {i}"),)) for i in range(count)]


def test_options_that_are_not_its_own_are_the_backends_and_the_spec_has_both(served, tmp_path):
    llm = http(served, tmp_path, parallel=3, every=5)
    assert llm.inner.parallel == llm.parallel == 3
    assert llm.independent
    assert repr(llm) == f"cached:http:m?base_url={served.url}&parallel=3&pause=0.01&folder={tmp_path}&every=5"
    with pytest.raises(BadInput, match="built already"):
        Cached(llm.inner, parallel=4)


def test_how_a_server_is_asked_does_not_matter(served, tmp_path):
    http(served, tmp_path, parallel=3).generate(chats(2), max_tokens=9)
    assert all(r.cached for r in http(served, tmp_path, retries=9, timeout=3.0).generate(chats(2), max_tokens=9))


def test_a_servers_replies_are_kept_one_by_one_though_another_fails(served, tmp_path):
    served.answer = lambda body, n: (400, {}, b"no") if "7" in str(body) else served.reply("ok")
    with pytest.raises(LLMFailed):
        http(served, tmp_path, parallel=1).generate(chats(10), max_tokens=9)
    assert len(served.bodies) == 8
    served.answer = lambda body, n: served.reply("ok")
    replies = http(served, tmp_path, parallel=1).generate(chats(10), max_tokens=9)
    assert [r.cached for r in replies] == [True] * 7 + [False] * 3


def test_when_one_prompt_is_refused_nobody_waits_for_those_to_be_tried_again(served, tmp_path):
    def answer(body, number):
        if "7" in str(body):
            time.sleep(0.2)
            return 400, {}, b"no"
        return 503, {"Retry-After": "60"}, b"later"

    served.answer = answer
    llm, start = http(served, tmp_path, parallel=8), time.monotonic()
    with pytest.raises(LLMFailed, match="answered 400"):
        llm.generate(chats(8), max_tokens=9)
    llm.inner._workers._pool.shutdown(wait=True)
    llm._workers._pool.shutdown(wait=True)
    assert time.monotonic() - start < 10


def test_a_registered_spec_with_the_backends_options_builds_an_equal_one(served, tmp_path):
    pytest.importorskip("httpx")
    llm = registry.load("llm", f"cached:http:m?base_url={served.url}&api=completions&parallel=3&folder={tmp_path}")
    assert llm.inner.api == "completions"
    assert registry.load("llm", repr(llm)) == llm
    with pytest.raises(UnknownName, match="parallel"):
        registry.load("llm", "cached:http:m?paralel=3")


RUN = """
import sys
from rankify.llm.cached import Cached
from rankify.llm.protocol import Message, Prompt
llm = Cached("http:m", base_url=sys.argv[1], folder=sys.argv[2], parallel=4)
prompts = [Prompt(messages=(Message("user", f"prompt {i}"),)) for i in range(int(sys.argv[3]))]
replies = llm.generate(prompts, max_tokens=9)
assert [r.value for r in replies] == [f"PROMPT {i}" for i in range(len(prompts))], replies
print(sum(r.cached for r in replies))
"""


def run(served, folder, count):
    command = [sys.executable, "-c", RUN, served.url, str(folder), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def loud(served, seconds):
    def answer(body, number):
        time.sleep(seconds)
        return served.reply(body["messages"][0]["content"].upper())

    return answer


def prompts_of(served):
    return [body["messages"][0]["content"] for body in served.bodies]


def test_a_run_that_was_killed_asks_nothing_twice_but_what_was_under_way(served, tmp_path):
    pytest.importorskip("httpx")
    served.answer = loud(served, 0.02)
    killed = run(served, tmp_path, 200)
    while len(served.bodies) < 60 and killed.poll() is None:
        time.sleep(0.005)
    killed.kill()  # SIGKILL
    killed.communicate()
    time.sleep(0.1)
    assert 60 <= len(served.bodies) < 200
    second = run(served, tmp_path, 200)
    remembered = int(second.communicate()[0])
    assert second.returncode == 0
    asked = prompts_of(served)
    assert set(asked) == {f"prompt {i}" for i in range(200)}
    assert len(asked) - 200 <= 4  # as many as were under way
    assert remembered >= 56


def test_two_processes_use_one_file_at_once(served, tmp_path):
    pytest.importorskip("httpx")
    served.answer = loud(served, 0.005)
    both = [run(served, tmp_path / "new", 150) for _ in range(2)]
    for one in both:
        one.communicate()
    assert [one.returncode for one in both] == [0, 0]
    third = run(served, tmp_path / "new", 150)
    assert int(third.communicate()[0]) == 150


def test_threads_use_one_backend_at_once(served, tmp_path):
    served.answer = loud(served, 0.002)
    llm = http(served, tmp_path, parallel=4)
    found = {}

    def ask(number):
        found[number] = llm.generate(chats(30), max_tokens=9)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(values(replies) == [f"PROMPT {i}" for i in range(30)] for replies in found.values())
    assert served.peak <= 4


def test_a_judge_that_knows_is_remembered_by_what_a_prompt_shows(tmp_path):
    """Its prompts may be equal to the letter and about other documents."""
    from rankify.llm.protocol import Shown
    from rankify.llm.simulated import Simulated

    llm = Cached(Simulated({"q": {"a": 2, "b": 1}}), folder=str(tmp_path))
    prompts = [Prompt(text="which?", shown=Shown("q", ids, ("[1]", "[2]"), "permutation")) for ids in ("ab", "ba")]
    assert [r.value for r in llm.generate(prompts, max_tokens=9)] == ["[1] > [2]", "[2] > [1]"]
