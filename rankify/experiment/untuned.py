"""Systems of an experiment whose fusion is tuned before it runs, as the file says them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rankify.errors import Misuse
from rankify.experiment.problems import Problems
from rankify.experiment.sources import Source
from rankify.experiment.tuning import check, named, one_measure, plain
from rankify.expressions import reads
from rankify.grammar import call, outside

KEYS = ("pipeline", "tune")
TUNE = ("split", "dataset", "measure", "try")


@dataclass(frozen=True, kw_only=True, slots=True)
class Untuned:
    """A pipeline that begins with a fusion, and how the fusion's options are chosen.

    Args:
        fusion: its name.
        parts: the pipelines that it fuses.
        options: those that stand in its text and stay as they are.
        after: what follows it in the pipeline's text.
        source: whose judged queries choose; without a name those of another split of the dataset that is measured.
        measure: what is to be as high as possible on them.
        tried: the values to try of further options.
    """

    fusion: str
    parts: tuple[str, ...]
    options: Mapping[str, Any]
    after: str
    source: Source
    measure: str
    tried: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, said: Mapping[str, Any], folder: Path, measure: str) -> Untuned:
        """What `{pipeline: ..., tune: ...}` says.

        Args:
            folder: where the file is.
            measure: where it says no other.

        Raises:
            Misuse, UnknownName: what cannot be tuned, or from what.
        """
        problems = Problems("")
        problems.unknown(said, KEYS)
        tune = said.get("tune")
        given = {"split": tune} if isinstance(tune, str) else tune
        if not isinstance(given, Mapping) or not (given.get("split") or given.get("dataset")):
            raise Misuse("tune: say on which queries, e.g. 'tune: train', or 'tune: {dataset: NAME, split: dev}'")
        problems.unknown(given, TUNE, "tune")
        problems.refuse()
        tried = _tried(given.get("try", {}))
        name, split = (str(given[key]) if given.get(key) else None for key in ("dataset", "split"))
        found = cls(
            **_taken_apart(said.get("pipeline")), measure=str(given.get("measure", measure)), tried=tried,
            source=Source.beside(folder, name, split) if name else Source("", split),
        )  # fmt: skip
        found._check()
        return found

    def _check(self) -> None:
        problems = Problems("")
        for option in sorted(self.options.keys() & self.tried.keys()):
            with problems.at("tune", "try"):
                raise Misuse(f"{option} stands in the pipeline, where it has one value; leave it out of one")
        with problems.at():
            one_measure(self.measure)
        with problems.at():
            check(named(self.fusion), len(self.parts), {**self.options, **self.tried})
        with problems.at():
            reads(self.searches + self.after)  # raises where what follows the fusion cannot
        problems.refuse()

    @property
    def searches(self) -> str:
        """A pipeline of the same parts, whatever they are tuned to."""
        return f"rrf({', '.join(self.parts)})"

    def as_dict(self) -> dict[str, Any]:
        """As the file says it, with what it does not say."""
        options = [f"{name}={value}" for name, value in self.options.items()]
        source = {"dataset": self.source.name, "split": self.source.split}
        tune = {**{key: value for key, value in source.items() if value}, "measure": self.measure, "try": self.tried}
        return {
            "pipeline": f"{self.fusion}({', '.join([*self.parts, *options])}){self.after}",
            "tune": {key: value for key, value in tune.items() if value},
        }


def _taken_apart(text: Any) -> dict[str, Any]:
    """The fusion that a pipeline begins with, its parts and options, and what follows."""
    end = outside(text).find(")") + 1 if isinstance(text, str) else 0
    found = call(text[:end]) if end else None
    if found is None:
        raise Misuse(f"tune: {text!r} does not begin with a fusion; write e.g. weighted(bm25 % 100, dense:MODEL % 100)")
    name, parts, options = found
    named(name)
    values = {option: plain(option, value) for option, value in options.items()}
    return {"fusion": name, "parts": tuple(parts), "options": values, "after": text[end:].rstrip()}


def _tried(said: Any) -> dict[str, Any]:
    """The values to try of each option, from a list of them or one alone."""
    if not isinstance(said, Mapping):
        raise Misuse(f"tune: try: {said!r} names no options; write e.g. 'try: {{norm: [minmax, zscore]}}'")
    each = {str(option): values if isinstance(values, list) else [values] for option, values in said.items()}
    return {option: [plain(option, v) if isinstance(v, str) else v for v in own] for option, own in each.items()}
