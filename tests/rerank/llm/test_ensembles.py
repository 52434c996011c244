"""Several models on one algorithm, and one model asked about shuffled windows: what is combined, and what it takes."""

import random
from collections import Counter
from itertools import permutations
from math import isnan, log, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify import registry
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.llm.http import HTTP
from rankify.llm.protocol import Reply
from rankify.llm.simulated import Simulated
from rankify.prompts.template import template
from rankify.rerank.llm.drive import Limits, drive
from rankify.rerank.llm.flows.pointwise import pointwise
from rankify.rerank.llm.flows.sliding_window import sliding_window
from rankify.rerank.llm.judge import Judge, Judgment, Question
from rankify.rerank.llm.judges.ensemble import Ensemble
from rankify.rerank.llm.judges.kemeny import central, circles, disagreement, improved, optimum, preferences
from rankify.rerank.llm.judges.labels import Labels
from rankify.rerank.llm.judges.permutation import Permutation
from rankify.rerank.llm.judges.shuffled import Shuffled
from rankify.types import Query, Ranking, Run
from tests.rerank.llm.rankings import SIZES, graded, ideal

URL = "http://127.0.0.1:9/v1"
BYS = ["mean", "rank", "vote"]
METHODS = [
    ("rankgpt", {}),
    ("first", {}),
    ("first", {"shuffles": 2}),
    ("prp", {}),
    ("prp", {"scoring": "likelihood", "method": "heapsort"}),
    ("setwise", {}),
    ("setwise", {"votes": 3}),
    ("tdpart", {}),
]


def made(name, llm, **options):
    return registry.find("reranker", name)(llm, **options)


class Fixed(Judge):
    """Says what it is told of every question."""

    needs = "generate"

    def __init__(self, scores, *, unreadable=0, calls=1, model="m", tokens=10):
        self.llm, self.template, self.calls = Simulated({}), template("rankzephyr"), calls
        self.llm.model = model
        self.judgment = Judgment(
            tuple(map(float, scores)), Counter(asked=calls, prompt_tokens=tokens, unreadable=unreadable)
        )

    def __call__(self, questions):
        return [self.judgment] * len(questions)


def combined(by, *judges):
    [judgment] = Ensemble(judges, by=by)([Question(Query("q", ""), [Document("d", "")])])
    return judgment


# One score from several


@pytest.mark.parametrize(
    ("by", "several", "scores"),
    [
        ("mean", [(3, 2, 1), (1, 3, 2)], (2, 2.5, 1.5)),
        ("mean", [(0.5, 0.5), (1, 0), (0, 1)], (0.5, 0.5)),
        ("rank", [(30, 20, 10), (1, 3, 2)], (-2, -1.5, -2.5)),
        ("rank", [(0, 1, 0)], (-2.5, -1, -2.5)),
        ("vote", [(3, 2, 1), (3, 1, 2), (1, 3, 2)], (2, 1, 0)),  # two votes, one vote, none
        ("vote", [(3, 2, 1), (2, 3, 1)], (1, 1, 0)),  # a vote each, equal ranks
        ("vote", [(9, 2, 1, 5), (2, 9, 1, 5)], (2, 2, 0, 1)),  # without a vote, the rank decides
        ("vote", [(1, 1, 0)], (1, 1, 0)),  # half a vote each
    ],
)
def test_scores_are_combined(by, several, scores):
    assert combined(by, *map(Fixed, several)).scores == scores


@pytest.mark.parametrize("by", BYS)
def test_a_reply_that_cannot_be_read_has_no_part_in_it(by):
    silent = Fixed((9, 0, 0), unreadable=1)
    with_it = combined(by, Fixed((1, 2, 3)), silent)
    assert with_it.scores == combined(by, Fixed((1, 2, 3))).scores
    assert with_it.counts == Counter(asked=2, prompt_tokens=20, unreadable=1)
    assert combined(by, silent, silent).scores == (0, 0, 0)
    half = Fixed((9, 0, 0), unreadable=1, calls=2)  # one of its two replies was read
    assert combined(by, Fixed((1, 2, 3)), half).scores != with_it.scores


@pytest.mark.parametrize("by", BYS)
def test_documents_alone_have_the_mean_of_what_was_read(by):
    assert combined(by, Fixed((1,)), Fixed((0,)), Fixed((nan,))).scores == (0.5,)
    assert isnan(combined(by, Fixed((nan,)), Fixed((nan,))).scores[0])


def test_the_mean_of_labels_is_that_of_their_log_probabilities():
    class Logits(Simulated):
        def choose(self, prompts, choices, *, top=None):
            return [Reply(self.said) for _ in prompts]

    judges = []
    for said in ((101.0, 100.0), (-7.0, -5.0)):
        llm = Logits({})
        llm.said = said
        judges.append(Labels(llm, template("first")))
    [judgment] = Ensemble(judges)([Question(Query("q", ""), [Document("a", ""), Document("b", "")])])
    e = 2.718281828459045
    first, second = (log(e / (1 + e)) + log(1 / (1 + e**2))) / 2, (log(1 / (1 + e)) + log(e**2 / (1 + e**2))) / 2
    assert judgment.scores == pytest.approx((first, second))
    judges[0].llm.said = (float("-inf"), 0.0)
    [judgment] = Ensemble(judges)([Question(Query("q", ""), [Document("a", ""), Document("b", "")])])
    assert judgment.scores[0] == float("-inf")
    assert judgment.counts["repaired"] == 1


# Every recipe


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize(("name", "options"), METHODS, ids=str)
def test_with_perfect_judges_the_best_ten_come_first_and_nothing_is_lost(name, options, by):
    run, grades = graded(SIZES)
    llms = [Simulated(grades) for _ in range(3)]
    after = made(name, llms[0], also=llms[1:], by=by, **options)(run)
    for before, own in zip(run, after, strict=True):
        assert own.ids[:10] == ideal(before, grades)
        assert sorted(own.ids) == sorted(before.ids)


@pytest.mark.parametrize("by", BYS)
def test_two_good_models_outvote_a_bad_one(by):
    run, grades = graded([30, 60])
    upside_down = {q: {d: -g for d, g in row.items()} for q, row in grades.items()}
    after = made("rankgpt", Simulated(upside_down), also=[Simulated(grades), Simulated(grades)], by=by)(run)
    for before, own in zip(run, after, strict=True):
        assert own.ids[0] == ideal(before, grades)[0]


@pytest.mark.parametrize("by", BYS)
@pytest.mark.parametrize("name", ["rankgpt", "setwise"])
def test_three_models_that_err_are_better_than_one(name, by):
    run, grades = graded([60] * 30)
    one, three = (
        made(name, Simulated(grades, noise=12, seed=0), **options)(run)
        for options in ({}, {"also": [Simulated(grades, noise=12, seed=seed) for seed in (1, 2)], "by": by})
    )

    def found(after):
        return sum(len({*r.ids[:10]} & {*ideal(b, grades)}) for r, b in zip(after, run, strict=True))

    assert found(three) > found(one)


def test_each_round_is_one_batch_for_every_model():
    run, grades = graded([50, 30, 20])
    alone = Simulated(grades)
    made("setwise", alone)(run)
    llms = [Simulated(grades) for _ in range(3)]
    after = made("setwise", llms[0], also=llms[1:])(run)
    assert [llm.batches for llm in llms] == [alone.batches] * 3
    counts = after.reports[-1].counts
    assert counts["asked"] == counts["passes"] == 3 * alone.passes


def test_pointwise_scores_are_the_mean_of_the_models():
    run, grades = graded([4])
    [after] = made("qlm", Simulated(grades), also=[Simulated({"q0": {"d1": 9}})])(run)
    assert dict(zip(after.ids, after.scores.tolist(), strict=True)) == {"d1": 5, "d4": 2, "d3": 1.5, "d2": 1}


def test_a_limit_of_calls_counts_those_of_every_model():
    run, grades = graded([30, 5])
    after = made("prp", Simulated(grades), also=[Simulated(grades)], max_calls=10)(run)
    counts = after.reports[-1].counts
    assert counts["asked"] <= 20
    assert counts["asked"] % 4 == 0
    assert counts["stopped"] == 2


# What it costs


def test_every_model_has_its_own_price(tmp_path):
    run, grades = graded([20])
    one, other = Simulated(grades), Simulated({"q0": {"d1": 1}})
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"{one.model}: {{input: 1000000, output: 0}}\n{other.model}: {{input: 3000000, output: 0}}\n")
    made_of = {"also": [other], "prices": str(prices)}
    counts = made("rankgpt", one, **made_of)(run).reports[-1].counts
    mine, others = counts[f"prompt_tokens of {one.model}"], counts[f"prompt_tokens of {other.model}"]
    assert mine == others == counts["prompt_tokens"] / 2
    assert counts[f"cost of {one.model}"] == mine
    assert counts[f"cost of {other.model}"] == 3 * others
    assert counts["cost"] == mine + 3 * others
    limited = made("rankgpt", one, max_cost=10.0, **made_of)(graded([100])[0]).reports[-1].counts
    assert limited["stopped"] == 1
    assert limited["asked"] == 2


def test_a_price_that_is_missing_is_named_where_dollars_are_limited(tmp_path):
    one, other = Simulated({"q": {"d": 1}}), Simulated({"q": {"d": 2}})
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"{one.model}: {{input: 1, output: 1}}\n")
    with pytest.raises(Misuse, match=f"no price of '{other.model}'"):
        made("first", one, also=[other], max_cost=1.0, prices=str(prices))
    run, _ = graded([5])
    counts = made("first", one, also=[other], prices=str(prices))(run).reports[-1].counts
    assert f"cost of {one.model}" in counts
    assert "cost" not in counts


def test_the_cheap_model_of_ecorank_has_a_price_of_its_own(tmp_path):
    one, cheap = Simulated({"q": {"d": 1}}), Simulated({"q": {"d": 2}})
    prices = tmp_path / "prices.yaml"
    prices.write_text(f"{one.model}: {{input: 2000000, output: 0}}\n{cheap.model}: {{input: 0, output: 1000000}}\n")
    run, _ = graded([20])
    counts = made("ecorank", one, cheap=cheap, prices=str(prices))(run).reports[-1].counts
    assert counts["cost"] == 2 * counts[f"prompt_tokens of {one.model}"] + counts[f"generated_tokens of {cheap.model}"]
    assert counts["prompt_tokens"] == sum(n for name, n in counts.items() if name.startswith("prompt_tokens of"))


def test_the_driver_adds_up_what_each_model_costs():
    def ask(asked):
        return [
            Judgment((1.0,), Counter({"asked": 2, "prompt_tokens of a": 10, "prompt_tokens of b": 1})) for _ in asked
        ]

    costs = {" of a": lambda prompt, _: prompt * 3 / 80, " of b": lambda prompt, _: prompt * 3 / 8}
    [outcome] = drive([50], pointwise, ask, limits=Limits(max_cost=5.0), cost=costs)
    assert outcome.counts["asked"] == 2 * 8  # a slice of eight questions is 3 dollars of each
    assert outcome.stopped


def test_each_query_may_have_a_flow_of_its_own():
    made_for = []

    def make(query):
        def flow(order):
            made_for.append((query, len(order)))
            return sliding_window(order)

        return flow

    drive([3, 2], [make("a"), make("b")], lambda asked: [Judgment((0.0,) * len(group)) for _, group in asked])
    assert made_for == [("a", 3), ("b", 2)]


# Specs


@pytest.fixture
def files(tmp_path):
    paths = []
    for number in range(2):
        path = tmp_path / f"qrels {number}.txt"
        path.write_text(f"q 0 d{number} 1\n")
        paths.append(path)
    return paths


def test_the_spec_names_every_model_and_loads_back(files):
    one, other = files
    llm = Simulated(other, noise=0.5, seed=3)
    built = made("rankgpt", Simulated(one), also=[f"simulated:{one}", llm], by="vote", window=10)
    loaded = registry.load("reranker", repr(built))
    assert loaded == built
    assert repr(loaded) == repr(built)
    assert [type(found) for found in loaded.models] == [Simulated] * 3
    assert (loaded.models[2].noise, loaded.models[2].seed) == (0.5, 3)
    written = f"also=simulated:{one},simulated:{other}%3Fnoise=0.5%26seed=3&by=vote&window=10"
    given = f"simulated:{one},simulated:{other}?noise=0.5&seed=3"
    assert registry.load("reranker", f"rankgpt:simulated:{one}?{written}") == made(
        "rankgpt", f"simulated:{one}", also=given, by="vote", window=10
    )


def test_the_spec_of_ecorank_names_the_cheap_model_and_loads_back(files):
    built = made("ecorank", Simulated(files[0]), cheap=Simulated(files[1], noise=0.5), budget=100)
    loaded = registry.load("reranker", repr(built))
    assert loaded == built
    assert loaded.models[1] == Simulated(files[1], noise=0.5)
    several = made("ecorank", Simulated(files[0]), cheap=f"simulated:{files[1]}", also=[Simulated({})])
    assert len(several.models) == 3  # the cheap one is opened once


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("rankgpt", {"by": "vote"}, Misuse, "by=vote: there is one model"),
        ("rankgpt", {"also": [Simulated({})], "by": "votes"}, UnknownName, "did you mean 'vote'"),
        ("qlm", {"also": [Simulated({})], "by": "rank"}, Misuse, "by='rank'"),
        ("bge-reranker-v2-gemma", {"also": [Simulated({})]}, Misuse, "fuse the rankings"),
        ("first", {"also": [HTTP("m", base_url=URL, prefill="none")]}, Misuse, "cannot go on from a beginning"),
        ("first", {"also": f"http:m?base_url={URL}&api=chats"}, Misuse, "api=.chats. should be"),
        ("rankgpt", {"also": "smulated:x"}, Exception, "smulated"),
        ("first", {"also": ["simulated:x?nosie=1"]}, UnknownName, "did you mean 'noise'"),
        ("rankgpt", {"shuffles": 0}, Misuse, "shuffles=0"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(name, options, error, message):
    with pytest.raises(error, match=message):
        made(name, Simulated({}), **options)


def test_queries_go_alone_where_every_model_is_a_server():
    def server(parallel):
        return HTTP("m", base_url=URL, parallel=parallel)

    assert made("rankgpt", server(8), also=[server(4)]).parallel == 4
    assert made("rankgpt", server(8), also=[Simulated({})]).parallel is None


# Permutation self-consistency


@given(data=st.data(), n=st.integers(1, 6), m=st.integers(1, 5), ties=st.booleans())
def test_the_central_ranking_has_the_least_disagreement_of_all(data, n, m, ties):
    rng = random.Random(data.draw(st.integers(0, 10_000)))
    rankings = [[rng.randrange(3) if ties else x for x in rng.sample(range(n), n)] for _ in range(m)]
    wins = preferences(rankings)
    least = min(disagreement(order, wins) for order in permutations(range(n)))
    assert sorted(central(wins)) == list(range(n))
    assert disagreement(central(wins), wins) == least
    assert disagreement(optimum(wins, list(range(n))), wins) == least


@pytest.mark.parametrize("n", [12, 20])
def test_a_window_of_random_rankings_is_solved_to_the_optimum_which_local_search_may_miss(n):
    rng, missed = random.Random(n), 0
    for _ in range(8):
        wins = preferences([rng.sample(range(n), n) for _ in range(5)])
        found, near = central(wins), improved(list(range(n)), wins)
        bound = sum(min(wins[i, j], wins[j, i]) for i in range(n) for j in range(i))
        assert bound <= disagreement(found, wins) <= disagreement(near, wins)
        assert disagreement(optimum(wins, near), wins) == disagreement(found, wins)  # whatever order it starts from
        missed += disagreement(near, wins) > disagreement(found, wins)
    assert missed


def test_a_hundred_documents_have_an_order_that_no_move_improves():
    rng = random.Random(0)
    wins = preferences([rng.sample(range(100), 100) for _ in range(5)])
    order = central(wins)
    assert sorted(order) == list(range(100))
    assert max(map(len, circles(wins))) > 20
    least = disagreement(order, wins)
    for _ in range(200):
        taken = rng.choice(order)
        moved = [d for d in order if d != taken]
        moved.insert(rng.randrange(100), taken)
        assert disagreement(moved, wins) >= least


def test_equal_votes_keep_the_present_order():
    assert central(preferences([(1, 2, 3), (3, 2, 1)])) == [0, 1, 2]
    assert central(preferences([(3, 2, 1), (1, 3, 2), (2, 1, 3)])) == [0, 1, 2]  # a circle: each of three is as good


class Heard(Simulated):
    def generate(self, prompts, *, max_tokens):
        self.shown = [*getattr(self, "shown", []), *(p.shown.documents for p in prompts)]
        return super().generate(prompts, max_tokens=max_tokens)


def test_a_window_is_asked_in_orders_that_depend_on_the_query_and_its_documents():
    documents = [Document(f"d{i}", "text") for i in range(8)]

    def shown(query, documents, company=()):
        llm = Heard({})
        judge = Shuffled(Permutation(llm, template("rankzephyr")), shuffles=5)
        judge([*company, Question(Query(query, ""), documents)])
        assert llm.batches == 1
        return llm.shown[-5:]

    orders = shown("q", documents)
    assert len(set(orders)) == 5
    assert all(sorted(order) == [d.id for d in documents] for order in orders)
    assert shown("q", documents, company=[Question(Query("a", ""), documents[:3])]) == orders
    assert shown("p", documents) != orders
    assert shown("q", documents[::-1]) != orders


def test_a_model_that_prefers_what_stands_first_is_seen_through():
    run, grades = graded([20] * 10)

    def found(shuffles):
        after = made("rankgpt", Simulated(grades, position_bias=0.3), shuffles=shuffles)(run)
        return sum(len({*r.ids[:5]} & {*ideal(b, grades, 5)}) for r, b in zip(after, run, strict=True))

    assert found(1) < 40 < found(5) < found(20) == 50


def test_shuffles_take_as_many_calls_and_no_more_rounds():
    run, grades = graded([100, 30])
    llm = Simulated(grades)
    counts = made("rankgpt", llm, shuffles=4)(run).reports[-1].counts
    assert counts["asked"] == 4 * (9 + 2)
    assert llm.batches == 9


def test_unreadable_replies_have_no_part_in_the_central_ranking():
    class Half(Simulated):
        def generate(self, prompts, *, max_tokens):
            replies = super().generate(prompts, max_tokens=max_tokens)
            return [Reply("hm") if number % 2 else reply for number, reply in enumerate(replies)]

    class Silent(Simulated):
        def generate(self, prompts, *, max_tokens):
            return [Reply("hm") for _ in prompts]

    run, grades = graded([20])
    after = made("rankgpt", Half(grades), shuffles=4)(run)
    assert after[0].ids == ideal(run[0], grades, 20)
    assert after.reports[-1].counts["unreadable"] == 2
    assert made("rankgpt", Silent(grades), shuffles=4)(run)[0].ids == run[0].ids
    one = Run([Ranking(Query("q0", ""), [Document("d1", "")], [1.0])])
    assert made("rankgpt", Silent(grades), shuffles=4)(one)[0].ids == ["d1"]
