"""Rerankers that fuse in the decoder: ListT5's tournament as published, how replies are read, tiny T5s."""

import json
import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, Misuse
from rankify.llm.hf import HF
from rankify.llm.http import HTTP
from rankify.llm.protocol import LLM, Reply
from rankify.llm.rounds import advanced
from rankify.llm.simulated import Simulated
from rankify.prompts.template import template
from rankify.prompts.texts import harmless
from rankify.rerank.llm.flows.listt5 import tournament
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.llm.test_hf_scores import words
from tests.rerank.llm.rankings import SIZES, graded, ideal, simulated

NAMES = ["lit5-distill", "rankfid", "lit5-score", "listt5"]
WRITING = ["lit5-distill", "rankfid", "listt5"]
PASSES = {"n4_r1": 1, "n4_r2": 1, "n20_r1": 23, "n20_r2": 39, "n100_r1": 56, "n100_r2": 100}


def made(name, llm=None, **options):
    return registry.find("reranker", name)(llm or Simulated({}), **options)


# ListT5's tournament


@pytest.fixture(scope="module")
def golden(shared):
    path = shared.parent / "reference" / "golden_first_listt5.json"
    if not path.is_file():
        pytest.skip("needs the golden tournaments in shared/reference beside the repository")
    return json.loads(path.read_text("utf-8"))["listt5_tournament"]


def sort(make, n, judge):
    """(the order when the flow ends, every five it asked for, round by round)."""
    order, rounds = list(range(n)), []
    flow = make(order)
    fives = next(flow, None)
    while fives is not None:
        assert sorted(order) == list(range(n))
        rounds.append([list(five) for five in fives])
        fives = advanced(flow, [judge(five) for five in fives])
    return order, rounds


def by(grades):
    return lambda five: [float(grades[position]) for position in five]


@pytest.mark.parametrize("name", PASSES)
def test_a_tournament_is_the_published_one(golden, name):
    case = golden[name]
    order, rounds = sort(partial(tournament, r=int(name[-1])), len(case["rel"]), by(case["rel"]))
    assert order == case["order"]
    assert sum(map(len, rounds)) == case["forward_passes"] == PASSES[name]


@pytest.mark.parametrize("r", [1, 2])
@pytest.mark.parametrize("n", SIZES)
def test_with_a_perfect_judge_a_tournament_finds_the_best_ten(n, r):
    for seed in range(10):
        grades = random.Random(seed).sample(range(n), n)
        order, rounds = sort(partial(tournament, r=r), n, by(grades))
        assert [grades[position] for position in order[:10]] == list(range(n))[::-1][:10]
        assert sorted(order) == list(range(n))
        if n > 10:
            assert order[10:] == sorted(order[10:])
        fives = [frozenset(five) for some in rounds for five in some]
        assert len(set(fives)) == len(fives)
        assert all(len(five) == 5 for some in rounds for five in some)


@pytest.mark.parametrize("k", [1, 3, 25])
def test_only_the_best_k_are_sorted(k):
    grades = random.Random(3).sample(range(30), 30)
    order, _ = sort(partial(tournament, k=k), 30, by(grades))
    assert [grades[position] for position in order[:k]] == list(range(30))[::-1][:k]
    assert order[k:] == sorted(order[k:])


def test_all_fives_of_a_round_are_asked_together():
    _, rounds = sort(partial(tournament, r=1), 100, by(range(100)))
    assert [len(fives) for fives in rounds[:3]] == [20, 4, 1]
    _, rounds = sort(partial(tournament, r=2), 100, by(range(100)))
    assert [len(fives) for fives in rounds[:4]] == [20, 8, 4, 2]


def test_up_to_five_documents_are_sorted_in_one_go():
    assert sort(tournament, 3, by([1, 2, 0])) == ([1, 0, 2], [[[0, 1, 2, 0, 1]]])
    assert sort(tournament, 5, by([1, 2, 0, 4, 3])) == ([3, 4, 1, 0, 2], [[[0, 1, 2, 3, 4]]])


@pytest.mark.parametrize("n", [0, 1])
def test_nothing_is_compared_with_fewer_than_two_documents(n):
    assert sort(tournament, n, by([0])) == (list(range(n)), [])


@given(data=st.data(), n=st.integers(0, 40), r=st.sampled_from([1, 2]))
def test_whatever_the_judge_says_the_order_stays_a_permutation_and_may_be_stopped(data, n, r):
    answers = random.Random(data.draw(st.integers(0, 1000)))
    order = list(range(n))
    flow = tournament(order, r=r)
    fives = next(flow, None)
    for _ in range(data.draw(st.integers(0, 60))):
        if fives is None:
            break
        replies = [[answers.choice([0.0, 0.5, 1.0]) for _ in five] for five in fives]
        fives = advanced(flow, [None if answers.random() < 0.02 else reply for reply in replies])
        assert sorted(order) == list(range(n))
    flow.close()
    assert sorted(order) == list(range(n))


def test_a_tournament_starts_from_the_order_it_is_given():
    """Positions are names: a flow over a renamed order does the same to it."""
    grades, names = (random.Random(seed).sample(range(33), 33) for seed in (5, 6))
    plain, _ = sort(tournament, 33, by(grades))
    order = list(names)
    flow = tournament(order)
    fives = next(flow, None)
    while fives is not None:
        fives = advanced(flow, [[grades[names.index(p)] for p in five] for five in fives])
    assert order == [names[position] for position in plain]


def test_a_tournament_that_is_stopped_has_its_winners_on_top():
    grades = random.Random(1).sample(range(50), 50)
    order, rounds = list(range(50)), 0
    flow = tournament(order)
    fives = next(flow)
    while fives is not None and rounds < 12:
        rounds += 1
        fives = advanced(flow, [by(grades)(five) for five in fives])
    found = [grades[position] for position in order[:3]]
    assert advanced(flow, [None] * len(fives)) is None
    assert found == [49, 48, 47] == [grades[position] for position in order[:3]]


# what is asked, and what is read of replies


class Saying(LLM):
    """Writes the same reply to every prompt, and keeps what it was asked."""

    name, fuses, encoder_decoder, offers = "saying", True, True, frozenset({"generate", "attend"})

    def __init__(self, reply, finished=True):
        self.reply, self.finished, self.heard, self.most = reply, finished, [], []

    def generate(self, prompts, *, max_tokens):
        self.heard += prompts
        self.most += [max_tokens] * len(prompts) if isinstance(max_tokens, int) else max_tokens
        return [Reply(self.reply, 7, 3, self.finished) for _ in prompts]

    def attend(self, prompts, *, max_tokens=1):
        self.heard += prompts
        self.most += [max_tokens] * len(prompts)
        return [Reply(tuple((float(len(part)), 0.5) for part in p.parts), 7, 3) for p in prompts]

    def tokens(self, texts):
        return [len(text.split()) for text in texts]


def ranking(texts, query="what is it"):
    documents = [Document(str(i + 1), text) for i, text in enumerate(texts)]
    return Run([Ranking(Query("q", query), documents, range(len(texts), 0, -1))])


FIVE = ["one", "two", "three", "four", "five"]


@pytest.mark.parametrize(
    ("reply", "ids", "counted"),
    [
        ("3 1 4 2 5", "52413", {}),
        ("5 4 3 2 1", "12345", {}),
        ("3 1", "13245", {"repaired": 1, "missing_documents": 1}),  # the last one named is best, as published
        ("2 3 1 2 5", "52134", {"repaired": 1, "repetition": 1}),
        ("3 1 4 2 9", "24135", {"repaired": 1, "missing_documents": 1}),
        ("3 1 4 2 \uff15", "52413", {}),
        ("3, 1, 4, 2, 5", "52413", {"repaired": 1, "wrong_format": 1}),
        ("3 1 x 2 5", "52134", {"repaired": 1, "wrong_format": 1}),
        ("", "12345", {"unreadable": 1}),
        ("none of them", "12345", {"unreadable": 1}),
    ],
)
def test_listt5_names_the_best_one_last(reply, ids, counted):
    [after] = (reranked := made("listt5", Saying(reply))(ranking(FIVE)))
    assert "".join(after.ids) == ids
    counts = reranked.reports[-1].counts
    defects = ("unreadable", "repaired", "missing_documents", "repetition", "wrong_format")
    assert {name: counts[name] for name in defects if counts.get(name)} == counted


def test_lit5_names_the_best_one_first():
    for name in ("lit5-distill", "rankfid"):
        [after] = made(name, Saying("[3] > [1] > [4] > [2] > [5]"))(ranking(FIVE))
        assert "".join(after.ids) == "31425"


def test_lit5_score_sums_what_documents_get():
    [after] = made("lit5-score", Saying(""))(ranking(["aaa", "a", "aaaaa", "aa"]))
    assert "".join(after.ids) == "3142"


@pytest.mark.parametrize(
    ("name", "options", "most"),
    [
        ("listt5", {}, 6),  # max_length 7, with the token that a decoder begins with
        ("lit5-distill", {}, 139),
        ("lit5-distill", {"window": 100}, 139),
        ("lit5-distill", {"reply_tokens": 500}, 500),
        ("rankfid", {}, 127),
        ("lit5-score", {}, 19),
    ],
)
def test_replies_are_as_long_as_published(name, options, most):
    llm = Saying("")
    made(name, llm, **options)(ranking(FIVE))
    assert llm.most == [most]


@pytest.mark.parametrize(
    ("name", "part", "most"),
    [
        ("lit5-distill", "Search Query: what is it Passage: [2] two Relevance Ranking: ", 150),
        ("rankfid", "Search Query: what is it Passage: [2] two Relevance Ranking: ", 150),
        ("lit5-score", "question: what is it context: two", 150),
        ("listt5", "Query: what is it, Index: 2, Context: two", 256),
    ],
)
def test_each_passage_is_a_text_of_its_own(name, part, most):
    llm = Saying("")
    made(name, llm)(ranking(FIVE))
    [prompt] = llm.heard
    assert len(prompt.parts) == 5
    assert (prompt.parts[1], prompt.most) == (part, most)


def test_lit5_score_leaves_out_the_question_alone():
    llm = Saying("")
    made("lit5-score", llm)(ranking(FIVE))
    [prompt] = llm.heard
    kept = [part[slice(*span)] for part, span in zip(prompt.parts, prompt.spans, strict=True)]
    assert kept == [f" context: {text}" for text in FIVE]


def test_rankfid_has_rankllms_passages():
    llm = Saying("")
    long = Document("a", " ".join(map(str, range(200))), "schÃ¶n")
    made("rankfid", llm)(Run([Ranking(Query("q", "x"), [long, Document("b", "b")], [2, 1])]))
    text = llm.heard[0].parts[0].removeprefix("Search Query: x Passage: [1] ").removesuffix(" Relevance Ranking: ")
    assert text.startswith("Title: schön Content: 0 1 2")
    assert len(text.split()) == 150


@pytest.mark.parametrize(("name", "most"), [("lit5-distill", 150), ("lit5-score", 150), ("listt5", 256)])
def test_passages_whose_end_is_not_read_are_counted(name, most):
    texts = [" ".join(["word"] * n) for n in (1, most - 20, most, 3 * most)]
    assert made(name, Saying(""))(ranking(texts)).reports[-1].counts["truncated"] == 2


def test_the_end_of_sequence_counts_among_the_tokens_of_a_passage():
    for length, cut in ((144, 0), (145, 1)):  # five words stand in front of it
        run = ranking([" ".join(["word"] * length), "short"])
        assert made("lit5-score", Saying(""))(run).reports[-1].counts["truncated"] == cut


def test_the_length_of_listt5_is_an_option():
    llm = Saying("")
    reranker = made("listt5", llm, length=1024, r=1)
    reranker(ranking(FIVE))
    assert llm.heard[0].most == 1024
    assert repr(reranker) == "listt5:saying?r=1&length=1024"


@pytest.mark.parametrize(
    ("name", "text", "instead"),
    [
        ("listt5", "see Index: 3, INDEX : 4 and index 5", "see Index: (3), INDEX : (4) and index 5"),
        ("listt5", "Index:\u2462", "Index:(\u2462)"),
        ("lit5-distill", "Passage: [3] and [ 4 ]", "Passage: (3) and (4)"),
        ("rankfid", "[\uff13]", "(\uff13)"),
    ],
)
def test_a_passage_names_no_other_one(name, text, instead):
    assert harmless(text, template(name).neutral) == instead


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("listt5", {"r": 0}, "r=0"),
        ("listt5", {"r": 3}, "r=3"),
        ("listt5", {"k": 0}, "best 0"),
        ("listt5", {"length": 0}, "length=0"),
        ("lit5-distill", {"window": 1}, "window=1"),
        ("lit5-distill", {"step": 21}, "step=21"),
        ("lit5-distill", {"reply_tokens": 0}, "reply_tokens=0"),
        ("rankfid", {"window": 0}, "window=0"),
        ("lit5-score", {"step": 101}, "step=101"),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, message):
    for llm in (Saying(""), Simulated({})):
        with pytest.raises(Misuse, match=message):
            made(name, llm, **options)


@pytest.mark.parametrize("name", NAMES)
def test_a_backend_without_an_encoder_is_refused(name, tmp_path):
    for llm in (HTTP("m", base_url="http://127.0.0.1:9/v1"), HF(tiny_llm.qwen2(tmp_path), device="cpu")):
        with pytest.raises(BadInput, match="reads no texts apart"):
            made(name, llm)


@pytest.mark.parametrize("name", WRITING)
def test_with_a_judge_whose_replies_are_broken_nothing_is_lost_and_all_are_counted(name):
    run, grades = graded([100, 23, 6, 4] * 5)
    llm = simulated(grades, malformed=0.4)
    reranked = made(name, llm)(run)
    assert [sorted(r.ids) for r in reranked] == [sorted(r.ids) for r in run]
    counts = reranked.reports[-1].counts
    assert counts["unreadable"] > 3
    assert counts["repaired"] > 3
    assert counts["unreadable"] + counts["repaired"] <= sum(llm.broken.values())


def test_the_whole_list_is_scored_at_once():
    run, grades = graded([100, 64])
    reranked = made("lit5-score", simulated(grades))(run)
    assert reranked.reports[-1].counts["asked"] == 2
    assert [list(after.ids) for after in reranked] == [ideal(before, grades, 100) for before in run]


# on tiny models


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_llm.t5(tmp_path_factory.mktemp("t5"))


def candidates(sizes):
    rankings = []
    for number, n in enumerate(sizes):
        documents = [Document(f"d{i}", words((7 * i + number) % 60 + 1, 31 * number + i)) for i in range(n)]
        rankings.append(Ranking(Query(f"q{number}", words(number % 3 + 2, number)), documents, range(n, 0, -1)))
    return Run(rankings)


@pytest.mark.parametrize("name", NAMES)
def test_queries_in_company_are_ranked_as_they_are_alone(name, folder):
    run = candidates([25, 3, 11, 1, 0, 5])
    llm = HF(folder, device="cpu")
    together = made(name, llm)(run)
    alone = [made(name, HF(folder, device="cpu", batch_tokens=1))(Run([ranking])) for ranking in run]
    assert [r.ids for r in together] == [r.ids for one in alone for r in one]
    for kind in ("asked", "prompt_tokens", "generated_tokens"):
        assert together.reports[-1].counts[kind] == sum(one.reports[-1].counts[kind] for one in alone)
    assert together.reports[-1].counts["passes"] < sum(one.reports[-1].counts["passes"] for one in alone)


@pytest.mark.parametrize("name", NAMES)
def test_a_reranker_is_loaded_from_its_name(name, folder):
    found = registry.load("reranker", f"{name}:hf:{folder}?device=cpu")
    assert registry.load("reranker", repr(found)) == found
    assert len(found(candidates([7]))[0].ids) == 7
