"""Tournaments, pivots and budgets: calls, rounds and nDCG@10 on TREC DL 2019's BM25 candidates, without a model.

    python -m benchmarks.adaptive [--only SPEC ...] [--markdown FILE.md] [--json]

The judge knows the relevance judgments (`simulated`): a perfect one, and one whose errors have the size of a grade
(`noise=1`). Calls are those of the perfect judge for a query; a round is a batch of questions none of which needs the
answer of another, and the most of all queries count.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.command import markdown, tabled
from benchmarks.systems import made
from rankify.llm.protocol import MaxTokens, Prompt, Reply
from rankify.llm.simulated import Simulated

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25"
SPECS = (
    "rankgpt", "rankgpt?shuffles=5", "rankgpt?shuffles=20", "tdpart", "tdpart?budget=20", "tourrank?tournaments=1",
    "tourrank?tournaments=2", "tourrank",
)  # fmt: skip
HEAD = ["", "calls", "rounds", "nDCG@10, perfect", "nDCG@10, noisy"]


class Counting(Simulated):
    """Counts the batches that it is asked: all queries go from round to round together."""

    rounds = 0

    def generate(self, prompts: Sequence[Prompt], *, max_tokens: MaxTokens, sampling: Any = None) -> list[Reply[str]]:
        self.rounds += 1
        return super().generate(prompts, max_tokens=max_tokens, sampling=sampling)


def main() -> int:
    parser = tabled(__doc__)
    parser.add_argument("--only", nargs="+", default=SPECS, help="these rerankers")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    rows = measured(options.only)
    table = markdown(lines(rows))
    if options.markdown:
        options.markdown.write_text(table, encoding="utf-8")
    print(json.dumps({"systems": rows}) if options.json else table.rstrip())
    return 0


def measured(specs: Sequence[str]) -> list[dict[str, Any]]:
    """A row for every reranker."""
    import rankify
    from rankify.io.trec import read_run

    data = rankify.dataset(str(DATA))
    run = read_run(DATA / "run.bm25.top100.trec", queries=data.queries, corpus=data.corpus)
    return [row(spec, run, data.qrels) for spec in specs]


def row(spec: str, run: Any, qrels: Any) -> dict[str, Any]:
    """What a reranker takes, and its nDCG@10 under each judge."""
    import rankify

    perfect = Counting(qrels)
    found, noisy = made(spec, perfect)(run), made(spec, Simulated(qrels, noise=1.0))(run)
    reached, kept = (rankify.evaluate(ranked, qrels, "nDCG@10")["nDCG@10"] for ranked in (found, noisy))
    calls = found.reports[-1].counts["asked"] / len(run)
    return {"system": spec, "calls": calls, "rounds": perfect.rounds, "perfect": reached, "noisy": kept}


def lines(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The lines of a Markdown table."""
    return [HEAD, ["---", *["---:"] * (len(HEAD) - 1)], *map(cells, rows)]


def cells(one: dict[str, Any]) -> list[str]:
    values = [f"{one[judge]:.3f}".removeprefix("0") for judge in ("perfect", "noisy")]
    return [f"`{one['system']}`", f"{one['calls']:.1f}".removesuffix(".0"), str(one["rounds"]), *values]


if __name__ == "__main__":
    sys.exit(main())
