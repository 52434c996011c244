"""The stage that fuses what other stages find, and what makes it: `rrf(run, other)`, `rrf(bm25 % 100, dense)`."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, get_type_hints, overload

from rankify.errors import Misuse, UnknownName
from rankify.fuse.method import Method, declared
from rankify.fuse.pool import pools
from rankify.stages import Stage
from rankify.types import Query, Report, Run


class Fusion(Stage):
    """What `rrf` and the others make of stages: each works on the same run, and their results are fused.

    The parts' reports stand before the fusion's own, whose seconds are the fusing alone.
    """

    name = "fusion"

    def __init__(self, method: Method, *parts: Stage) -> None:
        self.method, self.parts = method, parts

    def apply(self, run: Run) -> Run:
        return fused(self.method, [part(run) for part in self.parts])

    def __call__(self, run: Run | Iterable[Query]) -> Run:
        before = run if isinstance(run, Run) else Run.of(run)
        found = [part(before.reported(())) for part in self.parts]
        start = time.perf_counter()
        together = fused(self.method, found)
        own = Report(repr(self), time.perf_counter() - start)
        return together.reported((*before.reports, *chain.from_iterable(f.reports for f in found), own))

    def __repr__(self) -> str:
        return f"{self.method.name}({', '.join([*map(repr, self.parts), *self.method.options])})"


class Fuser:
    """A way to fuse, by its name: of runs it makes a run, of stages the stage that will fuse what they find.

    Its options are those of the method, with their defaults.

    Args:
        method: what it does; its docstring is this one's.
    """

    def __init__(self, method: type[Method]) -> None:
        self.method, self.name, self.paper = method, method.name, method.paper
        self.__doc__, self.__name__ = method.__doc__, method.name
        self.__module__, self.__qualname__ = method.__module__, method.__qualname__
        self.__signature__ = _signature(method)

    @overload
    def __call__(self, *parts: Run, **options: Any) -> Run: ...
    @overload
    def __call__(self, *parts: Stage, **options: Any) -> Fusion: ...
    def __call__(self, *parts: Run | Stage, **options: Any) -> Run | Fusion:
        method = self.built(**options)
        method.check(len(parts))
        stages = [p for p in parts if isinstance(p, Stage)]
        runs = [p for p in parts if isinstance(p, Run)]
        if max(len(stages), len(runs)) < len(parts):
            raise Misuse(f"{self.name} takes runs, or stages that make them, not both and nothing else")
        return Fusion(method, *stages) if stages else _reported(method, runs)

    def built(self, **options: Any) -> Method:
        """The method with these options.

        Raises:
            UnknownName: it has no such option.
            Misuse: a value is out of range.
        """
        known = [option.name for option in declared(self.method)]
        if unknown := options.keys() - {*known}:
            raise UnknownName.among(f"option of fusion {self.name!r}", min(unknown), known)
        return self.method(**options)

    def __repr__(self) -> str:
        return f"<fusion {self.name}>"


def fused(method: Method, runs: Sequence[Run]) -> Run:
    """Runs as one: the queries of the first in its order, then those that only later ones have."""
    return Run(method.fused(pool) for pool in pools(runs))


def _reported(method: Method, runs: Sequence[Run]) -> Run:
    """Runs fused now, with all their reports and one of the fusing."""
    start = time.perf_counter()
    together = fused(method, runs)
    own = Report(f"{method.name}({', '.join(['...', *method.options])})", time.perf_counter() - start)
    return together.reported((*chain.from_iterable(r.reports for r in runs), own))


def _signature(method: type[Method]) -> inspect.Signature:
    """(*parts, the options of a method)."""
    kinds = get_type_hints(method)
    parts = inspect.Parameter("parts", inspect.Parameter.VAR_POSITIONAL, annotation=Run | Stage)
    options = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=kinds[f.name])
        for f in declared(method)
    ]
    return inspect.Signature([parts, *options])
