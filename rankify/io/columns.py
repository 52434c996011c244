"""Lines of columns, as TREC's files have them: separated by blanks, or by tabs where an id holds a blank."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rankify.errors import BadInput
from rankify.io.files import Name, filled

_BREAKS = re.compile(r"[\t\n\r]")
_words = re.compile(r"[^ \t\v\f\r]+").findall


def rows(path: Name, count: int, what: str) -> Iterator[tuple[int, list[str]]]:
    """The columns of each line, with its number. Lines that start with "# " are comments.

    A line with exactly `count` - 1 tabs is split at its tabs and nowhere else, so that ids may hold blanks.

    Raises:
        BadInput: another number of columns, or an empty line before the last; the message has file and line.
    """
    for number, line in filled(path, what):
        tabbed = line.count("\t") == count - 1
        columns = line.split("\t") if tabbed else fields(line)
        if columns[0] == "#" and not tabbed:
            continue
        if len(columns) != count or not all(columns):
            found = f"{len(columns)} columns" if len(columns) != count else "an empty column"
            raise BadInput(f"{path}:{number}: {found} in {line[:80]!r}; a line is {what}")
        yield number, columns


def fields(line: str) -> list[str]:
    """The parts between blanks; the wide spaces of other scripts separate nothing.

    >>> fields("301 0  CR93E-1282\\t1")
    ['301', '0', 'CR93E-1282', '1']
    """
    return line.split() if line.isascii() else _words(line)


def digits(text: str) -> str:
    """The text of a number; 1_000, which is one in Python only, is a ValueError as every other word is."""
    if "_" in text:
        raise ValueError(f"{text!r} is not a number")
    return text


def separator(ids: Iterable[str]) -> str:
    """What must separate columns that hold these ids: a blank, or a tab as soon as one id has a blank inside.

    Raises:
        BadInput: an id is empty or holds a tab or a line break, which no file of columns can hold.
    """
    between = " "
    for id in ids:
        if id.split() != [id] or id == "#":
            if not id or _BREAKS.search(id):
                raise BadInput(f"the id {id!r} cannot stand in a TREC file: it is empty or has a tab or a line break")
            between = "\t"
    return between
