"""Published figures from a file of one's own, in place of the catalogue's."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rankify.catalog.published import Published
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.measures import parsed
from rankify.experiment.reproduction import known_as, least_grade
from rankify.io.columns import digits
from rankify.io.files import reading

COLUMNS = ("dataset", "system", "metric", "value")
TABLE = f"a table of figures has {', '.join(COLUMNS)}, with commas between"


def with_reference(benchmark: str, systems: Sequence[Published], file: Path) -> list[Published]:
    """The systems with the figures of a CSV file in place of the catalogue's.

    The file has the columns dataset, system, metric and value. A system is named there as here, by an alias, or with
    something and a colon in front, as in `pyserini:bm25-flat`. A measure that does not say which grades it counts is
    meant as the collection counts them: R@1000 of Deep Learning is R(rel=2)@1000.

    Raises:
        BadInput: the file cannot be read, lacks a column, a value is no number from 0 to 1, a measure cannot be read,
            or it has two values of one figure, or none of a system.
    """
    names = {name: one.name for one in systems for name in (one.name, *one.aliases)}
    found: dict[str, dict[str, dict[str, float]]] = {one.name: {} for one in systems}
    for line, row in _rows(file):
        name = names.get(row["system"]) or names.get(row["system"].partition(":")[2])
        if name is None:
            continue
        collection = known_as(benchmark, row["dataset"])
        measure = _measure(file, line, row["metric"], least_grade(benchmark, collection))
        figures, value = found[name].setdefault(collection, {}), _number(file, line, row["value"])
        if figures.setdefault(measure, value) != value:
            raise BadInput(f"{file}:{line}: a second {row['metric']} of {row['system']} on {row['dataset']}: {value}")
    if missing := [name for name, figures in found.items() if not figures]:
        raise BadInput(f"{file} has no figure of {missing[0]}; leave it out of --systems, or name it in the file")
    return [replace(one, figures=found[one.name], source=str(file)) for one in systems]


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    with reading(file) as opened:
        table = csv.reader(opened)
        columns = next(table, [])
        rows = [(table.line_num, row) for row in table if row]
    if missing := [column for column in COLUMNS if column not in columns]:
        raise BadInput(f"{file}:1: no column {missing[0]!r}; {TABLE}")
    if twice := [column for column in COLUMNS if columns.count(column) > 1]:
        raise BadInput(f"{file}:1: two columns are called {twice[0]!r}; keep one")
    for line, row in rows:
        if len(row) < len(columns):
            raise BadInput(f"{file}:{line}: too few values; {TABLE}")
        if len(row) > len(columns):  # a comma in a number would cut it off
            raise BadInput(f"{file}:{line}: {len(row)} values for {len(columns)} columns; write 0.5 with a point")
    return [(line, dict(zip(columns, row, strict=True))) for line, row in rows]


def _measure(file: Path, line: int, text: str, rel: int) -> str:
    """A measure as it is written here; Pyserini writes R@1K for R@1000."""
    name = re.sub(r"@1[Kk]$", "@1000", text)
    try:
        meant = parsed(name, rel)
    except (Misuse, UnknownName) as error:
        raise BadInput(f"{file}:{line}: {error}") from None
    return name if rel == 1 else str(meant)


def _number(file: Path, line: int, text: str) -> float:
    try:
        value = float(digits(text))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        way = "; divide percents by 100" if 1 < value <= 100 else ""
        raise BadInput(f"{file}:{line}: the value {text!r} is no number from 0 to 1{way}")
    return value
