"""Measures the figures of the documentation anew: python scripts/figures.py [bench-reproduce ...], or make figures.

Every benchmark that a page names is run through make. What it prints is kept in figures/NAME.txt, and where a page has
the benchmark's tables between `<!-- NAME -->` and `<!-- /NAME -->`, they are replaced by those that were printed. Other
pages hold a selection, which is compared with the kept text by eye. All of them take hours; name those that are wanted.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"make (bench-[a-z-]+)")


def pages() -> list[Path]:
    """The pages that may hold figures."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def benchmarks() -> dict[str, list[Path]]:
    """Every benchmark that a page names or has the tables of, with these pages."""
    found: dict[str, list[Path]] = {}
    for page in pages():
        text = page.read_text("utf-8")
        for name in sorted({*NAMED.findall(text), *re.findall(r"<!-- (bench-[a-z-]+) -->", text)}):
            found.setdefault(name, []).append(page)
    return found


def tables(printed: str) -> str:
    """The Markdown tables in what a benchmark printed, with a blank line between.

    >>> tables("took 3 s\\n| a |\\n|---|\\n| 1 |\\ndone\\n| b |\\n|---|")
    '| a |\\n|---|\\n| 1 |\\n\\n| b |\\n|---|'
    """
    return "\n\n".join(block.strip("\n") for block in re.findall(r"(?:^\|.*\n?)+", printed, re.MULTILINE))


def replaced(text: str, name: str, made: str) -> str:
    """A page with other tables of a benchmark; a page without a place for them stays as it is.

    >>> replaced("a\\n<!-- bench-x -->\\nold\\n<!-- /bench-x -->\\nb", "bench-x", "| new |")
    'a\\n<!-- bench-x -->\\n\\n| new |\\n\\n<!-- /bench-x -->\\nb'
    """
    place = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return place.sub(lambda found: f"{found[1]}\n{made}\n\n{found[2]}", text)


def main() -> None:
    """Runs what is asked for, one after the other; a benchmark that fails ends it with its exit code."""
    known = benchmarks()
    asked = sys.argv[1:] or list(known)
    if unknown := [name for name in asked if name not in known]:
        sys.exit(f"no page names {unknown[0]}; there are: {', '.join(known)}")
    for name in asked:
        done = subprocess.run(["make", name], check=False, cwd=ROOT, capture_output=True, text=True)
        (ROOT / "figures").mkdir(exist_ok=True)
        (ROOT / "figures" / f"{name}.txt").write_text(done.stdout, "utf-8")
        if done.returncode:
            sys.exit(f"make {name} failed ({done.returncode}): {done.stderr[-300:]}")
        for page in known[name]:
            page.write_text(replaced(page.read_text("utf-8"), name, tables(done.stdout)), "utf-8")
        print(f"{name}: figures/{name}.txt, {', '.join(page.name for page in known[name])}")


if __name__ == "__main__":
    main()
