"""The table of the README from those of the pages; nothing is measured.

    python -m benchmarks.readme [--markdown FILE.md]

Each figure is read where it stands, so that the README says what the pages say.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.command import MODEL, ROOT, markdown

COLLECTIONS = {"nfcorpus": "NFCorpus", "scifact": "SciFact"}
MEASURES = ("nDCG@10", "R@100")
HEAD = ["", *(f"{name}, {measure}" for name in COLLECTIONS.values() for measure in MEASURES), "published"]
OTHERS = {  # what has no published figures: its page, and its name there
    "`weighted` of both, tuned on the training queries ([hybrid](docs/hybrid.md))": ("hybrid.md", "weighted, tuned"),
    "`late-interaction` with the same model ([late interaction](docs/late-interaction.md))":
        ("late-interaction.md", "late interaction"),
}  # fmt: skip
TIES = "[trec_eval's order of ties](docs/decisions/ties.md)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    options = parser.parse_args()
    table = markdown(lines())
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")
    print(table, end="")
    return 0


def rows(page: str) -> list[dict[str, str]]:
    """The rows of every table of a page, by the names of their columns."""
    found, head = [], []
    for line in [*(ROOT / "docs" / page).read_text("utf-8").splitlines(), ""]:
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif set(cells[0]) != {"-"}:
            found.append(dict(zip(head, cells, strict=True)))
    return found


def one(page: str, **wanted: str) -> dict[str, str]:
    """The only row of a page with these values."""
    [found] = [row for row in rows(page) if wanted.items() <= row.items()]
    return found


def lines() -> list[list[str]]:
    """The lines of the table."""
    table = [HEAD, ["---", *["---:"] * 4, "---"]]
    for system, spec in (("bm25-flat", "`bm25`"), ("minilm", f"`dense:{MODEL}`")):
        found = [
            one("reproducing.md", system=system, collection=collection, measure=measure)
            for collection in COLLECTIONS for measure in MEASURES
        ]  # fmt: skip
        table.append([spec, *(short(row["ours"]) for row in found), published(found)])
    for name, (page, system) in OTHERS.items():
        there = [one(page, collection=collection, system=system) for collection in COLLECTIONS]
        table.append([name, *(row[measure] for row in there for measure in MEASURES), ""])
    return table


def published(found: list[dict[str, str]]) -> str:
    """What is published where it is not the same."""
    apart = [row for row in found if row["verdict"] != "equal"]
    if not apart:
        return "the same"
    return ", ".join(f"{short(row['published'])} on {COLLECTIONS[row['collection']]} in {TIES}" for row in apart)


def short(number: str) -> str:
    return number.removeprefix("0")


if __name__ == "__main__":
    sys.exit(main())
