"""Corpora and queries as JSON lines or tables, one document or query a line.

JSON: an id (`_id`, `id`, `docid` or `doc_id`), a text (`text`, `contents` or `body`), perhaps a `title`; a query has
`text`, `query` or `question`. Everything else is kept as metadata. Numeric ids become strings.
Tables: `id TAB text`, or any columns named by a first line, e.g. `id TAB text TAB title` as DPR's passages have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from rankify.documents import Document
from rankify.errors import BadInput
from rankify.io.files import Name, filled, lines
from rankify.io.jsonl import Record, record, records, write_records
from rankify.types import Query, Run

IDS = ("_id", "id", "docid", "doc_id")
QUERY_IDS = ("_id", "id", "qid", "query_id")
TEXTS = ("text", "contents", "body")
QUESTIONS = ("text", "query", "question")
JSON = (".jsonl", ".json", ".ndjson")
TABLES = (".tsv", ".tab", ".txt")
_Found = TypeVar("_Found", Document, Query)


class Layout(NamedTuple):
    """How the lines of a file become records: how many to skip, and what a line says."""

    skip: int
    record: Callable[[str, str], Record]
    what: str


def layout(path: Name) -> Layout:
    """How a file's lines are to be read, by its name and, for a table, its first line."""
    suffix = Path(Path(path).name.removesuffix(".gz")).suffix
    if suffix in JSON:
        return Layout(0, record, "one JSON object")
    if suffix not in TABLES:
        raise BadInput(f"{path}: cannot tell what this is; name it {', '.join((*JSON, *TABLES))} (or with .gz behind)")
    first = next((line for _, line in lines(path)), "").split("\t")
    names = [name.strip().lower() for name in first]
    if {*names} & {*IDS, *QUERY_IDS} and {*names} & {*TEXTS, *QUESTIONS}:
        return Layout(1, _row(names, quoted=names == ["id", "text", "title"]), " TAB ".join(names))
    return Layout(0, _row(["id", "text"], quoted=False), "id TAB text")


def _row(names: Sequence[str], *, quoted: bool) -> Callable[[str, str], Record]:
    """Reads a line into columns. DPR's passages are written with quotes around texts, which are taken off."""

    def read(line: str, where: str) -> Record:
        columns = line.split("\t")
        if len(columns) != len(names):
            way_out = "; name the columns in a first line" if len(columns) > len(names) else ""
            raise BadInput(f"{where}: {len(columns)} columns; a line is {' TAB '.join(names)}{way_out}")
        return dict(zip(names, map(_unquoted, columns) if quoted else columns, strict=True))

    return read


def _unquoted(text: str) -> str:
    inner = text[1:-1].replace('""', "")
    whole = len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inner
    return text[1:-1].replace('""', '"') if whole else text


def document_of(found: Record, where: str) -> Document:
    """The document that a record describes. An empty text is a text; a record without one is an error."""
    rest = dict(found)
    id = taken_id(rest, IDS, where)
    text, title = _taken_text(rest, TEXTS, where), _taken_text(rest, ("title",), where)
    if text is None:
        raise BadInput(f"{where}: document {id!r} has no text; it stands under {' or '.join(TEXTS)}, and may be empty")
    return Document(id, text, title or "", _metadata(rest))


def query_of(found: Record, where: str) -> Query:
    """The query that a record describes."""
    rest = dict(found)
    id = taken_id(rest, QUERY_IDS, where)
    text = _taken_text(rest, QUESTIONS, where)
    if text is None or not text.strip():
        raise BadInput(f"{where}: query {id!r} has no text; it stands under {' or '.join(QUESTIONS)}")
    return Query(id, text, _metadata(rest))


def taken_id(rest: Record, keys: Sequence[str], where: str) -> str:
    """The id under the first of these keys, taken out of the record, as a string."""
    key = next((key for key in keys if key in rest), None)
    if key is None:
        raise BadInput(f"{where}: no id; it stands under {' or '.join(keys)}")
    return id_of(rest.pop(key), where)


def id_of(value: Any, where: str) -> str:
    """An id as a string; a whole number is one in its digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{where}: the id {value!r} is no id; it must be a text that is not empty, or a whole number")
    return value


def _taken_text(rest: Record, keys: Sequence[str], where: str) -> str | None:
    key = next((key for key in keys if key in rest), None)
    value = rest.pop(key) if key is not None else None
    if key is not None and value is None:
        return ""
    if value is not None and not isinstance(value, str):
        raise BadInput(f"{where}: {key!r} is a {type(value).__name__} instead of a text")
    return value


def _metadata(rest: Record) -> Record:
    """What a record says besides: BEIR nests it under `metadata`, others leave it beside the text."""
    nested = rest.get("metadata")
    if not isinstance(nested, dict) or nested.keys() & rest.keys() - {"metadata"}:
        return rest
    return {**nested, **{key: value for key, value in rest.items() if key != "metadata"}}


def read_documents(path: Name) -> Iterator[Document]:
    """The documents of a file, one after the other.

    Raises:
        BadInput: malformed JSON, a missing id or text, an id twice, ...; the message has file and line.
    """
    return (document for _, document in _found(path, document_of, "document"))


def read_queries(path: Name) -> Run:
    """The queries of a file, as a run of empty rankings.

    Raises:
        BadInput: a query without text, an id twice, malformed JSON, ...; the message has file and line. Or there is
            no query.
    """
    found = Run.of([query for _, query in _found(path, query_of, "query")])
    if not found:
        raise BadInput(f"{path} has no queries; a line is an object with an id and a text, or id TAB text")
    return found


def _found(path: Name, make: Callable[[Record, str], _Found], kind: str) -> Iterator[tuple[int, _Found]]:
    seen: dict[str, int] = {}
    for number, each in _records(path):
        found = make(each, f"{path}:{number}")
        if found.id in seen:
            raise BadInput(f"{path}:{number}: {kind} {found.id!r} was already in line {seen[found.id]}")
        seen[found.id] = number
        yield number, found


def _records(path: Name) -> Iterator[tuple[int, Record]]:
    how = layout(path)
    if how.record is record:
        yield from records(path)
        return
    for number, line in filled(path, how.what):
        if number > how.skip:
            yield number, how.record(line, f"{path}:{number}")


def write_documents(documents: Iterable[Document], path: Name) -> None:
    """Writes documents as BEIR does, one JSON object a line."""
    write_records(
        ({"_id": d.id, "title": d.title, "text": d.text, "metadata": dict(d.metadata)} for d in documents), path
    )


def write_queries(queries: Iterable[Query] | Run, path: Name) -> None:
    """Writes queries as BEIR does, one JSON object a line."""
    asked = queries.queries if isinstance(queries, Run) else queries
    write_records(({"_id": q.id, "text": q.text, "metadata": dict(q.metadata)} for q in asked), path)
