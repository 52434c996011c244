"""The catalogue of rerankers that are asked over the network: every entry is read, and every field is used."""

import re

import pytest

from rankify import catalog, registry
from rankify.rerank.api_providers import RerankProvider, known, providers

API = {id: entry for id, entry in catalog.models().items() if "api" in entry}
FIELDS = {"max_length", "listwise", "batch", "batch_tokens", "body", "price", "unit_price", "priced"}


@pytest.fixture(params=API)
def id(request):
    return request.param


def test_the_id_is_its_providers_name_and_its_own(id):
    provider, _, model = id.partition("/")
    assert API[id]["reranker"] == f"api:{provider}:{model}"
    assert known(provider, model) == API[id]["api"]
    assert RerankProvider.named(provider).base_url


def test_it_is_built_by_its_id_and_asks_nobody(id):
    made = registry.load("reranker", id)
    assert repr(made) == API[id]["reranker"]
    assert made.client.fixed["model"] == id.partition("/")[2]
    assert made.client.fixed.items() >= API[id]["api"].get("body", {}).items()


def test_every_field_is_known(id):
    said = API[id]["api"]
    assert set(API[id]) == {"reranker", "api", "licence", "source"}
    assert set(said) <= FIELDS
    assert API[id]["source"].startswith("https://")
    assert API[id]["licence"].endswith(" terms")
    assert said.get("max_length", 1) >= 1


def test_a_price_has_the_month_for_which_it_was_said(id):
    said = API[id]["api"]
    assert len({"price", "unit_price"} & set(said)) == ("priced" in said)
    if "priced" in said:
        assert re.fullmatch(r"20\d\d-\d\d", said["priced"])
        assert 0 < said.get("price", said.get("unit_price")) < 10


def test_a_unit_has_a_price_only_where_units_are_counted(id):
    if "unit_price" in API[id]["api"]:
        assert RerankProvider.named(id.partition("/")[0]).units


def test_its_limits_are_within_its_providers(id):
    provider, said = RerankProvider.named(id.partition("/")[0]), API[id]["api"]
    assert said.get("batch", 1) <= (provider.most or provider.batch)
    assert said.get("batch_tokens", 1) <= provider.batch_tokens


def test_every_provider_with_an_address_of_its_own_has_models():
    assert {id.partition("/")[0] for id in API} == {name for name in providers() if RerankProvider.named(name).base_url}


def test_the_fields_are_all_used():
    assert {field for entry in API.values() for field in entry["api"]} == FIELDS
