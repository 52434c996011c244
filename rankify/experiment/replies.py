"""Language models whose replies are kept for the next start: what was asked before a kill is not asked again."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rankify import registry
from rankify.llm.cached import Ask, Cached
from rankify.llm.loading import backend, passes_on
from rankify.llm.protocol import LLM, Reply, Value
from rankify.spec import Spec

Load = Callable[..., Any]


class Resumed(Cached):
    """A backend that remembers as `cached` does, and counts as if it did not.

    A remembered reply is an answer to this work, given before the work was interrupted: its tokens and passes count
    like those of any other reply, so that a run that was killed ends with the counts of one that was not. It goes by
    the name of the backend that it stands for.

    Attributes:
        passes: of all replies that were given here, whenever they were made. A batch's are shared out among its
            replies in whole numbers; a reply of a backend that batches by itself, as servers do, is one, since whose
            failed tries are is not known.
        remembered: how many replies were there already when the work began.
    """

    passes = 0

    def __init__(self, model: LLM, *, folder: Path) -> None:
        super().__init__(model, folder=str(folder))
        self._counting = threading.Lock()  # several threads ask a server
        self.begin()

    def begin(self) -> None:
        """Another work begins: what was asked so far, also by other work, was there already."""
        self.remembered, self._own = 0, set[str]()

    def _remembered(self, keys: Sequence[str], ask: Ask[Value], read: Callable[[Any], Value]) -> list[Reply[Value]]:
        def whole(places: Sequence[int]) -> list[Reply[Any]]:
            """Replies with what a memory would leave behind beside their values."""
            before = self.inner.passes
            given: Sequence[Reply[Any]] = ask(places)
            each = [1] * len(given) if self.independent else _shares(self.inner.passes - before, len(given))
            return [
                replace(one, value=[one.value, one.reasoning_tokens, one.estimated, passes])
                for one, passes in zip(given, each, strict=True)
            ]

        kept: list[Reply[Any]] = super()._remembered(keys, whole, lambda value: value)
        with self._counting:
            self._own |= {key for key, reply in zip(keys, kept, strict=True) if not reply.cached}
            self.remembered += sum(key not in self._own for key in keys)
            self.passes += sum(map(_passes, kept))
        return [self._as_first_given(reply, read) for reply in kept]

    @staticmethod
    def _as_first_given(reply: Reply[Any], read: Callable[[Any], Value]) -> Reply[Value]:
        value, thought, estimated, *_ = reply.value
        return replace(reply, value=read(value), reasoning_tokens=thought, estimated=estimated, cached=False)

    def __repr__(self) -> str:
        return repr(self.inner)


def _shares(passes: int, replies: int) -> list[int]:
    """Whole numbers that differ by 1 at most and add up to the passes that a batch took.

    >>> _shares(4, 3), _shares(2, 2), _shares(0, 0)
    ([1, 1, 2], [1, 1], [])
    """
    return [passes * (place + 1) // replies - passes * place // replies for place in range(replies)]


def _passes(reply: Reply[Any]) -> int:
    """The passes that a reply took; 1 where it was kept before they were noted."""
    _, _, _, *passes = reply.value
    return int(passes[0]) if passes else 1


def has_model(kind: str, spec: str | Spec) -> bool:
    """Whether a component is built on a language model that its spec names, itself or by the reader that it holds."""
    found = registry.resolve(kind, spec)
    inner = getattr(registry.find(kind, found.name), "passes_on", None)
    if not found.model or inner is None:
        return False
    return inner is passes_on or (kind == "reader" and has_model("reader", found.model))


def resumed(
    kind: str, spec: str | Spec, folder: Path, load: Load = registry.load,
    made: Callable[[Resumed], object] = lambda _: None,
) -> Any:  # fmt: skip
    """A reader or a reranker on a language model, which is `Resumed`.

    A model that is `cached` by its own spec stays as it is. So does that of a reranker which runs in this process: a
    kill costs no more than the step in hand, and its batches stay whole.

    Args:
        folder: where the replies are kept.
        load: builds the backend, as `registry.load` does.
        made: is told the model that is `Resumed`, where it is.
    """
    factory, [name, *_], given = registry.prepared(kind, spec)
    known = inspect.signature(factory).parameters.values()
    own = {p.name: given[p.name] for p in known if p.kind is p.KEYWORD_ONLY and p.name in given}
    rest = {option: value for option, value in given.items() if option not in own}
    if factory.passes_on is not passes_on:
        inner = Spec.parse(name)
        return factory(resumed(kind, Spec(inner.name, inner.model, rest), folder, load, made), **own)
    model = backend(name)
    llm: LLM = load("llm", Spec(model.name, model.model, rest))
    if isinstance(llm, Cached) or (kind == "reranker" and not llm.independent):
        return factory(llm, **own)
    kept = Resumed(llm, folder=folder)
    made(kept)
    return factory(kept, **own)
