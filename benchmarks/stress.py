"""What perturbed queries and documents cost BM25 and a reranker on SciFact: the two tables of docs/robustness.md.

    python -m benchmarks.stress [--only bm25|reranker] [--markdown FILE.md]

BM25 with 3 seeds takes a minute or two; MiniLM encodes BM25's best 20 of each query anew for each attack.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import rankify
from benchmarks.command import MODEL, markdown
from rankify.experiment.stress import stress
from rankify.experiment.stress.outcome import ORIGINAL, Outcome

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "scifact"
TYPOS = " ".join(f"typos:{kind}?words=1" for kind in ("swap", "delete", "insert", "replace", "repeat"))
PIPELINES = {"bm25": "bm25 % 1000", "reranker": f"bm25 % 20 >> embedding:{MODEL}"}
PERTURBATIONS = {
    "bm25": f"typos typos?rate=0.3 {TYPOS} case:random stopwords order:shuffle",
    "reranker": "typos order:shuffle inject:query inject:ignore",
}
SEEDS = {"bm25": 3, "reranker": 1}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=list(PIPELINES), choices=list(PIPELINES))
    parser.add_argument("--markdown", type=Path, help="a file with the tables")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    written = "\n".join(markdown(LINES[name](outcome(name))) for name in options.only)
    if options.markdown:
        options.markdown.write_text(written, encoding="utf-8")
    print(written, end="")
    return 0


def outcome(name: str) -> Outcome:
    """What a pipeline found under stress."""
    with tempfile.TemporaryDirectory() as folder:
        return stress(
            PIPELINES[name], rankify.dataset(str(DATA)), PERTURBATIONS[name], folder=folder, seeds=SEEDS[name],
            measures="nDCG@10 R@100",
        )  # fmt: skip


def searched(found: Outcome) -> list[list[str]]:
    """Both measures, and the worst tenth of the queries by recall."""
    head = ["perturbation", "nDCG@10", "rate", "variance", "R@100", "rate", "worst 10%"]
    rows = [
        [named(ndcg), mean(found, ndcg), rate(ndcg), variance(ndcg), mean(found, recall), rate(recall),
         short(recall.worst)]
        for ndcg, recall in zip(found.rows("nDCG@10"), found.rows("R@100"), strict=True)
    ]  # fmt: skip
    return [head, ["---", *["---:"] * (len(head) - 1)], *rows]


def reranked(found: Outcome) -> list[list[str]]:
    """nDCG@10, and what attacks reached."""
    head = ["perturbation", "nDCG@10", "rate", "variance", "success@10", "rank change"]
    rows = []
    for row in found.rows("nDCG@10"):
        attack = found.attacks.get(row.perturbation)
        reached = [f"{100 * attack.rate:.1f}%", f"{attack.rank_change:+.1f}"] if attack else ["", ""]
        rows.append([named(row), mean(found, row), rate(row), variance(row), *reached])
    return [head, ["---", *["---:"] * (len(head) - 1)], *rows]


LINES = {"bm25": searched, "reranker": reranked}


def named(row: Any) -> str:
    return row.perturbation if row.perturbation == ORIGINAL else f"`{row.perturbation}`"


def mean(found: Outcome, row: Any) -> str:
    """A mean with its mark of significance."""
    marks = found.comparison.marks(row.perturbation, row.measure) if found.comparison else ""
    return short(row.mean) + ("" if row.perturbation == ORIGINAL else marks)


def rate(row: Any) -> str:
    if row.perturbation == ORIGINAL or row.drop_rate is None:
        return ""
    return f"{100 * row.drop_rate:+.1f}%" if row.drop else "0"


def variance(row: Any) -> str:
    if row.perturbation == ORIGINAL:
        return ""
    return short(row.variance) if row.variance else "0"


def short(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


if __name__ == "__main__":
    sys.exit(main())
