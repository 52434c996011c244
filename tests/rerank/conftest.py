"""What tests of API rerankers share: each provider in turn, and a server that answers as it does."""

import pytest

from tests.rerank_server import SHAPES, judged


@pytest.fixture(params=SHAPES)
def provider(request):
    return request.param


@pytest.fixture
def served(serving, provider):
    return serving(judged(provider))
