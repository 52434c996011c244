"""Whether what the parts of a pipeline need is here: libraries, files, keys. Nothing is imported, loaded or asked."""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from rankify import registry
from rankify.encoders.adapter import adapters
from rankify.errors import BadInput, MissingExtra, RankifyError, Several, UnknownName
from rankify.expressions import components
from rankify.llm.loading import backend
from rankify.llm.loading import passes_on as asks_an_llm
from rankify.llm.simulated import Simulated
from rankify.packaged import packaged
from rankify.rag.methods.best_of_n import LIKELIHOOD
from rankify.rag.scoring import WORDS, kind_of
from rankify.spec import Spec, describe

_FILES = ("prices", "adapter", "tokenizer", "query_model", "examples")  # options: a file, a folder or an id of a hub
_SURELY = ("judgments", "prices", "learnt", "examples", "vectors", "queries")  # files, whatever they are called
_FURTHER = ("also", "cheap")  # options that name further language models
_NO_NETWORK = ("", WORDS, LIKELIHOOD)  # scorers that are no component
_PATH = ("/", "./", "../", "~")  # what a model's name begins with that is a place here and no id
_NAME = re.compile("[A-Z_][A-Z0-9_]{0,63}")
_NETWORKS = {"torch", "vllm", "onnxruntime"}  # libraries that run networks
_KEYS = ("key", "token")  # options that name a variable of the environment


def refuse_absent(pipeline: str) -> None:
    """Raises what would stop a pipeline once it runs, as far as that can be seen before.

    Raises:
        MissingExtra: a library is not installed.
        BadInput: a file or folder that a spec names is not there, or a key is not in the environment.
        UnknownName: an option is none of the words that it may be.
        Several: more than one of these.
    """
    _refuse(_all(pipeline))


def runs_here(pipeline: str) -> bool:
    """Whether no part of a pipeline asks a server or a service, which may be paid for each request."""
    return not any(_elsewhere(kind, spec) for kind, spec in _all(pipeline))


def _elsewhere(kind: str, spec: Spec) -> bool:
    if kind == "llm":
        return spec.name in ("http", "litellm")
    service = (kind, spec.name) in (("retriever", "elastic"), ("retriever", "web"), ("reranker", "api"))
    asked = service or _provider(kind, spec) in _providers(kind, spec.name)
    return asked or "://" in str(spec.options.get("uri"))


def refuse_absent_part(kind: str, spec: Spec) -> None:
    """The same of a component that stands in no pipeline."""
    registry.checked(kind, spec)
    _refuse(inside(kind, spec))


def refuse_absent_model(name: str, model: str) -> None:
    """Raises what would stop a network that transformers runs: a library or a folder that is not there."""
    if lacking := next((module for module in ("torch", "transformers") if not installed(module)), ""):
        raise MissingExtra(f'{name} needs {lacking}, which is not installed: pip install "rankify[neural]"')
    if model.startswith(_PATH) and not Path(model).expanduser().exists():
        raise _nowhere(name, "model", model)


def _refuse(parts: Iterable[tuple[str, Spec]]) -> None:
    found: dict[str, RankifyError] = {}
    for kind, spec in dict.fromkeys(parts):
        for error in _absent(kind, spec):
            found.setdefault(str(error), error)
    if len(found) == 1:
        raise next(iter(found.values()))
    if found:
        raise Several(*found)


def _all(pipeline: str) -> Iterator[tuple[str, Spec]]:
    """The components of a pipeline and the models that they are built on, each with the options that are its own."""
    for kind, spec in components(pipeline):
        yield from inside(kind, spec)


def inside(kind: str, spec: Spec) -> Iterator[tuple[str, Spec]]:
    """A component and what it is built on, each with the options that are its own."""
    if (scorer := str(spec.options.get("scorer") or "")) not in _NO_NETWORK:
        yield from inside(kind_of(scorer), Spec.parse(scorer))
    held = _held(kind, spec)
    if held is None:
        yield kind, spec
        return
    own = describe(registry.find(kind, spec.name))
    yield kind, Spec(spec.name, spec.model, {o: v for o, v in spec.options.items() if o in own})
    inner, found = held
    yield from inside(inner, Spec(found.name, found.model, {o: v for o, v in spec.options.items() if o not in own}))
    for option in _FURTHER:
        for model in filter(None, str(spec.options.get(option) or "").split(",")):
            yield from inside("llm", backend(model.strip().partition("?")[0]))


def _held(kind: str, spec: Spec) -> tuple[str, Spec] | None:
    """The language model, the reader or the scorer that a component is built on, where it has one."""
    inner = getattr(registry.find(kind, spec.name), "passes_on", None)
    if not spec.model:
        return None
    if inner is asks_an_llm or (kind, spec.name) == ("llm", "cached"):
        return "llm", backend(spec.model)
    if kind == "compression" and spec.model not in _NO_NETWORK:
        return kind_of(spec.model), Spec.parse(spec.model)
    return ("reader", Spec.parse(spec.model)) if kind == "reader" and inner else None


def _absent(kind: str, spec: Spec) -> Iterator[RankifyError]:
    yield from _other_words(kind, spec)
    yield from _out_of_range(kind, spec)
    yield from _libraries(kind, spec)
    yield from _places(kind, spec)
    yield from _secrets(kind, spec)


def _other_words(kind: str, spec: Spec) -> Iterator[RankifyError]:
    """Options that are none of the words that the signature allows."""
    for option, parameter in inspect.signature(registry.find(kind, spec.name), eval_str=True).parameters.items():
        if get_origin(parameter.annotation) is Literal and option in spec.options:
            words = get_args(parameter.annotation)
            if spec.options[option] not in words:
                given = str(spec.options[option])
                yield UnknownName.among(f"value of {option} of {kind} {spec.name!r}", given, map(str, words))


def _out_of_range(kind: str, spec: Spec) -> Iterator[RankifyError]:
    """What a component says to its options when it is built, where that takes no model and no documents."""
    options = {o: v for o, v in spec.options.items() if o not in ("folder", *_FILES, *_FURTHER, "max_cost")}
    try:
        if refuse := getattr(registry.find(kind, spec.name), "refuse_options", None):
            refuse(**{o: v for o, v in registry.checked(kind, spec).items() if o in describe(refuse)})
        if kind in ("reranker", "reader") and _stands_for_a_model(kind, spec):
            registry.find(kind, spec.name)(Simulated({}), **registry.checked(kind, Spec(spec.name, "", options)))
    except RankifyError as error:
        yield type(error)(f"{spec.name}: {error}")


def _stands_for_a_model(kind: str, spec: Spec) -> bool:
    """Whether a component on a language model takes the simulated one in its place; some need what that cannot tell."""
    held = _held(kind, spec)
    if held is None or held[0] != "llm":
        return False
    try:
        registry.find(kind, spec.name)(Simulated({}))
    except RankifyError:
        return False
    return True


@cache
def _needed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _read("rankify.experiment", "available.yaml")
    return found


def _read(package: str, name: str) -> Any:
    return packaged(files(package) / name)


def _libraries(kind: str, spec: Spec) -> Iterator[RankifyError]:
    """Libraries that are not installed, as `errors.needs` says it."""
    for row in _rows(kind, spec):
        if lacking := next((module for module in row["modules"] if not installed(module)), ""):
            yield MissingExtra(
                f'{spec.name} needs {lacking}, which is not installed: pip install "rankify[{row["extra"]}]"'
            )


def _rows(kind: str, spec: Spec) -> Iterator[dict[str, Any]]:
    """What a component cannot do without, by its kind, its name and its options."""
    given = {**registry.options(kind, spec), **spec.options}
    for row in _needed():
        if kind not in row["kinds"] or ("names" in row and spec.name not in row["names"]):
            continue
        if "unless" in row and spec.model.partition(":")[0] in row["unless"]:
            continue
        if all(_is(given.get(option), wanted) for option, wanted in row.get("options", {}).items()):
            yield row


def networks(parts: Iterable[tuple[str, Spec]]) -> Iterator[tuple[str, Spec]]:
    """Of components, and of the models they are built on, those that run a network in this process."""
    for part in parts:
        for kind, spec in inside(*part):
            if any(not _NETWORKS.isdisjoint(row["modules"]) for row in _rows(kind, spec)):
                yield kind, spec


def _is(value: Any, wanted: Any) -> bool:
    """Whether an option's value is the wanted one, or one of them; `true` stands for any."""
    return bool(value) if wanted is True else value in (wanted if isinstance(wanted, list) else [wanted])


def installed(module: str) -> bool:
    """Whether a library can be imported; it is not."""
    if module in sys.modules:
        return sys.modules[module] is not None
    return find_spec(module) is not None


def named(kind: str, spec: Spec) -> list[tuple[str, str]]:
    """What a component says of files and folders here, or of ids of a hub, and what each is; kind "" for a model."""
    if kind == "llm" and spec.name == "simulated":
        return [("judgments", spec.model)]
    vectors = (kind, spec.name) == ("retriever", "impact")
    found = [("vectors" if vectors else "model", spec.model)] * _runs_here(kind, spec)
    found += [(option, str(spec.options.get(option) or "")) for option in (*_FILES, *["queries"] * vectors)]
    learnt = str(spec.options.get("learnt", ""))
    return [(what, text) for what, text in [*found, ("learnt", learnt * learnt.endswith(".json"))] if text]


def _places(kind: str, spec: Spec) -> Iterator[RankifyError]:
    """Files and folders that are not there."""
    for what, text in named(kind, spec):
        for place in [text] if what in _SURELY else adapters(text):
            if (what in _SURELY or place.startswith(_PATH)) and not Path(place).expanduser().exists():
                yield _nowhere(spec.name, what, place)


def _nowhere(name: str, what: str, place: str) -> BadInput:
    return BadInput(f"{name}: {what}: no file or folder {place!r}; its place is seen from {Path.cwd()}")


def _runs_here(kind: str, spec: Spec) -> bool:
    """Whether a component's model runs in this process, and is not the name of something elsewhere."""
    if kind == "llm":
        return spec.name in ("hf", "vllm")
    return not kind or (_held(kind, spec) is None and _provider(kind, spec) not in _providers(kind, spec.name))


def _provider(kind: str, spec: Spec) -> str:
    """The service that a component may ask."""
    return spec.name if kind == "encoder" else spec.model.partition(":")[0]


def _secrets(kind: str, spec: Spec) -> Iterator[RankifyError]:
    """Variables of the environment that hold a key and are not set; only their names are ever said."""
    names = [str(spec.options[option]) for option in _KEYS if spec.options.get(option)]
    if not names and (usual := _usual_key(kind, spec)):
        names = [usual]
    for name in names:
        if os.environ.get(name, "").strip():
            continue
        if _NAME.fullmatch(name):
            yield BadInput(f"{spec.name}: the key is not set: export {name}=..., or name another with key=NAME")
        else:  # it may be the key itself
            yield BadInput(
                f"{spec.name}: key= and token= are NAMES of variables, such as MY_KEY, and never the key itself"
            )


def _usual_key(kind: str, spec: Spec) -> str:
    """The variable that holds a provider's key where nothing else is said; "" where there is none."""
    if any(spec.options.get(option) for option in ("base_url", "url", "key")):
        return ""
    if kind == "llm" and spec.name == "http":
        return "" if os.environ.get("OPENAI_BASE_URL") else "OPENAI_API_KEY"
    row = _providers(kind, spec.name).get(_provider(kind, spec), {})
    if os.environ.get(str(row.get("address_from", "")), ""):
        return ""
    return str(row.get("key", "")) if "base_url" in row or "url" in row else ""


@cache
def _providers(kind: str, name: str) -> Mapping[str, Mapping[str, Any]]:
    """What is known of the services that a component may ask, by the name that its model begins with."""
    if (kind, name) == ("reranker", "api"):
        known: Mapping[str, Any] = _read("rankify.rerank", "api_providers.yaml")
    elif (kind, name) == ("retriever", "web"):
        known = _read("rankify.retrieve", "web_engines.yaml")
    elif kind == "encoder" or (kind, name) in (("retriever", "dense"), ("reranker", "embedding")):
        known = _read("rankify.encoders", "providers.yaml")
    else:
        return {}
    found: Mapping[str, Mapping[str, Any]] = known.get("providers", known)
    return found
