"""Systems that run once for each of several seeds: seeds put into pipelines, and means and deviations over them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from rankify import registry
from rankify.errors import Misuse
from rankify.experiment.grid import Entry, Grid
from rankify.grammar import CUT, call, outside, split
from rankify.llm.loading import backend
from rankify.spec import Spec

if TYPE_CHECKING:
    from rankify.experiment.results import Results

SEED = "seed"
_SPEC = ("retriever", "reranker", "compression", "reader")
_CALL = ("refinement", "expansion", "aggregation")
_LABEL = re.compile(r"(.+)-seed=\d+")
NOTE = "Mean ± standard deviation over the seeds (n - 1). Chance in the seed alone: queries are the same."


def label(system: str, number: int) -> str:
    """What a system is called with a seed.

    >>> label("sampled", 3)
    'sampled-seed=3'
    """
    return f"{system}-{SEED}={number}"


def groups(systems: Iterable[str]) -> dict[str, list[str]]:
    """The systems that differ in their seed alone, by the label without it; two of them at least.

    >>> groups(["bm25", "a-seed=1", "a-seed=2", "b-seed=1"])
    {'a': ['a-seed=1', 'a-seed=2']}
    """
    found: dict[str, list[str]] = {}
    for system in systems:
        if known := _LABEL.fullmatch(system):
            found.setdefault(known[1], []).append(system)
    return {system: labels for system, labels in found.items() if len(labels) > 1}


def numbers(said: Any) -> tuple[int, ...]:
    """The seeds in a list.

    Raises:
        Misuse: it is none, has none, or has one twice.
    """
    written = [str(one) for one in said] if isinstance(said, Sequence) and not isinstance(said, str) else []
    if not written or not all(re.fullmatch(r"\d{1,9}", one) for one in written):
        raise Misuse(f"seeds: {said!r} is no list of whole numbers; write e.g. seeds: [1, 2, 3]")
    found = tuple(map(int, written))
    if len(set(found)) < len(found):
        raise Misuse(f"seeds: {next(n for n in found if found.count(n) > 1)} stands there twice; leave one out")
    return found


def sown(text: str, seed: int) -> str:
    """The pipeline with a seed in each of its parts that takes one and has none.

    >>> sown("bm25 % 9 >> rankgpt:simulated:qrels.tsv?noise=1 % 5", 3)
    'bm25 % 9 >> rankgpt:simulated:qrels.tsv?noise=1&seed=3 % 5'

    Raises:
        Misuse: no part takes one; the pipeline is the same each time.
    """
    written = _pipeline(text, seed)
    if written == _pipeline(text, seed + 1):
        raise Misuse(f"seeds: no part of {text!r} takes a seed that it does not have; leave 'seeds' out")
    return written


def _pipeline(text: str, seed: int) -> str:
    return " >> ".join(_step(step, seed) for step in split(text, ">>"))


def _step(text: str, seed: int) -> str:
    """A step with its cuts as they stand."""
    cut = CUT.search(outside(text))
    part, cuts = (text[: cut.start()], text[cut.start() :]) if cut else (text, "")
    called = call(part)
    return (_called(*called, seed) if called else _spec(part.strip(), seed, _SPEC)) + cuts


def _called(name: str, parts: Sequence[str], options: Mapping[str, str], seed: int) -> str:
    given = dict(options)
    if "llm" in given:
        llm = backend(given["llm"].partition("?")[0])
        written = f"{llm.name}:{llm.model}" + given["llm"].partition("?")[1] + given["llm"].partition("?")[2]
        given["llm"] = _spec(written, seed, ("llm",)) if _takes("llm", written) else given["llm"]
    if "teacher" in given:
        given["teacher"] = _spec(given["teacher"], seed, ("reranker",))
    if any(name in registry.names(kind) and SEED in registry.options(kind, name) for kind in _CALL):
        given.setdefault(SEED, str(seed))
    inner = [part if part.isdigit() else _pipeline(part, seed) for part in parts]
    return f"{name}({', '.join([*inner, *(f'{option}={value}' for option, value in given.items())])})"


def _spec(text: str, seed: int, kinds: Iterable[str]) -> str:
    if not any(_takes(kind, text) for kind in kinds):
        return text
    return f"{text}{'&' if '?' in text else '?'}{SEED}={seed}"


def _takes(kind: str, text: str) -> bool:
    """Whether a spec is of this kind, and takes a seed that it does not have."""
    if Spec.parse(text).name not in registry.names(kind) and not registry.published(kind, text):
        return False
    found = registry.resolve(kind, text)
    return SEED in registry.options(kind, found) and SEED not in found.options


def spreads(results: Results) -> list[Grid]:
    """For each dataset a table of means and deviations over seeds; none where nothing ran with several.

    A measure that has no value for one of the seeds has none here.
    """
    made = []
    for dataset, scores in results.scores.items():
        known = {system: dict(found) for system, found in scores.items()}
        if found := groups(known):
            made.append(_spread(f"{dataset}: over seeds", found, known))
    return made


def _spread(title: str, found: Mapping[str, Sequence[str]], scores: Mapping[str, Mapping[str, float]]) -> Grid:
    measures = list(dict.fromkeys(name for labels in found.values() for one in labels for name in scores[one]))
    rows = []
    for system, labels in found.items():
        values = [[scores[one][name] for one in labels if name in scores[one]] for name in measures]
        rows.append((system, [Entry(str(len(labels))), *(Entry(_written(own)) for own in values)]))
    return Grid(title=title, columns=["system", "seeds", *measures], rows=rows, note=NOTE)


def _written(values: Sequence[float]) -> str:
    """Mean and deviation of a measure; "" where a seed lacks it."""
    if len(values) < 2 or any(map(isnan, values)):
        return ""
    return f"{mean(values):.4f} ± {stdev(values):.4f}"
