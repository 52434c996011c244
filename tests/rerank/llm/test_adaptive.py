"""Tournaments, pivots, budgets of words, and questions that need not be asked: as published, for any judge."""

import random
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankify import registry
from rankify.documents import Document
from rankify.errors import BadInput, UnknownName
from rankify.llm.protocol import Reply
from rankify.llm.rounds import advanced
from rankify.llm.simulated import Simulated
from rankify.prompts.template import template
from rankify.rerank.llm.flows.bubblesort import bubblesort
from rankify.rerank.llm.flows.ecorank import ecorank
from rankify.rerank.llm.flows.heapsort import heapsort
from rankify.rerank.llm.flows.insertion import insertion
from rankify.rerank.llm.flows.pairwise_bubblesort import pairwise_bubblesort
from rankify.rerank.llm.flows.pairwise_heapsort import pairwise_heapsort
from rankify.rerank.llm.flows.sliding_window import sliding_window
from rankify.rerank.llm.flows.top_down import top_down
from rankify.rerank.llm.flows.tournament import stages, tournaments
from rankify.rerank.llm.flows.transitive import inferring
from rankify.rerank.llm.judge import Question
from rankify.rerank.llm.judges.select import Select, selection
from rankify.rerank.llm.judges.yes_no import YesNo
from rankify.types import Query, Ranking, Run
from tests.rerank.llm.rankings import SIZES, graded
from tests.rerank.llm.test_flows import by, shuffled, sort


def made(name, llm=None, **options):
    return registry.find("reranker", name)(llm or Simulated({}), **options)


def whims(seed, *, noise=8.0):
    """A judge that is wrong as often as not, in its own way about every group and every order of it."""

    def judge(group):
        rng = random.Random(f"{seed} {list(group)}")
        return [rng.gauss(-position, noise) for position in group]

    return judge


# TourRank: what the paper's table 7 says, tournament after tournament

TABLE = {100: [(5, 20, 10), (5, 10, 4), (1, 20, 10), (1, 10, 5), (1, 5, 2)]}  # groups, documents in one, go on
TABLE |= {50: TABLE[100][1:], 20: TABLE[100][2:], 10: TABLE[100][3:], 5: TABLE[100][4:]}


def tourrank(n, judge, r, seed):
    """The published procedure, plainly."""
    points = [0] * n
    for tournament in range(r):
        rng, own = random.Random(f"{seed} {tournament}"), [0] * n
        for groups, documents, go_on in TABLE[n]:
            players = sorted(range(n), key=lambda d: (-own[d], d))[: groups * documents]
            for g in range(groups):
                shown = [players[place] for place in range(g, len(players), groups)]
                shown = rng.sample(shown, len(shown))
                scores = judge(shown)
                for winner in sorted(shown, key=lambda d: -scores[shown.index(d)])[:go_on]:
                    own[winner] += 1
        points = [a + b for a, b in zip(points, own, strict=True)]
    return sorted(range(n), key=lambda d: (-points[d], d))


@pytest.mark.parametrize("n", TABLE)
def test_tournaments_are_the_published_ones_whatever_the_judge_says(n):
    for seed in range(40):
        r = 1 + seed % 4
        order, rounds, asked = sort(partial(tournaments, times=r, seed=str(seed)), n, whims(seed))
        assert order == tourrank(n, whims(seed), r, seed)
        assert rounds == len(TABLE[n])  # side by side
        assert len(asked) == r * sum(groups for groups, _, _ in TABLE[n])


@pytest.mark.parametrize("n", [*SIZES, 7, 13, 51, 60, 75, 1000])
def test_stages_of_any_size_have_groups_that_fit_and_nothing_is_lost(n):
    asked = []

    def judge(group):
        asked.append(group)
        return by(list(range(n))[::-1])(group)

    order = list(range(n))
    flow = tournaments(order, times=1)
    groups = next(flow, None)
    for field, left in stages(n):
        assert sorted(p for group in groups for p in group) == sorted(order[:field])
        assert sum(group.select for group in groups) == left
        assert all(0 < group.select < len(group) <= 20 for group in groups)
        assert max(map(len, groups)) - min(map(len, groups)) <= 1
        groups = advanced(flow, [judge(group) for group in groups])
    assert groups is None
    assert order == list(range(n))  # the judge agrees with the first stage


def test_a_perfect_judge_brings_the_best_to_the_top_and_more_tournaments_more_of_them():
    def found(times):
        shares = []
        for seed in range(20):
            grades = shuffled(100, seed)
            order, _, _ = sort(partial(tournaments, times=times, seed=str(seed)), 100, by(grades))
            assert {grades[p] for p in order[:2]} == {99, 98}
            shares.append(len({grades[p] for p in order[:10]} & set(range(90, 100))) / 10)
        return sum(shares) / 20

    assert 0.8 < found(1) <= found(10)


def test_groups_depend_on_the_query_and_on_the_draw():
    run, grades = graded([60])
    orders = {}

    class Heard(Simulated):
        def generate(self, prompts, *, max_tokens):
            self.shown = [*getattr(self, "shown", []), *(p.shown.documents for p in prompts)]
            return super().generate(prompts, max_tokens=max_tokens)

    for query, options in (("q0", {}), ("q0", {"draw": 0}), ("q0", {"draw": 1}), ("other", {})):
        llm = Heard({query: grades["q0"]})
        made("tourrank", llm, tournaments=2, **options)(
            Run([Ranking(Query(query, "text"), run[0].documents, run[0].scores)])
        )
        orders[query, str(options)] = llm.shown
    same, again, drawn, other = orders.values()
    assert same == again
    assert same != drawn
    assert same != other


def test_a_document_that_no_reply_names_has_no_point():
    run, grades = graded([20])

    class Two(Simulated):
        def generate(self, prompts, *, max_tokens):
            return [Reply("Document 1, Document 2") for _ in prompts]

    after = made("tourrank", Two(grades), tournaments=1)(run)
    counts = after.reports[-1].counts
    assert counts["asked"] == 3  # 20 documents, 10, 5
    assert counts["repaired"] == counts["missing_documents"] == 2  # two of two were named in the last stage
    assert sorted(after[0].ids) == sorted(run[0].ids)


@pytest.mark.parametrize("n", SIZES)
def test_tournaments_in_which_no_reply_names_a_document_change_nothing(n):
    assert sort(tournaments, n, lambda group: [0.0] * len(group))[0] == list(range(n))


NAMES = [f"Document {number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("reply", "m", "chosen", "defects"),
    [
        ("Document 3, Document 1", 2, [2, 0], {}),
        ("Document 3 > Document 1 > Document 7", 2, [2, 0], {}),
        ("document 10,\nDocument 2.", 2, [9, 1], {}),
        ("Document \u2462, Document \uff11", 2, [2, 0], {}),
        ("Document 3", 2, [2], {"repaired": 1, "missing_documents": 1}),
        ("Document 3, Document 3, Document 1", 2, [2, 0], {"repaired": 1, "repetition": 1}),
        ("Document 3, Document 99, Document 1", 2, [2, 0], {"repaired": 1, "missing_documents": 1}),
        ("Sure! The top 2 are: Document 3, Document 1", 2, [2, 0], {"repaired": 1, "wrong_format": 1}),
        ("3, 1", 2, [2, 0], {"repaired": 1, "wrong_format": 1}),
        ("none of them", 2, [], {"unreadable": 1}),
        ("Document 12", 2, [], {"unreadable": 1}),
        ("", 2, [], {"unreadable": 1}),
    ],
)
def test_a_selection_is_read_and_what_was_wrong_with_it_is_counted(reply, m, chosen, defects):
    assert selection(reply, NAMES, m) == (chosen, defects)


def test_questions_that_want_different_numbers_go_in_one_batch():
    grades = {"q": {f"d{i}": i for i in range(10)}}
    llm = Simulated(grades)
    documents = [Document(f"d{i}", "text") for i in range(10)]
    questions = [Question(Query("q", "text"), documents, select=m) for m in (5, 4, 5)]
    judgments = Select(llm, template("tourrank"))(questions)
    assert [[i for i, score in enumerate(j.scores) if score] for j in judgments] == [
        [5, 6, 7, 8, 9],
        [6, 7, 8, 9],
        [5, 6, 7, 8, 9],
    ]
    assert llm.batches == 1
    assert not any(j.counts["repaired"] or j.counts["unreadable"] for j in judgments)


# Top-down partitioning


def tdpart(n, judge, window, k, budget):
    """Algorithm 1 of the paper, plainly: candidates A, backfill B."""

    def permuted(shown):
        scores = judge(shown)
        return sorted(shown, key=lambda d: -scores[shown.index(d)])

    a, b = list(range(n)), []
    while True:
        left, right = a[:window], a[window:]
        left = permuted(left) if len(left) > 1 else left
        if not right:
            return left + b
        pivot, a, below = left[k - 1], left[: k - 1], left[k:]
        while right and (budget is None or len(a) <= budget):
            part, right = permuted([pivot, *right[: window - 1]]), right[window - 1 :]
            a, below = a + part[: part.index(pivot)], below + part[part.index(pivot) + 1 :]
        b = [pivot, *below, *right, *b]
        if len(a) == k - 1:
            return a + b


@pytest.mark.parametrize("budget", [None, 20, 5])
def test_partitions_are_the_published_ones_whatever_the_judge_says(budget):
    for seed in range(70):
        rng = random.Random(seed)
        n, window = rng.randrange(130), rng.choice([20, 20, 5, 10])
        k = rng.randint(1, window - 1) if seed % 2 else window // 2
        order, _, _ = sort(partial(top_down, window=window, k=k, budget=budget), n, whims(seed, noise=20))
        assert order == tdpart(n, whims(seed, noise=20), window, k, budget)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("window", "k"), [(20, 10), (11, 10), (20, 19), (4, 2), (2, 1)])
def test_without_a_budget_a_perfect_judges_best_k_come_first(n, window, k):
    for seed in range(3):
        grades = shuffled(n, seed)
        order, _, _ = sort(partial(top_down, window=window, k=k), n, by(grades))
        assert [grades[position] for position in order[:k]] == list(range(n))[::-1][:k]


def test_all_windows_of_a_round_are_asked_together():
    _, rounds, asked = sort(top_down, 100, by(list(range(100))[::-1]))
    assert (rounds, len(asked)) == (2, 6)  # the top window, then 5 that its pivot heads; 9 in a row slide
    assert [group[0] for group in asked[1:]] == [9] * 5


def test_a_budget_of_candidates_ends_a_round_and_loses_nothing():
    order, rounds, asked = sort(partial(top_down, budget=20), 100, by(range(100)))
    assert [len(group) for group in asked] == [20, 20, 20, 9]  # all 19 of a window beat the pivot: 28 candidates
    assert rounds == 4
    assert order[-61:] == list(range(39, 100))


# EcoRank


def echo(n, relevance, prefers, *, query, words, budget, split, total):
    """The published procedure, plainly; a budget of words, of which three of the cheap model's are one."""
    yes, no, unprocessed, spent = [], [], [], 0
    for passage in range(min(n, total)):
        spent += 15 + 1 + words[passage]
        if spent > budget * split or unprocessed:
            unprocessed.append(passage)
        elif "yes" in relevance(passage) or "no" not in relevance(passage):
            yes.append(passage)
        else:
            no.append(passage)
    order = yes + unprocessed + no
    m = len(order)
    limit, pairs, used = int((1 - split) * budget) * 3, 0, 0
    while m > 1 and pairs < 100_000:
        lower = m - 1 - pairs % (m - 1)
        used += 25 + 2 + query + words[order[lower]] + words[order[lower - 1]]
        if used > limit:
            break
        pairs += 1
    for number in range(-(-pairs // m) if m else 0):
        if number >= m - 1:
            break
        asked = m - 1 if pairs - number * m >= m else pairs % m
        for lower in range(m - 1, max(m - 1 - asked, 0), -1):
            if prefers(order[lower], order[lower - 1]) == "passage a":
                order[lower - 1 : lower + 1] = order[lower - 1 : lower + 1][::-1]
    return order + list(range(min(n, total), n))


def test_passes_within_a_budget_of_words_are_the_published_ones_whatever_the_judge_says():
    for seed in range(200):
        rng = random.Random(seed)
        n, query = rng.randrange(70), rng.randint(1, 20)
        words = [rng.randint(0, 200) for _ in range(n)]
        case = {"budget": rng.choice([1, 300, 4000, 4000, 20_000]), "split": rng.choice([0, 0.5, 0.5, 0.8, 1])}
        total = rng.choice([50, 50, 10, 1])

        def relevance(passage, seed=seed):
            return random.Random(f"{seed} {passage}").choice(["yes", "yes.", "no", "No idea.".lower(), "perhaps"])

        def prefers(a, b, seed=seed):
            return random.Random(f"{seed} {a} {b}").choice(["passage a", "passage b", "neither"])

        def judge(group, relevance=relevance, prefers=prefers):
            if len(group) == 1:
                said = relevance(*group)
                return [1.0 if "yes" in said else 0.0 if "no" in said else float("nan")]
            return {"passage a": [1.0, 0.0], "passage b": [0.0, 1.0], "neither": [0.0, 0.0]}[prefers(*group)]

        flow = partial(ecorank, query=query, documents=words, passages=total, **case)
        order, _, _ = sort(flow, n, judge)
        assert order == echo(n, relevance, prefers, query=query, words=words, total=total, **case), seed


class Asked(Simulated):
    """Keeps what it is asked."""

    def generate(self, prompts, *, max_tokens):
        self.heard = [*getattr(self, "heard", []), *prompts]
        return super().generate(prompts, max_tokens=max_tokens)


def long_run(n, *, words=100):
    documents = [Document(f"d{i}", " ".join(["word"] * words)) for i in range(n)]
    return Run([Ranking(Query("q", "what is it"), documents, range(n, 0, -1))])


def test_the_expensive_model_says_yes_or_no_and_the_cheap_one_compares():
    grades = {"q": {f"d{i}": int(i in (10, 49)) for i in range(60)}}
    expensive, cheap = Asked(grades), Asked(grades)
    after = made("ecorank", expensive, cheap=cheap)(long_run(60))
    counts = after.reports[-1].counts
    assert len(expensive.heard) == 2000 // 116 == 17
    assert len(cheap.heard) == 6000 // 230 == 26
    assert counts["asked"] == counts["passes"] == 43
    assert all(prompt.plain.startswith("Is the following passage related") for prompt in expensive.heard)
    assert all(prompt.plain.startswith('Given a query "what is it"') for prompt in cheap.heard)
    assert after[0].ids[0] == "d10"
    assert after[0].ids.index("d49") == 23  # 33 before the passes, which end there; of equals, this judge takes A
    assert after[0].ids[50:] == [f"d{i}" for i in range(50, 60)]


def test_one_model_may_do_both():
    reranker = made("ecorank", Simulated({}))
    assert reranker.models == [reranker.llm]
    counts = reranker(long_run(60)).reports[-1].counts
    assert counts["asked"] == 43
    assert not [name for name in counts if " of " in name]


def test_a_reply_that_says_neither_yes_nor_no_leaves_the_document_among_the_relevant():
    class Mute(Simulated):
        def generate(self, prompts, *, max_tokens):
            return [Reply("hm") for _ in prompts]

    after = made("ecorank", Mute({}))(long_run(20))
    counts = after.reports[-1].counts
    assert after[0].ids == [f"d{i}" for i in range(20)]
    assert counts["unreadable"] == counts["asked"]


@pytest.mark.parametrize(("reply", "score"), [("Yes", 1), ("YES.", 1), (" no", 0), ("<think>no</think> yes", 1)])
def test_yes_and_no_are_read_wherever_they_stand(reply, score):
    class Says(Simulated):
        def generate(self, prompts, *, max_tokens):
            return [Reply(reply, 7, 2) for _ in prompts]

    [judgment] = YesNo(Says({}), template("ecorank-relevance"))([Question(Query("q", "a"), [Document("d", "b")])])
    assert judgment.scores == (score,)
    assert (judgment.counts["asked"], judgment.counts["prompt_tokens"], judgment.counts["unreadable"]) == (1, 7, 0)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tourrank", {"tournaments": 0}, "tournaments=0"),
        ("tdpart", {"k": 20}, "k=20 and window=20"),
        ("tdpart", {"k": 0}, "best 0"),
        ("tdpart", {"budget": 0}, "budget=0"),
        ("tdpart", {"shuffles": 0}, "shuffles=0"),
        ("tdpart", {"scoring": "likelihood", "prompt": "rankzephyr"}, "prompt=rankzephyr"),
        ("tdpart", {"scoring": "likelihood", "window": 30}, "letters A to Z"),
        ("ecorank", {"budget": 0}, "budget=0"),
        ("ecorank", {"split": 1.5}, "split=1.5"),
        ("ecorank", {"passages": 0}, "passages=0"),
        ("yes-no", {"transitive": True}, "transitive=True"),
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_asked(name, options, message):
    with pytest.raises(BadInput, match=message):
        made(name, **options)


def test_an_unknown_scoring_has_near_names():
    with pytest.raises(UnknownName, match="did you mean 'likelihood'"):
        made("tdpart", scoring="likelyhood")


# What follows from earlier answers

SORTS = {
    "heapsort": heapsort,
    "heapsort-9": partial(heapsort, children=9),
    "bubblesort": bubblesort,
    "bubblesort-published": partial(bubblesort, published=True),
    "insertion": insertion,
    "pairwise-bubblesort": pairwise_bubblesort,
    "pairwise-heapsort": pairwise_heapsort,
    "windows": sliding_window,
    "windows-three-times": partial(sliding_window, passes=3),
    "windows-apart": partial(sliding_window, window=4, step=4, passes=3),
    "partitions": top_down,
    "partitions-budget": partial(top_down, budget=20),
}
SAVE = {"bubblesort": 0.8, "pairwise-bubblesort": 0.8, "pairwise-heapsort": 0.95, "windows-three-times": 0.85}


def naming_the_best(judge):
    """The same judge, who says nothing of the others."""
    return lambda group: [float(score == max(judge(group))) for score in judge(group)]


@pytest.mark.parametrize("name", SORTS)
@pytest.mark.parametrize("n", [0, 1, 2, 9, 25, 60])
def test_questions_that_need_not_be_asked_change_nothing_for_a_consistent_judge(name, n):
    best = "heapsort" in name or "bubblesort" in name or name == "insertion"
    for seed in range(5):
        judge = by(shuffled(n, seed))
        judge = naming_the_best(judge) if best and "pair" not in name else judge
        order, _, asked = sort(SORTS[name], n, judge)
        same, _, fewer = sort(partial(inferring, SORTS[name], best=best), n, judge)
        assert same == order
        assert len(fewer) <= len(asked)
        assert len({frozenset(group) for group in fewer}) == len(fewer)  # nothing is asked twice


@pytest.mark.parametrize("name", SAVE)
def test_they_are_many(name):
    took = [0, 0]
    for seed in range(5):
        judge = by([-(p + random.Random(f"{seed} {p}").gauss(0, 15)) for p in range(100)])  # a good first stage
        judge = naming_the_best(judge) if name == "bubblesort" else judge
        took[0] += len(sort(SORTS[name], 100, judge)[2])
        took[1] += len(sort(partial(inferring, SORTS[name], best=True), 100, judge)[2])
    assert took[1] < SAVE[name] * took[0]


@pytest.mark.parametrize("name", SORTS)
@given(data=st.data(), n=st.integers(0, 30), best=st.booleans())
def test_whatever_the_judge_says_the_order_stays_a_permutation_and_may_be_stopped(name, data, n, best):
    answers = random.Random(data.draw(st.integers(0, 1000)))
    order = list(range(n))
    flow = inferring(SORTS[name], order, best=best)
    groups = next(flow, None)
    for _ in range(data.draw(st.integers(0, 50))):
        if groups is None:
            break
        replies = [[answers.choice([0.0, 0.5, 1.0]) for _ in group] for group in groups]
        groups = advanced(flow, [None if answers.random() < 0.1 else reply for reply in replies])
        assert sorted(order) == list(range(n))
    flow.close()
    assert sorted(order) == list(range(n))


def heard(rounds, say, **options):
    """What is asked of the rounds of a flow, and what the flow is told."""
    asked, told = [], []

    def flow(order):
        for groups in rounds:
            scores = yield groups
            told.append([list(own) for own in scores])

    one = inferring(flow, [0, 1, 2], **options)
    groups = next(one)
    while groups is not None:
        asked += groups
        groups = advanced(one, [say(group) for group in groups])
    return asked, told


def test_what_follows_is_told_and_not_asked():
    rounds = [[[0, 1]], [[1, 2], [2, 1]], [[0, 2], [2, 0]], [[2, 0, 1]]]
    asked, told = heard(rounds, lambda group: [-float(position) for position in group])
    assert asked == [[0, 1], [1, 2], [2, 1]]
    assert told[2:] == [[[1, 0], [0, 1]], [[0, 2, 1]]]


def test_the_best_of_a_group_may_be_known_where_its_order_is_not():
    rounds = [[[0, 1, 2]], [[2, 0, 1]]]
    assert len(heard(rounds, lambda _: [1.0, 0.0, 0.0], best=False)[0]) == 2
    asked, told = heard(rounds, lambda _: [1.0, 0.0, 0.0], best=True)
    assert asked == [[0, 1, 2]]
    assert told[1] == [[0, 1, 0]]


@pytest.mark.parametrize("best", [True, False])
def test_what_was_said_both_ways_is_known_neither_way(best):
    rounds = [[[0, 1], [1, 0]], [[0, 1]], [[1, 0]]]
    assert len(heard(rounds, lambda _: [1.0, 0.0], best=best)[0]) == 4
    assert len(heard(rounds, lambda _: [0.5, 0.5], best=best)[0]) == 4  # and equal scores say nothing


def test_a_pass_that_changes_nothing_is_the_last():
    grades = list(range(100))[::-1]
    assert len(sort(partial(sliding_window, passes=5), 100, by(grades))[2]) == 9
    assert len(sort(partial(sliding_window, passes=5), 100, by(shuffled(100)))[2]) == 45


@pytest.mark.parametrize(
    ("name", "options"), [("setwise", {"method": "bubblesort"}), ("prp", {}), ("first", {"passes": 3})]
)
def test_left_out_questions_are_not_counted_and_the_best_ten_stay(name, options):
    run, grades = graded([80, 40])
    whole, fewer = (made(name, Simulated(grades), transitive=t, **options)(run) for t in (False, True))
    assert [r.ids[:10] for r in whole] == [r.ids[:10] for r in fewer]
    assert fewer.reports[-1].counts["asked"] < whole.reports[-1].counts["asked"]
