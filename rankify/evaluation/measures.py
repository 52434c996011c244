"""Measures by their names, as ir-measures writes them: `nDCG@10`, `AP(rel=2)@1000`, `RR@10`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rankify.errors import BadInput, UnknownName

_ITEM = re.compile(r"(?:\([^)]*\)?|[^\s,(])+")
_NAME = re.compile(r"\w*")
_OWN_REL = re.compile(r"\brel\s*=")


def listed(measures: str | Iterable[object]) -> list[str]:
    """The names of measures, separated by blanks or commas, or in a list; each once.

    >>> listed("nDCG@10, AP(rel=2, judged_only=True)@100 R@5 R@5")
    ['nDCG@10', 'AP(rel=2, judged_only=True)@100', 'R@5']

    Raises:
        BadInput: there is none.
    """
    names = _ITEM.findall(measures) if isinstance(measures, str) else [str(m).strip() for m in measures]
    if not any(names):
        raise BadInput('no measure is named; write for example "nDCG@10 RR@10 R@100 AP"')
    return list(dict.fromkeys(names))


def parsed(name: str, rel: int) -> Any:
    """The measure of ir-measures with that name.

    Args:
        name: as ir-measures writes it.
        rel: the least grade that is relevant, for a measure that counts relevant documents and does not say it itself.

    Raises:
        UnknownName: there is no such measure.
        BadInput: its parameters are wrong.
    """
    from ir_measures import parse_measure

    try:
        measure: Any = parse_measure(name)
        measure.validate_params()
    except NameError:
        raise _unknown(name) from None
    except (AssertionError, ValueError) as error:
        raise BadInput(f"cannot read the measure {name!r}: {_reason(name, error)}") from None
    cutoff = measure.params.get("cutoff", 1)
    if cutoff < 1:  # would end the process inside trec_eval
        raise BadInput(f"cannot read the measure {name!r}: a cutoff is a whole number from 1 up")
    counts_relevant = "rel" in measure.SUPPORTED_PARAMS and isinstance(measure["rel"], int)
    return measure(rel=rel) if counts_relevant and rel != 1 and not _OWN_REL.search(name) else measure


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
