"""Names to implementations: `load("reranker", "cross-encoder:BAAI/bge-reranker-base?max_length=256")`.

BUILTIN is the toolkit's table of contents. Other packages add to it with entry points in the group
`rankify.<kind>`, e.g. `[project.entry-points."rankify.reranker"]`.
"""

from __future__ import annotations

import inspect
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal, get_args, get_origin

from rankify import catalog
from rankify.catalog import aliases
from rankify.errors import Misuse, UnknownName
from rankify.spec import Spec, Value, read_as

BUILTIN: dict[str, dict[str, str]] = {
    "retriever": {
        "bm25": "rankify.retrieve.bm25:BM25",
        "bm25-multifield": "rankify.retrieve.bm25_multifield:BM25Multifield",
        "lucene": "rankify.retrieve.lucene:Lucene",
        "elastic": "rankify.retrieve.elastic:Elastic",
        "dense": "rankify.retrieve.dense:Dense",
        "sparse": "rankify.retrieve.sparse:Sparse",
        "impact": "rankify.retrieve.impact:Impact",
        "web": "rankify.retrieve.web:Web",
        "late-interaction": "rankify.retrieve.late_interaction:LateInteraction",
    },
    "reranker": {
        "cross-encoder": "rankify.rerank.cross_encoder:CrossEncoder",
        "flashrank": "rankify.rerank.flashrank:FlashRank",
        "layerwise": "rankify.rerank.layerwise:Layerwise",
        "jina-reranker-v3": "rankify.rerank.jina_reranker_v3:JinaRerankerV3",
        "pairrm": "rankify.rerank.pairrm:PairRM",
        "embedding": "rankify.rerank.embedding:Embedding",
        "sparse": "rankify.rerank.sparse:Sparse",
        "late-interaction": "rankify.rerank.late_interaction:LateInteraction",
        "api": "rankify.rerank.api:API",
        "rankgpt": "rankify.rerank.llm.recipes.listwise:rankgpt",
        "rankzephyr": "rankify.rerank.llm.recipes.listwise:rankzephyr",
        "rankvicuna": "rankify.rerank.llm.recipes.listwise:rankvicuna",
        "listwise": "rankify.rerank.llm.recipes.listwise:listwise",
        "first": "rankify.rerank.llm.recipes.listwise:first",
        "lit5-distill": "rankify.rerank.llm.recipes.fusion:lit5_distill",
        "lit5-score": "rankify.rerank.llm.recipes.fusion:lit5_score",
        "rankfid": "rankify.rerank.llm.recipes.fusion:rankfid",
        "listt5": "rankify.rerank.llm.recipes.fusion:listt5",
        "prp": "rankify.rerank.llm.recipes.pairwise:prp",
        "setwise": "rankify.rerank.llm.recipes.setwise:setwise",
        "tourrank": "rankify.rerank.llm.recipes.adaptive:tourrank",
        "tdpart": "rankify.rerank.llm.recipes.adaptive:tdpart",
        "ecorank": "rankify.rerank.llm.recipes.adaptive:ecorank",
        "rank-r1": "rankify.rerank.llm.recipes.reasoning:rank_r1",
        "rank1": "rankify.rerank.llm.recipes.reasoning:rank1",
        "reasonrank": "rankify.rerank.llm.recipes.reasoning:reasonrank",
        "rank-k": "rankify.rerank.llm.recipes.reasoning:rank_k",
        "icr": "rankify.rerank.llm.recipes.in_context:icr",
        "yes-no": "rankify.rerank.llm.recipes.pointwise:yes_no",
        "graded": "rankify.rerank.llm.recipes.pointwise:graded",
        "monot5": "rankify.rerank.llm.recipes.seq2seq:monot5",
        "inranker": "rankify.rerank.llm.recipes.seq2seq:inranker",
        "twolar": "rankify.rerank.llm.recipes.seq2seq:twolar",
        "rankt5": "rankify.rerank.llm.recipes.seq2seq:rankt5",
        "duot5": "rankify.rerank.llm.recipes.seq2seq:duot5",
        "qwen3-reranker": "rankify.rerank.llm.recipes.pointwise:qwen3_reranker",
        "mxbai-rerank-v2": "rankify.rerank.llm.recipes.pointwise:mxbai_rerank_v2",
        "bge-reranker-v2-gemma": "rankify.rerank.llm.recipes.pointwise:bge_reranker_v2_gemma",
        "qlm": "rankify.rerank.llm.recipes.pointwise:qlm",
        "upr": "rankify.rerank.llm.recipes.pointwise:upr",
    },
    "fusion": {
        "rrf": "rankify.fuse:rrf",
        "weighted": "rankify.fuse:weighted",
        "combsum": "rankify.fuse:combsum",
        "combmnz": "rankify.fuse:combmnz",
        "combgmnz": "rankify.fuse:combgmnz",
        "combanz": "rankify.fuse:combanz",
        "combmin": "rankify.fuse:combmin",
        "combmax": "rankify.fuse:combmax",
        "combmed": "rankify.fuse:combmed",
        "wmnz": "rankify.fuse:wmnz",
        "mixed": "rankify.fuse:mixed",
        "borda": "rankify.fuse:borda",
        "condorcet": "rankify.fuse:condorcet",
        "isr": "rankify.fuse:isr",
        "log-isr": "rankify.fuse:log_isr",
        "logn-isr": "rankify.fuse:logn_isr",
        "rbc": "rankify.fuse:rbc",
        "bayesfuse": "rankify.fuse:bayesfuse",
        "mapfuse": "rankify.fuse:mapfuse",
        "probfuse": "rankify.fuse:probfuse",
        "segfuse": "rankify.fuse:segfuse",
        "slidefuse": "rankify.fuse:slidefuse",
        "posfuse": "rankify.fuse:posfuse",
        "route": "rankify.fuse:Route",
    },
    "aggregation": {
        "passages": "rankify.retrieve.passages:PassageSearch",
        "by-passages": "rankify.rerank.by_passages:ByPassages",
    },
    "expansion": {
        "hyde": "rankify.retrieve.hyde:HyDE",
        "query2doc": "rankify.retrieve.query2doc:Query2Doc",
        "multi-query": "rankify.retrieve.multi_query:MultiQuery",
        "rewrite": "rankify.retrieve.rewriting:Rewrite",
        "standalone": "rankify.retrieve.rewriting:Standalone",
    },
    "compression": {
        "compress": "rankify.rag.compress:Compress",
    },
    "refinement": {
        "feedback": "rankify.retrieve.feedback:Feedback",
        "rm3": "rankify.retrieve.rm3:RM3",
        "rocchio": "rankify.retrieve.rocchio:Rocchio",
        "vector-prf": "rankify.retrieve.vector_prf:VectorPRF",
    },
    "reader": {
        "extractive": "rankify.rag.extractive:Extractive",
        "selective": "rankify.rag.selective:Selective",
        "zero-shot": "rankify.rag.methods.once:zero_shot",
        "basic": "rankify.rag.methods.once:basic",
        "cite": "rankify.rag.methods.once:cite",
        "fid": "rankify.rag.methods.once:fid",
        "in-context-ralm": "rankify.rag.methods.once:in_context_ralm",
        "replug": "rankify.rag.methods.replug:replug",
        "chain-of-thought": "rankify.rag.methods.reasoning:chain_of_thought",
        "self-consistency": "rankify.rag.methods.reasoning:self_consistency",
        "best-of-n": "rankify.rag.methods.best_of_n:best_of_n",
        "sure": "rankify.rag.methods.sure:sure",
        "iter-retgen": "rankify.rag.methods.iterative:iter_retgen",
        "ircot": "rankify.rag.methods.iterative:ircot",
        "flare": "rankify.rag.methods.flare:flare",
        "self-ask": "rankify.rag.methods.self_ask:self_ask",
        "react": "rankify.rag.methods.react:react",
        "search-r1": "rankify.rag.methods.search_r1:search_r1",
    },
    "encoder": {
        "dense": "rankify.encoders.dense:DenseEncoder",
        "tokens": "rankify.encoders.tokens:TokenEncoder",
        "sparse": "rankify.encoders.sparse:SparseEncoder",
        "openai": "rankify.encoders.remote_providers:OpenAI",
        "http": "rankify.encoders.remote_providers:HTTP",
        "cohere": "rankify.encoders.remote_providers:Cohere",
        "voyage": "rankify.encoders.remote_providers:Voyage",
        "jina": "rankify.encoders.remote_providers:Jina",
        "gemini": "rankify.encoders.remote_providers:Gemini",
    },
    "llm": {
        "hf": "rankify.llm.hf:HF",
        "http": "rankify.llm.http:HTTP",
        "vllm": "rankify.llm.vllm:VLLM",
        "litellm": "rankify.llm.litellm:LiteLLM",
        "simulated": "rankify.llm.simulated:Simulated",
        "cached": "rankify.llm.cached:Cached",
    },
    "perturbation": {
        "typos": "rankify.text.perturbations.typos:Typos",
        "case": "rankify.text.perturbations.rewording:Case",
        "stopwords": "rankify.text.perturbations.rewording:StopWords",
        "order": "rankify.text.perturbations.rewording:Order",
        "paraphrase": "rankify.text.perturbations.paraphrase:Paraphrase",
        "noise": "rankify.text.perturbations.noise:Noise",
        "inject": "rankify.text.perturbations.injection:Inject",
    },
}

PLAIN = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", type(None): "none"}


def load(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Any:
    """Builds what a spec describes. `args` go before the model; `options` win over the spec's own.

    A published model's id may stand alone where the catalogue knows it.

    Raises:
        UnknownName: nothing has that name, or it has no such option; the message lists near ones.
        Misuse: an option's value is of another kind, or it lacks what it cannot be built without, e.g. a model.
    """
    factory, positional, given = prepared(kind, spec, *args, **options)
    return factory(*positional, **given)


def prepared(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """What `load` calls, with which arguments: checked as `load` does, not yet called."""
    found = resolve(kind, spec)
    refuse_earlier(kind, found.name, found.model)
    factory = find(kind, found.name)
    given = checked(kind, found, **options)
    positional = [*args, *([found.model] if found.model else [])]
    try:
        inspect.signature(factory).bind(*positional, **given)
    except TypeError as error:
        example = f"{found.name}{'' if found.model else ':<model id or folder>'}"
        raise Misuse(f"cannot build the {kind} {str(found)!r}: {error}; write {example!r}") from None
    return factory, positional, given


def checked(kind: str, spec: str | Spec, /, **options: Any) -> dict[str, Any]:
    """The options of a spec, and further ones that win over them, each known and of its kind."""
    found = resolve(kind, spec)
    known = _parameters(find(kind, found.name), found.model)
    if unknown := {**found.options, **options}.keys() - known.keys():
        raise UnknownName.among(f"option of {kind} {found.name!r}", min(unknown), known)
    read = {name: _read(known[name].annotation, value) for name, value in found.options.items()}
    return {name: _typed(kind, found, known[name].annotation, name, v) for name, v in {**read, **options}.items()}


def options(kind: str, spec: str | Spec) -> dict[str, Value]:
    """The options that a component takes, with their defaults; those that it passes on to its model's backend too."""
    found = resolve(kind, spec)
    return {name: p.default for name, p in _parameters(find(kind, found.name), found.model).items()}


def _parameters(factory: Any, model: str) -> dict[str, inspect.Parameter]:
    """The options of a factory, and those it passes on: of what `passes_on(model)` says is built for that model."""
    own = inspect.signature(factory, eval_str=True).parameters.values()
    inner = getattr(factory, "passes_on", None)
    passed = _parameters(*inner(model)) if inner and model else {}
    return {**passed, **{p.name: p for p in own if p.kind is p.KEYWORD_ONLY}}


def _kinds(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows; of a Literal those of its words, so that `none` can be one of them."""
    if get_origin(annotation) is Literal:
        return tuple(dict.fromkeys(map(type, get_args(annotation))))
    return tuple(kind for one in get_args(annotation) for kind in _kinds(one)) or (annotation,)


def _read(annotation: Any, value: Value) -> Value:
    """An option's value in a spec as its annotation reads it; one that is not plain takes it as it is."""
    kinds = _kinds(annotation)
    return read_as(value, kinds) if set(kinds) <= PLAIN.keys() else value


def _typed(kind: str, spec: Spec, annotation: Any, option: str, value: Any) -> Any:
    """An option's value as its annotation wants it: a whole number may stand for a real one, a number for a text."""
    kinds = _kinds(annotation)
    if type(value) in kinds or not set(kinds) <= PLAIN.keys():
        return value
    if float in kinds and type(value) is int:
        return float(value)
    if str in kinds and type(value) in (int, float):
        return str(value)
    wanted = " or ".join(PLAIN[k] for k in kinds)
    raise Misuse(f"option {option}={value!r} of {kind} {str(spec)!r} should be {wanted}")


def resolve(kind: str, spec: str | Spec) -> Spec:
    """The full spec: a published id becomes what the catalogue says it runs on, with its options."""
    if isinstance(spec, Spec):
        return spec
    _, mark, query = spec.partition("?")
    if written := published(kind, spec):
        return Spec.parse(written + ("&" if "?" in written else "?") * bool(mark) + query)
    return Spec.parse(spec)


def published(kind: str, spec: str) -> str:
    """The catalogue's spec for a model's id that stands alone, or "" when it has none of that kind."""
    return str(catalog.models().get(spec.partition("?")[0].strip(), {}).get(kind, ""))


def find(kind: str, name: str) -> Any:
    """The class or function registered under a name, imported now and not before."""
    if target := BUILTIN[kind].get(name):
        module, _, attribute = target.partition(":")
        return getattr(import_module(module), attribute)
    for entry in _entries(kind):
        if entry.name == name:
            return entry.load()
    refuse_earlier(kind, name)
    raise UnknownName.among(kind, name, names(kind))


def refuse_earlier(kind: str, name: str, model: str = "") -> None:
    """Raises UnknownName for a name that only the earlier Rankify had; the message says what is written now."""
    if (said := aliases.hint(kind, name, model)) and name not in names(kind):
        raise UnknownName(f"no {kind} {name!r}; {said}")


def names(kind: str) -> list[str]:
    """Every registered name of a kind, sorted.

    Raises:
        UnknownName: there is no such kind.
    """
    if kind not in BUILTIN:
        raise UnknownName.among("kind of component", kind, BUILTIN)
    return sorted({*BUILTIN[kind], *(entry.name for entry in _entries(kind))})


@cache
def _entries(kind: str) -> list[EntryPoint]:
    """What installed packages register, looked at once in a process: every look reads all packages there are."""
    return list(entry_points(group=f"rankify.{kind}"))
