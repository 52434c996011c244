"""Tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows under a header, the first columns to the left, the others to the right.

    >>> print(table(["measure", "mean"], [["AP", "0.2174"], ["nDCG@10", "0.3218"]]))
    measure    mean
    AP       0.2174
    nDCG@10  0.3218
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for row in (header, *rows):
        words = [cell.ljust(width) for cell, width in zip(row[:left], widths[:left], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(row[left:], widths[left:], strict=True)]
        lines.append("  ".join((*words, *numbers)).rstrip())
    return "\n".join(lines)
