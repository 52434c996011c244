"""Relevance judgments: TREC's four columns, or BEIR's table with a header; gzip too."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from rankify.errors import BadInput
from rankify.io.columns import digits, fields, rows, separator
from rankify.io.files import Name, lines, writing
from rankify.types import Qrels

_HEADER = ("query-id", "corpus-id", "score")
_TREC = "query iteration document grade"
_BEIR = "query-id corpus-id score, separated by tabs"


def read_qrels(path: Name) -> Qrels:
    """The judgments of a file in TREC's layout (four columns) or BEIR's (three, with a header).

    Grades are whole numbers and may be negative.

    Raises:
        BadInput: a wrong number of columns, a grade that is no whole number, or two grades for one document of a
            query; the message has file and line.
    """
    grades: dict[str, dict[str, int]] = {}
    for number, query, document, written in _judgments(path):
        try:
            grade = int(digits(written))
        except ValueError:
            raise BadInput(f"{path}:{number}: the grade {written!r} is not a whole number") from None
        if grades.setdefault(query, {}).setdefault(document, grade) != grade:
            before = grades[query][document]
            raise BadInput(
                f"{path}:{number}: query {query!r} judges document {document!r} {grade}, and {before} further up"
            )
    return Qrels(grades)


def _judgments(path: Name) -> Iterator[tuple[int, str, str, str]]:
    number, first = next(((n, line) for n, line in lines(path) if line.strip() and not line.startswith("# ")), (0, ""))
    tabbed = first.split("\t")
    whole = len(tabbed) == 3 or (len(tabbed) == 4 and all(tabbed) and tabbed[-1].strip())  # ids may be blanks
    columns = tabbed if whole else fields(first)
    if len(columns) != 3:
        for number, (query, _, document, grade) in rows(path, 4, _TREC):
            yield number, query, document, grade
        return
    header = number if columns[2].strip().lower() in ("score", "grade", "relevance", "label") else 0
    for number, (query, document, grade) in rows(path, 3, _BEIR):
        if number != header:
            yield number, query, document, grade


def write_qrels(qrels: Qrels, path: Name) -> None:
    """Writes judgments: BEIR's table when the name ends in .tsv or .tsv.gz, TREC's four columns otherwise.

    Raises:
        BadInput: an id holds a tab or a line break.
    """
    table = ".tsv" in Path(path).suffixes[-2:]
    between = separator(chain(qrels, *qrels.values()))
    between = "\t" if table else between
    with writing(path) as file:
        if table:
            file.write("\t".join(_HEADER) + "\n")
        for query, row in qrels.items():
            start = [query] if table else [query, "0"]
            file.writelines(between.join((*start, document, str(grade))) + "\n" for document, grade in row.items())
