"""Where documents stand in the text of a prompt: marked before it is made, found and unmarked behind."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rankify.llm.protocol import Span

BEGINS, ENDS = "\ue000", "\ue001"  # two private characters, which mean nothing to anybody
MARKS = re.compile(f"[{BEGINS}{ENDS}]")


def marked(text: str) -> str:
    """The text between marks, without any of its own."""
    return f"{BEGINS}{MARKS.sub('', text)}{ENDS}"


def located(contents: Sequence[str], *, apart: bool = False) -> tuple[list[str], tuple[Span, ...]]:
    """The contents without marks, and where the marked texts stand in them.

    Args:
        apart: whether places are counted anew in each of them, and not in all of them with a line break between.

    >>> located(["a " + marked("bc"), marked("d") + "e"])
    (['a bc', 'de'], ((2, 4), (5, 6)))
    >>> located(["a " + marked("bc"), marked("d") + "e"], apart=True)[1]
    ((2, 4), (0, 1))
    """
    found: list[str] = []
    spans: list[Span] = []
    before = 0
    for content in contents:
        kept = ""
        for number, piece in enumerate(MARKS.split(content)):
            if number % 2:
                spans.append((before + len(kept), before + len(kept) + len(piece)))
            kept += piece
        found.append(kept)
        before += 0 if apart else len(kept) + 1
    return found, tuple(spans)
