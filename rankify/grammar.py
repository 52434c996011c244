"""A pipeline's text in pieces. What stands inside parentheses divides nothing outside them."""

from __future__ import annotations

import re

from rankify.errors import Misuse

CUT = re.compile(r"\s+%\s*(\d+)(?=\s|$)")
CALL = re.compile(r"([\w-]+)\((.*)\)", re.DOTALL)
_NO_DEPTH = re.compile(r"\s%\s*(?=\S|$)(?!\d+(?:\s|$))(\S*)")
_OPTION = re.compile(r"\w+\s*=[^=]")


def outside(text: str) -> str:
    """The text with everything inside parentheses blanked, so that positions stay.

    >>> outside("rrf(bm25 % 9, bm25) % 3 >> x")
    'rrf(______________) % 3 >> x'

    Raises:
        Misuse: the parentheses do not match.
    """
    depth, least, kept = 0, 0, []
    for character in text:
        depth -= character == ")"
        least = min(least, depth)
        kept.append(character if depth <= 0 else "_")
        depth += character == "("
    if depth or least < 0:
        raise Misuse(f"parentheses do not match in {text!r}")
    return "".join(kept)


def cuts(text: str) -> list[re.Match[str]]:
    """The cut-offs of a step, as ` % 10`, with their depths as the first group.

    Raises:
        Misuse: what stands behind a % is no whole number.
    """
    blanked = outside(text)
    if wrong := _NO_DEPTH.search(blanked):
        raise Misuse(f"{text.strip()!r}: cannot keep the best {wrong[1]!r}: a depth is a whole number from 1 up")
    return list(CUT.finditer(blanked))


def split(text: str, separator: str) -> list[str]:
    """The pieces between separators.

    >>> split("rrf(a, b) >> c", ">>"), split("rrf(a, b), k=3", ",")
    (['rrf(a, b)', 'c'], ['rrf(a, b)', 'k=3'])

    Raises:
        Misuse: there is nothing before or after one.
    """
    blanked, pieces, start = outside(text), [], 0
    while (end := blanked.find(separator, start)) >= 0:
        pieces.append(text[start:end].strip())
        start = end + len(separator)
    pieces.append(text[start:].strip())
    if not all(pieces):
        raise Misuse(f"{text!r} has nothing before or after a {separator!r}")
    return pieces


def arguments(text: str) -> tuple[list[str], dict[str, str]]:
    """The parts in a pair of parentheses, and the options among them.

    >>> arguments("bm25, dense:m?pooling=mean, k=60"), arguments(" ")
    ((['bm25', 'dense:m?pooling=mean'], {'k': '60'}), ([], {}))
    """
    parts = split(text, ",") if text.strip() else []
    options = {name.strip(): value.strip() for name, _, value in (p.partition("=") for p in parts if _OPTION.match(p))}
    return [part for part in parts if not _OPTION.match(part)], options


def lone(parts: list[str]) -> bool:
    """Whether there is one part, and it is a spec and no pipeline.

    >>> lone(["bm25"]), lone(["bm25 % 5"]), lone(["bm25", "dense:m"])
    (True, False, False)
    """
    return len(parts) == 1 and not (">>" in parts[0] or CUT.search(parts[0]) or CALL.fullmatch(parts[0]))


def call(text: str) -> tuple[str, list[str], dict[str, str]] | None:
    """The name, the parts and the options of `name(part, ..., option=value, ...)`; None for a text of another form.

    >>> call("top(20, cross-encoder:m)"), call("bm25")
    (('top', ['20', 'cross-encoder:m'], {}), None)
    """
    found = CALL.fullmatch(text.strip())
    return (found[1], *arguments(found[2])) if found else None
