"""The catalogue of models that are asked over the network: every entry is read, and every field is used."""

import re

import pytest

from rankify import catalog, registry
from rankify.encoders.provider import Provider, check_dimensions, known
from rankify.errors import Misuse

REMOTE = {id: entry for id, entry in catalog.models().items() if "remote" in entry}
FIELDS = {"dimension", "dimensions", "max_length", "query_type", "document_type", "price", "priced"}


@pytest.fixture(params=REMOTE)
def id(request):
    return request.param


def test_the_id_is_its_providers_name_and_its_own(id):
    provider, _, model = id.partition("/")
    assert REMOTE[id]["encoder"] == f"{provider}:{model}"
    assert REMOTE[id]["retriever"] == f"dense:{provider}:{model}"
    assert REMOTE[id]["reranker"] == f"embedding:{provider}:{model}"
    assert known(provider, model) == REMOTE[id]["remote"]
    assert Provider.named(provider).base_url


def test_an_encoder_of_it_asks_nobody_for_its_dimension(id, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    encoder = registry.load("encoder", id)
    assert encoder.dimension == REMOTE[id]["remote"]["dimension"]
    assert encoder.identity()["model"] == id.partition("/")[2]


def test_every_field_is_known(id):
    assert set(REMOTE[id]) == {"retriever", "reranker", "encoder", "remote", "licence", "source"}
    assert {"dimension", "max_length"} <= set(REMOTE[id]["remote"]) <= FIELDS
    assert REMOTE[id]["source"].startswith("https://")
    assert REMOTE[id]["licence"].endswith(" terms")


def test_a_price_has_the_month_for_which_it_was_said(id):
    said = REMOTE[id]["remote"]
    assert ("price" in said) == ("priced" in said)
    if "price" in said:
        assert 0 < said["price"] < 1
        assert re.fullmatch(r"20\d\d-\d\d", said["priced"])


def test_its_own_dimension_can_be_asked_for_and_none_cannot(id):
    check_dimensions(id, REMOTE[id]["remote"]["dimension"], REMOTE[id]["remote"])
    with pytest.raises(Misuse, match=f"dimensions=100000, and {id} has "):
        check_dimensions(id, 100_000, REMOTE[id]["remote"])
