"""Pipelines as text: `bm25 % 100 >> top(20, cross-encoder:cross-encoder/ms-marco-MiniLM-L6-v2) >> extractive`.

    pipeline = step (">>" step)*
    step     = part ("%" number)*
    part     = a spec | name "(" argument ("," argument)* ")"

The first step finds documents (a retriever, or a fusion such as `rrf(bm25, dense:...)`), the others rerank, and the
last may read. It is what `repr(pipeline)` writes, so a pipeline read from its own repr is equal to it.
"""

from __future__ import annotations

import re
from typing import Any

from rankify import registry
from rankify.corpus import Corpus
from rankify.errors import BadInput, UnknownName
from rankify.spec import Spec, value_of
from rankify.stages import Answering, Reader, Stage, Top, WithoutQuery

_CUT = re.compile(r"\s+%\s*(\d+)(?=\s|$)")
_CALL = re.compile(r"([\w-]+)\((.*)\)", re.DOTALL)
_OPTION = re.compile(r"\w+\s*=[^=]")


def pipeline(text: str, corpus: Corpus | None = None) -> Stage | Answering:
    """The pipeline that a text describes, over a corpus.

    Raises:
        UnknownName: a name that is no retriever, fusion, reranker or reader.
        BadInput: the text is not a pipeline; the message quotes the part.
    """
    first, *rest = _split(text, ">>")
    stage: Stage = _step(first, corpus, ("retriever", "fusion"))
    for place, written in enumerate(rest, 1):
        last = place == len(rest)
        then = _step(written, corpus, ("reranker", "reader") if last else ("reranker",))
        if isinstance(then, Reader):
            return Answering(stage, then)
        stage = stage >> then
    return stage


def _step(text: str, corpus: Corpus | None, kinds: tuple[str, ...]) -> Any:
    """One part and its cut-offs."""
    cuts = list(_CUT.finditer(_outside(text)))
    part = _part(text[: cuts[0].start()] if cuts else text, corpus, kinds)
    for cut in cuts:
        part = part % int(cut[1])
    return part


def _part(text: str, corpus: Corpus | None, kinds: tuple[str, ...]) -> Any:
    text = text.strip()
    if text == "without-query":
        return WithoutQuery()
    call = _CALL.fullmatch(text)
    name = call[1] if call else Spec.parse(text).name
    if call and name == "top" and "reranker" in kinds:
        k, reranker = _split(call[2], ",")
        return Top(int(k), registry.load("reranker", reranker))
    if call:
        return _fused(name, call[2], corpus)
    kind = _kind(text, name, kinds)
    if kind == "retriever" and corpus is None:
        raise BadInput(f"{text!r} needs a corpus to search in")
    return registry.load(kind, text, *([corpus] if kind == "retriever" else []))


def _fused(name: str, arguments: str, corpus: Corpus | None) -> Stage:
    parts = _split(arguments, ",")
    options = {k.strip(): value_of(v.strip()) for k, _, v in (p.partition("=") for p in parts if _OPTION.match(p))}
    stages = [pipeline(p, corpus) for p in parts if not _OPTION.match(p)]
    fused: Stage = registry.load("fusion", Spec(name), *stages, **options)
    return fused


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
        raise BadInput(f"parentheses do not match in {text!r}")
    return "".join(kept)


def _split(text: str, separator: str) -> list[str]:
    """The pieces between separators that stand outside parentheses."""
    outside, pieces, start = _outside(text), [], 0
    while (end := outside.find(separator, start)) >= 0:
        pieces.append(text[start:end].strip())
        start = end + len(separator)
    pieces.append(text[start:].strip())
    if not all(pieces):
        raise BadInput(f"{text!r} has nothing before or after a {separator!r}")
    return pieces
