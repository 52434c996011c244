"""Pipelines as text: `bm25 % 100 >> top(20, cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2) >> extractive`.

    pipeline = step (">>" step)*
    step     = part ("%" number)*
    part     = a spec | name "(" argument ("," argument)* ")"

The first step finds documents (a retriever, a fusion such as `rrf(bm25, dense:...)`, or an expansion such as
`hyde(dense:..., llm=...)`), the others rerank or shorten them, or search again (a refinement such as
`feedback(dense:...)`), and the last may read. `repr(pipeline)` writes it, and what is read from that is equal.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rankify import registry
from rankify.corpus import Corpus
from rankify.documents import Document
from rankify.errors import Misuse, UnknownName
from rankify.grammar import call, cuts, lone, split
from rankify.spec import Spec, value_of
from rankify.stages import Answering, Reader, Reranker, Retriever, Stage, Top, WithoutQuery
from rankify.types import Answer, Run

BEHIND = ("reranker", "compression")  # what may stand behind a search
Load = Callable[..., Any]  # (kind, spec, *arguments, **options) -> the component, as registry.load


def pipeline(text: str, corpus: Iterable[Document] | None = None, load: Load = registry.load) -> Stage | Answering:
    """The pipeline that a text describes, over documents. `load` builds its parts, as `registry.load` does.

    A retriever, reranker or language model that stands in it twice is built once: one index, one model in memory.

    Raises:
        UnknownName: a name that is no retriever, fusion, expansion, reranker, compression, refinement or reader.
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
    first, *rest = split(text, ">>")
    return behind(_step(first, corpus, load, ("retriever", "fusion")), rest, corpus, load)


def behind(stage: Stage, steps: Sequence[str], corpus: Corpus | None, load: Load) -> Stage | Answering:
    """A stage with what stands behind it in a pipeline's text, step by step. Raises as `pipeline` does."""
    for place, written in enumerate(steps, 1):
        last = place == len(steps)
        then = _step(written, corpus, load, (*BEHIND, "reader") if last else BEHIND)
        if isinstance(then, Reader):
            return Answering(stage, then)
        stage = stage >> then
    return stage


def _searching(text: str, corpus: Corpus | None, load: Load) -> Stage:
    """The pipeline in a pair of parentheses, which finds documents and answers nothing."""
    inner = _pipeline(text, corpus, load)
    if isinstance(inner, Answering):
        raise Misuse(f"{text!r} ends in a reader, which can stand at the end of the whole pipeline alone")
    return inner


def reads(text: str) -> bool:
    """Whether the pipeline that a text describes ends in a reader. Raises as `pipeline` does, but builds nothing."""
    return isinstance(_pipeline(text, Corpus(()), checked), Answering)


def components(text: str) -> list[tuple[str, Spec]]:
    """The kind and full spec of each component of a pipeline, in order. Raises as `pipeline`, but builds nothing."""
    found = []

    def noted(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Stage | Reader:
        found.append((kind, registry.resolve(kind, spec)))
        return checked(kind, spec, *args, **options)

    _pipeline(text, Corpus(()), noted)
    return found


def checked(kind: str, spec: str | Spec, /, *args: Any, **options: Any) -> Stage | Reader:
    """A stand-in for a component whose name and options are right: what `load` may be where nothing is to be built."""
    if kind == "fusion":
        fused: Stage = registry.load(kind, spec, *args, **options)
        return fused
    registry.prepared(kind, spec, *args, **options)
    if kind == "aggregation" and len(args) == 2:  # the corpus, and what searches its passages
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


class Called(NamedTuple):
    """`name(part, ..., option=value, ...)` as it stands in a text; a bare name has neither parts nor options."""

    text: str
    name: str
    parts: list[str]
    options: dict[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """The options as the values that they are written for."""
        return {option: value_of(value) for option, value in self.options.items()}


def _step(text: str, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Any:
    """One part and its cut-offs."""
    found = cuts(text)
    part = _part(text[: found[0].start()] if found else text, corpus, load, kinds)
    for cut in found:
        if isinstance(part, Reader):
            raise Misuse(f"{text!r}: a reader gives answers, of which there is no best {cut[1]}; cut before it")
        part = part % int(cut[1])
    return part


def _part(text: str, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Any:
    text = text.strip()
    if text == "without-query":
        return WithoutQuery()
    found = call(text)
    called = Called(text, *(found or (Spec.parse(text).name, [], {})))
    for kind, build in (("refinement", _refined), ("expansion", _expanded), ("aggregation", _aggregated)):
        if called.name in registry.names(kind):
            return build(called, corpus, load, kinds)
    if found and called.name == "top" and "reranker" in kinds:
        return _top(called, load)
    if found:
        return _fused(called, corpus, load)
    kind = _kind(called, kinds)
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


def reranker(text: str, load: Load = registry.load, /, **options: Any) -> Reranker:
    """The reranker that a text describes: a spec, or one over passages, `by-passages(cross-encoder:MODEL, size=100)`.

    Raises:
        UnknownName, Misuse: there is no such reranker, or it has no such option.
    """
    found = call(text)
    if found and _over(found[0]) is Reranker:
        return _by_passages(Called(text.strip(), *found), load, **options)
    loaded: Reranker = load("reranker", text, **options)
    return loaded


def _top(called: Called, load: Load) -> Top:
    k = value_of(called.parts[0]) if called.parts else None
    if len(called.parts) != 2 or called.options or not isinstance(k, int):
        raise Misuse(f"cannot read {called.text!r}; write top(20, reranker)")
    return Top(k, reranker(called.parts[1], load))


def _refined(called: Called, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Stage:
    """A refinement of what stands before it, with the retriever that it searches with again."""
    _refuse_refinement(called, kinds)
    if corpus is None:
        raise Misuse(f"{called.text!r} needs a corpus to search in")
    values = called.values
    teacher = values.pop("teacher", None)
    taught = {"teacher": reranker(str(teacher), load)} if teacher else {}
    over = load("retriever", called.parts[0], corpus)
    refined: Stage = load("refinement", Spec(called.name, options=values), over, **taught)
    return refined


def _refuse_refinement(called: Called, kinds: tuple[str, ...]) -> None:
    """Raises Misuse for a refinement that stands first, or has no retriever of the kind that it searches with."""
    over = registry.find("refinement", called.name).over
    like = f"{over.name}:MODEL" if "model" in inspect.signature(over).parameters else over.name
    written = f"{called.name}({like})"
    if "retriever" in kinds:
        raise Misuse(f"{called.text!r} has nothing to learn from; write {like} % 100 >> RERANKER >> {written}")
    _refuse_search(called, over, written)


def _refuse_search(called: Called, over: type[Retriever], written: str) -> None:
    """Raises Misuse unless the one part is the spec of a retriever of this kind."""
    if not lone(called.parts):
        raise Misuse(f"cannot read {called.text!r}; write {written}")
    factory = registry.find("retriever", registry.resolve("retriever", called.parts[0]).name)
    if not isinstance(factory, type) or not issubclass(factory, over):
        raise Misuse(f"{called.name} cannot search with {called.parts[0]!r}; write {written}")


def _expanded(called: Called, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Stage:
    """A retriever for which a language model writes first."""
    name, over = called.name, registry.find("expansion", called.name).over
    written = f"{name}({'RETRIEVER' if over is Retriever else f'{over.name}:MODEL'}, llm=LLM)"
    if "retriever" not in kinds:
        raise Misuse(f"{called.text!r} searches, so it stands first; write {written} % 100 >> RERANKER")
    if "llm" not in called.options:
        raise Misuse(f"cannot read {called.text!r}; write {written}")
    _refuse_search(called, over, written)
    retriever, llm = _part(called.parts[0], corpus, load, ("retriever",)), called.options["llm"]
    backend = llm if llm.partition(":")[0] in registry.names("llm") else f"hf:{llm}"  # a bare id or folder
    values = {option: value for option, value in called.values.items() if option != "llm"}
    expanded: Stage = load("expansion", Spec(name, options=values), retriever, load("llm", backend))
    return expanded


def _over(name: str) -> type[Retriever] | type[Reranker] | None:
    """What an aggregation of this name works over; None where the name is of something else."""
    if name not in registry.names("aggregation"):
        return None
    return Reranker if issubclass(registry.find("aggregation", name), Reranker) else Retriever


def _aggregated(called: Called, corpus: Corpus | None, load: Load, kinds: tuple[str, ...]) -> Stage:
    """Documents by their passages, which the pipeline or the reranker in the parentheses scores."""
    name, text = called.name, called.text
    if _over(name) is Reranker:
        if "reranker" not in kinds:
            raise Misuse(f"{text!r} reranks, so it stands behind a search; write bm25 % 100 >> {name}(RERANKER)")
        return _by_passages(called, load)
    if "retriever" not in kinds:
        raise Misuse(f"{text!r} searches, so it stands first; write {name}(RETRIEVER) % 100 >> RERANKER")
    if len(called.parts) != 1:
        raise Misuse(f"cannot read {text!r}; write {name}(RETRIEVER, option=value)")
    if corpus is None:
        raise Misuse(f"{text!r} needs a corpus to search in")

    def search(passages: Corpus) -> Stage:
        return _searching(called.parts[0], passages, load)

    found: Stage = load("aggregation", Spec(name, options=called.values), corpus, search)
    return found


def _by_passages(called: Called, load: Load, **options: Any) -> Reranker:
    """A reranker that scores passages in the place of documents."""
    if not lone(called.parts):
        raise Misuse(f"cannot read {called.text!r}; write {called.name}(RERANKER, option=value)")
    inner = load("reranker", called.parts[0])
    found: Reranker = load("aggregation", Spec(called.name, options=called.values), inner, **options)
    return found


def _fused(called: Called, corpus: Corpus | None, load: Load) -> Stage:
    stages = [_searching(part, corpus, load) for part in called.parts]
    fused: Stage = load("fusion", Spec(called.name, options=called.values), *stages)
    return fused


def _kind(called: Called, kinds: tuple[str, ...]) -> str:
    """Which of the kinds a spec is; the error lists the names of all of them."""
    for kind in kinds:
        if called.name in registry.names(kind) or registry.published(kind, called.text):
            return kind
    if called.name in registry.names("reader"):
        raise Misuse(f"{called.text!r} is a reader; it stands at the end, as in bm25 % 5 >> {called.text}")
    for kind in kinds:
        registry.refuse_earlier(kind, called.name, Spec.parse(called.text).model)
    raise UnknownName.among(" or ".join(kinds), called.name, [n for kind in kinds for n in registry.names(kind)])
