"""A question is asked in the same words and limits whatever else is asked with it, so nothing is asked twice."""

import pytest

from rankify import registry
from rankify.documents import Document
from rankify.llm.cached import Cached
from rankify.llm.hf import HF
from rankify.llm.simulated import Simulated
from rankify.types import Query, Ranking, Run
from tests import tiny_llm
from tests.rerank.llm.rankings import graded
from tests.rerank.llm.speaking import speaking
from tests.rerank.llm.test_recipes import SPELLED, VARIANTS

WORDS = ["neural", "networks", "rank", "documents", "the", "cat", "a", "dog", "jumps", "over", "fox", "what", "is"]


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=SPELLED)
def test_what_was_asked_alone_is_remembered_in_company(name, options, tmp_path):
    run, grades = graded([3, 25, 9, 60])

    def rerank(some):
        llm = Cached(Simulated(grades), folder=tmp_path)
        ranked = registry.find("reranker", name)(llm, **options)(some)
        return ranked, ranked.reports[-1].counts

    alone = [rerank(Run([ranking])) for ranking in run]
    together, counts = rerank(run)
    assert [r.ids for ranked, _ in alone for r in ranked] == [r.ids for r in together]
    assert counts["cached"] == counts["asked"] == sum(own["asked"] for _, own in alone)
    assert counts["passes"] == counts["prompt_tokens"] == counts["generated_tokens"] == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model with so short a context that some prompts are cut and others are not."""
    return tiny_llm.qwen2(tmp_path_factory.mktemp("qwen2"))


@pytest.mark.parametrize("name", ["rankgpt", "first", "setwise", "qlm", "yes-no"])
def test_prompts_that_are_cut_are_cut_as_if_they_were_alone(name, folder, tmp_path):
    rankings = []
    for number, (query, size, words) in enumerate([("cat", 2, 3), ("what is the query " * 6, 4, 60), ("dog", 3, 200)]):
        documents = [Document(str(n), " ".join(WORDS[(n + i) % len(WORDS)] for i in range(words))) for n in range(size)]
        rankings.append(Ranking(Query(f"q{number}", query), documents, range(size, 0, -1)))
    make = registry.find("reranker", name)
    hf = HF(folder, device="cpu", max_length=480)
    alone = [make(Cached(hf, folder=str(tmp_path)))(Run([ranking])) for ranking in rankings]
    together = make(Cached(hf, folder=str(tmp_path)))(Run(rankings))
    assert [r.ids for run in alone for r in run] == [r.ids for r in together]
    assert sum(run.reports[-1].counts["truncated"] for run in alone) > 0
    assert together.reports[-1].counts["cached"] == together.reports[-1].counts["asked"]


def test_windows_of_many_queries_are_read_in_the_passes_that_one_at_a_time_takes(tmp_path):
    """On a processor long prompts gain nothing by company, so that they are not slower in it either."""
    model = speaking(tmp_path)
    documents = [Document(str(n), " ".join(WORDS[(n * i) % len(WORDS)] for i in range(40))) for n in range(1, 21)]
    run = Run(Ranking(Query(str(n), word), documents, range(20, 0, -1)) for n, word in enumerate(WORDS[:5]))

    def passes(**options):
        llm = HF(model, device="cpu", **options)
        taken, network = [], llm._network
        read = network.passed

        def noted(rows, beginning, *, remember):
            taken.append(([len(row) for row in rows], beginning.length, remember))
            return read(rows, beginning, remember=remember)

        network.passed = noted
        return registry.find("reranker", "first")(llm)(run), taken

    (together, company), (alone, one_by_one) = passes(), passes(batch_tokens=1, share_prefix=False)
    assert company == one_by_one
    assert all(len(lengths) == 1 and lengths[0] > 512 for lengths, *_ in company)
    assert [r.ids for r in together] == [r.ids for r in alone]
