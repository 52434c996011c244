"""In-context re-ranking: scores equal to those made by hand of whole attention; what is asked, shown and counted."""

import numpy as np
import pytest
import torch

import rankify
from rankify import catalog, registry
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.hf_format import Format
from rankify.llm.simulated import Simulated
from rankify.prompts.template import template
from rankify.rerank.llm.judge import Question
from rankify.rerank.llm.judges.in_context import SCORINGS, InContext, kept
from rankify.rerank.llm.recipes.in_context import icr
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.llm import test_hf_families as families
from tests.llm.test_hf_self_attention import Whole
from tests.rerank.llm.rankings import graded, ideal

WORDS = ["neural", "networks", "rank", "documents", "the", "cat", "a", "dog", "jumps", "over", "fox", "what", "is"]
SEARCH = "Please find information that are relevant to the following query in the paragraphs above."
QA = "Please answer the following question based on the information in the paragraphs above."
CHATS = {
    "llama": ("[INST] ", "[/INST]"),  # as the code of the paper has it for Mistral
    "mistral": ("[INST] ", " [/INST]"),
    "qwen2": ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
}


def documents(sizes, *, start=0):
    found = [" ".join(WORDS[(start + 5 * n + i * i) % len(WORDS)] for i in range(s)) for n, s in enumerate(sizes)]
    return [Document(f"d{n}", text, "the title" if n % 2 else "") for n, text in enumerate(found)]


def run_of(*sizes, queries=("what is the cat", "dogs?", "a neural network")):
    return Run(
        Ranking(Query(f"q{n}", queries[n]), documents(own, start=n), range(len(own), 0, -1))
        for n, own in enumerate(sizes)
    )


RUN = run_of([20, 30, 8, 25, 1], [40, 6], [12, 12, 12])


@pytest.fixture(scope="module", params=CHATS)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def folder(family, tmp_path_factory):
    return getattr(tiny_llm, family)(tmp_path_factory.mktemp(family), max_position_embeddings=2048)


def options(family):
    return {"template": "[INST] {user}[/INST]"} if family == "llama" else {}


class ByHand:
    """The published scores of one query, from the whole attention of each prompt; nothing of the toolkit."""

    def __init__(self, folder, family):
        self.whole, self.family = Whole(folder), family

    def tokens(self, query, texts, *, last=False, separator="\n\n", late=SEARCH):
        """The attention of each token of each document, the first shown first."""
        before, behind = CHATS[self.family]
        text, places = f"{before}Here are some paragraphs:", []
        for number, document in enumerate(texts):
            text += separator
            places.append((len(text), len(text) + len(f"[{number + 1}] {document}")))
            text += f"[{number + 1}] {document}"
        asked = len(text) + len(separator)
        text += f"{separator}{late}{separator}Query: {query}{behind}"
        plain = self.whole.plain
        added = self.family != "qwen2"  # whose tokenizer puts nothing before a text
        found = plain.tokenizer(text, return_offsets_mapping=True, add_special_tokens=added)
        with torch.no_grad():
            layers = plain.network(torch.tensor([found.input_ids]), output_attentions=True).attentions
        ends = [end for _, end in found.offset_mapping]
        start = len(ends) - 1 if last else next(i for i, end in enumerate(ends) if end > asked)
        weights = torch.stack([layer[0, :, start:].mean(1).sum(0) for layer in layers]).sum(0)
        inside = [
            [i for i, (a, b) in enumerate(found.offset_mapping) if a < end and b > begin and b > a]
            for begin, end in places
        ]
        return [weights[ids] for ids in inside], len(ends), len(ends) - start

    def scores(self, query, texts, scoring, **how):
        last = scoring in ("calibrated-last", "attention-sorting")
        asked, _, _ = self.tokens(query, texts, last=last, **how)
        if scoring in ("uncalibrated", "attention-sorting"):
            return [float(own.sum()) for own in asked]
        bias, _, _ = self.tokens("N/A", texts, last=last, **how)
        if scoring == "bias":
            return [float(own.sum()) for own in bias]
        differences = [one - other for one, other in zip(asked, bias, strict=True)]
        if scoring == "calibrated-last":
            return [float(own.sum()) for own in differences]
        return [float(own[own > own.mean() - 2 * own.std()].sum()) for own in differences]


def shown(documents):
    """The documents' texts as they stand in the prompt, in the order in which they do."""
    return [f"{d.title}\n{d.text}".strip() for d in documents]


def judgments(reranker, run):
    return reranker.plan.judge([Question(ranking.query, list(ranking.documents)) for ranking in run])


@pytest.mark.parametrize("share", [True, False])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_scores_are_those_of_the_whole_attention(folder, family, scoring, share):
    reranker = icr(folder, scoring=scoring, device="cpu", share_prefix=share, **options(family))
    hand = ByHand(folder, family)
    for ranking, judgment in zip(RUN, judgments(reranker, RUN), strict=True):
        right = hand.scores(ranking.query.text, shown(ranking.documents)[::-1], scoring)[::-1]
        assert np.allclose(judgment.scores, right, rtol=1e-4, atol=1e-4 * max(map(abs, right)))


@pytest.mark.parametrize(
    ("more", "how"),
    [
        ({"task": "qa"}, {"late": QA}),
        ({"prompt": "icr-llama"}, {"separator": " \n\n"}),
        ({"prompt": "icr-llama", "task": "qa"}, {"separator": " \n\n", "late": QA}),
    ],
)
def test_the_task_and_the_line_breaks_are_those_of_the_published_prompts(folder, family, more, how):
    reranker = icr(folder, device="cpu", **more, **options(family))
    hand = ByHand(folder, family)
    for ranking, judgment in zip(RUN, judgments(reranker, RUN), strict=True):
        right = hand.scores(ranking.query.text, shown(ranking.documents)[::-1], "masked", **how)[::-1]
        assert np.allclose(judgment.scores, right, rtol=1e-4, atol=1e-4 * max(map(abs, right)))


def test_the_given_order_puts_the_best_document_first(folder, family):
    reranker = icr(folder, order="given", device="cpu", **options(family))
    hand = ByHand(folder, family)
    for ranking, judgment in zip(RUN, judgments(reranker, RUN), strict=True):
        right = hand.scores(ranking.query.text, shown(ranking.documents), "masked")
        assert np.allclose(judgment.scores, right, rtol=1e-4, atol=1e-4 * max(map(abs, right)))


@pytest.mark.parametrize("scoring", SCORINGS)
def test_the_ranking_is_that_of_the_scores_alone_and_in_company(folder, family, scoring):
    reranker = icr(folder, scoring=scoring, device="cpu", **options(family))
    together = reranker(RUN)
    alone = [reranker(Run([ranking]))[0] for ranking in RUN]
    assert [r.ids for r in together] == [r.ids for r in alone]
    hand = ByHand(folder, family)
    for before, after in zip(RUN, together, strict=True):
        scores = hand.scores(before.query.text, shown(before.documents)[::-1], scoring)[::-1]
        assert after.ids == [before.ids[place] for place in sorted(range(len(before)), key=lambda p: -scores[p])]


def test_a_query_takes_two_passes_and_every_token_is_counted_once(folder, family):
    reranked = icr(folder, device="cpu", **options(family))(RUN)
    counts, hand, right = reranked.reports[-1].counts, ByHand(folder, family), 0
    for ranking in RUN:
        texts = shown(ranking.documents)[::-1]
        _, whole, _ = hand.tokens("N/A", texts)
        _, _, behind = hand.tokens(ranking.query.text, texts)
        right += whole + behind
    assert counts["asked"] == counts["passes"] == 2 * len(RUN)
    assert counts["prompt_tokens"] == right
    assert counts["generated_tokens"] == counts["unreadable"] == counts["truncated"] == 0


def test_what_is_counted_alone_is_counted_in_company(folder, family):
    reranker = icr(folder, device="cpu", **options(family))
    together = reranker(RUN).reports[-1].counts
    alone = [reranker(Run([ranking])).reports[-1].counts for ranking in RUN]
    for name in ("asked", "passes", "prompt_tokens", "truncated"):
        assert together[name] == sum(own[name] for own in alone)


def test_without_calibration_a_query_is_one_prompt_in_two_passes(folder, family):
    counts = icr(folder, scoring="uncalibrated", device="cpu", **options(family))(RUN).reports[-1].counts
    assert (counts["asked"], counts["passes"]) == (len(RUN), 2 * len(RUN))


def test_documents_longer_than_the_model_reads_are_cut_alike_with_and_without_the_query(folder, family):
    run = run_of([200, 150, 90, 160], [30, 20], queries=("N", "what is the query " * 8))
    reranker = icr(folder, device="cpu", max_length=400, **options(family))
    together = reranker(run)
    assert together.reports[-1].counts["truncated"] == 4
    alone = [icr(folder, device="cpu", max_length=400, **options(family))(Run([r]))[0] for r in run]
    assert [r.ids for r in together] == [r.ids for r in alone]


def test_replies_that_are_remembered_are_not_asked_again(folder, tmp_path):
    def rerank(scoring):
        llm = Cached(HF(folder, device="cpu"), folder=str(tmp_path))
        reranked = icr(llm, scoring=scoring)(RUN)
        return [r.ids for r in reranked], reranked.reports[-1].counts

    first, _ = rerank("masked")
    again, counts = rerank("masked")
    assert again == first
    assert counts["cached"] == counts["asked"] == 6
    _, counts = rerank("uncalibrated")
    assert counts["cached"] == counts["asked"] == 3
    _, counts = rerank("attention-sorting")  # only the last token looks: another question
    assert counts.get("cached", 0) == 0


class Listening(Simulated):
    """Keeps what it is asked."""

    def __init__(self, grades, **errors):
        super().__init__(grades, **errors)
        self.heard = []

    def attend(self, prompts, *, max_tokens=1, last=False):
        self.heard.append((list(prompts), last))
        return super().attend(prompts, max_tokens=max_tokens, last=last)


def heard(run, **options):
    llm = Listening({})
    reranked = icr(llm, **options)(run)
    [(prompts, last)] = llm.heard
    return prompts, last, reranked.reports[-1].counts


def test_without_the_query_the_prompt_says_no_query_and_is_else_the_same():
    prompts, _, _ = heard(RUN)
    for (without, asked), ranking in zip(zip(prompts[::2], prompts[1::2], strict=True), RUN, strict=True):
        assert without.plain == asked.plain.removesuffix(ranking.query.text) + "N/A"
        assert without.spans == asked.spans
        assert (without.shown.query, asked.shown.query) == ("", ranking.query.id)
        assert without.shown.documents == asked.shown.documents == tuple(ranking.ids[::-1])


def test_a_document_is_its_label_its_title_and_its_text():
    [prompt, _], _, _ = heard(run_of([3, 2]))
    one, two = run_of([3, 2])[0].documents
    texts = [prompt.plain[start:end] for start, end in prompt.spans]
    assert texts == [f"[1] the title\n{two.text}", f"[2] {one.text}"]


@pytest.mark.parametrize(
    ("scoring", "asks", "last"),
    [
        ("masked", 2, False),
        ("calibrated-last", 2, True),
        ("uncalibrated", 1, False),
        ("attention-sorting", 1, True),
        ("bias", 1, False),
    ],
)
def test_each_scoring_asks_what_the_published_one_asks(scoring, asks, last):
    prompts, looked, counts = heard(run_of([3, 2]), scoring=scoring)
    assert (len(prompts), looked, counts["asked"]) == (asks, last, asks)
    assert prompts[0].plain.endswith("Query: N/A") == (scoring not in ("uncalibrated", "attention-sorting"))
    assert prompts[-1].plain.endswith("Query: what is the cat") == (scoring != "bias")


def test_texts_have_300_words_as_blanks_part_them_and_their_title():
    long = Document("d", " ".join(f"w{n}" for n in range(400)) + "\nlast", "two words")
    lines = Document("e", "one\ntwo  three")
    run = Run([Ranking(Query("q", "cat"), [long, lines], [2, 1])])
    [prompt, _], _, counts = heard(run)
    texts = [prompt.plain[start:end] for start, end in prompt.spans]
    assert texts[1] == "[2] two words\n" + " ".join(f"w{n}" for n in range(300))
    assert texts[0] == "[1] one\ntwo  three"
    assert counts["truncated"] == 1
    [prompt, _], _, counts = heard(run, words=None)
    assert prompt.plain[slice(*prompt.spans[1])].endswith("w399\nlast")
    assert counts["truncated"] == 0


def test_labels_in_texts_are_none():
    run = Run([Ranking(Query("q", "see [2]"), [Document("a", "[1] first [ 2 ]"), Document("b", "[7]")], [2, 1])])
    [_, prompt], _, _ = heard(run)
    assert [prompt.plain[start:end] for start, end in prompt.spans] == ["[1] (7)", "[2] (1) first (2)"]
    assert prompt.plain.endswith("Query: see (2)")


def test_what_is_looked_at_whatever_is_asked_is_taken_away():
    run, grades = graded([20, 30], seed=3)
    judge = Simulated(grades, position_bias=0.9)
    for before, after in zip(run, icr(judge)(run), strict=True):
        assert after.ids[:10] == ideal(before, grades)
    for before, after in zip(run, icr(judge, scoring="uncalibrated", order="given")(run), strict=True):
        assert after.ids[:10] != ideal(before, grades)


def test_the_bias_of_a_perfect_judge_is_none():
    run, grades = graded([20])
    assert icr(Simulated(grades), scoring="bias")(run)[0].ids == run[0].ids


@pytest.mark.parametrize("window", [None, 20])
def test_all_documents_are_one_question_and_windows_are_several(window):
    run, grades = graded([0, 1, 2, 95])
    counts = icr(Simulated(grades), window=window)(run).reports[-1].counts
    assert counts["asked"] == 2 * (2 if window is None else 1 + 9)
    assert icr.calls(100) == 2


def test_a_window_moves_by_half_of_it_if_nothing_is_said():
    run, grades = graded([40])
    for step, asked in ((None, 2 * 3), (5, 2 * 5)):
        assert icr(Simulated(grades), window=20, step=step)(run).reports[-1].counts["asked"] == asked


@pytest.mark.parametrize("n", [1, 2, 3, 50])
def test_the_mask_is_the_published_one(n):
    tokens = torch.randn(n, generator=torch.Generator().manual_seed(n), dtype=torch.float64) ** 3
    right = tokens if n == 1 else tokens[tokens > tokens.mean() - 2 * tokens.std()]
    assert kept(tokens.numpy()).tolist() == right.tolist()


def test_the_mask_leaves_out_what_is_far_below_and_keeps_what_is_far_above():
    tokens = np.array([0.0] * 20 + [-5.0, 5.0])
    assert kept(tokens).tolist() == [0.0] * 20 + [5.0]
    assert kept(np.array([])).tolist() == []


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"scoring": "maskd"}, UnknownName, "did you mean 'masked'"),
        ({"order": "reverse"}, UnknownName, "did you mean 'reversed'"),
        ({"task": "seach"}, UnknownName, "did you mean 'search'"),
        ({"prompt": "icr-lama"}, UnknownName, "did you mean 'icr-llama'"),
        ({"prompt": "rankgpt"}, UnknownName, "no prompt of icr 'rankgpt'"),
        ({"words": 0}, Misuse, "words=0"),
        ({"step": 5}, Misuse, "step=5 without a window"),
        ({"window": 20, "step": 0}, Misuse, "window=20 and step=0"),
        ({"window": 20, "step": 21}, Misuse, "window=20 and step=21"),
        ({"window": 1}, Misuse, "window=1"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_built(given, error, message):
    with pytest.raises(error, match=message):
        icr(Simulated({}), **given)


def test_models_that_cannot_be_looked_into_are_refused_when_it_is_built(tmp_path):
    with pytest.raises(Misuse, match="needs a backend that can attend"):
        icr("http:gpt-4o-mini", base_url="http://localhost:1/v1")
    with pytest.raises(Misuse, match="needs a backend that can attend"):
        icr(families.made("FalconH1", tmp_path / "hybrid"), device="cpu")
    with pytest.raises(Misuse, match="is an encoder-decoder"):
        icr(tiny_llm.t5(tmp_path / "t5"), device="cpu")


def test_a_budget_counts_both_prompts():
    run, grades = graded([95])
    reranked = icr(Simulated(grades), window=20, max_calls=5)(run)
    assert reranked.reports[-1].counts["asked"] == 4
    assert reranked.reports[-1].counts["stopped"] == 1


PUBLISHED = {
    "meta-llama/Llama-3.1-8B-Instruct": (
        " \n\n",
        "<|start_header_id|>user<|end_header_id|> Here are some paragraphs:",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
    ),
    "mistralai/Mistral-7B-Instruct-v0.2": ("\n\n", "[INST] Here are some paragraphs:", "[/INST]"),
}


@pytest.mark.parametrize("id", PUBLISHED)
def test_the_catalogue_makes_the_published_prompt(id):
    spec = registry.resolve("reranker", id)
    assert spec.name == "icr"
    separator, before, behind = PUBLISHED[id]
    judge = InContext(Listening({}), template(spec.options.get("prompt", "icr")), scoring=SCORINGS["masked"])
    judge([Question(Query("q", "a query"), [Document("1", "one", "title"), Document("2", "two")])])
    [([_, prompt], _)] = judge.llm.heard
    parts = [before, "[1] two", "[2] title\none", SEARCH, f"Query: a query{behind}"]
    assert Format(tiny_llm.sentencepiece(), template=spec.options["template"]).text(prompt) == separator.join(parts)


def test_every_entry_of_the_catalogue_for_icr_is_tested_here():
    assert {id for id, entry in catalog.models().items() if entry.get("reranker", "").startswith("icr:")} == {
        *PUBLISHED
    }


def test_a_spec_says_it_all(folder):
    found = rankify.reranker(f"icr:{folder}?task=qa&window=10&device=cpu")
    assert registry.load("reranker", repr(found)) == found
    assert found.options == {"task": "qa", "window": 10}
