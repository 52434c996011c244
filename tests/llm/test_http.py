"""The http backend against a real socket: what it sends, what it reads, what it tries again, and what it tells."""

import json
import logging
import socket
import threading
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from math import inf

import pytest

from rankify import registry
from rankify.errors import BadInput
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLMFailed, Message, Prompt

pytest.importorskip("httpx")
SECRET = "-".join(["sk", "live", "0123456789abcdef"])


def ask(text="Which?", prefill=""):
    return Prompt(messages=(Message("system", "Be brief."), Message("user", text)), prefill=prefill)


def http(served, **options):
    return HTTP("m", base_url=served.url, **{"pause": 0.01, "timeout": 5.0, **options})


# what it sends


def test_a_chat_is_sent_with_temperature_0_and_its_limit(served):
    http(served, seed=7, extra='{"chat_template_kwargs": {"enable_thinking": false}}').generate([ask()], max_tokens=9)
    assert served.paths == ["/v1/chat/completions"]
    assert served.bodies == [
        {
            "model": "m", "temperature": 0, "max_tokens": 9, "seed": 7,
            "chat_template_kwargs": {"enable_thinking": False},
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which?"}],
        }
    ]  # fmt: skip


def test_completions_are_sent_the_text_with_its_beginning(served):
    http(served, api="completions").generate([ask(prefill="["), Prompt(text="Q:", prefill=" A")], max_tokens=3)
    assert served.paths == ["/v1/completions"] * 2
    assert sorted(body["prompt"] for body in served.bodies) == ["Be brief.\nWhich?[", "Q: A"]


def test_the_beginning_of_a_reply_is_a_last_message_to_go_on_from(served):
    http(served).generate([ask(prefill="[")], max_tokens=3)
    [body] = served.bodies
    assert body["messages"][-1] == {"role": "assistant", "content": "["}
    assert body["continue_final_message"] is True
    assert body["add_generation_prompt"] is False


def test_servers_that_always_go_on_are_sent_the_message_alone(served):
    http(served, prefill="message").generate([ask(prefill="[")], max_tokens=3)
    assert served.bodies[0]["messages"][-1]["content"] == "["
    assert "continue_final_message" not in served.bodies[0]


def test_a_beginning_that_cannot_be_sent_is_refused(served):
    llm = http(served, prefill="none")
    assert not llm.prefills
    with pytest.raises(BadInput, match="cannot go on from a beginning"):
        llm.generate([ask(prefill="[")], max_tokens=3)
    assert not HTTP("gpt-4o-mini").prefills


def test_a_text_in_the_models_format_is_no_chat(served):
    with pytest.raises(BadInput, match="api=completions"):
        http(served).generate([Prompt(text="<s>Q")], max_tokens=3)


def test_the_field_of_the_limit_can_be_named(served):
    http(served, max_tokens_field="max_completion_tokens").generate([ask()], max_tokens=3)
    assert "max_tokens" not in served.bodies[0]
    assert served.bodies[0]["max_completion_tokens"] == 3


def test_half_characters_are_sent(served):
    http(served).generate([ask("\ud83d")], max_tokens=3)
    assert served.bodies[0]["messages"][1]["content"] == "\ud83d"


# what it reads


def test_a_reply_has_its_text_and_token_counts(served):
    served.answer = lambda body, n: served.reply("[2] > [1]")
    [reply] = http(served).generate([ask()], max_tokens=9)
    assert (reply.value, reply.prompt_tokens, reply.generated_tokens) == ("[2] > [1]", 7, 2)
    assert reply.finished
    assert not reply.cached


def test_a_reply_cut_at_its_limit_is_not_finished(served):
    served.answer = lambda body, n: served.reply("[2] >", finish="length")
    assert not http(served).generate([ask()], max_tokens=9)[0].finished


@pytest.mark.parametrize("said", ["[2] > [1]", "2] > [1]"])
def test_replies_come_without_the_beginning_even_if_the_server_repeats_it(served, said):
    served.answer = lambda body, n: served.reply(said)
    assert http(served).generate([ask(prefill="[")], max_tokens=9)[0].value == "2] > [1]"


def test_no_content_is_an_empty_text(served):
    served.answer = lambda body, n: served.reply(None)
    assert http(served).generate([ask()], max_tokens=9)[0].value == ""


def test_replies_keep_the_order_of_the_prompts(served):
    def answer(body, number):
        said = body["messages"][1]["content"]
        time.sleep(0.02 * (5 - int(said) % 5))
        return served.reply(said)

    served.answer = answer
    replies = http(served, parallel=8).generate([ask(str(i)) for i in range(40)], max_tokens=9)
    assert [r.value for r in replies] == [str(i) for i in range(40)]


def test_nothing_asked_is_nothing_sent(served):
    assert http(served).generate([], max_tokens=9) == []
    assert served.bodies == []


# choosing


def test_choices_are_scored_by_the_log_probabilities_of_the_first_token(served):
    pairs = [("B", -0.2), ("A", -1.7), ("x", -4.0)]
    served.answer = lambda body, n: served.reply("B", logprobs=served.chat_logprobs(*pairs))
    [reply] = http(served).choose([ask(prefill="[")], [["A", "B", "C"]])
    assert reply.value == (-1.7, -0.2, -inf)
    [body] = served.bodies
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)


def test_the_likeliest_of_tokens_with_one_text_counts(served):
    pairs = [("A", -0.5), ("A", -0.1), ("A", -3.0)]
    served.answer = lambda body, n: served.reply("A", logprobs=served.chat_logprobs(*pairs))
    assert http(served).choose([ask()], [["A"]])[0].value == (-0.1,)


def test_a_blank_before_a_choice_counts_only_where_the_choice_itself_is_not_there(served):
    pairs = [(" A", -0.1), ("A", -0.5), (" B", -2.0), ("C", -3.0)]
    served.answer = lambda body, n: served.reply(" A", logprobs=served.chat_logprobs(*pairs))
    assert http(served).choose([ask()], [["A", "B", " C"]])[0].value == (-0.5, -2.0, -inf)


def test_a_reply_without_any_choice_scores_none(served):
    served.answer = lambda body, n: served.reply("I", logprobs=served.chat_logprobs(("I", -0.1), ("The", -2.0)))
    assert http(served).choose([ask()], [["A", "B"]])[0].value == (-inf, -inf)


def test_an_empty_reply_scores_none(served):
    served.answer = lambda body, n: served.reply("", logprobs={"content": []})
    assert http(served).choose([ask()], [["A", "B"]])[0].value == (-inf, -inf)


def test_only_as_many_tokens_as_asked_for_are_seen(served):
    pairs = [("A", -0.1), ("B", -0.5), ("C", -2.0)]
    served.answer = lambda body, n: served.reply("A", logprobs=served.chat_logprobs(*pairs))
    assert http(served).choose([ask()], [["A", "B", "C"]], top=2)[0].value == (-0.1, -0.5, -inf)
    assert served.bodies[0]["top_logprobs"] == 2


def test_completions_give_log_probabilities_in_their_own_form(served):
    logprobs = {"tokens": ["A"], "token_logprobs": [-0.1], "top_logprobs": [{"B": -0.5, "C": -2.0}], "text_offset": [0]}
    served.answer = lambda body, n: served.reply("A", logprobs=logprobs)
    assert http(served, api="completions").choose([ask()], [["A", "B", "D"]])[0].value == (-0.1, -0.5, -inf)
    assert served.bodies[0]["logprobs"] == 20


def test_a_server_without_log_probabilities_is_an_error_with_the_way_out(served):
    with pytest.raises(LLMFailed, match=r"gives no log-probabilities .* use one that reads generated text"):
        http(served).choose([ask()], [["A", "B"]])
    assert len(served.bodies) == 1


def test_choices_of_several_tokens_are_an_error_where_that_shows(served):
    served.answer = lambda body, n: served.reply("Rel", logprobs=served.chat_logprobs(("Rel", -0.1), ("Ir", -2.0)))
    with pytest.raises(LLMFailed, match="'Relevant' is more than one token"):
        http(served).choose([ask()], [["Relevant", "Irrelevant"]])


# likelihood


def echoed(tokens, scores, *, generated):
    """What vLLM answers to echo=true: all tokens of the prompt, the first without a score, and what it wrote."""
    offsets = [sum(map(len, tokens[:i])) for i in range(len(tokens))]
    logprobs = {"tokens": tokens, "token_logprobs": scores, "text_offset": offsets, "top_logprobs": None}
    choice = {"text": "".join(tokens), "logprobs": logprobs, "finish_reason": "length"}
    return (
        200,
        {},
        {"choices": [choice], "usage": {"prompt_tokens": len(tokens) - generated, "completion_tokens": generated}},
    )


@pytest.mark.parametrize("begin", [[], ["<s>"]])
@pytest.mark.parametrize("written", [[], [" and"]])
def test_a_continuation_has_the_log_probabilities_of_its_tokens_summed(served, begin, written):
    tokens = [*begin, "The", " cat", " sat", " down", *written]
    scores = [None, *[-float(i) for i in range(1, len(tokens))]]
    served.answer = lambda body, n: echoed(tokens, scores, generated=len(written))
    [reply] = http(served, api="completions").loglikelihood([Prompt(text="The cat")], [" sat down"])
    place = len(begin) + 2
    assert reply.value == scores[place] + scores[place + 1]
    assert (served.bodies[0]["prompt"], served.bodies[0]["echo"]) == ("The cat sat down", True)


def test_a_continuation_that_begins_inside_a_token_is_an_error(served):
    served.answer = lambda body, n: echoed(["The", " cat"], [None, -1.0], generated=0)
    with pytest.raises(LLMFailed, match="no border of tokens"):
        http(served, api="completions").loglikelihood([Prompt(text="The ")], ["cat"])


def test_a_server_that_does_not_echo_is_an_error(served):
    logprobs = {"tokens": [" and"], "token_logprobs": [-1.0], "text_offset": [0], "top_logprobs": None}
    served.answer = lambda body, n: served.reply(" and", logprobs=logprobs)
    with pytest.raises(LLMFailed, match="does not echo"):
        http(served, api="completions").loglikelihood([Prompt(text="The cat")], [" sat"])


def test_chats_have_no_likelihood(served):
    llm = http(served)
    assert llm.offers == {"generate", "choose"}
    with pytest.raises(LLMFailed, match="api=completions"):
        llm.loglikelihood([ask()], ["x"])


# what may pass is tried again


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_failure_that_may_pass_is_tried_again(served, status):
    served.answer = lambda body, n: (status, {}, {"error": {"message": "busy"}}) if n < 2 else served.reply("ok")
    llm = http(served)
    assert llm.generate([ask()], max_tokens=3)[0].value == "ok"
    assert len(served.bodies) == llm.passes == 3


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param((200, {"Content-Length": "5000"}, b'{"choices": [{"mess'), id="cut-off"),
        pytest.param((200, {}, b'{"choices": [{"mess'), id="half JSON"),
        pytest.param((200, {}, b"<html>Bad gateway</html>"), id="no JSON"),
        pytest.param((200, {}, {"error": {"message": "overloaded"}}), id="no reply"),
        pytest.param((200, {}, {"choices": []}), id="no choices"),
        pytest.param((200, {}, ["strange"]), id="a list"),
    ],
)
def test_what_is_no_whole_answer_is_tried_again_and_never_read(served, broken):
    served.answer = lambda body, n: broken if n < 1 else served.reply("ok")
    assert http(served).generate([ask()], max_tokens=3)[0].value == "ok"
    served.answer = lambda body, n: broken
    with pytest.raises(LLMFailed, match="tried 2 times"):
        http(served, retries=1).generate([ask()], max_tokens=3)


def test_retry_after_in_seconds_is_waited_for(served):
    served.answer = lambda body, n: (429, {"Retry-After": "0.3"}, b"") if n < 1 else served.reply("ok")
    start = time.monotonic()
    http(served).generate([ask()], max_tokens=3)
    assert time.monotonic() - start >= 0.3


def test_retry_after_as_a_date_is_waited_for(served):
    when = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=2), usegmt=True)
    served.answer = lambda body, n: (503, {"Retry-After": when}, b"") if n < 1 else served.reply("ok")
    start = time.monotonic()
    http(served).generate([ask()], max_tokens=3)
    assert 0.5 <= time.monotonic() - start < 3  # dates have whole seconds


def test_a_wait_past_the_deadline_is_not_begun(served):
    served.answer = lambda body, n: (429, {"Retry-After": "3600"}, {"error": {"message": "slow down"}})
    start = time.monotonic()
    with pytest.raises(LLMFailed, match=r"slow down; tried 1 times, and the next, in 3600 s, is past deadline=600"):
        http(served).generate([ask()], max_tokens=3)
    assert time.monotonic() - start < 2


def test_tries_are_bounded_and_the_error_names_the_cause(served):
    served.answer = lambda body, n: (500, {}, {"error": {"message": "CUDA out of memory"}})
    with pytest.raises(LLMFailed, match=r"127\.0\.0\.1:\d+ answered 500 .*CUDA out of memory; tried 3 times"):
        http(served, retries=2).generate([ask()], max_tokens=3)
    assert len(served.bodies) == 3


def test_all_tries_end_at_the_deadline(served):
    served.answer = lambda body, n: (500, {}, b"")
    start = time.monotonic()
    with pytest.raises(LLMFailed, match=r"past deadline=0\.5"):
        http(served, retries=1000, pause=0.05, deadline=0.5).generate([ask()], max_tokens=3)
    assert time.monotonic() - start < 1.5


def test_silence_ends_at_the_time_out(served):
    silence = threading.Event()

    def answer(body, number):
        if number != 1:
            silence.wait(5)
        return served.reply("ok")

    served.answer = answer
    assert http(served, timeout=0.2).generate([ask()], max_tokens=3)[0].value == "ok"
    with pytest.raises(LLMFailed, match=r"no whole answer in 0\.2 s"):
        http(served, timeout=0.2, retries=1).generate([ask()], max_tokens=3)
    silence.set()


def test_a_server_that_dribbles_is_timed_out_too():
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def dribble():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
                try:
                    for _ in range(60):
                        connection.sendall(b" ")
                        time.sleep(0.05)
                except OSError:
                    pass

        thread = threading.Thread(target=dribble)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        start = time.monotonic()
        with pytest.raises(LLMFailed, match="no whole answer"):
            HTTP("m", base_url=url, timeout=0.3, retries=0).generate([ask()], max_tokens=3)
        assert time.monotonic() - start < 2
        thread.join()


def test_nobody_there_is_tried_again_and_then_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(LLMFailed, match=rf"cannot connect to 127\.0\.0\.1:{port}.*base_url.*tried 3 times"):
        HTTP("m", base_url=f"http://127.0.0.1:{port}/v1", retries=2, pause=0.01).generate([ask()], max_tokens=3)


# what will not pass is said at once


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_tried_again(served, status):
    served.answer = lambda body, n: (status, {}, {"error": {"message": "no such thing"}})
    with pytest.raises(LLMFailed, match=f"answered {status} .*no such thing"):
        http(served).generate([ask()], max_tokens=3)
    assert len(served.bodies) == 1


@pytest.mark.parametrize(
    ("status", "said", "way_out"),
    [
        (401, {"error": {"message": "bad key"}}, "say with key=NAME which environment variable"),
        (404, {"detail": "Not Found"}, "Not Found; check base_url="),
        (422, {"detail": "Unexpected fields in the request: {'continue_final_message'}"}, "use api=completions"),
        (429, {"error": {"message": "no money", "code": "insufficient_quota"}}, "no money"),
        (307, b"", "check base_url="),
    ],
)
def test_a_refusal_names_the_way_out(served, status, said, way_out):
    served.answer = lambda body, n: (status, {}, said)
    with pytest.raises(LLMFailed) as caught:
        http(served).generate([ask()], max_tokens=3)
    assert way_out in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(served.bodies) == 1


def test_one_refusal_ends_the_whole_call_soon(served):
    def answer(body, number):
        return (400, {}, {"error": {"message": "no"}}) if number == 0 else (503, {"Retry-After": "5"}, b"")

    served.answer = answer
    start = time.monotonic()
    with pytest.raises(LLMFailed, match="answered 400"):
        http(served, parallel=2).generate([ask(str(i)) for i in range(50)], max_tokens=3)
    assert time.monotonic() - start < 3
    assert len(served.bodies) < 10


# keys


@pytest.mark.parametrize("secret", [SECRET, "0a1b2c3d4e5f60718293"])
@pytest.mark.parametrize("name", ["MY_KEY", "MY_PASS_TO_IT"])
def test_the_key_is_sent_and_told_nobody(served, monkeypatch, caplog, secret, name):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(name, secret)
    echo = {"error": {"message": f"Incorrect API key provided: {secret}. Also {SECRET[:12]}****cdef\n" + "x" * 900}}
    served.answer = lambda body, n: (500 if n < 1 else 401, {}, echo)
    llm = http(served, key=name)
    with pytest.raises(LLMFailed) as caught:
        llm.generate([ask()], max_tokens=3)
    assert served.headers[0]["Authorization"] == f"Bearer {secret}"
    told = f"{caught.value!r} {caught.value.__cause__!r} {llm!r} {vars(llm)} {vars(llm._server)} {caplog.text}"
    assert secret not in told
    assert SECRET[:12] not in told
    assert f"{name} holds another key" in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_key_that_no_header_can_hold_is_not_told_either(served, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-half\nsecret")
    with pytest.raises(LLMFailed, match="OPENAI_API_KEY holds characters that no key has") as caught:
        http(served, key="OPENAI_API_KEY").generate([ask()], max_tokens=3)
    assert "secret" not in str(caught.value)


def test_openais_key_is_not_sent_to_an_address_that_stands_in_a_spec(served, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    http(served).generate([ask()], max_tokens=3)
    assert "Authorization" not in served.headers[0]


def test_openais_key_is_sent_where_the_environment_says_openais_address_is(served, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("OPENAI_BASE_URL", served.url)
    HTTP("gpt").generate([ask()], max_tokens=3)
    assert served.headers[0]["Authorization"] == f"Bearer {SECRET}"


def test_without_a_key_none_is_sent(served):
    http(served).generate([ask()], max_tokens=3)
    assert "Authorization" not in served.headers[0]


# many at once


@pytest.mark.parametrize("threads", [1, 4])
def test_at_most_parallel_requests_are_under_way_from_all_threads_together(served, threads):
    def answer(body, number):
        time.sleep(0.03)
        return served.reply("ok")

    served.answer = answer
    llm = http(served, parallel=5)
    prompts = [ask(str(i)) for i in range(40 // threads)]
    callers = [threading.Thread(target=llm.generate, args=(prompts,), kwargs={"max_tokens": 3}) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(served.bodies) == llm.passes == 40
    assert 2 <= served.peak <= 5


def test_it_works_where_an_event_loop_runs_as_in_notebooks(served):
    import asyncio

    async def cell():
        return http(served).generate([ask()], max_tokens=3)

    assert asyncio.run(cell())[0].value == "hello"


# specs


def test_a_spec_builds_an_equal_one_wherever_the_address_came_from(served, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", served.url)
    llm = HTTP("gpt", parallel=3)
    assert repr(llm) == f"http:gpt?base_url={served.url}&key=OPENAI_API_KEY&parallel=3"
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert HTTP("gpt", base_url=served.url, key="OPENAI_API_KEY", parallel=3) == llm
    assert repr(HTTP("gpt-4o-mini")) == "http:gpt-4o-mini"


def test_what_changes_no_reply_is_not_in_its_identity(served):
    assert http(served, parallel=3, retries=1).identity == http(served, key="OTHER", deadline=9).identity
    assert http(served, seed=1).identity != http(served).identity


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"base_url": "localhost:8000"}, "is no address"),
        ({"base_url": "http://me:secret@host/v1"}, "holds a password"),
        ({"api": "chats"}, "api='chats'"),
        ({"prefill": "yes"}, "prefill='yes'"),
        ({"parallel": 0}, "parallel=0"),
        ({"extra": "[1]"}, "no JSON object"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, complaint):
    with pytest.raises(BadInput, match=complaint) as caught:
        HTTP("m", **options)
    assert "me:secret" not in str(caught.value)


def test_tokens_are_estimated_on_the_safe_side():
    llm = HTTP("m")
    assert llm.tokens(["", "abc", "abcd", "検索"]) == [0, 1, 2, 2]
    assert llm.prompt_tokens([ask("abc")])[0] > sum(llm.tokens(["Be brief.", "abc"]))


def test_requests_are_json_that_any_parser_reads(served):
    http(served).generate([ask('"quotes" \\ \x00 é 検索 😀')], max_tokens=3)
    assert json.dumps(served.bodies[0])
    assert served.bodies[0]["messages"][1]["content"] == '"quotes" \\ \x00 é 検索 😀'


@pytest.mark.parametrize("key", ["sk-abcdefgh12345678", "two words", "a-b"])
def test_a_key_itself_is_refused_where_a_name_is_wanted(served, key):
    with pytest.raises(BadInput, match="NAME of an environment variable") as caught:
        http(served, key=key)
    assert key not in str(caught.value)


def test_an_address_with_a_query_is_refused(served):
    with pytest.raises(BadInput, match="has a query"):
        HTTP("m", base_url=f"{served.url}?api-key=s3cret")


def test_more_log_probabilities_than_the_server_gives_are_an_error(served):
    with pytest.raises(LLMFailed, match="top=30"):
        http(served).choose([ask()], [["A"]], top=30)


@pytest.mark.parametrize("status", [425, 507, 520, 524])
def test_every_failure_of_the_servers_own_is_tried_again(served, status):
    served.answer = lambda body, n: (status, {}, {"error": "not now"}) if n < 1 else served.reply("ok")
    [reply] = http(served).generate([ask()], max_tokens=3)
    assert reply.value == "ok"


def test_none_is_a_word_of_the_option_prefill():
    llm = registry.load("llm", "http:m?base_url=http://localhost:9/v1&prefill=none")
    assert not llm.prefills
    assert registry.load("llm", repr(llm)) == llm
