"""Measures the figures of the documentation anew: make figures NAME="bench-hybrid bench-fusion", or all without NAME.

A table of a page stands between `<!-- NAME -->` and `<!-- /NAME -->`, where NAME is a target of the Makefile, or
between `<!-- NAME 2 -->` and `<!-- /NAME 2 -->` where it is the second table that the target writes. The target writes
them to figures/NAME.md (make NAME FIGURES=figures), and they take the places of those of the pages; a picture that it
draws, figures/bench-noise.svg, takes that of docs/images/noise.svg. A target that fails, or writes no table for a
place, leaves every page as it was. All of them take hours; name those that are wanted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = "figures"
NAMED = re.compile(r"make (bench-[a-z-]+)")
PLACE = re.compile(
    r"<!-- (?P<name>bench-[a-z-]+)(?: (?P<number>\d+))? -->\n(?P<held>.*?)<!-- /(?P<end>[a-z0-9 -]+) -->", re.DOTALL
)
Pages = Mapping[Path, str]


class NoFigures(Exception):
    """A target wrote no table, or none for a place; the message has both."""


def pages(root: Path = ROOT) -> dict[Path, str]:
    """The pages that may hold figures, with their texts."""
    found = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return {page: page.read_text("utf-8") for page in found}


def targets(texts: Pages) -> list[str]:
    """The targets that pages have the tables of, in the pages' order; the README's, made of the others', is last."""
    found = dict.fromkeys(place["name"] for text in texts.values() for place in PLACE.finditer(text))
    return sorted(found, key=lambda name: name == "bench-readme")


def tables(written: str) -> list[str]:
    """The Markdown tables in a text.

    >>> tables("| a |\\n|---|\\n| 1 |\\n\\nwords\\n| b |\\n|---|")
    ['| a |\\n|---|\\n| 1 |', '| b |\\n|---|']
    """
    return [block.strip("\n") for block in re.findall(r"(?:^\|.*\n?)+", written, re.MULTILINE)]


def replaced(text: str, name: str, made: list[str]) -> str:
    """A page with other tables of a target.

    Raises:
        NoFigures: there is no table for one of its places, or several for one without a number.

    >>> replaced("a\\n<!-- bench-x -->\\nold\\n<!-- /bench-x -->\\nb", "bench-x", ["| new |"])
    'a\\n<!-- bench-x -->\\n\\n| new |\\n\\n<!-- /bench-x -->\\nb'
    """

    def renewed(place: re.Match[str]) -> str:
        if place["name"] != name:
            return place[0]
        number = int(place["number"] or 1)
        if number > len(made) or (not place["number"] and len(made) > 1):
            raise NoFigures(f"{name} wrote {len(made)} tables; there is none for {place[0].splitlines()[0]}")
        return f"{place[0].splitlines()[0]}\n\n{made[number - 1]}\n\n<!-- /{place['end']} -->"

    return PLACE.sub(renewed, text)


def renewed(texts: Pages, name: str, written: str) -> dict[Path, str]:
    """The pages that change, with their new texts. Raises NoFigures, as `replaced` does."""
    made = tables(written)
    new = {page: replaced(text, name, made) for page, text in texts.items()}
    return {page: text for page, text in new.items() if text != texts[page]}


def pictures(root: Path, name: str) -> dict[Path, str]:
    """The picture that a target drew, with its place among the pages' pictures."""
    drawn = root / FOLDER / f"{name}.svg"
    place = root / "docs" / "images" / f"{name.removeprefix('bench-')}.svg"
    return {place: drawn.read_text("utf-8")} if drawn.is_file() else {}


def write(page: Path, text: str) -> None:
    """Writes a page, whole or not at all."""
    handle, part = tempfile.mkstemp(dir=page.parent, prefix=f".{page.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(part).chmod(page.stat().st_mode if page.exists() else 0o644)
        Path(part).replace(page)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def measured(name: str, root: Path = ROOT) -> str:
    """What a target writes, measured now. Raises NoFigures where it fails."""
    place = root / FOLDER / f"{name}.md"
    place.parent.mkdir(exist_ok=True)
    for earlier in (place, place.with_suffix(".svg")):
        earlier.unlink(missing_ok=True)
    done = subprocess.run(["make", name, f"FIGURES={FOLDER}"], check=False, cwd=root)
    if done.returncode:
        raise NoFigures(f"make {name} left with {done.returncode}; no page was changed")
    return place.read_text("utf-8") if place.is_file() else ""


def main(asked: Iterable[str], root: Path = ROOT, measure: Callable[[str, Path], str] = measured) -> None:
    """Measures what is asked for, one after the other; the first that fails ends it, and what was written stays."""
    known = targets(pages(root))
    wanted = list(asked) or known
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"no page has a table of {unknown[0]}; there are: {', '.join(known)}")
    for name in wanted:
        try:
            new = {**renewed(pages(root), name, measure(name, root)), **pictures(root, name)}
        except NoFigures as error:
            sys.exit(str(error))
        for page, text in new.items():
            write(page, text)
        print(f"{name}: {', '.join(str(page.relative_to(root)) for page in new) or 'as the pages have it'}")


if __name__ == "__main__":
    main(sys.argv[1:])
