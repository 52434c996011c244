"""What every registered reranker promises holds of it over passages."""

from dataclasses import replace

import numpy as np
import pytest

from rankify import registry
from rankify.spec import Spec
from rankify.types import Ranking, Run
from tests.contracts.collections import corpus, run
from tests.contracts.test_rerankers import RERANKERS

WAYS = [{"by": "max"}, {"by": "sum", "best": 2}]
SIZES = [0, 1, 9]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A language model that knows documents and passages, as a file of judgments."""
    path = tmp_path_factory.mktemp("simulated") / "qrels.txt"
    ids = [d.id for d in sorted(corpus(40), key=lambda d: d.id) if not set(d.id) & set(" \u202e")]
    known = list(enumerate(ids, 1))
    lines = [f"q{q} 0 {id}{end} {grade}" for q in range(10) for grade, id in known for end in ("", "#0")]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return f"simulated:{path}"


@pytest.fixture(params=RERANKERS)
def inner(request, build):
    return build("reranker", request.param)


def over_passages(reranker, **options):
    return registry.load("aggregation", Spec("by-passages", options=options), reranker)


def test_no_document_is_lost_or_added_or_repeated(inner):
    before = run(SIZES)
    for way in WAYS:
        after = over_passages(inner, size=200, **way)(before)
        assert [r.query for r in after] == [r.query for r in before]
        assert [sorted(r.ids) for r in after] == [sorted(r.ids) for r in before]
        assert all(np.isfinite(r.scores).all() for r in after)


def test_documents_of_one_passage_are_ranked_as_they_are(inner):
    before = Run(
        Ranking(r.query, [replace(d, text=d.text.strip()) for d in r.documents], r.scores) for r in run([3, 12])
    )  # a passage begins and ends with a word
    whole = over_passages(inner, size=20_000)(before)
    for one, other in zip(whole, inner(before), strict=True):
        scores = dict(zip(other.ids, other.scores.tolist(), strict=True))
        assert [scores[id] for id in one.ids] == pytest.approx(one.scores.tolist(), abs=1e-5)


def test_an_empty_run(inner):
    assert len(over_passages(inner)(Run([]))) == 0
