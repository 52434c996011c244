"""CSV that people write: blanks around values count nothing, and a quote that is not closed swallows nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from rankify.errors import BadInput
from rankify.io.files import Name, reading


def rows(path: Name, *, trim: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The values of each row that has some, with the line in which it begins.

    Args:
        path: the file, gzip too.
        trim: whether blanks around a value are dropped; without it they are part of it.

    Raises:
        BadInput: the file cannot be read, or is no CSV; the message has file, line and the way out.
    """
    with reading(path) as opened:
        table, line = csv.reader(opened, strict=True, skipinitialspace=trim), 1
        try:
            for row in table:
                if any(value.strip() for value in row):
                    yield line, [value.strip() for value in row] if trim else row
                line = table.line_num + 1
        except csv.Error as error:
            way = "close every quote, and write one inside a value twice"
            raise BadInput(f"{path}:{line}: not CSV: {error}; {way}") from None
