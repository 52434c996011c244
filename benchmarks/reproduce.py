"""Published figures of BM25 and MiniLM on the collections here, beside ours: python -m benchmarks.reproduce --check.

Encoding takes minutes. The bars: BM25 within .0001, MiniLM within .001.
"""

import argparse
import tempfile
from pathlib import Path

from benchmarks.command import markdown
from rankify.catalog.published import system
from rankify.experiment.execute import execute
from rankify.experiment.figures import EQUAL, WITHIN
from rankify.experiment.reproduction import Reproduction

SYSTEMS = ("bm25-flat", "bm25-multifield", "minilm")
COLLECTIONS = ("nfcorpus", "scifact")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    parser.add_argument("--data", type=Path, default=DATA, help="where the collections lie")
    parser.add_argument("--markdown", type=Path, help="a file with the table")
    parser.add_argument("--check", action="store_true", help="fail where a figure is not reached")
    asked = parser.parse_args()
    made = Reproduction.of("beir", [system("beir", name) for name in asked.systems], COLLECTIONS, data=asked.data)
    with tempfile.TemporaryDirectory() as folder:
        [experiment] = made.experiments()
        figures = made.figures(execute(experiment, Path(folder)).means())
    table = markdown(lines(figures))
    print(table, end="")
    if asked.markdown:
        asked.markdown.write_text(table, encoding="utf-8")
    if asked.check:
        assert {one.verdict for one in figures if one.published is not None} <= {EQUAL, WITHIN}


HEAD = ["system", "collection", "measure", "ours", "published", "difference", "within", "verdict"]


def lines(figures):
    """The lines of a Markdown table."""
    rows = [HEAD, ["---"] * 3 + ["---:"] * 4 + ["---"]]
    for one in figures:
        values = one.written(one.ours), one.written(one.published), one.written(one.difference, "+")
        rows.append([one.system, one.collection, one.measure, *values, f"{one.tolerance:g}", one.verdict])
    return rows


if __name__ == "__main__":
    main()
