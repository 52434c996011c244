"""A figure here beside the one that is published, and whether they are near enough."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import fmean

from rankify.catalog.published import Published
from rankify.evaluation.averages import averages, over, parts

EQUAL, WITHIN, APART, ALONE, FAILED = "equal", "within", "apart", "not published", "failed"
DIGITS = 4  # of a published figure, if nothing else is known


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A figure of a system on a collection, here and as published.

    Attributes:
        ours: None where the system failed here.
        published: None where nothing is published.
        tolerance: how far they may be apart, at most.
        reason: why the system failed here; "" where it did not.
        digits: of the published figure behind the point; ours is rounded to these before the two are compared.
        source: who published it, where several publish figures of the system; otherwise "".
    """

    system: str
    collection: str
    measure: str
    ours: float | None
    published: float | None
    tolerance: float
    reason: str = ""
    digits: int = DIGITS
    source: str = ""

    @property
    def _apart(self) -> Decimal | None:
        if self.ours is None or self.published is None:
            return None
        return Decimal(self.written(self.ours)) - Decimal(self.written(self.published))

    @property
    def difference(self) -> float | None:
        """Ours less the published one, each with the published one's digits: what the verdict is about."""
        return None if self._apart is None else float(self._apart)

    @property
    def verdict(self) -> str:
        """equal: the same with the published one's digits; within or apart, by the tolerance; not published; failed."""
        if self.ours is None:
            return FAILED
        if self._apart is None:
            return ALONE
        if not self._apart:
            return EQUAL
        return WITHIN if abs(self._apart) <= Decimal(repr(self.tolerance)) else APART

    def written(self, value: float | None, sign: str = "") -> str:
        """One of its values with the digits that are compared; "" for none.

        Args:
            sign: "+" for one that has its sign in any case, as a difference has.
        """
        return "" if value is None else f"{value:{sign}.{self.digits}f}"


def averaged(rows: Sequence[Figure], systems: Sequence[Published], measures: Sequence[str]) -> list[Figure]:
    """The named averages whose collections are all there: one for each source that has it, or one that has none.

    A source's average is the one that it publishes, else the mean of its figures. A collection that is a mean of
    others, CQADupStack, is an average where a source publishes it.
    """
    return [
        figure
        for name in dict.fromkeys(one.name for one in systems)
        for measure in measures
        for figure in _averaged(
            [row for row in rows if (row.system, row.measure) == (name, measure)],
            [one for one in systems if one.name == name],
        )
    ]


def _averaged(rows: Sequence[Figure], sources: Sequence[Published]) -> Iterator[Figure]:
    """The averages of a system on one measure."""
    for average, ours in _means({row.collection: row.ours for row in rows if row.ours is not None}).items():
        first = rows[0]
        found = [
            Figure(system=first.system, collection=average, measure=first.measure, ours=ours, published=published,
                   tolerance=source.tolerance, digits=digits, source=source.label)
            for source in sources
            for published, digits in _published(average, first.measure, rows, source)
        ]  # fmt: skip
        if found or average in averages():
            yield from found or [
                Figure(system=first.system, collection=average, measure=first.measure, ours=ours, published=None,
                       tolerance=first.tolerance)
            ]  # fmt: skip


def _published(
    average: str, measure: str, rows: Sequence[Figure], source: Published
) -> Iterator[tuple[float, int]]:  # fmt: skip
    """A source's average with its digits, if it has one."""
    if (said := source.figures.get(average, {}).get(measure)) is not None:
        yield said, source.digits.get(average, {}).get(measure, DIGITS)
        return
    own = [row for row in rows if row.source == source.label and row.published is not None]
    means = _means({row.collection: row.published for row in own if row.published is not None})
    if average in means and average in averages():
        yield means[average], min(row.digits for row in own)


def named_in(collections: Collection[str]) -> list[str]:
    """The means that collections make up as a whole: CQADupStack's of its forums, and named averages."""
    made = [name for name, pieces in parts().items() if {*pieces} <= {*collections}]
    return [*made, *(name for name, one in averages().items() if {*one.of} <= {*collections, *made})]


def _means(values: Mapping[str, float]) -> dict[str, float]:
    return {name: fmean(_over(values, name)) for name in named_in(values)}


def _over(values: Mapping[str, float], name: str) -> list[float]:
    """What a mean is of."""
    return [values[piece] for piece in parts()[name]] if name in parts() else [*over({"": values}, name)[""].values()]
