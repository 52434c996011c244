"""How many queries a comparison takes, and how small a difference so many queries can show: power of the t-test."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from rankify.errors import BadInput, needs
from rankify.evaluation.corrections import strictest
from rankify.evaluation.printed import table

if TYPE_CHECKING:
    from rankify.evaluation.comparison import Comparison, Difference

MOST = 10**9  # queries; beyond that a difference is said to need an infinite number


def power(effect_size: float, queries: int, alpha: float = 0.05) -> float:
    """How probable the paired two-sided t-test finds an effect of this size that is there.

    By the noncentral t distribution with queries - 1 degrees of freedom; an effect of 0 is "found" alpha of the time.

    Args:
        effect_size: Cohen's d of the paired differences, d_z: their mean over their standard deviation.
        queries: how many are compared, 2 or more.
        alpha: level of significance of this one test; divide it by the number of tests for Bonferroni's correction.

    Raises:
        BadInput: fewer than two queries, or alpha is no probability.
        MissingExtra: scipy is not installed.

    >>> round(power(0.5, 34), 3)
    0.808
    """
    _share("alpha", alpha)
    if queries < 2:
        raise BadInput(f"a paired test takes two queries or more, not {queries}")
    if not effect_size or not isfinite(effect_size):
        return 1.0 if effect_size else alpha
    stats: Any = needs("scipy.stats", "stats")
    freedom = queries - 1
    limit = stats.t.isf(alpha / 2, freedom)
    # the square of a noncentral t is a noncentral F: both sides at once, and scipy's t has NaN in its far tails
    return float(stats.ncf.sf(limit**2, 1, freedom, effect_size**2 * queries))


def queries_needed(effect_size: float, wanted: float = 0.8, alpha: float = 0.05) -> float:
    """The fewest queries with which the paired t-test finds an effect of this size so often.

    Args:
        effect_size: d_z.
        wanted: the power, e.g. 0.8.
        alpha: level of significance of this one test.

    Returns:
        A whole number from 2 up; infinite for an effect of 0, or one that takes more than a thousand million.

    >>> queries_needed(0.5), queries_needed(0.2), queries_needed(0.0)
    (34, 199, inf)
    """
    _share("power", wanted)
    if not effect_size:
        return inf
    few, many = 1, 2
    while power(effect_size, many, alpha) < wanted:
        few, many = many, 2 * many
        if few > MOST:
            return inf
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if power(effect_size, middle, alpha) >= wanted else (middle, many)
    return many


def detectable(queries: int, wanted: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest effect size d_z that the paired t-test over so many queries finds so often, to five digits.

    Times the standard deviation of the differences it is a difference of the measure.

    >>> round(detectable(50), 3), round(detectable(300), 3)
    (0.404, 0.162)
    """
    _share("power", wanted)
    if wanted <= alpha:
        raise BadInput(f"a power of {wanted:g} is reached without any effect at alpha {alpha:g}; ask for more")
    low, high = 0.0, 1.0
    while power(high, queries, alpha) < wanted:
        low, high = high, 2 * high
    while high - low > 1e-5 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle, queries, alpha) >= wanted else (middle, high)
    return high


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What a comparison's queries can show of one difference, and how many it would take.

    Attributes:
        deviation: standard deviation of the differences by query.
        detectable: the smallest difference of the measure that these queries show with the wanted power; NaN where the
            differences have no deviation.
        needed: how many queries would show a difference as large as the one that was found; infinite for none.
    """

    measure: str
    system: str
    against: str
    difference: float
    deviation: float
    detectable: float
    needed: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The power of a comparison; prints as a table.

    Attributes:
        rows: one for each difference.
        queries: how many were compared.
        power: how often a difference is to be found.
        alpha: the level of each single test.
    """

    rows: tuple[Planned, ...]
    queries: int
    power: float
    alpha: float

    def __str__(self) -> str:
        header = ["measure", "system - against", "difference", "sd", "detectable", "queries needed"]
        return f"{table(header, [self.cells(row) for row in self.rows], left=2)}\n{self.note()}"

    @staticmethod
    def cells(row: Planned) -> list[str]:
        """A row as text."""
        needed = f"{row.needed:,.0f}" if isfinite(row.needed) else "-"
        return [
            row.measure, f"{row.system} - {row.against}", f"{row.difference:+.4f}", f"{row.deviation:.4f}",
            f"{row.detectable:.4f}" if row.deviation else "-", needed,
        ]  # fmt: skip

    def note(self) -> str:
        """What the figures stand for, and which have none."""
        said = (
            f"detectable: with {self.queries} queries and a power of {self.power:g}; needed: for a difference as found "
            f"(paired t-test, alpha {self.alpha:.2g} for each)"
        )
        if same := [row for row in self.rows if not row.deviation]:
            pairs = ", ".join(f"{row.system} - {row.against} ({row.measure})" for row in same)
            said += f"\nno deviation, so nothing to tell what is detectable by: {pairs}"
        return said


def plan(comparison: Comparison, wanted: float = 0.8) -> Plan:
    """The smallest differences that a comparison's queries can show, and how many queries what was found would take.

    With a correction the level of each test is the one at which a difference is significant whatever the others are:
    alpha over the number of comparisons on a measure, Bonferroni's, which is a bound for all corrections but `fdr_by`,
    and for that alpha over as many times 1 + 1/2 + ... + 1/comparisons. Tukey's HSD corrects for all pairs of systems,
    so that the level is alpha over their number. Use it to plan the next experiment: the power for the difference that
    was found says no more than its p does. Sakai, Information Retrieval Journal 19, 2016.
    """
    alpha = _level(comparison)
    least = detectable(comparison.queries, wanted, alpha)
    rows = tuple(_planned(d, least, wanted, alpha) for d in comparison.differences)
    return Plan(rows=rows, queries=comparison.queries, power=wanted, alpha=alpha)


def _level(comparison: Comparison) -> float:
    """Of each single test."""
    if comparison.corrects_itself:
        return strictest(comparison.alpha, comb(len(comparison.means), 2), "bonferroni")
    tests = len(comparison.differences) // len({d.measure for d in comparison.differences})
    return strictest(comparison.alpha, tests, comparison.correction)


def _planned(found: Difference, least: float, wanted: float, alpha: float) -> Planned:
    return Planned(
        measure=found.measure,
        system=found.system,
        against=found.against,
        difference=found.difference,
        deviation=found.deviation,
        detectable=least * found.deviation if found.deviation else nan,
        needed=queries_needed(found.effect_size, wanted, alpha),
    )


def _share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise BadInput(f"{name} is a probability between 0 and 1, not {value!r}")
