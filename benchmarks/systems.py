"""The LLM rerankers that the benchmarks list: every name, and the variants that differ in what they ask."""

from __future__ import annotations

from rankify import registry
from rankify.rerank.llm.recipe import Recipe

VARIANTS = {
    "listwise": ["prompt=apeer", "prompt=lrl"],
    "prp": ["method=heapsort", "method=allpairs", "scoring=likelihood"],
    "setwise": ["method=bubblesort", "method=insertion", "scoring=likelihood", "votes=3"],
}


def systems() -> list[str]:
    """Specs without a model, e.g. `prp?method=heapsort`, sorted by name."""
    found = [name for name in registry.names("reranker") if isinstance(registry.find("reranker", name), Recipe)]
    return [spec for name in sorted(found) for spec in (name, *(f"{name}?{own}" for own in VARIANTS.get(name, [])))]


def made(spec: str, llm: object, **more: object) -> object:
    """The reranker of such a spec on a backend that is built already."""
    name, _, given = spec.partition("?")
    options = {key: _value(text) for key, text in (option.split("=") for option in given.split("&") if option)}
    return registry.find("reranker", name)(llm, **options, **more)


def _value(text: str) -> int | str:
    return int(text) if text.isdigit() else text
