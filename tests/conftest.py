"""What several tests share: the folder of public research data, when it is there."""

from pathlib import Path

import pytest

from tests.served import ELSEWHERE, Served

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared():
    """The folder of research data beside the repository; tests that need it are skipped without it."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"needs the research data in {SHARED.name}/data beside the repository")
    return SHARED / "data"


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Tests leave the user's cache folder alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RANKIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def serving(monkeypatch):
    """Starts servers that answer as a function says; nothing in the environment leads past them, and all end."""
    for name in ELSEWHERE:
        monkeypatch.delenv(name, raising=False)
    started = []

    def start(answer):
        started.append(Served(answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory):
    """The folder of a tiny BERT encoder with random weights; it needs to be told how to pool."""
    tiny = pytest.importorskip("tests.tiny")
    return tiny.tiny_bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_mlm(tmp_path_factory):
    """The folder of a tiny masked language model with random weights."""
    tiny_sparse = pytest.importorskip("tests.tiny_sparse")
    return tiny_sparse.mlm(tmp_path_factory.mktemp("models") / "tiny-mlm", initializer_range=0.2)


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory):
    """The folder of a tiny cross-encoder with random weights."""
    tiny = pytest.importorskip("tests.tiny")
    return tiny.tiny_cross_encoder(tmp_path_factory.mktemp("models") / "tiny-cross-encoder")
