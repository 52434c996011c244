"""The names of the earlier Rankify: each is a spec that could be built, or an error with a way out."""

import re
from collections import Counter

import pytest

import rankify
from rankify import catalog, registry
from rankify.catalog.aliases import ANY, Alias, aliases, hint, named
from rankify.corpus import Corpus
from rankify.datasets import named as dataset_named
from rankify.errors import UnknownName
from rankify.expressions import components

RETRIEVERS = [
    "bm25",
    "dpr-multi",
    "dpr-single",
    "bpr-single",
    "ance-multi",
    "bge",
    "contriever",
    "colbert",
    "hyde",
    "online",
    "diver-dense",
    "diver-bm25",
    "reasonir",
    "reason-embed",
    "bge-reasoner-embed",
    "unicoil",
    "unicoil-noexp",
    "splade-v2",
    "openai-embedding",
    "cohere-embedding",
    "voyage-embedding",
]
RERANKERS = {  # method -> its models there
    "upr": 12, "rankgpt-api": 6, "rankgpt": 7, "flashrank": 7, "monot5": 24, "rankt5": 3, "listt5": 2, "inranker": 3,
    "apiranker": 4, "transformer_ranker": 28, "llm_layerwise_ranker": 4, "first_ranker": 2, "lit5dist": 6,
    "lit5score": 3, "vicuna_reranker": 4, "zephyr_reranker": 1, "blender_reranker": 1, "splade_reranker": 1,
    "sentence_transformer_reranker": 12, "colbert_ranker": 9, "monobert": 1, "llm2vec": 5, "twolar": 2, "duot5": 3,
    "rankllama": 1, "dear_reranker": 4, "echorank": 2, "incontext_reranker": 3, "tart": 2, "prp": 5, "prp-api": 5,
    "rankgemma": 3, "rankmistral": 3,
}  # fmt: skip
READERS = [
    "zero-shot",
    "basic-rag",
    "chain-of-thought-rag",
    "self-consistency-rag",
    "react-rag",
    "in-context-ralm",
    "fid",
]
BACKENDS = ["openai", "huggingface", "vllm", "litellm", "fid"]
FILES = {"bm25": 98, "colbert": 36, "bge": 21, "dpr": 16, "contriever": 15, "ance": 9, "mss-dpr": 8, "mss": 7}
DESCRIBED = ("dense", "sparse")  # families whose models the catalogue describes
SELVES = re.compile(r"sentence-transformers/|nishimoto/contriever-sentencetransformer$")  # folders that say it all
WRITTEN = [alias for alias in aliases() if alias.kind != "dataset"]


def of_kind(kind):
    return [alias for alias in aliases() if alias.kind == kind]


def prepared(kind, spec):
    """Everything of loading a spec but the loading."""
    if "(" in spec:
        return components(spec)
    return registry.prepared(kind, spec, *([Corpus(())] if kind == "retriever" else []))


def test_every_method_and_every_model_has_an_entry():
    assert list(dict.fromkeys(alias.method for alias in of_kind("retriever"))) == RETRIEVERS
    assert Counter(alias.method for alias in of_kind("reranker")) == RERANKERS
    assert sum(RERANKERS.values()) == 178
    assert sorted(alias.method for alias in of_kind("reader")) == sorted(READERS)
    assert sorted(alias.method for alias in of_kind("llm")) == sorted(BACKENDS)


def test_every_file_of_questions_has_an_entry():
    found = of_kind("dataset")
    assert Counter(alias.model for alias in found) == FILES
    assert len({alias.method for alias in found}) == 107


@pytest.mark.parametrize("alias", WRITTEN, ids=lambda alias: f"{alias.kind} {alias.name}")
def test_it_is_a_spec_that_could_be_built_or_an_error_that_says_what_to_use(alias):
    assert bool(alias.spec) != bool(alias.error)
    if alias.error:
        assert len(alias.error) > 40
    elif alias.kind == "corpus":
        assert dataset_named(alias.spec) == alias.spec
    else:
        prepared(alias.kind, alias.spec.replace(ANY, "owner/name"))


SPEC = re.compile(
    r"\b(?:{}):[\w.-]+/[\w.-]*\w".format("|".join(registry.BUILTIN["reranker"] | registry.BUILTIN["retriever"]))
)


@pytest.mark.parametrize("alias", [a for a in WRITTEN if a.error], ids=lambda alias: f"{alias.kind} {alias.name}")
def test_a_spec_in_an_error_can_be_built_too(alias):
    for spec in SPEC.findall(alias.error):
        prepared(alias.kind, spec)


@pytest.mark.parametrize("alias", [a for a in WRITTEN if a.spec], ids=lambda alias: f"{alias.kind} {alias.name}")
def test_its_model_is_in_the_catalogue_where_that_has_to_say_how_it_runs_and_is_not_refused(alias):
    if alias.kind not in ("retriever", "reranker"):
        return
    found = components(alias.spec) if "(" in alias.spec else [(alias.kind, registry.resolve(alias.kind, alias.spec))]
    for kind, spec in found:
        entry = catalog.models().get(spec.model, {})
        assert "refused" not in entry
        encodes = registry.resolve("retriever", alias.spec).name in DESCRIBED if kind == "retriever" else False
        if encodes and ":" not in spec.model:
            assert entry or SELVES.match(spec.model), f"{spec.model} is not in the catalogue"


SPECIAL = ("monobert", "rankllama", "dear_reranker", "tart", "llm2vec", "llm_layerwise_ranker", "blender_reranker")


@pytest.mark.parametrize("alias", [a for a in WRITTEN if a.method in SPECIAL and a.spec], ids=lambda alias: alias.name)
def test_a_head_or_a_prompt_of_its_own_is_in_the_catalogue(alias):
    spec = registry.resolve("reranker", alias.spec)
    ids = {alias.spec, spec.model, *str(spec.options.get("adapter", "")).split(",")}
    assert ids & set(catalog.models())


@pytest.mark.parametrize("alias", of_kind("dataset"), ids=lambda alias: alias.name)
def test_a_dataset_is_a_collection_of_the_catalogue_or_a_file_to_download(alias):
    if alias.spec:
        assert dataset_named(alias.spec) == alias.spec
    else:
        assert "https://huggingface.co/datasets/abdoelsayed/reranking-datasets" in alias.error
        assert ("corpus=" in alias.error) == (alias.model in ("bm25", "colbert", "bge", "ance"))


@pytest.mark.parametrize(
    ("name", "specs"),
    [
        ("monot5:monot5-base-msmarco", ["monot5:castorini/monot5-base-msmarco"]),
        ("ance-multi:msmarco", ["dense:castorini/ance-msmarco-passage"]),
        ("zephyr_reranker", ["rankzephyr:castorini/rank_zephyr_7b_v1_full"]),
        ("huggingface:owner/name", ["hf:owner/name"]),
        ("huggingface", ["hf:{model}"]),
        ("basic-rag:http:gpt-4o-mini", ["basic:http:gpt-4o-mini"]),
        ("in-context-ralm:owner/name?dtype=bfloat16", ["in-context-ralm:owner/name?top=1&dtype=bfloat16"]),
        ("splade:splade-cocondenser", ["sparse:naver/splade-cocondenser-ensembledistil"]),
        ("dpr", ["dense:facebook/dpr-ctx_encoder-multiset-base"] * 2),
        ("reasonir", ["dense:reasonir/ReasonIR-8B"]),
        ("dl19", ["trec-dl-2019"]),
        ("fid", ["", ""]),
    ],
)
def test_a_name_finds_what_it_is_now(name, specs):
    assert [alias.spec for alias in named(name)] == specs


def test_a_note_of_a_method_is_said_of_its_models_and_their_own_wins():
    sliding, keyed = named("prp-api:gpt-4")[0], named("prp-api:llamav3.1-8b")[0]
    assert "method=allpairs" in sliding.note
    assert keyed.note == "the key is in TOGETHER_API_KEY"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("monot6", "no name of the earlier Rankify 'monot6'; did you mean 'monot5'"),
        ("monot5:monot5-base", "no model of the earlier 'monot5' 'monot5-base'; did you mean .*'monot5-base-msmarco'"),
        ("nq-tset", "did you mean 'nq-test'"),
    ],
)
def test_a_name_that_never_was_lists_near_ones(name, message):
    with pytest.raises(UnknownName, match=message):
        named(name)


@pytest.mark.parametrize(
    ("door", "spec", "message"),
    [
        ("reranker", "colbert_ranker:colbertv2.0", "is 'late-interaction:colbert-ir/colbertv2.0' now"),
        ("reranker", "colbert_ranker", "`rankify migrate colbert_ranker` says what its models are called"),
        ("reranker", "colbert_ranker:Colbert", "`rankify migrate colbert_ranker` says what its models are called"),
        ("reranker", "transformer_ranker:jina-reranker-tiny", "which is never run"),
        ("retriever", "reasonir:x", "is 'dense:reasonir/ReasonIR-8B' now"),
        ("llm", "huggingface:owner/name", "is 'hf:owner/name' now"),
        ("reader", "basic-rag:hf:owner/name", "is 'basic:hf:owner/name' now"),
        ("reader", "basic-rag", "is 'basic:MODEL' now"),
        ("reranker", "colbertranker", "no reranker 'colbertranker'; did you mean 'ecorank'"),
    ],
)
def test_an_earlier_name_as_a_spec_is_an_error_that_names_the_spec(door, spec, message):
    with pytest.raises(UnknownName, match=re.escape(message)):
        registry.load(door, spec)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dpr-multi:wiki % 5", "is 'dense:facebook/dpr-ctx_encoder-multiset-base' now"),
        ("bm25 >> colbert_ranker:colbertv2.0", "is 'late-interaction:colbert-ir/colbertv2.0' now"),
        ("bm25 % 5 >> basic-rag:http:gpt-4o", "is 'basic:http:gpt-4o' now"),
    ],
)
def test_so_it_is_in_a_pipeline(text, message):
    with pytest.raises(UnknownName, match=message):
        components(text)


def test_a_name_that_both_have_is_read_as_it_is_here():
    _, [model], _ = registry.prepared("reranker", "monot5:monot5-base-msmarco")
    assert model == "monot5-base-msmarco"


def test_a_name_of_another_kind_is_no_hint():
    assert hint("reranker", "bge") == ""
    with pytest.raises(UnknownName, match="no reranker 'bge'; "):
        rankify.reranker("bge")


@pytest.mark.parametrize(
    ("name", "message"), [("nq-test", "download its file, found by bm25"), ("beir-covid", "is 'beir/trec-covid' now")]
)
def test_an_earlier_dataset_is_an_error_that_says_what_to_open(name, message):
    with pytest.raises(UnknownName, match=message):
        rankify.dataset(name)


def test_an_alias_is_its_method_and_its_model():
    assert Alias(kind="reranker", method="a", model="b").name == "a:b"
    assert Alias(kind="reranker", method="a").name == "a"
