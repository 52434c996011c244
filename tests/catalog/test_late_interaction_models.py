"""The catalogue's late-interaction models: what they say of their tokens is read, and agrees with their layout."""

import pytest

from rankify import catalog
from rankify.encoders.token_recipe import TokenRecipe
from tests import tiny_colbert

MODELS = {id: entry for id, entry in catalog.models().items() if "tokens" in entry}


def test_they_retrieve_and_rerank_by_late_interaction():
    assert len(MODELS) >= 4
    for id, entry in MODELS.items():
        assert entry["retriever"] == entry["reranker"] == f"late-interaction:{id}"


@pytest.mark.parametrize("id", MODELS)
def test_what_they_say_wins_over_the_files_and_leaves_the_rest_to_them(id, tmp_path):
    layout = "stanford" if "[unused0]" in MODELS[id]["tokens"].values() else "pylate"
    folder = getattr(tiny_colbert, layout)(tmp_path)
    own, found = TokenRecipe.of(folder, tmp_path, {}), TokenRecipe.of(id, tmp_path, {})
    said = MODELS[id]["tokens"]
    assert {name: getattr(found, name) for name in said} == said
    for name in set(TokenRecipe.__dataclass_fields__) - set(said):
        assert getattr(found, name) == getattr(own, name)
    assert found.projections
