"""What benchmarks on the research collections have in common: their options, and what becomes of their rows."""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
MODEL = "sentence-transformers/all-MiniLM-L6-v2"

Row = dict[str, Any]


def tabled(about: str) -> argparse.ArgumentParser:
    """The options of one that makes tables."""
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--markdown", type=Path, help="a file with the table")
    made.add_argument("--json", action="store_true", help="one JSON object on standard output")
    return made


def parser(about: str, *, check: str) -> argparse.ArgumentParser:
    """The options of every one of them.

    Args:
        check: when `--check` leaves with 1.
    """
    made = tabled(about)
    made.add_argument("--collections", nargs="+", default=["scifact", "nfcorpus"])
    made.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality", help="where the vectors are kept")
    made.add_argument("--check", action="store_true", help=f"leave with 1 {check}")
    return made


def peak_memory() -> int:
    """The most bytes that this process has held.

    Linux's `ru_maxrss` would begin with what the process that started this one held; the high-water mark does not.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except FileNotFoundError:
        held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return held if sys.platform == "darwin" else held * 1024
    [mark] = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(mark) * 1024


def markdown(lines: Iterable[list[str]]) -> str:
    """A table of these lines, its head and rule before the others."""
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def vectors(options: argparse.Namespace, collection: str) -> str:
    """The folder in which a collection's vectors are kept."""
    return str(options.folder / collection / MODEL.replace("/", "--"))


def reported(
    options: argparse.Namespace, measured: Callable[[str, argparse.Namespace], Iterable[Row]], *,
    shown: Callable[[list[Row]], None], lines: Callable[[list[Row]], list[list[str]]],
    missed: Callable[[list[Row]], Iterable[str]],
) -> int:  # fmt: skip
    """Measures every collection and reports; the exit code.

    Args:
        measured: the rows of a collection.
        shown: shows them in a terminal.
        lines: the lines of a Markdown table, its head and rule before the others.
        missed: what is not as it should be, a line each.
    """
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    rows = [row for name in options.collections for row in measured(name, options)]
    if options.markdown:
        options.markdown.write_text(markdown(lines(rows)), encoding="utf-8")
    print(json.dumps({"results": rows})) if options.json else shown(rows)
    wrong = list(missed(rows))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if options.check and wrong else 0
