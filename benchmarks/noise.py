"""How LLM rerankers stand up to a judge that is wrong: nDCG@10 on TREC DL 2019's BM25 candidates, without a model.

    python -m benchmarks.noise [--plot FILE.svg] [--markdown FILE.md] [--json]

The judge knows the relevance judgments (`simulated`). A share of its answers is wrong, or it favours what is shown
first. Calls and words are those of the perfect judge, for a query with 100 documents.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import markdown, tabled
from benchmarks.systems import made, systems

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "dl19-bm25"
JUDGES: dict[str, dict[str, float]] = {
    "perfect": {},
    "10% wrong": {"wrong": 0.1},
    "30% wrong": {"wrong": 0.3},
    "half by position": {"position_bias": 0.5},
}


def main() -> int:
    parser = tabled(__doc__)
    parser.add_argument("--plot", type=Path, help="an SVG file")
    options = parser.parse_args()
    if not DATA.is_dir():
        print(f"needs the research data in {DATA}", file=sys.stderr)
        return 1
    before, rows = measured()
    if options.plot:
        plotted(before, rows, options.plot)
    if options.markdown:
        options.markdown.write_text(markdown(lines(rows)), encoding="utf-8")
    if options.json:
        print(json.dumps({"first stage": before, "systems": rows}))
    else:
        shown(before, rows)
    return 0


def measured() -> tuple[float, list[dict[str, Any]]]:
    """nDCG@10 of the candidates as they are, and a row for every reranker."""
    import rankify
    from rankify.io.trec import read_run

    data = rankify.dataset(str(DATA))
    run = read_run(DATA / "run.bm25.top100.trec", queries=data.queries, corpus=data.corpus)
    before = rankify.evaluate(run, data.qrels, "nDCG@10")["nDCG@10"]
    return before, [row(spec, run, data.qrels) for spec in systems()]


def row(spec: str, run: Any, qrels: Any) -> dict[str, Any]:
    """A reranker's nDCG@10 under each judge, and what the perfect one took for a query."""
    import rankify
    from rankify.llm.simulated import Simulated

    found: dict[str, Any] = {"algorithm": spec}
    start = time.perf_counter()
    for judge, wrong in JUDGES.items():
        reranked = made(spec, Simulated(qrels, **wrong))(run)
        if judge == "perfect":
            counts = reranked.reports[-1].counts
            found |= {"calls": counts["asked"] / len(run), "words": counts["prompt_tokens"] / len(run)}
        found[judge] = rankify.evaluate(reranked, qrels, "nDCG@10")["nDCG@10"]
    print(f"{spec}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return found


def cells(one: dict[str, Any]) -> list[str]:
    return [f"{one['calls']:,.0f}", f"{one['words']:,.0f}", *(f"{one[judge]:.3f}"[1:] for judge in JUDGES)]


def lines(rows: list[dict[str, Any]]) -> list[list[str]]:
    head = ["algorithm", "calls", "words", *JUDGES]
    return [head, ["---", *["---:"] * (len(head) - 1)], *([f"`{r['algorithm']}`", *cells(r)] for r in rows)]


def shown(before: float, rows: list[dict[str, Any]]) -> None:
    console = Console(width=max(110, Console().width))
    table = Table(title=f"nDCG@10 by judge; the first stage has {before:.4f}")
    for name in ("algorithm", "calls", "words", *JUDGES):
        table.add_column(name, justify="left" if name == "algorithm" else "right")
    for one in rows:
        table.add_row(one["algorithm"], *cells(one))
    console.print(table)


def plotted(before: float, rows: list[dict[str, Any]], path: Path) -> None:
    """One line an algorithm, one dot a judge; readable on light and dark pages."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    grey = "#7a7a7a"
    rows = sorted(rows, key=lambda r: r["30% wrong"])
    colours = dict(zip(JUDGES, ("#3b8ee0", "#2fa37c", "#e0862f", "#b85fc9"), strict=True))
    markers = dict(zip(JUDGES, "osD^", strict=True))
    with plt.rc_context({"svg.hashsalt": "noise", "text.color": grey, "axes.labelcolor": grey, "font.size": 9}):
        figure, axes = plt.subplots(figsize=(7.5, 0.26 * len(rows) + 1.4))
        for place, one in enumerate(rows):
            values = [one[judge] for judge in JUDGES]
            axes.plot([min(values), max(values)], [place, place], color=grey, linewidth=0.6, zorder=1)
            for judge in JUDGES:
                label = judge if place == 0 else None
                axes.scatter(
                    one[judge], place, color=colours[judge], marker=markers[judge], s=22, zorder=2, label=label
                )
        axes.axvline(before, color=grey, linestyle=":", linewidth=1)
        axes.text(before, len(rows) - 0.3, "first stage", ha="center", va="bottom", fontsize=8)
        axes.set_yticks(range(len(rows)), [one["algorithm"] for one in rows])
        axes.set_xlabel("nDCG@10, TREC DL 2019, 100 BM25 candidates")
        axes.tick_params(colors=grey)
        for side in axes.spines.values():
            side.set_color(grey)
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.4, -0.75 / (0.26 * len(rows) + 1.4)), ncols=4)
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
