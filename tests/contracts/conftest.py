"""How every registered name is built here: names that need a model get a tiny one."""

import pytest

from rankify import registry
from rankify.rerank.llm.recipe import Recipe
from tests.contracts.collections import corpus
from tests.elastic_server import ElasticStandIn
from tests.rerank_server import stand_in

MODELS = {
    "dense": ("tiny_bert", {"pooling": "mean"}),
    "sparse": ("tiny_mlm", {}),
    "embedding": ("tiny_bert", {"pooling": "mean"}),
    "late-interaction": ("tiny_bert", {}),
    "cross-encoder": ("tiny_cross_encoder", {}),
    "flashrank": ("flashrank_folder", {}),
    "pairrm": ("pairrm_folder", {"max_length": 32}),
    "layerwise": ("layerwise_folder", {"cutoff_layers": 3, "compress_ratio": 2, "compress_layers": "1"}),
    "jina-reranker-v3": ("jina_folder", {"query_length": 64, "document_length": 64}),
    "api": ("rerank_server", {}),
}
EXTRAS = {"lucene": "jnius_config", "flashrank": "onnxruntime", "dense?index=milvus": "milvus_lite"}


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    """A language model that prefers documents in the order of their ids, as a file of judgments."""
    path = tmp_path_factory.mktemp("simulated") / "qrels.txt"
    ids = [d.id for d in sorted(corpus(40), key=lambda d: d.id) if not set(d.id) & set(" \u202e")]
    lines = [f"q{q} 0 {id} {grade}" for q in range(10) for grade, id in enumerate(ids, 1)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return f"simulated:{path}"


@pytest.fixture(scope="session")
def layerwise_folder(tmp_path_factory):
    """The folder of a tiny lightweight reranker with random weights."""
    return pytest.importorskip("tests.tiny_layerwise").gemma(tmp_path_factory.mktemp("models") / "tiny-layerwise")


@pytest.fixture(scope="session")
def jina_folder(tmp_path_factory):
    """The folder of a tiny jina-reranker-v3 with random weights."""
    return pytest.importorskip("tests.tiny_listwise").jina(tmp_path_factory.mktemp("models") / "tiny-jina")


@pytest.fixture(scope="session")
def elastic_url():
    """The address of a server that speaks Elasticsearch's interface."""
    stand_in = ElasticStandIn()
    yield stand_in.url
    stand_in.close()


@pytest.fixture(scope="session")
def rerank_server():
    """A provider, model and address for `api`: a server that is asked, and answers, as Cohere is and does."""
    server = stand_in("http")
    yield f"http:stand-in?base_url={server.url}"
    server.close()


@pytest.fixture(scope="session")
def milvus_file(tmp_path_factory):
    """A file of Milvus Lite, which stays open."""
    from rankify.indexes.milvus import Milvus

    uri = str(tmp_path_factory.mktemp("milvus") / "vectors.db")
    first = Milvus(uri, "first", 16)
    yield uri
    first.close()


@pytest.fixture(scope="session")
def pairrm_folder(tmp_path_factory):
    """The folder of a tiny PairRM with random weights."""
    from tests import tiny_pairs

    return tiny_pairs.pairrm(tmp_path_factory.mktemp("models") / "tiny-pairrm")[0]


@pytest.fixture(scope="session")
def flashrank_folder(tmp_path_factory):
    """The folder of a tiny network in ONNX's format, as FlashRank's zips hold one."""
    return pytest.importorskip("tests.tiny_onnx").folder(tmp_path_factory.mktemp("models") / "tiny-flashrank")


@pytest.fixture
def build(request):
    """build(kind, name, *arguments) gives the component of that name, or of a name with its index: dense?index=hnsw."""

    def make(kind, name, *arguments, **options):
        if name in EXTRAS:
            pytest.importorskip(EXTRAS[name], reason=f"{name} needs an extra that is not installed")
        name, _, index = name.partition("?index=")
        model, needed = MODELS.get(name, ("", {}))
        if index:
            place = {"milvus": "milvus_file", "elastic": "elastic_url"}.get(index)
            needed = {**needed, "index": index, **({"uri": request.getfixturevalue(place)} if place else {})}
        if name == "elastic":
            needed = {"url": request.getfixturevalue("elastic_url")}
        if isinstance(registry.find(kind, name), Recipe):
            model = "simulated"
        spec = f"{name}:{request.getfixturevalue(model)}" if model else name
        return registry.load(kind, spec, *arguments, **{**needed, **options})

    return make
