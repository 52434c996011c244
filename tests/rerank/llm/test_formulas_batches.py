"""A score is the same in any company: alone, with many others of other lengths, in padded batches, behind a prefix."""

import pytest

from rankify.rerank.llm.judge import Question
from rankify.types import Ranking, Run
from tests.rerank.llm.formulas import FAMILIES, ranking, reranker, words

CAUSAL = ["qwen3-reranker", "mxbai-rerank-v2", "bge-reranker-v2-gemma", "first", "first?window=4&step=2"]
DECODING = ["monot5"]
ALONE = ["yes-no", "graded", "qlm", "upr", *CAUSAL[:3], *DECODING]
SHOWN = ["prp?scoring=likelihood", "setwise?scoring=likelihood", "first"]
RANKED = ["prp?scoring=likelihood&k=2", "setwise?scoring=likelihood&k=3", "first?window=4&step=2"]
BATCHES = {
    "as they come": "",
    "one by one": "batch_tokens=1&share_prefix=false",
    "one padded batch": "batch_tokens=1000000&share_prefix=false",
    "one batch behind what they share": "batch_tokens=1000000",
}
LONG = {"max_position_embeddings": 4096}
LENGTHS = [1, 45, 3, 90, 0, 17, 64, 5]
RUN = Run(
    ranking([words(n, 100 * number + n) for n in LENGTHS], words(size, number), id=f"q{number}")
    for number, size in enumerate((4, 20))
)
PAIRS = [(0, 1), (3, 4), (5, 2), (6, 7)]
SETS = [(0, 1, 2, 3), (4, 5), (6, 7, 1), (3, 0, 6, 5)]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request, tmp_path_factory):
    """(family, folder of a model with room for long prompts)."""
    more = {"t5": {}, "mistral": {"sliding_window": 64, **LONG}, "gemma2": {"sliding_window": 64, **LONG}}
    make = FAMILIES[request.param]
    return request.param, make(tmp_path_factory.mktemp(request.param), seed=1, **more.get(request.param, LONG))


def made(spec, model):
    """{batches: the reranker}, on models that the recipe is published for."""
    family, folder = model
    if spec in (CAUSAL if family == "t5" else DECODING):
        pytest.skip("published for the other kind of model")
    joined = f"{spec}&" if "?" in spec else f"{spec}?"
    return {name: reranker(f"{joined}{options}", folder) for name, options in BATCHES.items()}


def by_document(run):
    return {(r.query.id, id): score for r in run for id, score in zip(r.ids, r.scores.tolist(), strict=True)}


@pytest.mark.parametrize("spec", ALONE)
def test_a_documents_score_is_the_one_that_it_has_alone(spec, model):
    rerankers, right = made(spec, model), {}
    for before in RUN:
        for document in before.documents:
            right |= by_document(rerankers["one by one"](Run([Ranking(before.query, [document], [1])])))
    near = {key: pytest.approx(score, rel=1e-5, abs=1e-4) for key, score in right.items()}
    for rerank in rerankers.values():
        assert by_document(rerank(RUN)) == near
    assert len({round(score, 4) for score in right.values()}) >= 3


@pytest.mark.parametrize("spec", SHOWN)
def test_documents_that_are_shown_together_have_the_scores_that_they_have_without_other_questions(spec, model):
    rerankers = made(spec, model)
    groups = PAIRS if spec.startswith("prp") else SETS
    questions = [Question(r.query, [r.documents[place] for place in group]) for r in RUN for group in groups]
    right = [rerankers["one by one"].plan.judge([question])[0].scores for question in questions]
    for rerank in rerankers.values():
        for found, alone in zip(rerank.plan.judge(questions), right, strict=True):
            assert found.scores == pytest.approx(alone, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("spec", RANKED)
def test_a_query_is_ranked_as_it_is_without_other_queries(spec, model):
    rerankers = made(spec, model)
    right = [rerankers["one by one"](Run([before]))[0].ids for before in RUN]
    for rerank in rerankers.values():
        assert [ranked.ids for ranked in rerank(RUN)] == right
