"""How systems of an experiment are compared: which pairs, by which test, and how tables write that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from rankify.errors import Misuse, UnknownName
from rankify.evaluation.comparison import ITSELF, TESTS
from rankify.evaluation.corrections import CORRECTIONS
from rankify.experiment.problems import Problems

if TYPE_CHECKING:
    from rankify.evaluation import Comparison
    from rankify.evaluation.significance import Test

WAYS = ("baseline", "all-pairs")
PAIRS = ("baseline", "all")
KEYS = ("pairs", "test", "correction", "alpha")


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparing:
    """Which systems are compared, and what decides whether they differ.

    Args:
        all_pairs: every two systems; else each with the baseline.
        test: whose corrected p decides, as `rankify.compare` names it.
        correction: for the number of comparisons on one measure; None of Tukey's HSD, which has its own.
        alpha: the level of significance, and one less the level of intervals.
    """

    all_pairs: bool = False
    test: Test = "t-test"
    correction: str | None = "holm"
    alpha: float = 0.05

    @classmethod
    def of(cls, said: Any) -> Comparing:
        """What the key `compare` of an experiment says: a way to compare, or a mapping.

        Raises:
            UnknownName: there is no such way, test or correction.
            Misuse: another key, an alpha that is no probability, or a correction of a test that corrects itself.
            Several: more than one of these.
        """
        if not isinstance(said, Mapping):
            return cls(all_pairs=_one_of("way to compare", said, WAYS) == "all-pairs")
        problems, found = Problems(""), dict[str, Any]()
        problems.unknown(said, KEYS)
        with problems.at():
            found["all_pairs"] = _one_of("pairs", said.get("pairs", "baseline"), PAIRS) == "all"
        with problems.at():
            found["test"] = cast("Test", _one_of("test", said.get("test", "t-test"), TESTS))
        with problems.at():
            itself = found.get("test") in ITSELF
            if itself and "correction" in said:
                raise Misuse(f"correction: {found['test']} corrects for all pairs itself; leave the key out")
            named = said.get("correction", "holm")
            found["correction"] = None if itself else _one_of("correction", named, CORRECTIONS)
        with problems.at():
            found["alpha"] = _level(said.get("alpha", 0.05))
        problems.refuse()
        return cls(**found)

    def said(self) -> str:
        """In words, for a plan."""
        corrected = "" if self.correction in (None, "none") else f", {self.correction}"
        who = "every two systems are compared" if self.all_pairs else "each system is compared with the baseline"
        return f"{who} ({self.test}{corrected}, alpha {self.alpha:g})"

    def as_dict(self) -> dict[str, Any]:
        """As the file says it, under its key; empty where that may be left out."""
        if self == Comparing(all_pairs=self.all_pairs):
            return {"compare": "all-pairs"} if self.all_pairs else {}
        said = {"pairs": "all" if self.all_pairs else "baseline", "test": self.test}
        corrected = {} if self.correction is None else {"correction": self.correction}
        return {"compare": {**said, **corrected, "alpha": self.alpha}}


USUAL = Comparing()  # where a file says nothing


def _one_of(what: str, said: Any, known: Iterable[str]) -> str:
    if said not in tuple(known):
        raise UnknownName.among(what, str(said), known)
    return str(said)


def _level(said: Any) -> float:
    try:
        level = float(str(said))
    except ValueError:
        level = 0.0
    if not 0 < level < 1:
        raise Misuse(f"alpha: {said!r} is no probability between 0 and 1; write e.g. 0.05")
    return level


def lettered(comparison: Comparison | None, systems: Iterable[str]) -> Comparison | None:
    """A comparison whose letters are those of the systems in this order, which stay the same where one is missing."""
    return comparison and replace(comparison, means={s: comparison.means.get(s, {}) for s in systems})


def named(comparison: Comparison | None, system: str) -> str:
    """A system's name in a table, after its letter where there are letters."""
    return system if comparison is None or comparison.baseline else f"{comparison.label(system).strip()} {system}"
