"""What a recipe refuses before anything is asked, and options that change what is asked."""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.llm.http import HTTP
from rankify.llm.protocol import Reply
from rankify.llm.simulated import Simulated
from rankify.types import Query, Ranking, Run
from tests.rerank.llm.rankings import graded


def made(name, llm=None, **options):
    return registry.find("reranker", name)(llm or Simulated({}), **options)


def chat(**options):
    return HTTP("m", base_url="http://127.0.0.1:9/v1", **options)


@pytest.mark.parametrize("name", ["monot5", "qwen3-reranker", "mxbai-rerank-v2", "qlm"])
def test_a_text_in_a_models_own_format_is_not_for_chats(name):
    with pytest.raises(Misuse, match=r"sends chats, and prompt .* api=completions|needs a backend that can"):
        made(name, chat())


def test_the_likelihood_of_an_end_is_not_for_servers():
    with pytest.raises(Misuse, match="cannot say how likely the end of a text is"):
        made("upr", chat(api="completions"))
    made("qlm", chat(api="completions"))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rankgpt", {"window": 0}, "window=0"),
        ("rankgpt", {"step": 30}, "step=30"),
        ("listwise", {"passes": 0}, "passes=0"),
        ("first", {"window": 30}, "letters A to Z"),
        ("setwise", {"children": 26}, "letters A to Z"),
        ("setwise", {"children": 0}, "children=0"),
        ("setwise", {"method": "insertion", "k": 0}, "best 0"),
        ("setwise", {"scoring": "likelihood", "reasoning_tokens": 9}, "reasoning_tokens=9"),
        ("prp", {"scoring": "likelihood", "reasoning_tokens": 9}, "reasoning_tokens=9"),
        ("prp", {"max_calls": 2.5}, "max_calls=2.5: a limit is a whole number"),
        ("prp", {"max_calls": 0}, "max_calls=0"),
        ("prp", {"max_tokens": -1}, "max_tokens=-1"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_asked(name, options, message):
    with pytest.raises(Misuse, match=message):
        made(name, **options)


@pytest.mark.parametrize("option", ["retries", "pause", "timeout", "parallel", "deadline", "top_logprobs"])
def test_a_server_is_asked_in_a_way_that_can_be(option):
    with pytest.raises(Misuse, match=f"{option}=-1"):
        chat(**{option: -1})


def test_a_hundred_documents_may_be_shown_by_number():
    run, grades = graded([100])
    counts = made("rankgpt", Simulated(grades), window=100, step=100)(run).reports[-1].counts
    assert counts["asked"] == 1


class Heard(Simulated):
    def choose(self, prompts, choices, *, top=None):
        self.heard = prompts
        return super().choose(prompts, choices, top=top)


@pytest.mark.parametrize(
    ("name", "usual", "own"),
    [
        (
            "qwen3-reranker",
            "\n<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n<Query>: q\n",
            "\n<Instruct>: Find laws.\n<Query>: q\n",
        ),
        ("mxbai-rerank-v2", "<|im_start|>user\nquery: q\n", "<|im_start|>user\ninstruction: Find laws.\nquery: q\n"),
    ],
)
def test_the_instruction_can_be_said(name, usual, own):
    run = Run([Ranking(Query("1", "q"), [Document("d", "text")], [1.0])])
    for options, text in (({}, usual), ({"instruction": "Find laws."}, own)):
        llm = Heard({})
        reranker = made(name, llm, **options)
        reranker(run)
        assert text in llm.heard[0].text
    assert repr(reranker).endswith("?instruction=Find%20laws.")


@pytest.mark.parametrize("name", ["setwise", "prp"])
def test_a_model_that_thinks_first_is_not_begun(name):
    run, grades = graded([5])

    class Thinking(Simulated):
        def generate(self, prompts, *, max_tokens):
            assert not any(prompt.prefill for prompt in prompts)
            replies = super().generate(prompts, max_tokens=max_tokens)
            return [Reply(f"<think>A or B? Passage A ...</think>\n{reply.value}") for reply in replies]

    [after] = made(name, Thinking(grades), reasoning_tokens=50)(run)
    assert after.ids[0] == "d5"


def test_a_pointwise_reply_that_cannot_be_read_leaves_its_document_where_it_was():
    run, grades = graded([6])

    class Mute(Simulated):
        def choose(self, prompts, choices, *, top=None):
            replies = super().choose(prompts, choices, top=top)
            mute = [i for i, p in enumerate(prompts) if p.shown.documents[0] in ("d2", "d5")]
            return [Reply((float("-inf"),) * 2) if i in mute else reply for i, reply in enumerate(replies)]

    reranked = made("yes-no", Mute(grades))(run)
    before, after = run[0].ids, reranked[0].ids
    assert [after.index(d) for d in ("d2", "d5")] == [before.index(d) for d in ("d2", "d5")]
    assert [d for d in after if d not in ("d2", "d5")] == ["d6", "d4", "d3", "d1"]
    assert reranked.reports[-1].counts["unreadable"] == 2
    assert reranked[0].scores.tolist() == [6, 5, 4, 3, 2, 1]


def test_servers_that_count_no_tokens_do_not_escape_the_limits(served):
    served.answer = lambda body, number: (200, {}, {"choices": [{"message": {"content": "Passage A"}}]})
    run, _ = graded([20])
    reranker = made("setwise", HTTP("m", base_url=served.url, prefill="none"), max_tokens=500)
    counts = reranker(run).reports[-1].counts
    assert counts["stopped"] == 1
    assert counts["estimated"] == counts["asked"] < 20
    assert counts["prompt_tokens"] > 300
    assert counts["generated_tokens"] >= 3 * counts["asked"]


def test_a_limit_of_dollars_holds_for_servers_that_count_no_tokens(served, tmp_path):
    served.answer = lambda body, number: (200, {}, {"choices": [{"message": {"content": "Passage A"}}]})
    (tmp_path / "prices.yaml").write_text("m: {input: 1000, output: 1000}\n")
    run, _ = graded([20])
    llm = HTTP("m", base_url=served.url, prefill="none")
    reranker = made("setwise", llm, max_cost=0.5, prices=str(tmp_path / "prices.yaml"))
    assert reranker(run).reports[-1].counts["stopped"] == 1


def test_labels_are_votes_of_the_backend_that_is_behind_a_memory(tmp_path):
    """What a remembering backend cannot do is what the one behind it cannot."""
    from rankify.llm.cached import Cached

    with pytest.raises(BadInput, match="sends chats"):
        made("monot5", Cached(chat(), folder=str(tmp_path)))


@pytest.mark.parametrize("said", [{"completion_tokens_details": {"reasoning_tokens": 30}}, {}])
def test_thoughts_that_a_server_keeps_apart_are_counted_and_not_read(served, said):
    message = {"content": "[2] > [1]", "reasoning_content": "Is it [1]? " * 9}
    usage = {"prompt_tokens": 50, "completion_tokens": 40, **said}
    served.answer = lambda body, number: (200, {}, {"choices": [{"message": message}], "usage": usage})
    run, _ = graded([2])
    reranked = made("rankgpt", HTTP("m", base_url=served.url), reasoning_tokens=100)(run)
    counts = reranked.reports[-1].counts
    assert reranked[0].ids == run[0].ids[::-1]
    assert counts["reasoning_tokens"] == (30 if said else 33)
    assert counts["generated_tokens"] == 40
