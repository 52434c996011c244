"""What a comparison of systems returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import copysign, inf, isfinite
from string import ascii_lowercase
from typing import Any

from rankify.errors import UnknownName
from rankify.evaluation.printed import table

_LETTERS = ascii_lowercase.replace("q", "")  # there is no superscript q
_SUPERSCRIPTS = str.maketrans(_LETTERS + "0123456789", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ⁰¹²³⁴⁵⁶⁷⁸⁹")
ABOVE, BELOW = "†", "‡"
TESTS = {
    "t-test": "paired t-test",
    "wilcoxon": "Wilcoxon's signed-rank test",
    "randomisation": "Fisher's randomisation test",
    "tukey-hsd": "Tukey's HSD, queries as blocks",
    "randomised-tukey-hsd": "randomised Tukey's HSD",
}
NAMES = {  # of corrections, where a capital does not make them
    "none": "no", "sidak": "Šidák", "holm-sidak": "Holm-Šidák", "fdr_bh": "Benjamini-Hochberg",
    "fdr_by": "Benjamini-Yekutieli",
}  # fmt: skip
_CORRECTED = {"t-test": "t_test", "wilcoxon": "wilcoxon", "randomisation": "randomisation"}  # fields by test
ITSELF = tuple(test for test in TESTS if test not in _CORRECTED)  # of all pairs at once; they correct for their number
_EFFECTS = ("effect_size", "glass_delta")  # which have no limit where nothing varies


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One system against another on one measure, paired by query.

    Attributes:
        difference: the mean of the system's values minus the other's.
        low: lower end of the bootstrap interval of that mean; `high` is the upper end.
        deviation: standard deviation of the differences by query.
        effect_size: Cohen's d of the paired differences, their mean over their standard deviation (d_z).
        glass_delta: the mean difference over the standard deviation of the other system's values.
        cliffs_delta: how often a value is above one of the other's, less how often below, over all pairs of values.
        wins: queries on which the system is above the other; then `ties` and `losses`.
        t_test: p of the paired t-test, two-sided; `wilcoxon` is p of Wilcoxon's signed-rank test, `randomisation` of
            Fisher's randomisation test.
        t_test_corrected: p after the correction over all comparisons on this measure; likewise for the other tests.
        tukey_hsd: p of Tukey's HSD over all systems, where it decides; it corrects for all pairs itself.
        significant: whether the corrected p of the test that decides is at most alpha.
    """

    measure: str
    system: str
    against: str
    difference: float
    low: float
    high: float
    deviation: float
    effect_size: float
    glass_delta: float
    cliffs_delta: float
    wins: int
    ties: int
    losses: int
    t_test: float
    t_test_corrected: float
    wilcoxon: float
    wilcoxon_corrected: float
    randomisation: float
    randomisation_corrected: float
    tukey_hsd: float | None
    significant: bool

    def p(self, test: str, *, corrected: bool = True) -> float:
        """p of a test by its name, corrected or not; Tukey's HSD always is.

        Raises:
            UnknownName: there is no such test, or Tukey's HSD was not asked for.
        """
        if test in _CORRECTED:
            return float(getattr(self, _CORRECTED[test] + "_corrected" * corrected))
        if test not in TESTS or self.tukey_hsd is None:
            raise UnknownName.among("test in this comparison", test, _CORRECTED)
        return self.tukey_hsd


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Systems side by side: their means, and every difference that was tested.

    Attributes:
        means: by system, then measure.
        differences: each with its tests; all pairs, or each system against the baseline.
        baseline: what the others were compared with, or None for all pairs.
        queries: how many were compared.
        alpha: the level of significance.
        correction: for several comparisons on one measure, of the tests that do not correct themselves.
        decided_by: the test whose corrected p decides what is significant.
    """

    means: Mapping[str, Mapping[str, float]]
    differences: tuple[Difference, ...]
    baseline: str | None
    queries: int
    alpha: float
    correction: str
    decided_by: str

    @property
    def tests(self) -> list[str]:
        """The tests that every difference has a p of."""
        return [test for test in TESTS if test in _CORRECTED or test == self.decided_by]

    @property
    def corrects_itself(self) -> bool:
        """Whether the test that decides is of all pairs at once, Tukey's HSD, which takes no `correction`."""
        return self.decided_by in ITSELF

    def label(self, system: str) -> str:
        """The letter of a system in the table, or its number from the twenty-sixth on."""
        place = list(self.means).index(system)
        return _LETTERS[place] if place < len(_LETTERS) else f" {place + 1}"

    def marks(self, system: str, measure: str) -> str:
        """What is written after a mean: the systems it is significantly above, or where it is to the baseline."""
        signs = {d.against: d.difference for d in self._significant(measure) if d.system == system}
        signs |= {d.system: -d.difference for d in self._significant(measure) if d.against == system}
        if self.baseline is None:
            return "".join(self.label(s) for s in self.means if signs.get(s, 0) > 0).translate(_SUPERSCRIPTS)
        if system == self.baseline or not signs:
            return ""
        return ABOVE if signs[self.baseline] > 0 else BELOW

    def _significant(self, measure: str) -> list[Difference]:
        return [d for d in self.differences if d.measure == measure and d.significant]

    def __str__(self) -> str:
        return f"{self.summary()}\n\n{self.details()}"

    def summary(self) -> str:
        """The means as a table, with marks of significance and what they mean."""
        measures = list(next(iter(self.means.values())))
        cells = {s: [f"{means[m]:.4f}" for m in measures] for s, means in self.means.items()}
        marks = {s: [self.marks(s, m) for m in measures] for s in self.means}
        widths = [max(map(len, column)) for column in zip(*marks.values(), strict=True)]
        names = {s: s if self.baseline else f"{self.label(s).strip()}  {s}" for s in self.means}
        rows = [
            [names[s], *(c + m.ljust(w) for c, m, w in zip(cells[s], marks[s], widths, strict=True))] for s in cells
        ]
        header = [m + " " * w for m, w in zip(measures, widths, strict=True)]
        return f"{table(['system', *header], rows)}\n{self.legend()}"

    def legend(self, *, counted: bool = True) -> str:
        """What the marks mean: the test, its correction, the level, and how many queries there are."""
        meaning = (
            f"{ABOVE} above, {BELOW} below {self.baseline}"
            if self.baseline
            else "a letter: above the system of that letter"
        )
        queries = f", {self.queries} queries" if counted else ""
        return f"{meaning} ({self.how}, p <= {self.alpha:g}{queries})"

    @property
    def how(self) -> str:
        """The test that decides, with its correction, in words."""
        return f"{TESTS[self.decided_by]}{self._correction()}"

    def _correction(self) -> str:
        if self.corrects_itself:
            return ""
        return f", {NAMES.get(self.correction, self.correction.capitalize())} correction"

    def details(self) -> str:
        """Every difference as a table: interval, effect size, wins/ties/losses, corrected p of each test."""
        share = f"{100 * (1 - self.alpha):g}% interval"
        tests = self.tests
        header = ["measure", "system - against", "difference", share, "d_z", "W/T/L", *(f"p ({t})" for t in tests)]
        rows = [
            [
                d.measure,
                f"{d.system} - {d.against}",
                f"{d.difference:+.4f}",
                f"[{d.low:+.4f}, {d.high:+.4f}]",
                f"{d.effect_size:+.2f}",
                f"{d.wins}/{d.ties}/{d.losses}",
                *(probability(d.p(test)) for test in tests),
            ]
            for d in self.differences
        ]
        return table(header, rows, left=2)

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Comparison:
        """What `as_dict` wrote; an effect size without limit has the sign of its difference again."""
        return cls(**{**said, "differences": tuple(map(_read, said["differences"]))})

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it; an effect size without limit becomes None."""
        return {
            "baseline": self.baseline,
            "queries": self.queries,
            "alpha": self.alpha,
            "correction": self.correction,
            "decided_by": self.decided_by,
            "means": {system: dict(means) for system, means in self.means.items()},
            "differences": [
                {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in asdict(d).items()}
                for d in self.differences
            ],
        }


def _read(said: Mapping[str, Any]) -> Difference:
    limitless = {name: copysign(inf, said["difference"]) for name in _EFFECTS if said[name] is None}
    return Difference(**{**said, **limitless})


def probability(p: float) -> str:
    """A p value with four digits.

    >>> probability(0.01234), probability(1e-9)
    ('0.0123', '<0.0001')
    """
    return f"{p:.4f}" if p >= 0.00005 else "<0.0001"
