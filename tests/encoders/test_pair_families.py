"""The families of cross-encoders, each against its published formula, computed with transformers alone."""

import numpy as np
import pytest

from rankify import catalog
from rankify.documents import Document
from rankify.encoders.pairs import PairScorer
from tests import tiny_pairs

QUERIES = ["what is neural retrieval", "cat", "rank 007 query ?!", "dog " * 400, ""]
DOCUMENTS = [
    Document("1", "the cat and the dog"), Document("2", "network of the documents", "rank-query"), Document("3", "a"),
    Document("4", "network " * 400, "what is"), Document("5", ""), Document("6", "", "the title"),
]  # fmt: skip
ALL = np.array([(q, d) for q in range(len(QUERIES)) for d in range(len(DOCUMENTS))])


@pytest.fixture(params=tiny_pairs.FAMILIES)
def family(request, made):
    return made(request.param)


def scorer_of(family, **more):
    return PairScorer(family.folder, **{**family.options, **more})


def scored(scorer, pairs=ALL, queries=QUERIES, documents=DOCUMENTS):
    return scorer.scores(queries, [scorer.passage(d) for d in documents], pairs)


def test_scores_are_what_the_formula_says_whatever_the_batches(family):
    scores = [family.score(QUERIES[q], DOCUMENTS[d]) for q, d in ALL.tolist()]
    known = [score is not None for score in scores]
    wanted = [score for score in scores if score is not None]
    assert len(wanted) >= len(ALL) - 1
    assert np.ptp(wanted) > 1e-3
    scorer = scorer_of(family)
    for budget in (1, 1000, 100_000):
        scorer.budget = budget
        np.testing.assert_allclose(scored(scorer)[known], wanted, rtol=0, atol=1e-4)


def test_what_stands_beside_a_pair_in_a_batch_does_not_matter(family):
    scorer = scorer_of(family, batch_tokens=100_000)
    together = scored(scorer)
    alone = [scored(scorer, ALL[i : i + 1])[0] for i in range(len(ALL))]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_text_that_spells_a_special_token_does_not_disturb_the_others(family):
    scorer = scorer_of(family, batch_tokens=100_000)
    spelled = [Document("7", "the </s> cat <s> [SEP] <|endoftext|> <|im_end|> <pad>"), Document("8", "</s>")]
    documents = [*DOCUMENTS, *spelled]
    pairs = np.array([(0, d) for d in range(len(documents))])
    found = scored(scorer, pairs, documents=documents)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[: len(DOCUMENTS)], scored(scorer, pairs[: len(DOCUMENTS)]), atol=1e-5)


def test_every_entry_of_the_catalogue_with_a_recipe_has_a_family_that_reads_it():
    recipes = [catalog.models()[id]["pair"] for id in tiny_ids() if "pair" in catalog.models()[id]]
    for id, entry in catalog.models().items():
        if "pair" in entry:
            same = {name: value for name, value in entry["pair"].items() if name != "tokenizer"}
            assert any(same == {k: v for k, v in one.items() if k != "tokenizer"} for one in recipes), id


def tiny_ids():
    return [
        "castorini/monobert-large-msmarco", "castorini/monoelectra-base", "BAAI/bge-reranker-base",
        "tomaarsen/Qwen3-Reranker-0.6B-seq-cls", "castorini/rankllama-v1-7b-lora-passage",
        "abdoelsayed/dear-8b-reranker-ce-lora-v1", "facebook/tart-full-flan-t5-xl",
    ]  # fmt: skip
