"""What is put under stress, and how: checked before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rankify import registry
from rankify.errors import Misuse
from rankify.evaluation.measures import computable
from rankify.expressions import reads
from rankify.grammar import call, split
from rankify.text.perturbations import DocumentPerturbation, Perturbation, several


@dataclass(frozen=True, slots=True)
class Trial:
    """One perturbation under one seed; without a perturbation, the queries and documents as they are."""

    perturbation: Perturbation | None
    seed: int

    @property
    def label(self) -> str:
        """What the results call it."""
        return repr(self.perturbation) if self.perturbation else "original"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A pipeline and what it is put through.

    Attributes:
        pipeline: its text.
        perturbations: in the order of the tables.
        seeds: how many times each that chance has a part in is drawn anew; the others are tried once.
        measures: their names.
        top: an attack succeeds when its target comes among the best so many.
        targets: how many documents of each query are attacked together.
        rel: the least grade that counts as relevant.
    """

    pipeline: str
    perturbations: tuple[Perturbation, ...]
    seeds: int
    measures: tuple[str, ...]
    top: int
    targets: int
    rel: int

    @property
    def trials(self) -> list[Trial]:
        """The original, and each perturbation under its seeds."""
        return [Trial(None, 0), *(trial for perturbation in self.perturbations for trial in self.of(perturbation))]

    def of(self, perturbation: Perturbation) -> list[Trial]:
        """The trials of a perturbation, one where chance has no part in it."""
        return [Trial(perturbation, seed) for seed in range(self.seeds if perturbation.seeded else 1)]


def planned(
    pipeline: str, perturbations: str | Iterable[Perturbation], *, seeds: int, measures: str | Sequence[str], top: int,
    targets: int, rel: int,
) -> Plan:  # fmt: skip
    """The plan, where all of it can be done.

    Raises:
        Misuse: the pipeline ends in a reader, documents are to be changed but nothing reranks them, a number is less
            than 1, or a measure cannot be read.
        UnknownName: there is no such perturbation, component or measure.
    """
    found = several(perturbations) if isinstance(perturbations, str) else list(dict.fromkeys(perturbations))
    for name, number in (("seeds", seeds), ("top", top), ("targets", targets)):
        if number < 1:
            raise Misuse(f"{name}={number}: give a whole number from 1 up")
    if reads(pipeline):
        raise Misuse(f"{pipeline!r} ends in a reader, which gives answers and no ranking; leave it out")
    if documents := [one for one in found if isinstance(one, DocumentPerturbation)]:
        _refuse_unread(pipeline, documents[0])
    return Plan(
        pipeline=pipeline, perturbations=tuple(found), seeds=seeds, measures=tuple(computable(measures, rel)), top=top,
        targets=targets, rel=rel,
    )  # fmt: skip


def _refuse_unread(pipeline: str, perturbation: Perturbation) -> None:
    """Raises Misuse where changed documents would not be read: nothing reranks, or the collection is searched again."""
    _, *rest = split(pipeline, ">>")
    if not rest:
        raise Misuse(
            f"{perturbation!r} changes the documents that a reranker is given, and {pipeline!r} has none; write "
            f"{pipeline} >> RERANKER"
        )
    for step in rest:
        if (found := call(step)) and found[0] in registry.names("refinement"):
            raise Misuse(f"{perturbation!r} changes candidates, and {step!r} searches the unchanged collection again")
