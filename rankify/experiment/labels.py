"""Labels of systems and datasets, which name files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rankify.errors import Misuse

_FILE_NAME = re.compile(r"[^\W.-][\w.+@=-]*")
_WAY_OUT = "use letters, digits and . _ + @ = -"


def label(said: Any) -> str:
    """A label that can be a file's name.

    Raises:
        Misuse: it cannot.
    """
    if not _FILE_NAME.fullmatch(str(said)):
        raise Misuse(f"{said!r} cannot be a file's name; {_WAY_OUT}")
    return str(said)


def refuse_alike(name: str, others: Iterable[str], way_out: str) -> None:
    """Raises Misuse where a label differs from another one by case only."""
    for other in others:
        if other.casefold() == name.casefold():
            raise Misuse(f"{other!r} and {name!r} are one file on macOS and Windows; {way_out}")
