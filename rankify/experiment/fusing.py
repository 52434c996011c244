"""Fusions at the beginning of a pipeline, over what their parts have found already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rankify import registry
from rankify.expressions import Called
from rankify.fuse import Fuser
from rankify.grammar import call, cuts
from rankify.spec import Spec
from rankify.stages import Cutoff, Pipeline, Stage
from rankify.types import Query, Report, Run


class Fusing(NamedTuple):
    """A fusion as it stands in a text, with the depths that it is cut at."""

    called: Called
    cuts: list[int]

    @property
    def parts(self) -> list[str]:
        """The pipelines whose results it fuses."""
        return self.called.parts


def fusion(step: str) -> Fusing | None:
    """The fusion that a step is; None of any other, and of a route, whose parts see some of the queries each.

    >>> found = fusion("rrf(bm25 % 9, bm25?k1=2, k=30) % 5")
    >>> found.called.name, found.parts, found.called.values, found.cuts
    ('rrf', ['bm25 % 9', 'bm25?k1=2'], {'k': 30}, [5])
    >>> fusion("bm25 % 9"), fusion("hyde(bm25, llm=hf:m)"), fusion("route(bm25, bm25?k1=2, by=words)")
    (None, None, None)
    """
    behind = cuts(step)
    text = (step[: behind[0].start()] if behind else step).strip()
    found = call(text)
    if found is None or found[0] not in registry.names("fusion"):
        return None
    fuses = isinstance(registry.find("fusion", found[0]), Fuser)
    return Fusing(Called(text, *found), [int(cut[1]) for cut in behind]) if fuses else None


class Known(Stage):
    """Stands for a pipeline of which it is known what it finds.

    Args:
        text: the pipeline.
        run: what it found, with the reports of that time.
    """

    name = "known"

    def __init__(self, text: str, run: Run) -> None:
        self.text, self.run = text, run

    def apply(self, run: Run) -> Run:  # noqa: ARG002
        return self.run

    def __call__(self, run: Run | Iterable[Query]) -> Run:  # noqa: ARG002
        return self.run

    def __repr__(self) -> str:
        return self.text


class Fused(Pipeline):
    """A fusion of what is known.

    Args:
        fusing: which fusion.
        parts: what it fuses.

    Attributes:
        old: the reports of the parts that are of an earlier start, or of another system.
    """

    def __init__(self, fusing: Fusing, parts: Sequence[Known], old: Sequence[Report]) -> None:
        spec = Spec(fusing.called.name, options=fusing.called.values)
        super().__init__(registry.load("fusion", spec, *parts), *map(Cutoff, fusing.cuts))
        self.old = old
