"""Topics: TREC's `<top>` files and tables `id TAB text`; gzip too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rankify.errors import BadInput
from rankify.io.files import Name, filled, lines
from rankify.types import Query, Run

_TAG = re.compile(r"<\s*(/?)\s*(top|num|title|desc|narr)\s*>", re.IGNORECASE)
_LABEL = re.compile(r"^\s*(?:Number|Topic|Description|Narrative)\s*:", re.IGNORECASE)
_WAY_OUT = "a topic is <top> <num> id <title> text </top>"


def read_topics(path: Name) -> Run:
    """The topics of a file as a run of queries: `<top>` blocks, or lines of an id, a tab and a text.

    A block's description and narrative are kept in the query's metadata, as `desc` and `narr`.

    Raises:
        BadInput: a topic without a number or a title, a line without a tab, or an id twice, each with file and line;
            or there is no topic.
    """
    first = next((line for _, line in lines(path) if line.strip()), "")
    found = _blocks(path) if first.lstrip().startswith("<") else _table(path)
    seen: dict[str, int] = {}
    queries = []
    for number, query in found:
        if not query.text.strip():
            raise BadInput(f"{path}:{number}: query {query.id!r} has no text")
        if query.id in seen:
            raise BadInput(f"{path}:{number}: query {query.id!r} was already in line {seen[query.id]}")
        seen[query.id] = number
        queries.append(query)
    if not queries:
        raise BadInput(f"{path} has no topics; a line is an id, a tab and a text, or {_WAY_OUT}")
    return Run.of(queries)


def _table(path: Name) -> Iterator[tuple[int, Query]]:
    for number, line in filled(path, "an id, a tab and a text"):
        id, tab, text = line.partition("\t")
        if not tab or not id:
            raise BadInput(f"{path}:{number}: {line[:80]!r} is not an id, a tab and a text")
        yield number, Query(id, text)


def _blocks(path: Name) -> Iterator[tuple[int, Query]]:
    start, parts, tag = 0, dict[str, list[str]](), ""
    for number, line in lines(path):
        rest = 0
        for mark in _TAG.finditer(line):
            parts.setdefault(tag, []).append(line[rest : mark.start()])
            closing, tag, rest = mark[1], mark[2].lower(), mark.end()
            if tag == "top" and closing:
                yield start, _topic(path, start, parts)
                start, parts = 0, {}
            elif tag == "top" and start:
                raise BadInput(f"{path}:{start}: this topic does not end before line {number}; {_WAY_OUT}")
            elif tag == "top":
                start, parts = number, {}
            tag = "" if closing else tag
        parts.setdefault(tag, []).append(line[rest:])
    if start:
        raise BadInput(f"{path}:{start}: this topic never ends; {_WAY_OUT}")


def _topic(path: Name, number: int, parts: dict[str, list[str]]) -> Query:
    texts = {tag: " ".join(_LABEL.sub("", "\n".join(found)).split()) for tag, found in parts.items()}
    if not texts.get("num"):
        raise BadInput(f"{path}:{number}: a topic without a number; {_WAY_OUT}")
    more = {tag: texts[tag] for tag in ("desc", "narr") if texts.get(tag)}
    return Query(texts["num"], texts.get("title", ""), more)
