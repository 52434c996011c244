"""Measures that the library behind ir-measures computes otherwise than trec_eval 10 does, or not for every grade."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import floor
from typing import Any

Grade = int | None  # None: not judged


def known(grade: Grade) -> bool:
    """Whether somebody judged: a negative grade is a document of the pool that nobody did."""
    return grade is not None and grade >= 0


def judged_share(measure: Any, hits: Sequence[Grade], _: Iterable[int]) -> float:
    """The share of judged documents down to the cutoff, of those that are there; 0 without any."""
    top = hits[: measure.params.get("cutoff")]
    return sum(map(known, top)) / max(1, len(top))


def interpolated_precision(measure: Any, hits: Sequence[Grade], judged: Iterable[int]) -> float:
    """The best precision from the rank on where this recall is reached.

    The number of relevant documents that this takes is rounded to the nearest, since trec_eval 10; earlier versions
    added .9 and cut.

    Args:
        measure: IPrec of ir-measures.
        hits: grades down the ranking.
        judged: grades of all judged documents.
    """
    kept = [g for g in hits if known(g)] if measure["judged_only"] else hits
    needed = floor(measure["recall"] * relevant(measure, (), judged) + 0.5)
    found = accumulate(g is not None and g >= measure["rel"] for g in kept)
    return max((n / rank for rank, n in enumerate(found, 1) if n >= needed), default=0.0)


def relevant(measure: Any, _: Sequence[Grade], judged: Iterable[int]) -> float:
    """How many documents are relevant, retrieved or not."""
    return float(sum(grade >= measure["rel"] for grade in judged))


def one(_measure: Any, _hits: Sequence[Grade], _judged: Iterable[int]) -> float:
    """Each judged query counts, found or not."""
    return 1.0


OWN: Mapping[str, Callable[[Any, Sequence[Grade], Iterable[int]], float]] = {
    "Judged": judged_share,
    "IPrec": interpolated_precision,
    "NumRel": relevant,
    "NumQ": one,
}
SAID = {  # instead of ir-measures' own words, which leave out what matters
    "Judged": "Share of the top k (cutoff) that somebody judged; a negative grade is no judgment",
    "infAP": "Inferred AP: skips documents with the grade -1, pooled but not judged; takes others without judgment for "
    "not relevant, so that without such grades it is AP",
}
