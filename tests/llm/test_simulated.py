"""The simulated model: an oracle by default, and wrong exactly as much as it is told to be."""

import math
import threading
from collections import Counter
from itertools import pairwise

import pytest

from rankify.llm.malformed import DEFECTS, TAG_DEFECTS
from rankify.llm.protocol import Message, Prompt, Shown
from rankify.llm.simulated import Simulated
from rankify.types import Qrels

GRADES = {"q": {"a": 1, "b": 3, "c": 0, "d": 2}, "r": {"a": 2, "spam": -2}}


def prompt(documents="abcd", *, reads="permutation", names="[{}]", query="q", prefill="", text="Rank."):
    letters = names != "[{}]"
    identifiers = tuple(names.format(chr(65 + i) if letters else i + 1) for i in range(len(documents)))
    shown = Shown(query, tuple(documents), identifiers if len(documents) > 1 else (), reads)
    return Prompt((Message("user", text),), prefill=prefill, shown=shown)


def written(llm, *prompts, most=100):
    return [reply.value for reply in llm.generate(prompts, max_tokens=most)]


def softmax(logits):
    weights = [math.exp(logit) for logit in logits]
    return [weight / sum(weights) for weight in weights]


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (prompt(), "[2] > [4] > [1] > [3]"),
        (prompt(names="PASSAGE{}"), "PASSAGEB > PASSAGED > PASSAGEA > PASSAGEC"),
        (prompt(names="[{}] "[:-1], prefill="["), "2] > [4] > [1] > [3]"),
        (prompt(reads="label", names="Passage {}"), "Passage B"),
        (prompt(reads="label", names="Passage {}", prefill=" Passage:"), " B"),
        (prompt("db", reads="pair", names="Passage {}", prefill="Passage"), " B"),
        (prompt("bd", reads="pair", names="Passage {}"), "Passage A"),
        (prompt("a", reads="relevance"), "Yes"),
        (prompt("c", reads="relevance"), "No"),
        (prompt(["spam"], reads="relevance", query="r"), "No"),
    ],
)
def test_a_written_reply_is_perfect_in_the_form_that_is_read(asked, reply):
    assert written(Simulated(GRADES), asked) == [reply]


@pytest.mark.parametrize(
    ("asked", "reply"),
    [
        (prompt("wxyz"), "[1] > [2] > [3] > [4]"),
        (prompt("xy", reads="pair", names="Passage {}"), "Passage A"),
        (prompt("ab", query="unknown"), "[1] > [2]"),
    ],
)
def test_of_equal_grades_the_one_shown_first_is_better(asked, reply):
    assert written(Simulated(GRADES), asked) == [reply]


def test_equal_grades_keep_their_order_among_many_documents():
    many = [f"d{i}" for i in range(300)]
    llm = Simulated({"q": {d: i % 3 for i, d in enumerate(many)}})
    order = sorted(range(300), key=lambda i: -(i % 3))
    assert written(llm, prompt(many), most=1000) == [" > ".join(f"[{i + 1}]" for i in order)]
    [reply] = llm.choose([prompt(many)], [many], top=50)
    assert [i for i, score in enumerate(reply.value) if score > -math.inf] == order[:50]


def test_choices_among_several_documents_are_scored_by_their_grades():
    [reply] = Simulated(GRADES).choose([prompt()], [["A", "B", "C", "D"]])
    assert reply.value == (1.0, 3.0, 0.0, 2.0)


def test_choices_that_a_server_would_not_show_are_infinitely_unlikely():
    [reply] = Simulated(GRADES).choose([prompt()], [["A", "B", "C", "D"]], top=2)
    assert reply.value == (-math.inf, 3.0, -math.inf, 2.0)
    [tied] = Simulated({}).choose([prompt("a" * 20)], [list("ABCDEFGHIJKLMNOPQRST")], top=3)
    assert tied.value == (0.0,) * 3 + (-math.inf,) * 17


def test_without_any_judgment_nothing_is_relevant():
    [reply] = Simulated({}).choose([prompt("a")], [["Yes", "No"]])
    assert reply.value[0] < reply.value[1]


@pytest.mark.parametrize(
    "choices", [("Yes", "No"), (" true", " false"), ("1", "0"), ("0", "1", "2", "3", "4"), ("high", "some", "none")]
)
def test_for_one_document_every_reading_of_the_choices_grows_with_its_grade(choices):
    llm = Simulated(GRADES)
    worth = [float(c) for c in choices] if choices[0].isdigit() else list(range(len(choices)))[::-1]
    best = worth.index(max(worth))
    logits = [llm.choose([prompt(d)], [choices])[0].value for d in "cadb"]
    expected = [sum(p * w for p, w in zip(softmax(row), worth, strict=True)) for row in logits]
    for values in (expected, [row[best] for row in logits], [softmax(row)[best] for row in logits]):
        assert all(a < b for a, b in pairwise(values))


def test_the_most_likely_degree_is_the_grade_itself():
    replies = Simulated(GRADES).choose([prompt(d) for d in "cadb"], [["0", "1", "2", "3"]] * 4)
    assert [reply.value.index(max(reply.value)) for reply in replies] == [0, 1, 2, 3]


def test_one_choice_alone_grows_with_the_grade_too():
    replies = Simulated(GRADES).choose([prompt(d) for d in "cadb"], [["Yes"]] * 4)
    values = [reply.value[0] for reply in replies]
    assert values == sorted(set(values))


def test_a_likelihood_is_the_grade():
    llm = Simulated(GRADES)
    replies = llm.loglikelihood([prompt(d, reads="query") for d in "bc"], ["what is", "what is"], end=True)
    assert [reply.value for reply in replies] == [3.0, 0.0]


@pytest.mark.parametrize(("prefill", "continuation"), [("", "Passage B"), (" Passage:", " B"), ("Passage", " B")])
def test_among_several_documents_a_likelihood_is_the_grade_of_the_one_that_is_named(prefill, continuation):
    asked = prompt("ab", reads="pair", names="Passage {}", prefill=prefill)
    assert Simulated(GRADES).loglikelihood([asked], [continuation])[0].value == 3.0


def test_a_reply_is_cut_at_its_most_tokens_and_says_so():
    [reply] = Simulated(GRADES).generate([prompt()], max_tokens=3)
    assert (reply.value, reply.finished, reply.generated_tokens) == ("[2] > [4]", False, 3)
    [whole] = Simulated(GRADES).generate([prompt(reads="label", names="P {}", prefill="P")], max_tokens=1)
    assert (whole.value, whole.finished) == (" B", True)


def test_tokens_are_words():
    llm = Simulated(GRADES)
    assert llm.tokens(["", "one", "two  words"]) == [0, 1, 2]
    [reply] = llm.generate([prompt(text="Rank these four.")], max_tokens=100)
    assert (reply.prompt_tokens, reply.generated_tokens, reply.finished) == (3, 7, True)


def test_passes_are_prompts_and_batches_are_calls():
    llm = Simulated(GRADES)
    llm.generate([prompt()] * 3, max_tokens=9)
    llm.choose([prompt("ab")], [["A", "B"]])
    llm.loglikelihood([prompt("a")] * 2, ["x"] * 2)
    assert (llm.passes, llm.batches) == (6, 3)


def test_threads_lose_no_count():
    llm = Simulated(GRADES, malformed=1.0)
    threads = [threading.Thread(target=lambda: [written(llm, prompt()) for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (llm.passes, llm.batches, llm.broken.total()) == (400, 400, 400)


@pytest.mark.parametrize("ending", ["qrels.txt", "qrels.tsv"])
def test_judgments_come_from_a_file_of_either_layout(tmp_path, ending):
    path = tmp_path / ending
    rows = [("q", d, g) for d, g in GRADES["q"].items()]
    if ending == "qrels.tsv":
        path.write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t{g}\n" for q, d, g in rows))
    else:
        path.write_text("".join(f"{q} 0 {d} {g}\n" for q, d, g in rows))
    llm = Simulated(str(path), noise=0.5)
    assert written(Simulated(path), prompt()) == ["[2] > [4] > [1] > [3]"]
    assert repr(llm) == f"simulated:{path}?noise=0.5"
    assert llm == Simulated(path, noise=0.5) != Simulated(path)


def test_models_that_know_other_judgments_differ():
    assert Simulated(GRADES) == Simulated(Qrels(GRADES))
    assert Simulated(GRADES) != Simulated({"q": {"a": 1}})


def shares(llm, asked):
    """How often each reply came."""
    counted = Counter(written(llm, *asked))
    return {reply: count / len(asked) for reply, count in counted.items()}


def test_noise_makes_a_judge_that_is_wrong_now_and_then_and_contradicts_itself():
    asked = [prompt("ba", reads="pair", names="Passage {}", text=f"Which? {i}") for i in range(2000)]
    right = shares(Simulated(GRADES, noise=math.sqrt(2)), asked)["Passage A"]
    assert right == pytest.approx(0.841, abs=0.03)  # the difference of grades, 2, is one deviation of its error
    assert set(shares(Simulated(GRADES), asked)) == {"Passage A"}


def test_the_same_prompt_is_always_answered_alike_in_whatever_company():
    llm = Simulated(GRADES, noise=2.0, malformed=0.5)
    asked = [prompt(text=f"Rank {i}.") for i in range(50)]
    assert written(llm, *asked) == [written(llm, one)[0] for one in asked] == written(llm, *asked[::-1])[::-1]
    assert written(Simulated(GRADES, noise=2.0, malformed=0.5, seed=1), *asked) != written(llm, *asked)


@pytest.mark.parametrize(
    ("bias", "reply"), [(0.0, "Passage B"), (0.3, "Passage B"), (0.5, "Passage A"), (1.0, "Passage A")]
)
def test_position_bias_weighs_the_place_against_the_grade(bias, reply):
    asked = prompt("db", reads="pair", names="Passage {}")
    assert written(Simulated({"q": {"d": 0, "b": 2, "other": 3}}, position_bias=bias), asked) == [reply]


def test_with_full_position_bias_the_order_is_the_one_shown():
    assert written(Simulated(GRADES, position_bias=1.0), prompt("cabd")) == ["[1] > [2] > [3] > [4]"]


def test_one_document_alone_has_no_place():
    [reply] = Simulated(GRADES, position_bias=1.0).loglikelihood([prompt("d")], ["x"])
    assert reply.value == 2.0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_the_share_of_malformed_replies_is_broken(share):
    llm = Simulated(GRADES, malformed=share)
    replies = written(llm, *(prompt(text=f"Rank {i}.") for i in range(2000)))
    broken = sum(reply != "[2] > [4] > [1] > [3]" for reply in replies)
    assert broken == llm.broken.total() == pytest.approx(2000 * share, abs=100 if 0 < share < 1 else 0)


@pytest.mark.parametrize(
    "asked",
    [
        {"names": "[{}]"},
        {"names": "[{}]", "prefill": "["},
        {"reads": "label", "names": "Passage {}"},
        {"documents": "ab", "reads": "pair", "names": "Passage {}"},
        {"documents": "a", "reads": "relevance"},
    ],
)
def test_replies_are_broken_in_every_way(asked):
    llm = Simulated(GRADES, malformed=1.0)
    written(llm, *(prompt(**asked, text=f"Rank {i}.") for i in range(300)))
    assert set(llm.broken) == set(DEFECTS)


def test_the_defects_are_those_that_models_make():
    llm = Simulated(GRADES, malformed=1.0)
    replies = llm.generate([prompt(text=f"Rank {i}.") for i in range(300)], max_tokens=100)
    assert {reply.value for reply in replies} == {
        "",
        "sorry, nothing here sets one apart from another.",
        "(2) > (4) > (1) > (3)",
        "[2] > [4]",
        "[2] > [4] > [1] > [3] > [2]",
        "[99] > [2] > [4] > [1] > [3]",
        "[\uff12] > [\uff14] > [\uff11] > [\uff13]",
        "<think>\nThe query is about something that [3] mentions",
        "Sure! Ranking of the 4 passages: [2] > [4] > [1] > [3]. Anything else?",
    }
    assert {reply.value[:7] for reply in replies if not reply.finished} == {"<think>"}


TAGS = "Think between <think> and </think>, then <answer>[3]</answer>."


@pytest.mark.parametrize(
    ("asked", "options", "reply"),
    [
        (prompt(text=TAGS), {}, "<think>hm</think>\n<answer>[2] > [4] > [1] > [3]</answer>"),
        (prompt(text=TAGS, reads="label"), {"thoughts": 3}, "<think>hm hm hm</think>\n<answer>[2]</answer>"),
        (prompt(text="<answer>[3]</answer>", reads="label"), {}, "<answer>[2]</answer>"),
        (prompt("b", reads="relevance", text="Is it?\n<think>"), {"thoughts": 2}, "hm hm</think>\nYes"),
        (prompt(), {"thoughts": 1}, "<think>hm</think>\n[2] > [4] > [1] > [3]"),
    ],
)
def test_it_thinks_and_writes_tags_where_it_is_asked_to(asked, options, reply):
    assert written(Simulated(GRADES, **options), asked) == [reply]


def test_thoughts_take_tokens_of_the_reply():
    [reply] = Simulated(GRADES, thoughts=10).generate([prompt()], max_tokens=6)
    assert (reply.value, reply.finished, reply.generated_tokens) == ("<think>hm hm hm hm hm hm", False, 6)


def test_the_defects_of_tags_are_those_that_models_make():
    llm = Simulated(GRADES, malformed=1.0)
    asked = [prompt(text=f"{TAGS} {i}", reads="label") for i in range(600)]
    replies = {reply.removeprefix("<think>hm</think>\n") for reply in written(llm, *asked)}
    assert set(llm.broken) == {*DEFECTS, *TAG_DEFECTS}
    assert replies >= {
        "", "[2]", "<answer>[2]", "<answer>[2]</answer>\n<answer>[4]</answer>",
        "<answer><think>[4]?</think>[2]</answer>", "<answer>(2)</answer>", "<answer>[99] > [2]</answer>",
    }  # fmt: skip


def test_a_share_of_its_answers_is_wrong_about_what_is_best():
    prompts = [prompt(text=f"Rank, {number}.") for number in range(4000)]
    first = [reply.partition(" ")[0] for reply in written(Simulated(GRADES, wrong=0.3), *prompts)]
    assert 0.28 < sum(name != "[2]" for name in first) / 4000 < 0.32
    assert set(first) == {"[1]", "[2]", "[3]", "[4]"}
    alone = [prompt("b", reads="relevance", text=f"Relevant, {number}?") for number in range(4000)]
    logits = [reply.value for reply in Simulated(GRADES, wrong=0.3).choose(alone, [["3", "2", "1", "0"]] * 4000)]
    assert 0.28 < sum(values.index(max(values)) != 0 for values in logits) / 4000 < 0.32
    assert not any(reply.startswith("[2]") for reply in written(Simulated(GRADES, wrong=1.0), *prompts))
