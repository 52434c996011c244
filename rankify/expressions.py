"""Pipelines as text: `bm25 % 100 >> top(20, cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2) >> extractive`.

    pipeline = step (">>" step)*
    step     = part ("%" number)*
    part     = a spec | name "(" argument ("," argument)* ")"

The first step finds documents (a retriever, a fusion such as `rrf(bm25, dense:...)`, or an expansion such as
`hyde(dense:..., llm=...)`), the others rerank them or search again (a refinement such as `feedback(dense:...)`), and
the last may read. It is what `repr(pipeline)` writes, so a pipeline read from its own repr is equal to it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.spec import Spec, value_of
from rankify.stages import Answering, Reader, Reranker, Retriever, Stage, Top, WithoutQuery
from rankify.types import Answer, Run

Load = Callable[..., Any]  # (kind, spec, *arguments, **options) -> the component, as registry.load

_CUT = re.compile(r"\s+%\s*(\d+)(?=\s|$)")
_CALL = re.compile(r"([\w-]+)\((.*)\)", re.DOTALL)
_OPTION = re.compile(r"\w+\s*=[^=]")


def pipeline(text: str, corpus: Iterable[Document] | None = None, load: Load = registry.load) -> Stage | Answering:
    """The pipeline that a text describes, over documents. `load` builds its parts, as `registry.load` does.

    A retriever, reranker or language model that stands in it twice is built once: one index, one model in memory.

    Raises:
        UnknownName: a name that is no retriever, fusion, expansion, reranker, refinement or reader.
        Misuse: the text is not a pipeline; the message quotes the part.
    """
    return _pipeline(text, None if corpus is None else Corpus.of(corpus), _once(load))


def _once(load: Load) -> Load:
    """Loads as `load` does, and gives the same retriever, reranker or LLM whenever it is asked for the same spec."""
    kept: dict[tuple[Any, ...], Any] = {}

    def loaded(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Any:
        if kind not in ("retriever", "reranker", "llm"):
            return load(kind, spec, *args, **options)
        key = kind, str(registry.resolve(kind, spec)), *map(id, args)  # over passages it is not the one over documents
        if key not in kept:
            kept[key] = load(kind, spec, *args, **options)
        return kept[key]

    return loaded


def _pipeline(text: str, corpus: Corpus | None, load: Load) -> Stage | Answering:
    first, *rest = _split(text, ">>")
    stage: Stage = _step(first, corpus, load, ("retriever", "fusion"))
    for place, written in enumerate(rest, 1):
        last = place == len(rest)
        then = _step(written, corpus, load, ("reranker", "reader") if last else ("reranker",))
        if isinstance(then, Reader):
            return Answering(stage, then)
        stage = stage >> then
    return stage


def reads(text: str) -> bool:
    """Whether the pipeline that a text describes ends in a reader. Raises as `pipeline` does, but builds nothing."""
    return isinstance(_pipeline(text, Corpus(()), _checked), Answering)


def components(text: str) -> list[tuple[str, Spec]]:
    """The kind and full spec of each component of a pipeline, in order. Raises as `pipeline`, but builds nothing."""
    found = []

    def noted(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Stage | Reader:
        found.append((kind, registry.resolve(kind, spec)))
        return _checked(kind, spec, *args, **options)

    _pipeline(text, Corpus(()), noted)
    return found


def _checked(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Stage | Reader:
    """A stand-in for a component whose name and options are right."""
    if kind == "fusion":
        fused: Stage = registry.load(kind, spec, *args, **options)
        return fused
    registry.prepared(kind, spec, *args, **options)
    if kind == "aggregation":
        corpus, search = args
        search(corpus)
    return _UnbuiltReader() if kind == "reader" else _Unbuilt()


class _Unbuilt(Reranker):
    name = "unbuilt"

    def rerank(self, run: Run) -> Run:
        raise NotImplementedError


class _UnbuiltReader(Reader):
    name = "unbuilt"

    def read(self, run: Run) -> list[Answer]:
        raise NotImplementedError


def _step(text: str, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Any:
    """One part and its cut-offs."""
    cuts = list(_CUT.finditer(_outside(text)))
    part = _part(text[: cuts[0].start()] if cuts else text, corpus, load, kinds)
    for cut in cuts:
        part = part % int(cut[1])
    return part


def _part(text: str, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Any:
    text = text.strip()
    if text == "without-query":
        return WithoutQuery()
    call = _CALL.fullmatch(text)
    name = call[1] if call else Spec.parse(text).name
    for kind, written in (("refinement", _refined), ("expansion", _expanded), ("aggregation", _aggregated)):
        if name in registry.names(kind):
            return written(text, call, corpus, load, kinds)
    if call and name == "top" and "reranker" in kinds:
        return _top(text, call[2], load)
    if call:
        return _fused(name, call[2], corpus, load)
    kind = _kind(text, name, kinds)
    return load(kind, text, *([searched(text, corpus)] if kind == "retriever" else []))


def searched(spec: str, corpus: Corpus | None) -> Corpus:
    """What a retriever searches: the corpus, or no documents where it needs none.

    Raises:
        Misuse: it needs a corpus, and none is given.
    """
    name = registry.resolve("retriever", spec).name
    if corpus is None and getattr(registry.find("retriever", name), "needs_corpus", True):
        raise Misuse(f"{spec!r} needs a corpus to search in")
    return Corpus(()) if corpus is None else corpus


def _top(text: str, arguments: str, load: Load) -> Top:
    parts = _split(arguments, ",")
    k = value_of(parts[0])
    if len(parts) != 2 or not isinstance(k, int):
        raise Misuse(f"cannot read {text!r}; write top(20, reranker)")
    return Top(k, load("reranker", parts[1]))


def _refined(text: str, call: re.Match[str] | None, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Stage:
    """A refinement of what stands before it, with the retriever that it searches with again."""
    name = call[1] if call else Spec.parse(text).name
    parts, options = _arguments(call[2]) if call and call[2].strip() else ([], {})
    _refuse_refinement(text, name, parts, kinds)
    if corpus is None:
        raise Misuse(f"{text!r} needs a corpus to search in")
    teacher = options.pop("teacher", None)
    taught = {"teacher": load("reranker", teacher)} if teacher else {}
    values = {option: value_of(value) for option, value in options.items()}
    refined: Stage = load("refinement", Spec(name, options=values), load("retriever", parts[0], corpus), **taught)
    return refined


def _refuse_refinement(text: str, name: str, parts: list[str], kinds: tuple[str, ...]) -> None:
    """Raises Misuse for a refinement that stands first, or has no retriever of the kind that it searches with."""
    over = registry.find("refinement", name).over
    like = f"{over.name}:MODEL" if "model" in inspect.signature(over).parameters else over.name
    written = f"{name}({like})"
    if "retriever" in kinds:
        raise Misuse(f"{text!r} has nothing to learn from; write {like} % 100 >> RERANKER >> {written}")
    _refuse_search(text, name, parts, over, written)


def _refuse_search(text: str, name: str, parts: list[str], over: type[Retriever], written: str) -> None:
    """Raises Misuse unless the one part is the spec of a retriever of this kind."""
    if len(parts) != 1 or ">>" in parts[0] or _CUT.search(parts[0]) or _CALL.fullmatch(parts[0]):
        raise Misuse(f"cannot read {text!r}; write {written}")
    factory = registry.find("retriever", registry.resolve("retriever", parts[0]).name)
    if not isinstance(factory, type) or not issubclass(factory, over):
        raise Misuse(f"{name} cannot search with {parts[0]!r}; write {written}")


def _expanded(
    text: str, call: re.Match[str] | None, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]
) -> Stage:
    """A retriever for which a language model writes first."""
    name = call[1] if call else Spec.parse(text).name
    over = registry.find("expansion", name).over
    written = f"{name}({'RETRIEVER' if over is Retriever else f'{over.name}:MODEL'}, llm=LLM)"
    parts, options = _arguments(call[2]) if call and call[2].strip() else ([], {})
    if "retriever" not in kinds:
        raise Misuse(f"{text!r} searches, so it stands first; write {written} % 100 >> RERANKER")
    if "llm" not in options:
        raise Misuse(f"cannot read {text!r}; write {written}")
    _refuse_search(text, name, parts, over, written)
    retriever, llm = _part(parts[0], corpus, load, ("retriever",)), options.pop("llm")
    backend = llm if llm.partition(":")[0] in registry.names("llm") else f"hf:{llm}"  # a bare id or folder
    values = {option: value_of(value) for option, value in options.items()}
    expanded: Stage = load("expansion", Spec(name, options=values), retriever, load("llm", backend))
    return expanded


def _aggregated(
    text: str, call: re.Match[str] | None, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]
) -> Stage:
    """Documents by their passages, which the pipeline in the parentheses searches."""
    name = call[1] if call else Spec.parse(text).name
    parts, options = _arguments(call[2]) if call and call[2].strip() else ([], {})
    if "retriever" not in kinds:
        raise Misuse(f"{text!r} searches, so it stands first; write {name}(RETRIEVER) % 100 >> RERANKER")
    if len(parts) != 1:
        raise Misuse(f"cannot read {text!r}; write {name}(RETRIEVER, option=value)")
    if corpus is None:
        raise Misuse(f"{text!r} needs a corpus to search in")
    values = {option: value_of(value) for option, value in options.items()}

    def search(passages: Corpus) -> Stage | Answering:
        return _pipeline(parts[0], passages, load)

    found: Stage = load("aggregation", Spec(name, options=values), corpus, search)
    return found


def _fused(name: str, arguments: str, corpus: Corpus | None, load: Load) -> Stage:
    parts, options = _arguments(arguments)
    values = {option: value_of(value) for option, value in options.items()}
    stages = [_pipeline(part, corpus, load) for part in parts]
    fused: Stage = load("fusion", Spec(name, options=values), *stages)
    return fused


def _arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """The parts in a pair of parentheses, and the options among them."""
    parts = _split(text, ",")
    options = {name.strip(): value.strip() for name, _, value in (p.partition("=") for p in parts if _OPTION.match(p))}
    return [part for part in parts if not _OPTION.match(part)], options


def _kind(text: str, name: str, kinds: tuple[str, ...]) -> str:
    """Which of the kinds a spec is; the error lists the names of all of them."""
    for kind in kinds:
        if name in registry.names(kind) or registry.published(kind, text):
            return kind
    raise UnknownName.among(" or ".join(kinds), name, [n for kind in kinds for n in registry.names(kind)])


def _outside(text: str) -> str:
    """The text with everything inside parentheses blanked, so that positions stay."""
    depth, kept = 0, []
    for character in text:
        depth -= character == ")"
        kept.append(character if depth <= 0 else "_")
        depth += character == "("
    if depth:
        raise Misuse(f"parentheses do not match in {text!r}")
    return "".join(kept)


def _split(text: str, separator: str) -> list[str]:
    """The pieces between separators that stand outside parentheses."""
    outside, pieces, start = _outside(text), [], 0
    while (end := outside.find(separator, start)) >= 0:
        pieces.append(text[start:end].strip())
        start = end + len(separator)
    pieces.append(text[start:].strip())
    if not all(pieces):
        raise Misuse(f"{text!r} has nothing before or after a {separator!r}")
    return pieces
