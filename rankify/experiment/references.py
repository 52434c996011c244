"""Published figures from a file of one's own, in place of the catalogue's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path

from rankify import catalog
from rankify.catalog.published import Published
from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.averages import averages
from rankify.evaluation.measures import listed, parsed
from rankify.experiment.figures import named_in
from rankify.experiment.reproduction import catalogued, known_as, least_grade, members
from rankify.io import csv_file
from rankify.io.columns import digits

Figures = dict[str, dict[str, Decimal]]
SHOWN = 5  # names of collections that nobody knows; of more only the number is said
COLUMNS = ("dataset", "system", "metric", "value")
TABLE = f"a table of figures has {', '.join(COLUMNS)}, with commas between"


@dataclass(kw_only=True)
class _Source:
    """The figures that a source publishes of a system, by collection and measure.

    Attributes:
        figures: as they were written, with their digits.
        twice: of a figure that stands there with another value, too: what is to be said of it.
        unread: of a collection with a measure that cannot be read: what is to be said of that.
    """

    figures: Figures = field(default_factory=dict)
    twice: dict[tuple[str, str], str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def note(self, collection: str, measure: str, value: Decimal, second: str) -> None:
        """Takes up a figure."""
        if self.figures.setdefault(collection, {}).setdefault(measure, value) != value:
            self.twice.setdefault((collection, measure), second)

    def refuse(self, collections: Sequence[str], measures: Sequence[str]) -> None:
        """Raises BadInput where a figure that is asked for has two values, or a measure that cannot be read."""
        for collection, said in self.unread.items():
            if collection in collections and not measures:
                raise BadInput(said)
        for (collection, measure), second in self.twice.items():
            if collection in collections and (not measures or measure in measures):
                raise BadInput(second)


def with_reference(
    benchmark: str, systems: Sequence[Published], file: Path, *, collections: Sequence[str] = (), measures: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> list[Published]:  # fmt: skip
    """The systems with the figures of a CSV file in place of the catalogue's, once for each source that publishes some.

    The file has the columns dataset, system, metric and value. A system is named there as here, by an alias, or with
    something and a colon in front, as in `pyserini:bm25-flat`; where two such names have the same figure, each is a
    source of its own. A measure that does not say which grades it counts is meant as the collection counts them:
    R@1000 of Deep Learning is R(rel=2)@1000. Blanks around a value count nothing. A named average of BEIR may stand
    there as a collection, as beir-14 or AVG14(...).

    Args:
        collections: those that are asked for, and `measures`; all if not given.
        say: is told which collections of the systems nobody knows; their figures are left out.

    Raises:
        BadInput: the file cannot be read, lacks a column, a value is no number from 0 to 1, it has none of a system, or
            of what is asked for a measure cannot be read or a source has two values of one figure.
    """
    names = {name: one.name for one in systems for name in (one.name, *one.aliases)}
    found: dict[str, dict[str, _Source]] = {one.name: {} for one in systems}
    unknown: dict[str, None] = {}
    for line, row in _rows(file):
        name = names.get(row["system"]) or names.get(row["system"].partition(":")[2])
        collection = _called(benchmark, row["dataset"])
        if name is None:
            continue
        if collection is None:
            unknown[row["dataset"]] = None
            continue
        source = found[name].setdefault(row["system"], _Source())
        try:
            measure = _measure(row["metric"], least_grade(benchmark, collection))
        except (Misuse, UnknownName) as error:
            source.unread.setdefault(collection, f"{file}:{line}: {error}")
            continue
        source.note(
            collection, measure, _number(file, line, row["value"]),
            f"{file}:{line}: a second {row['metric']} of {row['system']} on {row['dataset']}: {row['value']}; keep "
            f"one, or call the system of the other otherwise, e.g. mine:{name}",
        )  # fmt: skip
    left_out = f"no collection of {benchmark} is called so: {_some([*unknown])}" if unknown else ""
    if missing := [name for name, sources in found.items() if not sources]:
        way = left_out or "leave it out of --systems, or name it in the file"
        raise BadInput(f"{file} has no figure of {missing[0]}; {way}")
    if unknown:
        say(f"{file}: left out, since {left_out}")
    _refuse_twice(benchmark, found, collections, measures)
    return [
        _published(one, file, source.figures, label)
        for one in systems
        for label, source in _apart(found[one.name]).items()
    ]


def _called(benchmark: str, name: str) -> str | None:
    """The name here of a collection or a named average, or None where it is neither.

    >>> _called("beir", "SciFact"), _called("beir", "AVG14(public incl cqadupstack macro)"), _called("beir", "mine")
    ('scifact', 'beir-14', None)
    """
    average = re.sub(r"^AVG(\d+)(\(.*\))?$", r"beir-\1", name)
    if benchmark == "beir" and average in averages():
        return average
    collection = known_as(benchmark, name)
    return collection if catalogued(benchmark, collection) in catalog.datasets() else None


def _refuse_twice(
    benchmark: str, found: Mapping[str, Mapping[str, _Source]], collections: Sequence[str], measures: str
) -> None:
    """Raises BadInput where a source contradicts itself on what is asked for."""
    every = [source for sources in found.values() for source in sources.values()]
    known = list(dict.fromkeys(c for source in every for c in (*source.figures, *source.unread)))
    asked = members(benchmark, collections or known, [one for one in known if one not in averages()])
    if benchmark == "beir":
        asked += named_in(asked)
    grades = {least_grade(benchmark, one) for one in asked}
    named = [str(parsed(one, rel)) for one in listed(measures) for rel in grades] if measures else []
    for source in every:
        source.refuse(asked, [*listed(measures), *named] if measures else [])


def _apart(sources: Mapping[str, _Source]) -> Mapping[str, _Source]:
    """The sources of a system by name; as one without a name where no figure is published by two of them."""
    every = [(c, m) for one in sources.values() for c, row in one.figures.items() for m in row]
    if len(every) > len({*every}):
        return sources
    merged = _Source()
    for one in sources.values():
        for collection, row in one.figures.items():
            merged.figures.setdefault(collection, {}).update(row)
    return {"": merged}


def _published(one: Published, file: Path, said: Figures, label: str) -> Published:
    """A system as a source has it."""
    return replace(
        one, source=str(file), label=label,
        figures={collection: {m: float(v) for m, v in row.items()} for collection, row in said.items()},
        digits={collection: {m: _digits(v) for m, v in row.items()} for collection, row in said.items()},
    )  # fmt: skip


def _digits(value: Decimal) -> int:
    """How many digits behind the point a figure has: three or four, since tables drop zeros at the end."""
    exponent = value.as_tuple().exponent
    return min(max(-exponent if isinstance(exponent, int) else 0, 3), 4)


def _some(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more


def _rows(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows and their lines, each value without the blanks around it."""
    (_, columns), *rows = [*csv_file.rows(file)] or [(1, [])]
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


def _measure(text: str, rel: int) -> str:
    """A measure as it is written here; Pyserini writes R@1K for R@1000.

    Raises:
        Misuse, UnknownName: it cannot be read.
    """
    name = re.sub(r"@1[Kk]$", "@1000", text)
    meant = parsed(name, rel)
    return name if rel == 1 else str(meant)


def _number(file: Path, line: int, text: str) -> Decimal:
    try:
        value = Decimal(digits(text))
    except (ValueError, InvalidOperation):
        value = Decimal("nan")
    if value.is_nan() or not 0 <= value <= 1:
        way = "; divide percents by 100" if not value.is_nan() and 1 < value <= 100 else ""
        raise BadInput(f"{file}:{line}: the value {text!r} is no number from 0 to 1{way}")
    return value
