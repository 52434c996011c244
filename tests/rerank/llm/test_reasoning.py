"""Rerankers that think first: what they ask, how a thought ends, what it costs, and replies that go wrong."""

import math

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.protocol import Prompt, Reply, Shown
from rankify.llm.simulated import Simulated
from rankify.llm.vllm import VLLM
from rankify.prompts.template import template
from rankify.rerank.llm.judge import Question
from rankify.rerank.llm.judges.best import Best
from rankify.rerank.llm.judges.reasoned import Reasoned
from rankify.rerank.llm.judges.thinking import Thinking
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.llm.conftest import chat_logprobs, reply
from tests.llm.vllm_stand_in import installed
from tests.rerank.llm.rankings import SIZES, graded, ideal
from tests.rerank.llm.speaking import speaking

DOCUMENTS = [Document(str(number), f"text {number}") for number in range(20)]
SETWISE = [("rank-r1", {}), ("rank-r1", {"prompt": "rank-r1-v0.2"}), ("rank-r1", {"prompt": "rank-r1-sft"}),
           ("rank-r1", {"votes": 3})]  # fmt: skip
LISTWISE = [("reasonrank", {}), ("reasonrank", {"prompt": "reasonrank-rankllm"}), ("rank-k", {})]
POINTWISE = [("rank1", {}), ("yes-no", {"reasoning_tokens": 50}), ("graded", {"reasoning_tokens": 50})]


def made(name, llm=None, **options):
    return registry.find("reranker", name)(llm or Simulated({}), **options)


class Scripted(Simulated):
    """Says what it is told, one reply a prompt, finds the first choice likelier, and keeps what it was asked."""

    def __init__(self, *said, finished=True, **options):
        super().__init__({}, **options)
        self.said, self.finished, self.asked = said, finished, []

    def generate(self, prompts, *, max_tokens):
        self.asked += [("generate", p, most) for p, most in zip(prompts, max_tokens, strict=True)]
        said = [self.said[n % len(self.said)] for n in range(len(prompts))]
        return [Reply(text, 5, len(text.split()), self.finished) for text in said]

    def choose(self, prompts, choices, *, top=None):
        self.asked += [("choose", p, some) for p, some in zip(prompts, choices, strict=True)]
        return [Reply((math.log(3), *[0.0] * (len(some) - 1)), 7, 1) for some in choices]


class Slow(Simulated):
    """Simulated, with a word of thought too many for its tokens."""

    def generate(self, prompts, *, max_tokens):
        self.thoughts = max(max_tokens) + 1
        return super().generate(prompts, max_tokens=max_tokens)


def test_rank_r1_shows_twenty_documents_by_number_shuffled():
    llm = Scripted("<think>hm</think><answer>[3]</answer>")
    [judgment] = Best(llm, template("rank-r1"), shuffled=True)([Question(Query("q", "which"), DOCUMENTS)])
    [(_, prompt, _)] = llm.asked
    assert prompt.shown.identifiers == tuple(f"[{n}]" for n in range(1, 21))
    assert sorted(prompt.shown.documents) == sorted(d.id for d in DOCUMENTS)
    assert list(prompt.shown.documents) != [d.id for d in DOCUMENTS]
    for label, document in zip(prompt.shown.identifiers, prompt.shown.documents, strict=True):
        assert f"\n{label} text {document}\n" in prompt.messages[1].content
    assert judgment.scores.index(1) == int(prompt.shown.documents[2])
    assert sum(judgment.scores) == 1


def test_a_shuffle_depends_on_the_query_and_its_documents_alone():
    def orders(questions):
        llm = Scripted("<answer>[1]</answer>")
        Best(llm, template("rank-r1"), shuffled=True)(questions)
        return [prompt.shown.documents for _, prompt, _ in llm.asked]

    questions = [Question(Query(f"q{n}", "which"), DOCUMENTS) for n in range(20)]
    together = orders(questions)
    assert len(set(together)) == 20
    assert [orders([question])[0] for question in questions[::-1]] == together[::-1]
    assert orders([Question(Query("q0", "which"), DOCUMENTS[:10])])[0] != together[0][:10]


def test_rank_r1_shuffles_every_question_of_its_heap():
    run, grades = graded([20] * 4)

    class Heard(Simulated):
        def generate(self, prompts, *, max_tokens):
            heard.extend(prompt.shown.documents for prompt in prompts)
            return super().generate(prompts, max_tokens=max_tokens)

    heard = []
    made("rank-r1", Heard(grades), k=1)(run)
    assert [sorted(shown) for shown in heard] == [sorted(ranking.ids) for ranking in run]
    assert not any(list(shown) == list(ranking.ids) for shown, ranking in zip(heard, run, strict=True))


def test_several_votes_of_rank_r1_shuffle_documents_and_not_labels():
    llm = Scripted("<answer>[1]</answer>")
    [judgment] = Best(llm, template("rank-r1"), shuffled=True, votes=5)([Question(Query("q", "which"), DOCUMENTS)])
    assert len({prompt.shown.documents for _, prompt, _ in llm.asked}) == 5
    assert {prompt.shown.identifiers for _, prompt, _ in llm.asked} == {tuple(f"[{n}]" for n in range(1, 21))}
    assert judgment.counts["asked"] == 5


@pytest.mark.parametrize(
    ("name", "options", "tokens", "least"),
    [
        ("rank-r1", {}, 2048, 5),
        ("rank-r1", {"prompt": "rank-r1-sft"}, 0, 5),
        ("rank-r1", {"prompt": "rank-r1-sft", "reasoning_tokens": 7}, 7, 5),
        ("reasonrank", {}, 3072, 5 + 16),
        ("reasonrank", {"reasoning_tokens": 100}, 100, 5 + 16),
        ("rank-k", {}, 10_000, 5 + 16),
        ("rank1", {}, 8192, 0),
        ("yes-no", {"reasoning_tokens": 33}, 33, 0),
        ("graded", {"reasoning_tokens": 33}, 33, 0),
    ],
)
def test_a_reply_has_the_tokens_of_its_thought_and_some_for_its_answer(name, options, tokens, least):
    llm = Scripted("hm")
    made(name, llm, **options)(Run([Ranking(Query("q", "which"), DOCUMENTS[:3], [3, 2, 1])]))
    limits = [most for method, _, most in llm.asked if method == "generate"]
    assert all(tokens + least <= most <= tokens + least + 4 for most in limits)


@pytest.mark.parametrize(("name", "options"), [*SETWISE, *LISTWISE, *POINTWISE], ids=str)
def test_a_thinking_oracle_brings_the_best_ten_to_the_top_and_its_thoughts_are_counted(name, options):
    run, grades = graded(SIZES)
    reranked = made(name, Simulated(grades, thoughts=30), **{"reasoning_tokens": 50, **options})(run)
    for before, after in zip(run, reranked, strict=True):
        assert after.ids[:10] == ideal(before, grades)
        assert sorted(after.ids) == sorted(before.ids)
    counts = reranked.reports[-1].counts
    written = counts["asked"] // (2 if (name, options) in POINTWISE else 1)
    assert counts["reasoning_tokens"] == 30 * written
    assert counts["reasoning_tokens"] < counts["generated_tokens"]
    assert counts["unreadable"] == counts["repaired"] == 0


@pytest.mark.parametrize(("name", "options"), [*SETWISE, *LISTWISE, *POINTWISE], ids=str)
def test_thoughts_that_are_remembered_take_nothing_now(name, options, tmp_path):
    run, grades = graded([12, 25])
    llm = Cached(Simulated(grades, thoughts=30), folder=str(tmp_path))
    first, again = (made(name, llm, **{"reasoning_tokens": 50, **options})(run) for _ in range(2))
    assert first.reports[-1].counts["reasoning_tokens"] > 0
    assert "reasoning_tokens" not in again.reports[-1].counts
    assert [r.ids for r in first] == [r.ids for r in again]


@pytest.mark.parametrize(("name", "options"), [*SETWISE, *LISTWISE], ids=str)
def test_whoever_never_ends_thinking_keeps_the_order_and_is_counted(name, options):
    run, grades = graded([20])
    counts = made(name, Slow(grades), **{"reasoning_tokens": 50, **options})(run).reports[-1].counts
    assert counts["unreadable"] == counts["unfinished_thinking"] == counts["asked"] > 0
    if name != "rank-r1":
        assert made(name, Slow(grades), **{"reasoning_tokens": 50, **options})(run)[0].ids == run[0].ids


@pytest.mark.parametrize(("name", "options"), SETWISE, ids=str)
def test_every_broken_reply_of_a_setwise_judge_is_counted_and_nothing_is_lost(name, options):
    run, grades = graded([60] * 8)
    llm = Simulated(grades, malformed=0.5)
    reranked = made(name, llm, **options)(run)
    assert [sorted(r.ids) for r in reranked] == [sorted(r.ids) for r in run]
    counts, broken = reranked.reports[-1].counts, llm.broken
    assert len(broken) == 13
    silent = ("empty", "prose", "unended", "missing", *(["words"] if "rank-r1-sft" in options.values() else []))
    assert counts["unreadable"] == sum(broken[kind] for kind in silent)  # words are cut short where none may be thought
    assert counts["unfinished_thinking"] == broken["unended"]
    kinds = ("untagged", "unclosed", "several", "thinking")
    found = ("untagged_answer", "unfinished_answer", "several_answers", "thinking_in_answer")
    assert [counts[kind] for kind in found] == [broken[kind] for kind in kinds]
    assert counts["repaired"] == sum(broken[kind] for kind in kinds)


@pytest.mark.parametrize(("name", "options"), LISTWISE, ids=str)
def test_every_broken_reply_of_a_listwise_judge_is_counted_and_nothing_is_lost(name, options):
    run, grades = graded([100] * 20)
    llm = Simulated(grades, malformed=0.5)
    reranked = made(name, llm, **options)(run)
    assert [sorted(r.ids) for r in reranked] == [sorted(r.ids) for r in run]
    counts, broken = reranked.reports[-1].counts, llm.broken
    assert counts["unreadable"] == sum(broken[kind] for kind in ("empty", "prose", "unended"))
    assert counts["unfinished_thinking"] == broken["unended"] > 0
    inside = ("brackets", "missing", "repeated", "unknown", "words")
    around = ("untagged", "unclosed", "several", "thinking")
    assert counts["repaired"] == sum(broken[kind] for kind in (*inside, *around))


@pytest.mark.parametrize(
    ("said", "finished", "order", "counts"),
    [
        ("<think>[1]?</think> <answer>[2] > [3] > [1]</answer>", True, "231", {}),
        ("<think>[1]?</think> I would say [3] and", False, "123", {"unreadable": 1}),
        ("<think>[1]?</think> [3] > [2", False, "312", {"repaired": 1, "untagged_answer": 1, "wrong_format": 1}),
        ("<answer>3, 1</answer>", True, "312", {"repaired": 1, "wrong_format": 1}),
        ("[3] > [1]", True, "312", {"repaired": 1, "untagged_answer": 1, "missing_documents": 1}),
        ("<answer>none</answer> <answer>[3]</answer>", True, "123", {"unreadable": 1}),
        ("<think>[3] > [2] > [1]", True, "123", {"unreadable": 1, "unfinished_thinking": 1}),
        ("[3] > [2] > [1]", False, "123", {"unreadable": 1, "unfinished_thinking": 1}),
    ],
)
def test_defects_around_an_answer_and_in_it_make_one_repaired_reply(said, finished, order, counts):
    llm = Scripted(said, finished=finished)
    question = Question(Query("q", "which"), [Document(str(n), "text") for n in (1, 2, 3)])
    [judgment] = Reasoned(llm, template("reasonrank"), reasoning_tokens=9)([question])
    ranked = sorted("123", key=lambda n: -judgment.scores[int(n) - 1])
    assert "".join(ranked) == order
    usual = ("asked", "prompt_tokens", "generated_tokens", "reasoning_tokens")
    assert {kind: n for kind, n in judgment.counts.items() if kind not in usual} == counts


@pytest.mark.parametrize(("name", "options"), POINTWISE, ids=str)
def test_every_broken_thought_of_a_pointwise_judge_is_mended_and_the_scores_stand(name, options):
    run, grades = graded([40])
    llm = Simulated(grades, malformed=0.5, thoughts=5)
    reranked = made(name, llm, **options)(run)
    assert reranked[0].ids[:10] == ideal(run[0], grades)
    counts = reranked.reports[-1].counts
    assert counts["unfinished_thinking"] == counts["repaired"] > 0
    silent = (
        "prose",
        "unended",
        *(["empty"] if name == "rank1" else []),
    )  # empty: a model that says nothing thinks not
    assert counts["repaired"] == sum(llm.broken[kind] for kind in silent)


@pytest.mark.parametrize(
    ("name", "options", "said", "finished", "behind"),
    [
        ("rank1", {}, "\nIt is about 3.\n</think> true", True, "\nIt is about 3.\n</think>"),
        ("rank1", {}, "\nYes.\n</think> true\n</think> false", False, "\nYes.\n</think>"),
        ("rank1", {}, "\nIt is! About what? The pas", False, "\nIt is! About what?\n</think>"),
        ("rank1", {}, "\nIt is about", False, "\nIt is about\n</think>"),
        ("rank1", {}, "\nIt is about cats. It", True, "\nIt is about cats.\n</think>"),
        ("rank1", {}, "true", True, "\ntrue\n</think>"),
        ("rank1", {}, "", True, "\n\n</think>"),
        ("yes-no", {}, "<think>\nSo.\n</think>\n\nYes", True, "<think>\nSo.\n</think>\n\n"),
        ("yes-no", {}, "So.\n</think> Yes", True, "So.\n</think>\n\n"),
        ("yes-no", {}, "<think>\nSo. It", False, "<think>\nSo.\n</think>\n\n"),
        ("yes-no", {}, "Well. I think that", True, "Well.\n</think>\n\n"),
        ("yes-no", {}, "**Yes**, it does.", True, ""),
        ("yes-no", {}, "Yes, it does, if", False, "Yes, it does, if\n</think>\n\n"),
        ("yes-no", {}, "Not that I know.", True, "Not that I know.\n</think>\n\n"),
        ("yes-no", {}, "", True, ""),
        ("graded", {}, "<think>Hm.</think>3", True, "<think>Hm.</think>\n\n"),
        ("graded", {}, "3", True, ""),
    ],
)  # fmt: skip
def test_the_answer_is_read_behind_the_thought(name, options, said, finished, behind):
    llm = Scripted(said, finished=finished)
    limit = {} if name == "rank1" else {"reasoning_tokens": 40}
    made(name, llm, **limit, **options)(Run([Ranking(Query("q", "which"), DOCUMENTS[:1], [1])]))
    (first, thinking, most), (second, answering, choices) = llm.asked
    assert (first, most, thinking.prefill) == ("generate", limit.get("reasoning_tokens", 8192), "")
    assert (second, answering.prefill) == ("choose", behind)
    assert (answering.messages, answering.text) == (thinking.messages, thinking.text)
    assert list(choices) == {
        "rank1": [" true", " false"], "yes-no": ["Yes", "No"], "graded": ["0", "1", "2", "3", "4"]
    }[name]  # fmt: skip


def test_rank1_asks_in_its_own_format_and_scores_true_against_false():
    llm = Scripted("hm. </think> true", "on and on")
    reranked = made("rank1", llm)(Run([Ranking(Query("q", "which"), [Document("d", "text", "title")], [1])]))
    assert llm.asked[0][1].text == (
        "Determine if the following passage is relevant to the query. Answer only with 'true' or 'false'.\n"
        "Query: which\nPassage: title text\n<think>"
    )
    assert reranked[0].scores.tolist() == pytest.approx([0.75])
    counts = reranked.reports[-1].counts
    assert counts["asked"] == 2
    assert (counts["prompt_tokens"], counts["generated_tokens"], counts["reasoning_tokens"]) == (12, 4, 2)


def test_rank1_takes_an_instruction_behind_the_query():
    llm = Scripted("</think>")
    reranker = made("rank1", llm, instruction="No blogs.")
    reranker(Run([Ranking(Query("q", "which"), DOCUMENTS[:1], [1])]))
    assert "\nQuery: which No blogs.\nPassage: text 0\n" in llm.asked[0][1].text


def test_thoughts_are_counted_among_the_tokens_of_a_limit():
    run, grades = graded([30])
    spent = {}
    for most in (1500, None):
        counts = made("rank1", Simulated(grades, thoughts=100), max_tokens=most)(run).reports[-1].counts
        spent[most] = counts["prompt_tokens"] + counts["generated_tokens"]
        assert (counts.get("stopped", 0) == 1) == (most is not None)
    assert 1500 <= spent[1500] < spent[None]


@pytest.mark.parametrize(("most", "asked"), [(1, 0), (2, 2), (7, 6), (100, 60)])
def test_a_document_that_is_thought_about_takes_two_prompts(most, asked):
    run, grades = graded([30])
    reranked = made("rank1", Simulated(grades), max_calls=most)(run)
    assert reranked.reports[-1].counts["asked"] == asked
    assert sorted(reranked[0].ids) == sorted(run[0].ids)


@pytest.mark.parametrize("judge", [Best, Reasoned, Thinking])
def test_thinking_leaves_half_of_what_the_model_reads_to_the_texts(judge):
    class Short(Scripted):
        context = 400

    llm = Short("<think>hm</think><answer>[1]</answer>")
    name = {Best: "rank-r1", Reasoned: "reasonrank", Thinking: "rank1"}[judge]
    documents = [Document(str(n), "word " * 300) for n in range(1 if judge is Thinking else 3)]
    [judgment] = judge(llm, template(name), reasoning_tokens=10_000)([Question(Query("q", "which"), documents)])
    prompt, most = llm.asked[0][1:]
    assert 200 <= most <= 240
    assert len(prompt.plain.split()) + most <= 400
    assert judgment.counts["truncated"] == len(documents)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("rank-r1", {"reasoning_tokens": 0}, "reasoning_tokens=0"),
        ("rank-r1", {"query_tokens": 0}, "query_tokens=0"),
        ("rank-r1", {"document_tokens": -1}, "document_tokens=-1"),
        ("rank-r1", {"children": 0}, "children=0"),
        ("rank-r1", {"k": 0}, "best 0"),
        ("rank-r1", {"votes": 0}, "best 0"),
        ("rank1", {"reasoning_tokens": 0}, "reasoning_tokens=0"),
        ("reasonrank", {"reasoning_tokens": True}, "reasoning_tokens=True"),
        ("reasonrank", {"document_tokens": 0}, "document_tokens=0"),
        ("reasonrank", {"step": 30}, "step=30"),
        ("rank-k", {"reasoning_tokens": -5}, "reasoning_tokens=-5"),
        ("yes-no", {"reasoning_tokens": -1}, "reasoning_tokens=-1"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, message):
    with pytest.raises(Misuse, match=message):
        made(name, **options)


@pytest.mark.parametrize(("name", "prompt"), [("rank-r1", "rank-r2"), ("reasonrank", "reasonrankllm")])
def test_a_prompt_of_another_kind_is_refused(name, prompt):
    with pytest.raises(UnknownName, match="no prompt"):
        made(name, prompt=prompt)


def test_texts_may_be_cut_at_other_lengths():
    llm = Scripted("<answer>[1]</answer>")
    run = Run([Ranking(Query("q", "a b c d"), [Document(str(n), "e f g h") for n in range(2)], [2, 1])])
    made("rank-r1", llm, query_tokens=2, document_tokens=3)(run)
    made("reasonrank", llm, document_tokens=1)(run)
    setwise, listwise = (prompt.plain for _, prompt, _ in llm.asked)
    assert 'query: "a b", which' in setwise
    assert "[1] e f g\n" in setwise
    assert "[1] e\n" in listwise


def test_thinking_is_not_for_servers_that_cannot_go_on_from_a_beginning():
    with pytest.raises(Misuse, match="cannot go on from a beginning of the reply"):
        made("yes-no", HTTP("m", base_url="http://127.0.0.1:9/v1", prefill="none"), reasoning_tokens=9)
    with pytest.raises(Misuse, match="sends chats, and prompt 'rank1'"):
        made("rank1", HTTP("m", base_url="http://127.0.0.1:9/v1"))


def test_a_server_of_completions_is_asked_twice_for_each_document(served):
    def answer(body, number):
        if body.get("logprobs"):
            return reply(
                "", logprobs={"tokens": [" true"], "token_logprobs": [-0.1], "top_logprobs": [{" false": -2.4}]}
            )
        return reply("\nIt is.\n</think> true")

    served.answer = answer
    llm = HTTP("m", base_url=served.url, api="completions")
    reranked = made("rank1", llm)(Run([Ranking(Query("q", "which"), DOCUMENTS[:1], [1])]))
    counts = reranked.reports[-1].counts
    assert counts["reasoning_tokens"] == 2  # as the server counts the reply, where the estimate is more
    first, second = served.bodies
    assert first["max_tokens"] == 8192
    assert second["prompt"] == first["prompt"] + "\nIt is.\n</think>"
    assert reranked[0].scores.tolist() == pytest.approx([1 / (1 + math.exp(-2.3))])


def test_a_servers_chat_goes_on_from_the_thought(served):
    def answer(body, number):
        if body.get("logprobs"):
            return reply("Yes", logprobs=chat_logprobs(("Yes", -0.1), ("No", -2.4)))
        return reply("<think>\nIt is.\n</think>\n\nYes")

    served.answer = answer
    llm = HTTP("m", base_url=served.url)
    made("yes-no", llm, reasoning_tokens=100)(Run([Ranking(Query("q", "which"), DOCUMENTS[:1], [1])]))
    first, second = served.bodies
    assert first["messages"][-1]["role"] == "user"
    assert second["messages"][-1] == {"role": "assistant", "content": "<think>\nIt is.\n</think>\n\n"}


def test_a_server_that_keeps_the_thoughts_apart_is_read_by_its_answer(served):
    """vLLM with a reasoning parser, DeepSeek: the content is the answer alone."""
    message = {"role": "assistant", "content": "\n\n<answer>[2]</answer>", "reasoning_content": "Is it [1]?"}
    usage = {"prompt_tokens": 9, "completion_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 5}}
    served.answer = lambda body, number: (200, {}, {"choices": [{"message": message}], "usage": usage})
    run = Run([Ranking(Query("q", "which"), DOCUMENTS[:3], [3, 2, 1])])
    counts = made("rank-r1", HTTP("m", base_url=served.url), k=1)(run).reports[-1].counts
    assert counts["unreadable"] == counts["repaired"] == 0
    assert counts["generated_tokens"] == 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.fixture(scope="module")
def longer(tmp_path_factory):
    """A model that reads more and writes only numbers and letters."""
    return speaking(tmp_path_factory.mktemp("speaking"))


TEXTS = ["neural networks rank documents", "the cat", "a dog jumps over the fox", "rank the query. what is this"]
RUN = Run(
    Ranking(Query(f"q{i}", query), [Document(str(n), text) for n, text in enumerate(TEXTS)], range(len(TEXTS), 0, -1))
    for i, query in enumerate(["what is neural retrieval", "cats and dogs", "who jumps"])
)


@pytest.mark.parametrize("most", [1, 12, 40])
def test_the_score_of_rank1_is_that_of_the_plain_model(folder, most):
    """Greedy writing, its end, and the two answers, one text at a time, computed by transformers alone."""
    plain = tiny_llm.Plain(folder)
    reranked = made("rank1", HF(folder, device="cpu"), reasoning_tokens=most)(RUN)
    for ranking in reranked:
        scores = dict(zip(ranking.ids, ranking.scores.tolist(), strict=True))
        for number, text in enumerate(TEXTS):
            asked = template("rank1").render(ranking.query.text, [text], Shown("q", ("d",)))
            written = plain.greedy(plain.ids(asked), most, {2})
            said = plain.tokenizer.decode(written, skip_special_tokens=True).strip()
            end = max(said.rfind(mark) for mark in ".!?") + 1
            ids = plain.ids(Prompt(text=asked.text, prefill=f"\n{(said[:end] if end else said).strip()}\n</think>"))
            true, false = (plain.told(ids, plain.bare(answer)) for answer in (" true", " false"))
            assert scores[str(number)] == pytest.approx(1 / (1 + math.exp(false - true)), abs=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [("rank1", {}), ("yes-no", {}), ("rank-r1", {"children": 2, "document_tokens": 8}), ("reasonrank", {"window": 3})],
)
def test_a_batch_thinks_as_one_by_one(longer, name, options):
    options = {"reasoning_tokens": 20, **({"step": 1} if "window" in options else {}), **options}
    hf = HF(longer, device="cpu")
    alone = [made(name, hf, **options)(Run([ranking]))[0] for ranking in RUN]
    together = made(name, hf, **options)(RUN)
    assert [r.ids for r in alone] == [r.ids for r in together]
    if name in ("rank1", "yes-no"):
        for one, other in zip(alone, together, strict=True):
            assert one.scores.tolist() == pytest.approx(other.scores.tolist(), abs=1e-5)


def test_vllm_thinks_as_transformers_do(longer, monkeypatch):
    installed(monkeypatch)
    runs = [made("rank1", llm, reasoning_tokens=12)(RUN) for llm in (HF(longer, device="cpu"), VLLM(longer))]
    for one, other in zip(*runs, strict=True):
        assert one.ids == other.ids
        assert one.scores.tolist() == pytest.approx(other.scores.tolist(), abs=1e-4)
    assert runs[0].reports[-1].counts["reasoning_tokens"] == runs[1].reports[-1].counts["reasoning_tokens"]


def test_the_whole_context_may_be_thought_in(folder):
    """Random letters are more tokens when they are read again; a thought that is too long then loses its end."""
    documents = [Document(str(n), "what is neural retrieval " * 200) for n in range(3)]
    run = Run([Ranking(Query("q", "cats and dogs"), documents, [3, 2, 1])])
    counts = made("rank1", HF(folder, device="cpu"))(run).reports[-1].counts
    assert counts["truncated"] == 3
    assert counts["asked"] == 6


def test_thoughts_are_counted_for_every_judge_that_thinks():
    run, grades = graded([10])
    for name, options in (("rankgpt", {}), ("listwise", {}), ("setwise", {}), ("prp", {"k": 1})):
        llm = Simulated(grades, thoughts=30)
        counts = made(name, llm, reasoning_tokens=50, **options)(run).reports[-1].counts
        assert counts["reasoning_tokens"] == 30 * counts["asked"], name
