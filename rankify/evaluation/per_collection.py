"""Results on several collections, read from tables and from the folders of `rankify run`."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from rankify.errors import BadInput, Misuse, UnknownName
from rankify.evaluation.averages import averages, canonical, parts
from rankify.io import csv_file
from rankify.io.files import lines
from rankify.io.jsonl import record

SYSTEMS, COLLECTIONS = ("system", "systems"), ("collection", "collections", "dataset", "datasets")
SUMMARY = "results.json"
log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class Collected:
    """What was read.

    Attributes:
        measure: of the folders; "" where there are tables alone, which do not say it.
        table: system -> collection -> value.
        per_query: collection -> system -> query -> value, of the folders.
        tables: the files whose values are taken as they stand.
        failed: system and collection -> why it failed there, of the folders.
        names: of each published collection, or other, the name that it had first and has here.
    """

    measure: str = ""
    table: dict[str, dict[str, float]] = field(default_factory=dict)
    per_query: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)
    failed: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def called(self, collection: str) -> str:
        """The name that a collection has here: beir/scifact and SciFact are one."""
        return self.names.setdefault(canonical(collection) or collection, collection)

    def add(self, where: str, system: str, collection: str, value: float) -> None:
        """Takes a value in.

        Raises:
            BadInput: there is one already, or it is of a system or a collection without a name.
        """
        if not system or not collection:
            raise BadInput(f"{where}: a value of a {'collection' if system else 'system'} without a name; name it")
        row, name = self.table.setdefault(system, {}), self.called(collection)
        if name in row:
            other = f", as {name!r}" if name != collection else ""
            raise BadInput(f"{where}: a second value of {system!r} on {collection!r}, which is there{other}; keep one")
        row[name] = value

    def whole(self) -> dict[str, dict[str, dict[str, float]]] | None:
        """The values by query, where every value of the table has them; None where one has not: nothing is voted on."""
        return self.per_query if self.per_query and not self._only_mean() else None

    def notes(self) -> list[str]:
        """What a reader of the figures has to know where tables and folders stand together; a sentence each."""
        said = []
        if self.measure and self.tables:
            named = ", ".join(map(str, self.tables))
            said.append(f"{self.measure} is of the folders; the values in {named} are taken as they stand.")
        if self.per_query and (one := self._only_mean()):
            said.append(f"No Borda over queries: there are no values by query of {one[0]!r} on {one[1]!r}.")
        return [*said, *self.failures()]

    def failures(self) -> list[str]:
        """A sentence for each system that failed somewhere and has no value there: left out, if it has none at all."""
        said = []
        for (system, collection), reason in self._lacking().items():
            left = "" if system in self.table else ", is left out"
            said.append(f"{system!r} failed on {collection!r}{left}: {reason.rstrip('.')}.")
        return said

    def _lacking(self) -> dict[tuple[str, str], str]:
        """Where a system failed and has no value from elsewhere."""
        return {one: why for one, why in self.failed.items() if self.called(one[1]) not in self.table.get(one[0], ())}

    def refuse_failed(self, average: str = "") -> None:
        """Raises BadInput where a system lacks a value because it failed, though it has others; or where all failed.

        Args:
            average: a named set; a collection that is not of it may lack.
        """
        members = averages()[average].of if average in averages() else ()
        wanted = {piece for name in members for piece in (name, *parts().get(name, ()))}
        for (system, collection), reason in self._lacking().items():
            if not self.table or (system in self.table and (not average or canonical(collection) in wanted)):
                raise BadInput(
                    f"{system!r} failed on {collection!r}, and a mean over fewer would not compare; run the experiment "
                    f"again, or without one or the other: {reason}"
                )

    def _only_mean(self) -> tuple[str, str] | None:
        """The first system and collection with a value, but none by query."""
        each = ((system, collection) for system, row in self.table.items() for collection in row)
        return next((one for one in each if one[0] not in self.per_query.get(one[1], ())), None)


def collected(paths: Iterable[Path], measure: str = "") -> Collected:
    """The results in CSV tables and in folders of experiments, put together.

    A table's first line names its columns. The first is called `system`, and the others are collections; or it is
    called `collection` or `dataset`, and the others are systems. An empty cell is a missing value, which another file
    may have; a row or a column without any is an error. A folder of `rankify run` has each query's values; a
    collection's value is their mean. Where the folder has a `results.json`, only the datasets and systems that it names
    count, and the log says what is left out; `failures` says which systems failed.

    Args:
        paths: files and folders.
        measure: which one of the folders'; their first if not given.

    Raises:
        BadInput: a file or folder is neither, a cell is no number, a row or a column is empty, a value is there twice
            or of nothing that has a name, or a folder lacks what its `results.json` names.
        Misuse: a measure is named, but there are tables alone, which do not say theirs.
        UnknownName: a folder has no such measure.
    """
    paths = [*paths]
    if measure and not any(path.is_dir() for path in paths):
        raise Misuse(f"measure {measure!r}: a table does not say of which measure its values are; leave it out")
    found = Collected(measure=measure)
    for path in paths:
        if path.is_dir():
            _add_folder(found, path)
        else:
            _add_table(found, path)
    return found


def _add_table(found: Collected, path: Path) -> None:
    found.tables.append(path)
    rows = _rows(path)
    head = next(rows, ("", []))[1]
    kind = head[0].lower() if head else ""
    if kind not in (*SYSTEMS, *COLLECTIONS):
        raise BadInput(
            f"{path}: the first column is called {kind[:40]!r}; call it `system`, with a column for each collection, "
            "or `collection`, with a column for each system"
        )
    across, down = ("system", "collection") if kind in SYSTEMS else ("collection", "system")
    if len(head) < 2:
        raise BadInput(f"{path}: no column beside {head[0]!r}; add one for each {down}")
    names, filled = [], set()
    for where, cells in rows:
        if len(cells) != len(head):
            raise BadInput(f"{where}: {len(cells)} cells below {len(head)} columns")
        names.append(cells[0])
        places = [place for place in range(1, len(head)) if cells[place]]
        if not places:
            raise BadInput(_empty(where, "row", across, names[-1], head[1:]))
        filled |= {*places}
        for place in places:
            system, collection = (names[-1], head[place]) if kind in SYSTEMS else (head[place], names[-1])
            found.add(where, system, collection, _number(where, cells[place]))
    if not names:
        raise BadInput(f"{path}: nothing below the names of the columns; add a line for each {across}")
    for place, name in enumerate(head):
        if place and name and place not in filled:
            raise BadInput(_empty(str(path), "column", down, name, names))


def _empty(where: str, part: str, what: str, name: str, others: Sequence[str]) -> str:
    return f"{where}: {what} {name!r} has no value for {', '.join(others)}; fill them in, or delete the {part}"


def _add_folder(found: Collected, folder: Path) -> None:
    files = {path.relative_to(folder).as_posix(): path for path in sorted((folder / "per-query").rglob("*.csv"))}
    if not files:
        raise BadInput(f"{folder} is no folder of results: it has no per-query/*.csv, which `rankify run` writes")
    named = _named(folder)
    if named is None:
        for path in files.values():
            _add_values(found, path, str(path.relative_to(folder / "per-query").with_suffix("")))
        return
    for collection, (file, systems, failed) in named.items():
        found.failed |= {(system, collection): why for system, why in failed.items()}
        if file not in files:
            raise BadInput(f"{folder / SUMMARY} names {file}, which is not there; run the experiment again")
        path = files.pop(file)
        if systems:
            _add_values(found, path, collection, systems)
    if files:
        log.warning("%s does not name %s: left out", folder / SUMMARY, ", ".join(files))


def _named(folder: Path) -> dict[str, tuple[str, list[str], dict[str, str]]] | None:
    """collection -> (its file of values by query, its systems, why others failed), as an experiment has noted.

    None where it has not.
    """
    path = folder / SUMMARY
    if not path.is_file():
        return None
    said = record("".join(line for _, line in lines(path)), str(path))
    try:
        return {
            label: (str(one["per_query"]), [*one["systems"]], {s: str(why) for s, why in one.get("failed", {}).items()})
            for label, one in said["datasets"].items()
        }
    except (AttributeError, KeyError, TypeError):
        raise BadInput(f"{path} is not what `rankify run` writes; run the experiment again") from None


def _add_values(found: Collected, path: Path, collection: str, systems: Sequence[str] | None = None) -> None:
    """Takes the values by query of a collection in, and their means: of all systems in the file, or of these."""
    values = _by_query(found, path, systems)
    if missing := [system for system in systems or () if system not in values]:
        raise BadInput(f"{path}: no values of {missing[0]!r}, which {SUMMARY} names; run the experiment again")
    for system, row in values.items():
        found.add(str(path), system, collection, fmean(row.values()))
    found.per_query.setdefault(found.called(collection), {}).update(values)


def _by_query(found: Collected, path: Path, systems: Sequence[str] | None) -> dict[str, dict[str, float]]:
    rows = _rows(path, trim=False)
    head = next(rows, ("", []))[1]
    place = _column(found, path, head)
    values: dict[str, dict[str, float]] = {}
    others: dict[str, None] = {}
    for where, cells in rows:
        if len(cells) != len(head):
            raise BadInput(f"{where}: {len(cells)} cells below {len(head)} columns")
        if systems is not None and cells[0] not in systems:
            others[cells[0]] = None
            continue
        if not cells[place]:
            raise BadInput(f"{where}: {cells[0]!r} has no {found.measure} for query {cells[1]!r}")
        values.setdefault(cells[0], {})[cells[1]] = _number(where, cells[place])
    if others:
        log.warning("%s: %s left out, which %s does not name", path, ", ".join(map(repr, others)), SUMMARY)
    return values


def _column(found: Collected, path: Path, head: Sequence[str]) -> int:
    """Where the measure stands; the first one is taken where none was named."""
    if [*head[:2]] != ["system", "query"] or len(head) < 3:
        raise BadInput(f"{path}: not the values by query that `rankify run` writes: system,query,MEASURE,...")
    found.measure = found.measure or head[2]
    if found.measure not in head[2:]:
        raise UnknownName.among(f"measure in {path}", found.measure, head[2:])
    return head.index(found.measure)


def _rows(path: Path, *, trim: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Where each row of a CSV file stands, and its cells."""
    for line, cells in csv_file.rows(path, trim=trim):
        yield f"{path}:{line}", cells


def _number(where: str, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise BadInput(f"{where}: {cell!r} is no number") from None
