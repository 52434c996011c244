"""Results on several collections, read from tables and from the folders of `rankify run`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from rankify.errors import BadInput, UnknownName
from rankify.io.files import lines

SYSTEMS, COLLECTIONS = ("system", "systems"), ("collection", "collections", "dataset", "datasets")


@dataclass(kw_only=True, slots=True)
class Collected:
    """What was read.

    Attributes:
        measure: of the folders; "" where there are tables alone, which do not say it.
        table: system -> collection -> value.
        per_query: collection -> system -> query -> value, of the folders.
    """

    measure: str = ""
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    per_query: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def add(self, where: str, system: str, collection: str, value: float) -> None:
        """Takes a value in.

        Raises:
            BadInput: there is one already.
        """
        row = self.table.setdefault(system, {})
        if collection in row:
            raise BadInput(f"{where}: a second value of {system!r} on {collection!r}")
        row[collection] = value


def collected(paths: Iterable[Path], measure: str = "") -> Collected:
    """The results in CSV tables and in folders of experiments, put together.

    A table's first line names its columns. The first is called `system`, and the others are collections; or it is
    called `collection` or `dataset`, and the others are systems. An empty cell is a missing value. A folder of `rankify
    run` has each query's values; a collection's value is their mean.

    Args:
        paths: files and folders.
        measure: which one of the folders'; their first if not given.

    Raises:
        BadInput: a file or folder is neither, a cell is no number, or a value is there twice.
        UnknownName: a folder has no such measure.
    """
    found = Collected(measure=measure)
    for path in paths:
        if path.is_dir():
            _add_folder(found, path)
        else:
            _add_table(found, path)
    return found


def _add_table(found: Collected, path: Path) -> None:
    rows = _rows(path)
    head = [cell.strip() for cell in next(rows, ("", []))[1]]
    kind = head[0].lower() if head else ""
    if kind not in (*SYSTEMS, *COLLECTIONS):
        raise BadInput(
            f"{path}: the first column is called {kind[:40]!r}; call it `system`, with a column for each collection, "
            "or `collection`, with a column for each system"
        )
    for where, cells in rows:
        if len(cells) != len(head):
            raise BadInput(f"{where}: {len(cells)} cells below {len(head)} columns")
        for name, cell in zip(head[1:], cells[1:], strict=True):
            if cell.strip():
                system, collection = (cells[0], name) if kind in SYSTEMS else (name, cells[0])
                found.add(where, system.strip(), collection.strip(), _number(where, cell))


def _add_folder(found: Collected, folder: Path) -> None:
    files = sorted((folder / "per-query").rglob("*.csv"))
    if not files:
        raise BadInput(f"{folder} is no folder of results: it has no per-query/*.csv, which `rankify run` writes")
    for path in files:
        collection = str(path.relative_to(folder / "per-query").with_suffix(""))
        rows = _rows(path)
        head = next(rows, ("", []))[1]
        place = _column(found, path, head)
        values: dict[str, dict[str, float]] = {}
        for where, cells in rows:
            if len(cells) != len(head):
                raise BadInput(f"{where}: {len(cells)} cells below {len(head)} columns")
            if not cells[place]:
                raise BadInput(f"{where}: {cells[0]!r} has no {found.measure} for query {cells[1]!r}")
            values.setdefault(cells[0], {})[cells[1]] = _number(where, cells[place])
        for system, row in values.items():
            found.add(str(path), system, collection, fmean(row.values()))
        found.per_query[collection] = values


def _column(found: Collected, path: Path, head: Sequence[str]) -> int:
    """Where the measure stands; the first one is taken where none was named."""
    if [*head[:2]] != ["system", "query"] or len(head) < 3:
        raise BadInput(f"{path}: not the values by query that `rankify run` writes: system,query,MEASURE,...")
    found.measure = found.measure or head[2]
    if found.measure not in head[2:]:
        raise UnknownName.among(f"measure in {path}", found.measure, head[2:])
    return head.index(found.measure)


def _rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Where each line of a CSV file stands, and its cells; blank lines are passed over."""
    read = csv.reader(line.removeprefix("\ufeff") for _, line in lines(path))
    try:
        for cells in read:
            if any(cell.strip() for cell in cells):
                yield f"{path}:{read.line_num}", cells
    except csv.Error as error:
        raise BadInput(f"{path}:{read.line_num}: {error}") from None


def _number(where: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise BadInput(f"{where}: {cell!r} is no number") from None
