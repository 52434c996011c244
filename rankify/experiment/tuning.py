"""A fusion's options tried out on judged queries, and the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import inf
from typing import Any

from rankify import registry
from rankify.corpus import Corpus
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation import evaluate
from rankify.evaluation.measures import computable, parsed
from rankify.evaluation.names import refuse_less
from rankify.expressions import Load, pipeline
from rankify.fuse import Fuser, Fusion, Preset, fitted
from rankify.fuse.pool import Pool, pools
from rankify.fuse.trained import Trained
from rankify.spec import value_of
from rankify.stages import Stage, WithoutQuery
from rankify.types import Qrels, Run

Options = dict[str, Any]
GRIDS: Mapping[str, Sequence[Any]] = {  # tried where nothing else is said; the default first
    "k": (60, 1, 5, 10, 20, 30, 40, 80, 100),
    "norm": ("minmax", "zscore", "sum", "rank", "borda"),
    "phi": (0.95, 0.5, 0.8, 0.9, 0.98, 0.99),
    "gamma": (1, 0, 0.25, 0.5, 0.75, 1.5, 2),
    "sigma": (0.01, 0.1, 0.5, 1),
    "window": (5, 0, 1, 2, 10, 20, 50),
    "segments": (25, 5, 10, 50, 100),
}
STEP = 10  # weights go by tenths
FULL = 4  # parts up to which every split of the weights is tried


@dataclass(frozen=True, slots=True)
class Trial:
    """Options that were tried, and what the measure said."""

    options: Mapping[str, Any]
    value: float


class Tuned(Preset):
    """The best options of a fusion; called with runs or stages, it fuses them.

    Args:
        fuser: which fusion.
        options: the best ones.
        value: the measure with them.
        trials: everything that was tried, in order.
    """

    def __init__(self, fuser: Fuser, options: Options, value: float, trials: Sequence[Trial]) -> None:
        super().__init__(fuser, options)
        self.value, self.trials = value, tuple(trials)


def tune(
    fusion: str | Fuser, *runs: Run, qrels: Qrels, measure: str = "nDCG@10", rel: int = 1, file: str = "",
    drop_identical_ids: bool = False, **tried: Any,
) -> Tuned:  # fmt: skip
    """The options with which a fusion of these runs measures best.

        tuned = rankify.tune("weighted", bm25_run, dense_run, qrels=train.qrels, norm=["minmax", "zscore"])
        hybrid = tuned(bm25 % 1000, dense % 1000)  # a stage whose text has the options

    Every combination is tried; of equally good ones the first is taken, and defaults and equal weights come first.
    Weights go by tenths: every split between up to four parts; of more parts, one after the other, as long as that
    helps. A trained fusion learns from the same queries anew for each of its learning's options.

    Args:
        fusion: its name, e.g. weighted.
        runs: one of each part, of the judged queries, as deep as the parts will be.
        qrels: judgments of queries that are not those to be measured in the end.
        measure: what is to be as high as possible.
        rel: the least grade that counts as relevant, for binary measures and for learning.
        file: where what a trained fusion has learnt is kept; a .json file.
        drop_identical_ids: whether the document whose id is the query's own is dropped from what is measured, as the
            collection says (ArguAna, Quora).
        tried: values by the option's name; one value alone keeps the option at it. Where an option is not named,
            `GRIDS` says what is tried, and `weights` are split.

    Raises:
        UnknownName: there is no such fusion, option or measure.
        Misuse: there are no runs, or more than one measure is named.
        BadInput: no query of the runs is judged, or nothing is judged relevant.
    """
    one_measure(measure)
    if not runs:
        raise Misuse("nothing to tune; give a run of each part")
    fuser = fusion if isinstance(fusion, Fuser) else named(fusion)
    if file and not issubclass(fuser.method, Trained):
        raise Misuse(f"{fuser.name} learns nothing that {file} could keep; its options stand in its text")
    refuse_unjudged(qrels)
    search = _Search(fuser, runs, qrels, measure, rel, drop_identical_ids=drop_identical_ids)
    for options in combinations(fuser, tried):
        search.among(options, _weights(tried["weights"]) if "weights" in tried else None)
    best = max(search.trials, key=lambda trial: trial.value)
    return Tuned(fuser, search.preset(best.options, file).options, best.value, search.trials)


def one_measure(measure: str) -> None:
    """Raises Misuse unless one measure is named of which more is better, and what is wrong with it."""
    if len(computable(measure)) > 1:
        raise Misuse(f"one measure can be as high as possible, not several: {measure!r}")
    refuse_less(measure, "options are chosen")


def refuse_unjudged(qrels: Qrels) -> None:
    """Raises BadInput where every fusion would be as good as any other."""
    if not any(grade > 0 for row in qrels.values() for grade in row.values()):
        raise BadInput(f"no document is judged relevant to any of {len(qrels)} queries, so nothing can be tuned")


def named(fusion: str) -> Fuser:
    """The fusion of a name.

    Raises:
        UnknownName: there is none.
        Misuse: it has no options that could be tuned.
    """
    found = registry.find("fusion", fusion)
    if not isinstance(found, Fuser):
        raise Misuse(f"{fusion} has no options to tune")
    return found


def check(fuser: Fuser, parts: int, tried: Mapping[str, Any]) -> None:
    """Raises what `tune` would, once it tries them, of options that the fusion does not have or that are out of range.

    Args:
        parts: how many will be fused.
    """
    for options in combinations(fuser, tried):
        for weights in _weights(tried["weights"]) if "weights" in tried else [None]:
            given = {**options, **({} if weights is None else {"weights": weights})}
            if issubclass(fuser.method, Trained):
                given.pop("segments", None)
                given["learnt"] = ":".join(["/".join(["0"] * (fuser.method.each or 1))] * parts)
            fuser.built(**given).check(parts)


def combinations(fuser: Fuser, tried: Mapping[str, Any]) -> Iterator[Options]:
    """Every combination of the options besides weights, the defaults first.

    Raises:
        UnknownName: the fusion has no such option.
    """
    known = [name for name in (*registry.options("fusion", fuser.name), *_learning(fuser)) if name != "learnt"]
    if unknown := tried.keys() - {*known}:
        raise UnknownName.among(f"option of fusion {fuser.name!r}", min(unknown), known)
    grids = {name: _values(tried[name]) if name in tried else GRIDS[name] for name in known if name in {*tried, *GRIDS}}
    grids.pop("weights", None)
    for values in product(*grids.values()):
        yield dict(zip(grids, values, strict=True))


def _learning(fuser: Fuser) -> tuple[str, ...]:
    return ("segments",) if fuser.name == "probfuse" else ()


def plain(option: str, text: str) -> Any:
    """The value of a fusion's option that is written so.

    >>> plain("k", "10"), plain("norm", "none"), plain("weights", "0.3:0.7")
    (10, 'none', '0.3:0.7')
    """
    return text if option == "norm" else value_of(text)


def _weights(tried: Any) -> list[Any]:
    """The weights to try; numbers in a list are one value, those of the parts."""
    flat = isinstance(tried, list | tuple) and all(isinstance(weight, int | float) for weight in tried)
    return [tried] if flat and len(tried) else _values(tried)


def _values(tried: Any) -> list[Any]:
    """The values to try; one alone is a value."""
    found = [tried] if tried is None or isinstance(tried, str | int | float) else list(tried)
    if not found:
        raise Misuse("an option without values to try; leave it out, or give some")
    return found


def stages(parts: Sequence[str], corpus: Corpus, load: Load = registry.load) -> tuple[Stage, ...]:
    """The stages that pipelines describe, over documents; what stands in several is built once.

    Raises:
        Misuse: one of the texts is not one pipeline.
    """
    found = pipeline(f"rrf({', '.join(parts)})", corpus, load)
    if not isinstance(found, Fusion) or len(found.parts) != len(parts):
        raise Misuse(f"{', '.join(parts)!r}: give each pipeline as one argument, in quotes")
    return found.parts


class _Search:
    """The trials of one tuning; the runs are brought together once, for all of them."""

    def __init__(
        self, fuser: Fuser, runs: Sequence[Run], qrels: Qrels, measure: str, rel: int, *, drop_identical_ids: bool
    ) -> None:
        self.fuser, self.runs, self.qrels, self.measure, self.rel = fuser, runs, qrels, measure, rel
        limits = parsed(measure, rel).params
        deep = limits.get("judged_only") or not limits.get("cutoff")
        self.drop_identical_ids = drop_identical_ids
        self.measured = inf if deep else int(limits["cutoff"]) + drop_identical_ids  # what lies deeper is not
        self.pools: list[Pool] = [pool for pool in pools(runs) if pool.query.id in qrels]
        if not self.pools:
            raise BadInput(f"none of the {len(qrels)} judged queries is in a run, so nothing can be tuned")
        self.trials: list[Trial] = []

    def among(self, options: Options, weights: Sequence[Any] | None) -> None:
        """Tries these options, with each of these weights, or with those that are worth trying."""
        if "weights" not in registry.options("fusion", self.fuser.name):
            self.value(options)
        elif weights is not None:
            for given in weights:
                self.value({**options, "weights": given})
        elif len(self.runs) <= FULL:
            for split in splits(len(self.runs)):
                self.value({**options, "weights": list(split)})
        else:
            self.climb(options)

    def climb(self, options: Options) -> None:
        """Weights of many parts: from equal ones or the best part alone, each in turn takes the best of eleven."""
        alone = [[float(place == part) for place in range(len(self.runs))] for part in range(len(self.runs))]
        starts = [(self.value({**options, "weights": w}), w) for w in ([1.0] * len(self.runs), *alone)]
        best, weights = max(starts, key=lambda start: start[0])
        improved = True
        while improved:
            improved = False
            for place, tenth in product(range(len(weights)), range(STEP + 1)):
                other = [*weights[:place], tenth / STEP, *weights[place + 1 :]]
                if any(other) and (value := self.value({**options, "weights": other})) > best:
                    weights, best, improved = other, value, True

    def value(self, options: Options) -> float:
        """What the measure says with these options."""
        preset = self.preset(options)
        method = self.fuser.built(**{**preset.options, "depth": min(preset.method.depth, self.measured)})
        method.check(len(self.runs))
        fused = Run(method.fused(pool) for pool in self.pools)
        if self.drop_identical_ids:
            fused = WithoutQuery().apply(fused)
        value = float(next(iter(evaluate(fused, self.qrels, self.measure, rel=self.rel).values())))
        self.trials.append(Trial(options, value))
        return value

    def preset(self, options: Mapping[str, Any], file: str = "") -> Preset:
        """The fusion with these options, and with what it learns under them."""
        if not issubclass(self.fuser.method, Trained):
            return Preset(self.fuser, options)
        return fitted(self.fuser, *self.runs, qrels=self.qrels, rel=self.rel, file=file, **options)


def splits(parts: int) -> list[tuple[float, ...]]:
    """Weights in tenths that add up to 1, from those that are nearly equal to those that leave parts out.

    >>> splits(2)[:3], len(splits(2)), len(splits(3))
    ([(0.5, 0.5), (0.4, 0.6), (0.6, 0.4)], 11, 66)
    """
    found = [split for split in product(range(STEP + 1), repeat=parts) if sum(split) == STEP]
    found.sort(key=lambda split: sum(tenth**2 for tenth in split))
    return [tuple(tenth / STEP for tenth in split) for split in found]
