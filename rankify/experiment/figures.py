"""A figure here beside the one that is published, and whether they are near enough."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

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
