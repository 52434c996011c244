"""Measures by their names, as ir-measures writes them: `nDCG@10`, `AP(rel=2)@1000`, `RR@10`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rankify.errors import MissingExtra, Misuse, UnknownName
from rankify.evaluation.as_trec_eval import OWN

_ITEM = re.compile(r"(?:\([^)]*\)?|[^\s,(])+")
_NAME = re.compile(r"\w*")
_OWN_REL = re.compile(r"\brel\s*=")


def listed(measures: str | Iterable[object]) -> list[str]:
    """The names of measures, separated by blanks or commas, or in a list; each once.

    >>> listed("nDCG@10, AP(rel=2, judged_only=True)@100 R@5 R@5")
    ['nDCG@10', 'AP(rel=2, judged_only=True)@100', 'R@5']

    Raises:
        Misuse: there is none.
    """
    names = _ITEM.findall(measures) if isinstance(measures, str) else [str(m).strip() for m in measures]
    if not any(names):
        raise Misuse('no measure is named; write for example "nDCG@10 RR@10 R@100 AP"')
    return list(dict.fromkeys(names))


def parsed(name: str, rel: int) -> Any:
    """The measure of ir-measures with that name.

    Args:
        name: as ir-measures writes it.
        rel: the least grade that is relevant, for a measure that counts relevant documents and does not say it itself.

    Raises:
        UnknownName: there is no such measure.
        Misuse: its parameters are wrong.
    """
    from ir_measures import parse_measure

    try:
        measure: Any = parse_measure(name)
        measure.validate_params()
    except NameError:
        raise _unknown(name) from None
    except (AssertionError, ValueError) as error:
        raise Misuse(f"cannot read the measure {name!r}: {_reason(name, error)}") from None
    cutoff = measure.params.get("cutoff", 1)
    if cutoff < 1:  # would end the process inside trec_eval
        raise Misuse(f"cannot read the measure {name!r}: a cutoff is a whole number from 1 up")
    counts_relevant = "rel" in measure.SUPPORTED_PARAMS and isinstance(measure["rel"], int)
    return measure(rel=rel) if counts_relevant and rel != 1 and not _OWN_REL.search(name) else measure


def computable(measures: str | Iterable[object], rel: int = 1) -> list[str]:
    """The names of measures, as `listed`, each of which can be read and be computed here.

    Raises:
        MissingExtra: a library that computes one is not installed; the message says which.
        Misuse, UnknownName: as `listed` and `parsed`, or nothing computes one with these parameters.
    """
    names = listed(measures)
    for name in names:
        measure = parsed(name, rel)
        able = [p for p in _providers(measure) if p.supports(measure)]
        if not able and measure.NAME not in OWN:
            raise Misuse(f"cannot read the measure {name!r}: no library computes it with these parameters")
        if way_out := needed(measure, able):
            raise MissingExtra(f"the measure {name!r} needs a library that is not installed: {way_out}")
    return names


def needed(measure: Any, able: Iterable[Any] | None = None) -> str:
    """How to install what computes a measure, or "" when something that is installed does."""
    able = _providers(measure) if able is None else list(able)
    if measure.NAME in OWN or any(provider.is_available() for provider in able):
        return ""
    return next((str(p.install_instructions()) for p in able), "nothing computes it")


def _providers(measure: Any) -> list[Any]:
    """The libraries of ir-measures that know a measure, whatever its parameters, its first choice first."""
    import ir_measures

    known = ir_measures.DefaultPipeline.providers
    return [p for p in known if any(s.NAME == measure.NAME for s in p.SUPPORTED_MEASURES)]


def _unknown(name: str) -> UnknownName:
    import ir_measures

    try:
        [written] = map(str, ir_measures.parse_trec_measure(name))
    except (ValueError, KeyError):
        return UnknownName.among("measure", _NAME.match(name)[0], ir_measures.measures.registry)  # type: ignore[index]
    return UnknownName(f"no measure {name!r}; trec_eval's {name} is written {written!r} here")


def _reason(name: str, error: Exception) -> str:
    said = str(error)
    if "cutoff=<object" in said:
        return f"it needs a cutoff, e.g. {name}@10"
    if "=<object" in said:
        return f"it needs the parameter {said.removeprefix('invalid param ').partition('=')[0]!r}"
    return said.partition("; must be")[0].partition(" (<unknown>")[0].removeprefix("problem parsing measure ")
